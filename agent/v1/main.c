/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of Ec2Launch.exe. People type the names of the PowerShell files; those pass their
 * switches on as they got them. */
#include "v1/v1.h"

#include <errno.h>
#include <string.h>

#include "engine/activation.h"
#include "engine/routes.h"
#include "engine/setup.h"
#include "engine/telemetry.h"
#include "engine/zone.h"
#include "sysprep/sysprep.h"

#define LOGS "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Log\\"

enum {
    ON_SCHEDULE = 1,
    ON_PER_BOOT = 2,
    ON_KEEP = 4,
    ON_TRIM = 8,
    ON_NO_SHUTDOWN = 16,
    ON_FORCE = 32,
    ON_INACTIVE = 64,
    ON_TELEMETRY = 128,
    ON_NO_TELEMETRY = 256,
};

static const struct {
    const char *name;
    unsigned bit;
} switches[] = {
    { "Schedule", ON_SCHEDULE },
    { "SchedulePerBoot", ON_PER_BOOT },
    { "KeepSchedule", ON_KEEP },
    { "EnableTrim", ON_TRIM },
    { "NoShutdown", ON_NO_SHUTDOWN },
    { "Force", ON_FORCE },
    { "Inactive", ON_INACTIVE },
    { "EnableTelemetry", ON_TELEMETRY },
    { "EnableTelemetry:$true", ON_TELEMETRY },
    { "EnableTelemetry:$false", ON_NO_TELEMETRY },
};

struct call {
    struct v1_run *r;
    unsigned on;
    const char *word; /* the argument that is no switch, or NULL */
    int config_result;
    struct err config_err;
};

static int do_initialize(struct call *c, struct err *e)
{
    if (c->on & (ON_SCHEDULE | ON_PER_BOOT))
        return v1_schedule(c->r, (c->on & ON_PER_BOOT) != 0, e);
    if (c->config_result < 0)
        console_say(c->r->console, "Message: default settings are used: %s", c->config_err.msg);
    c->r->keep_schedule = (c->on & ON_KEEP) != 0;
    return v1_initialize(c->r, e);
}

static int do_disks(struct call *c, struct err *e)
{
    if (c->on & ON_SCHEDULE)
        return v1_task_schedule(c->r->w, V1_TASK_DISKS, c->on & ON_TRIM ? "-EnableTrim" : "", e);
    return v1_disks(c->r, (c->on & ON_TRIM) != 0, e);
}

static int do_events(struct call *c, struct err *e)
{
    return c->on & ON_SCHEDULE ? v1_task_schedule(c->r->w, V1_TASK_EVENTS, "", e)
                               : v1_send_events(c->r, e);
}

static int do_ready(struct call *c, struct err *e)
{
    if (c->on & ON_SCHEDULE)
        return v1_task_schedule(c->r->w, V1_TASK_READY, "", e);
    console_say(c->r->console, "%s", c->r->d->ready);
    return 0;
}

/* Sysprep with settings that do not mean what they say would make images nobody can enter. */
static int refuse_broken_settings(const struct call *c, struct err *e)
{
    if (c->config_result >= 0 || c->config_result == -ENOENT)
        return 0;
    return err_set(e, EINVAL, ERR_INVALID, "the settings are wrong, nothing was run: %s",
                   c->config_err.msg);
}

static int do_sysprep(struct call *c, struct err *e)
{
    if (refuse_broken_settings(c, e) < 0)
        return -e->no;
    return v1_sysprep(c->r, !(c->on & ON_NO_SHUTDOWN), (c->on & ON_FORCE) != 0, e);
}

static int do_shutdown(struct call *c, struct err *e)
{
    if (refuse_broken_settings(c, e) < 0 || v1_schedule(c->r, false, e) < 0 ||
        v1_set_specified_password(c->r, e) < 0)
        return -e->no;
    password_done_wipe(&c->r->password);
    return c->r->w->power_off(c->r->w, false, "Shutdown without Sysprep", e);
}

/* A task at startup: the network may come after it. */
static int do_user_data(struct call *c, struct err *e)
{
    enum win_task_state init = WIN_TASK_ABSENT;
    struct err unknown = { 0 };
    int ret;

    if (c->r->w->task_state(c->r->w, v1_task_name(V1_TASK_INIT), &init, &unknown) == 0 &&
        init == WIN_TASK_ENABLED) {
        log_say(c->r->log, LOG_INFO, "The initialisation of this boot runs user data");
        return 0;
    }

    if (!c->r->config.on[V1_USER_DATA]) {
        log_say(c->r->log, LOG_INFO, "handleUserData is false: user data is not run");
        return 0;
    }
    ret = imds_wait(c->r->imds, NULL, NULL, e);
    return ret > 0 ? v1_user_data(c->r, e) : ret;
}

