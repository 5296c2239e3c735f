/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs against a Windows in memory: what the console, the log, the state and the machine show
 * afterwards. S-numbers are those of docs/agents/conformance.md. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "engine/dialect.h"
#include "engine/setup.h"
#include "engine/telemetry.h"
#include "test-machine.h"

/* S-51, S-52, S-54, S-57 and the lines between, in their order. */
static void a_first_boot_prints_its_lines_in_order(void **state)
{
    static const char *const lines[] = {
        "Windows sysprep configuration complete.\r\n",
        "Message: Waiting for access to metadata...\r\n",
        "Message: Meta-data is now available.\r\n",
        "OS: Microsoft Windows NT ",
        "Launch: EC2 Launch v",
        "AMI-ID: ami-",
        "Instance-ID: i-",
        "Instance Type: ",
        "HibernationEnabled: ",
        "Username: Administrator\r\n",
        "Password: <Password>\r\n",
        "</Password>\r\n",
        "User data format: no_user_data\r\n",
        "Message: Windows is Ready to use\r\n",
    };
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    for (size_t i = 0; i + 1 < ARRAY_LEN(lines); i++)
        assert_console_order(f, lines[i], lines[i + 1]);
    assert_int_equal(strncmp(machine_console(f), "2026/01/02 03:04:", 17), 0);
}

/* Stage, task, level: what a monitor of the event log waits for. */
static void each_part_of_the_order_has_its_event(void **state)
{
    static const char *const events[] = {
        " 1 4 Service: EC2Launch Service starting",
        " 100 4 Serial port is available",
        " 1010 4 boot-extendRootPartition-0",
        " 1001 4 Stage: boot completed.",
        " 2010 4 add_routes",
        " 400 4 Metadata is available",
        " 3090 4 output_log",
        " 3030 4 set_monitor_on",
        " 3040 4 set_hibernation",
        " 3010 4 preReady-activateWindows-0",
        " 3060 4 preReady-setDnsSuffix-0",
        " 3050 4 preReady-setAdminAccount-0",
        " 3070 4 preReady-setWallpaper-0",
        " 5000 4 Windows is Ready to use",
        " 6090 4 postReady-startSsm-0",
        " 10 4 Replace ",
        " 0 4 Service: EC2Launch stopped",
    };
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);
    long before = -1;

    (void)machine_run(f);
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        char line[200];
        long at;

        (void)snprintf(line, sizeof line, "event_write Amazon EC2Launch Amazon EC2Launch%s",
                       events[i]);
        at = fake_when(f, line);
        if (at <= before)
            fail_msg("'%s' is not there, or too early", line);
        before = at;
    }
}

static void the_password_on_the_console_is_the_one_that_was_set(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);
    _cleanup_free_ char *clear = NULL, *sealed = NULL;
    const char *start, *end;

    (void)machine_run(f);
    start = strstr(machine_console(f), "<Password>\r\n");
    assert_non_null(start);
    start += strlen("<Password>\r\n");
    end = strstr(start, "\r\n</Password>");
    assert_non_null(end);
    sealed = str_dup_n(start, (size_t)(end - start));
    assert_int_equal(strlen(sealed), 344);
    clear = fake_unseal(sealed);
    assert_non_null(clear);
    assert_string_equal(clear, fake_password(f, "Administrator"));
    assert_int_equal(strlen(clear), 32);
}

static void telemetry_is_printed_before_ready_when_it_is_on(void **state)
{
    for (int on = 0; on <= 1; on++) {
        _cleanup_(fake_freep) struct fake *f = machine_of(NULL);
        struct err e = { 0 };

        assert_int_equal(telemetry_set(&f->win, on, &e), 0);
        fake_metadata(f, "user-data", "<script>echo</script><persist>true</persist>");
        (void)machine_run(f);
        if (on)
            assert_console_order(f, "EC2LaunchTelemetry: IsUserDataScheduledPerBoot=true\r\n",
                                 "Message: Windows is Ready to use\r\n");
        else
            assert_null(strstr(machine_console(f), "Telemetry"));
        assert_int_equal(fake_file_text(f, MACHINE_ROOT "\\log\\telemetry.log") != NULL, on);
    }
}

static void a_second_boot_sets_no_password_and_skips_once_tasks(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);
    _cleanup_free_ char *first = NULL;

    (void)machine_run(f);
    first = str_dup(fake_password(f, "Administrator"));
    assert_non_null(fake_file_text(f, MACHINE_RUN_ONCE));
    assert_non_null(fake_file_text(f, MACHINE_PREVIOUS));
    assert_null(fake_file_text(f, MACHINE_STATE));
    str_done(&f->serial);
    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_string_equal(fake_password(f, "Administrator"), first);
    assert_null(strstr(machine_console(f), "Password"));
    assert_on_console(f, "Message: Windows is Ready to use\r\n");
    assert_logged(f, "Warning: Skipping task preReady-setAdminAccount-0");
    assert_logged(f, "Run-once already exists: " MACHINE_RUN_ONCE);
}

