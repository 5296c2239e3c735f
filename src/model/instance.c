/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances and their instance store disks. */
#include "model-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rules.h"
#include "str.h"

static const struct col cols[] = {
    KEY_COL(instance_rec, id),
    TEXT_COL(instance_rec, region),
    TEXT_COL(instance_rec, zone),
    TEXT_COL(instance_rec, reservation_id),
    TEXT_COL(instance_rec, owner),
    TEXT_COL(instance_rec, image_id),
    TEXT_COL(instance_rec, type),
    TEXT_COL(instance_rec, key_name),
    WORD_COL(instance_rec, state, &instance_words),
    TEXT_COL(instance_rec, state_reason_code),
    TEXT_COL(instance_rec, state_reason),
    TEXT_COL(instance_rec, transition_reason),
    COL(instance_rec, launched_ms, COL_U64),
    COL(instance_rec, terminated_ms, COL_U64),
    COL(instance_rec, launch_index, COL_U32),
    TEXT_COL(instance_rec, client_token),
    TEXT_COL(instance_rec, platform),
    TEXT_COL(instance_rec, platform_details),
    TEXT_COL(instance_rec, usage_operation),
    TEXT_COL(instance_rec, architecture),
    TEXT_COL(instance_rec, root_device_name),
    TEXT_COL(instance_rec, boot_mode),
    TEXT_COL(instance_rec, uuid),
    TEXT_COL(instance_rec, mac),
    TEXT_COL(instance_rec, private_ip),
    COL(instance_rec, monitoring, COL_BOOL),
    COL(instance_rec, ebs_optimized, COL_BOOL),
    COL(instance_rec, ena_support, COL_BOOL),
    COL(instance_rec, disable_api_termination, COL_BOOL),
    COL(instance_rec, disable_api_stop, COL_BOOL),
    COL(instance_rec, terminate_on_shutdown, COL_BOOL),
    COL(instance_rec, rebooting, COL_BOOL),
    COL(instance_rec, status_ok, COL_BOOL),
    TEXT_COL(instance_rec, vpc_id),
    TEXT_COL(instance_rec, subnet_id),
    COL(instance_rec, metadata_tokens_required, COL_BOOL),
    COL(instance_rec, metadata_disabled, COL_BOOL),
    COL(instance_rec, metadata_tags, COL_BOOL),
    COL(instance_rec, metadata_hop_limit, COL_U32),
    TEXT_COL(instance_rec, password_data),
    TEXT_COL(instance_rec, guest_status),
};
const struct table instance_table =
    TABLE("instances", instance_rec, cols, "The instance ID '", "' does not exist");

static const struct col ephemeral_cols[] = {
    KEY_COL(ephemeral_rec, instance_id),   KEY_COL(ephemeral_rec, device),
    TEXT_COL(ephemeral_rec, virtual_name), COL(ephemeral_rec, size_gib, COL_U64),
    COL(ephemeral_rec, mapped, COL_BOOL),
};
const struct table ephemeral_table = TABLE("ephemerals", ephemeral_rec, ephemeral_cols,
                                           "instance '", "' has no such instance store disk");

int model_instance_insert(struct model *m, const struct instance_rec *rec, struct err *e)
{
    return row_insert(m, &instance_table, rec, e);
}

int model_instance_get(struct model *m, const char *region, const char *id,
                       struct instance_rec *ret, struct err *e)
{
    return row_get(m, &instance_table, region, id, ret, e);
}

