/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logs made here of two states of a hive; that real ones replay as Windows replays them is
 * tests/windows/hives.sh. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regf-priv.h"

static const uint8_t sd[20] = { 1, 0, 0, 0x80 };

#define STATES  4U
#define LOG_MAX 65536U

/* The same hive after 0, 1, 2 and 3 edits, each with a bin more than the one before. */
static uint8_t *state[STATES];
static size_t state_n[STATES];

struct log {
    uint8_t p[LOG_MAX];
    size_t n;
};

static int make_states(void **unused)
{
    _cleanup_regf_ struct regf *h = NULL;
    static uint8_t noise[5000];
    struct err e = { 0 };
    char name[16];
    (void)unused;

    if (regf_new(5, "ROOT", sd, sizeof sd, &h, &e) < 0)
        return -1;
    regf_set_now(h, 1000);
    for (unsigned i = 0; i < STATES; i++) {
        const void *p;

        (void)snprintf(name, sizeof name, "edit%u", i);
        memset(noise, (int)i, sizeof noise);
        if (regf_set(h, regf_root(h), name, REGF_BINARY, noise, sizeof noise, &e) < 0 ||
            regf_seal(h, &e) < 0)
            return -1;
        p = regf_bytes(h, &state_n[i]);
        state[i] = malloc(state_n[i]);
        memcpy(state[i], p, state_n[i]);
    }
    return 0;
}

static int free_states(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < STATES; i++)
        free(state[i]);
    return 0;
}

static void set_seq(uint8_t *base, uint32_t seq1, uint32_t seq2)
{
    wr32(base + 4, seq1);
    wr32(base + 8, seq2);
    wr32(base + 508, regf_checksum(base));
}

static void start_log(struct log *l, unsigned from, uint32_t type, uint32_t seq)
{
    memset(l, 0, sizeof *l);
    memcpy(l->p, state[from], 512);
    wr32(l->p + 28, type);
    set_seq(l->p, seq, seq);
    l->n = 512;
}

/* What changed between two states, as Windows 8.1 and later log it. */
static void add_entry(struct log *l, unsigned from, unsigned to, uint32_t seq)
{
    uint8_t *p = l->p + l->n;
    uint32_t n = 0, pages = 0, at = 40;

    memcpy(p, "HvLE", 4);
    for (size_t off = 4096; off < state_n[to]; off += 4096)
        if (off >= state_n[from] || memcmp(state[from] + off, state[to] + off, 4096) != 0) {
            wr32(p + at, (uint32_t)off - 4096);
            wr32(p + at + 4, 4096);
            at += 8;
            pages++;
        }
    n = at;
    for (uint32_t i = 0; i < pages; i++, n += 4096)
        memcpy(p + n, state[to] + 4096 + rd32(p + 40 + 8 * i), 4096);
    n = (n + 511) & ~511U;
    wr32(p + 4, n);
    wr32(p + 12, seq);
    wr32(p + 16, (uint32_t)state_n[to] - 4096);
    wr32(p + 20, pages);
    wr64(p + 24, regf_marvin32(p + 40, n - 40));
    wr64(p + 32, regf_marvin32(p, 32));
    l->n += n;
    assert_true(l->n <= sizeof l->p);
}

/* The same in the form before. */
static void fill_old(struct log *l, unsigned from, unsigned to)
{
    uint32_t pages = (uint32_t)(state_n[to] - 4096) / 512;

    memcpy(l->p, state[to], 512);
    wr64(l->p + 12, rd64(state[from] + 12));
    wr32(l->p + 28, 1);
    set_seq(l->p, 9, 9);
    memcpy(l->p + 512, "DIRT", 4);
    l->n = 512 + ((4 + pages / 8 + 511) & ~511U);
    for (uint32_t i = 0; i < pages; i++) {
        size_t off = 4096 + 512 * (size_t)i;

        if (off < state_n[from] && memcmp(state[from] + off, state[to] + off, 512) == 0)
            continue;
        l->p[516 + i / 8] = (uint8_t)(l->p[516 + i / 8] | 1U << i % 8);
        memcpy(l->p + l->n, state[to] + off, 512);
        l->n += 512;
    }
}

