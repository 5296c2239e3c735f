/* SPDX-License-Identifier: Apache-2.0 */
/* What each plug-in does, in the user's guide's order. */
#include <errno.h>
#include <string.h>

#include "ec2config/config.h"
#include "engine/activation.h"
#include "engine/disks.h"
#include "engine/events.h"
#include "engine/facts.h"
#include "engine/name.h"
#include "lib/json.h"
#include "plugin-priv.h"

#define CLOUDWATCH_FILE CONFIG_SETTINGS "AWS.EC2.Windows.CloudWatch.json"
#define CLOUDWATCH_MAX  KIB(256)
#define SSM_SERVICE     "AmazonSSMAgent"
#define RENEW_MINUTES   (90U * 24U * 60U)
#define WIN_2008_MAJOR  6U

static int set_password(struct plug *p, struct err *e)
{
    struct config_run *r = p->r;
    struct password_order order = { .length = r->d->password_length };

    if (password_apply(r->w, p->imds, &order, &r->password, e) < 0)
        return -e->no;
    if (r->password.no_seal.no)
        log_from(r->log, p->name, "The password cannot be encrypted: %s", r->password.no_seal.msg);
    p->turn_off = true;
    return 0;
}

static int set_computer_name(struct plug *p, struct err *e)
{
    _cleanup_free_ char *ip = NULL;
    char name[NAME_MAX_LEN + 1];
    int ret = imds_value(p->imds, "local-ipv4", &ip, e);

    if (ret <= 0)
        return ret;
    if (name_from_ip(p->r->d->name_form, ip, name, e) < 0)
        return -e->no;
    return name_apply(p->r->w, name, p->r->log, &p->r->restart, e);
}

/* Settings that cannot be read are told where the owner of a machine that he may not reach looks;
 * the work is done by the defaults. An absent file has them, too. */
static void take_defaults(struct plug *p, int ret, struct err *e)
{
    if (ret < 0 && ret != -ENOENT)
        console_say(p->r->console, "Message: default settings are used: %s", e->msg);
    err_clear(e);
}

static int initialize_drives(struct plug *p, struct err *e)
{
    struct config_run *r = p->r;
    enum config_drives how = CONFIG_DRIVES_NO_TRIM;
    int ret = config_drives_load(r->w, &how, e);

    take_defaults(p, ret, e);
    if (how == CONFIG_DRIVES_OFF) {
        log_from(r->log, p->name, "switched off by InitializeDrivesSettings.xml");
        return 0;
    }
    return disks_initialise(r->w, p->imds, r->d, true, NULL, 0, how == CONFIG_DRIVES_TRIM, r->log,
                            e);
}

static int set_drive_letter(struct plug *p, struct err *e)
{
    struct config_letters *l = calloc(1, sizeof(*l));
    struct disk_letter *map = calloc(CONFIG_LETTERS_MAX, sizeof(*map));
    int ret = l && map ? config_letters_load(p->r->w, l, e) : err_oom(e);

    if (l && map && ret < 0) {
        take_defaults(p, ret, e);
        ret = 0;
    } else if (ret == 0 && l->n) {
        for (size_t i = 0; i < l->n; i++)
            map[i] = (struct disk_letter){ l->list[i].volume, l->list[i].letter };
        ret = disks_map_letters(p->r->w, map, l->n, p->r->log, e);
    }
    free(map);
    free(l);
    return ret;
}

static int print_event(struct plug *p, struct config_events *c, size_t i, struct err *e)
{
    const struct config_event *v = &c->list[i];
    struct events_wish wish = { v->category, v->app, WIN_EVENT_ANY, v->count, v->last_ms };
    uint64_t last = v->last_ms;

    if (events_level_parse(v->type, &wish.level, e) < 0 ||
        events_print(p->r->w, p->r->console, &wish, &last, e) < 0)
        return -e->no;
    return last == v->last_ms ? 0 : config_events_set_last(c, i, last, e);
}

