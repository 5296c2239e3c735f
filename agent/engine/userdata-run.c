/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/userdata-run.h"

#include <errno.h>
#include <string.h>

#include "lib/utf.h"

#define DIGITS          10U
#define CONTENT_MAX     MIB(1)
#define DEFAULT_ARGS    "-ExecutionPolicy Unrestricted"
#define OUTPUT_READ_MAX MIB(16)
#define DAY_MS          86400000ULL

struct paths {
    struct str folder, script, out, err;
};

#define PATHS_INIT                                                                                 \
    {                                                                                              \
        STR_INIT(WIN_PATH_MAX), STR_INIT(WIN_PATH_MAX), STR_INIT(WIN_PATH_MAX),                    \
            STR_INIT(WIN_PATH_MAX)                                                                 \
    }

static void paths_done(struct paths *p)
{
    str_done(&p->folder);
    str_done(&p->script);
    str_done(&p->out);
    str_done(&p->err);
}

static int add_digits(struct win *w, struct str *s, struct err *e)
{
    uint8_t byte[DIGITS];
    int r = w->random(w, byte, sizeof(byte), e);

    for (unsigned i = 0; r == 0 && i < DIGITS; i++)
        str_addc(s, (char)('0' + byte[i] % 10));
    return r;
}

/* "C:\...\EC2Launch1234567890": '*' of the dialect's row is made random. */
static int make_folder(struct win *w, const struct dialect *d, struct paths *p, struct err *e)
{
    _cleanup_free_ char *pattern = win_expand(w, d->work_folder, e);
    int r = pattern ? 0 : -e->no;

    for (const char *c = pattern; r == 0 && *c; c++) {
        if (*c == '*')
            r = add_digits(w, &p->folder, e);
        else
            str_addc(&p->folder, *c);
    }
    if (r == 0)
        r = str_check(&p->folder, "the path of a script's folder", e);
    if (r == 0)
        r = w->dir_make(w, str_text(&p->folder), e);
    if (r == 0 && !d->work_folder_shared)
        r = w->file_protect(w, str_text(&p->folder), WIN_PROTECT_ADMINS, e);
    return r;
}

static const char *script_name(const struct dialect *d, const struct script *s)
{
    return s->kind == SCRIPT_PROGRAM      ? d->program_inputs
           : s->kind == SCRIPT_POWERSHELL ? d->script_powershell
                                          : d->script_batch;
}

static int make_paths(struct win *w, const struct dialect *d, const struct script *s,
                      struct paths *p, struct err *e)
{
    int r = make_folder(w, d, p, e);

    if (r < 0)
        return r;
    str_addf(&p->script, "%s\\%s", str_text(&p->folder),
             script_name(d, s) ? script_name(d, s) : "");
    str_addf(&p->out, "%s\\%s", str_text(&p->folder), d->script_out);
    str_addf(&p->err, "%s\\%s", str_text(&p->folder), d->script_err);
    r = str_check(&p->script, "a script's path", e);
    if (r == 0)
        r = str_check(&p->out, "a script's output path", e);
    return r == 0 ? str_check(&p->err, "a script's error path", e) : r;
}

/* Where the original leaves one; the copy is for administrators' eyes and is never run. */
static int copy_script(struct win *w, const struct dialect *d, const struct script *s,
                       const void *bytes, size_t n, struct err *e)
{
    _cleanup_free_ char *folder = win_expand(w, d->script_copies, e);
    _cleanup_str_ struct str path = STR_INIT(WIN_PATH_MAX);

    if (!folder)
        return -e->no;
    str_addf(&path, "%s\\%s", folder, script_name(d, s));
    /* anybody may have put a file of that name there */
    if (str_check(&path, "the path of a script's copy", e) < 0 ||
        w->file_delete(w, str_text(&path), e) < 0)
        return -e->no;
    return win_file_write_private(w, str_text(&path), bytes, n, e);
}

