/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every state a resource can be in, and every way from one to another, as data. A row whose two
 * states are the same says that the event is welcome there and changes nothing: steps of jobs may
 * run twice, and EC2 wants some requests to succeed idly. What has no row is refused.
 *
 *   instance   pending -> running -> stopping -> stopped -> pending ...
 *              any but terminated -> shutting-down -> terminated;  pending -> terminated, stopped
 *   image      pending -> available | failed;  all of them -> deregistered
 *   snapshot   pending -> completed | error
 *   volume     creating -> available <-> in-use;  available, error -> deleting -> deleted
 *
 * docs/design/states.md draws them. */
#include "model-priv.h"

#include <errno.h>

/* ---- words ----------------------------------------------------------------------------------- */

static const char *const instance_names[] = {
    [INSTANCE_PENDING] = "pending",
    [INSTANCE_RUNNING] = "running",
    [INSTANCE_SHUTTING_DOWN] = "shutting-down",
    [INSTANCE_TERMINATED] = "terminated",
    [INSTANCE_STOPPING] = "stopping",
    [INSTANCE_STOPPED] = "stopped",
};
static const char *const image_names[IMAGE_STATE_MAX] = {
    [IMAGE_PENDING] = "pending",   [IMAGE_AVAILABLE] = "available",
    [IMAGE_FAILED] = "failed",     [IMAGE_DEREGISTERED] = "deregistered",
    [IMAGE_DISABLED] = "disabled",
};
static const char *const snapshot_names[SNAPSHOT_STATE_MAX] = {
    [SNAPSHOT_PENDING] = "pending",
    [SNAPSHOT_COMPLETED] = "completed",
    [SNAPSHOT_ERROR] = "error",
};
static const char *const volume_names[VOLUME_ST_MAX] = {
    [VOLUME_ST_CREATING] = "creating", [VOLUME_ST_AVAILABLE] = "available",
    [VOLUME_ST_IN_USE] = "in-use",     [VOLUME_ST_DELETING] = "deleting",
    [VOLUME_ST_DELETED] = "deleted",   [VOLUME_ST_ERROR] = "error",
};
static const char *const attach_names[ATTACH_STATE_MAX] = {
    [ATTACH_ATTACHING] = "attaching",
    [ATTACH_ATTACHED] = "attached",
    [ATTACH_DETACHING] = "detaching",
    [ATTACH_BUSY] = "busy",
};
static const char *const import_names[IMPORT_STATE_MAX] = {
    [IMPORT_ACTIVE] = "active",
    [IMPORT_COMPLETED] = "completed",
    [IMPORT_DELETED] = "deleted",
};
static const char *const job_names[JOB_STATE_MAX] = {
    [JOB_ACTIVE] = "active",
    [JOB_DONE] = "done",
    [JOB_FAILED] = "failed",
};
static const char *const instance_event_names[] = {
    [INSTANCE_EV_RUNNING] = "running",
    [INSTANCE_EV_STOP] = "stop",
    [INSTANCE_EV_STOPPED] = "stopped",
    [INSTANCE_EV_START] = "start",
    [INSTANCE_EV_TERMINATE] = "terminate",
    [INSTANCE_EV_TERMINATED] = "terminated",
    [INSTANCE_EV_LAUNCH_FAILED] = "launch-failed",
    [INSTANCE_EV_START_FAILED] = "start-failed",
    [INSTANCE_EV_GUEST_DOWN] = "guest-down",
    [INSTANCE_EV_HOST_STOP] = "host-stop",
    [INSTANCE_EV_GUEST_GONE] = "guest-gone",
};
static const char *const modification_names[MODIFICATION_STATE_MAX] = {
    [MODIFICATION_MODIFYING] = "modifying",
    [MODIFICATION_OPTIMIZING] = "optimizing",
    [MODIFICATION_COMPLETED] = "completed",
    [MODIFICATION_FAILED] = "failed",
};
/* The words of DescribeImages. */
static const char *const protection_names[IMAGE_PROTECTION_MAX] = {
    [IMAGE_UNPROTECTED] = "disabled",
    [IMAGE_PROTECTED] = "enabled-without-cooldown",
    [IMAGE_PROTECTED_COOLDOWN] = "enabled-with-cooldown",
};
static const char *const image_event_names[IMAGE_EV_MAX] = {
    [IMAGE_EV_AVAILABLE] = "available",   [IMAGE_EV_FAILED] = "failed",
    [IMAGE_EV_DISABLE] = "disable",       [IMAGE_EV_ENABLE] = "enable",
    [IMAGE_EV_DEREGISTER] = "deregister",
};
static const char *const snapshot_event_names[SNAPSHOT_EV_MAX] = {
    [SNAPSHOT_EV_COMPLETED] = "completed",
    [SNAPSHOT_EV_FAILED] = "failed",
};
static const char *const volume_event_names[VOLUME_EV_MAX] = {
    [VOLUME_EV_READY] = "ready",   [VOLUME_EV_FAILED] = "failed",
    [VOLUME_EV_ATTACH] = "attach", [VOLUME_EV_DETACHED] = "detached",
    [VOLUME_EV_DELETE] = "delete", [VOLUME_EV_DELETED] = "deleted",
};

