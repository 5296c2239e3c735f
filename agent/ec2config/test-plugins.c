/* SPDX-License-Identifier: Apache-2.0 */
/* Single plug-ins in a boot of the service, over the recording Windows. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "test-machine.h"

#define LOG_FILE ROOT "Logs\\Ec2ConfigLog.txt"

static char *booted(struct fake *f)
{
    struct err e = { 0 };

    if (boot(f, &e) < 0)
        fail_msg("%s", e.msg);
    return fake_log_text(f, LOG_FILE);
}

/* In the original's words, with the number of the process, the first while the script runs. */
static void scripts_are_told_with_their_process(void **unused)
{
    static const char *const order[] = {
        "Ec2HandleUserData: Message: Start running user scripts\r\n",
        "Ec2HandleUserData: Message: Could not find <persist> and </persist>\r\n",
        "Ec2HandleUserData: Message: Executing User Data with PID: 4242\r\n",
        "Ec2HandleUserData: Message: ExitCode of User Data with PID: 4242 is 7\r\n",
    };
    struct fake *f = machine();
    const char *last;
    char *log;
    (void)unused;

    fake_metadata(f, "user-data", "<script>exit /b 7</script>");
    fake_command(f, "C:\\Windows\\System32\\cmd.exe /C", 7, NULL, NULL, NULL);
    last = log = booted(f);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        last = strstr(last, order[i]);
        if (!last)
            fail_msg("'%s' is missing or comes too early in\n%s", order[i], log);
    }
    assert_non_null(strstr(log, "Waiting for background plugin to complete: Ec2SetPassword\r\n"));
    free(log);
    fake_free(f);
}

static void powershell_runs_although_the_batch_file_cannot(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    set_plugin(f, "Ec2WindowsActivate", false);
    set_plugin(f, "Ec2InitializeDrives", false);
    fake_metadata(f, "user-data", "<script>a</script><powershell>b</powershell>");
    fake_fail(f, "run", EACCES, 2); /* the first is the resync of time */
    assert_true(boot(f, &e) < 0);
    assert_non_null(strstr(e.msg, "Ec2HandleUserData: failed to run script"));
    assert_true(fake_called(f, "UserScript.ps1"));
    fake_free(f);
}

/* Told on the console, since the machine may be out of reach; then the defaults are taken. */
static void broken_smaller_settings_are_told_and_defaults_taken(void **unused)
{
    static const char *const files[] = { "InitializeDrivesSettings.xml", "ActivationSettings.xml",
                                         "DriveLetterConfig.xml", "EventLogConfig.xml" };
    struct fake *f = machine();
    char *log;
    (void)unused;

    set_plugin(f, "Ec2EventLog", true);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct str path = STR_INIT(512);
        str_addf(&path, SETTINGS "%s", files[i]);
        fake_file(f, str_text(&path), "<oops");
        str_done(&path);
    }
    f->disks[f->disks_n++] = (struct win_disk){ .number = 1, .size_bytes = 1ULL << 30 };
    log = booted(f);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct str line = STR_INIT(512);
        str_addf(&line, "Message: default settings are used: " SETTINGS "%s:1:", files[i]);
        (void)fake_at(f, str_text(&line));
        str_done(&line);
    }
    assert_true(fake_called(f, "disk_partition 1"));
    assert_non_null(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServiceName"));
    free(log);
    fake_free(f);
}

/* S-156: one log that is not there hides no other, and what was printed is remembered */
static void events_of_one_log_do_not_hang_on_another(void **unused)
{
    struct fake *f = machine();
    struct win_event *v = &f->events[f->events_n++];
    struct config_events c = { 0 };
    struct err e = { 0 };
    char *log;
    (void)unused;

    *v = (struct win_event){ .source = "Disk", .level = WIN_EVENT_ERROR, .message = "bad block" };
    v->time_ms = f->now_ms - 1000;
    set_plugin(f, "Ec2EventLog", true);
    fake_file(f, SETTINGS "EventLogConfig.xml",
              "<EventLogConfig><Event><Category>Absent</Category></Event>"
              "<Event><Category>System</Category></Event></EventLogConfig>");
    fake_fail(f, "events", ENOENT, 1);
    log = booted(f);
    assert_non_null(strstr(log, "Ec2EventLog: Error: read the event log 'Absent'"));
    (void)fake_at(f, "EventLogEntry: System  Error  Disk  ");
    assert_int_equal(config_events_load(&f->win, &c, &e), 0);
    assert_true(c.list[1].last_ms > 0);
    config_events_done(&c);
    free(log);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_are_told_with_their_process),
        cmocka_unit_test(powershell_runs_although_the_batch_file_cannot),
        cmocka_unit_test(broken_smaller_settings_are_told_and_defaults_taken),
        cmocka_unit_test(events_of_one_log_do_not_hang_on_another),
    };
    return test_run(tests);
}
