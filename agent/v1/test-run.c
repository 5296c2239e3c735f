/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs behind v1's PowerShell files, over the recording Windows. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/setup.h"
#include "test-machine.h"

/* S-89, and S-79: the task that set it is disabled */
static void first_boot_prints_in_the_original_order(void **unused)
{
    static const char *const order[] = {
        "Windows sysprep configuration complete.",
        "Message: Waiting for meta-data accessibility...",
        "Message: Meta-data is now available.",
        "Unable to load AMI information",
        "OS: Microsoft Windows NT ",
        "OsProductName: ",
        "Language: ",
        "AMI-ID: ",
        "Instance-ID: ",
        "Instance Type: ",
        "Launch: EC2 Launch v",
        "HibernationEnabled: ",
        "Username: Administrator",
        "Password: <Password>",
        "Message: Windows is Ready to use",
    };
    struct fake *f = machine();
    long last = -1;
    (void)unused;

    assert_int_equal(run(f, "initialize-instance", "-Schedule", NULL), 0);
    if (run(f, "initialize-instance", NULL, NULL) != 0)
        fail_msg("%s", fake_said());
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        long now = fake_at(f, order[i]);
        if (now <= last)
            fail_msg("'%s' comes too early", order[i]);
        last = now;
    }
    assert_int_equal(fake_find_task(f, INIT)->task, WIN_TASK_DISABLED);
    fake_free(f);
}

/* S-80, S-81, S-83, S-90, S-92 */
static void specified_password_is_set_sealed_and_leaves_the_file(void **unused)
{
    struct fake *f = machine();
    char *clear;
    (void)unused;

    set_config(f, "Specify", "Correct-Horse-9");
    assert_non_null(strstr(fake_file_text(f, CONFIG), "Correct-Horse-9"));
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_string_equal(fake_password(f, "Administrator"), "Correct-Horse-9");
    clear = fake_printed_password(f);
    assert_string_equal(clear, "Correct-Horse-9");
    assert_null(strstr(fake_file_text(f, CONFIG), "Correct-Horse-9"));
    assert_non_null(strstr(fake_file_text(f, CONFIG), "\"adminPassword\": \"\""));
    free(clear);
    fake_free(f);
}

static void a_specified_password_is_sealed_on_demand_and_still_set(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(run(f, "set-admin-password-config", NULL, NULL), 1);
    assert_non_null(strstr(fake_said(), "there is nothing to encrypt"));
    set_config(f, "Specify", "Correct-Horse-9");
    assert_int_equal(run(f, "set-admin-password-config", NULL, NULL), 0);
    assert_null(strstr(fake_file_text(f, CONFIG), "Correct-Horse-9"));
    assert_non_null(strstr(fake_file_text(f, CONFIG), "\"adminPasswordType\": \"Encrypted\""));
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_string_equal(fake_password(f, "Administrator"), "Correct-Horse-9");
    assert_non_null(strstr(fake_file_text(f, CONFIG), "\"adminPassword\": \"\""));
    fake_free(f);
}

/* S-91 */
static void weak_specified_password_becomes_a_random_one(void **unused)
{
    struct fake *f = machine();
    char *clear;
    (void)unused;

    set_config(f, "Specify", "abc");
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_string_not_equal(fake_password(f, "Administrator"), "abc");
    assert_int_equal(strlen(fake_password(f, "Administrator")), 32);
    clear = fake_printed_password(f);
    assert_string_equal(clear, fake_password(f, "Administrator"));
    free(clear);
    fake_free(f);
}

/* S-85 (second half), S-93 */
static void do_nothing_leaves_the_account_as_it_is(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    set_config(f, "DoNothing", "");
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_null(fake_password(f, "Administrator"));
    assert_false(fake_on_console(f, "Password"));
    assert_false(fake_find_account(f, "Administrator")->flags & WIN_ACCOUNT_DISABLED);
    fake_free(f);
}