#define WORDS(what, names)                                                                         \
    {                                                                                              \
        what, names, ARRAY_LEN(names)                                                              \
    }
const struct words instance_words = WORDS("instance state", instance_names);
const struct words image_words = WORDS("image state", image_names);
const struct words snapshot_words = WORDS("snapshot state", snapshot_names);
const struct words volume_words = WORDS("volume state", volume_names);
const struct words attach_words = WORDS("attachment state", attach_names);
const struct words import_words = WORDS("import state", import_names);
const struct words job_words = WORDS("job state", job_names);
const struct words modification_words = WORDS("modification state", modification_names);
const struct words protection_words = WORDS("image protection", protection_names);
static const struct words instance_events = WORDS("instance event", instance_event_names);
static const struct words image_events = WORDS("image event", image_event_names);
static const struct words snapshot_events = WORDS("snapshot event", snapshot_event_names);
static const struct words volume_events = WORDS("volume event", volume_event_names);

const char *model_instance_state_name(enum instance_state s)
{
    return words_name(&instance_words, (int)s);
}

const char *model_image_state_name(enum image_state s)
{
    return words_name(&image_words, (int)s);
}

const char *model_modification_state_name(enum modification_state s)
{
    return words_name(&modification_words, (int)s);
}

const char *model_image_protection_name(enum image_protection p)
{
    return words_name(&protection_words, (int)p);
}

const char *model_snapshot_state_name(enum snapshot_state s)
{
    return words_name(&snapshot_words, (int)s);
}

const char *model_volume_state_name(enum volume_state s)
{
    return words_name(&volume_words, (int)s);
}

const char *model_attach_state_name(enum attach_state s)
{
    return words_name(&attach_words, (int)s);
}

const char *model_import_state_name(enum import_state s)
{
    return words_name(&import_words, (int)s);
}

/* ---- moves ----------------------------------------------------------------------------------- */

/* After a stop or a terminate was accepted, nothing leads back to pending or running by itself:
 * waiters of the clients give up for good when they see such a state again. */
