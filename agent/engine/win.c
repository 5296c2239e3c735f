/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/win.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"
#include "lib/utf.h"

#define CAPTURE_MAX KIB(64)
#define START_MS    120000U

int win_reg_text(struct win *w, const char *key, const char *name, char **ret, struct err *e)
{
    _cleanup_free_ struct win_reg *v = NULL;
    struct str s = STR_INIT(64);
    int r = w->reg_get(w, key, name, &v, e);

    if (r <= 0)
        return r;
    if (v->type == WIN_REG_U32 || v->type == WIN_REG_U64) {
        str_addf(&s, "%llu", (unsigned long long)v->number);
        *ret = str_take(&s);
    } else if (v->type == WIN_REG_TEXT || v->type == WIN_REG_MULTI) {
        *ret = str_dup_n(v->data, v->len);
    } else {
        return 0;
    }
    return *ret ? 1 : err_oom(e);
}

int win_reg_u32(struct win *w, const char *key, const char *name, uint32_t *ret, struct err *e)
{
    _cleanup_free_ struct win_reg *v = NULL;
    int r = w->reg_get(w, key, name, &v, e);

    if (r <= 0)
        return r;
    if (v->type != WIN_REG_U32 && v->type != WIN_REG_U64)
        return 0;
    *ret = (uint32_t)v->number;
    return 1;
}

char *win_expand(struct win *w, const char *text, struct err *e)
{
    struct str s = STR_INIT(KIB(32));

    while (*text) {
        const char *end = *text == '%' ? strchr(text + 1, '%') : NULL;
        _cleanup_free_ char *name = NULL, *value = NULL;

        if (!end) {
            str_addc(&s, *text++);
            continue;
        }
        name = str_dup_n(text + 1, (size_t)(end - text - 1));
        if (!name) {
            (void)err_oom(e);
            goto fail;
        }
        int r = *name ? w->env(w, name, &value, e) : 0;
        if (r < 0)
            goto fail;
        if (r == 0) {
            str_addc(&s, *text++);
            continue;
        }
        str_add(&s, value);
        text = end + 1;
    }
    if (str_check(&s, "a path", e) < 0)
        goto fail;
    return s.p ? str_take(&s) : str_dup("");
fail:
    str_done(&s);
    return NULL;
}

/* The rules of CommandLineToArgvW: backslashes count only before a quote. */
char *win_quote(const char *arg)
{
    struct str s = STR_INIT(KIB(64));

    if (*arg && !strpbrk(arg, " \t\n\v\""))
        return str_dup(arg);
    str_addc(&s, '"');
    for (;;) {
        size_t slashes = 0;

        while (arg[slashes] == '\\')
            slashes++;
        arg += slashes;
        if (*arg == '"' || !*arg)
            slashes = slashes * 2 + (*arg == '"');
        for (size_t i = 0; i < slashes; i++)
            str_addc(&s, '\\');
        if (!*arg)
            break;
        str_addc(&s, *arg++);
    }
    str_addc(&s, '"');
    if (s.failed) {
        str_done(&s);
        return NULL;
    }
    return str_take(&s);
}

#define ARGS_MAX 1024U

/* The program's name has no escapes: up to the closing quote, or the first blank. */
static const char *split_program(const char *line, struct str *out)
{
    bool quoted = *line == '"';

    for (line += quoted; *line; line++) {
        if (quoted ? *line == '"' : *line == ' ' || *line == '\t')
            break;
        str_addc(out, *line);
    }
    return line + (quoted && *line);
}

static const char *split_one(const char *p, struct str *out)
{
    bool quoted = false;

    while (*p && (quoted || (*p != ' ' && *p != '\t'))) {
        size_t slashes = strspn(p, "\\");

        p += slashes;
        for (size_t i = 0; i < (*p == '"' ? slashes / 2 : slashes); i++)
            str_addc(out, '\\');
        if (*p == '"' && slashes % 2) {
            str_addc(out, *p++);
        } else if (*p == '"' && quoted && p[1] == '"') {
            str_addc(out, '"');
            p += 2;
        } else if (*p == '"') {
            quoted = !quoted;
            p++;
        } else if (*p && !slashes) {
            str_addc(out, *p++);
        }
    }
    return p;
}

char **win_split(const char *line, int *ret_n)
{
    char **argv = calloc(ARGS_MAX + 1, sizeof(*argv));
    int n = 0;

    while (argv && n < (int)ARGS_MAX) {
        struct str one = STR_INIT(KIB(64));

        if (n)
            line += strspn(line, " \t");
        if (n && !*line)
            break;
        line = n ? split_one(line, &one) : split_program(line, &one);
        argv[n] = one.failed ? NULL : one.p ? str_take(&one) : str_dup("");
        str_done(&one);
        if (!argv[n++]) {
            win_split_free(argv);
            return NULL;
        }
    }
    *ret_n = n;
    return argv;
}

void win_split_free(char **argv)
{
    for (char **a = argv; a && *a; a++)
        free(*a);
    free(argv);
}

/* A file name that nobody else has: the folder is writable by administrators only when we are one.
 */