int model_instance_list(struct model *m, const char *region, struct instance_rec **ret,
                        size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &instance_table,
                     "WHERE ?1 IS NULL OR region = ?1 ORDER BY launched_ms, launch_index, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_instance_save(struct model *m, const struct instance_rec *rec, struct err *e)
{
    return row_save(m, &instance_table, rec, e);
}

/* ---- moves ----------------------------------------------------------------------------------- */

static int check_protection(const struct instance_rec *rec, enum instance_event ev, struct err *e)
{
    if (ev == INSTANCE_EV_TERMINATE && rec->disable_api_termination)
        return err_set(e, EPERM, ERR_DENIED,
                       "The instance '%s' may not be terminated. Modify its "
                       "'disableApiTermination' instance attribute and try again.",
                       rec->id);
    if (ev == INSTANCE_EV_STOP && rec->disable_api_stop)
        return err_set(e, EPERM, ERR_DENIED,
                       "The instance '%s' may not be stopped. Modify its "
                       "'disableApiStop' instance attribute and try again.",
                       rec->id);
    return 0;
}

static int next_state(const struct instance_rec *rec, enum instance_event ev, int *ret,
                      struct err *e)
{
    struct err plain = { 0 };

    if (ev == INSTANCE_EV_GUEST_DOWN && rec->terminate_on_shutdown)
        ev = INSTANCE_EV_GUEST_GONE;
    if (machine_next(&instance_machine, rec->id, (int)rec->state, (int)ev, ret, &plain) == 0)
        return 0;
    if (ev == INSTANCE_EV_STOP || ev == INSTANCE_EV_START) /* clients know this sentence */
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "This instance '%s' is not in a state from which it can be %s: it is '%s'",
                       rec->id, ev == INSTANCE_EV_STOP ? "stopped" : "started",
                       model_instance_state_name(rec->state));
    *e = plain;
    return -e->no;
}

static void user_initiated(char *out, size_t size, uint64_t now_ms)
{
    time_t t = (time_t)(now_ms / 1000);
    struct tm tm;
    char stamp[32] = "";

    if (gmtime_r(&t, &tm))
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
    (void)snprintf(out, size, "User initiated (%s GMT)", stamp);
}

/* EC2's words for events that come without any; NULL keeps what stands. */
static void default_reasons(enum instance_event ev, const char **code, const char **reason)
{
    const char *c = NULL, *t = NULL;

    if (ev == INSTANCE_EV_STOP || ev == INSTANCE_EV_TERMINATE) {
        c = "Client.UserInitiatedShutdown";
        t = "Client.UserInitiatedShutdown: User initiated shutdown";
    } else if (ev == INSTANCE_EV_GUEST_DOWN) {
        c = "Client.InstanceInitiatedShutdown";
        t = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
    } else if (ev == INSTANCE_EV_LAUNCH_FAILED || ev == INSTANCE_EV_START_FAILED) {
        c = "Server.InternalError";
        t = "Server.InternalError: Internal error on launch";
    } else if (ev == INSTANCE_EV_HOST_STOP) {
        c = "Server.ScheduledStop";
        t = "Server.ScheduledStop: Stopped with its host";
    } else if (ev == INSTANCE_EV_START) {
        c = t = "";
    }
    if (!*code)
        *code = c;
    if (!*reason)
        *reason = t;
}

static void stamp(struct instance_rec *rec, enum instance_event ev, enum instance_state to,
                  const char *code, const char *reason, uint64_t now_ms)
{
    default_reasons(ev, &code, &reason);
    if (code)
        text_cut(rec->state_reason_code, sizeof rec->state_reason_code, code);
    if (reason)
        text_cut(rec->state_reason, sizeof rec->state_reason, reason);
    if (ev == INSTANCE_EV_STOP || ev == INSTANCE_EV_TERMINATE)
        user_initiated(rec->transition_reason, sizeof rec->transition_reason, now_ms);
    if (ev == INSTANCE_EV_START || ev == INSTANCE_EV_GUEST_DOWN || ev == INSTANCE_EV_HOST_STOP)
        rec->transition_reason[0] = '\0';
    if (ev == INSTANCE_EV_START) {
        rec->launched_ms = now_ms;
        rec->guest_status[0] = '\0'; /* the last words before a stop stay to be read till then */
    }
    if (to == INSTANCE_TERMINATED) {
        rec->terminated_ms = now_ms;
        rec->private_ip[0] = '\0'; /* another may have it now */
    }
    rec->status_ok = false;
    rec->rebooting = false;
}

