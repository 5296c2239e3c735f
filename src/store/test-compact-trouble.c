/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What keeps packs from being written anew: damage, a full disk, a bad one, others who wait, too
 * much for one run. Nothing is lost or worse, and it is told. Numbers: the invariants in store.c.
 */
#include "test-compact-fix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "file.h"

static void flip(const char *path, uint64_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t b;

    assert_true(fd >= 0);
    assert_int_equal(pread_full(fd, &b, 1, at), 0);
    b ^= 0x10;
    assert_int_equal(pwrite_full(fd, &b, 1, at), 0);
    (void)close(fd);
}

/* Where block 3 of "kept" lies in the pack that will be written anew. */
static uint64_t offset_of_block_3(struct fix *f)
{
    _cleanup_(root_done) struct root root = { 0 };
    uint64_t loc[LEAF_ENTRIES], offset;
    struct err e = { 0 };
    struct pack *p;

    assert_ok(root_load(f->s, "snaps", "kept", &root, &e), &e);
    assert_ok(leaf_load(f->s, root.info.domain, &root.ref[0], true, loc, &e), &e);
    assert_ok(pack_get(f->s, LOC_SEQ(loc[3]), &p, &e), &e);
    offset = get_le64(pack_entry(p, LOC_SLOT(loc[3]))->offset);
    pack_put(f->s, p);
    return offset;
}

static void a_flipped_bit_is_named_and_its_pack_stays(void **state) /* 3, 4 */
{
    struct fix *f = *state;
    struct model other_all = { .volume_bytes = MIB(4), .block = { 101, 102, 103, 104, 105 } };
    struct model other_one = { .volume_bytes = MIB(4), .block = { [2] = 103 } };
    struct store_gc_stats gc;
    uint64_t before, after;
    struct err e = { 0 };
    char *pack;

    most_is_deleted(f);
    model_snapshot(f->s, "other-all", NULL, &other_all, NULL, NULL);
    model_snapshot(f->s, "other-one", "other-all", &other_one, &other_all, NULL);
    assert_ok(store_snap_delete(f->s, "other-all", &e), &e);
    pack = largest_pack(f, &before);
    flip(pack, offset_of_block_3(f) + 3000); /* in one of its frames */
    gc = collect(f->s);
    assert_int_equal(gc.packs_damaged, 1);
    assert_int_equal(gc.packs_left, 1);
    assert_int_equal(gc.packs_compacted, 1); /* the other one's */
    assert_false(gc.again);
    assert_int_equal(gc.trouble.kind, ERR_CORRUPT);
    assert_non_null(strstr(gc.trouble.msg, "block 3 of snapshot 'kept'"));
    assert_non_null(strstr(gc.trouble.msg, "checksum of frame"));
    {
        const char *name = strrchr(pack, '/') + 1;
        char *want = xasprintf("write pack '%.16s' anew: ", name);

        assert_memory_equal(gc.trouble.msg, want, strlen(want));
        free(want);
    }
    free(largest_pack(f, &after));
    assert_int_equal(after, before);
    flip(pack, offset_of_block_3(f) + 3000); /* back again: nothing was lost */
    kept_is_whole(f);
    assert_int_equal(check_problems(f->s, NULL), 0);
    assert_int_equal(model_compare(f->s, "other-one", &other_one, &e), 0);
    assert_int_equal(collect(f->s).packs_compacted, 1);
    kept_is_whole(f);
    free(pack);
}

