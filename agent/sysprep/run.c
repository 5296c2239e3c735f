/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of sysprep.h, one function each. */
#include "sysprep/sysprep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/console.h"
#include "engine/setup.h"
#include "preflight-priv.h"

#define LOCALE_KEY  "HKU\\.DEFAULT\\Control Panel\\International"
#define USER_LOCALE "HKCU\\Control Panel\\International"
#define SETUPERR    "%SystemRoot%\\System32\\Sysprep\\Panther\\setuperr.log"
#define SEALED      "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
#define BEFORE_TIME (30U * 60U * 1000U) /* the owner's commands may be long, not endless */

struct run {
    struct win *w;
    const struct sysprep_order *o;
    const struct sysprep_dialect *d;
    char *answer; /* the file that goes to Sysprep */
    char *program;
    uint32_t deny_first; /* Remote Desktop before we came */
    bool deny_known;
    size_t setuperr_len; /* of Sysprep's error log before */
};

static void say(const struct run *r, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(const struct run *r, enum log_level level, const char *fmt, ...)
{
    const char *word = level == LOG_ERROR ? "Error: " : level == LOG_WARNING ? "Warning: " : "";
    bool has_levels = dialect_get(r->o->dialect)->log_form == LOG_FORM_LEVEL;
    size_t n = strlen(word);
    char line[1024];
    va_list ap;

    memcpy(line, word, n);
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof(line) - n, fmt, ap);
    va_end(ap);
    if (r->d->component)
        log_from(r->o->log, r->d->component, "%s", line);
    else
        log_text(r->o->log, level, has_levels ? line + n : line);
    if (r->o->say)
        r->o->say(r->o->ctx, line);
}

static int look_first(const struct run *r, struct err *e)
{
    struct preflight *p = calloc(1, sizeof(*p));
    const char *stop = NULL;
    int ret = 0;

    if (!p)
        return err_oom(e);
    preflight_look(r->w, r->o, p);
    for (size_t i = 0; i < p->n; i++) {
        bool stops = p->found[i].weight == PREFLIGHT_STOP;
        say(r, stops ? LOG_ERROR : LOG_WARNING, "%s", p->found[i].text);
        if (stops && !stop)
            stop = p->found[i].text;
    }
    if (p->left_off)
        say(r, LOG_WARNING, "%zu further findings are not shown", p->left_off);
    if (stop && !r->o->force)
        ret = err_set(e, EBUSY, ERR_CONFLICT,
                      "Sysprep was not started, nothing was changed: %s (%s goes on all the same)",
                      stop, r->d->force);
    free(p);
    return ret;
}

/* v2: the default user's; v1: the language of who calls, as the original asks for it. NULL: none.
 */
static char *locale_tag(const struct run *r)
{
    struct err e = { 0 };
    struct win_system sys;
    char *tag = NULL;

    if (r->d->locale_fill_empty && win_reg_text(r->w, USER_LOCALE, "LocaleName", &tag, &e) > 0 &&
        *tag)
        return tag;
    free(tag);
    tag = NULL;
    err_clear(&e);
    if (win_reg_text(r->w, LOCALE_KEY, "LocaleName", &tag, &e) > 0 && *tag)
        return tag;
    free(tag);
    err_clear(&e);
    return r->d->locale_fill_empty && r->w->system(r->w, &sys, &e) == 0 && sys.language[0]
               ? str_dup(sys.language)
               : NULL;
}

static int edit_locale(const struct run *r, struct xmlfile *f, struct err *e)
{
    _cleanup_free_ char *tag = NULL;
    int n;

    if (!r->d->locale_from_registry && !r->d->locale_fill_empty)
        return 0;
    tag = locale_tag(r);
    if (!tag) {
        say(r, LOG_WARNING, "The default user has no LocaleName; the answer file's stays");
        return 0;
    }
    n = answer_set_locale(f, tag, r->d->locale_fill_empty, e);
    if (n > 0)
        say(r, LOG_INFO, "Answer file: %d locale settings are now %s", n, tag);
    return n;
}

static char *replace_admin(const char *text, const char *name)
{
    static const char word[] = "{admin}";
    const char *at = strstr(text, word);
    struct str out = STR_INIT(1024);

    str_add_mem(&out, text, at ? (size_t)(at - text) : strlen(text));
    if (at) {
        str_add(&out, name);
        str_add(&out, at + sizeof(word) - 1);
    }
    if (out.failed)
        str_done(&out);
    return out.p ? str_take(&out) : NULL;
}