static int move(struct model *m, const char *id, enum instance_event ev, const char *code,
                const char *reason, enum instance_state *ret, struct err *e)
{
    struct instance_rec rec;
    int to = 0, r = model_instance_get(m, NULL, id, &rec, e);

    if (r >= 0)
        r = next_state(&rec, ev, &to, e);
    if (r < 0)
        return r;
    *ret = (enum instance_state)to;
    if (*ret == rec.state)
        return 0;
    r = check_protection(&rec, ev, e);
    if (r < 0)
        return r;
    stamp(&rec, ev, *ret, code, reason, m->now_ms());
    r = row_save(m, &instance_table, &rec, e);
    if (r >= 0 && *ret == INSTANCE_TERMINATED)
        r = interface_forget(m, id, e);
    if (r >= 0 && *ret == INSTANCE_STOPPED)
        r = public_stop(m, id, e);
    if (r >= 0 && ev == INSTANCE_EV_START)
        r = public_start(m, id, e);
    if (r >= 0)
        r = db_exec(m, "UPDATE instances SET state = ?2 WHERE id = ?1",
                    BINDS(T(id), T(model_instance_state_name(*ret))), e);
    if (r >= 0)
        db_notice(m, "instance moved id=%s from=%s to=%s event=%s", id,
                  model_instance_state_name(rec.state), model_instance_state_name(*ret),
                  words_name(instance_machine.events, (int)ev));
    return r;
}

int model_instance_move(struct model *m, const char *id, enum instance_event ev,
                        const char *reason_code, const char *reason, enum instance_state *ret,
                        struct err *e)
{
    enum instance_state to = INSTANCE_PENDING;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_end(m, move(m, id, ev, reason_code, reason, &to, e), e);
    if (r >= 0 && ret)
        *ret = to;
    return r;
}

/* ---- instance store, memory, forgetting ------------------------------------------------------ */

int model_ephemeral_insert(struct model *m, const struct ephemeral_rec *rec, struct err *e)
{
    return row_insert(m, &ephemeral_table, rec, e);
}

int model_ephemeral_list(struct model *m, const char *instance_id, struct ephemeral_rec **ret,
                         size_t *ret_n, struct err *e)
{
    void *v = NULL;
    /* ephemeral2 before ephemeral10 */
    int r = row_list(m, &ephemeral_table,
                     "WHERE instance_id = ?1 ORDER BY length(virtual_name), virtual_name, device",
                     BINDS(T(instance_id)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_ephemeral_clear(struct model *m, const char *instance_id, struct err *e)
{
    return db_exec(m, "DELETE FROM ephemerals WHERE instance_id = ?1", BINDS(T(instance_id)), e);
}

int model_instance_usage(struct model *m, uint64_t *ret_memory_mib, uint64_t *ret_vcpus,
                         uint64_t *ret_count, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    uint64_t memory = 0, vcpus = 0, count = 0;
    int r = db_statement(m, NULL, SQL_PLAIN,
                         "SELECT type, count(*) FROM instances"
                         " WHERE state NOT IN ('stopped', 'terminated') GROUP BY type",
                         NO_BINDS, &s, e);

    while (r >= 0 && (r = db_step(m, s, e)) > 0) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        const struct instance_type *type = name ? instance_type_find(name) : NULL;
        uint64_t n = (uint64_t)sqlite3_column_int64(s, 1);

        if (!type)
            return err_set(e, EUCLEAN, ERR_CORRUPT, "database: instances of an unknown type '%s'",
                           name ? name : "");
        memory += n * type->memory_mib;
        vcpus += n * type->vcpus;
        count += n;
    }
    if (r < 0)
        return r;
    *ret_memory_mib = memory;
    *ret_vcpus = vcpus;
    *ret_count = count;
    return 0;
}

/* One with volumes still attached has a job that is not done with it. */
#define SWEPT                                                                                      \
    "SELECT id FROM instances WHERE state = 'terminated' AND terminated_ms < ?1"                   \
    " AND id NOT IN (SELECT instance_id FROM attachments)"

static int sweep(struct model *m, uint64_t before_ms, struct err *e)
{
    int r = db_exec(m, "DELETE FROM tags WHERE resource_id IN (" SWEPT ")", BINDS(U(before_ms)), e);

    if (r < 0)
        return r;
    return db_exec(m, "DELETE FROM instances WHERE id IN (" SWEPT ")", BINDS(U(before_ms)), e);
}

int model_instance_sweep(struct model *m, uint64_t before_ms, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, sweep(m, before_ms, e), e);
}
