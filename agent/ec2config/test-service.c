/* SPDX-License-Identifier: Apache-2.0 */
/* Boots of the service, over the recording Windows. */
#include "lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/setup.h"
#include "test-machine.h"

/* S-150, S-153, S-162, S-173 */
static void first_boot_prints_in_the_original_order(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *clear;
    (void)unused;

    if (boot(f, &e) < 0)
        fail_msg("%s", e.msg);
    assert_true(fake_at(f, "Message: Sysprep Start") >
                fake_at(f, "Windows sysprep configuration complete."));
    assert_true(fake_at(f, "Message: Sysprep End") > fake_at(f, "Message: Sysprep Start"));
    assert_true(fake_at(f, "EC2 Agent: Ec2Config service v") > fake_at(f, "Message: Sysprep End"));
    assert_true(fake_at(f, "Message: Waiting for meta-data accessibility...") >
                fake_at(f, "EC2 Agent:"));
    assert_true(fake_at(f, "Message: Meta-data is now available.") >
                fake_at(f, "Message: Waiting for"));
    assert_true(fake_at(f, "Instance-ID: ") > fake_at(f, "Message: Meta-data is now available."));
    assert_true(fake_at(f, "Ec2SetPassword: Enabled") > fake_at(f, "Instance-ID: "));
    assert_true(fake_at(f, "Username: Administrator") > fake_at(f, "Ec2SetPassword: Enabled"));
    assert_true(fake_at(f, "Password: <Password>") > fake_at(f, "Username: Administrator"));
    assert_true(fake_at(f, "Message: Windows is Ready to use") > fake_at(f, "</Password>"));
    clear = fake_printed_password(f);
    assert_string_equal(clear, fake_password(f, "Administrator"));
    assert_false(plugin_is(f, "Ec2SetPassword"));
    assert_false(plugin_is(f, "Ec2DynamicBootVolumeSize"));
    assert_true(plugin_is(f, "Ec2OutputRDPCert"));
    free(clear);
    fake_free(f);
}

/* S-113, S-173: it persists over reboots */
static void second_boot_sets_no_password(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *first;
    (void)unused;

    assert_int_equal(boot(f, &e), 0);
    first = str_dup(fake_password(f, "Administrator"));
    fake_clear_console(f);
    assert_int_equal(boot(f, &e), 0);
    (void)fake_at(f, "Ec2SetPassword: Disabled");
    (void)fake_at(f, "Message: Windows is Ready to use");
    assert_false(fake_on_console(f, "Password: <Password>"));
    assert_string_equal(fake_password(f, "Administrator"), first);
    free(first);
    fake_free(f);
}

