/* SPDX-License-Identifier: Apache-2.0 */
/* One run of InitializeInstance, step by step in the original's order. A step that fails is logged
 * and the run goes on to its ready line; only where the owner would not get in does the run fail,
 * too. */
#include "v1/v1.h"

#include <errno.h>
#include <string.h>

#include "engine/activation.h"
#include "engine/disks.h"
#include "engine/dns.h"
#include "engine/facts.h"
#include "engine/name.h"
#include "engine/routes.h"
#include "engine/setup.h"
#include "engine/telemetry.h"

#define ROUTES_LIMIT_MS 300000U /* then metadata is tried without them */
#define SSM_SERVICE     "AmazonSSMAgent"
#define SSM_LIMIT_MS    25000U
#define SSM_POLL_MS     5000U

static int wait_for_setup(struct v1_run *r, struct err *e)
{
    return setup_wait(r->w, r->console, r->d, 0, NULL, NULL, e);
}

static void say_routes_failed(void *ctx)
{
    struct v1_run *r = ctx;

    console_say(r->console, "Message: Failed to add routes.. attempting it again");
}

static int add_routes(struct v1_run *r, struct err *e)
{
    return routes_add_wait(r->w, r->d, r->log, ROUTES_LIMIT_MS, say_routes_failed, r, e);
}

static void say_waiting(void *ctx, bool again)
{
    struct v1_run *r = ctx;

    if (again)
        console_say(r->console, "%s", r->d->waiting_still);
}

static int wait_for_metadata(struct v1_run *r, struct err *e)
{
    int ret;

    console_say(r->console, "%s", r->d->waiting); /* even when it answers at once */
    ret = imds_wait(r->imds, say_waiting, r, e);
    r->has_metadata = ret > 0;
    if (ret > 0)
        console_say(r->console, "%s", r->d->available);
    else if (ret == 0)
        log_say(r->log, LOG_INFO, "Metadata is switched off for this instance");
    return ret < 0 ? ret : 0;
}

static int set_kms(struct v1_run *r, struct err *e)
{
    static const struct activation none = { 0 };

    return r->has_metadata ? activation_apply(r->w, r->imds, &none, r->log, NULL, e) : 0;
}

static int set_wallpaper(struct v1_run *r, struct err *e)
{
    return r->config.on[V1_WALLPAPER] ? v1_wallpaper_setup(r->w, r->log, true, e) : 0;
}

static int set_name(struct v1_run *r, struct err *e)
{
    _cleanup_free_ char *ip = NULL;
    char name[NAME_MAX_LEN + 1];
    int ret;

    if (!r->config.on[V1_COMPUTER_NAME] || !r->has_metadata)
        return 0;
    ret = imds_value(r->imds, "local-ipv4", &ip, e);
    if (ret <= 0)
        return ret;
    if (name_from_ip(r->d->name_form, ip, name, e) < 0)
        return -e->no;
    if (name_apply(r->w, name, r->log, &r->restart, e) < 0)
        return -e->no;
    if (!r->restart)
        return 0;
    console_say(r->console, "%s", r->d->restarting);
    if (r->w->power_off(r->w, true, "The computer has a new name", e) == 0)
        return 0;
    r->restart = false; /* the owner gets in with the old name */
    return -e->no;
}

static int print_facts(struct v1_run *r, struct err *e)
{
    (void)e;
    facts_all(r->w, r->imds, r->console, r->d);
    return 0;
}

static int add_dns_suffixes(struct v1_run *r, struct err *e)
{
    static const char *const suffixes[] = { DNS_SUFFIX_DEFAULT };
    _cleanup_free_ char *region = NULL, *zone = NULL;
    struct err scratch = { 0 };
    bool changed = false;

    if (!r->config.on[V1_DNS])
        return 0;
    if (r->has_metadata && imds_region(r->imds, &region, &scratch) < 0)
        err_clear(&scratch);
    if (r->has_metadata)
        (void)imds_value(r->imds, "placement/availability-zone", &zone, &scratch);
    return dns_suffixes_apply(r->w, suffixes, ARRAY_LEN(suffixes), region, zone, r->log, &changed,
                              e);
}

static int extend_boot_volume(struct v1_run *r, struct err *e)
{
    return r->config.on[V1_EXTEND] ? disks_extend_root(r->w, r->log, e) : 0;
}