/* Opens state 0, dirty with these numbers, beside logs; tells which state came out, or the error.
 */
static int replayed(uint32_t seq1, uint32_t seq2, const struct log *a, const struct log *b,
                    unsigned *ret_entries)
{
    _cleanup_free_ uint8_t *p = malloc(state_n[0]);
    _cleanup_regf_ struct regf *h = NULL;
    struct regf_source s = regf_source_mem(p, state_n[0]), x = { 0 }, y = { 0 };
    struct regf_info info;
    struct err e = { 0 };
    size_t n;
    int r;

    memcpy(p, state[0], state_n[0]);
    set_seq(p, seq1, seq2);
    if (a)
        x = regf_source_mem(a->p, a->n);
    if (b)
        y = regf_source_mem(b->p, b->n);
    r = regf_open(&s, &x, &y, 0, &h, &e);
    if (r < 0)
        return r;
    regf_info(h, &info);
    if (ret_entries)
        *ret_entries = info.log_entries;
    for (unsigned i = 0; i < STATES; i++) {
        const uint8_t *got = regf_bytes(h, &n);

        if (n == state_n[i] && memcmp(got + 4096 + 32, state[i] + 4096 + 32, n - 4128) == 0)
            return (int)i;
    }
    return 99;
}

static struct log one, two;

static void entries_are_applied_in_order(void **unused)
{
    unsigned n = 0;
    (void)unused;

    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 5);
    add_entry(&one, 1, 2, 6);
    add_entry(&one, 2, 3, 7);
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 3);
    assert_int_equal(n, 3);
    assert_int_equal(replayed(5, 4, NULL, &one, &n), 3); /* whichever name it has */
}

static void a_clean_hive_ignores_its_logs(void **unused)
{
    unsigned n = 9;
    (void)unused;

    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 5);
    assert_int_equal(replayed(5, 5, &one, NULL, &n), 0);
    assert_int_equal(n, 0);
}

static void a_dirty_hive_without_a_log_is_refused(void **unused)
{
    (void)unused;
    assert_int_equal(replayed(5, 4, NULL, NULL, NULL), -EUCLEAN);
    start_log(&one, 0, 6, 3); /* only older entries: the same */
    add_entry(&one, 0, 1, 3);
    assert_int_equal(replayed(5, 4, &one, NULL, NULL), -EUCLEAN);
}

static void older_entries_are_passed_over(void **unused)
{
    unsigned n = 0;
    (void)unused;

    start_log(&one, 0, 6, 4);
    add_entry(&one, 0, 3, 4);
    add_entry(&one, 0, 1, 5);
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 1);
    assert_int_equal(n, 1);
}

static void a_gap_ends_it(void **unused)
{
    unsigned n = 0;
    (void)unused;

    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 7); /* the first may be any newer one */
    add_entry(&one, 1, 2, 9);
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 1);
    assert_int_equal(n, 1);
}

static void the_second_log_goes_on_where_the_first_ends(void **unused)
{
    unsigned n = 0;
    (void)unused;

    start_log(&one, 0, 6, 7);
    add_entry(&one, 1, 2, 7);
    add_entry(&one, 2, 3, 8);
    start_log(&two, 0, 6, 6); /* the older one, though it is LOG2 */
    add_entry(&two, 0, 1, 6);
    assert_int_equal(replayed(5, 4, &one, &two, &n), 3);
    assert_int_equal(n, 3);
    start_log(&two, 0, 6, 5); /* or is stale altogether */
    add_entry(&two, 0, 3, 4);
    start_log(&one, 0, 6, 7);
    add_entry(&one, 0, 1, 7);
    assert_int_equal(replayed(5, 4, &one, &two, &n), 1);
}

static void a_damaged_entry_ends_it(void **unused)
{
    unsigned n = 0;
    size_t at;
    (void)unused;

    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 5);
    at = one.n;
    add_entry(&one, 1, 2, 6);
    one.p[one.n - 1] ^= 1;
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 1);
    one.p[one.n - 1] ^= 1;
    one.p[at + 20] ^= 1;
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 1);
    one.p[at + 20] ^= 1;
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 2);
    one.n -= 512; /* or one that was not written whole */
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 1);
}