static const struct move instance_moves[] = {
    { INSTANCE_PENDING, INSTANCE_EV_RUNNING, INSTANCE_RUNNING },
    { INSTANCE_PENDING, INSTANCE_EV_START, INSTANCE_PENDING },
    { INSTANCE_PENDING, INSTANCE_EV_TERMINATE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_PENDING, INSTANCE_EV_LAUNCH_FAILED, INSTANCE_TERMINATED },
    { INSTANCE_PENDING, INSTANCE_EV_START_FAILED, INSTANCE_STOPPED },
    { INSTANCE_PENDING, INSTANCE_EV_GUEST_DOWN, INSTANCE_STOPPING },
    { INSTANCE_PENDING, INSTANCE_EV_GUEST_GONE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_PENDING, INSTANCE_EV_HOST_STOP, INSTANCE_STOPPING },

    { INSTANCE_RUNNING, INSTANCE_EV_RUNNING, INSTANCE_RUNNING },
    { INSTANCE_RUNNING, INSTANCE_EV_START, INSTANCE_RUNNING },
    { INSTANCE_RUNNING, INSTANCE_EV_STOP, INSTANCE_STOPPING },
    { INSTANCE_RUNNING, INSTANCE_EV_TERMINATE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_RUNNING, INSTANCE_EV_GUEST_DOWN, INSTANCE_STOPPING },
    { INSTANCE_RUNNING, INSTANCE_EV_GUEST_GONE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_RUNNING, INSTANCE_EV_HOST_STOP, INSTANCE_STOPPING },

    { INSTANCE_STOPPING, INSTANCE_EV_STOP, INSTANCE_STOPPING },
    { INSTANCE_STOPPING, INSTANCE_EV_STOPPED, INSTANCE_STOPPED },
    { INSTANCE_STOPPING, INSTANCE_EV_TERMINATE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_STOPPING, INSTANCE_EV_GUEST_DOWN, INSTANCE_STOPPING },
    { INSTANCE_STOPPING, INSTANCE_EV_GUEST_GONE, INSTANCE_STOPPING },
    { INSTANCE_STOPPING, INSTANCE_EV_HOST_STOP, INSTANCE_STOPPING },

    { INSTANCE_STOPPED, INSTANCE_EV_START, INSTANCE_PENDING },
    { INSTANCE_STOPPED, INSTANCE_EV_STOP, INSTANCE_STOPPED },
    { INSTANCE_STOPPED, INSTANCE_EV_STOPPED, INSTANCE_STOPPED },
    { INSTANCE_STOPPED, INSTANCE_EV_START_FAILED, INSTANCE_STOPPED },
    { INSTANCE_STOPPED, INSTANCE_EV_TERMINATE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_STOPPED, INSTANCE_EV_GUEST_DOWN, INSTANCE_STOPPED },
    { INSTANCE_STOPPED, INSTANCE_EV_GUEST_GONE, INSTANCE_STOPPED },
    { INSTANCE_STOPPED, INSTANCE_EV_HOST_STOP, INSTANCE_STOPPED },

    /* A launch or start that fails while it is being terminated leaves the end to the terminate. */
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_TERMINATE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_TERMINATED, INSTANCE_TERMINATED },
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_LAUNCH_FAILED, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_START_FAILED, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_GUEST_DOWN, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_GUEST_GONE, INSTANCE_SHUTTING_DOWN },
    { INSTANCE_SHUTTING_DOWN, INSTANCE_EV_HOST_STOP, INSTANCE_SHUTTING_DOWN },

    { INSTANCE_TERMINATED, INSTANCE_EV_TERMINATE, INSTANCE_TERMINATED },
    { INSTANCE_TERMINATED, INSTANCE_EV_TERMINATED, INSTANCE_TERMINATED },
    { INSTANCE_TERMINATED, INSTANCE_EV_LAUNCH_FAILED, INSTANCE_TERMINATED },
    { INSTANCE_TERMINATED, INSTANCE_EV_START_FAILED, INSTANCE_TERMINATED },
    { INSTANCE_TERMINATED, INSTANCE_EV_GUEST_DOWN, INSTANCE_TERMINATED },
    { INSTANCE_TERMINATED, INSTANCE_EV_GUEST_GONE, INSTANCE_TERMINATED },
    { INSTANCE_TERMINATED, INSTANCE_EV_HOST_STOP, INSTANCE_TERMINATED },
};

