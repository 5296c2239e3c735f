/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Power loss at every flush, failure of every call: invariants 1, 2, 4 and 5. After each: open,
 * check, compare. */
#include "test-help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test-disk.h"

#define STORE "/s"
#define SEEDS 3U

static const struct model base = { .volume_bytes = MIB(514), .block = { 1, 2, 3, 1, [1026] = 4 } };
static const struct model next = { .volume_bytes = MIB(514), .block = { 1, 5, 0, 6, [1026] = 4 } };
static const struct model last = { .volume_bytes = MIB(520), .block = { 7, 5, 0, 1, [1035] = 8 } };

static struct store_key *key; /* NULL: not encrypted */

static struct store *open_store(struct disk *d)
{
    struct store *s = NULL;
    struct err e = { 0 };

    assert_ok(store_open(STORE, disk_io(d), &s, &e), &e);
    if (key)
        assert_ok(store_add_key(s, key, &e), &e);
    s->pack_target = 30000; /* up to three blocks a pack */
    s->compact_min = 0;
    return s;
}

/* A store with snapshot "base" and a pin of it, everything flushed. */
static struct disk *base_disk(void)
{
    struct disk *d = disk_new();
    struct err e = { 0 };
    struct store *s;

    assert_ok(store_create_io(STORE, disk_io(d), &e), &e);
    s = open_store(d);
    model_snapshot(s, "base", NULL, &base, NULL, NULL);
    assert_ok(store_pin(s, "base", "pin", &e), &e);
    store_close(s);
    return d;
}

/* ---- what is interrupted: each returns 0, or what went wrong ---- */

struct progress {
    bool next, last, deleted, copied; /* these calls have returned success */
    bool next_goes;                   /* its deletion has begun */
    unsigned compacted;               /* packs */
};

static int two_increments(struct store *s, struct progress *p, struct err *e)
{
    int r = model_try_snapshot(s, "next", "base", &next, &base, 1, NULL, e);

    if (r == 0) {
        p->next = true;
        r = model_try_snapshot(s, "last", "next", &last, &next, 1, NULL, e);
    }
    if (r == 0)
        p->last = true;
    return r;
}

static int delete_and_collect(struct store *s, struct progress *p, struct err *e)
{
    struct store_gc_stats gc = { 0 };
    int r = two_increments(s, p, e);

    if (r == 0)
        r = store_pin(s, "last", "pin", e);
    if (r == 0)
        r = store_snap_copy(s, "last", "copy", NULL, e);
    if (r == 0)
        p->copied = true;
    if (r == 0)
        r = store_snap_delete(s, "base", e);
    if (r == 0) {
        p->deleted = true;
        r = store_gc(s, &gc, e);
        p->compacted += (unsigned)gc.packs_compacted;
    }
    return r;
}

/* Whole or absent. */
static void whole_or_absent(struct store *s, const char *id, const struct model *m, bool must)
{
    struct err e = { 0 };
    int r;

    if (!store_snap_exists(s, id)) {
        assert_false(must);
        return;
    }
    r = model_compare(s, id, m, &e);
    if (r)
        fail_msg("snapshot '%s': %d %s", id, r, e.msg);
}

static void verify(struct disk *d, const struct progress *p)
{
    struct store *s = open_store(d);
    struct err e = { 0 };
    int r;

    assert_int_equal(check_problems(s, NULL), 0);
    if (!p->deleted)
        whole_or_absent(s, "base", &base, !p->last); /* perhaps it was just being deleted */
    whole_or_absent(s, "next", &next, p->next && !p->next_goes);
    whole_or_absent(s, "last", &last, p->last);
    whole_or_absent(s, "copy", &last, p->copied);
    r = model_compare(s, "pin", &base, &e);
    if (r == -1)
        r = model_compare(s, "pin", &last, &e);
    assert_ok(r, &e);
    assert_int_equal(r, 0);
    store_close(s);
}