/* For a running instance whose routes lead to the network of its image: nothing else is touched. */
static int do_routes(struct call *c, struct err *e)
{
    if (routes_add(c->r->w, c->r->d, NULL, c->r->log, e) < 0)
        return -e->no;
    zone_resync(c->r->w, c->r->log);
    return 0;
}

static int do_activation_settings(struct call *c, struct err *e)
{
    static const struct activation none = { 0 };

    return activation_apply(c->r->w, c->r->imds, &none, c->r->log, NULL, e);
}

static int do_wallpaper(struct call *c, struct err *e)
{
    return v1_wallpaper_draw(c->r, e);
}

/* A specified password leaves the settings in clear and comes back sealed for this machine. */
static int do_seal_password(struct call *c, struct err *e)
{
    struct v1_config *config = &c->r->config;
    _cleanup_str_ struct str text = STR_INIT(KIB(8));
    void *sealed = NULL;
    size_t n = 0;

    if (c->config_result < 0)
        return c->config_result == -ENOENT
                   ? err_set(e, ENOENT, ERR_NOT_FOUND, "there is no LaunchConfig.json")
                   : refuse_broken_settings(c, e);
    if (config->type != V1_PASSWORD_SPECIFY || !*config->password)
        return err_set(e, EINVAL, ERR_INVALID,
                       "adminPasswordType is not Specify, or adminPassword is empty: there is "
                       "nothing to encrypt");
    if (c->r->w->protect(c->r->w, config->password, strlen(config->password), &sealed, &n, e) < 0)
        return -e->no;
    str_base64(&text, sealed, n);
    free(sealed);
    if (str_check(&text, "the encrypted password", e) < 0 ||
        v1_config_set_password(config, V1_PASSWORD_ENCRYPTED, str_text(&text), e) < 0)
        return -e->no;
    return v1_config_save(c->r->w, config, e);
}

static int do_randomize(struct call *c, struct err *e)
{
    if (!c->word)
        return err_set(e, EINVAL, ERR_INVALID, "randomize-password: the account is missing");
    return password_scramble(c->r->w, c->word, (c->on & ON_INACTIVE) != 0, e);
}

static int do_install(struct call *c, struct err *e)
{
    int ret = v1_install(c->r->w, (c->on & ON_FORCE) != 0, e);

    if (ret == 0 && c->on & (ON_TELEMETRY | ON_NO_TELEMETRY))
        ret = telemetry_set(c->r->w, (c->on & ON_TELEMETRY) != 0, e);
    return ret;
}

static int do_uninstall(struct call *c, struct err *e)
{
    return v1_uninstall(c->r->w, e);
}

static const struct verb {
    const char *name;
    unsigned allowed;
    bool takes_word, needs_console, needs_no_admin;
    bool after_setup; /* a task at startup does it, also in the boot in which Setup is at work */
    const char *log;  /* in Log\ */
    int (*run)(struct call *c, struct err *e);
    const char *help;
} verbs[] = {
    { "initialize-instance", ON_SCHEDULE | ON_PER_BOOT | ON_KEEP, false, true, false, false,
      "Ec2Launch.log", do_initialize,
      "initialises the instance, now or at the next (-Schedule) or every (-SchedulePerBoot) boot" },
    { "initialize-disks", ON_SCHEDULE | ON_TRIM, false, false, false, true,
      "DiskInitialization.log", do_disks,
      "formats disks without partitions and maps letters [-Schedule] [-EnableTrim]" },
    { "send-event-logs", ON_SCHEDULE, false, true, false, true, "EventlogsToConsole.log", do_events,
      "prints the events that EventLogConfig.json names [-Schedule]" },
    { "send-windows-is-ready", ON_SCHEDULE, false, true, false, true, "WindowsIsReadyToConsole.log",
      do_ready, "prints the ready line [-Schedule]" },
    { "sysprep-instance", ON_NO_SHUTDOWN | ON_FORCE, false, false, false, false, "Ec2Launch.log",
      do_sysprep, "runs Sysprep and shuts down [-NoShutdown] [-Force: although a check stops it]" },
    { "shutdown-without-sysprep", 0, false, false, false, false, "Ec2Launch.log", do_shutdown,
      "schedules initialisation, sets a specified password now, shuts down" },
    { "execute-user-data", 0, false, false, false, true, "UserdataExecution.log", do_user_data,
      "runs the user data" },
    { "add-routes", 0, false, false, false, false, "Ec2Launch.log", do_routes,
      "replaces the routes to metadata, key management and time by those of this subnet" },
    { "set-activation-settings", 0, false, false, false, false, "Ec2Launch.log",
      do_activation_settings, "names the key management service; slmgr //B /ato then activates" },
    { "set-wallpaper", 0, false, false, true, false, "WallpaperSetup.log", do_wallpaper,
      "draws the wallpaper of this user" },
    { "randomize-password", ON_INACTIVE, true, false, false, false, "Ec2Launch.log", do_randomize,
      "<account> [-Inactive]: gives it a password that nobody knows" },
    { "set-admin-password-config", 0, false, false, false, false, "Ec2Launch.log", do_seal_password,
      "encrypts the specified password in LaunchConfig.json for this machine" },
    { "install", ON_FORCE | ON_TELEMETRY | ON_NO_TELEMETRY, false, false, false, false,
      "Ec2Launch.log", do_install,
      "makes this folder the agent of this machine [-Force: on any Windows] "
      "[-EnableTelemetry, -EnableTelemetry:$false: lines on the console and in a log]" },
    { "uninstall", 0, false, false, false, false, "Ec2Launch.log", do_uninstall,
      "takes the agent's tasks and entries away" },
};

