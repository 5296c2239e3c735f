/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random work on a volume over a snapshot, against an image in memory: writes of any alignment,
 * zeros, points kept and released into real snapshots, kill -9, power cuts that keep any subset of
 * what was not synced. The seed is printed by a failure. */
#include "test-lib.h"

#include <fcntl.h>
#include <sys/stat.h>

#define BLOCKS      9U
#define SIZE        (BLOCKS * (uint64_t)STORE_BLOCK_BYTES - 37 * 4096 - 512)
#define UNIT        512U
#define UNITS       (SIZE / UNIT)
#define LOG_MAX     4096U
#define POINTS_KEPT 3U

struct kept {
    char name[16]; /* "": free */
    uint8_t *image;
    bool changed[BLOCKS]; /* at least these */
};

struct change_log {
    uint64_t offset, n;
    uint8_t *content;
};

struct run {
    struct bench b;
    uint64_t x; /* random state */
    unsigned ops, boots, snaps;
    uint8_t *now, *flushed, *base, *scratch;
    struct change_log log[LOG_MAX]; /* since the last flush */
    unsigned n_log;
    struct kept points[POINTS_KEPT];
    unsigned n_made;
    char base_id[16], boot_id[16];
    uint8_t *durable[2]; /* data, map: what a power cut cannot take */
    size_t durable_bytes[2];
    bool in_flush, wrote_during, encrypted;
};

static uint64_t any(struct run *r, uint64_t below)
{
    r->x ^= r->x << 13;
    r->x ^= r->x >> 7;
    r->x ^= r->x << 17;
    return r->x % below;
}

/* ---- the disk that forgets ------------------------------------------------------------------- */

static void note_durable(struct run *r, int f, int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    if (!r->durable[f])
        r->durable[f] = calloc(1, (size_t)st.st_size);
    r->durable_bytes[f] = (size_t)st.st_size;
    assert_int_equal(pread_full(fd, r->durable[f], (size_t)st.st_size, 0), 0);
}

static int plain_pwrite(const struct volume_io *io, enum volume_file f, int fd, const void *buf,
                        size_t n, uint64_t offset)
{
    (void)io, (void)f;
    return pwrite_full(fd, buf, n, offset);
}

static void write_during_sync(struct run *r);

static int noting_sync(const struct volume_io *io, enum volume_file f, int fd)
{
    struct run *r = io->userdata;

    note_durable(r, f == VOLUME_FILE_MAP, fd);
    if (r->in_flush && f == VOLUME_FILE_DATA)
        write_during_sync(r);
    return 0;
}

static void forget_in(struct run *r, int f, const char *name, size_t unit)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", r->b.vol, name);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    _cleanup_free_ uint8_t *is = malloc(r->durable_bytes[f]);

    assert_true(fd >= 0);
    assert_int_equal(pread_full(fd, is, r->durable_bytes[f], 0), 0);
    for (size_t at = 0; at < r->durable_bytes[f]; at += unit) {
        size_t n = (size_t)min_u64(unit, r->durable_bytes[f] - at);

        if (memcmp(is + at, r->durable[f] + at, n) != 0 && any(r, 2))
            assert_int_equal(pwrite_full(fd, r->durable[f] + at, n, at), 0);
    }
    note_durable(r, f, fd);
}

/* ---- opening, crashing ----------------------------------------------------------------------- */

static void reopen(struct run *r)
{
    struct volume_open_spec spec = { .boot_id = r->boot_id,
                                     .no_loader = any(r, 2),
                                     .fill_bytes_per_s = any(r, 2) ? UINT64_MAX : 0 };

    open_volume(&r->b, &spec);
}

static void drop_points(struct run *r)
{
    for (unsigned i = 0; i < POINTS_KEPT; i++)
        r->points[i].name[0] = '\0';
}

static void forget_log(struct run *r)
{
    for (unsigned i = 0; i < r->n_log; i++)
        free(r->log[i].content);
    r->n_log = 0;
}

static void settle(struct run *r)
{
    forget_log(r);
    memcpy(r->flushed, r->now, SIZE);
}