/* S-82 */
static void shutdown_without_sysprep_sets_the_password_now(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    set_config(f, "Specify", "Correct-Horse-9");
    assert_int_equal(run(f, "shutdown-without-sysprep", NULL, NULL), 0);
    assert_string_equal(fake_password(f, "Administrator"), "Correct-Horse-9");
    assert_int_equal(fake_find_task(f, INIT)->task, WIN_TASK_ENABLED); /* S-100 */
    assert_true(fake_when(f, "power_off off") > fake_when(f, "task_install " INIT));
    assert_false(fake_called(f, FAKE_SYSPREP));

    /* S-83, S-92: the run that follows prints that very password, not a new one */
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_string_equal(fake_password(f, "Administrator"), "Correct-Horse-9");
    char *clear = fake_printed_password(f);
    assert_string_equal(clear, "Correct-Horse-9");
    assert_null(strstr(fake_file_text(f, CONFIG), "Correct-Horse-9"));
    free(clear);
    fake_free(f);
}

/* S-95, S-102 */
static void schedule_registers_the_task_and_runs_nothing(void **unused)
{
    struct fake *f = machine();
    const char *xml;
    (void)unused;

    fake_service(f, "AmazonSSMAgent", WIN_SERVICE_STOPPED);
    assert_int_equal(run(f, "initialize-instance", "-Schedule", NULL), 0);
    assert_int_equal(fake_find_task(f, INIT)->task, WIN_TASK_ENABLED);
    xml = fake_find_task(f, INIT)->text;
    assert_non_null(strstr(xml, "<BootTrigger>"));
    assert_non_null(strstr(xml, "<UserId>S-1-5-18</UserId>"));
    assert_non_null(strstr(xml, "<RunLevel>HighestAvailable</RunLevel>"));
    assert_non_null(strstr(xml,
                           "<Command>cmd.exe</Command><Arguments>/C powershell.exe -NoProfile "
                           "-NonInteractive -NoLogo -ExecutionPolicy Unrestricted -File &quot;" ROOT
                           "Scripts\\InitializeInstance.ps1&quot;</Arguments>"));
    assert_string_equal(str_text(&f->serial), "");
    assert_null(fake_password(f, "Administrator"));
    assert_int_equal(fake_find_service(f, "AmazonSSMAgent")->start, WIN_START_DISABLED);
    assert_non_null(strstr(fake_said(),
                           "the administrator's password will then follow adminPasswordType "
                           "(Random)"));
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_int_equal(fake_find_service(f, "AmazonSSMAgent")->start, WIN_START_AUTO);
    assert_int_equal(fake_find_service(f, "AmazonSSMAgent")->state, WIN_SERVICE_RUNNING);
    fake_free(f);
}

static void per_boot_keeps_the_task_and_turns_once_settings_off(void **unused)
{
    struct fake *f = machine();
    struct v1_config c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(run(f, "initialize-instance", "-SchedulePerBoot", NULL), 0);
    assert_non_null(strstr(fake_find_task(f, INIT)->text, "-KeepSchedule</Arguments>"));
    assert_int_equal(run(f, "initialize-instance", "-KeepSchedule", NULL), 0);
    assert_int_equal(fake_find_task(f, INIT)->task, WIN_TASK_ENABLED);
    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_int_equal(c.type, V1_PASSWORD_NOTHING);
    assert_false(c.on[V1_MONITOR]);
    assert_false(c.on[V1_USER_DATA]);
    assert_true(c.on[V1_WALLPAPER]);
    v1_config_done(&c);
    fake_clear_console(f);
    assert_int_equal(run(f, "initialize-instance", "-KeepSchedule", NULL), 0);
    assert_false(fake_on_console(f, "Password:")); /* S-79 */
    fake_free(f);
}