static int keep_monitor_on(struct v1_run *r, struct err *e)
{
    return r->config.on[V1_MONITOR] ? r->w->monitor_always_on(r->w, e) : 0;
}

static int print_hibernation(struct v1_run *r, struct err *e)
{
    (void)e;
    facts_hibernation(r->w, r->imds, r->console, r->d);
    return 0;
}

/* Specify and Encrypted give one, Random none; empty or too weak ones become random. */
static int given_password(struct v1_run *r, char **ret, struct err *e)
{
    _cleanup_free_ uint8_t *sealed = NULL;
    void *clear = NULL;
    size_t n = 0, clear_n = 0;

    if (r->config.type == V1_PASSWORD_SPECIFY) {
        *ret = str_dup(r->config.password ? r->config.password : "");
        return *ret ? 0 : err_oom(e);
    }
    if (r->config.type != V1_PASSWORD_ENCRYPTED || !r->config.password)
        return 0;
    if (base64_decode(r->config.password, strlen(r->config.password), &sealed, &n) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "the encrypted adminPassword is no base64 text");
    if (r->w->unprotect(r->w, sealed, n, &clear, &clear_n, e) < 0)
        return err_wrap(e, "open the encrypted adminPassword");
    *ret = str_dup_n(clear, clear_n);
    mem_wipe(clear, clear_n);
    free(clear);
    return *ret ? 0 : err_oom(e);
}

/* The clear text leaves the file as soon as the account has it. */
static int wipe_given(struct v1_run *r, struct err *e)
{
    if (!r->config.password || !*r->config.password)
        return 0;
    if (v1_config_set_password(&r->config, r->config.type, "", e) < 0)
        return -e->no;
    return v1_config_save(r->w, &r->config, e);
}

static int apply_password(struct v1_run *r, const char *given, struct err *e)
{
    struct password_order order = { .given = given, .length = r->d->password_length };

    if (password_apply(r->w, r->imds, &order, &r->password, e) < 0)
        return err_wrap(e, "set the administrator's password");
    if (r->password.given_refused)
        log_say(r->log, LOG_WARNING,
                "adminPassword does not meet the rules for passwords: a random one was set");
    if (r->password.no_seal.no)
        log_say(r->log, LOG_ERROR, "The password cannot be encrypted: %s", r->password.no_seal.msg);
    return 0;
}

static int set_given_or_random(struct v1_run *r, struct err *e)
{
    char *given = NULL;
    struct err why = { 0 };
    int ret;

    if (given_password(r, &given, &why) < 0)
        log_say(r->log, LOG_ERROR, "%s: a random password is set", why.msg);
    ret = apply_password(r, given, e);
    if (given)
        mem_wipe(given, strlen(given));
    free(given);
    return ret;
}

static int set_password(struct v1_run *r, struct err *e)
{
    int ret = r->config.type == V1_PASSWORD_NOTHING ? 0 : set_given_or_random(r, e);

    return ret == 0 && r->config.type != V1_PASSWORD_NOTHING ? wipe_given(r, e) : ret;
}

int v1_set_specified_password(struct v1_run *r, struct err *e)
{
    if (r->config.type != V1_PASSWORD_SPECIFY && r->config.type != V1_PASSWORD_ENCRYPTED)
        return 0;
    return set_given_or_random(r, e);
}

static int print_password(struct v1_run *r, struct err *e)
{
    (void)e;
    if (r->password.sealed)
        console_say_password(r->console, r->password.account, r->password.sealed);
    return 0;
}

static int enable_ssm(struct v1_run *r, struct err *e)
{
    return err_forgive(e, r->w->service_set_start(r->w, SSM_SERVICE, WIN_START_AUTO, e), ENOENT);
}

static int say_telemetry(struct v1_run *r, struct err *e)
{
    enum win_task_state state = WIN_TASK_ABSENT;
    struct telemetry t = { .agent_each_boot = r->keep_schedule };

    if (!telemetry_is_on(r->w))
        return 0;
    if (r->w->task_state(r->w, v1_task_name(V1_TASK_USERDATA), &state, e) < 0)
        return -e->no;
    t.user_data_each_boot = r->keep_schedule || state == WIN_TASK_ENABLED;
    telemetry_say(r->w, r->console, r->d, &t);
    return 0;
}