/* Each unit is what the last flush promised or what any write since then brought. */
static void adopt_what_survived(struct run *r)
{
    struct err e = { 0 };

    ok(volume_read(r->b.v, r->scratch, SIZE, 0, &e), &e);
    for (uint64_t u = 0; u < UNITS; u++) {
        uint64_t at = u * UNIT;
        bool fine = memcmp(r->scratch + at, r->flushed + at, UNIT) == 0;

        for (unsigned i = r->n_log; i-- > 0 && !fine;) {
            const struct change_log *l = &r->log[i];
            uint64_t from = max_u64(at, l->offset), to = min_u64(at + UNIT, l->offset + l->n);

            /* a write may cover a part of a unit only: its bytes then, older ones around */
            fine = from < to && memcmp(r->scratch + from, l->content + (from - l->offset),
                                       (size_t)(to - from)) == 0;
        }
        if (!fine)
            fail_msg("unit %llu is neither flushed nor written content after power loss",
                     (unsigned long long)u);
    }
    memcpy(r->now, r->scratch, SIZE);
    settle(r);
}

/* A second look must find the same: nothing unstable came through. */
static void check_all(struct run *r)
{
    must_equal(&r->b, r->now, SIZE, 0);
}

struct seen {
    bool changed[BLOCKS];
};

static int note_extent(uint64_t offset, uint64_t n, enum volume_extent kind, void *userdata)
{
    struct seen *s = userdata;

    for (uint64_t at = offset; at < offset + n; at += STORE_BLOCK_BYTES)
        s->changed[at >> STORE_BLOCK_SHIFT] = kind != VOLUME_EXTENT_SAME;
    return 0;
}

static void extents_of_point(struct run *r, const char *name, struct seen *s)
{
    struct volume_point *p = NULL;
    struct err e = { 0 };

    memset(s, 0, sizeof *s);
    ok(volume_point_get(r->b.v, name, &p, &e), &e);
    ok(volume_point_extents(p, false, SIZE, 0, note_extent, s, &e), &e);
    volume_point_put(p);
}

/* Every block that differs from the base is called changed. */
static void check_changed(struct run *r, const struct seen *s, const uint8_t *image)
{
    for (uint64_t b = 0; b < BLOCKS; b++) {
        uint64_t at = b << STORE_BLOCK_SHIFT, n = min_u64(STORE_BLOCK_BYTES, SIZE - at);

        if (!s->changed[b] && memcmp(image + at, r->base + at, (size_t)n) != 0)
            fail_msg("block %llu differs from the base and is not dirty", (unsigned long long)b);
    }
}

/* Asked through a point of its own, which flows back. */
static void check_dirty(struct run *r)
{
    struct err e = { 0 };
    struct seen s;
    bool moved;

    ok(volume_point(r->b.v, "asked", &e), &e);
    extents_of_point(r, "asked", &s);
    check_changed(r, &s, r->now);
    ok(volume_release(r->b.v, "asked", NULL, &moved, &e), &e);
}

static void kill_server(struct run *r)
{
    volume_free(TAKE_PTR(r->b.v));
    reopen(r);
    check_all(r);
    check_dirty(r);
}

static void stop_server(struct run *r)
{
    struct err e = { 0 };

    ok(volume_close(r->b.v, &e), &e);
    settle(r);
    volume_free(TAKE_PTR(r->b.v));
    if (any(r, 3) == 0) { /* the machine is stopped too, in order */
        (void)snprintf(r->boot_id, sizeof r->boot_id, "boot-%u", ++r->boots);
        drop_points(r);
    }
    reopen(r);
    assert_true(status_of(&r->b).clean_start);
    check_all(r);
    check_dirty(r);
}

static void cut_power(struct run *r)
{
    volume_free(TAKE_PTR(r->b.v));
    forget_in(r, 0, "data", r->encrypted ? UNIT : 4096);
    forget_in(r, 1, "map", UNIT);
    (void)snprintf(r->boot_id, sizeof r->boot_id, "boot-%u", ++r->boots);
    drop_points(r);
    reopen(r);
    adopt_what_survived(r);
    check_all(r);
    check_dirty(r);
}

/* ---- work ------------------------------------------------------------------------------------ */

