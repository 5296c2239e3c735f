/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "serial-log.h"
#include "serial-ring.h"

/* Bytes that tell their place in the stream. */
static void numbered(char *p, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)((at + i) * 2654435761U >> 24);
}

static void a_reader_in_time_gets_every_byte_once(void **unused)
{
    static char bytes[SERIAL_RING_BYTES], want[5000];
    struct serial_ring r = { .p = bytes };
    uint64_t at = 0, lost;
    const char *got;
    size_t n;

    (void)unused;
    for (uint64_t sent = 0; sent < 3 * (uint64_t)SERIAL_RING_BYTES;) {
        char *p = serial_ring_space(&r, &n);

        n = min_u64(n, sizeof want);
        numbered(p, n, sent);
        serial_ring_filled(&r, n);
        sent += n;
        while ((n = serial_ring_peek(&r, &at, &got, &lost)) > 0) {
            assert_int_equal(lost, 0);
            n = min_u64(n, sizeof want);
            numbered(want, n, at);
            assert_memory_equal(got, want, n);
            at += n;
        }
        assert_true(at == sent);
    }
}

static void a_reader_that_is_overrun_knows_what_it_lost(void **unused)
{
    static char bytes[SERIAL_RING_BYTES];
    struct serial_ring r = { .p = bytes };
    uint64_t at = 0, lost;
    const char *got;
    size_t n;

    (void)unused;
    (void)serial_ring_space(&r, &n);
    serial_ring_filled(&r, n);
    assert_int_equal(serial_ring_peek(&r, &at, &got, &lost), SERIAL_RING_BYTES);
    assert_int_equal(lost, 0); /* full, not overrun */
    numbered(serial_ring_space(&r, &n), 10, r.total);
    serial_ring_filled(&r, 10);
    n = serial_ring_peek(&r, &at, &got, &lost);
    assert_int_equal(lost, SERIAL_RING_BYTES / 2 + 10);
    assert_true(at == lost);
    assert_int_equal(n, SERIAL_RING_BYTES / 2 - 10); /* to the end of the ring, the rest later */
    at += n;
    assert_int_equal(serial_ring_peek(&r, &at, &got, &lost), 10);
    assert_ptr_equal(got, bytes);
}

static void the_log_drops_its_oldest_bytes_and_stays_bounded(void **unused)
{
    FILE *f = tmpfile();
    struct serial_log l;
    static char piece[100000], want[sizeof piece];
    uint64_t sent = 0, cuts = 0, before = 0;

    (void)unused;
    assert_int_equal(serial_log_init(&l, fileno(f)), 0);
    while (cuts < 2) {
        numbered(piece, sizeof piece, sent);
        assert_int_equal(serial_log_append(&l, piece, sizeof piece), 0);
        sent += sizeof piece;
        assert_true(l.size <= VM_CONSOLE_MAX);
        cuts += l.size < before;
        before = l.size;
        assert_true(l.size + cuts * VM_CONSOLE_DROP == sent); /* exactly so many are gone */
    }
    for (uint64_t at = 0; at < l.size; at += sizeof piece) {
        size_t n = min_u64(sizeof piece, l.size - at);

        assert_int_equal(pread_full(l.fd, piece, n, at), 0);
        numbered(want, n, cuts * VM_CONSOLE_DROP + at);
        assert_memory_equal(piece, want, n);
    }
    assert_int_equal(serial_log_init(&l, l.fd), 0);
    assert_true(l.size == before);
    (void)fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_in_time_gets_every_byte_once),
        cmocka_unit_test(a_reader_that_is_overrun_knows_what_it_lost),
        cmocka_unit_test(the_log_drops_its_oldest_bytes_and_stays_bounded),
    };

    return test_run(tests);
}
