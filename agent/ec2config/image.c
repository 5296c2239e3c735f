/* SPDX-License-Identifier: Apache-2.0 */
/* Making an image: `ec2config.exe -sysprep` and the password options of the Image tab. */
#include "ec2config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/setup.h"
#include "plugin-priv.h"
#include "sysprep/answer.h"
#include "sysprep/sysprep.h"

#define SCRAMBLE "ScramblePassword.exe"
#define SCRAMBLE_PATH                                                                              \
    "\"C:\\Program Files\\Amazon\\Ec2ConfigService\\" SCRAMBLE "\" -u Administrator"
#define SCRAMBLE_WHY "Replace the blank password by an unknown one"
#define UTILS        "SysprepUtils"

static int check_names(struct win *w, struct err *e)
{
    struct config_file *c = calloc(1, sizeof(*c));
    int r = c ? err_forgive(e, config_file_load(w, c, e), ENOENT) : err_oom(e);

    if (c)
        config_file_done(c);
    free(c);
    return r;
}

static int check_bundle(struct win *w, struct err *e)
{
    struct config_bundle b = { 0 };
    int r = err_forgive(e, config_bundle_load(w, &b, e), ENOENT);

    config_bundle_done(&b);
    return r;
}

static int check_events(struct win *w, struct err *e)
{
    struct config_events *c = calloc(1, sizeof(*c));
    int r = c ? err_forgive(e, config_events_load(w, c, e), ENOENT) : err_oom(e);

    if (c)
        config_events_done(c);
    free(c);
    return r;
}

static int check_plain(struct win *w, struct err *e)
{
    struct config_letters *l = calloc(1, sizeof(*l));
    struct config_activation *a = calloc(1, sizeof(*a));
    struct config_wallpaper *p = calloc(1, sizeof(*p));
    enum config_drives d = CONFIG_DRIVES_NO_TRIM;
    int r = l && a && p ? err_forgive(e, config_letters_load(w, l, e), ENOENT) : err_oom(e);

    if (r == 0)
        r = err_forgive(e, config_activation_load(w, a, e), ENOENT);
    if (r == 0)
        r = err_forgive(e, config_drives_load(w, &d, e), ENOENT);
    if (r == 0)
        r = err_forgive(e, config_wallpaper_load(w, p, e), ENOENT);
    free(l);
    free(a);
    free(p);
    return r;
}

int config_check_all(struct win *w, struct err *e)
{
    int r = check_names(w, e);

    if (r == 0)
        r = check_bundle(w, e);
    if (r == 0)
        r = check_events(w, e);
    return r < 0 ? r : check_plain(w, e);
}

/* ---- ec2config.exe -sysprep ---- */

struct sysprep_job {
    struct config_run *r;
    struct config_bundle bundle;
    config_say *say;
    void *ctx;
    struct {
        const char *name;
        bool on;
    } before[4]; /* states that were changed, as they were */
    size_t before_n;
};

static void set_state(struct sysprep_job *j, const char *name, bool on, struct err *e)
{
    struct config_run *r = j->r;

    if (e->no)
        return;
    j->before[j->before_n].name = name;
    j->before[j->before_n++].on = config_plugin_on(&r->config, name);
    log_from(r->log, UTILS, "Changing plugin %s state to %s", name, on ? "Enabled" : "Disabled");
    (void)config_plugin_set(&r->config, name, on, e);
}

static int set_states(struct sysprep_job *j, struct err *e)
{
    const struct config_bundle *b = &j->bundle;
    struct config_run *r = j->r;
    struct win_system sys = { 0 };

    if (r->w->system(r->w, &sys, e) < 0)
        return -e->no;
    set_state(j, "Ec2SetPassword", b->set_password, e);
    set_state(j, "Ec2OutputRDPCert", true, e);
    if (sys.major < 6) /* later families make their own certificate */
        set_state(j, "Ec2ConfigureRDP", b->set_rdp_certificate, e);
    set_state(j, "Ec2HandleUserData", true, e);
    return e->no ? -e->no : 0;
}

static int prepare(void *ctx, struct err *e)
{
    struct sysprep_job *j = ctx;
    struct err one = { 0 };

    if (j->r->w->hibernation(j->r->w, false, &one) < 0)
        log_err(j->r->log, "Switch hibernation off", &one);
    if (!j->r->config.file)
        return 0; /* no Config.xml: the defaults, with a password, stand */
    if (set_states(j, e) < 0)
        return err_wrap(e, "change the plug-ins' states");
    return config_file_save(j->r->w, &j->r->config, e);
}

/* Sysprep failed and this machine goes on: at the next start of the service it shall not get a new
 * password and run its user data again. */
static void restore_states(struct sysprep_job *j)
{
    struct config_run *r = j->r;
    struct err e = { 0 };
    char state[64] = "";

    if (!j->before_n || setup_state(r->w, state, &e) < 0 ||
        (*state && !str_eq(state, SETUP_COMPLETE)))
        return;
    for (size_t i = 0; i < j->before_n; i++)
        (void)config_plugin_set(&r->config, j->before[i].name, j->before[i].on, &e);
    if (e.no || config_file_save(r->w, &r->config, &e) < 0)
        log_err(r->log, "Set the plug-ins' states back", &e);
    else
        log_from(r->log, UTILS, "Windows was not generalized: the plug-ins' states are as before");
}

static void say_line(void *ctx, const char *line)
{
    struct sysprep_job *j = ctx;

    if (j->say)
        j->say(j->ctx, line);
}

