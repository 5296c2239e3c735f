/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that write files: collect-logs, wallpaper, internal install. */
#include <errno.h>
#include <string.h>

#include "cli-priv.h"
#include "engine/imds.h"
#include "engine/routes.h"
#include "engine/log.h"
#include "engine/telemetry.h"
#include "engine/wallpaper.h"
#include "lib/json.h"
#include "lib/zip.h"
#include "v2/config.h"
#include "v2/events.h"
#include "v2/install.h"
#include "v2/migrate.h"

#define FILE_MAX MIB(16)
#define TAGS_MAX 64U

/* ---- collect-logs ---- */

/* What is packed, and under which folder of the archive. */
static const struct {
    const char *folder, *as;
} log_folders[] = {
    { V2_ROOT "\\log", "EC2Launch/log" },
    { V2_ROOT "\\state", "EC2Launch/state" },
    { "%SystemRoot%\\System32\\Sysprep\\Panther", "Sysprep/Panther" },
    { "%SystemRoot%\\Panther", "Setup/Panther" },
    { "%SystemRoot%\\Panther\\UnattendGC", "Setup/Panther/UnattendGC" },
};

/* Logs and states; no answer files, which hold passwords. */
static bool is_log(const char *name)
{
    static const char *const tails[] = { ".log", ".json", ".etl", ".txt" };
    size_t n = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        size_t k = strlen(tails[i]);

        if (n >= k && str_eq_nocase(name + n - k, tails[i]))
            return true;
    }
    return false;
}

/* A file that cannot be read is named, the rest is packed. */
static void pack_folder(struct v2_cli *c, struct zip_writer *z, const char *folder, const char *as)
{
    struct win *w = c->w;
    struct err e = { 0 };
    _cleanup_free_ char *where = win_expand(w, folder, &e);
    _cleanup_free_ struct win_name *names = NULL;
    size_t n = 0;

    if (!where || w->dir_list(w, where, &names, &n, &e) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        _cleanup_str_ struct str path = STR_INIT(2000), name = STR_INIT(1000);
        _cleanup_free_ char *bytes = NULL;
        struct err own = { 0 };
        size_t len = 0;

        if (names[i].is_dir || !is_log(names[i].name))
            continue;
        str_addf(&path, "%s\\%s", where, names[i].name);
        str_addf(&name, "%s/%s", as, names[i].name);
        if (w->file_read(w, str_text(&path), FILE_MAX, &bytes, &len, &own) < 0)
            v2_say(c, "warning: %s\n", own.msg);
        else
            zip_add(z, str_text(&name), bytes, len);
    }
}

/* The settings without a password's clear text. */
static void pack_config(struct v2_cli *c, struct zip_writer *z)
{
    struct win *w = c->w;
    struct err e = { 0 };
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, &e);
    struct str clean = STR_INIT(TREE_FILE_MAX);
    char *bytes = NULL;
    size_t n = 0;
    int r;

    if (!path || w->file_read(w, path, TREE_FILE_MAX, &bytes, &n, &e) < 0)
        return;
    r = v2_config_wipe_password(V2_CONFIG_NAME, bytes, n, &clean, &e);
    if (r == 1)
        zip_add(z, "EC2Launch/config/agent-config.yml", clean.p, clean.len);
    else if (r == 0)
        zip_add(z, "EC2Launch/config/agent-config.yml", bytes, n);
    else
        v2_say(c, "warning: %s is left out: %s\n", V2_CONFIG_NAME, e.msg);
    mem_wipe(bytes, n);
    free(bytes);
    str_wipe(&clean);
}