static int fill_first_command(const struct run *r, struct xmlfile *f, struct err *e)
{
    _cleanup_free_ char *name = NULL, *quoted = NULL, *text = NULL, *full = NULL;

    if (!r->d->first_command)
        return 0;
    if (win_admin_name(r->w, &name, e) < 0)
        return -e->no;
    quoted = win_quote(name);
    text = quoted ? replace_admin(r->d->first_command, quoted) : NULL;
    if (!text)
        return err_oom(e);
    full = win_expand(r->w, text, e);
    return full ? answer_fill_first_command(f, full, e) : -e->no;
}

/* Goes to Sysprep instead of the owner's file, which stays as it is. */
static int write_working_copy(struct run *r, struct xmlfile *f, struct err *e)
{
    _cleanup_free_ char *path = win_expand(r->w, r->d->working_copy, e);
    int n;

    if (!path)
        return -e->no;
    n = answer_keep_inactive(f, e);
    if (n < 0)
        return n;
    if (xmlfile_store_private(r->w, f, path, e) < 0) /* the owner's file may be private */
        return -e->no;
    say(r, LOG_INFO,
        "No password is set for new instances: %s leaves the administrator account disabled", path);
    free(r->answer);
    r->answer = TAKE_PTR(path);
    return 0;
}

static int edit_answer(struct run *r, struct err *e)
{
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;
    int n, filled;

    r->answer = win_expand(r->w, r->d->answer_file, e);
    if (!r->answer || xmlfile_load(r->w, r->answer, &f, e) < 0)
        return -e->no;
    n = edit_locale(r, f, e);
    filled = n < 0 ? n : fill_first_command(r, f, e);
    if (filled < 0)
        return err_wrap(e, "edit the answer file");
    if (n + filled > 0 && xmlfile_store(r->w, f, r->answer, e) < 0)
        return err_wrap(e, "edit the answer file");
    if (!r->o->no_password || answer_has_password(f))
        return 0;
    return write_working_copy(r, f, e);
}

/* A path stands alone or in quotes, or it is a command with arguments: cmd takes each. */
static char *before_command(const struct run *r, struct err *e)
{
    const char *text = r->o->before ? r->o->before : r->d->before;
    _cleanup_free_ char *full = win_expand(r->w, text, e), *shell = NULL;
    struct win_name st;
    struct err scratch = { 0 };
    struct str out = STR_INIT(KIB(8));
    bool is_file;

    if (!full)
        return NULL;
    is_file = r->w->file_stat(r->w, full, &st, &scratch) > 0;
    if (!is_file && (!r->o->before || !*full || strcspn(full, " \t\"") == strlen(full)))
        return str_dup(""); /* the owner took the file away */
    shell = win_expand(r->w, "%SystemRoot%\\System32\\cmd.exe", e);
    if (!shell)
        return NULL;
    str_addf(&out, "%s /d /s /c \"%s%s%s\"", shell, is_file ? "\"" : "", full, is_file ? "\"" : "");
    if (str_check(&out, "the command before Sysprep", e) < 0) {
        str_done(&out);
        return NULL;
    }
    return str_take(&out);
}

static void note_remote_desktop(struct run *r)
{
    struct err e = { 0 };

    r->deny_known = win_reg_u32(r->w, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, &r->deny_first, &e) > 0;
}

static void warn_if_open(const struct run *r)
{
    struct err e = { 0 };
    uint32_t deny = 0;

    if (win_reg_u32(r->w, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, &deny, &e) > 0 && deny == 0)
        say(r, LOG_WARNING,
            "Remote Desktop is still open: in the first boot the administrator has a "
            "blank password for a while");
}

static int run_before(struct run *r, struct err *e)
{
    _cleanup_free_ char *command = before_command(r, e);
    struct win_run what = { .command = command, .timeout_ms = BEFORE_TIME };
    uint32_t pid = 0, code = 0;

    if (!command)
        return e->no ? -e->no : err_oom(e);
    note_remote_desktop(r);
    if (*command) {
        say(r, LOG_INFO, "Run before Sysprep: %s", command);
        if (r->w->run(r->w, &what, &pid, &code, e) < 0)
            return err_wrap(e, "run BeforeSysprep.cmd");
        if (code && r->d->before_must_succeed)
            return err_set(e, ECANCELED, ERR_OTHER,
                           "BeforeSysprep.cmd ended with exit code %u, Sysprep was not started",
                           code);
        if (code)
            say(r, LOG_WARNING, "BeforeSysprep.cmd ended with exit code %u", code);
    }
    warn_if_open(r);
    return 0;
}