static void pick_range(struct run *r, uint64_t *offset, uint64_t *n)
{
    static const uint64_t grains[] = { 1, 512, 4096, 4096, 65536, STORE_BLOCK_BYTES };
    uint64_t grain = grains[any(r, ARRAY_LEN(grains))];
    uint64_t max = grain == STORE_BLOCK_BYTES ? 3 : 20;

    *offset = any(r, SIZE / grain) * grain;
    *n = min_u64((1 + any(r, max)) * grain, SIZE - *offset);
    if (any(r, 40) == 0)
        *n = SIZE - *offset;
}

static void remember(struct run *r, uint64_t offset, uint64_t n)
{
    struct change_log *l = &r->log[r->n_log++];

    assert_true(r->n_log < LOG_MAX);
    *l = (struct change_log){ offset, n, malloc(n) };
    memcpy(l->content, r->now + offset, n);
}

static void do_write(struct run *r)
{
    uint64_t at, n;
    struct err e = { 0 };
    bool fua = any(r, 16) == 0;

    pick_range(r, &at, &n);
    noise(r->now + at, n, r->x);
    if (any(r, 8) == 0)
        memset(r->now + at, 0, n);
    remember(r, at, n);
    ok(volume_write(r->b.v, r->now + at, n, at, fua, &e), &e);
    if (fua) /* ours flushes all; the promise is only for this write, but it is kept for all */
        settle(r);
}

static void do_zero(struct run *r)
{
    uint64_t at, n;
    struct err e = { 0 };

    pick_range(r, &at, &n);
    memset(r->now + at, 0, n);
    remember(r, at, n);
    ok(volume_zero(r->b.v, n, at, any(r, 2) ? VOLUME_ZERO_KEEP : 0, &e), &e);
}

static void do_read(struct run *r)
{
    uint64_t at, n;

    pick_range(r, &at, &n);
    must_equal(&r->b, r->now + at, n, at);
}

static void do_flush(struct run *r)
{
    struct err e = { 0 };

    r->in_flush = any(r, 2);
    r->wrote_during = false;
    ok(volume_flush(r->b.v, &e), &e);
    r->in_flush = false;
    if (!r->wrote_during)
        settle(r);
}

/* As another connection would: the flush under way promises all before it and nothing of it. */
static void write_during_sync(struct run *r)
{
    uint64_t at, n;
    struct err e = { 0 };

    settle(r);
    r->in_flush = false;
    r->wrote_during = true;
    pick_range(r, &at, &n);
    noise(r->now + at, n, r->x);
    remember(r, at, n);
    ok(volume_write(r->b.v, r->now + at, n, at, false, &e), &e);
}

static void check_point(struct run *r, struct kept *k)
{
    struct volume_point *p = NULL;
    struct err e = { 0 };
    struct seen s;

    ok(volume_point_get(r->b.v, k->name, &p, &e), &e);
    ok(volume_point_read(p, r->scratch, SIZE, 0, &e), &e);
    volume_point_put(p);
    for (uint64_t i = 0; i < SIZE; i++)
        if (r->scratch[i] != k->image[i])
            fail_msg("byte %llu of point '%s' changed", (unsigned long long)i, k->name);
    extents_of_point(r, k->name, &s);
    check_changed(r, &s, k->image);
}

static void do_point(struct run *r)
{
    struct kept *k = &r->points[any(r, POINTS_KEPT)];
    struct err e = { 0 };

    if (k->name[0]) {
        check_point(r, k);
        return;
    }
    (void)snprintf(k->name, sizeof k->name, "p%u", ++r->n_made);
    ok(volume_point(r->b.v, k->name, &e), &e);
    memcpy(k->image, r->now, SIZE);
}

static void do_release(struct run *r)
{
    struct kept *k = &r->points[any(r, POINTS_KEPT)];
    bool into = any(r, 2), moved = false;
    struct err e = { 0 };
    char id[16] = "";
    struct seen s;

    if (!k->name[0])
        return;
    check_point(r, k);
    if (into) {
        (void)snprintf(id, sizeof id, "snap-%u", ++r->snaps);
        extents_of_point(r, k->name, &s);
        make_snapshot_in(r->b.store, r->b.domain, id, r->base_id, k->image, SIZE, s.changed);
    }
    ok(volume_release(r->b.v, k->name, into ? id : NULL, &moved, &e), &e);
    k->name[0] = '\0';
    if (moved) {
        memcpy(r->base, k->image, SIZE);
        (void)snprintf(r->base_id, sizeof r->base_id, "%s", id);
    }
    assert_string_equal(status_of(&r->b).base, r->base_id);
}

