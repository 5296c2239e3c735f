/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "units.h"

static void bytes_have_three_figures_at_most(void **unused)
{
    static const struct {
        uint64_t n;
        const char *text;
    } cases[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.0 KiB" },
        { 1536, "1.5 KiB" },
        { MIB(99) + KIB(900), "99.9 MiB" },
        { MIB(100), "100 MiB" },
        { MIB(1024) - 1, "1.0 GiB" },
        { GIB(8), "8.0 GiB" },
        { UINT64_MAX, "16.0 EiB" },
    };
    char buf[UNITS_MAX];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(units_bytes(cases[i].n, buf), cases[i].text);
}

static void seconds_become_minutes_and_hours(void **unused)
{
    char buf[UNITS_MAX];

    (void)unused;
    assert_string_equal(units_seconds(0, buf), "0 s");
    assert_string_equal(units_seconds(59, buf), "59 s");
    assert_string_equal(units_seconds(200, buf), "3 min 20 s");
    assert_string_equal(units_seconds(7500, buf), "2 h 05 min");
}

static void read_back(FILE *f, char *buf, size_t size)
{
    size_t n;

    rewind(f);
    n = fread(buf, 1, size - 1, f);
    buf[n] = 0;
}

static void a_terminals_line_is_written_over(void **unused)
{
    struct progress p;
    char buf[1000];
    FILE *f = tmpfile();

    (void)unused;
    assert_non_null(f);
    progress_init(&p, f, true);
    progress_bytes(&p, "x", MIB(256), GIB(1), MIB(128), 0);
    progress_bytes(&p, "x", GIB(1), GIB(1), MIB(128), 10);
    progress_end(&p);
    read_back(f, buf, sizeof(buf));
    assert_string_equal(buf, "\rx: 256 MiB of 1.0 GiB, 25 %, 128 MiB/s, 6 s left\033[K"
                             "\rx: 1.0 GiB of 1.0 GiB, 100 %, 128 MiB/s\033[K\n");
    (void)fclose(f);
}

static void elsewhere_a_line_comes_now_and_then(void **unused)
{
    struct progress p;
    char buf[1000];
    FILE *f = tmpfile();

    (void)unused;
    assert_non_null(f);
    progress_init(&p, f, false);
    progress_text(&p, "one", 0);
    progress_text(&p, "two", 100);
    progress_text(&p, "three", PROGRESS_PLAIN_MS);
    progress_text(&p, "three", PROGRESS_PLAIN_MS + 1);
    progress_text(&p, "four", 2 * PROGRESS_PLAIN_MS - 1);
    progress_end(&p);
    read_back(f, buf, sizeof(buf));
    assert_string_equal(buf, "one\nthree\nfour\n");
    (void)fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_three_figures_at_most),
        cmocka_unit_test(seconds_become_minutes_and_hours),
        cmocka_unit_test(a_terminals_line_is_written_over),
        cmocka_unit_test(elsewhere_a_line_comes_now_and_then),
    };

    return test_run(tests);
}