/* S-51, S-52: not before IMAGE_STATE_COMPLETE, and said once. */
static unsigned asked;

static bool finish_setup(void *ctx)
{
    struct fake *f = ctx;

    if (++asked == 3)
        fake_reg_text(f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_COMPLETE");
    return false;
}

static void windows_setup_is_waited_for(void **state)
{
    static const char busy[] =
        "Windows is being configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE\r\n";
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);
    const char *at;

    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE");
    asked = 0;
    assert_int_equal(v2_run_agent(&f->win, finish_setup, f), V2_END_SUCCESS);
    at = strstr(machine_console(f), busy);
    assert_non_null(at);
    assert_null(strstr(at + 1, busy));
    assert_console_order(f, busy, "Windows sysprep configuration complete.\r\n");
    assert_logged(f, "Console: Windows is being configured. SysprepState=");
}

/* S-55: what the file says now counts. S-57: a task that fails does not stop the ready line. */
static void a_failing_task_is_told_and_the_rest_goes_on(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(
        machine_settings("preReady",
                         "  - task: executeScript\n"
                         "    inputs:\n"
                         "    - {frequency: always, type: batch, runAs: localSystem, content: "
                         "exit 7}\n"
                         "  - task: setAdminAccount\n"));

    fake_command(f, "cmd", 7, "", "", NULL);
    fake_command(f, "C:\\Windows", 7, "", "", NULL);
    assert_int_equal(machine_run(f), V2_END_FAILED);
    assert_logged(f, "Error running task: failed to run task 'preReady-executeScript-0': failed to "
                     "run script: exit status 7");
    assert_on_console(f, "Password: <Password>\r\n");
    assert_on_console(f, "Message: Windows is Ready to use\r\n");
    assert_non_null(strstr(fake_file_text(f, MACHINE_PREVIOUS), "\"result\": \"failed\""));
    assert_non_null(strstr(fake_file_text(f, MACHINE_PREVIOUS), "\"exitCode\": 7"));
}

static void wrong_settings_end_the_run_before_anything_is_done(void **state)
{
    _cleanup_(fake_freep) struct fake *f =
        machine_of(machine_settings("preReady", "  - task: setAdminAccount\n  - task: startssm\n"));

    assert_int_equal(machine_run(f), V2_END_FAILED);
    assert_on_console(f, "Error EC2Launch service is stopping. " MACHINE_CONFIG
                         ":6:11: unknown task 'startssm' (it is written 'startSsm')\r\n");
    assert_null(fake_password(f, "Administrator"));
    assert_int_equal(fake_count(f, "route_add"), 0);
    assert_null(strstr(machine_console(f), "Ready"));
    assert_null(fake_file_text(f, MACHINE_RUN_ONCE));
    assert_non_null(strstr(fake_file_text(f, MACHINE_PREVIOUS), "\"result\": \"failed\""));
}

/* S-58: user data and postReady come behind the ready line. */
static void say_when(struct win *w, const struct win_run *r)
{
    struct fake *f = fake_of(w);

    assert_non_null(strstr(str_text(&f->serial), "Message: Windows is Ready to use\r\n"));
}

static void xml_user_data_runs_once_behind_the_ready_line(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    fake_metadata(f, "user-data", "<powershell>Get-Date</powershell>");
    fake_command(f, "C:\\Windows\\System32\\WindowsPowerShell", 0, "out", "", say_when);
    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_on_console(f, "User data format: xml\r\n");
    assert_true(fake_called(f, "run "));
    assert_logged(f, "Info: Converting user data to YAML format.");
    assert_logged(f, "Info: PowerShell content detected");
    assert_logged(f, "Info: Frequency is set to: once");
    assert_logged(f, "Info: Run as user is set to: 'admin'.");
    assert_logged(f, "Info: Stage: postReadyUserData completed.");
    assert_non_null(strstr(fake_file_text(f, MACHINE_PREVIOUS),
                           "\"id\": \"postReadyUserData-executeScript-0\", \"frequency\": "
                           "\"once\", \"status\": \"success\""));
    (void)machine_run(f);
    assert_logged(f, "Warning: Skipping task postReadyUserData-executeScript-0");
}

