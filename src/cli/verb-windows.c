/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows disks without booting them: the daemon is not asked, and need not run. */
#include "verbs.h"
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "diff.h"
#include "disk-format.h"
#include "file.h"
#include "option-list.h"
#include "parse.h"
#include "windows-request.h"
#include "str.h"
#include "units.h"
#include "windows-journal.h"
#include "windows-worker.h"

/* ---- the request ----------------------------------------------------------------------------- */

static bool is_hive(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char magic[4];

    return fd >= 0 && pread_full(fd, magic, sizeof magic, 0) == 0 && memcmp(magic, "regf", 4) == 0;
}

/* What has neither a magic nor a telling name is raw; the worker looks at it once more. */
static int format_of(const char *path, const char **ret, struct err *e)
{
    struct err inner = { 0 };
    int r = disk_format_guess(path, ret, &inner);

    if (r == 0)
        return 0;
    if (inner.kind == ERR_INVALID && !disk_format_of_name(path)) {
        *ret = "raw";
        return 0;
    }
    *e = inner;
    return r;
}

/* Of a block device: the place that was named, or the one that is its own below KILN_HOME. Who only
 * looks needs one only when a change waits there. NULL: none. */
static int journal_of(struct cli *c, enum windows_action a, const char *device, char **ret,
                      struct err *e)
{
    const char *given = cli_opt(c, "--journal");
    bool looks = a == WINDOWS_INSPECT || a == WINDOWS_DIFF || cli_flag(c, "--dry-run");
    _cleanup_free_ char *path = NULL, *dir = NULL;
    int r = c->cfg.home[0] ? 0 : config_home(c, e);

    if (r == 0 && given)
        path = xstrdup(given);
    else if (r == 0)
        r = windows_journal_path(c->cfg.home, device, "/sys", &path, e);
    if (r < 0)
        return r;
    if (looks && !path_exists(path))
        return 0;
    dir = xasprintf("%s/journals", c->cfg.home);
    if (!given)
        r = dir_make(dir, 0700, e);
    if (r < 0)
        return err_wrap(e, "make a place for the journal (--journal names another one)");
    *ret = TAKE_PTR(path);
    return 0;
}

static int add_disk(struct cli *c, enum windows_action a, json_t *disks, const char *path,
                    struct err *e)
{
    const char *format = cli_opt(c, "--format"), *part = cli_opt(c, "--partition");
    _cleanup_free_ char *journal = NULL;
    uint64_t number = 0;
    struct stat st;
    json_t *d;
    int r = 0;

    if (stat(path, &st) < 0)
        return err_errno(e, "open '%s'", path);
    if (part && parse_u64(part, 1, WIN_PARTS_MAX, &number) < 0)
        return cli_usage(c, e, "--partition takes a number from 1, not '%s'", part);
    if (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && !format && is_hive(path))) {
        d = json_pack("{s:s}", "folder", path);
    } else {
        if (!format)
            r = format_of(path, &format, e);
        if (r == 0 && S_ISBLK(st.st_mode))
            r = journal_of(c, a, path, &journal, e);
        else if (r == 0 && cli_opt(c, "--journal"))
            r = cli_usage(c, e, "--journal is for block devices: beside '%s' there is room", path);
        if (r < 0)
            return r;
        d = json_pack("{s:s, s:s, s:i, s:s*}", "path", path, "format", format, "partition",
                      (int)number, "journal", journal);
    }
    return d && json_array_append_new(disks, d) == 0 ? 0 : err_oom(e);
}

static int set_text_of_file(json_t *options, const char *key, const char *path, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    json_t *v;
    size_t len;
    int r = file_read(path, MIB(8), &text, &len, e);

    if (r < 0)
        return r;
    v = json_stringn(text, len);
    if (!v)
        return err_set(e, EILSEQ, ERR_INVALID, "'%s' is not UTF-8 text", path);
    return json_object_set_new(options, key, v) == 0 ? 0 : err_oom(e);
}

