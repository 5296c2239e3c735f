/* SPDX-License-Identifier: Apache-2.0 */
/* setAdminAccount and setWallpaper. */
#include <errno.h>
#include <string.h>

#include "v2/run.h"

#define CONFIG_MAX TREE_FILE_MAX

/* The clear text of a static password leaves the settings, whether or not it could be used. */
static int wipe_settings(struct v2_run *run, struct err *e)
{
    struct win *w = run->w;
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, e);
    struct str out = STR_INIT(CONFIG_MAX);
    char *bytes = NULL;
    size_t n = 0;
    int r;

    if (!path)
        return -e->no;
    r = w->file_read(w, path, CONFIG_MAX, &bytes, &n, e);
    if (r == 0)
        r = v2_config_wipe_password(V2_CONFIG_NAME, bytes, n, &out, e);
    if (r == 1)
        r = w->file_write(w, path, out.p, out.len, e);
    if (bytes)
        mem_wipe(bytes, n);
    free(bytes);
    str_wipe(&out);
    return r < 0 ? err_wrap(e, "remove the clear text from %s", V2_CONFIG_NAME) : 0;
}

/* A password that `internal encrypt-password` has sealed for this machine. */
static int open_sealed(struct win *w, const char *data, char ret[PASSWORD_MAX + 1], struct err *e)
{
    uint8_t *sealed = NULL;
    void *clear = NULL;
    size_t sealed_n, n = 0;
    int r;

    if (base64_decode(data, strlen(data), &sealed, &sealed_n) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "'data' is no base64");
    r = w->unprotect(w, sealed, sealed_n, &clear, &n, e);
    free(sealed);
    if (r < 0)
        return err_wrap(e, "open the sealed password");
    if (n > PASSWORD_MAX || memchr(clear, '\0', n))
        r = err_set(e, EINVAL, ERR_INVALID, "the sealed text is no password");
    else
        memcpy(ret, clear, n);
    if (r == 0)
        ret[n] = '\0';
    mem_wipe(clear, n);
    free(clear);
    return r;
}

/* A password of the settings that could not be used; the owner sees it without logging on. */
static void say_invalid(struct v2_run *run, const char *why)
{
    console_say(run->console, "Invalid administrator password");
    log_say(run->log, LOG_WARNING, "Invalid administrator password: %s; a random one is set.", why);
}

static void tell(struct v2_run *run, const struct password_done *done)
{
    if (done->given_refused)
        say_invalid(run, "it does not meet the rules");
    log_say(run->log, LOG_INFO, "Encrypt password.");
    if (done->no_seal.no)
        log_err(run->log, "Encrypt password", &done->no_seal);
    else if (!done->sealed)
        log_say(run->log, LOG_INFO,
                "The instance has no key pair; nobody can fetch the password from outside.");
    if (done->sealed)
        console_say_password(run->console, done->account, done->sealed);
}

/* What the settings give; NULL: a random one. buf belongs to the caller, who wipes it. */
static const char *given(struct v2_run *run, const char *type, const char *data,
                         char buf[PASSWORD_MAX + 1])
{
    struct err why = { 0 };

    if (str_eq(type, "static"))
        return data && *data ? data : NULL;
    if (!str_eq(type, "encrypted"))
        return NULL;
    if (open_sealed(run->w, data ? data : "", buf, &why) == 0)
        return buf;
    say_invalid(run, why.msg);
    return NULL;
}

int v2_set_admin_account(struct v2_job *j, struct err *e)
{
    struct v2_run *run = j->run;
    const struct tree_node *password = tree_get(j->inputs, "password");
    const char *type = v2_text(password, "type"), *data = v2_text(password, "data");
    char clear[PASSWORD_MAX + 1] = "";
    struct password_order order = {
        .account = v2_text(j->inputs, "name"),
        .length = run->d->password_length,
    };
    int r;

    log_say(run->log, LOG_INFO, "Set administrator account.");
    if (str_eq(type, "doNothing"))
        return 0;
    if (order.account && *order.account && !password_account_is_good(order.account))
        console_say(run->console, "Invalid administrator username: %s", order.account);
    order.given = given(run, type, data, clear);
    r = password_apply(run->w, run->has_imds ? run->imds : NULL, &order, &run->admin, e);
    mem_wipe(clear, sizeof clear);
    if (r < 0)
        return r;
    run->has_admin = true;
    tell(run, &run->admin);
    return data && !str_eq(type, "random") ? wipe_settings(run, e) : 0;
}

/* "EC2Launch.exe wallpaper ..." for each logon: arguments of the shortcut. */
static int wallpaper_arguments(const struct tree_node *in, struct str *out, struct err *e)
{
    const struct tree_node *attributes = tree_get(in, "attributes");
    const struct tree_node *tags = tree_get(in, "instanceTags");
    _cleanup_free_ char *path = win_quote(v2_text(in, "path"));

    if (!path)
        return err_oom(e);
    str_addf(out, "wallpaper --path %s", path);
    for (const struct tree_node *a = attributes ? attributes->first : NULL; a; a = a->next)
        str_addf(out, "%s%s", a == attributes->first ? " --attributes=" : ",", a->text);
    if (tags && tags->type == TREE_STRING)
        str_add(out, " --all-tags");
    if (tags && tags->type == TREE_LIST && tags->first) {
        _cleanup_str_ struct str json = STR_INIT(KIB(16));

        str_addc(&json, '[');
        for (const struct tree_node *t = tags->first; t; t = t->next) {
            str_addc(&json, '"');
            str_json(&json, t->text, t->len);
            str_add(&json, t->next ? "\"," : "\"]");
        }
        str_add(out, " --allowed-tags=");
        str_base64(out, str_text(&json), json.len);
    }
    return str_check(out, "the shortcut's arguments", e);
}

/* In a short process of its own, so that this one never loads the shell. */
static int write_shortcuts(struct win *w, const char *arguments, struct err *e)
{
    _cleanup_free_ char *quoted = win_quote(arguments);
    _cleanup_str_ struct str words = STR_INIT(KIB(32));
    int r;

    if (!quoted)
        return err_oom(e);
    str_addf(&words, "internal wallpaper-shortcuts --arguments %s", quoted);
    r = str_check(&words, "the arguments of the shortcuts' program", e);
    return r < 0 ? r : win_start(w, V2_PROGRAM, str_text(&words), true, e);
}

int v2_set_wallpaper(struct v2_job *j, struct err *e)
{
    _cleanup_str_ struct str arguments = STR_INIT(KIB(32));
    int r;

    log_say(j->run->log, LOG_INFO, "Run set wallpaper task.");
    r = wallpaper_arguments(j->inputs, &arguments, e);
    return r < 0 ? r : write_shortcuts(j->run->w, str_text(&arguments), e);
}