/* Asked each second of the wait: Setup ends in the third. */
static bool end_setup(void *ctx)
{
    static unsigned asked;

    if (++asked == 3)
        fake_reg_text(ctx, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    return false;
}

/* S-144 */
static void state_of_setup_is_said_once_in_its_own_words(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    static const char line[] = "EC2ConfigMonitorState: 0 Windows is being configured. "
                               "SysprepState=IMAGE_STATE_UNDEPLOYABLE\r\n";
    const char *p;
    (void)unused;

    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE");
    assert_int_equal(config_service_run(&f->win, end_setup, f, &e), 0);
    (void)fake_at(f, "Message: Windows is Ready to use");
    p = strstr(str_text(&f->serial), line);
    assert_non_null(p);
    assert_null(strstr(p + 1, line));
    fake_free(f);
}

/* S-151 */
static void the_log_lists_exactly_what_is_enabled(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *log;
    unsigned n = 0;
    (void)unused;

    set_plugin(f, "Ec2WindowsActivate", false);
    set_plugin(f, "Ec2EventLog", true);
    assert_int_equal(boot(f, &e), 0);
    log = fake_log_text(f, ROOT "Logs\\Ec2ConfigLog.txt");
    assert_non_null(strstr(log, "=========Loading plugin Ec2EventLog=============="));
    assert_null(strstr(log, "Loading plugin Ec2WindowsActivate"));
    assert_null(strstr(log, "Loading plugin Ec2SetComputerName"));
    for (const char *p = log; (p = strstr(p, "Loading plugin ")); p++)
        n++;
    assert_int_equal(n, 9);
    free(log);
    fake_free(f);
}

static void sleep_five(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_record(fake_of(w), "sleeper ran, ready said: %s",
                strstr(str_text(&fake_of(w)->serial), "Ready to use") ? "yes" : "no");
}

static size_t together; /* most plug-ins given to run at the same time */
static int (*fake_run_all)(struct win *w, void (*fn)(void *arg), void *const *args, size_t n,
                           struct err *e);

static size_t last_together; /* in the last phase */

static int count_together(struct win *w, void (*fn)(void *arg), void *const *args, size_t n,
                          struct err *e)
{
    last_together = n;
    if (n > together)
        together = n;
    return fake_run_all(w, fn, args, n, e);
}

static void watch_run_all(struct fake *f)
{
    fake_run_all = f->win.run_all;
    f->win.run_all = count_together;
    together = last_together = 0;
}

/* S-152: they are given to Windows all at once, and ready follows the last */
static void own_plugins_run_beside_each_other_before_ready(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    for (int i = 0; i < 3; i++) {
        char name[32], path[256];
        snprintf(name, sizeof(name), "Sleeper%d", i);
        snprintf(path, sizeof(path), ROOT "Plugins\\%s.cmd", name);
        set_plugin(f, name, true);
        fake_file(f, path, "ping -n 6 127.0.0.1");
    }
    fake_command(f, "cmd.exe /d /s /c \"\"" ROOT "Plugins\\Sleeper", 0, NULL, NULL, sleep_five);
    watch_run_all(f);
    assert_int_equal(boot(f, &e), 0);
    /* ten of the shipped ones and three own, of which one waits for another's disks */
    assert_int_equal(together, 8 + 3 - 1);
    assert_int_equal(fake_count(f, "sleeper ran, ready said: no"), 3);
    fake_free(f);
}

/* S-159: letters need the formatted volumes, so they come behind them */
static void letters_wait_for_the_drives(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *log;
    (void)unused;

    assert_int_equal(boot(f, &e), 0);
    log = fake_log_text(f, ROOT "Logs\\Ec2ConfigLog.txt");
    assert_true(strstr(log, "Ec2SetDriveLetter: Executing") >
                strstr(log, "Ec2InitializeDrives: Executing"));
    free(log);
    fake_free(f);
}

/* S-154 */
static void computer_name_of_the_address_restarts_once(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    set_plugin(f, "Ec2SetComputerName", true);
    assert_int_equal(boot(f, &e), 0);
    assert_true(fake_called(f, "power_off restart"));
    assert_false(fake_on_console(f, "Windows is Ready"));
    assert_int_equal(boot(f, &e), 0);
    (void)fake_at(f, "Message: Windows is Ready to use");
    assert_int_equal(fake_count(f, "power_off"), 1);
    fake_free(f);

    f = machine(); /* a restart that Windows refuses keeps nobody out */
    set_plugin(f, "Ec2SetComputerName", true);
    fake_fail(f, "power_off", EACCES, 1);
    assert_int_equal(boot(f, &e), 0);
    (void)fake_at(f, "Message: Windows is Ready to use");
    fake_free(f);
}

/* S-157, S-112 */
static void certificate_is_made_on_old_families_only(void **unused)
{
    (void)unused;
    for (unsigned major = 5; major <= 6; major++) {
        struct fake *f = machine();
        struct err e = { 0 };
        set_plugin(f, "Ec2ConfigureRDP", true);
        f->sys.major = major;
        assert_int_equal(boot(f, &e), 0);
        assert_int_equal(fake_called(f, "certificate_make"), major < 6);
        assert_false(plugin_is(f, "Ec2ConfigureRDP"));
        fake_free(f);
    }
}

/* S-158: what the listener shows is what the console tells */
static void certificate_of_the_listener_is_printed_when_enabled(void **unused)
{
    (void)unused;
    for (int on = 0; on <= 1; on++) {
        struct fake *f = machine();
        struct err e = { 0 };
        f->cert = (struct win_cert){ "EC2AMAZ-TEST", "0123456789ABCDEF0123456789ABCDEF01234567" };
        set_plugin(f, "Ec2OutputRDPCert", on);
        assert_int_equal(boot(f, &e), 0);
        assert_int_equal(fake_on_console(f, "RDPCERTIFICATE-SUBJECTNAME: EC2AMAZ-TEST\r\n"), on);
        assert_int_equal(fake_on_console(f, "RDPCERTIFICATE-THUMBPRINT: "
                                            "0123456789ABCDEF0123456789ABCDEF01234567\r\n"),
                         on);
        fake_free(f);
    }
}

static void note_ready(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_record(fake_of(w), "after ready: %s",
                fake_on_console(fake_of(w), "Windows is Ready") ? "yes" : "no");
}

/* S-163, S-164: given to Windows all at once, behind the ready line */
static void plugins_after_ready_run_beside_each_other(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *log;
    (void)unused;

    set_plugin(f, CLOUDWATCH, true);
    fake_ship(f, SETTINGS "AWS.EC2.Windows.CloudWatch.json",
              FILES "Settings/AWS.EC2.Windows.CloudWatch.json");
    fake_file(f, ROOT "Plugins\\" CLOUDWATCH ".exe", "MZ");
    fake_metadata(f, "user-data", "<script>echo hello</script>");
    fake_service(f, "AmazonSSMAgent", WIN_SERVICE_STOPPED);
    fake_command(f, "\"" ROOT "Plugins\\" CLOUDWATCH, 0, NULL, NULL, note_ready);
    fake_command(f, "C:\\Windows\\System32\\cmd.exe /C", 0, NULL, NULL, note_ready);
    watch_run_all(f);
    assert_int_equal(boot(f, &e), 0);
    assert_int_equal(last_together, 3); /* user data, CloudWatch, the SSM agent */
    assert_int_equal(fake_count(f, "after ready: yes"), 2);
    assert_false(fake_called(f, "after ready: no"));
    log = fake_log_text(f, ROOT "Logs\\Ec2ConfigLog.txt");
    assert_non_null(strstr(log, CLOUDWATCH ": Settings were read from " SETTINGS
                                           "AWS.EC2.Windows.CloudWatch.json"));
    free(log);
    fake_free(f);
}

/* S-164: settings that are no JSON are named, and its program is not started */
static void cloudwatch_with_wrong_settings_is_not_started(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    set_plugin(f, CLOUDWATCH, true);
    fake_file(f, SETTINGS "AWS.EC2.Windows.CloudWatch.json", "{ \"EngineConfiguration\": }");
    fake_file(f, ROOT "Plugins\\" CLOUDWATCH ".exe", "MZ");
    assert_true(boot(f, &e) < 0);
    assert_non_null(strstr(e.msg, "AWS.EC2.Windows.CloudWatch.json:1:26: "));
    assert_false(fake_called(f, "Plugins\\" CLOUDWATCH));
    assert_true(fake_on_console(f, "Message: Windows is Ready to use"));
    fake_free(f);
}

/* S-165 */
static void user_data_runs_once_after_ready(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_metadata(f, "user-data", "<script>echo hello</script>");
    assert_int_equal(boot(f, &e), 0);
    assert_true(fake_called(f, "UserScript.bat"));
    assert_false(plugin_is(f, "Ec2HandleUserData"));
    fake_free(f);

    f = machine();
    fake_metadata(f, "user-data", "<script>echo hello</script><persist>true</persist>");
    assert_int_equal(boot(f, &e), 0);
    assert_true(plugin_is(f, "Ec2HandleUserData"));
    fake_free(f);
}

static void note_user_data_state(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_record(fake_of(w), "the script runs, next boot: %s",
                plugin_is(fake_of(w), "Ec2HandleUserData") ? "again" : "not");
}

/* A script that restarts the machine, as installers do, would otherwise restart it for ever. */
static void user_data_is_off_before_its_script_runs(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_metadata(f, "user-data", "<script>shutdown /r /t 0</script>");
    fake_command(f, "C:\\Windows\\System32\\cmd.exe /C", 0, NULL, NULL, note_user_data_state);
    assert_int_equal(boot(f, &e), 0);
    assert_int_equal(fake_count(f, "the script runs, next boot: not"), 1);
    fake_free(f);
}

static int (*fake_write)(struct win *w, const char *path, const void *p, size_t n, struct err *e);

static int note_order(struct win *w, const char *path, const void *p, size_t n, struct err *e)
{
    if (strstr(path, "Config.xml"))
        fake_record(fake_of(w), "settings are written, password printed: %s",
                    strstr(str_text(&fake_of(w)->serial), "</Password>") ? "yes" : "no");
    return fake_write(w, path, p, n, e);
}

/* S-173: or a crash in between would keep the password from its owner for ever */
static void the_password_is_printed_before_it_is_turned_off(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_write = f->win.file_write;
    f->win.file_write = note_order;
    assert_int_equal(boot(f, &e), 0);
    assert_true(fake_called(f, "settings are written, password printed: yes"));
    assert_false(fake_called(f, "settings are written, password printed: no"));
    fake_free(f);
}

static void turn_user_data_on(struct win *w, const struct win_run *r)
{
    (void)r;
    set_plugin(fake_of(w), "Ec2HandleUserData", true);
}

/* A script that seals the image calls ec2config.exe -sysprep, which turns user data on: it is for
 * the machines of the image, and must not be taken for what the script began with. */
static void user_data_that_its_script_turns_on_stays_on(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_metadata(f, "user-data", "<script>ec2config.exe -sysprep</script>");
    fake_command(f, "C:\\Windows\\System32\\cmd.exe /C", 0, NULL, NULL, turn_user_data_on);
    assert_int_equal(boot(f, &e), 0);
    assert_true(fake_called(f, "UserScript.bat"));
    assert_true(plugin_is(f, "Ec2HandleUserData"));
    fake_free(f);
}

/* S-166 */
static void ssm_is_started_after_ready(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_service(f, "AmazonSSMAgent", WIN_SERVICE_STOPPED);
    assert_int_equal(boot(f, &e), 0);
    assert_int_equal(fake_find_service(f, "AmazonSSMAgent")->state, WIN_SERVICE_RUNNING);
    fake_free(f);
}

static bool stop_in_the_fourth_minute(void *ctx)
{
    struct fake *f = ctx;
    static uint64_t start;

    if (!start)
        start = f->tick_ms;
    return f->tick_ms - start > 200000;
}

/* It waits for metadata for ever, but not against the service manager. */
static void a_service_that_waits_for_metadata_can_be_stopped(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    f->imds_refuse = 1000;
    assert_int_equal(config_service_run(&f->win, stop_in_the_fourth_minute, f, &e), -ECANCELED);
    assert_false(fake_on_console(f, "Windows is Ready"));
    assert_null(fake_password(f, "Administrator"));
    assert_true(plugin_is(f, "Ec2SetPassword"));
    f->imds_refuse = 0;
    err_clear(&e);
    assert_int_equal(boot(f, &e), 0);
    (void)fake_at(f, "Password: <Password>");
    fake_free(f);
}

static void broken_settings_are_told_and_the_owner_gets_in(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_file(f, SETTINGS "Config.xml", "<Ec2ConfigurationSettings>\n<oops>");
    (void)boot(f, &e);
    (void)fake_at(f, "Message: default settings are used: " SETTINGS "Config.xml:");
    (void)fake_at(f, "Password: <Password>");
    (void)fake_at(f, "Message: Windows is Ready to use");
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_boot_prints_in_the_original_order),
        cmocka_unit_test(second_boot_sets_no_password),
        cmocka_unit_test(state_of_setup_is_said_once_in_its_own_words),
        cmocka_unit_test(the_log_lists_exactly_what_is_enabled),
        cmocka_unit_test(own_plugins_run_beside_each_other_before_ready),
        cmocka_unit_test(letters_wait_for_the_drives),
        cmocka_unit_test(computer_name_of_the_address_restarts_once),
        cmocka_unit_test(certificate_is_made_on_old_families_only),
        cmocka_unit_test(certificate_of_the_listener_is_printed_when_enabled),
        cmocka_unit_test(plugins_after_ready_run_beside_each_other),
        cmocka_unit_test(cloudwatch_with_wrong_settings_is_not_started),
        cmocka_unit_test(user_data_runs_once_after_ready),
        cmocka_unit_test(user_data_is_off_before_its_script_runs),
        cmocka_unit_test(user_data_that_its_script_turns_on_stays_on),
        cmocka_unit_test(the_password_is_printed_before_it_is_turned_off),
        cmocka_unit_test(ssm_is_started_after_ready),
        cmocka_unit_test(a_service_that_waits_for_metadata_can_be_stopped),
        cmocka_unit_test(broken_settings_are_told_and_the_owner_gets_in),
    };
    return test_run(tests);
}