static int add_copy(struct cli *c, json_t *list, const char *value, struct err *e)
{
    const char *colon = strchr(value, ':');
    json_t *v;

    if (!colon || colon == value || !colon[1])
        return cli_usage(c, e, "--copy takes FROM:TO, not '%s'", value);
    v = json_pack("{s:s%, s:s}", "from", value, (size_t)(colon - value), "to", colon + 1);
    return v && json_array_append_new(list, v) == 0 ? 0 : err_oom(e);
}

static int set_list(struct cli *c, json_t *options, const char *key, const char *name, bool copies,
                    struct err *e)
{
    json_t *list = json_array();
    const char *value;
    int r = 0;

    for (size_t i = 0; r == 0 && (value = cli_opt_at(c, name, i)); i++) {
        if (copies)
            r = add_copy(c, list, value, e);
        else if (json_array_append_new(list, json_string(value)) < 0)
            r = err_oom(e);
    }
    if (r < 0) {
        json_decref(list);
        return r;
    }
    return json_object_set_new(options, key, list) == 0 ? 0 : err_oom(e);
}

static int set_option(struct cli *c, json_t *options, const struct windows_option *o, struct err *e)
{
    _cleanup_free_ char *name = xasprintf("--%s", o->name), *key = xstrdup(o->name);
    const char *value = cli_opt(c, name);

    for (char *p = key; *p; p++)
        *p = (char)(*p == '-' ? '_' : *p);
    if (!value && !cli_flag(c, name))
        return 0;
    switch (o->kind) {
    case WINDOWS_OPTION_FLAG:
        return json_object_set_new(options, key, json_true()) == 0 ? 0 : err_oom(e);
    case WINDOWS_OPTION_FILE_TEXT:
        return set_text_of_file(options, key, value, e);
    case WINDOWS_OPTION_LIST:
    case WINDOWS_OPTION_COPY:
        return set_list(c, options, key, name, o->kind == WINDOWS_OPTION_COPY, e);
    default:
        return json_object_set_new(options, key, json_string(value)) == 0
                   ? 0
                   : err_set(e, EILSEQ, ERR_INVALID, "'%s' is not UTF-8 text", name);
    }
}

static int make_request(struct cli *c, enum windows_action a, json_t **ret, struct err *e)
{
    json_t *disks = json_array(), *options = json_object();
    json_t *doc = json_pack("{s:s, s:b, s:o, s:o}", "action", windows_action_name(a), "dry_run",
                            cli_flag(c, "--dry-run"), "disks", disks, "options", options);
    int r = doc ? 0 : err_oom(e);

    for (size_t i = 0; i < c->n_args && r == 0; i++)
        r = add_disk(c, a, disks, c->args[i], e);
    for (const struct windows_option *o = windows_options_table; o->name && r == 0; o++)
        r = set_option(c, options, o, e);
    if (r < 0) {
        json_decref(doc);
        return r;
    }
    *ret = doc;
    return 0;
}

/* ---- what is printed ------------------------------------------------------------------------- */

static json_int_t count(const json_t *result, const char *status)
{
    return json_integer_value(json_object_get(json_object_get(result, "counts"), status));
}

static void plan_text(struct cli *c, struct str *s, const json_t *result)
{
    bool dry = json_is_true(json_object_get(result, "dry_run"));
    char bytes[UNITS_MAX];

    if (json_is_true(json_object_get(result, "finished_earlier")))
        str_add(s, "An earlier change, interrupted, was finished first.\n\n");
    win_plan_text(s, json_object_get(result, "rows"), dry);
    str_addf(s, "\n%s: %lld %s, %lld right already, %lld cannot be done offline, %lld warnings; ",
             c->args[0], (long long)count(result, "done"), dry ? "would be done" : "done",
             (long long)count(result, "kept"), (long long)count(result, "cannot"),
             (long long)count(result, "warning"));
    units_bytes((uint64_t)json_integer_value(json_object_get(result, "changed_bytes")), bytes);
    str_addf(s, dry ? "%s would change.\n" : "%s changed.\n", bytes);
}