static void yaml_1_1_runs_before_post_ready_and_1_0_behind_it(void **state)
{
    static const char post[] = "  - task: writeFile\n    inputs:\n"
                               "    - {frequency: always, destination: 'C:\\post', content: x}\n";

    for (unsigned minor = 0; minor < 2; minor++) {
        _cleanup_(fake_freep) struct fake *f = machine_of(machine_settings("postReady", post));
        char data[400];

        (void)snprintf(data, sizeof data,
                       "version: 1.%u\ntasks:\n- task: writeFile\n  inputs:\n"
                       "  - {frequency: always, destination: 'C:\\user', content: x}\n",
                       minor);
        fake_metadata(f, "user-data", data);
        assert_int_equal(machine_run(f), V2_END_SUCCESS);
        assert_non_null(fake_file_text(f, "C:\\user"));
        assert_int_equal(fake_when(f, "C:\\user") < fake_when(f, "C:\\post"), minor == 1);
        assert_on_console(f, minor ? "User data format: yaml_1.1\r\n"
                                   : "User data format: yaml_1.0\r\n");
    }
}

static void wrong_user_data_is_refused_with_its_place(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    fake_metadata(f, "user-data", "version: 1.1\ntasks:\n- task: setHostname\n");
    assert_int_equal(machine_run(f), V2_END_FAILED);
    assert_on_console(f, "Message: User data is refused: user-data:3:9: unknown task 'setHostname' "
                         "(it is written 'setHostName')\r\n");
    assert_on_console(f, "Message: Windows is Ready to use\r\n");
}

static void exit_code_3010_restarts_and_runs_the_task_again(void **state)
{
    _cleanup_(fake_freep) struct fake *f =
        machine_of(machine_settings("postReady",
                                    "  - task: executeScript\n"
                                    "    inputs:\n"
                                    "    - {frequency: once, type: powershell, runAs: localSystem, "
                                    "content: one}\n"
                                    "    - {frequency: once, type: powershell, runAs: localSystem, "
                                    "content: two}\n"));

    fake_command(f, "C:\\Windows\\System32\\WindowsPowerShell", 3010, "", "", NULL);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(machine_run(f), V2_END_REBOOTS);
        assert_null(fake_file_text(f, MACHINE_RUN_ONCE));
        assert_non_null(strstr(fake_file_text(f, MACHINE_STATE), "\"status\": \"running\""));
        assert_non_null(strstr(fake_file_text(f, MACHINE_STATE), "\"status\": \"pending\""));
        assert_int_equal(fake_count(f, "power_off"), i);
    }
    assert_int_equal(machine_run(f),
                     V2_END_REBOOTS); /* the second script's turn: the first has failed */
    assert_logged(f, "failed to run task 'postReady-executeScript-0': it asked for more than 5 "
                     "restarts");
}

static void a_restart_in_the_middle_sets_no_second_password(void **state)
{
    static const char config[] = "version: 1.0\n"
                                 "config:\n"
                                 "- stage: preReady\n"
                                 "  tasks:\n"
                                 "  - task: setAdminAccount\n"
                                 "- stage: postReady\n"
                                 "  tasks:\n"
                                 "  - task: setHostName\n"
                                 "    inputs: {hostName: web-01, reboot: true}\n";
    _cleanup_(fake_freep) struct fake *f = machine_of(config);
    _cleanup_free_ char *first = NULL;

    assert_int_equal(machine_run(f), V2_END_REBOOTS);
    assert_on_console(f, "Message: Windows is restarting...\r\n");
    first = str_dup(fake_password(f, "Administrator"));
    str_done(&f->serial);
    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_string_equal(fake_password(f, "Administrator"), first);
    assert_null(strstr(machine_console(f), "Password"));
    assert_string_equal(f->computer, "web-01");
    assert_non_null(fake_file_text(f, MACHINE_RUN_ONCE));
}

/* The v2 form of S-80, S-81, S-91. */
static void a_static_password_is_used_sealed_and_wiped(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(
        machine_settings("preReady",
                         "  - task: setAdminAccount\n"
                         "    inputs:\n"
                         "      password: {type: static, data: 'Str0ng,Enough!'} # mine\n"));

    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_string_equal(fake_password(f, "Administrator"), "Str0ng,Enough!");
    assert_on_console(f, "Password: <Password>\r\n");
    assert_null(strstr(fake_file_text(f, MACHINE_CONFIG), "Str0ng"));
    assert_non_null(strstr(fake_file_text(f, MACHINE_CONFIG), "# mine"));
    assert_null(strstr(machine_console(f), "Str0ng"));
    assert_null(strstr(fake_file_text(f, MACHINE_LOG), "Str0ng"));
}