static int print_events(struct plug *p, struct err *e)
{
    struct config_events *c = calloc(1, sizeof(*c));
    int ret = c ? config_events_load(p->r->w, c, e) : err_oom(e);
    struct err one = { 0 };

    if (c && ret < 0)
        take_defaults(p, ret, e); /* the file is the list: there is none */
    for (size_t i = 0; ret == 0 && i < c->n; i++) {
        err_clear(&one);
        if (print_event(p, c, i, &one) < 0) /* a log that is not there hides no other */
            log_from(p->r->log, p->name, "Error: %s", one.msg);
    }
    if (ret == 0)
        ret = config_events_save(p->r->w, c, e);
    else if (c)
        ret = 0;
    if (c)
        config_events_done(c);
    free(c);
    return ret;
}

/* Windows of the 2008 family and later makes its own certificate. */
static int configure_rdp(struct plug *p, struct err *e)
{
    struct win_system sys;
    struct win_cert cert;
    _cleanup_free_ char *name = NULL;

    if (p->r->w->system(p->r->w, &sys, e) < 0)
        return -e->no;
    p->turn_off = true;
    if (sys.major >= WIN_2008_MAJOR) {
        log_from(p->r->log, p->name, "not used on this version of Windows");
        return 0;
    }
    if (p->r->w->computer_name(p->r->w, &name, e) < 0)
        return -e->no;
    return p->r->w->certificate_make(p->r->w, name, &cert, e);
}

static int output_certificate(struct plug *p, struct err *e)
{
    (void)e;
    facts_certificate(p->r->w, p->r->console, false);
    return 0;
}

/* Licensed, and more than 90 days until it ends (0: never ends). Unknown: no. */
static bool is_activated(struct win *w)
{
    static const char question[] = AGENT_POWERSHELL
        " -NoProfile -NonInteractive -Command \"Get-WmiObject SoftwareLicensingProduct -Filter "
        "\\\"ApplicationID='55c92734-d682-4d71-983e-d6ec3f16059f' and LicenseStatus=1\\\" | "
        "ForEach-Object { 'licensed=' + $_.GracePeriodRemaining }\"";
    struct err e = { 0 };
    _cleanup_free_ char *command = win_expand(w, question, &e), *text = NULL;
    uint32_t code = 0;
    uint64_t left = 0;
    size_t n;

    if (!command || win_capture(w, command, &text, &code, &e) < 0 || !str_starts(text, "licensed="))
        return false;
    n = strcspn(text, "\r\n");
    text[n] = '\0';
    return parse_u64(text + 9, 0, UINT32_MAX, &left) == 0 && (left == 0 || left > RENEW_MINUTES);
}

static int activate(struct plug *p, struct err *e)
{
    struct config_run *r = p->r;
    struct config_activation *c = calloc(1, sizeof(*c));
    const char *servers[CONFIG_KMS_MAX];
    struct activation a = { 0 };
    _cleanup_free_ char *result = NULL;
    int ret = c ? config_activation_load(r->w, c, e) : err_oom(e);

    if (c && ret < 0) {
        take_defaults(p, ret, e);
        *c = (struct config_activation){ .activate = true };
        ret = 0;
    }
    for (size_t i = 0; ret == 0 && i < c->servers_n; i++)
        servers[a.n++] = c->servers[i];
    if (ret == 0) {
        a.servers = a.n ? servers : NULL;
        a.ask = c->activate && !is_activated(r->w);
        a.log_result = c->log_result;
        ret = activation_apply(r->w, p->imds, &a, r->log, &result, e);
    }
    if (ret == 0 && result)
        console_say(r->console, "Message: Activation: %s", result);
    free(c);
    return ret;
}

static int grow_boot_volume(struct plug *p, struct err *e)
{
    p->turn_off = true;
    return disks_extend_root(p->r->w, p->r->log, e);
}