/* Wrong content under a right checksum: only the hash can tell. */
static void a_record_that_is_not_its_hash_is_not_moved(void **state) /* 3 */
{
    struct fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_gc_stats gc;
    struct packed x = { 0 };
    struct packw *w;
    struct err e = { 0 };
    uint64_t seq;
    uint32_t slot;
    uint64_t offset;

    /* A pack of four blocks with the names of others; only one of them will be needed. */
    model_block(4, buf);
    assert_ok(packed_init(&x, 1, 0, &e), &e);
    assert_ok(packw_open(f->s, NULL, &w, &e), &e);
    seq = packw_seq(w);
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t sha[SHA_BYTES];

        model_block(5 + i, buf);
        assert_ok(block_name(NULL, buf, sha, &e), &e);
        model_block(4, buf);
        assert_ok(packed_make(&x, REC_BLOCK, buf, STORE_BLOCK_BYTES, sha, &e), &e);
        assert_ok(packw_reserve(w, REC_BLOCK, x.len, sha, &slot, &offset, &e), &e);
        assert_ok(packw_write(w, offset, x.buf, x.len, &e), &e);
    }
    assert_ok(packw_seal(w, &e), &e);
    packw_free(w);
    packed_done(&x);
    {
        struct model m = { .volume_bytes = MIB(4), .block = { [6] = 5 } }; /* finds it there */

        model_snapshot(f->s, "m", NULL, &m, NULL, NULL);
    }
    gc = collect(f->s);
    assert_int_equal(gc.packs_damaged, 1);
    assert_int_equal(gc.packs_compacted, 0);
    assert_non_null(strstr(gc.trouble.msg, "block 6 of snapshot 'm'"));
    assert_non_null(strstr(gc.trouble.msg, "SHA-256 does not match"));
    {
        char *path = xasprintf("%s/packs/%016" PRIx64 ".pack", f->path, seq);

        assert_true(path_exists(path));
        free(path);
    }
}

static struct store_io other_io; /* the real disk, but for one call */

static int no_room(const struct store_io *io, int h, const void *buf, size_t n, uint64_t offset)
{
    (void)io, (void)buf;
    if (offset > 4096) { /* a little goes, then no more */
        (void)n;
        return -ENOSPC;
    }
    return store_io_disk.pwrite(&store_io_disk, h, buf, n, offset);
}

static void a_full_disk_ends_it_and_nothing_is_worse(void **state)
{
    struct fix *f = *state;
    _cleanup_(names_done) struct names l = { 0 };
    struct store_gc_stats gc;
    uint64_t before, after;
    struct err e = { 0 };

    most_is_deleted(f);
    free(largest_pack(f, &before));
    other_io = store_io_disk;
    other_io.pwrite = no_room;
    f->s->io = &other_io;
    gc = collect(f->s);
    f->s->io = &store_io_disk;
    assert_int_equal(gc.packs_compacted, 0);
    assert_int_equal(gc.packs_left, 1);
    assert_int_equal(gc.packs_damaged, 0);
    assert_int_equal(gc.trouble.no, ENOSPC);
    assert_false(gc.again); /* it would be as full in five seconds */
    free(largest_pack(f, &after));
    assert_int_equal(after, before);
    assert_ok(names_list(f->s, "packs", &l, &e), &e);
    for (size_t i = 0; i < l.n; i++)
        assert_null(strstr(l.name[i], ".open"));
    kept_is_whole(f);
    assert_int_equal(check_problems(f->s, NULL), 0);
    assert_int_equal(collect(f->s).packs_compacted, 1);
    kept_is_whole(f);
}

static int wrong_byte(const struct store_io *io, int h, const void *buf, size_t n, uint64_t offset)
{
    uint8_t *copy = malloc(n);
    int r;

    (void)io;
    memcpy(copy, buf, n);
    if (n > 2000) /* a record, not the table */
        copy[900] ^= 4;
    r = store_io_disk.pwrite(&store_io_disk, h, copy, n, offset);
    free(copy);
    return r;
}

static void a_copy_that_cannot_be_read_back_gets_no_name(void **state)
{
    struct fix *f = *state;
    struct store_gc_stats gc = { .packs_seen = 42 };
    uint64_t before, after;
    struct err e = { 0 };

    most_is_deleted(f);
    free(largest_pack(f, &before));
    other_io = store_io_disk;
    other_io.pwrite = wrong_byte;
    f->s->io = &other_io;
    assert_true(store_gc(f->s, &gc, &e) < 0);
    f->s->io = &store_io_disk;
    assert_int_equal(e.kind, ERR_IO);
    assert_non_null(strstr(e.msg, "read back the copy: record "));
    assert_int_equal(gc.packs_seen, 42);
    free(largest_pack(f, &after));
    assert_int_equal(after, before);
    kept_is_whole(f);
    assert_int_equal(check_problems(f->s, NULL), 0);
    assert_int_equal(collect(f->s).packs_compacted, 1);
}

static int waiting = -1; /* as a writer that waits for locks/gc */