/* S-103: the routes of another subnet are replaced, and nothing else is touched */
static void routes_are_refreshed_alone(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    (void)str_copy(f->adapters[0].gateway4, sizeof(f->adapters[0].gateway4), "10.0.9.1");
    assert_int_equal(run(f, "add-routes", NULL, NULL), 0);
    assert_true(fake_called(f, "route_add 169.254.169.254/32 via 10.0.9.1"));
    assert_null(fake_password(f, "Administrator"));
    assert_string_equal(str_text(&f->serial), "");
    assert_int_equal(run(f, "set-activation-settings", NULL, NULL), 0);
    assert_non_null(
        strstr(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServiceName"), "169.254.169.25"));
    assert_string_equal(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServicePort"), "1688");
    fake_free(f);
}

/* A machine without a network tells it every two minutes, and after five its owner gets in. */
static void routes_that_cannot_be_added_are_told_and_not_waited_for_for_ever(void **unused)
{
    struct fake *f = machine();
    static const char line[] = "Message: Failed to add routes.. attempting it again";
    const char *p;
    (void)unused;

    f->adapters_n = 0;
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    p = strstr(str_text(&f->serial), line);
    assert_non_null(p);
    assert_non_null(strstr(p + 1, line));
    (void)fake_at(f, "Message: Windows is Ready to use");
    fake_free(f);
}

static void a_weak_password_is_told_before_the_image_is_made(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    set_config(f, "Specify", "abc");
    assert_int_equal(run(f, "sysprep-instance", NULL, NULL), 0);
    assert_non_null(strstr(fake_said(), "Warning: adminPassword does not meet the rules"));
    fake_free(f);
}

static void computer_name_restarts_before_ready(void **unused)
{
    struct fake *f = machine();
    struct v1_config c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_int_equal(v1_config_set(&c, V1_COMPUTER_NAME, true, &e), 0);
    assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
    v1_config_done(&c);
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    (void)fake_at(f, "Message: Windows is restarting...");
    assert_true(fake_called(f, "power_off restart"));
    assert_false(fake_on_console(f, "Windows is Ready"));
    assert_null(fake_password(f, "Administrator"));
    fake_clear_console(f);
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    (void)fake_at(f, "Message: Windows is Ready to use");
    fake_free(f);
}

static void broken_settings_are_told_and_defaults_taken(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    fake_file(f, CONFIG, "{\"setComputerName\": tru}");
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    (void)fake_at(f, "Message: default settings are used: " CONFIG ":1:21:");
    (void)fake_at(f, "Password: <Password>");
    assert_int_equal(run(f, "sysprep-instance", NULL, NULL), 1);
    assert_non_null(strstr(fake_said(), "nothing was run: " CONFIG ":1:21:"));
    assert_false(fake_called(f, FAKE_SYSPREP));
    fake_free(f);
}

/* S-71, S-96, S-97 */
static void sysprep_instance_warns_when_nothing_is_scheduled(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(run(f, "sysprep-instance", NULL, NULL), 0);
    assert_non_null(strstr(fake_said(), "Warning: initialisation is not scheduled"));
    assert_non_null(strstr(fake_said(), "Sysprep is no backup method")); /* S-70 */
    assert_true(
        fake_called(f, FAKE_SYSPREP " /oobe /shutdown /generalize \"/unattend:" ANSWER "\"\n"));
    assert_true(fake_called(f, "hibernation"));
    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    assert_int_equal(run(f, "initialize-instance", "-Schedule", NULL), 0);
    assert_int_equal(run(f, "sysprep-instance", "-NoShutdown", NULL), 0);
    assert_null(strstr(fake_said(), "not scheduled"));
    assert_true(fake_called(f, FAKE_SYSPREP " /oobe /quit /generalize"));
    fake_free(f);
}

/* S-85 (first half) */
static void do_nothing_without_a_password_takes_the_working_copy(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    set_config(f, "DoNothing", "");
    assert_int_equal(run(f, "sysprep-instance", NULL, NULL), 0);
    assert_true(fake_called(f, "\"/unattend:" ROOT "Sysprep\\Unattend-run.xml\"\n"));
    fake_find_account(f, "Administrator")->flags |= WIN_ACCOUNT_DISABLED;
    assert_int_equal(run(f, "randomize-password", "Administrator", "-Inactive"), 0);
    assert_true(fake_find_account(f, "Administrator")->flags & WIN_ACCOUNT_DISABLED);
    assert_int_equal(run(f, "randomize-password", "Administrator", NULL), 0);
    assert_false(fake_find_account(f, "Administrator")->flags & WIN_ACCOUNT_DISABLED);
    assert_non_null(fake_password(f, "Administrator"));
    fake_free(f);
}

static void a_restart_that_windows_refuses_keeps_nobody_out(void **unused)
{
    struct fake *f = machine();
    struct v1_config c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_int_equal(v1_config_set(&c, V1_COMPUTER_NAME, true, &e), 0);
    assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
    v1_config_done(&c);
    fake_fail(f, "power_off", EACCES, 1);
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    (void)fake_at(f, "Password: <Password>");
    (void)fake_at(f, "Message: Windows is Ready to use");
    fake_free(f);
}

static void telemetry_is_off_until_the_installer_is_told(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    f->sys.major = 10;
    f->sys.build = 17763;
    assert_int_equal(run(f, "install", NULL, NULL), 0);
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_false(fake_on_console(f, "Telemetry"));
    assert_int_equal(run(f, "install", "-EnableTelemetry", NULL), 0);
    fake_clear_console(f);
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_true(fake_at(f, "Telemetry: IsAgentScheduledPerBoot=false\r\n") <
                fake_at(f, "Message: Windows is Ready to use"));
    assert_string_equal(fake_file_text(f, ROOT "Log\\Telemetry.log"),
                        "{\"IsProcessed\": true, \"IsUploaded\": false, \"Events\": ["
                        "{\"Name\": \"IsTelemetryEnabled\", \"Value\": \"true\"}, "
                        "{\"Name\": \"AgentOsArch\", \"Value\": \"windows_amd64\"}, "
                        "{\"Name\": \"IsAgentScheduledPerBoot\", \"Value\": \"false\"}, "
                        "{\"Name\": \"IsUserDataScheduledPerBoot\", \"Value\": \"false\"}], "
                        "\"EventLookupTable\": {}}\r\n");
    assert_int_equal(run(f, "install", "-EnableTelemetry:$false", NULL), 0);
    fake_clear_console(f);
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_false(fake_on_console(f, "Telemetry"));
    fake_free(f);
}

static void disks_events_and_ready_have_their_own_verbs(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(run(f, "send-windows-is-ready", NULL, NULL), 0);
    (void)fake_at(f, "Message: Windows is Ready to use");
    assert_int_equal(run(f, "send-windows-is-ready", "-Schedule", NULL), 0);
    assert_non_null(fake_find_task(f, "Amazon Ec2 Launch - Windows is Ready to Console"));
    assert_int_equal(run(f, "send-event-logs", "-Schedule", NULL), 0);
    assert_non_null(fake_find_task(f, "Amazon Ec2 Launch - Event logs to Console"));
    assert_int_equal(run(f, "initialize-disks", "-Schedule", "-EnableTrim"), 0);
    assert_non_null(strstr(fake_find_task(f, "Amazon Ec2 Launch - Disk Initialization")->text,
                           "InitializeDisks.ps1&quot; -EnableTrim</Arguments>"));
    fake_free(f);
}

static void wrong_use_and_ordinary_users_are_refused(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(run(f, "initialise", NULL, NULL), 2);
    assert_non_null(strstr(fake_said(), "sysprep-instance")); /* the help */
    assert_int_equal(run(f, "sysprep-instance", "-Sheduel", NULL), 2);
    assert_string_equal(fake_said(), "sysprep-instance: '-Sheduel' is unknown\n");
    f->not_admin = true;
    assert_int_equal(run(f, "sysprep-instance", NULL, NULL), 1);
    assert_string_equal(fake_said(), "sysprep-instance: run it as an administrator\n");
    assert_string_equal(str_text(&f->calls), "");
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_boot_prints_in_the_original_order),
        cmocka_unit_test(specified_password_is_set_sealed_and_leaves_the_file),
        cmocka_unit_test(a_specified_password_is_sealed_on_demand_and_still_set),
        cmocka_unit_test(weak_specified_password_becomes_a_random_one),
        cmocka_unit_test(do_nothing_leaves_the_account_as_it_is),
        cmocka_unit_test(shutdown_without_sysprep_sets_the_password_now),
        cmocka_unit_test(schedule_registers_the_task_and_runs_nothing),
        cmocka_unit_test(per_boot_keeps_the_task_and_turns_once_settings_off),
        cmocka_unit_test(routes_are_refreshed_alone),
        cmocka_unit_test(routes_that_cannot_be_added_are_told_and_not_waited_for_for_ever),
        cmocka_unit_test(a_weak_password_is_told_before_the_image_is_made),
        cmocka_unit_test(computer_name_restarts_before_ready),
        cmocka_unit_test(broken_settings_are_told_and_defaults_taken),
        cmocka_unit_test(sysprep_instance_warns_when_nothing_is_scheduled),
        cmocka_unit_test(do_nothing_without_a_password_takes_the_working_copy),
        cmocka_unit_test(a_restart_that_windows_refuses_keeps_nobody_out),
        cmocka_unit_test(telemetry_is_off_until_the_installer_is_told),
        cmocka_unit_test(disks_events_and_ready_have_their_own_verbs),
        cmocka_unit_test(wrong_use_and_ordinary_users_are_refused),
    };
    return test_run(tests);
}
