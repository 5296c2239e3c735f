/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "prepare": a sealed image gets what its first boot needs: answer file, agent with its settings,
 * drivers, files, commands, serial console. Windows itself does the rest: the supported road. */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bcd.h"

#define INSTALLERS     "Windows/Setup/Kiln"
#define RUN_MAX        64
#define PANTHER_ANSWER "Windows/Panther/unattend.xml"

struct answer_options answer_options_of(const struct windows_options *o)
{
    bool administrator = !o->user || str_eq_nocase(o->user, "Administrator");

    return (struct answer_options){ .computer_name = o->computer_name,
                                    .admin_password = administrator ? o->password : NULL,
                                    .locale = o->locale,
                                    .keyboard = o->keyboard,
                                    .time_zone = o->time_zone,
                                    .product_key = o->product_key,
                                    .organization = o->organisation,
                                    .owner = o->owner,
                                    .run = o->run,
                                    .rdp = o->rdp };
}

/* ---- files ----------------------------------------------------------------------------------- */

static int put_at(struct work *k, const char *path, const void *data, size_t n, struct err *e)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *dir = slash ? xasprintf("%.*s", (int)(slash - path), path) : NULL;
    int r = dir ? win_tree_mkdir(k->os, dir, e) : 0;

    return r < 0 ? r : win_tree_write(k->os, path, data, n, e);
}

int put_user_files(struct work *k, struct err *e)
{
    for (size_t i = 0; i < k->o->n_files; i++) {
        const struct windows_file *f = &k->o->files[i];
        int r = put_at(k, f->path, f->data, f->len, e);

        if (r < 0)
            return err_wrap(e, "copy '%s'", f->path);
        win_plan_addf(k->p, WIN_ROW_DONE, "file", f->path, NULL, "%zu bytes", f->len);
    }
    return 0;
}

/* ---- the agent ------------------------------------------------------------------------------- */

static bool is_installer(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && strcasecmp(path + n - 4, ".msi") == 0;
}

/* A tree that begins at the volume's root, or one that belongs into the agent's own directory. */
static char *agent_path(const struct dialect *d, const char *path)
{
    if (strncasecmp(path, "Program Files/", 14) == 0 ||
        strncasecmp(path, "ProgramData/", 12) == 0 || strncasecmp(path, "Windows/", 8) == 0)
        return xstrdup(path);
    return xasprintf("%s/%s", d->home, path);
}

/* Services\<name>: started at each boot, as LocalSystem. */
static int write_agent_service(struct work *k, const struct dialect *d, struct err *e)
{
    static const char *const depends[] = { "EventLog", NULL };
    _cleanup_free_ char *exe = xasprintf("\"C:\\%s\\%s\"", d->home, d->service_exe);
    char path[64];
    int r = 0;

    for (char *c = exe; *c; c++)
        if (*c == '/')
            *c = '\\';
    (void)snprintf(path, sizeof path, "Services\\%s", d->service);
    for (size_t i = 0; r == 0 && i < k->sets->n; i++) {
        uint32_t key;

        r = regf_key_create(k->system, k->sets->key[i], path, &key, e);
        if (r == 0)
            r = regf_set_dword(k->system, key, "Type", 0x10, e);
        if (r == 0)
            r = regf_set_dword(k->system, key, "Start", 2, e);
        if (r == 0)
            r = regf_set_dword(k->system, key, "ErrorControl", 1, e);
        if (r == 0)
            r = regf_set_text(k->system, key, "ImagePath", REGF_EXPAND_SZ, exe, e);
        if (r == 0)
            r = regf_set_text(k->system, key, "DisplayName", REGF_SZ, d->service_label, e);
        if (r == 0)
            r = regf_set_text(k->system, key, "ObjectName", REGF_SZ, "LocalSystem", e);
        if (r == 0)
            r = regf_set_multi(k->system, key, "DependOnService", depends, e);
    }
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "service of the agent", d->service, NULL, exe);
    return r;
}

