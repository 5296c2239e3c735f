/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "console-scan.h"

struct seen {
    char status[1024], password[2048];
};

static void note_status(const char *text, void *userdata)
{
    struct seen *s = userdata;
    size_t n = strlen(s->status);

    (void)snprintf(s->status + n, sizeof s->status - n, "%s;", text);
}

static void note_password(const char *base64, void *userdata)
{
    struct seen *s = userdata;
    size_t n = strlen(s->password);

    (void)snprintf(s->password + n, sizeof s->password - n, "%s;", base64);
}

/* The same bytes in pieces of every size give the same. */
static void expect(const char *text, const char *status, const char *password)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct seen seen = { "", "" };
        struct console_scan scan = { .on_status = note_status,
                                     .on_password = note_password,
                                     .userdata = &seen };

        for (size_t at = 0; at < strlen(text); at += piece) {
            size_t n = strlen(text) - at;

            console_scan_feed(&scan, text + at, n < piece ? n : piece);
        }
        assert_string_equal(seen.status, status);
        assert_string_equal(seen.password, password);
    }
}

static void the_ready_line_is_a_status_without_its_stamp(void **unused)
{
    (void)unused;
    expect("2026/01/02 03:04:05Z: Message: Windows is Ready to use\r\n", "Windows is Ready to use;",
           "");
}

static void the_sysprep_lines_are_statuses(void **unused)
{
    (void)unused;
    expect("2026/01/02 03:04:05Z: Windows is being configured. SysprepState="
           "IMAGE_STATE_UNDEPLOYABLE\r\nnoise\n2026/01/02 03:04:06Z: Windows sysprep "
           "configuration complete.\r\n",
           "Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE;"
           "Windows sysprep configuration complete.;",
           "");
}

static void cloud_init_is_known_behind_the_stamp_of_the_kernel(void **unused)
{
    (void)unused;
    expect("[  157.463203] cloud-init[335]: Cloud-init v. 22.4.2 finished at Tue, 24 Nov 2026\r\n",
           "Cloud-init v. 22.4.2 finished at Tue, 24 Nov 2026;", "");
    expect("Cloud-init v. 22.4.2 running\n", "Cloud-init v. 22.4.2 running;", "");
    expect("[\n[ 1.5] cloud-init[\n[ 1.5] cloud-init[2]\n[ 1.5] other[2]: Message: no\n", "", "");
}

static void a_password_block_is_taken_with_either_line_end(void **unused)
{
    (void)unused;
    expect("2026/01/02 03:04:05Z: Password: <Password>\r\nQUJD+/==\r\n</Password>\r\n", "",
           "QUJD+/==;");
    expect("Password: <Password>\nQUJD\nREVG\n</Password>\n", "", "QUJDREVG;");
}

static void a_new_block_replaces_an_older_one(void **unused)
{
    (void)unused;
    expect("<Password>\nQUJD\n</Password>\n<Password>\nREVG\n</Password>\n", "", "QUJD;REVG;");
}

static void a_block_that_is_cut_or_foreign_is_none(void **unused)
{
    (void)unused;
    expect("<Password>\nQU!D\n</Password>\n", "", "");
    expect("<Password>\n</Password>\n", "", "");
    expect("<Password>\nQUJD\n", "", "");
}

static void a_flood_without_line_ends_is_no_line(void **unused)
{
    static char flood[5000];
    struct seen seen = { "", "" };
    struct console_scan scan = { .on_status = note_status, .userdata = &seen };

    (void)unused;
    memset(flood, 'x', sizeof flood);
    memcpy(flood, "Message: ", 9);
    console_scan_feed(&scan, flood, sizeof flood);
    console_scan_feed(&scan, "\nMessage: fine\n", 15);
    assert_string_equal(seen.status, "fine;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ready_line_is_a_status_without_its_stamp),
        cmocka_unit_test(the_sysprep_lines_are_statuses),
        cmocka_unit_test(cloud_init_is_known_behind_the_stamp_of_the_kernel),
        cmocka_unit_test(a_password_block_is_taken_with_either_line_end),
        cmocka_unit_test(a_new_block_replaces_an_older_one),
        cmocka_unit_test(a_block_that_is_cut_or_foreign_is_none),
        cmocka_unit_test(a_flood_without_line_ends_is_no_line),
    };

    return test_run(tests);
}