/* The shell's object that writes them never enters the agent's own process. */
static void the_wallpapers_shortcuts_are_written_by_a_child(void **state)
{
    _cleanup_(fake_freep) struct fake *f =
        machine_of(machine_settings("preReady", "  - task: setWallpaper\n"
                                                "    inputs:\n"
                                                "      path: C:\\my pictures\\base.jpg\n"
                                                "      attributes: [hostName, instanceId]\n"));
    static const char command[] =
        "\"C:\\Program Files\\Amazon\\EC2Launch\\EC2Launch.exe\" internal wallpaper-shortcuts "
        "--arguments \"wallpaper --path \\\"C:\\my pictures\\base.jpg\\\" "
        "--attributes=hostName,instanceId\"";

    fake_file(f, "C:\\Users\\Administrator\\ntuser.dat", "");
    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_true(fake_called(f, command));
    fake_command(f, "\"C:\\Program Files\\Amazon\\EC2Launch\\EC2Launch.exe\"", 1, NULL, NULL, NULL);
    assert_int_equal(machine_run(f), V2_END_FAILED);
    assert_logged(f, "ended with exit code 1; see its log");
}

static void a_weak_static_password_is_replaced_by_a_random_one(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(
        machine_settings("preReady", "  - task: setAdminAccount\n"
                                     "    inputs: {password: {type: static, data: abc}}\n"));

    (void)machine_run(f);
    assert_int_equal(strlen(fake_password(f, "Administrator")), 32);
    assert_logged(f, "Invalid administrator password");
    assert_null(strstr(fake_file_text(f, MACHINE_CONFIG), "abc"));
}

static void do_nothing_sets_no_password(void **state)
{
    _cleanup_(fake_freep) struct fake *f =
        machine_of(machine_settings("preReady", "  - task: setAdminAccount\n"
                                                "    inputs: {password: {type: doNothing}}\n"));

    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_null(fake_password(f, "Administrator"));
    assert_null(strstr(machine_console(f), "Password"));
}

static void delete_state(struct win *w, const struct win_run *r)
{
    struct err e = { 0 };

    (void)w->file_delete(w, MACHINE_STATE, &e);
}

static void a_reset_from_an_inline_script_ends_the_run(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(
        machine_settings("postReady",
                         "  - task: executeScript\n"
                         "    inputs:\n"
                         "    - {frequency: always, type: powershell, runAs: localSystem, "
                         "content: x}\n"
                         "  - task: writeFile\n"
                         "    inputs:\n"
                         "    - {frequency: always, destination: 'C:\\after', content: x}\n"));

    fake_command(f, "C:\\Windows\\System32\\WindowsPowerShell", 0, "", "", delete_state);
    assert_int_equal(machine_run(f), V2_END_STOPPED);
    assert_null(fake_file_text(f, "C:\\after"));
    assert_null(fake_file_text(f, MACHINE_RUN_ONCE));
    assert_null(fake_file_text(f, MACHINE_STATE));
}

static void a_machine_without_metadata_becomes_ready(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    f->imds_refuse = 100000;
    (void)machine_run(f);
    assert_on_console(f, "Timed out waiting for access to metadata.\r\n");
    assert_on_console(f, "Message: Windows is Ready to use\r\n");
    assert_non_null(fake_password(f, "Administrator"));
}

static void a_damaged_state_file_is_told_and_replaced(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    fake_file(f, MACHINE_STATE, "{\"schema\": 1, \"result\": \"maybe\"}");
    assert_int_equal(machine_run(f), V2_END_SUCCESS);
    assert_logged(f, "no 'result' that is understood");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_boot_prints_its_lines_in_order),
        cmocka_unit_test(each_part_of_the_order_has_its_event),
        cmocka_unit_test(the_password_on_the_console_is_the_one_that_was_set),
        cmocka_unit_test(telemetry_is_printed_before_ready_when_it_is_on),
        cmocka_unit_test(a_second_boot_sets_no_password_and_skips_once_tasks),
        cmocka_unit_test(windows_setup_is_waited_for),
        cmocka_unit_test(a_failing_task_is_told_and_the_rest_goes_on),
        cmocka_unit_test(wrong_settings_end_the_run_before_anything_is_done),
        cmocka_unit_test(xml_user_data_runs_once_behind_the_ready_line),
        cmocka_unit_test(yaml_1_1_runs_before_post_ready_and_1_0_behind_it),
        cmocka_unit_test(wrong_user_data_is_refused_with_its_place),
        cmocka_unit_test(exit_code_3010_restarts_and_runs_the_task_again),
        cmocka_unit_test(a_restart_in_the_middle_sets_no_second_password),
        cmocka_unit_test(a_static_password_is_used_sealed_and_wiped),
        cmocka_unit_test(the_wallpapers_shortcuts_are_written_by_a_child),
        cmocka_unit_test(a_weak_static_password_is_replaced_by_a_random_one),
        cmocka_unit_test(do_nothing_sets_no_password),
        cmocka_unit_test(a_reset_from_an_inline_script_ends_the_run),
        cmocka_unit_test(a_machine_without_metadata_becomes_ready),
        cmocka_unit_test(a_damaged_state_file_is_told_and_replaced),
    };

    return test_run(tests);
}