/* Settings take the place of those in the agent's directory: they come last. */
static int put_settings(struct work *k, const struct dialect *d, struct err *e)
{
    int r;

    if (!k->o->agent_settings)
        return 0;
    r = put_at(k, d->settings, k->o->agent_settings, strlen(k->o->agent_settings), e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "settings of the agent", d->settings, NULL,
                     "the given ones");
    return r;
}

static int copy_agent(struct work *k, const struct dialect *d, bool *ret_exe, struct err *e)
{
    _cleanup_free_ char *exe = d->service ? xasprintf("%s/%s", d->home, d->service_exe) : NULL;
    uint64_t bytes = 0;

    for (char *c = exe; c && *c; c++)
        if (*c == '\\')
            *c = '/';
    for (size_t i = 0; i < k->o->n_agent; i++) {
        const struct windows_file *f = &k->o->agent[i];
        _cleanup_free_ char *path =
            is_installer(f->path) ? xasprintf(INSTALLERS "/%s", f->path) : agent_path(d, f->path);
        int r = put_at(k, path, f->data, f->len, e);

        if (r < 0)
            return err_wrap(e, "install the agent");
        bytes += f->len;
        *ret_exe = *ret_exe || (exe && str_eq_nocase(path, exe));
    }
    if (k->o->n_agent)
        win_plan_addf(k->p, WIN_ROW_DONE, "agent", d->home, NULL, "%zu files, %llu KiB",
                      k->o->n_agent, (unsigned long long)(bytes >> 10));
    return 0;
}

int install_agent(struct work *k, struct err *e)
{
    const struct dialect *d = k->dialect;
    bool exe = false;
    int r;

    if (!d && (k->o->n_agent || k->o->agent_settings))
        return err_set(e, EINVAL, ERR_INVALID, "which agent? 'dialect' says it");
    if (!d)
        return 0;
    r = copy_agent(k, d, &exe, e);
    if (r == 0)
        r = put_settings(k, d, e);
    if (r == 0 && exe)
        r = write_agent_service(k, d, e);
    if (r == 0)
        r = dialect_put_files(d, k->os, k->p, e);
    if (r == 0)
        r = dialect_forget(d, k->os, k->p, e);
    return r;
}

/* ---- the serial console ---------------------------------------------------------------------- */

int set_serial_console(struct work *k, struct err *e)
{
    static const struct bcd_options o = {
        .ems = true, .port = 1, .baud = 115200, .no_recovery = true, .timeout_s = UINT64_MAX
    };
    const char *path = k->w->is_uefi ? WINDOWS_BCD_UEFI : WINDOWS_BCD_BIOS;
    _cleanup_(hives_freep) struct hives *h = NULL;
    struct hive *v;
    int r;

    if (!k->o->ems)
        return 0;
    if (!k->w->system)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no system partition with boot files was found");
    h = hives_new(k->w->system, true);
    r = hives_get_path(h, path, &v, e);
    if (r == 0 && !v->regf)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "'%s' is not on the system partition", path);
    if (r == 0)
        r = bcd_apply(v->regf, &o, path, k->p, e);
    if (r == 0)
        r = hives_save(h, k->p, e);
    return r < 0 ? err_wrap(e, "turn the serial console on") : 0;
}

/* ---- the answer file ------------------------------------------------------------------------- */

/* Commands of the options, then what drivers and installers need. */
struct commands {
    const char *list[RUN_MAX + 1];
    size_t n;
    char *owned[RUN_MAX];
    size_t n_owned;
};

static void commands_done(struct commands *c)
{
    for (size_t i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
}

static int add_command(struct commands *c, const char *text, struct err *e)
{
    if (c->n == RUN_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "more than %d commands", RUN_MAX);
    c->list[c->n++] = text;
    return 0;
}

static int add_installers(struct work *k, struct commands *c, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->o->n_agent && c->n_owned < RUN_MAX; i++) {
        const char *path = k->o->agent[i].path;
        char *text;

        if (!is_installer(path))
            continue;
        text = xasprintf("msiexec.exe /i C:\\Windows\\Setup\\Kiln\\%s /qn /norestart", path);
        for (char *p = text + 16; *p && strncmp(p, " /qn", 4) != 0; p++)
            if (*p == '/')
                *p = '\\';
        c->owned[c->n_owned++] = text;
        r = add_command(c, text, e);
    }
    return r;
}