static void say_property(void *ctx, const char *name)
{
    struct config_run *r = ctx;

    log_from(r->log, UTILS, "Processing property: %s", name);
}

static int read_bundle(struct sysprep_job *j, struct err *e)
{
    struct config_run *r = j->r;
    _cleanup_free_ char *path = win_expand(r->w, CONFIG_SETTINGS "BundleConfig.xml", e);
    int ret;

    if (!path)
        return -e->no;
    log_from(r->log, UTILS, "Setting bundle/Sysprep operations for Vista/2008.");
    log_from(r->log, UTILS, "Reading Bundle Properties from %s", path);
    ret = config_bundle_load(r->w, &j->bundle, e);
    if (ret == -ENOENT) {
        err_clear(e);
        j->bundle.set_password = true;
        return 0;
    }
    if (ret < 0)
        return ret;
    config_bundle_each(&j->bundle, say_property, r);
    return 0;
}

int config_sysprep(struct config_run *r, bool shutdown, bool force, config_say *say, void *ctx,
                   struct err *e)
{
    struct sysprep_job j = { .r = r, .say = say, .ctx = ctx };
    struct sysprep_order o = {
        .dialect = DIALECT_CONFIG,
        .shutdown = shutdown,
        .force = force,
        .prepare = prepare,
        .say = say_line,
        .ctx = &j,
        .log = r->log,
    };
    int ret;

    say_line(&j, SYSPREP_WARNING);
    if (config_check_all(r->w, e) < 0)
        return err_wrap(e, "the settings are wrong, nothing was run");
    ret = err_forgive(e, config_file_load(r->w, &r->config, e), ENOENT);
    if (ret == 0)
        ret = read_bundle(&j, e);
    if (!shutdown)
        log_from(r->log, UTILS, "noShutdown is detected. Replacing a shutdown/reboot switch...");
    if (ret == 0) {
        o.before = j.bundle.has_before ? j.bundle.before : NULL;
        o.switches = j.bundle.switches[0] ? j.bundle.switches : NULL;
        ret = sysprep_run(r->w, &o, e);
    }
    if (ret < 0)
        restore_states(&j);
    config_bundle_done(&j.bundle);
    return ret;
}

/* ---- password options ---- */

static int answer_follow(struct xmlfile *f, enum config_password option, const char *password,
                         bool *ret_removed, struct err *e)
{
    if (option != CONFIG_PASSWORD_SPECIFY)
        *ret_removed = answer_remove_password(f) > 0;
    else if (answer_set_password(f, password, e) < 0)
        return -e->no;
    if (option == CONFIG_PASSWORD_KEEP) {
        (void)answer_remove_command(f, SCRAMBLE);
        return 0;
    }
    if (answer_command(f, SCRAMBLE))
        return 0;
    return answer_add_command(f, 2, SCRAMBLE_WHY, SCRAMBLE_PATH, e);
}

static int change_answer(struct win *w, enum config_password option, const char *password,
                         struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, sysprep_dialect(DIALECT_CONFIG)->answer_file, e);
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;
    bool removed = false;

    if (!path || xmlfile_load(w, path, &f, e) < 0 ||
        answer_follow(f, option, password, &removed, e) < 0)
        return -e->no;
    if (option == CONFIG_PASSWORD_SPECIFY)
        return xmlfile_store_private(w, f, path, e);
    if (xmlfile_store(w, f, path, e) < 0)
        return -e->no;
    return removed ? w->file_protect(w, path, WIN_PROTECT_READ, e) : 0;
}

static int change_config(struct win *w, bool set, struct err *e)
{
    struct config_file *c = calloc(1, sizeof(*c));
    int r = c ? config_file_load(w, c, e) : err_oom(e);

    if (r == 0)
        r = config_plugin_set(c, "Ec2SetPassword", set, e);
    if (r == 0)
        r = config_file_save(w, c, e);
    if (c)
        config_file_done(c);
    free(c);
    return r;
}

/* Or the next `-sysprep` would turn Ec2SetPassword on again. */
static int change_bundle(struct win *w, bool set, struct err *e)
{
    struct config_bundle b = { 0 };
    int r = config_bundle_load(w, &b, e);

    if (r == -ENOENT && set) {
        err_clear(e);
        return 0; /* without a file the password is set */
    }
    if (r == 0)
        r = config_bundle_set(&b, "SetPasswordAfterSysprep", set ? "Yes" : "No", e);
    if (r == 0)
        r = config_bundle_save(w, &b, e);
    config_bundle_done(&b);
    return r;
}

int config_choose_password(struct win *w, enum config_password option, const char *password,
                           struct err *e)
{
    bool set = option == CONFIG_PASSWORD_RANDOM;
    struct err unknown = { 0 };
    unsigned min = 0;

    if (option == CONFIG_PASSWORD_SPECIFY) {
        if (w->password_min_length(w, &min, &unknown) < 0)
            min = 0; /* a policy that cannot be read refuses nothing */
        if (!password_is_good(password, min ? min : 1))
            return err_set(e, EINVAL, ERR_INVALID,
                           "the password needs at least %u characters of three of these kinds: "
                           "upper-case letters, lower-case letters, digits, others",
                           min ? min : 1);
    }
    if (change_answer(w, option, password, e) < 0 || change_bundle(w, set, e) < 0)
        return -e->no;
    return change_config(w, set, e);
}
