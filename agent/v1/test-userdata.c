/* SPDX-License-Identifier: Apache-2.0 */
/* User data of v1 and the tasks at startup, over the recording Windows. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/setup.h"
#include "test-machine.h"

static void user_data_runs_batch_before_powershell_and_persists(void **unused)
{
    struct fake *f = machine();
    char *log;
    (void)unused;

    fake_metadata(f, "user-data",
                  "<powershell>Get-Date</powershell>\n<script>echo hi</script>\n"
                  "<persist>true</persist>");
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_true(fake_when(f, "UserScript.ps1") > fake_when(f, "UserScript.bat"));
    assert_true(fake_called(f, "run as Administrator")); /* with the new password */
    assert_non_null(fake_find_task(f, "Amazon Ec2 Launch - Userdata Execution"));
    assert_true(fake_is_private(f, ROOT "Log\\UserdataExecution.log"));
    assert_true(fake_is_private(f, "C:\\Windows\\Temp\\UserScript.bat"));
    assert_true(fake_called(f, "EC2-Windows\\Launch\\InvokeUserData admins"));
    log = fake_log_text(f, ROOT "Log\\UserdataExecution.log");
    assert_non_null(strstr(log, "Userdata execution begins"));
    assert_non_null(strstr(log, "<persist> tag was provided: true"));
    assert_non_null(strstr(log, "Zero or more than one <runAsLocalSystem> tag was not provided"));
    assert_non_null(strstr(log, "Running userdata on every boot"));
    assert_non_null(strstr(log, "<script> tag was provided.. running script content"));
    assert_non_null(strstr(log, "Userdata execution done"));
    free(log);
    fake_metadata(f, "user-data", "<script>echo hi</script>");
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_null(fake_find_task(f, "Amazon Ec2 Launch - Userdata Execution"));
    fake_free(f);
}

static void note_settings(struct win *w, const struct win_run *r)
{
    struct v1_config c = { 0 };
    struct err e = { 0 };

    (void)r;
    assert_int_equal(v1_config_load(w, &c, &e), 0);
    fake_record(fake_of(w), "a script runs, type %s, user data %s", v1_password_name(c.type),
                c.on[V1_USER_DATA] ? "on" : "off");
    v1_config_done(&c);
}

/* It may restart the machine: what is done once is written down before it is run. */
static void per_boot_user_data_is_off_before_it_runs(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    fake_metadata(f, "user-data", "<script>shutdown /r /t 0</script>");
    fake_command(f, "C:\\Windows\\System32\\cmd.exe /C", 0, NULL, NULL, note_settings);
    assert_int_equal(run(f, "initialize-instance", "-KeepSchedule", NULL), 0);
    assert_true(fake_called(f, "a script runs, type DoNothing, user data off"));
    fake_metadata(f, "user-data", "<script>a</script><persist>true</persist>");
    set_config(f, "Random", "");
    assert_int_equal(run(f, "execute-user-data", NULL, NULL), 0);
    assert_int_equal(fake_count(f, "a script runs"), 1); /* handleUserData is false */
    fake_free(f);
}

static void the_second_script_runs_although_the_first_cannot(void **unused)
{
    struct fake *f = machine();
    struct str out = STR_INIT(8192);
    char *log;
    (void)unused;

    for (unsigned i = 0; i < 4000; i++)
        str_addc(&out, 'x');
    str_add(&out, "END");
    fake_metadata(f, "user-data",
                  "<script>a</script><powershell>b</powershell>"
                  "<persist>true</persist>");
    fake_command(f, "C:\\Windows\\System32\\WindowsPowerShell", 0, str_text(&out), NULL, NULL);
    fake_fail(f, "run", EACCES, 1);
    fake_fail(f, "task_install", EACCES, 1);
    assert_int_equal(run(f, "execute-user-data", NULL, NULL), 1);
    assert_non_null(strstr(fake_said(), "failed to run script"));
    assert_true(fake_called(f, "UserScript.ps1"));
    log = fake_log_text(f, ROOT "Log\\UserdataExecution.log");
    assert_non_null(strstr(log, "xEND\r\n")); /* all of the output */
    free(log);
    str_done(&out);
    fake_free(f);
}

/* Or both would run at the same time, in one folder. */
static void the_task_leaves_user_data_to_the_initialisation_of_its_boot(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    fake_metadata(f, "user-data", "<script>a</script><persist>true</persist>");
    assert_int_equal(run(f, "initialize-instance", "-Schedule", NULL), 0);
    assert_int_equal(run(f, "execute-user-data", NULL, NULL), 0);
    assert_false(fake_called(f, "UserScript.bat"));
    assert_int_equal(run(f, "initialize-instance", NULL, NULL), 0);
    assert_int_equal(fake_count(f, "run as Administrator"), 1);
    assert_int_equal(run(f, "execute-user-data", NULL, NULL), 0); /* the next boot */
    assert_true(fake_count(f, "file_write C:\\Windows\\Temp\\UserScript.bat") >= 2);
    fake_free(f);
}

static unsigned slept;

static void end_setup_in_the_third_second(struct win *w, uint32_t ms)
{
    fake_of(w)->tick_ms += ms;
    if (++slept == 3)
        fake_reg_text(fake_of(w), SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
}

/* Tasks at startup also start in the boot in which Setup is at work, and before the network. */
static void tasks_at_startup_wait_for_setup_and_metadata(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE");
    f->win.sleep_ms = end_setup_in_the_third_second;
    slept = 0;
    assert_int_equal(run(f, "send-windows-is-ready", NULL, NULL), 0);
    assert_int_equal(slept, 3);
    assert_string_equal(strchr(str_text(&f->serial), 'M'), "Message: Windows is Ready to use\r\n");
    fake_metadata(f, "user-data", "<script>a</script>");
    f->imds_refuse = 20;
    assert_int_equal(run(f, "execute-user-data", NULL, NULL), 0);
    assert_true(fake_called(f, "UserScript.bat"));
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_data_runs_batch_before_powershell_and_persists),
        cmocka_unit_test(per_boot_user_data_is_off_before_it_runs),
        cmocka_unit_test(the_second_script_runs_although_the_first_cannot),
        cmocka_unit_test(the_task_leaves_user_data_to_the_initialisation_of_its_boot),
        cmocka_unit_test(tasks_at_startup_wait_for_setup_and_metadata),
    };
    return test_run(tests);
}
