/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduled task that looks after the service, from its registration to its removal. */
#include "lib/test.h"

#include <string.h>

#include "ec2config/test-machine.h"

#define MONITOR "Ec2ConfigMonitor"
#define LOG     ROOT "Logs\\Ec2ConfigLog.txt"

static struct fake *installed(void)
{
    struct fake *f = machine();
    struct err e = { 0 };

    f->sys.major = 6;
    assert_int_equal(config_install(&f->win, false, &e), 0);
    fake_find_service(f, CONFIG_SERVICE)->state = WIN_SERVICE_STOPPED;
    return f;
}

static void assert_logged(struct fake *f, const char *line)
{
    _cleanup_free_ char *log = fake_log_text(f, LOG);

    if (!log || !strstr(log, line))
        fail_msg("'%s' is not in the log:\n%s", line, log ? log : "(none)");
}

static void the_monitor_comes_and_goes_with_the_agent(void **unused)
{
    _cleanup_(fake_freep) struct fake *f = installed();
    const char *xml = fake_find_task(f, MONITOR)->text;
    struct err e = { 0 };
    (void)unused;

    assert_non_null(
        strstr(xml, "<BootTrigger><Enabled>true</Enabled><Delay>PT3M</Delay></BootTrigger>"));
    assert_non_null(strstr(xml, "<UserId>S-1-5-18</UserId>"));
    assert_non_null(strstr(xml, "<Command>" ROOT "Ec2Config.exe</Command>"
                                "<Arguments>-monitor</Arguments>"));
    assert_int_equal(config_uninstall(&f->win, &e), 0);
    assert_null(fake_find_task(f, MONITOR));
    assert_null(fake_find_service(f, CONFIG_SERVICE));
}

static void a_service_that_missed_the_start_of_windows_is_started(void **unused)
{
    _cleanup_(fake_freep) struct fake *f = installed();
    (void)unused;

    fake_find_service(f, CONFIG_SERVICE)->missed = true;
    assert_int_equal(command(f, "Ec2Config.exe -monitor"), 0);
    assert_int_equal(fake_find_service(f, CONFIG_SERVICE)->state, WIN_SERVICE_RUNNING);
    assert_logged(f, MONITOR);
    assert_logged(f, "EC2Config has not started with Windows: starting it");
}

static void a_service_that_was_stopped_stays_so_and_an_absent_one_is_no_error(void **unused)
{
    _cleanup_(fake_freep) struct fake *f = installed(), *bare = machine();
    (void)unused;

    assert_int_equal(command(f, "Ec2Config.exe -monitor"), 0);
    assert_false(fake_called(f, "service_start"));
    assert_int_equal(command(bare, "Ec2Config.exe -monitor"), 0);
}

static void it_is_tried_three_times_with_a_minute_between(void **unused)
{
    _cleanup_(fake_freep) struct fake *f = installed();
    uint64_t began = f->win.tick_ms(&f->win);
    (void)unused;

    fake_find_service(f, CONFIG_SERVICE)->missed = true;
    fake_find_service(f, CONFIG_SERVICE)->start = WIN_START_DISABLED; /* makes each try fail */
    assert_int_equal(command(f, "Ec2Config.exe -monitor"), 1);
    assert_int_equal((f->win.tick_ms(&f->win) - began) / 60000, 2);
    assert_logged(f, "Error: service 'EC2Config' is disabled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monitor_comes_and_goes_with_the_agent),
        cmocka_unit_test(a_service_that_missed_the_start_of_windows_is_started),
        cmocka_unit_test(a_service_that_was_stopped_stays_so_and_an_absent_one_is_no_error),
        cmocka_unit_test(it_is_tried_three_times_with_a_minute_between),
    };

    return test_run(tests);
}