static int log_features(struct plug *p, struct err *e)
{
    static const char *const words[WIN_SERVICE_STATE_MAX] = {
        [WIN_SERVICE_STOPPED] = "Stopped",      [WIN_SERVICE_STARTING] = "StartPending",
        [WIN_SERVICE_STOPPING] = "StopPending", [WIN_SERVICE_RUNNING] = "Running",
        [WIN_SERVICE_OTHER] = "Paused",
    };
    enum win_service_state state = WIN_SERVICE_ABSENT;

    if (p->r->w->service_state(p->r->w, "vmms", &state, e) < 0)
        return -e->no;
    if (state == WIN_SERVICE_ABSENT)
        return 0;
    console_say(p->r->console, "Microsoft-Hyper-V feature is installed.");
    console_say(p->r->console, "Microsoft-Hyper-V service (vmms) is %s.", words[state]);
    return 0;
}

/* Its settings must at least be JSON before its program, where there is one, is started. */
static int start_cloudwatch(struct plug *p, struct err *e)
{
    struct win *w = p->r->w;
    _cleanup_free_ char *path = win_expand(w, CLOUDWATCH_FILE, e), *data = NULL;
    _cleanup_(tree_freep) struct tree *t = NULL;
    size_t n = 0;
    int ret;

    if (!path || w->file_read(w, path, CLOUDWATCH_MAX, &data, &n, e) < 0)
        return -e->no;
    if (json_parse(path, data, n, &t, e) < 0)
        return -e->no;
    log_from(p->r->log, p->name, "Settings were read from %s", path);
    ret = plugin_run_own(p, e);
    if (ret == 0)
        log_from(p->r->log, p->name, "There is no program of that name in Plugins");
    return ret < 0 ? ret : 0;
}

static int start_ssm(struct plug *p, struct err *e)
{
    enum win_service_state state = WIN_SERVICE_ABSENT;
    struct win *w = p->r->w;

    if (w->service_state(w, SSM_SERVICE, &state, e) < 0)
        return -e->no;
    return state == WIN_SERVICE_STOPPED ? w->service_start(w, SSM_SERVICE, e) : 0;
}

/* Nothing to install: the service that it was for is no more. */
static int say_no_gpus(struct plug *p, struct err *e)
{
    log_from(p->r->log, p->name, "AWS has ended Elastic Graphics: there is nothing to set up");
    return 0;
}

static const struct plugin list[] = {
    { "Ec2SetPassword", PLUGIN_BEFORE_READY, true, NULL, false, set_password },
    { "Ec2SetComputerName", PLUGIN_BEFORE_READY, false, NULL, false, set_computer_name },
    { "Ec2InitializeDrives", PLUGIN_BEFORE_READY, true, NULL, false, initialize_drives },
    { "Ec2EventLog", PLUGIN_BEFORE_READY, false, NULL, false, print_events },
    { "Ec2ConfigureRDP", PLUGIN_BEFORE_READY, false, NULL, false, configure_rdp },
    { "Ec2OutputRDPCert", PLUGIN_BEFORE_READY, true, "Ec2ConfigureRDP", false, output_certificate },
    { "Ec2SetDriveLetter", PLUGIN_BEFORE_READY, true, "Ec2InitializeDrives", false,
      set_drive_letter },
    { "Ec2WindowsActivate", PLUGIN_BEFORE_READY, true, NULL, false, activate },
    { "Ec2DynamicBootVolumeSize", PLUGIN_BEFORE_READY, true, NULL, false, grow_boot_volume },
    { "Ec2ElasticGpuSetup", PLUGIN_BEFORE_READY, true, NULL, false, say_no_gpus },
    { "Ec2FeatureLogging", PLUGIN_BEFORE_READY, true, NULL, false, log_features },
    { "Ec2HandleUserData", PLUGIN_AFTER_READY, true, NULL, false, plugin_user_data },
    { "AWS.EC2.Windows.CloudWatch.PlugIn", PLUGIN_AFTER_READY, false, NULL, false,
      start_cloudwatch },
    { "AmazonSSMAgent", PLUGIN_AFTER_READY, true, NULL, true, start_ssm },
};

const struct plugin *plugin_list(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(list);
    return list;
}

const struct plugin *plugin_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (str_eq_nocase(list[i].name, name))
            return &list[i];
    return NULL;
}
