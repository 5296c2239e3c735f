/* SPDX-License-Identifier: Apache-2.0 */
/* The elements and their places: Microsoft's unattended setup reference, components
 * Microsoft-Windows-International-Core, -Shell-Setup and -Deployment. */
#include "sysprep/answer.h"

#include <errno.h>
#include <string.h>

#include "answer-priv.h"

#define TAG_MAX 85U /* a locale name of Windows */

static const char *const locale_names[] = { "InputLocale", "SystemLocale", "UILanguage",
                                            "UserLocale" };

struct xml_node *answer_component_next(const struct xmlfile *f, const struct xml_node *c,
                                       const char *pass, const char *name)
{
    struct xml_node *s = c ? c->parent : xml_child(f->xml->root, "settings");
    struct xml_node *n = c ? xml_next_named(c, "component") : s ? xml_child(s, "component") : NULL;

    while (s) {
        if (str_eq(xml_attr(s, "pass"), pass))
            for (; n; n = xml_next_named(n, "component"))
                if (!name || str_eq(xml_attr(n, "name"), name))
                    return n;
        s = xml_next_named(s, "settings");
        n = s ? xml_child(s, "component") : NULL;
    }
    return NULL;
}

static bool tag_is_sane(const char *tag)
{
    size_t n = strlen(tag);

    return n > 1 && n <= TAG_MAX &&
           strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == n;
}

/* 1 changed, 0 left as it is. */
static int set_one_locale(struct xmlfile *f, struct xml_node *n, const char *tag, bool only_empty,
                          struct err *e)
{
    _cleanup_free_ char *now = xml_text(n);
    int r;

    if (!now)
        return err_oom(e);
    if (str_eq(now, tag) || (only_empty && *now))
        return 0;
    r = xml_set_text(f->xml, n, tag, e);
    return r < 0 ? r : 1;
}

int answer_set_locale(struct xmlfile *f, const char *tag, bool only_empty, struct err *e)
{
    int changed = 0;

    if (!tag_is_sane(tag))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is not the name of a locale", tag);
    for (struct xml_node *c = NULL;
         (c = answer_component_next(f, c, "oobeSystem", ANSWER_INTERNATIONAL));)
        for (size_t i = 0; i < ARRAY_LEN(locale_names); i++) {
            struct xml_node *n = xml_child(c, locale_names[i]);
            int r = n ? set_one_locale(f, n, tag, only_empty, e) : 0;
            if (r < 0)
                return r;
            changed += r;
        }
    return changed;
}

static struct xml_node *password_of(const struct xml_node *component)
{
    const struct xml_node *accounts = xml_child(component, "UserAccounts");

    return accounts ? xml_child(accounts, "AdministratorPassword") : NULL;
}

bool answer_has_password(const struct xmlfile *f)
{
    for (struct xml_node *c = NULL;
         (c = answer_component_next(f, c, "oobeSystem", ANSWER_SHELL));) {
        const struct xml_node *p = password_of(c);
        const struct xml_node *v = p ? xml_child(p, "Value") : NULL;
        _cleanup_free_ char *text = v ? xml_text(v) : NULL;
        bool found = text && *text; /* a comment is none */
        if (text)
            mem_wipe(text, strlen(text));
        if (found)
            return true;
    }
    return false;
}

int answer_get_password(const struct xmlfile *f, char **ret, struct err *e)
{
    for (struct xml_node *c = NULL;
         (c = answer_component_next(f, c, "oobeSystem", ANSWER_SHELL));) {
        const struct xml_node *p = password_of(c);
        const struct xml_node *value = p ? xml_child(p, "Value") : NULL;
        const struct xml_node *plain = p ? xml_child(p, "PlainText") : NULL;
        _cleanup_free_ char *is_plain = plain ? xml_text(plain) : NULL;
        if (!value || !is_plain || !str_eq_nocase(is_plain, "true"))
            continue;
        *ret = xml_text(value);
        return *ret ? 1 : err_oom(e);
    }
    return 0;
}

/* The child of that name, made when it is missing. */
static int want_child(struct xmlfile *f, struct xml_node *parent, const char *name,
                      struct xml_node **ret, struct err *e)
{
    struct xml_node *n = xml_child(parent, name);

    if (!n)
        return xml_add_child(f->xml, parent, name, NULL, ret, e);
    *ret = n;
    return 0;
}

static int set_child(struct xmlfile *f, struct xml_node *parent, const char *name, const char *text,
                     struct err *e)
{
    struct xml_node *n = xml_child(parent, name);

    return n ? xml_set_text(f->xml, n, text, e)
             : xml_add_child(f->xml, parent, name, text, NULL, e);
}

static int set_password_in(struct xmlfile *f, struct xml_node *component, const char *password,
                           struct err *e)
{
    struct xml_node *accounts = NULL, *p = NULL;
    int r;

    r = want_child(f, component, "UserAccounts", &accounts, e);
    if (r == 0)
        r = want_child(f, accounts, "AdministratorPassword", &p, e);
    if (r == 0)
        r = set_child(f, p, "Value", password, e);
    return r < 0 ? r : set_child(f, p, "PlainText", "true", e);
}

int answer_set_password(struct xmlfile *f, const char *password, struct err *e)
{
    struct xml_node *c = answer_component_next(f, NULL, "oobeSystem", ANSWER_SHELL);

    if (!c)
        return err_set(e, EINVAL, ERR_INVALID,
                       "%s: no component '" ANSWER_SHELL "' in pass 'oobeSystem' for the password",
                       f->xml->file);
    for (; c; c = answer_component_next(f, c, "oobeSystem", ANSWER_SHELL)) {
        int r = set_password_in(f, c, password, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int answer_remove_password(struct xmlfile *f)
{
    int removed = 0;

    for (struct xml_node *c = NULL;
         (c = answer_component_next(f, c, "oobeSystem", ANSWER_SHELL));) {
        struct xml_node *p = password_of(c), *accounts = p ? p->parent : NULL;
        if (!p)
            continue;
        xml_remove(f->xml, p);
        if (!xml_first_element(accounts))
            xml_remove(f->xml, accounts);
        removed = 1;
    }
    return removed;
}

bool answer_opens_rdp(const struct xmlfile *f)
{
    struct xml_node *c = NULL;

    if (answer_command(f, "SysprepSpecialize") || answer_command(f, "fDenyTSConnections"))
        return true;
    while ((c = answer_component_next(f, c, "specialize", ANSWER_SESSIONS))) {
        struct xml_node *n = xml_child(c, "fDenyTSConnections");
        _cleanup_free_ char *text = n ? xml_text(n) : NULL;
        if (text && str_eq_nocase(text, "false"))
            return true;
    }
    return false;
}