/* Life goes on: what is missing is made, leftovers go, nothing else is lost. */
static void go_on(struct disk *d)
{
    struct store *s = open_store(d);
    struct store_check_report report;
    struct store_gc_stats gc;
    struct err e = { 0 };

    if (!store_snap_exists(s, "next"))
        model_snapshot(s, "next", store_snap_exists(s, "last") ? NULL : "pin", &next, NULL, NULL);
    assert_ok(store_gc(s, &gc, &e), &e);
    assert_false(gc.busy);
    assert_int_equal(check_problems(s, &report), 0);
    assert_int_equal(report.leftovers, 0);
    store_close(s);
}

typedef int scenario_fn(struct store *s, struct progress *p, struct err *e);

/* Returns how many packs the undisturbed run has written anew. */
static unsigned pull_the_plug_everywhere(scenario_fn *scenario)
{
    struct disk *start = base_disk();
    bool finished = false;
    unsigned compacted = 0;

    for (long n = 0; !finished; n++) {
        struct disk *d = disk_copy(start);
        struct store *s = open_store(d);
        struct progress p = { 0 };
        struct err e = { 0 };
        int r;

        disk_plug_at(d, n);
        r = scenario(s, &p, &e);
        store_close(s);
        finished = !disk_is_dead(d);
        compacted = p.compacted;
        assert_int_equal(r == 0, finished);
        for (unsigned f = 0; f < DISK_FATE_MAX + SEEDS; f++) {
            struct disk *after = disk_copy(d);

            disk_restart(after, f < DISK_FATE_MAX ? (enum disk_fate)f : DISK_MIXED,
                         f * 977 + (unsigned)n);
            verify(after, &p);
            if (f < DISK_FATE_MAX)
                go_on(after);
            disk_free(after);
        }
        disk_free(d);
    }
    disk_free(start);
    return compacted;
}

/* Only some blocks of "base" are needed when "base" and its pin are gone: packs are written anew.
 */
static int compact(struct store *s, struct progress *p, struct err *e)
{
    struct store_gc_stats gc = { 0 };
    int r = delete_and_collect(s, p, e);

    p->next_goes = r == 0;
    if (r == 0)
        r = store_snap_delete(s, "next", e);
    if (r == 0)
        r = store_gc(s, &gc, e);
    p->compacted += (unsigned)gc.packs_compacted;
    if (r == 0 && gc.trouble.no) { /* a full disk: told, and no failure */
        *e = gc.trouble;
        return -e->no;
    }
    return r;
}

static void power_may_fail_at_any_flush_of_increments(void **unused) /* 1, 2 */
{
    (void)unused;
    (void)pull_the_plug_everywhere(two_increments);
}

static void power_may_fail_at_any_flush_of_a_collection(void **unused) /* 4 */
{
    (void)unused;
    (void)pull_the_plug_everywhere(delete_and_collect);
}

static void power_may_fail_at_any_flush_of_a_compaction(void **unused) /* 2, 4 */
{
    (void)unused;
    assert_true(pull_the_plug_everywhere(compact) > 0);
}

static void fail_every_call(scenario_fn *scenario, int no, bool killed)
{
    struct disk *start = base_disk();
    bool finished = false;

    for (long n = 0; !finished; n++) {
        struct disk *d = disk_copy(start);
        struct store *s = open_store(d);
        struct progress p = { 0 };
        struct err e = { 0 };
        int r;

        disk_fail_at(d, n, no);
        r = scenario(s, &p, &e);
        assert_int_equal(r < 0, e.no != 0);
        finished = disk_calls(d) <= n;
        if (finished)
            assert_int_equal(r, 0);
        disk_fail_at(d, -1, 0);
        if (killed) /* the process ends with everything open */
            disk_kill_handles(d);
        store_close(s);
        verify(d, &p);
        if (n % 8 == 0)
            go_on(d);
        disk_free(d);
    }
    disk_free(start);
}

static void any_call_may_fail(void **unused)
{
    (void)unused;
    fail_every_call(compact, EIO, false);
}

static void the_disk_may_be_full_at_any_call(void **unused)
{
    (void)unused;
    fail_every_call(compact, ENOSPC, true);
}