static int write_report(const char *path, const json_t *result, struct err *e)
{
    _cleanup_free_ char *text = json_dumps(result, JSON_INDENT(2));

    return text ? file_replace(path, text, strlen(text), 0600, e) : err_oom(e);
}

static int print(struct cli *c, enum windows_action a, json_t *result, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(MIB(64));
    int r;

    if (c->json)
        return out_json(json_incref(result), e);
    if (a == WINDOWS_INSPECT)
        windows_inspect_text(&s, result);
    else if (a == WINDOWS_DIFF)
        windows_diff_text(&s, result);
    else
        plan_text(c, &s, result);
    r = str_check(&s, "the answer", e);
    if (r < 0)
        return r;
    (void)fputs(str_text(&s), stdout);
    return out_flush(e);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static int ask_worker(struct cli *c, enum windows_action a, json_t **ret, struct err *e)
{
    _cleanup_json_ json_t *request = NULL;
    int r = make_request(c, a, &request, e);

    return r < 0 ? r : windows_worker_run(request, ret, e);
}

static int run_action(struct cli *c, enum windows_action a, struct err *e)
{
    const char *report = cli_opt(c, "--report");
    _cleanup_json_ json_t *result = NULL;
    int r = ask_worker(c, a, &result, e);

    if (r == 0 && report)
        r = write_report(report, result, e);
    return r < 0 ? r : print(c, a, result, e);
}

#define RUN(name, action)                                                                          \
    static int name(struct cli *c, struct err *e)                                                  \
    {                                                                                              \
        return run_action(c, action, e);                                                           \
    }

RUN(run_inspect, WINDOWS_INSPECT)
RUN(run_prepare, WINDOWS_PREPARE)
RUN(run_clean, WINDOWS_CLEAN)
RUN(run_generalise, WINDOWS_GENERALISE)
RUN(run_specialise, WINDOWS_SPECIALISE)
RUN(run_diff, WINDOWS_DIFF)

/* From the room's table: one row each, and so is the document that the worker reads. */
#define VALUE_FLAG(v)      NULL
#define VALUE_TEXT(v)      v
#define VALUE_FILE_TEXT(v) v
#define VALUE_LIST(v)      v
#define VALUE_COPY(v)      v
#define VALUE_TREE(v)      v
#define IS_MANY_FLAG       false
#define IS_MANY_TEXT       false
#define IS_MANY_FILE_TEXT  false
#define IS_MANY_LIST       true
#define IS_MANY_COPY       true
#define IS_MANY_TREE       false
#define ROW(n, kind, v, h)                                                                         \
    { .name = "--" n, .value = VALUE_##kind(v), .many = IS_MANY_##kind, .help = h },

#define DISK_OPTIONS                                                                               \
    { .name = "--format",                                                                          \
      .value = "FORMAT",                                                                           \
      .choices = DISK_FORMATS,                                                                     \
      .help = "Of the disk file; told from its content and name without this." },                  \
        { .name = "--partition",                                                                   \
          .value = "NUMBER",                                                                       \
          .help = "Which Windows, when the disk has several." },                                   \
    {                                                                                              \
        .name = "--journal", .value = "FILE",                                                      \
        .help = "Where a change to a block device is kept until it is whole on it, instead of "    \
                "KILN_HOME/journals. After a crash, name the same file again."                     \
    }

#define CHANGE_OPTIONS                                                                             \
    { .name = "--dry-run", .help = "Print what would be done; change nothing." },                  \
    {                                                                                              \
        .name = "--report", .value = "FILE", .help = "Write what was done, as JSON."               \
    }

/* clang-format off: the groups bring their own commas */
static const struct cli_option look_options[] = { DISK_OPTIONS, { 0 } };
static const struct cli_option clean_options[] = { DISK_OPTIONS, CHANGE_OPTIONS, { 0 } };
static const struct cli_option prepare_options[] = { DISK_OPTIONS, CHANGE_OPTIONS,
                                                     WINDOWS_OPTIONS_ANSWER(ROW)
                                                         WINDOWS_OPTIONS_SETTING(ROW)
                                                             WINDOWS_OPTIONS_PREPARE(ROW){ 0 } };
static const struct cli_option generalise_options[] = { DISK_OPTIONS, CHANGE_OPTIONS,
                                                        WINDOWS_OPTIONS_ANSWER(ROW)
                                                            WINDOWS_OPTIONS_GENERALISE(ROW){ 0 } };
static const struct cli_option specialise_options[] = { DISK_OPTIONS, CHANGE_OPTIONS,
                                                        WINDOWS_OPTIONS_ANSWER(ROW)
                                                            WINDOWS_OPTIONS_SETTING(ROW){ 0 } };
/* clang-format on */

#define WHOLE                                                                                      \
    "DISK is a disk file (raw, qcow2, VHD, VHDX, VMDK) or a block device that nothing uses. "      \
    "It is changed whole or not at all: the work is done on a copy-on-write layer, read again, "   \
    "and then committed; what a crash leaves is finished or dropped by the next command. Domain "  \
    "controllers, BitLocker, hibernated volumes, pending updates and the like are refused before " \
    "a byte is written."

const struct cli_verb cli_verbs_windows[] = {
    { .name = "windows inspect",
      .args = "DISK",
      .min_args = 1,
      .max_args = 1,
      .complete = "files",
      .options = look_options,
      .summary = "Tells all about the Windows on a disk, without starting it.",
      .help = "DISK is a disk file, a bare NTFS volume, a folder of registry hives, or one hive: "
              "what can be told from it is told. Nothing is changed.",
      .run = run_inspect },
    { .name = "windows prepare",
      .args = "DISK",
      .min_args = 1,
      .max_args = 1,
      .complete = "files",
      .options = prepare_options,
      .summary = "Puts per-clone settings into an image that Sysprep has sealed.",
      .help = WHOLE " The image must be sealed; Windows itself makes the new machine SID at its "
                    "first boot. This is the road that Microsoft supports.",
      .run = run_prepare },
    { .name = "windows clean",
      .args = "DISK",
      .min_args = 1,
      .max_args = 1,
      .complete = "files",
      .options = clean_options,
      .summary = "Takes logs, caches, stale devices and machine identity out; keeps the SID.",
      .help = WHOLE " The result is not generalised, and the report says so.",
      .run = run_clean },
    { .name = "windows generalise",
      .alias = "windows generalize",
      .args = "DISK",
      .min_args = 1,
      .max_args = 1,
      .complete = "files",
      .options = generalise_options,
      .summary = "Cleans, gives a new machine SID, leaves the domain, arms the setup.",
      .help =
          WHOLE " What Sysprep does in Windows, done from outside: checkable, and not supported "
                "by Microsoft. What only a running Windows can do is listed in the report.",
      .run = run_generalise },
    { .name = "windows specialise",
      .alias = "windows specialize",
      .args = "DISK",
      .min_args = 1,
      .max_args = 1,
      .complete = "files",
      .options = specialise_options,
      .summary = "Applies an answer file's settings to the disk, so that no setup pass is needed.",
      .help = WHOLE " Not supported by Microsoft.",
      .run = run_specialise },
    { .name = "windows diff",
      .args = "DISK DISK",
      .min_args = 2,
      .max_args = 2,
      .complete = "files",
      .options = look_options,
      .summary = "Shows files, registry keys and values that differ between two disks.",
      .help = "",
      .run = run_diff },
    { 0 },
};