/* PowerShell takes a file without a byte order mark for one in the machine's code page. */
static int write_script(struct win *w, const struct dialect *d, const struct script *s,
                        const char *path, struct err *e)
{
    _cleanup_str_ struct str text = STR_INIT(CONTENT_MAX + 4);
    _cleanup_free_ uint16_t *wide = NULL;
    const void *bytes = NULL;
    size_t n = 0;

    if (s->kind == SCRIPT_POWERSHELL)
        str_add(&text, "\xef\xbb\xbf");
    str_add_mem(&text, s->content, s->content_n);
    if (str_check(&text, "a script", e) < 0)
        return -e->no;
    bytes = str_text(&text);
    n = text.len;
    if (s->kind == SCRIPT_POWERSHELL && d->script_utf16) {
        /* the mark becomes U+FEFF, the mark of UTF-16 */
        wide = utf16_from_utf8(str_text(&text));
        if (!wide)
            return err_oom(e);
        bytes = wide;
        n = utf16_len(wide) * 2;
    }
    if (w->file_write(w, path, bytes, n, e) < 0)
        return -e->no;
    return d->script_copies ? copy_script(w, d, s, bytes, n, e) : 0;
}

/* For people who look into a run, never run itself. */
static int write_inputs(struct win *w, const struct script *s, const char *path, struct err *e)
{
    _cleanup_str_ struct str out = STR_INIT(KIB(64));

    str_add(&out, "{\"path\": \"");
    str_json(&out, s->program, strlen(s->program));
    str_add(&out, "\", \"arguments\": [");
    for (size_t i = 0; i < s->args_n; i++) {
        str_add(&out, i ? ", \"" : "\"");
        str_json(&out, s->args[i], strlen(s->args[i]));
        str_addc(&out, '"');
    }
    str_add(&out, "]}\n");
    if (str_check(&out, "the inputs of a program", e) < 0)
        return -e->no;
    return w->file_write(w, path, str_text(&out), out.len, e);
}

static void add_args(struct str *s, const struct script *script)
{
    for (size_t i = 0; i < script->args_n; i++)
        str_addf(s, " %s", script->args[i]);
}

static int make_command(struct win *w, const struct script *s, const char *path, char **ret,
                        struct err *e)
{
    _cleanup_str_ struct str line = STR_INIT(KIB(32));
    int r;

    switch (s->kind) {
    case SCRIPT_BATCH:
        str_addf(&line, "%%SystemRoot%%\\System32\\cmd.exe /C \"%s\"", path);
        break;
    case SCRIPT_POWERSHELL:
        str_add(&line, AGENT_POWERSHELL);
        if (s->args_n)
            add_args(&line, s);
        else
            str_add(&line, " " DEFAULT_ARGS);
        str_addf(&line, " -File \"%s\"", path);
        break;
    case SCRIPT_PROGRAM:
    case SCRIPT_KIND_MAX:
        break;
    }
    if (s->kind != SCRIPT_PROGRAM) {
        r = str_check(&line, "a command line", e);
        *ret = r == 0 ? win_expand(w, str_text(&line), e) : NULL;
        return *ret ? 0 : -e->no;
    }
    _cleanup_free_ char *program = win_quote(s->program);

    str_add(&line, program ? program : "");
    for (size_t i = 0; i < s->args_n; i++) {
        _cleanup_free_ char *arg = win_quote(s->args[i]);

        str_addf(&line, " %s", arg ? arg : "");
    }
    r = str_check(&line, "a command line", e);
    if (r == 0)
        *ret = str_take(&line);
    return r;
}

/* A script's output as UTF-8, cut; "" when it cannot be read: the script has run all the same. */
static char *read_output(struct win *w, const char *path, struct log *log)
{
    _cleanup_free_ char *raw = NULL;
    struct err e = { 0 };
    char *text = NULL;
    size_t n = 0;

    if (w->file_read(w, path, OUTPUT_READ_MAX, &raw, &n, &e) < 0) {
        if (e.no != ENOENT)
            log_say(log, LOG_WARNING, "%s", e.msg);
        return str_dup("");
    }
    if (n > USERDATA_OUTPUT_MAX)
        for (n = USERDATA_OUTPUT_MAX; n > USERDATA_OUTPUT_MAX - 4; n--)
            if (((unsigned char)raw[n] & 0xc0) != 0x80)
                break; /* not inside a character */
    err_clear(&e);
    if (win_output_text(w, raw, n, &text, &e) < 0) {
        log_say(log, LOG_WARNING, "%s", e.msg);
        return str_dup("");
    }
    return text;
}

