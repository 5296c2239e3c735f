/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an answer file asks for, as plain values. */
#include "answer-priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "parse.h"
#include "utf16.h"

struct reader {
    struct answer_settings *s;
    bool failed; /* memory */
};

static const char *const locale_names[ANSWER_LOCALES] = {
    [LOCALE_INPUT] = "InputLocale",
    [LOCALE_SYSTEM] = "SystemLocale",
    [LOCALE_UI] = "UILanguage",
    [LOCALE_USER] = "UserLocale",
};

/* A child's text into *dst, when there is one and it is not empty. */
static void take_text(struct reader *r, const xmlNode *parent, const char *name, char **dst)
{
    const xmlNode *n = answer_child(parent, name);
    char *v = n ? answer_text(n) : NULL;

    if (n && !v)
        r->failed = true;
    if (!v || !*v) {
        free(v);
        return;
    }
    free(*dst);
    *dst = v;
}

static void take_flag(struct reader *r, const xmlNode *parent, const char *name,
                      enum answer_flag *dst)
{
    _cleanup_free_ char *v = NULL;

    take_text(r, parent, name, &v);
    if (v && (strcasecmp(v, "true") == 0 || strcmp(v, "1") == 0))
        *dst = ANSWER_TRUE;
    else if (v)
        *dst = ANSWER_FALSE;
}

/* Hidden passwords are base64 of the UTF-16 text with the name of the element behind it. */
static char *unhide(const char *value, const char *suffix)
{
    _cleanup_free_ void *raw = NULL;
    char *text = NULL;
    size_t n, k, s = strlen(suffix);

    if (base64_decode(value, &raw, &n) < 0)
        return NULL;
    text = utf16_to_utf8(raw, n);
    k = text ? strlen(text) : 0;
    if (text && (k < s || strcmp(text + k - s, suffix) != 0)) {
        free(text);
        return NULL;
    }
    if (text)
        text[k - s] = '\0';
    return text;
}

static void take_password(struct reader *r, const xmlNode *parent, const char *name, char **dst,
                          bool *ret_scrubbed)
{
    const xmlNode *p = answer_child(parent, name);
    _cleanup_free_ char *value = NULL, *plain = NULL;
    const xmlNode *v = p ? answer_child(p, "Value") : NULL;
    char *clear = NULL;

    if (!p)
        return;
    /* An empty value is an empty password. */
    value = v ? answer_text(v) : answer_text(p);
    take_text(r, p, "PlainText", &plain);
    if (!value) {
        r->failed = true;
        return;
    }
    if (strcmp(value, "*SENSITIVE*DATA*DELETED*") == 0) {
        *ret_scrubbed = true;
        return;
    }
    if (plain && (strcasecmp(plain, "false") == 0 || strcmp(plain, "0") == 0))
        clear = unhide(value, name);
    else
        clear = TAKE_PTR(value);
    free(*dst);
    *dst = clear;
}

static void *grow(struct reader *r, void *list, size_t n, size_t size)
{
    void *p = n < ANSWER_LIST_MAX ? realloc(list, (n + 1) * size) : NULL;

    if (!p && n < ANSWER_LIST_MAX)
        r->failed = true;
    else if (p)
        memset((char *)p + n * size, 0, size);
    return p;
}

static int by_order(const void *a, const void *b)
{
    uint64_t x = ((const struct answer_command *)a)->order;
    uint64_t y = ((const struct answer_command *)b)->order;

    return x < y ? -1 : x > y;
}

static void take_commands(struct reader *r, const xmlNode *list, const char *path_name,
                          struct answer_command **v, size_t *n)
{
    for (const xmlNode *k = list ? answer_first(list) : NULL; k; k = answer_next(k)) {
        _cleanup_free_ char *order = NULL;
        struct answer_command *c = grow(r, *v, *n, sizeof *c);
        uint64_t number = ANSWER_LIST_MAX;

        if (!c)
            return;
        *v = c;
        c += *n;
        take_text(r, k, path_name, &c->path);
        take_text(r, k, "Order", &order);
        if (order && parse_u64(order, 0, ANSWER_LIST_MAX, &number) < 0)
            number = ANSWER_LIST_MAX;
        c->order = number;
        if (c->path)
            ++*n;
    }
    if (*n)
        qsort(*v, *n, sizeof **v, by_order);
}