static void wait_for(struct fix *f)
{
    _cleanup_free_ char *locks = xasprintf("%s/locks", f->path);

    waiting = open(locks, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(waiting >= 0);
    assert_int_equal(flock(waiting, LOCK_SH), 0);
}

static struct fix *who_comes;

/* Somebody comes when the copy has been begun. */
static int pwrite_and_come(const struct store_io *io, int h, const void *buf, size_t n,
                           uint64_t offset)
{
    (void)io;
    if (offset && waiting < 0)
        wait_for(who_comes);
    return store_io_disk.pwrite(&store_io_disk, h, buf, n, offset);
}

static void who_waits_for_the_store_is_let_in(void **state)
{
    struct fix *f = *state;
    struct store_check_report report;
    struct store_gc_stats gc;

    most_is_deleted(f);
    wait_for(f);
    gc = collect(f->s); /* while it marks: nothing may be removed then */
    assert_true(gc.again);
    assert_int_equal(gc.packs_seen, 0);
    assert_int_equal(gc.packs_compacted, 0);
    close_fdp(&waiting);
    waiting = -1;

    who_comes = f;
    other_io = store_io_disk;
    other_io.pwrite = pwrite_and_come;
    f->s->io = &other_io;
    gc = collect(f->s);
    f->s->io = &store_io_disk;
    assert_true(waiting >= 0);
    assert_int_equal(gc.packs_compacted, 0);
    assert_int_equal(gc.packs_left, 1);
    assert_true(gc.again);
    assert_int_equal(gc.trouble.no, 0);
    assert_int_equal(check_problems(f->s, &report), 0);
    assert_int_equal(report.leftovers, 0); /* the half copy is gone */
    close_fdp(&waiting);
    waiting = -1;
    gc = collect(f->s);
    assert_int_equal(gc.packs_compacted, 1);
    assert_false(gc.again);
    kept_is_whole(f);
}

static void one_collection_moves_only_so_much(void **state)
{
    struct fix *f = *state;
    struct model all = { .volume_bytes = MIB(32) }, some;
    struct store_gc_stats gc;
    unsigned runs = 0, packs = 0;
    struct err e = { 0 };

    f->s->pack_target = 40000; /* five blocks */
    f->s->compact_max = 9000;  /* one */
    for (uint32_t i = 0; i < 60; i++)
        all.block[i] = i + 1;
    some = all;
    for (uint32_t i = 0; i < 60; i++)
        some.block[i] = i % 5 ? 0 : all.block[i];
    model_snapshot(f->s, "all", NULL, &all, NULL, NULL);
    model_snapshot(f->s, "some", "all", &some, &all, NULL);
    assert_ok(store_snap_delete(f->s, "all", &e), &e);
    do {
        gc = collect(f->s);
        packs += (unsigned)gc.packs_compacted;
        assert_true(gc.bytes_copied < 30000);
        assert_int_equal(gc.again, gc.packs_left > 0);
        runs++;
    } while (gc.again && runs < 100);
    assert_true(packs >= 8);
    assert_true(runs > 3 && runs < 100);
    assert_int_equal(model_compare(f->s, "some", &some, &e), 0);
    assert_int_equal(check_problems(f->s, NULL), 0);
}

static void a_flipped_bit_of_an_encrypted_pack_is_found_without_a_key(void **state) /* 3, 8 */
{
    struct fix *f = *state;
    struct store_gc_stats gc;
    struct store *other;
    struct err e = { 0 };
    char *pack;

    most_is_deleted(f);
    pack = largest_pack(f, NULL);
    flip(pack, offset_of_block_3(f) + 3000);
    assert_ok(store_open(f->path, NULL, &other, &e), &e);
    other->compact_min = 0;
    gc = collect(other);
    assert_int_equal(gc.packs_damaged, 1);
    assert_non_null(strstr(gc.trouble.msg, "block 3 of snapshot 'kept'"));
    store_close(other);
    gc = collect(f->s);
    assert_int_equal(gc.packs_damaged, 1);
    flip(pack, offset_of_block_3(f) + 3000);
    kept_is_whole(f);
    free(pack);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_flipped_bit_is_named_and_its_pack_stays),
        TEST(a_record_that_is_not_its_hash_is_not_moved),
        TEST(a_full_disk_ends_it_and_nothing_is_worse),
        TEST(a_copy_that_cannot_be_read_back_gets_no_name),
        TEST(who_waits_for_the_store_is_let_in),
        TEST(one_collection_moves_only_so_much),
        SEALED(a_flipped_bit_of_an_encrypted_pack_is_found_without_a_key),
    };

    return test_run(tests);
}
