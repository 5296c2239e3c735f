/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dialect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dialect-files.h"
#include "str.h"

#define V2       "ProgramData/Amazon/EC2Launch/"
#define V1       "ProgramData/Amazon/EC2-Windows/Launch/"
#define CFG      "Program Files/Amazon/Ec2ConfigService/"
#define SCRIPTS  "Windows/Setup/Scripts"
#define COMPLETE SCRIPTS "/SetupComplete.cmd"
#define PANTHER  "Windows/Panther"

static const struct dialect dialects[] = {
    { .name = "ec2launch-v2",
      .label = "EC2Launch v2",
      .home = "Program Files/Amazon/EC2Launch",
      .service = "EC2Launch",
      .service_exe = "service\\EC2LaunchService.exe",
      .service_label = "Amazon EC2Launch",
      .settings = V2 "config/agent-config.yml",
      .answer = { V2 "sysprep/unattend.xml", &embedded_v2_answer },
      .files = { { V2 "sysprep/BeforeSysprep.cmd", &embedded_v2_before },
                 { CFG "Scripts/SysprepSpecializePhase.cmd", &embedded_cfg_specialize } },
      .forget = { V2 "state/.run-once", V2 "state/state.json", V2 "state/previous-state.json" },
      .logs = V2 "log" },
    { .name = "ec2launch",
      .label = "EC2Launch v1",
      .home = "ProgramData/Amazon/EC2-Windows/Launch",
      .settings = V1 "Config/LaunchConfig.json",
      .answer = { V1 "Sysprep/Unattend.xml", &embedded_v1_answer },
      .files = { { V1 "Sysprep/BeforeSysprep.cmd", &embedded_v1_before },
                 { V1 "Sysprep/SysprepSpecialize.cmd", &embedded_v1_specialize },
                 { V1 "Sysprep/Randomize-LocalAdminPassword.ps1", &embedded_v1_randomize } },
      .logs = V1 "Log",
      .fills_empty_locales_only = true },
    { .name = "ec2config",
      .label = "EC2Config",
      .home = "Program Files/Amazon/Ec2ConfigService",
      .service = "EC2Config",
      .service_exe = "Ec2Config.exe",
      .service_label = "Ec2Config",
      .settings = CFG "Settings/Config.xml",
      .answer = { CFG "sysprep2008.xml", &embedded_cfg_answer },
      .files = { { CFG "Scripts/BeforeSysprep.cmd", &embedded_cfg_before },
                 { CFG "Scripts/SysprepSpecializePhase.cmd", &embedded_cfg_specialize },
                 { CFG "Scripts/PostSysprep.cmd", &embedded_cfg_post } },
      .logs = CFG "Logs",
      .fills_empty_locales_only = true },
};

int dialect_find(const char *name, const struct dialect **ret, struct err *e)
{
    char show[32];

    *ret = NULL;
    if (!name)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
        if (strcmp(dialects[i].name, name) == 0) {
            *ret = &dialects[i];
            return 0;
        }
    return err_set(e, EINVAL, ERR_INVALID,
                   "'%s' is no launch agent: ec2launch-v2, ec2launch or ec2config",
                   str_show(name, show, sizeof show));
}

/* ---- the answer file in use ------------------------------------------------------------------ */

static int parse_from(const void *p, size_t n, const char *from, char *ret_from, size_t from_size,
                      struct answer **ret, struct err *e)
{
    int r = answer_parse(p, n, ret, e);

    if (r < 0)
        return err_wrap(e, "%s", from);
    (void)str_show(from, ret_from, from_size);
    return 0;
}

static char *locale_of(struct hives *h)
{
    struct err scratch = { 0 };
    struct hive *v = NULL;
    uint32_t k;

    if (hives_get(h, HIVE_DEFAULT, &v, &scratch) < 0 || !v->regf)
        return NULL;
    k = regf_find(v->regf, 0, "Control Panel\\International");
    return k ? regf_text(v->regf, k, "LocaleName") : NULL;
}

/* Of the options; what they do not say is as the system has it. */
static int make_answer(struct hives *h, const struct answer_options *o, struct answer **ret,
                       struct err *e)
{
    struct answer_options full = *o;
    _cleanup_free_ char *locale = locale_of(h);
    struct err scratch = { 0 };

    if (!full.locale && locale && answer_check_locale(locale, &scratch) == 0)
        full.locale = locale;
    return answer_make(&full, ret, e);
}

