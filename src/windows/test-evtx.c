/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "cur.h"
#include "evtx.h"

static uint8_t log_[EVTX_EMPTY_BYTES];

static int empty(void **unused)
{
    (void)unused;
    evtx_make_empty(1, log_);
    return 0;
}

static uint32_t at32(size_t at)
{
    struct cur c = cur_over(log_ + at, 4);

    return cur_le32(&c);
}

static void the_empty_log_has_the_checksums_of_the_format_notes(void **unused)
{
    (void)unused;
    assert_int_equal(at32(124), 0x6a858817);
    assert_int_equal(at32(EVTX_BLOCK_BYTES + 124), 0x6eb0c880);
}

static void the_empty_log_passes_its_own_check(void **unused)
{
    struct evtx_info i;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(evtx_verify(log_, sizeof log_, &i, &e), 0);
    assert_true(i.empty);
    assert_int_equal(i.next_record, 1);
    assert_int_equal(i.chunks, 1);
    evtx_make_empty(2, log_);
    assert_int_equal(evtx_verify(log_, sizeof log_, &i, &e), 0);
    assert_int_equal(i.minor, 2);
}

static void refused(size_t at, const char *why)
{
    struct evtx_info i = { .next_record = 77 };
    struct err e = { 0 };

    log_[at] ^= 0x10;
    assert_int_equal(evtx_verify(log_, sizeof log_, &i, &e), -EBADMSG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_string_equal(e.msg, why);
    assert_int_equal(i.next_record, 77); /* outputs untouched */
    log_[at] ^= 0x10;
}

static void a_damaged_log_is_refused_with_the_place(void **unused)
{
    (void)unused;
    refused(0, "event log: does not begin as one");
    refused(24, "event log: the checksum of the header is wrong");
    refused(38, "event log: version 19.1 is not known");
    refused(42, "event log: the checksum of the header is wrong");
    refused(EVTX_BLOCK_BYTES, "event log: chunk 0 is damaged");
    refused(EVTX_BLOCK_BYTES + 130, "event log: a checksum of chunk 0 is wrong");
}

static void a_log_shorter_than_it_says_is_refused(void **unused)
{
    struct evtx_info i;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(evtx_verify(log_, sizeof log_ - 1, &i, &e), -EBADMSG);
    err_clear(&e);
    assert_int_equal(evtx_verify(log_, 127, &i, &e), -EBADMSG);
    assert_string_equal(e.msg, "event log: shorter than its header");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_empty_log_has_the_checksums_of_the_format_notes, empty),
        cmocka_unit_test_setup(the_empty_log_passes_its_own_check, empty),
        cmocka_unit_test_setup(a_damaged_log_is_refused_with_the_place, empty),
        cmocka_unit_test_setup(a_log_shorter_than_it_says_is_refused, empty),
    };

    return test_run(tests);
}