static void do_something(struct run *r)
{
    uint64_t dice = any(r, 100);

    if (dice < 45)
        do_write(r);
    else if (dice < 58)
        do_zero(r);
    else if (dice < 72)
        do_read(r);
    else if (dice < 80)
        do_flush(r);
    else if (dice < 88)
        do_point(r);
    else if (dice < 93)
        do_release(r);
    else if (dice < 95)
        stop_server(r);
    else if (dice < 98)
        kill_server(r);
    else
        cut_power(r);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void begin(struct run *r, uint64_t seed, bool encrypted)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *path = NULL;

    memset(r, 0, sizeof *r);
    r->x = seed * 2654435761U + 88172645463325252ULL;
    bench_open(&r->b);
    r->encrypted = encrypted;
    if (encrypted)
        bench_encrypt(&r->b);
    r->now = calloc(1, SIZE);
    r->flushed = calloc(1, SIZE);
    r->base = calloc(1, SIZE);
    r->scratch = calloc(1, SIZE);
    for (unsigned i = 0; i < POINTS_KEPT; i++)
        r->points[i].image = malloc(SIZE);
    for (uint64_t b = 0; b + 1 < BLOCKS; b++) /* some blocks of the base are nothing */
        if (any(r, 3))
            noise(r->base + (b << STORE_BLOCK_SHIFT), STORE_BLOCK_BYTES / (1 + any(r, 3)), b + 1);
    memcpy(r->now, r->base, SIZE);
    settle(r);
    if (any(r, 4)) {
        (void)snprintf(r->base_id, sizeof r->base_id, "snap-0");
        make_snapshot_in(r->b.store, r->b.domain, r->base_id, NULL, r->base, SIZE, NULL);
    } else {
        memset(r->base, 0, SIZE);
        memset(r->now, 0, SIZE);
        settle(r);
    }
    make_volume(&r->b, SIZE, r->base_id[0] ? r->base_id : NULL);
    r->b.io = (struct volume_io){ plain_pwrite, noting_sync, r };
    (void)snprintf(r->boot_id, sizeof r->boot_id, "boot-0");
    r->durable[0] = calloc(1, SIZE);
    r->durable_bytes[0] = SIZE;
    path = xasprintf("%s/map", r->b.vol);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    note_durable(r, 1, fd);
    reopen(r);
}

static void end(struct run *r)
{
    forget_log(r);
    free(r->now);
    free(r->flushed);
    free(r->base);
    free(r->scratch);
    free(r->durable[0]);
    free(r->durable[1]);
    for (unsigned i = 0; i < POINTS_KEPT; i++)
        free(r->points[i].image);
    bench_close(&r->b);
}

static void one_run(uint64_t seed, unsigned ops, bool encrypted)
{
    static struct run r;

    print_message("# seed %llu%s\n", (unsigned long long)seed, encrypted ? ", encrypted" : "");
    begin(&r, seed, encrypted);
    for (r.ops = 0; r.ops < ops; r.ops++)
        do_something(&r);
    check_all(&r);
    end(&r);
}

static void random_runs(bool encrypted)
{
    const char *seed = getenv("KILN_TEST_SEED"), *runs = getenv("KILN_TEST_RUNS");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    uint64_t n = runs ? strtoull(runs, NULL, 10) : 2;

    for (uint64_t i = 0; i < n; i++)
        one_run(first + i, 250, encrypted);
}

static void random_work_and_crashes_lose_nothing_that_was_promised(void **unused)
{
    (void)unused;
    random_runs(false);
}

/* The power cut tears writes finer here: encryption must not spread the damage. */
static void random_work_and_crashes_of_an_encrypted_volume(void **unused)
{
    (void)unused;
    random_runs(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_and_crashes_lose_nothing_that_was_promised),
        cmocka_unit_test(random_work_and_crashes_of_an_encrypted_volume),
    };

    return test_run(tests);
}
