/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gives the space of deleted snapshots and of dead writers back: one gc worker at a time, while
 * nobody writes to the store. What is wanted meanwhile is done afterwards; what a reader of the
 * store keeps from being done is tried again every few seconds. */
#include "jobs-priv.h"

#include "file.h"
#include "log.h"

#define RETRY_TICKS 5

static long long number(const json_t *result, const char *name)
{
    return (long long)json_integer_value(json_object_get(result, name));
}

static void tell(const json_t *result, bool busy)
{
    const char *trouble = json_string_value(json_object_get(result, "trouble"));

    if (trouble && *trouble)
        log_error("jobs", "while space was given back: %s", trouble);
    if (number(result, "bytes_freed") > 0)
        log_info("jobs", "gave %lld bytes of the store back: %lld packs removed, %lld written anew",
                 number(result, "bytes_freed"), number(result, "packs_removed"),
                 number(result, "packs_compacted"));
    else if (busy)
        log_info("jobs", "the store is being read: space is given back later");
}

static void on_gc_end(void *userdata, const json_t *result, const struct err *why)
{
    struct jobs *js = userdata;
    bool busy = json_is_true(json_object_get(result, "busy"));

    js->gc = NULL;
    if (why || busy)
        js->gc_retry = RETRY_TICKS;
    if (why)
        log_warning("jobs", "giving space back failed, trying again in %d s: %s", RETRY_TICKS,
                    why->msg);
    else
        tell(result, busy);
    jobs_shutdown_step(js);
}

void reclaim_want(struct jobs *js)
{
    _cleanup_free_ char *key = jobs_key_path(js);
    /* With it, encrypted blocks that move are proven by their hash. */
    bool with_key = path_exists(key);
    const char *args[] = { "gc", "--store", js->store_dir, with_key ? "--key" : NULL, key, NULL };
    struct work_spec spec = { .args = args, .on_end = on_gc_end, .userdata = js };
    struct err e = { 0 };

    js->gc_wanted = true;
    if (js->gc || js->works_running || js->closing)
        return;
    js->gc_wanted = false;
    if (work_start(js, &spec, &js->gc, &e) < 0)
        log_warning("jobs", "start to give space back: %s", e.msg);
}

/* Once a second. */
void reclaim_tick(struct jobs *js)
{
    if (js->gc_retry && --js->gc_retry == 0)
        reclaim_want(js);
}

void reclaim_close(struct jobs *js)
{
    work_cancel(js->gc);
    js->gc = NULL;
}