static void take_accounts(struct reader *r, const xmlNode *list)
{
    struct answer_settings *s = r->s;

    for (const xmlNode *k = list ? answer_first(list) : NULL; k; k = answer_next(k)) {
        struct answer_account *a = grow(r, s->accounts, s->n_accounts, sizeof *a);

        if (!a)
            return;
        s->accounts = a;
        a += s->n_accounts++;
        take_text(r, k, "Name", &a->name);
        take_text(r, k, "Group", &a->group);
        take_text(r, k, "DisplayName", &a->display);
        take_text(r, k, "Description", &a->description);
        take_password(r, k, "Password", &a->password, &a->password_scrubbed);
    }
}

/* ---- what nobody reads ----------------------------------------------------------------------- */

/* The pages of OOBE belong to a Setup that runs. */
static const struct {
    const char *component, *names;
} is_read[] = {
    { SHELL_SETUP, "|ComputerName|CopyProfile|TimeZone|RegisteredOrganization|RegisteredOwner|"
                   "ProductKey|FirstLogonCommands|UserAccounts|OOBE|" },
    { DEPLOYMENT, "|RunSynchronous|" },
    { INTERNATIONAL, "|InputLocale|SystemLocale|UILanguage|UILanguageFallback|UserLocale|" },
    { TERMINAL, "|fDenyTSConnections|" },
    { FIREWALL, "|FirewallGroups|" },
    { SRV_MGR, "|DoNotOpenServerManagerAtLogon|" },
};

static void take_rest(struct reader *r, const char *component, const char *name)
{
    struct answer_settings *s = r->s;
    char **v = grow(r, s->rest, s->n_rest, sizeof *v);

    if (!v)
        return;
    s->rest = v;
    if (asprintf(&v[s->n_rest], "%s/%s", component, name) < 0)
        r->failed = true;
    else
        s->n_rest++;
}

static bool is_among(const char *names, const char *name)
{
    char word[ANSWER_PATH_MAX];

    (void)snprintf(word, sizeof word, "|%s|", name);
    return strstr(names, word);
}

static void note_rest(struct reader *r, const xmlNode *n, const char *component)
{
    const char *names = "";

    for (size_t i = 0; i < ARRAY_LEN(is_read); i++)
        if (strcmp(is_read[i].component, component) == 0)
            names = is_read[i].names;
    for (const xmlNode *k = answer_first(n); k; k = answer_next(k))
        if (!is_among(names, answer_name(k)))
            take_rest(r, component, answer_name(k));
}

/* ---- components ------------------------------------------------------------------------------ */

static void read_users(struct reader *r, const xmlNode *users)
{
    struct answer_settings *s = r->s;

    take_password(r, users, "AdministratorPassword", &s->admin_password,
                  &s->admin_password_scrubbed);
    take_accounts(r, answer_child(users, "LocalAccounts"));
    for (const xmlNode *k = answer_first(users); k; k = answer_next(k))
        if (!is_among("|AdministratorPassword|LocalAccounts|", answer_name(k)))
            take_rest(r, SHELL_SETUP "/UserAccounts", answer_name(k));
}

static void read_shell(struct reader *r, const xmlNode *n)
{
    struct answer_settings *s = r->s;
    const xmlNode *users = answer_child(n, "UserAccounts");

    take_text(r, n, "ComputerName", &s->computer_name);
    take_flag(r, n, "CopyProfile", &s->copy_profile);
    take_text(r, n, "TimeZone", &s->time_zone);
    take_text(r, n, "RegisteredOrganization", &s->organization);
    take_text(r, n, "RegisteredOwner", &s->owner);
    take_text(r, n, "ProductKey", &s->product_key);
    take_commands(r, answer_child(n, "FirstLogonCommands"), "CommandLine", &s->logon_commands,
                  &s->n_logon_commands);
    if (users)
        read_users(r, users);
}