static const struct move image_moves[] = {
    { IMAGE_PENDING, IMAGE_EV_AVAILABLE, IMAGE_AVAILABLE },
    { IMAGE_PENDING, IMAGE_EV_FAILED, IMAGE_FAILED },
    { IMAGE_PENDING, IMAGE_EV_DEREGISTER, IMAGE_DEREGISTERED },
    { IMAGE_AVAILABLE, IMAGE_EV_AVAILABLE, IMAGE_AVAILABLE },
    { IMAGE_AVAILABLE, IMAGE_EV_DISABLE, IMAGE_DISABLED },
    { IMAGE_AVAILABLE, IMAGE_EV_ENABLE, IMAGE_AVAILABLE },
    { IMAGE_AVAILABLE, IMAGE_EV_DEREGISTER, IMAGE_DEREGISTERED },
    { IMAGE_DISABLED, IMAGE_EV_DISABLE, IMAGE_DISABLED },
    { IMAGE_DISABLED, IMAGE_EV_ENABLE, IMAGE_AVAILABLE },
    { IMAGE_DISABLED, IMAGE_EV_DEREGISTER, IMAGE_DEREGISTERED },
    { IMAGE_FAILED, IMAGE_EV_FAILED, IMAGE_FAILED },
    { IMAGE_FAILED, IMAGE_EV_DEREGISTER, IMAGE_DEREGISTERED },
};

static const struct move snapshot_moves[] = {
    { SNAPSHOT_PENDING, SNAPSHOT_EV_COMPLETED, SNAPSHOT_COMPLETED },
    { SNAPSHOT_PENDING, SNAPSHOT_EV_FAILED, SNAPSHOT_ERROR },
    { SNAPSHOT_COMPLETED, SNAPSHOT_EV_COMPLETED, SNAPSHOT_COMPLETED },
    { SNAPSHOT_ERROR, SNAPSHOT_EV_FAILED, SNAPSHOT_ERROR },
};

static const struct move volume_moves[] = {
    { VOLUME_ST_CREATING, VOLUME_EV_READY, VOLUME_ST_AVAILABLE },
    { VOLUME_ST_CREATING, VOLUME_EV_FAILED, VOLUME_ST_ERROR },
    { VOLUME_ST_AVAILABLE, VOLUME_EV_READY, VOLUME_ST_AVAILABLE },
    { VOLUME_ST_AVAILABLE, VOLUME_EV_ATTACH, VOLUME_ST_IN_USE },
    { VOLUME_ST_AVAILABLE, VOLUME_EV_DELETE, VOLUME_ST_DELETING },
    { VOLUME_ST_IN_USE, VOLUME_EV_READY, VOLUME_ST_IN_USE },
    { VOLUME_ST_IN_USE, VOLUME_EV_DETACHED, VOLUME_ST_AVAILABLE },
    { VOLUME_ST_ERROR, VOLUME_EV_FAILED, VOLUME_ST_ERROR },
    { VOLUME_ST_ERROR, VOLUME_EV_DELETE, VOLUME_ST_DELETING },
    { VOLUME_ST_DELETING, VOLUME_EV_DELETE, VOLUME_ST_DELETING },
    { VOLUME_ST_DELETING, VOLUME_EV_DELETED, VOLUME_ST_DELETED },
};

#define MACHINE(what, states, events, moves)                                                       \
    {                                                                                              \
        what, states, events, moves, ARRAY_LEN(moves)                                              \
    }
const struct machine instance_machine =
    MACHINE("instance", &instance_words, &instance_events, instance_moves);
const struct machine image_machine = MACHINE("image", &image_words, &image_events, image_moves);
const struct machine snapshot_machine =
    MACHINE("snapshot", &snapshot_words, &snapshot_events, snapshot_moves);
const struct machine volume_machine =
    MACHINE("volume", &volume_words, &volume_events, volume_moves);

int machine_next(const struct machine *mc, const char *id, int from, int ev, int *ret_to,
                 struct err *e)
{
    for (size_t i = 0; i < mc->n_moves; i++)
        if (mc->moves[i].from == from && mc->moves[i].ev == ev) {
            *ret_to = mc->moves[i].to;
            return 0;
        }
    return err_set(e, EBUSY, ERR_CONFLICT, "%s '%s' is '%s', '%s' is refused", mc->what, id,
                   words_name(mc->states, from), words_name(mc->events, ev));
}
