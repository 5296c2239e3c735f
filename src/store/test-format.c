/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small parts: sums, names, sets, the index, and what the parsers refuse. */
#include "test-help.h"

#include <errno.h>
#include <string.h>

#include "parse.h"
#include "set.h"

static void crc32c_is_the_castagnoli_one(void **unused)
{
    uint8_t zeros[32] = { 0 };
    uint8_t noise[1000];

    (void)unused;
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(zeros, sizeof zeros), 0x8a9136aa); /* RFC 3720, B.4 */
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * i + 7);
    for (size_t n = 0; n < sizeof noise; n += 13)
        assert_int_equal(crc32c(noise + n % 7, n), crc32c_portable(noise + n % 7, n));
}

static void zeros_are_known_by_their_hash(void **unused)
{
    _cleanup_free_ uint8_t *zeros = calloc(1, STORE_BLOCK_BYTES);
    uint8_t sha[SHA_BYTES];
    struct err e = { 0 };

    (void)unused;
    assert_ok(sha256(zeros, STORE_BLOCK_BYTES, sha, &e), &e);
    assert_memory_equal(sha, format_zero_sha, SHA_BYTES);
    assert_true(is_zero(zeros, STORE_BLOCK_BYTES));
    for (size_t at = 0; at < STORE_BLOCK_BYTES; at += at < 40 ? 1 : 4093) {
        zeros[at] = 1;
        assert_false(is_zero(zeros, STORE_BLOCK_BYTES));
        assert_true(is_zero(zeros, at));
        zeros[at] = 0;
    }
}

static void pack_names_are_sixteen_hex_digits(void **unused)
{
    static const char *const bad[] = { "1.pack",
                                       "0000000000000001.open",
                                       "000000000000000G.pack",
                                       "0000000000000000.pack",
                                       "0001000000000000.pack",
                                       "000000000000000A.pack",
                                       "0000000000000001.packs",
                                       "" };
    uint64_t seq = 0;

    (void)unused;
    assert_true(pack_name_parse("00000000deadbeef.pack", ".pack", &seq));
    assert_int_equal(seq, 0xdeadbeef);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(pack_name_parse(bad[i], ".pack", &seq));
    assert_int_equal(seq, 0xdeadbeef);
}

static void a_set_holds_what_was_added(void **unused)
{
    struct set x = { 0 };
    struct err e = { 0 };

    (void)unused;
    for (uint64_t i = 1; i < 5000; i++)
        assert_int_equal(set_add(&x, i << 24, &e), 1);
    for (uint64_t i = 1; i < 5000; i++)
        assert_int_equal(set_add(&x, i << 24, &e), 0);
    assert_false(set_has(&x, 5000ULL << 24));
    set_done(&x);
}

static void the_index_gives_every_candidate(void **unused)
{
    struct index x = { 0 };
    uint8_t sha[SHA_BYTES] = { 0 };
    struct err e = { 0 };
    size_t pos = 0;

    (void)unused;
    assert_int_equal(index_next(&x, sha, &pos), 0);
    for (uint32_t i = 0; i < 3000; i++) {
        memcpy(sha, &i, sizeof i); /* neighbours: long runs of full slots */
        assert_ok(index_add(&x, sha, LOC(1, i), &e), &e);
    }
    assert_ok(index_add(&x, sha, LOC(2, 5), &e), &e);
    pos = 0;
    assert_int_equal(index_next(&x, sha, &pos), LOC(1, 2999));
    assert_int_equal(index_next(&x, sha, &pos), LOC(2, 5));
    assert_int_equal(index_next(&x, sha, &pos), 0);
    memset(sha, 0xee, sizeof sha);
    pos = 0;
    assert_int_equal(index_next(&x, sha, &pos), 0);
    index_done(&x);
}

static struct rec_disk good_rec(void)
{
    struct rec_disk d;

    rec_build(&d, REC_BLOCK, 0, STORE_BLOCK_BYTES, format_zero_sha);
    d.frame[0].len = put_le32(STORE_FRAME_BYTES | FRAME_RAW);
    d.frame[1].len = put_le32(100);
    rec_seal(&d);
    return d;
}