static int capture_path(struct win *w, char **ret, struct err *e)
{
    uint64_t rnd = 0;
    struct str s = STR_INIT(WIN_PATH_MAX);
    int r = w->random(w, &rnd, sizeof(rnd), e);

    if (r < 0)
        return r;
    _cleanup_free_ char *root = win_expand(w, "%TEMP%", e);
    if (!root)
        return -e->no;
    str_addf(&s, "%s\\kiln-%016llx.txt", root, (unsigned long long)rnd);
    r = str_check(&s, "the path of a temporary file", e);
    if (r < 0) {
        str_done(&s);
        return r;
    }
    *ret = str_take(&s);
    return 0;
}

static int add_line(struct win *w, const char *line, size_t n, struct str *out, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    int r;

    if (utf8_valid(line, n)) {
        str_add_mem(out, line, n);
        return 0;
    }
    r = w->console_text(w, line, n, &text, e);
    if (r == 0)
        str_add(out, text);
    return r;
}

int win_output_text(struct win *w, const char *raw, size_t n, char **ret, struct err *e)
{
    static const char *const marks[] = { "\xff\xfe", "\xfe\xff", "\xef\xbb\xbf" };
    _cleanup_str_ struct str out = STR_INIT(MIB(64));
    struct err no_unicode = { 0 };
    bool marked = false;
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        marked = marked || (n >= strlen(marks[i]) && memcmp(raw, marks[i], strlen(marks[i])) == 0);
    if (marked)
        return utf_decode(raw, n, false, "output", ret, &n, e);
    if (utf_decode(raw, n, true, "output", ret, &n, &no_unicode) == 0)
        return 0;
    while (r == 0 && n) {
        const char *end = memchr(raw, '\n', n);
        size_t line = end ? (size_t)(end - raw) + 1 : n;

        r = add_line(w, raw, line, &out, e);
        raw += line;
        n -= line;
    }
    if (r == 0)
        r = str_check(&out, "output", e);
    if (r == 0)
        *ret = str_take(&out);
    return r;
}

int win_capture(struct win *w, const char *command, char **ret_text, uint32_t *ret_exit,
                struct err *e)
{
    _cleanup_free_ char *path = NULL, *raw = NULL;
    struct err ignore = { 0 };
    uint32_t pid = 0, code = 0;
    size_t n = 0;
    int r = capture_path(w, &path, e);

    if (r < 0)
        return r;
    struct win_run run = { .command = command, .out_path = path, .timeout_ms = 60000 };

    r = w->run(w, &run, &pid, &code, e);
    if (r == 0)
        r = w->file_read(w, path, CAPTURE_MAX, &raw, &n, e);
    if (r == 0)
        r = win_output_text(w, raw, n, ret_text, e);
    (void)w->file_delete(w, path, &ignore); /* temporary, the answer is known */
    if (r == 0)
        *ret_exit = code;
    return r;
}

int win_start(struct win *w, const char *program, const char *arguments, bool wait, struct err *e)
{
    _cleanup_free_ char *full = win_expand(w, program, e), *quoted = full ? win_quote(full) : NULL;
    _cleanup_str_ struct str command = STR_INIT(KIB(32) - 1); /* Windows' own limit */
    struct win_run run = { .detach = !wait, .timeout_ms = wait ? START_MS : 0 };
    uint32_t pid = 0, code = 0;
    int r;

    if (!quoted)
        return e->no ? -e->no : err_oom(e);
    str_addf(&command, "%s %s", quoted, arguments);
    r = str_check(&command, "a command", e);
    run.command = str_text(&command);
    if (r == 0)
        r = w->run(w, &run, &pid, &code, e);
    if (r == 0 && code)
        r = err_set(e, EIO, ERR_OTHER, "'%.200s' ended with exit code %u; see its log", arguments,
                    code);
    return r;
}

int win_admin_name(struct win *w, char **ret, struct err *e)
{
    _cleanup_free_ struct win_account *a = NULL;
    size_t n = 0;
    int r = w->accounts(w, &a, &n, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (a[i].rid == 500) {
            *ret = str_dup(a[i].name);
            return *ret ? 0 : err_oom(e);
        }
    return err_set(e, ENOENT, ERR_NOT_FOUND, "no local account has a SID that ends in -500");
}

int win_account_open(struct win *w, const char *name, struct err *e)
{
    return w->account_set_flags(w, name,
                                WIN_ACCOUNT_DISABLED | WIN_ACCOUNT_PASSWORD_NOT_REQ |
                                    WIN_ACCOUNT_EXPIRES | WIN_ACCOUNT_MUST_CHANGE,
                                0, e);
}

int win_file_write_private(struct win *w, const char *path, const void *p, size_t n, struct err *e)
{
    struct win_name st;
    int r = w->file_stat(w, path, &st, e);

    if (r == 0)
        r = w->file_write(w, path, "", 0, e);
    if (r >= 0)
        r = w->file_protect(w, path, WIN_PROTECT_ADMINS, e);
    return r < 0 ? r : w->file_write(w, path, p, n, e);
}