static void a_collection_may_be_killed_between_any_two_calls(void **unused) /* 4 */
{
    struct disk *start = base_disk();
    struct store *s = open_store(start);
    struct progress p = { 0 };
    struct err e = { 0 };
    bool finished = false;

    (void)unused;
    assert_ok(two_increments(s, &p, &e), &e);
    assert_ok(store_pin(s, "last", "pin", &e), &e);
    assert_ok(store_snap_delete(s, "base", &e), &e);
    assert_ok(store_snap_delete(s, "next", &e), &e);
    store_close(s);
    for (long n = 0; !finished; n++) {
        struct disk *d = disk_copy(start);
        struct store_gc_stats gc;
        int r;

        s = open_store(d);
        err_clear(&e);
        disk_fail_at(d, n, EIO);
        r = store_gc(s, &gc, &e); /* wherever it ends */
        finished = disk_calls(d) <= n;
        if (finished)
            assert_true(r == 0 && gc.packs_compacted > 0 && gc.packs_removed > 0);
        disk_fail_at(d, -1, 0);
        disk_kill_handles(d);
        store_close(s);
        s = open_store(d);
        assert_int_equal(check_problems(s, NULL), 0);
        whole_or_absent(s, "last", &last, true);
        store_close(s);
        disk_free(d);
    }
    disk_free(start);
}

static void making_a_store_may_be_interrupted_and_repeated(void **unused)
{
    bool finished = false;

    (void)unused;
    for (long n = 0; !finished; n++)
        for (unsigned f = 0; f < DISK_FATE_MAX + SEEDS; f++) {
            struct disk *d = disk_new();
            struct err e = { 0 };
            int r;

            disk_plug_at(d, n);
            r = store_create_io(STORE, disk_io(d), &e);
            finished = !disk_is_dead(d);
            assert_int_equal(r == 0, finished);
            disk_restart(d, f < DISK_FATE_MAX ? (enum disk_fate)f : DISK_MIXED, f + (unsigned)n);
            err_clear(&e);
            r = store_create_io(STORE, disk_io(d), &e);
            assert_true(r == 0 || e.kind == ERR_EXISTS);
            store_close(open_store(d));
            disk_free(d);
        }
}

static void the_first_encrypted_snapshot_may_be_interrupted(void **unused) /* 1, 8 */
{
    struct store_key *k = TAKE_PTR(key); /* what is there is not encrypted */
    struct disk *start = base_disk();
    bool finished = false;

    (void)unused;
    key = k;
    for (long n = 0; !finished; n++)
        for (unsigned f = 0; f < DISK_FATE_MAX + SEEDS; f++) {
            struct disk *d = disk_copy(start);
            struct store *s = open_store(d);
            struct err e = { 0 };

            disk_plug_at(d, n);
            (void)model_try_snapshot(s, "next", NULL, &next, NULL, 1, NULL, &e);
            store_close(s);
            finished = !disk_is_dead(d);
            disk_restart(d, f < DISK_FATE_MAX ? (enum disk_fate)f : DISK_MIXED, f + (unsigned)n);
            s = open_store(d);
            assert_int_equal(check_problems(s, NULL), 0);
            whole_or_absent(s, "base", &base, true);
            whole_or_absent(s, "next", &next, finished);
            store_close(s);
            disk_free(d);
        }
    disk_free(start);
}

static int encrypted(void **unused)
{
    (void)unused;
    key = test_key(7);
    return 0;
}

static int plain(void **unused)
{
    (void)unused;
    store_key_free(TAKE_PTR(key));
    return 0;
}

int main(void)
{
#define ENCRYPTED(name)                                                                            \
    {                                                                                              \
#name " (encrypted)", name, encrypted, plain, NULL                                         \
    }
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_may_fail_at_any_flush_of_increments),
        cmocka_unit_test(power_may_fail_at_any_flush_of_a_collection),
        cmocka_unit_test(power_may_fail_at_any_flush_of_a_compaction),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(the_disk_may_be_full_at_any_call),
        cmocka_unit_test(a_collection_may_be_killed_between_any_two_calls),
        cmocka_unit_test(making_a_store_may_be_interrupted_and_repeated),
        ENCRYPTED(power_may_fail_at_any_flush_of_a_compaction),
        ENCRYPTED(any_call_may_fail),
        ENCRYPTED(the_first_encrypted_snapshot_may_be_interrupted),
    };

    return test_run(tests);
}