static void read_firewall(struct reader *r, const xmlNode *n)
{
    const xmlNode *groups = answer_child(n, "FirewallGroups");

    for (const xmlNode *k = groups ? answer_first(groups) : NULL; k; k = answer_next(k)) {
        _cleanup_free_ char *group = NULL;

        take_text(r, k, "Group", &group);
        /* By its name, or by the resource that names it in every language. */
        if (group && (strcasecmp(group, "Remote Desktop") == 0 ||
                      strcasecmp(group, "@FirewallAPI.dll,-28752") == 0))
            take_flag(r, k, "Active", &r->s->rdp_firewall);
        else if (group)
            take_rest(r, FIREWALL "/FirewallGroups", group);
    }
}

static void read_component(struct reader *r, const xmlNode *n, const char *name)
{
    struct answer_settings *s = r->s;

    note_rest(r, n, name);
    if (strcmp(name, SHELL_SETUP) == 0)
        read_shell(r, n);
    else if (strcmp(name, DEPLOYMENT) == 0)
        take_commands(r, answer_child(n, "RunSynchronous"), "Path", &s->specialize_commands,
                      &s->n_specialize_commands);
    else if (strcmp(name, INTERNATIONAL) == 0)
        for (unsigned i = 0; i < ANSWER_LOCALES; i++)
            take_text(r, n, locale_names[i], &s->locales[i]);
    else if (strcmp(name, TERMINAL) == 0)
        take_flag(r, n, "fDenyTSConnections", &s->deny_rdp);
    else if (strcmp(name, FIREWALL) == 0)
        read_firewall(r, n);
    else if (strcmp(name, SRV_MGR) == 0)
        take_flag(r, n, "DoNotOpenServerManagerAtLogon", &s->no_server_manager);
}

static void read_generalize(struct reader *r, const xmlNode *n, const char *name)
{
    if (strcmp(name, PNP_SYSPREP) == 0) {
        take_flag(r, n, "PersistAllDeviceInstalls", &r->s->persist_devices);
        take_flag(r, n, "DoNotCleanUpNonPresentDevices", &r->s->keep_absent_devices);
    }
}

/* One architecture is read: a file repeats its components for others. */
static bool first_of_its_name(const xmlNode *c, const char *name)
{
    for (const xmlNode *k = answer_first(c->parent); k && k != c; k = answer_next(k))
        if (answer_attr_is(k, "name", name))
            return false;
    return true;
}

int answer_read(const struct answer *a, struct answer_settings *ret, struct err *e)
{
    static const enum answer_pass passes[] = { PASS_GENERALIZE, PASS_SPECIALIZE, PASS_OOBE_SYSTEM };
    _cleanup_answer_settings_ struct answer_settings s = { 0 };
    struct reader r = { .s = &s };

    for (size_t i = 0; i < ARRAY_LEN(passes); i++)
        for (xmlNode *c = NULL; (c = answer_component(a, c, passes[i], NULL)) != NULL;) {
            xmlChar *name = answer_attr(c, "name");

            if (name && first_of_its_name(c, (const char *)name)) {
                if (passes[i] == PASS_GENERALIZE)
                    read_generalize(&r, c, (const char *)name);
                else
                    read_component(&r, c, (const char *)name);
            }
            xmlFree(name);
        }
    if (r.failed)
        return err_oom(e);
    *ret = s;
    s = (struct answer_settings){ 0 };
    return 0;
}

static void free_secret(char *p)
{
    if (p)
        explicit_bzero(p, strlen(p));
    free(p);
}

void answer_settings_done(struct answer_settings *s)
{
    free(s->computer_name);
    free(s->time_zone);
    free(s->organization);
    free(s->owner);
    free(s->product_key);
    free_secret(s->admin_password);
    for (unsigned i = 0; i < ANSWER_LOCALES; i++)
        free(s->locales[i]);
    for (size_t i = 0; i < s->n_accounts; i++) {
        free(s->accounts[i].name);
        free(s->accounts[i].group);
        free(s->accounts[i].display);
        free(s->accounts[i].description);
        free_secret(s->accounts[i].password);
    }
    for (size_t i = 0; i < s->n_rest; i++)
        free(s->rest[i]);
    free(s->rest);
    free(s->accounts);
    for (size_t i = 0; i < s->n_specialize_commands; i++)
        free(s->specialize_commands[i].path);
    free(s->specialize_commands);
    for (size_t i = 0; i < s->n_logon_commands; i++)
        free(s->logon_commands[i].path);
    free(s->logon_commands);
    *s = (struct answer_settings){ 0 };
}