static int start(struct win *w, const struct script *s, const struct paths *p, const char *command,
                 struct log *log, uint32_t *ret_exit, struct err *e)
{
    bool as_account = s->account && s->password;
    struct win_run run = { .command = command,
                           .folder = str_text(&p->folder),
                           .out_path = str_text(&p->out),
                           .err_path = str_text(&p->err),
                           .user = as_account ? s->account : NULL,
                           .password = as_account ? s->password : NULL,
                           .started = s->started,
                           .ctx = s->ctx,
                           .detach = s->detach };
    uint32_t pid = 0;
    int r;

    if (s->account && !s->password)
        log_say(log, LOG_WARNING,
                "The password of '%s' is not known in this run: the script runs as LocalSystem.",
                s->account);
    log_say(log, LOG_INFO, "Error file is created at: %s", run.err_path);
    log_say(log, LOG_INFO, "Output file is created at: %s", run.out_path);
    r = w->run(w, &run, &pid, ret_exit, e);
    if (r == 0 && s->detach)
        log_say(log, LOG_INFO, "The script runs detached, process id %u.", pid);
    return r;
}

/* The rest of a name behind the row's word: as many digits as add_digits() makes. */
static bool is_of_a_script(const char *name, const char *word, size_t n)
{
    return strncmp(name, word, n) == 0 && strspn(name + n, "0123456789") == DIGITS &&
           strlen(name + n) == DIGITS;
}

void script_sweep(struct win *w, const struct dialect *d, struct log *log)
{
    struct err e = { 0 };
    _cleanup_free_ char *pattern = win_expand(w, d->work_folder, &e);
    _cleanup_free_ struct win_name *names = NULL;
    char *last = pattern ? strrchr(pattern, '\\') : NULL, *star = last ? strchr(last, '*') : NULL;
    uint64_t started = w->now_ms(w) - w->tick_ms(w);
    size_t n = 0;

    if (!star)
        return;
    *last = *star = '\0';
    if (w->dir_list(w, pattern, &names, &n, &e) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        _cleanup_str_ struct str path = STR_INIT(WIN_PATH_MAX);
        struct err own = { 0 };

        if (!names[i].is_dir || names[i].modified_ms + DAY_MS > started ||
            !is_of_a_script(names[i].name, last + 1, (size_t)(star - last - 1)))
            continue;
        str_addf(&path, "%s\\%s", pattern, names[i].name);
        if (w->dir_delete(w, str_text(&path), &own) < 0)
            log_say(log, LOG_INFO, "An old script's folder stays: %s", own.msg);
    }
}

int script_run(struct win *w, const struct dialect *d, const struct script *s, struct log *log,
               struct script_result *ret, struct err *e)
{
    struct paths p = PATHS_INIT;
    struct script_result res = { 0 };
    _cleanup_free_ char *command = NULL;
    int r = make_paths(w, d, s, &p, e);

    if (r == 0 && s->kind != SCRIPT_PROGRAM) {
        r = write_script(w, d, s, str_text(&p.script), e);
        if (r == 0)
            log_say(log, LOG_INFO, "Script file is created at: %s", str_text(&p.script));
    }
    if (r == 0 && s->kind == SCRIPT_PROGRAM && d->program_inputs) {
        r = write_inputs(w, s, str_text(&p.script), e);
        if (r == 0)
            log_say(log, LOG_INFO, "Program file is created at: %s", str_text(&p.script));
    }
    if (r == 0)
        r = make_command(w, s, str_text(&p.script), &command, e);
    if (r == 0)
        r = start(w, s, &p, command, log, &res.exit_code, e);
    if (r == 0) {
        res.out = s->detach ? str_dup("") : read_output(w, str_text(&p.out), log);
        res.err = s->detach ? str_dup("") : read_output(w, str_text(&p.err), log);
        (void)str_copy(res.folder, sizeof(res.folder), str_text(&p.folder));
        if (!res.out || !res.err)
            r = err_oom(e);
    }
    paths_done(&p);
    if (r < 0) {
        script_result_done(&res);
        return err_wrap(e, "failed to run %s", s->kind == SCRIPT_PROGRAM ? "program" : "script");
    }
    *ret = res;
    return 0;
}

void script_result_done(struct script_result *r)
{
    free(r->out);
    free(r->err);
    *r = (struct script_result){ 0 };
}