static int say_ready(struct v1_run *r, struct err *e)
{
    (void)e;
    console_say(r->console, "%s", r->d->ready);
    return 0;
}

/* The task scheduler and the user's programs need what the work so far has loaded no more. */
static int settle(struct v1_run *r, struct err *e)
{
    (void)e;
    r->w->settle(r->w);
    return 0;
}

static int disable_own_task(struct v1_run *r, struct err *e)
{
    if (r->keep_schedule)
        return 0;
    return err_forgive(e, r->w->task_enable(r->w, v1_task_name(V1_TASK_INIT), false, e), ENOENT);
}

static int run_user_data(struct v1_run *r, struct err *e)
{
    return r->config.on[V1_USER_DATA] && r->has_metadata ? v1_user_data(r, e) : 0;
}

static int start_ssm(struct v1_run *r, struct err *e)
{
    enum win_service_state state = WIN_SERVICE_ABSENT;
    uint64_t until = r->w->tick_ms(r->w) + SSM_LIMIT_MS;

    if (r->w->service_state(r->w, SSM_SERVICE, &state, e) < 0)
        return -e->no;
    if (state == WIN_SERVICE_ABSENT)
        return 0;
    if (state == WIN_SERVICE_STOPPED && r->w->service_start(r->w, SSM_SERVICE, e) < 0)
        return -e->no;
    while (r->w->service_state(r->w, SSM_SERVICE, &state, e) == 0) {
        if (state == WIN_SERVICE_RUNNING)
            return 0;
        if (r->w->tick_ms(r->w) >= until)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "%s does not run after %u seconds",
                           SSM_SERVICE, SSM_LIMIT_MS / 1000);
        r->w->sleep_ms(r->w, SSM_POLL_MS);
    }
    return -e->no;
}

/* What happens once although the run comes at every boot. Behind the printed password and before
 * user data, which may restart the machine; user data turns itself off. */
static int turn_off_once_settings(struct v1_run *r, struct err *e)
{
    if (!r->keep_schedule || !r->config.tree)
        return 0;
    if (v1_config_set_password(&r->config, V1_PASSWORD_NOTHING, "", e) < 0 ||
        v1_config_set(&r->config, V1_MONITOR, false, e) < 0)
        return -e->no;
    return v1_config_save(r->w, &r->config, e);
}

static const struct {
    const char *what;
    int (*run)(struct v1_run *r, struct err *e);
    bool vital; /* its failure is the run's */
} steps[] = {
    { "wait for Windows Setup", wait_for_setup, true },
    { "add routes", add_routes },
    { "wait for metadata", wait_for_metadata },
    { "set the key management service", set_kms },
    { "set up the wallpaper", set_wallpaper },
    { "set the computer's name", set_name },
    { "print the facts", print_facts },
    { "add DNS suffixes", add_dns_suffixes },
    { "extend the boot volume", extend_boot_volume },
    { "keep the monitor on", keep_monitor_on },
    { "print the state of hibernation", print_hibernation },
    { "set the administrator's password", set_password, true },
    { "print the password", print_password },
    { "turn off what is done once", turn_off_once_settings },
    { "enable the SSM agent", enable_ssm },
    { "print telemetry", say_telemetry },
    { "say that Windows is ready", say_ready },
    { "give memory back", settle },
    { "disable the scheduled task", disable_own_task },
    { "run user data", run_user_data },
    { "start the SSM agent", start_ssm },
};

int v1_initialize(struct v1_run *r, struct err *e)
{
    log_say(r->log, LOG_INFO, "Initializing instance is started");
    for (size_t i = 0; i < ARRAY_LEN(steps) && !r->restart; i++) {
        struct err one = { 0 };
        if (steps[i].run(r, &one) >= 0)
            continue;
        log_say(r->log, LOG_ERROR, "Failed to %s: %s", steps[i].what, one.msg);
        if (steps[i].vital && !e->no)
            (void)err_set(e, one.no, one.kind, "%s: %s", steps[i].what, one.msg);
    }
    password_done_wipe(&r->password);
    log_say(r->log, LOG_INFO, "Initializing instance is done");
    return e->no ? -e->no : 0;
}
