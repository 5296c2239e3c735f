/* SPDX-License-Identifier: Apache-2.0 */
/* One boot: setup, facts, routes and metadata in the foreground, plug-ins, the ready line, further
 * plug-ins. Settings that cannot be read are told on the console, and the defaults are taken: the
 * owner must be able to get in. */
#include "ec2config/config.h"

#include <errno.h>

#include "engine/dns.h"
#include "engine/facts.h"
#include "engine/routes.h"
#include "engine/setup.h"
#include "plugin-priv.h"
#include "sysprep/answer.h"
#include "sysprep/sysprep.h"

#define ROUTES_LIMIT_MS 60000U

static int defaults(struct config_file *ret, struct err *e)
{
    static const char empty[] = "<Ec2ConfigurationSettings>\n</Ec2ConfigurationSettings>\n";
    size_t n = 0;
    const struct plugin *rows = plugin_list(&n);

    if (config_file_parse("Config.xml", empty, sizeof(empty) - 1, ret, e) < 0)
        return -e->no;
    for (size_t i = 0; i < n; i++)
        if (!rows[i].always && config_plugin_set(ret, rows[i].name, rows[i].on_default, e) < 0)
            return -e->no;
    return 0;
}

static int read_config(struct config_run *r, struct err *e)
{
    struct err why = { 0 };

    if (config_file_load(r->w, &r->config, &why) == 0)
        return 0;
    console_say(r->console, "Message: default settings are used: %s", why.msg);
    return defaults(&r->config, e);
}

/* The password that the Image tab wrote has been set by Sysprep, or is not wanted any more. */
static void remove_credentials(struct config_run *r)
{
    struct err e = { 0 };
    _cleanup_free_ char *path = win_expand(r->w, sysprep_dialect(DIALECT_CONFIG)->answer_file, &e);
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;

    if (!r->config.global[CONFIG_REMOVE_CREDENTIALS] || !path)
        return;
    if (xmlfile_load(r->w, path, &f, &e) < 0) {
        log_err(r->log, "Look for a password in the answer file", &e);
        return;
    }
    if (!answer_remove_password(f))
        return;
    if (xmlfile_store(r->w, f, path, &e) < 0 ||
        r->w->file_protect(r->w, path, WIN_PROTECT_READ, &e) < 0)
        log_err(r->log, "Remove the password from the answer file", &e);
}

static void add_routes(struct config_run *r)
{
    struct err e = { 0 };

    if (!r->config.global[CONFIG_ROUTES])
        return;
    if (routes_add_wait(r->w, r->d, r->log, ROUTES_LIMIT_MS, NULL, NULL, &e) < 0)
        log_err(r->log, "Add routes", &e);
}

static void say_waiting(void *ctx, bool again)
{
    struct config_run *r = ctx;

    if (again && r->d->waiting_still)
        console_say(r->console, "%s", r->d->waiting_still);
}

/* -ECANCELED: the service is to stop. */
static int wait_for_metadata(struct config_run *r, struct err *e)
{
    struct err why = { 0 };
    int ret;

    if (!r->config.global[CONFIG_WAIT_METADATA]) {
        r->has_metadata = true; /* each plug-in finds out for itself */
        return 0;
    }
    console_say(r->console, "%s", r->d->waiting); /* even when it answers at once */
    ret = imds_wait(r->imds, say_waiting, r, &why);
    r->has_metadata = ret > 0;
    if (ret == -ECANCELED) {
        *e = why;
        return ret;
    }
    if (ret > 0)
        console_say(r->console, "%s", r->d->available);
    else if (ret < 0)
        log_err(r->log, "Wait for metadata", &why);
    return 0;
}

static void add_dns_suffixes(struct config_run *r)
{
    static const char *const suffixes[] = { DNS_SUFFIX_DEFAULT };
    _cleanup_free_ char *region = NULL, *zone = NULL;
    struct err e = { 0 };
    bool changed = false;

    if (!r->config.global[CONFIG_DNS_SUFFIX])
        return;
    if (r->has_metadata && imds_region(r->imds, &region, &e) < 0)
        err_clear(&e);
    if (r->has_metadata && imds_value(r->imds, "placement/availability-zone", &zone, &e) < 0)
        err_clear(&e);
    if (dns_suffixes_apply(r->w, suffixes, ARRAY_LEN(suffixes), region, zone, r->log, &changed,
                           &e) < 0)
        log_err(r->log, "Add DNS suffixes", &e);
}

static void print_facts(struct config_run *r)
{
    facts_image(r->w, r->console, r->d);
    facts_system(r->w, r->console, r->d);
    facts_launch(r->console, r->d);
}

static void finish_password(struct config_run *r)
{
    if (r->password.sealed)
        console_say_password(r->console, r->password.account, r->password.sealed);
}

static int boot(struct config_run *r, struct err *e)
{
    log_from(r->log, "EC2ConfigService", "Running in foreground...");
    print_facts(r);
    add_routes(r);
    if (wait_for_metadata(r, e) < 0)
        return -e->no;
    facts_instance(r->w, r->imds, r->console);
    facts_drivers(r->w, r->console, r->d);
    add_dns_suffixes(r);
    console_say(r->console, "Ec2SetPassword: %s",
                config_plugin_on(&r->config, "Ec2SetPassword") ? "Enabled" : "Disabled");
    (void)plugins_run(r, PLUGIN_BEFORE_READY, finish_password, e);
    if (r->restart) {
        struct err why = { 0 };
        console_say(r->console, "%s", r->d->restarting);
        if (r->w->power_off(r->w, true, "The computer has a new name", &why) == 0)
            return e->no ? -e->no : 0;
        log_err(r->log, "Restart", &why); /* the owner gets in with the old name */
    }
    console_say(r->console, "%s", r->d->ready);
    struct err late = { 0 };
    if (plugins_run(r, PLUGIN_AFTER_READY, NULL, &late) < 0 && !e->no)
        *e = late;
    return e->no ? -e->no : 0;
}

int config_service_run(struct win *w, bool (*stop)(void *ctx), void *ctx, struct err *e)
{
    struct config_run r = { .w = w, .d = dialect_get(DIALECT_CONFIG) };
    int ret;

    r.log = log_new(w, r.d, r.d->log_path, "EC2ConfigService");
    r.imds = imds_new(w, r.d);
    if (r.imds)
        imds_stop_when(r.imds, stop, ctx);
    ret = r.imds ? console_open(w, r.log, CONSOLE_WAIT_MS, &r.console, e) : err_oom(e);
    if (ret == 0)
        ret = setup_wait(w, r.console, r.d, 0, stop, ctx, e);
    if (ret == 0)
        ret = read_config(&r, e);
    if (ret == 0) {
        remove_credentials(&r);
        ret = boot(&r, e);
    }
    if (ret < 0)
        log_err(r.log, "The run ended", e);
    password_done_wipe(&r.password);
    config_file_done(&r.config);
    console_close(r.console);
    imds_free(r.imds);
    log_free(r.log);
    return ret;
}