static void impossible_records_are_refused(void **unused)
{
    struct rec_disk good = good_rec(), d;
    struct rec r;
    struct err e = { 0 };

    (void)unused;
    assert_ok(rec_parse(&good, SUMS_CHECK, &r, &e), &e);
    assert_int_equal(r.frame[2].offset, STORE_FRAME_BYTES + 100);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        d = good;                                                                                  \
        change;                                                                                    \
        err_clear(&e);                                                                             \
        assert_true(rec_parse(&d, SUMS_SKIP, &r, &e) < 0);                                         \
        assert_true(e.msg[0]);                                                                     \
    } while (0)
    REFUSED(d.magic[0] = 'X');
    REFUSED(d.kind = 3);
    REFUSED(d.kind = REC_LEAF);
    REFUSED(d.codec = 2);
    REFUSED(d.domain = put_le32(1)); /* encrypted: each frame has at least a tag and something */
    REFUSED(d.plain_len = put_le32(0));
    REFUSED(d.plain_len = put_le32(STORE_BLOCK_BYTES + 1));
    REFUSED(d.stored_len = put_le32(1));
    REFUSED(d.frame[1].len = put_le32(STORE_FRAME_BYTES + 1));
    REFUSED(d.frame[1].len = put_le32(100 | FRAME_RAW));
    REFUSED(d.frame[3].len = put_le32(0x7fffffff));
    d = good;
    d.sha[5] ^= 1;
    err_clear(&e);
    assert_int_equal(rec_parse(&d, SUMS_CHECK, &r, &e), -EBADMSG);
    assert_string_equal(e.msg, "checksum of the record header does not match");
}

static void impossible_tables_are_refused(void **unused)
{
    struct entry_disk t[2] = { { .offset = put_le64(64), .len = put_le32(100), .kind = REC_BLOCK },
                               { .offset = put_le64(168), .len = put_le32(96), .kind = REC_LEAF } };
    struct trailer_disk tr;
    uint64_t offset, size = 264 + sizeof t + sizeof tr;
    uint32_t count;
    struct err e = { 0 };

    (void)unused;
    trailer_build(&tr, 9, 264, 2, t);
    assert_ok(trailer_parse(&tr, 9, size, SUMS_CHECK, &offset, &count, &e), &e);
    assert_ok(table_parse(t, &tr, SUMS_CHECK, &e), &e);
    assert_int_equal(trailer_parse(&tr, 8, size, SUMS_CHECK, &offset, &count, &e), -EBADMSG);
    err_clear(&e);
    assert_int_equal(trailer_parse(&tr, 9, size + 8, SUMS_CHECK, &offset, &count, &e), -EBADMSG);
    err_clear(&e);
    t[1].offset = put_le64(160); /* into the first */
    assert_int_equal(table_parse(t, &tr, SUMS_SKIP, &e), -EBADMSG);
    assert_string_equal(e.msg, "entry 1 of the pack table is bad");
    err_clear(&e);
    t[1].offset = put_le64(UINT64_MAX - 7);
    assert_int_equal(table_parse(t, &tr, SUMS_SKIP, &e), -EBADMSG);
}

static void a_root_record_survives_the_journey_and_nothing_less(void **unused)
{
    static const uint8_t uuid[UUID_BYTES] = { 1 }, other[UUID_BYTES] = { 2 };
    struct ref_disk ref[2] = { [0] = { .loc = put_le64(LOC(5, 1)), .data_blocks = put_le32(3) } };
    struct root r = { .info = { .id = "a", .volume_bytes = MIB(600), .data_blocks = 3 },
                      .leaves = 2,
                      .ref = ref },
                back = { 0 };
    _cleanup_free_ void *p = NULL;
    struct err e = { 0 };
    size_t n;

    (void)unused;
    assert_ok(root_build(&r, uuid, &p, &n, &e), &e);
    assert_ok(root_parse(p, n, uuid, SUMS_CHECK, &back, &e), &e);
    assert_string_equal(back.info.id, "a");
    assert_memory_equal(back.ref, ref, sizeof ref);
    root_done(&back);
    assert_int_equal(root_parse(p, n, other, SUMS_CHECK, &back, &e), -EBADMSG);
    assert_string_equal(e.msg, "the root record belongs to another store");
    for (size_t cut = 0; cut < n; cut += 9) {
        err_clear(&e);
        assert_int_equal(root_parse(p, cut, uuid, SUMS_CHECK, &back, &e), -EBADMSG);
    }
    ((uint8_t *)p)[256 + 40] ^= 1; /* a count */
    err_clear(&e);
    assert_int_equal(root_parse(p, n, uuid, SUMS_SKIP, &back, &e), -EBADMSG);
    assert_string_equal(e.msg, "counts of the leaf references do not add up");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_the_castagnoli_one),
        cmocka_unit_test(zeros_are_known_by_their_hash),
        cmocka_unit_test(pack_names_are_sixteen_hex_digits),
        cmocka_unit_test(a_set_holds_what_was_added),
        cmocka_unit_test(the_index_gives_every_candidate),
        cmocka_unit_test(impossible_records_are_refused),
        cmocka_unit_test(impossible_tables_are_refused),
        cmocka_unit_test(a_root_record_survives_the_journey_and_nothing_less),
    };

    return test_run(tests);
}