static int choose_answer(const struct dialect *d, struct hives *h, struct win_tree *os,
                         const void *given, size_t given_n, const struct answer_options *o,
                         struct answer **ret, char *ret_from, size_t from_size, struct err *e)
{
    _cleanup_free_ uint8_t *text = NULL;
    size_t n;
    int r;

    if (given)
        return parse_from(given, given_n, "the given one", ret_from, from_size, ret, e);
    if (!d) {
        (void)str_show("made of the options", ret_from, from_size);
        return make_answer(h, o, ret, e);
    }
    r = win_tree_read(os, d->answer.path, ANSWER_BYTES_MAX, &text, &n, e);
    if (r == 0)
        return parse_from(text, n, d->answer.path, ret_from, from_size, ret, e);
    if (r != -ENOENT)
        return r;
    err_clear(e);
    return parse_from(d->answer.shipped->data, d->answer.shipped->n, "the one that the agent ships",
                      ret_from, from_size, ret, e);
}

/* What the agent does before it calls Sysprep: all four locales of the system (v2), or only those
 * that the owner left empty (v1). */
static int fill_locales(const struct dialect *d, struct hives *h, struct answer *a,
                        struct win_plan *p, struct err *e)
{
    static const char *const names[] = { "InputLocale", "SystemLocale", "UILanguage",
                                         "UserLocale" };
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    _cleanup_free_ char *locale = locale_of(h);
    struct err scratch = { 0 };
    int r = answer_read(a, &s, e);