static void an_entry_that_points_outside_ends_it(void **unused)
{
    uint8_t *p;
    uint32_t n;
    (void)unused;

    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 5);
    p = one.p + 512;
    n = rd32(p + 4);
    wr32(p + 40, 0xfffff000U);
    wr64(p + 24, regf_marvin32(p + 40, n - 40));
    wr64(p + 32, regf_marvin32(p, 32));
    assert_int_equal(replayed(5, 4, &one, NULL, NULL), -EUCLEAN);
}

static void a_damaged_base_block_comes_from_the_log(void **unused)
{
    _cleanup_free_ uint8_t *p = malloc(state_n[0]);
    _cleanup_regf_ struct regf *h = NULL;
    struct regf_source s = regf_source_mem(p, state_n[0]), x;
    struct err e = { 0 };
    (void)unused;

    memcpy(p, state[0], state_n[0]);
    memset(p, 0xee, 512);
    assert_int_equal(regf_open(&s, NULL, NULL, 0, &h, &e), -EBADMSG);
    err_clear(&e);
    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 5);
    x = regf_source_mem(one.p, one.n);
    assert_int_equal(regf_open(&s, &x, NULL, 0, &h, &e), 0);
    assert_int_equal(regf_value_count(h, regf_root(h)), 2);
}

static void the_old_form_is_replayed(void **unused)
{
    unsigned n = 0;
    (void)unused;

    memset(&one, 0, sizeof one);
    fill_old(&one, 0, 2);
    assert_int_equal(replayed(5, 4, &one, NULL, &n), 2);
    assert_int_equal(n, 1);
    assert_int_equal(replayed(5, 4, NULL, &one, &n), 2);
    wr64(one.p + 12, 4711); /* of another time */
    set_seq(one.p, 9, 9);
    assert_int_equal(replayed(5, 4, &one, NULL, NULL), -EUCLEAN);
    fill_old(&one, 0, 2);
    set_seq(one.p, 9, 8); /* not finished itself */
    assert_int_equal(replayed(5, 4, &one, NULL, NULL), -EUCLEAN);
    fill_old(&one, 0, 2);
    one.n -= 512;
    assert_int_equal(replayed(5, 4, &one, NULL, NULL), -EBADMSG);
}

static void a_sealed_hive_is_newer_than_every_log_beside_it(void **unused)
{
    _cleanup_regf_ struct regf *h = NULL;
    _cleanup_free_ uint8_t *p = malloc(state_n[0]);
    struct regf_source s = regf_source_mem(p, state_n[0]), x;
    struct err e = { 0 };
    const uint8_t *got;
    size_t n;
    (void)unused;

    memcpy(p, state[0], state_n[0]);
    set_seq(p, 5, 4);
    start_log(&one, 0, 6, 5);
    add_entry(&one, 0, 1, 5);
    add_entry(&one, 1, 2, 90); /* behind a gap: not applied, but there */
    x = regf_source_mem(one.p, one.n);
    assert_int_equal(regf_open(&s, &x, NULL, 0, &h, &e), 0);
    assert_int_equal(regf_seal(h, &e), 0);
    got = regf_bytes(h, &n);
    assert_int_equal(rd32(got + 4), 91);
    assert_int_equal(rd32(got + 8), 91);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_applied_in_order),
        cmocka_unit_test(a_clean_hive_ignores_its_logs),
        cmocka_unit_test(a_dirty_hive_without_a_log_is_refused),
        cmocka_unit_test(older_entries_are_passed_over),
        cmocka_unit_test(a_gap_ends_it),
        cmocka_unit_test(the_second_log_goes_on_where_the_first_ends),
        cmocka_unit_test(a_damaged_entry_ends_it),
        cmocka_unit_test(an_entry_that_points_outside_ends_it),
        cmocka_unit_test(a_damaged_base_block_comes_from_the_log),
        cmocka_unit_test(the_old_form_is_replayed),
        cmocka_unit_test(a_sealed_hive_is_newer_than_every_log_beside_it),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_states, free_states);
}