int v2_verb_collect_logs(struct v2_cli *c, const struct v2_args *a)
{
    struct zip_writer z = ZIP_WRITER_INIT;
    struct err e = { 0 };
    int r;

    if (!a->value[0])
        return v2_missing(c, "output");
    for (size_t i = 0; i < ARRAY_LEN(log_folders); i++)
        pack_folder(c, &z, log_folders[i].folder, log_folders[i].as);
    pack_config(c, &z);
    r = zip_end(&z, &e);
    if (r == 0)
        r = c->w->file_write(c->w, a->value[0], z.out.p, z.out.len, &e);
    if (r == 0)
        v2_say(c, "%u files are in %s\n", z.files, a->value[0]);
    zip_writer_done(&z);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

/* ---- wallpaper ---- */

static int add_attributes(struct v2_cli *c, struct imds *m, const char *list,
                          struct wallpaper_lines *lines, struct err *e)
{
    _cleanup_free_ char *copy = str_dup(list);
    char *rest = copy;

    if (!copy)
        return err_oom(e);
    while (rest) {
        _cleanup_free_ char *value = NULL;
        const struct wallpaper_row *row;
        char *word = rest, *comma = strchr(rest, ',');
        int r;

        rest = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        row = wallpaper_attribute(word);
        if (!row && wallpaper_attribute_is_old(word))
            continue;
        if (!row)
            return err_set(e, EINVAL, ERR_INVALID, "unknown attribute '%s'", word);
        if (str_eq(row->attribute, "privateIpAddress"))
            r = routes_private_ip(c->w, m, &value, e);
        else
            r = wallpaper_attribute_value(c->w, m, row, &value, e);
        if (r == 1)
            r = wallpaper_line_add(lines, row->label, value, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* base64 of a JSON list of names. */
static int add_allowed(struct imds *m, const char *base64, struct wallpaper_lines *lines,
                       struct err *e)
{
    _cleanup_(tree_freep) struct tree *t = NULL;
    _cleanup_free_ uint8_t *json = NULL;
    const char *names[TAGS_MAX];
    size_t len, n = 0;
    int r;

    if (base64_decode(base64, strlen(base64), &json, &len) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "--allowed-tags is no base64");
    r = json_parse("--allowed-tags", (const char *)json, len, &t, e);
    if (r < 0)
        return r;
    if (t->root->type != TREE_LIST)
        return tree_err(t, t->root, e, "a list expected, not %s", tree_type_name(t->root->type));
    for (const struct tree_node *k = t->root->first; k && n < TAGS_MAX; k = k->next) {
        if (k->type != TREE_STRING)
            return tree_err(t, k, e, "a tag's name expected, not %s", tree_type_name(k->type));
        names[n++] = k->text;
    }
    return wallpaper_add_tags(m, lines, names, n, e);
}

/* Without metadata the picture shows what Windows knows; asked once, as each try takes its time. */
static struct imds *metadata_of(struct v2_cli *c)
{
    struct imds *m = imds_new(c->w, dialect_get(DIALECT_V2));
    _cleanup_free_ char *id = NULL;
    struct err e = { 0 };

    if (m && imds_value(m, "instance-id", &id, &e) < 0) {
        v2_say(c, "warning: %s\n", e.msg);
        imds_free(m);
        return NULL;
    }
    return m;
}

int v2_verb_wallpaper(struct v2_cli *c, const struct v2_args *a)
{
    _cleanup_(imds_freep) struct imds *m = NULL;
    struct wallpaper_lines lines = { .n = 0 };
    struct err e = { 0 };
    _cleanup_free_ char *out = win_expand(c->w, "%TEMP%\\Ec2Wallpaper.jpg", &e);
    int r = 0;

    if (!a->value[0])
        return v2_missing(c, "path");
    if (a->on[2] && a->value[3]) {
        (void)err_set(&e, EINVAL, ERR_INVALID, "only one of --all-tags and --allowed-tags");
        (void)v2_fail(c, &e);
        return V2_EXIT_USAGE;
    }
    if (!out)
        return v2_fail(c, &e);
    m = metadata_of(c);
    if (a->value[1])
        r = add_attributes(c, m, a->value[1], &lines, &e);
    if (r >= 0 && a->on[2])
        r = wallpaper_add_tags(m, &lines, NULL, 0, &e);
    if (r >= 0 && a->value[3])
        r = add_allowed(m, a->value[3], &lines, &e);
    if (r >= 0)
        r = wallpaper_set(c->w, a->value[0], out, &lines, &e);
    wallpaper_lines_done(&lines);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

int v2_verb_shortcuts(struct v2_cli *c, const struct v2_args *a)
{
    struct err e = { 0 };
    _cleanup_free_ char *program = win_expand(c->w, V2_PROGRAM, &e);
    struct log *log;
    int r;

    if (!a->value[0])
        return v2_missing(c, "arguments");
    if (!program)
        return v2_fail(c, &e);
    log = v2_open_log(c);
    r = wallpaper_shortcuts(c->w, V2_WALLPAPER, program, a->value[0], false, log, &e);
    if (r < 0)
        log_err(log, "Write the wallpaper's shortcuts", &e);
    log_free(log);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

/* ---- internal install, uninstall ---- */

static const struct {
    const char *folder;
    enum win_protect protect;
} folders[] = {
    { V2_ROOT, WIN_PROTECT_READ },
    { V2_ROOT "\\log", WIN_PROTECT_READ },
    { V2_ROOT "\\config", WIN_PROTECT_ADMINS }, /* may hold a clear-text password */
    { V2_ROOT "\\state", WIN_PROTECT_ADMINS },
    { V2_ROOT "\\sysprep", WIN_PROTECT_READ },
    { V2_ROOT "\\wallpaper", WIN_PROTECT_READ },
};

static int make_folders(struct win *w, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        _cleanup_free_ char *path = win_expand(w, folders[i].folder, e);
        int r = path ? w->dir_make(w, path, e) : -e->no;

        if (r == 0)
            r = w->file_protect(w, path, folders[i].protect, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Settings that are there stay as they are, right or wrong, unless they are wanted anew. */
static int write_default(struct win *w, bool anew, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, e);
    struct win_name found;
    int r = path ? w->file_stat(w, path, &found, e) : -e->no;

    if (r < 0 || (r > 0 && !anew))
        return r < 0 ? r : 0;
    return w->file_write(w, path, v2_default_config, strlen(v2_default_config), e);
}

static int register_log(struct win *w, struct err *e)
{
    _cleanup_free_ char *dll =
        win_expand(w, "%ProgramFiles%\\Amazon\\EC2Launch\\tools\\EC2LaunchEventMessage.dll", e);
    int r = dll ? w->reg_set_text(w, V2_EVENT_KEY, "EventMessageFile", dll, e) : -e->no;

    return r == 0 ? w->reg_set_u32(w, V2_EVENT_KEY, "TypesSupported", 7, e) : r;
}

static int register_service(struct win *w, struct err *e)
{
    _cleanup_free_ char *program =
        win_expand(w, "%ProgramFiles%\\Amazon\\EC2Launch\\service\\EC2LaunchService.exe", e);
    _cleanup_free_ char *command = program ? win_quote(program) : NULL;
    struct win_service s = {
        .name = "EC2Launch",
        .display = "Amazon EC2Launch",
        .description = "Prepares this instance after its first start, and at each start.",
        .command = command,
        .depends_on = "EventLog",
        .start = WIN_START_AUTO,
        .restart_on_failure = true,
    };

    return command ? w->service_install(w, &s, e) : e->no ? -e->no : err_oom(e);
}

int v2_verb_install(struct v2_cli *c, const struct v2_args *a)
{
    const char *telemetry = a->value[1];
    struct err e = { 0 };
    int r;

    if (telemetry && !str_eq_nocase(telemetry, "true") && !str_eq_nocase(telemetry, "false")) {
        (void)err_set(&e, EINVAL, ERR_INVALID, "'true' or 'false' expected behind '--telemetry='");
        (void)v2_fail(c, &e);
        return V2_EXIT_USAGE;
    }
    r = v2_install_package(c->w, &e);
    if (r == 0)
        r = make_folders(c->w, &e);
    if (r == 0)
        r = write_default(c->w, a->on[0], &e);
    if (r == 0)
        r = register_log(c->w, &e);
    if (r == 0)
        r = register_service(c->w, &e);
    if (r == 0 && telemetry)
        r = telemetry_set(c->w, str_eq_nocase(telemetry, "true"), &e);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

/* ---- internal migrate ---- */

/* Checked as any settings are, and the file that was there stays beside the new one. */
static int write_migrated(struct win *w, const struct str *text, struct err *e)
{
    _cleanup_(v2_config_freep) struct v2_config *checked = NULL;
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, e);
    _cleanup_free_ char *before = path ? win_expand(w, V2_CONFIG_PATH ".before", e) : NULL;
    struct win_name found;
    int r = before ? 0 : -e->no;

    if (r == 0)
        r = v2_config_parse("migrated settings", str_text(text), text->len, NULL, NULL, &checked,
                            e);
    if (r == 0)
        r = w->file_stat(w, path, &found, e);
    if (r > 0)
        r = w->file_rename(w, path, before, e);
    if (r == 0)
        r = w->file_write(w, path, str_text(text), text->len, e);
    return r < 0 ? r : w->file_protect(w, path, WIN_PROTECT_ADMINS, e);
}

int v2_verb_migrate(struct v2_cli *c, const struct v2_args *a)
{
    struct str text = STR_INIT(KIB(64));
    const char *from = NULL;
    bool no_password = false;
    struct err e = { 0 };
    int r = v2_migrate(c->w, &text, &from, &no_password, &e);

    if (r == 0)
        r = err_set(&e, ENOENT, ERR_NOT_FOUND, "there are no settings of an older agent");
    if (r > 0)
        r = write_migrated(c->w, &text, &e);
    str_wipe(&text);
    if (r < 0)
        return v2_fail(c, &e);
    v2_say(c,
           "The settings of %s are in agent-config.yml; what was there is in "
           "agent-config.yml.before.\n",
           from);
    if (no_password)
        v2_say(c, "warning: setAdminAccount is doNothing: new instances get no password from the "
                  "agent.\n");
    return V2_EXIT_OK;
}

int v2_verb_uninstall(struct v2_cli *c, const struct v2_args *a)
{
    struct err e = { 0 };

    if (v2_uninstall_package(c->w, &e) < 0 || c->w->service_delete(c->w, "EC2Launch", &e) < 0)
        return v2_fail(c, &e);
    return V2_EXIT_OK;
}