    if (r < 0)
        return r;
    if (!locale || answer_check_locale(locale, &scratch) < 0) {
        win_plan_add(p, WIN_ROW_WARNING, "locale of the answer file", NULL, NULL,
                     "the hive DEFAULT does not say the system's locale; left as it is");
        return 0;
    }
    for (unsigned i = 0; i < ANSWER_LOCALES; i++) {
        if (d->fills_empty_locales_only && s.locales[i])
            continue;
        r = answer_set(a, PASS_OOBE_SYSTEM, "Microsoft-Windows-International-Core", names[i],
                       "amd64", locale, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int dialect_answer(const struct dialect *d, struct hives *h, struct win_tree *os, const void *given,
                   size_t given_n, const struct answer_options *o, struct answer **ret,
                   char *ret_from, size_t from_size, struct win_plan *p, struct err *e)
{
    _cleanup_(answer_freep) struct answer *a = NULL;
    _cleanup_free_ struct answer_faults *f = malloc(sizeof *f);
    int r;

    if (!f)
        return err_oom(e);
    r = choose_answer(d, h, os, given, given_n, o, &a, ret_from, from_size, e);
    if (r == 0 && d && !given)
        r = fill_locales(d, h, a, p, e);
    if (r == 0 && (d || given))
        r = answer_apply(a, o, e);
    if (r == 0)
        r = answer_require_valid(a, e);
    if (r < 0)
        return r;
    answer_rearm(a);
    answer_check(a, f);
    for (size_t i = 0; i < f->n; i++)
        win_plan_addf(p, WIN_ROW_WARNING, "answer file", f->v[i].path, NULL, "line %u: %s",
                      f->v[i].line, f->v[i].text);
    *ret = TAKE_PTR(a);
    return 0;
}

/* ---- putting files --------------------------------------------------------------------------- */

static int make_parent(struct win_tree *os, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *dir = NULL;

    if (!slash)
        return 0;
    dir = xasprintf("%.*s", (int)(slash - path), path);
    return win_tree_mkdir(os, dir, e);
}

static int put_if_missing(struct win_tree *os, const struct dialect_file *f, struct win_plan *p,
                          struct err *e)
{
    int r = win_tree_exists(os, f->path, e);

    if (r < 0)
        return r;
    if (r > 0) {
        win_plan_add(p, WIN_ROW_KEPT, "file of the agent", f->path, NULL, "as its owner has it");
        return 0;
    }
    r = make_parent(os, f->path, e);
    if (r == 0)
        r = win_tree_write(os, f->path, f->shipped->data, f->shipped->n, e);
    if (r == 0)
        win_plan_add(p, WIN_ROW_DONE, "file of the agent", f->path, NULL, "put there");
    return r;
}

int dialect_put_files(const struct dialect *d, struct win_tree *os, struct win_plan *p,
                      struct err *e)
{
    int r = put_if_missing(os, &d->answer, p, e);

    for (size_t i = 0; r == 0 && i < DIALECT_FILES_MAX && d->files[i].path; i++)
        r = put_if_missing(os, &d->files[i], p, e);
    if (r == 0 && strcmp(d->name, "ec2config") == 0)
        r = setup_complete_add(
            os, "call \"C:\\Program Files\\Amazon\\Ec2ConfigService\\Scripts\\PostSysprep.cmd\"", p,
            e);
    return r;
}

int dialect_forget(const struct dialect *d, struct win_tree *os, struct win_plan *p, struct err *e)
{
    uint64_t files = 0, bytes = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < DIALECT_FILES_MAX && d->forget[i]; i++)
        r = win_tree_delete(os, d->forget[i], &files, &bytes, e);
    if (r == 0)
        r = win_tree_empty(os, d->logs, &files, &bytes, e);
    if (r == 0 && files)
        win_plan_addf(p, WIN_ROW_DONE, "memory of the agent", d->logs, NULL, "%llu files deleted",
                      (unsigned long long)files);
    return r;
}

int answer_put(struct answer *a, const char *from, struct win_tree *os, struct win_plan *p,
               struct err *e)
{
    static const char *const places[] = { PANTHER "/Unattend/Unattend.xml",
                                          PANTHER "/Unattend/Autounattend.xml" };
    _cleanup_free_ char *text = NULL;
    size_t n;
    int r = answer_render(a, &text, &n, e);

    if (r == 0)
        r = win_tree_mkdir(os, PANTHER, e);
    if (r == 0)
        r = win_tree_write(os, PANTHER "/unattend.xml", text, n, e);
    if (text)
        explicit_bzero(text, n);
    if (r < 0)
        return err_wrap(e, "put the answer file");
    win_plan_add(p, WIN_ROW_DONE, "answer file", PANTHER "/unattend.xml", NULL, from);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) { /* Setup would take these first */
        uint64_t files = 0;

        r = win_tree_shred(os, places[i], &files, NULL, e);
        if (r < 0)
            return r;
        if (files)
            win_plan_add(p, WIN_ROW_DONE, "older answer file", places[i], NULL, "deleted");
    }
    return 0;
}

int setup_complete_add(struct win_tree *os, const char *line, struct win_plan *p, struct err *e)
{
    struct str s = STR_INIT(KIB(256));
    _cleanup_free_ uint8_t *old = NULL;
    size_t n = 0;
    int r = win_tree_read(os, COMPLETE, KIB(128), &old, &n, e);

    if (r < 0 && r != -ENOENT)
        return r;
    err_clear(e);
    if (r == 0 && memmem(old, n, line, strlen(line)))
        return 0;
    if (r == 0)
        str_add_mem(&s, old, n);
    if (s.len && s.p[s.len - 1] != '\n')
        str_add(&s, "\r\n");
    str_addf(&s, "%s\r\n", line);
    r = str_check(&s, "SetupComplete.cmd", e);
    if (r == 0)
        r = win_tree_mkdir(os, SCRIPTS, e);
    if (r == 0)
        r = win_tree_write(os, COMPLETE, s.p, s.len, e);
    str_done(&s);
    if (r == 0)
        win_plan_add(p, WIN_ROW_DONE, "command after Setup", COMPLETE, NULL, line);
    return r;
}

/* ---- programs that a command calls ----------------------------------------------------------- */

/* "C:\a b\c.exe" -u x: the first word, when it is a path of the system drive, as a path of the
 * tree; NULL otherwise. */
static char *program_of(const char *command)
{
    bool quoted = *command == '"';
    const char *p = command + quoted;
    size_t n = strcspn(p, quoted ? "\"" : " ");
    char *out;

    if (n < 4 || strncasecmp(p, "C:\\", 3) != 0)
        return NULL;
    out = xasprintf("%.*s", (int)(n - 3), p + 3);
    for (char *c = out; *c; c++)
        if (*c == '\\')
            *c = '/';
    return out;
}

static int warn_missing(const struct answer_command *v, size_t n, struct win_tree *os,
                        struct win_plan *p, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *path = program_of(v[i].path);
        int r = path ? win_tree_exists(os, path, e) : 1;

        if (r < 0)
            return r;
        if (r == 0)
            win_plan_add(p, WIN_ROW_WARNING, "command of the answer file", path, NULL,
                         "calls a program that is not on the disk");
    }
    return 0;
}

int answer_warn_missing(const struct answer *a, struct win_tree *os, struct win_plan *p,
                        struct err *e)
{
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    int r = answer_read(a, &s, e);

    if (r == 0)
        r = warn_missing(s.specialize_commands, s.n_specialize_commands, os, p, e);
    if (r == 0)
        r = warn_missing(s.logon_commands, s.n_logon_commands, os, p, e);
    return r;
}