static void say_help(void (*say)(void *ctx, const char *line), void *ctx)
{
    if (!say)
        return;
    say(ctx, "Ec2Launch.exe <verb> [switches]");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct str line = STR_INIT(256);
        str_addf(&line, "  %-25s %s", verbs[i].name, verbs[i].help);
        say(ctx, str_text(&line));
        str_done(&line);
    }
    say(ctx, SYSPREP_WARNING);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (str_eq_nocase(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static unsigned find_switch(const char *arg)
{
    for (size_t i = 0; arg[0] == '-' && i < ARRAY_LEN(switches); i++)
        if (str_eq_nocase(switches[i].name, arg + 1))
            return switches[i].bit;
    return 0;
}

static int read_arguments(const struct verb *v, int argc, const char *const *argv, struct call *c,
                          struct err *e)
{
    for (int i = 2; i < argc; i++) {
        unsigned bit = find_switch(argv[i]);
        char shown[64];
        if (bit & v->allowed)
            c->on |= bit;
        else if (!bit && argv[i][0] != '-' && v->takes_word && !c->word)
            c->word = argv[i];
        else
            return err_set(e, EINVAL, ERR_INVALID, "%s: '%s' is unknown", v->name,
                           str_show(argv[i], shown, sizeof(shown)));
    }
    return 0;
}

static int run_verb(const struct verb *v, struct call *c, struct err *e)
{
    struct v1_run *r = c->r;
    struct str log = STR_INIT(256);
    int ret = 0;

    str_addf(&log, "%s%s", LOGS, v->log);
    r->log = log_new(r->w, r->d, str_text(&log), NULL);
    r->imds = imds_new(r->w, r->d);
    str_done(&log);
    if (!r->imds)
        return err_oom(e);
    c->config_result = v1_config_load(r->w, &r->config, &c->config_err);
    if (c->config_result < 0 && c->config_result != -ENOENT)
        log_say(r->log, LOG_ERROR, "The default settings are used: %s", c->config_err.msg);
    if (v->after_setup && !(c->on & ON_SCHEDULE))
        ret = setup_wait_quietly(r->w, e);
    if (ret == 0 && v->needs_console && !(c->on & (ON_SCHEDULE | ON_PER_BOOT)))
        ret = console_open(r->w, r->log, CONSOLE_WAIT_MS, &r->console, e);
    if (ret == 0)
        ret = v->run(c, e);
    if (ret < 0)
        log_say(r->log, LOG_ERROR, "%s", e->msg);
    console_close(r->console);
    imds_free(r->imds);
    v1_config_done(&r->config);
    log_free(r->log);
    return ret;
}

int v1_main(struct win *w, int argc, const char *const *argv,
            void (*say)(void *ctx, const char *line), void *ctx)
{
    struct v1_run r = { .w = w, .d = dialect_get(DIALECT_V1), .say = say, .ctx = ctx };
    struct call c = { .r = &r };
    const struct verb *v = argc > 1 ? find_verb(argv[1]) : NULL;
    struct err e = { 0 };

    if (!v) {
        say_help(say, ctx);
        return argc > 1 && !str_eq(argv[1], "help") && !str_eq(argv[1], "--help") ? 2 : 0;
    }
    if (read_arguments(v, argc, argv, &c, &e) < 0) {
        if (say)
            say(ctx, e.msg);
        return 2;
    }
    if (!v->needs_no_admin && !w->is_admin(w))
        (void)err_set(&e, EACCES, ERR_DENIED, "%s: run it as an administrator", v->name);
    else
        (void)run_verb(v, &c, &e);
    if (e.no && say)
        say(ctx, e.msg);
    return e.no ? 1 : 0;
}