/* A sealed image may have one already, from Sysprep or from "generalise": it is taken further. NULL
 * when there is none that can be read. */
static char *answer_there(struct work *k, size_t *ret_n)
{
    _cleanup_(answer_freep) struct answer *a = NULL;
    _cleanup_free_ uint8_t *text = NULL;
    struct err scratch = { 0 };
    size_t n;

    if (k->dialect || k->o->answer_file ||
        win_tree_read(k->os, PANTHER_ANSWER, ANSWER_BYTES_MAX, &text, &n, &scratch) < 0)
        return NULL;
    if (answer_parse(text, n, &a, &scratch) < 0 || answer_require_valid(a, &scratch) < 0) {
        win_plan_add(k->p, WIN_ROW_WARNING, "answer file of the image", PANTHER_ANSWER, NULL,
                     scratch.msg);
        return NULL;
    }
    *ret_n = n;
    return (char *)TAKE_PTR(text);
}

static int put_answer(struct work *k, bool pnputil, struct err *e)
{
    _cleanup_(commands_done) struct commands c = { 0 };
    _cleanup_(answer_freep) struct answer *a = NULL;
    size_t there_n = 0;
    _cleanup_free_ char *there = answer_there(k, &there_n);
    struct answer_options o = answer_options_of(k->o);
    char from[WIN_PATH_MAX];
    int r = 0;

    if (pnputil)
        r = add_command(&c, DRIVERS_COMMAND, e);
    if (r == 0)
        r = add_installers(k, &c, e);
    for (size_t i = 0; r == 0 && k->o->run && k->o->run[i]; i++)
        r = add_command(&c, k->o->run[i], e);
    if (r < 0)
        return r;
    o.run = c.n ? c.list : NULL;
    r = dialect_answer(k->dialect, k->h, k->os, there ? there : k->o->answer_file,
                       there ? there_n : k->o->answer_file_len, &o, &a, from, sizeof from, k->p, e);
    if (r == 0 && there)
        (void)str_copy(from, sizeof from, "the image's own");
    if (r == 0)
        r = answer_put(a, from, k->os, k->p, e);
    if (r == 0)
        r = answer_warn_missing(a, k->os, k->p, e);
    for (size_t i = 0; r == 0 && i < c.n; i++)
        win_plan_add(k->p, WIN_ROW_DONE, "command of the first boot", NULL, NULL, c.list[i]);
    return r;
}

/* ---- the action ------------------------------------------------------------------------------ */

static int other_account(struct work *k, struct err *e)
{
    if (!k->o->user || str_eq_nocase(k->o->user, "Administrator"))
        return 0;
    return err_set(e, EINVAL, ERR_INVALID,
                   "prepare sets the password of Administrator alone; others by a command");
}

int windows_prepare(struct windows *w, const struct windows_options *o, struct win_plan *p,
                    struct err *e)
{
    static const char *const unattend[] = { "UnattendFile", NULL };
    _cleanup_(work_done) struct work k = { 0 };
    bool pnputil = false;
    int r;

    r = work_open(&k, w, o, p, e);
    if (r == 0)
        r = other_account(&k, e);
    if (r == 0)
        r = put_user_files(&k, e);
    if (r == 0)
        r = install_agent(&k, e);
    if (r == 0)
        r = inject_drivers(&k, &pnputil, e);
    if (r == 0)
        r = clean_start_overrides(&k, e);
    if (r == 0)
        r = put_answer(&k, pnputil, e);
    if (r == 0) /* Setup would read that one first */
        r = value_delete(&k, k.system, "SYSTEM", "Setup", unattend, "older answer file", e);
    if (r == 0)
        r = set_serial_console(&k, e);
    if (r == 0)
        r = work_save(&k, e);
    return r < 0 ? err_wrap(e, "prepare") : 0;
}