static char *read_setuperr(const struct run *r, size_t *ret_n)
{
    struct err e = { 0 };
    _cleanup_free_ char *path = win_expand(r->w, SETUPERR, &e);
    char *data = NULL;

    *ret_n = 0;
    if (!path || r->w->file_read(r->w, path, SETUPERR_MAX, &data, ret_n, &e) < 0)
        return NULL;
    return data;
}

static bool state_is(const struct run *r, const char *state)
{
    char now[64] = "";
    struct err e = { 0 };

    return setup_state(r->w, now, &e) == 0 && str_eq(now, state);
}

static bool find_cause(const struct run *r, struct setuperr_cause *ret)
{
    size_t n = 0;
    _cleanup_free_ char *text = read_setuperr(r, &n);
    size_t from = r->setuperr_len <= n ? r->setuperr_len : 0; /* a shorter file is a new one */

    return text && setuperr_cause(text + from, n - from, ret) > 0;
}

static int outcome(const struct run *r, uint32_t code, struct err *e)
{
    struct setuperr_cause cause;

    if (code == 0 && state_is(r, SEALED))
        return 0;
    if (find_cause(r, &cause))
        return err_set(e, EIO, ERR_OTHER, "Sysprep failed: %s%s%s", cause.line,
                       cause.cure[0] ? ". What helps: " : "", cause.cure);
    if (code)
        return err_set(e, EIO, ERR_OTHER,
                       "Sysprep failed with exit code %u and left no reason in %s", code, SETUPERR);
    return 0;
}

static int call_sysprep(struct run *r, struct err *e)
{
    _cleanup_free_ char *command = NULL;
    struct win_run what = { 0 };
    uint32_t pid = 0, code = 0;

    free(read_setuperr(r, &r->setuperr_len));
    command = sysprep_command(r->d, r->program, r->answer, r->o->switches, r->o->shutdown);
    if (!command)
        return err_oom(e);
    say(r, LOG_INFO, "Sysprep command: %s", command);
    what.command = command;
    if (r->w->run(r->w, &what, &pid, &code, e) < 0)
        return err_wrap(e, "run Sysprep");
    return outcome(r, code, e);
}

/* As long as Windows was not generalized, its administrator still has a password: the door that
 * was closed for the first boot may open again. */
static void reopen_remote_desktop(const struct run *r)
{
    struct err e = { 0 };
    uint32_t deny = 0;

    if (!r->deny_known || r->deny_first || !state_is(r, SETUP_COMPLETE) ||
        win_reg_u32(r->w, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, &deny, &e) <= 0 || !deny)
        return;
    if (r->w->reg_set_u32(r->w, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, 0, &e) == 0)
        say(r, LOG_INFO, "Windows was not generalized: Remote Desktop is open again");
}

static void tell_failure(const struct run *r, const struct err *why)
{
    _cleanup_(console_closep) struct console *c = NULL;
    struct err e = { 0 };

    if (console_open(r->w, r->o->log, 0, &c, &e) == 0)
        console_say(c, "Message: %s", why->msg);
}

static int all_steps(struct run *r, struct err *e)
{
    int ret = look_first(r, e);

    if (ret < 0)
        return ret;
    r->program = win_expand(r->w, SYSPREP_PROGRAM, e);
    if (!r->program)
        return -e->no;
    if (r->o->prepare && r->o->prepare(r->o->ctx, e) < 0)
        return -e->no;
    ret = edit_answer(r, e);
    if (ret == 0)
        ret = run_before(r, e);
    return ret < 0 ? ret : call_sysprep(r, e);
}

int sysprep_run(struct win *w, const struct sysprep_order *o, struct err *e)
{
    struct run r = { .w = w, .o = o, .d = sysprep_dialect(o->dialect) };
    int ret = all_steps(&r, e);

    if (ret < 0) {
        reopen_remote_desktop(&r);
        tell_failure(&r, e);
    }
    free(r.answer);
    free(r.program);
    return ret;
}
