/* SPDX-License-Identifier: Apache-2.0 */
/* Boots of the service and `-sysprep`, over the recording Windows. */
#include "lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ec2config/config.h"
#include "engine/setup.h"
#include "sysprep/answer.h"
#include "sysprep/fake-sysprep.h"

#define ROOT       "C:\\Program Files\\Amazon\\Ec2ConfigService\\"
#define SETTINGS   ROOT "Settings\\"
#define ANSWER     ROOT "sysprep2008.xml"
#define FILES      "ec2config/files/"
#define CLOUDWATCH "AWS.EC2.Windows.CloudWatch.PlugIn"

static struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_ship(f, SETTINGS "Config.xml", FILES "Settings/Config.xml");
    fake_ship(f, SETTINGS "BundleConfig.xml", FILES "Settings/BundleConfig.xml");
    fake_ship(f, SETTINGS "EventLogConfig.xml", FILES "Settings/EventLogConfig.xml");
    fake_ship(f, SETTINGS "DriveLetterConfig.xml", FILES "Settings/DriveLetterConfig.xml");
    fake_ship(f, ANSWER, FILES "sysprep2008.xml");
    fake_ship(f, ROOT "Scripts\\BeforeSysprep.cmd", FILES "Scripts/BeforeSysprep.cmd");
    fake_sysprep(f);
    fake_metadata_instance(f);
    return f;
}

static int boot(struct fake *f, struct err *e)
{
    return config_service_run(&f->win, NULL, NULL, e);
}

static void set_plugin(struct fake *f, const char *name, bool on)
{
    struct config_file c = { 0 };
    struct err e = { 0 };

    assert_int_equal(config_file_load(&f->win, &c, &e), 0);
    assert_int_equal(config_plugin_set(&c, name, on, &e), 0);
    assert_int_equal(config_file_save(&f->win, &c, &e), 0);
    config_file_done(&c);
}

static bool plugin_is(struct fake *f, const char *name)
{
    struct config_file c = { 0 };
    struct err e = { 0 };
    bool on;

    assert_int_equal(config_file_load(&f->win, &c, &e), 0);
    on = config_plugin_on(&c, name);
    config_file_done(&c);
    return on;
}

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

static int command(struct fake *f, const char *line)
{
    fake_hush();
    return config_main(&f->win, line, fake_hear, NULL);
}

/* S-109, S-110, S-117, S-179, S-180 */
static void the_guides_command_lines_run_sysprep(void **unused)
{
    static const char *const lines[] = {
        "\"C:\\Program Files\\amazon\\ec2configservice\\\"ec2config.exe -sysprep\"\"",
        "\"C:\\Program Files\\Amazon\\Ec2ConfigService\\ec2config.exe\" -sysprep",
        "ec2config.exe -sysprep",
        "ec2config.exe  /SYSPREP ",
        "\"C:\\Program Files\\amazon\\ec2configservice\\\" \"ec2config.exe\" \"-sysprep\"",
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct fake *f = machine();
        char *log;
        if (command(f, lines[i]) != 0)
            fail_msg("%s: %s", lines[i], fake_said());
        assert_true(
            fake_called(f, FAKE_SYSPREP " /unattend:\"" ANSWER "\" /oobe /generalize /shutdown\n"));
        log = fake_log_text(f, ROOT "Logs\\Ec2ConfigLog.txt");
        assert_non_null(strstr(log, "SysprepUtils: Reading Bundle Properties from " SETTINGS
                                    "BundleConfig.xml"));
        free(log);
        fake_free(f);
    }
}

static void no_shutdown_replaces_the_switch(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(command(f, "ec2config.exe -sysprep -noShutdown"), 0);
    assert_true(fake_called(f, "/oobe /generalize /quit\n"));
    fake_free(f);
}

/* S-113: the states follow BundleConfig.xml */
static void sysprep_turns_plugins_on_for_new_instances(void **unused)
{
    struct fake *f = machine();
    struct config_bundle b = { 0 };
    struct err e = { 0 };
    (void)unused;

    set_plugin(f, "Ec2SetPassword", false);
    set_plugin(f, "Ec2HandleUserData", false);
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 0);
    assert_true(plugin_is(f, "Ec2SetPassword"));
    assert_true(plugin_is(f, "Ec2HandleUserData"));
    assert_false(plugin_is(f, "Ec2ConfigureRDP"));
    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    assert_int_equal(config_bundle_load(&f->win, &b, &e), 0);
    assert_int_equal(config_bundle_set(&b, "SetPasswordAfterSysprep", "No", &e), 0);
    assert_int_equal(config_bundle_set(&b, "SetRDPCertificate", "Yes", &e), 0);
    assert_int_equal(config_bundle_save(&f->win, &b, &e), 0);
    config_bundle_done(&b);
    f->sys.major = 5;
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 0);
    assert_false(plugin_is(f, "Ec2SetPassword"));
    assert_true(plugin_is(f, "Ec2ConfigureRDP"));
    fake_free(f);
}

static char *sent_answer; /* what the file held when Sysprep was called */

static void keep_answer(struct win *w, const struct win_run *r)
{
    assert_non_null(strstr(r->command, "/unattend:\"" ANSWER "\""));
    sent_answer = str_dup(fake_file_text(fake_of(w), ANSWER));
}

/* S-169 */
static void a_hand_edit_reaches_sysprep_unchanged(void **unused)
{
    struct fake *f = machine();
    char *shipped = fake_shipped(FILES "sysprep2008.xml");
    struct str mine = STR_INIT(65536);
    char *at = strstr(shipped, "<TimeZone>UTC</TimeZone>");
    (void)unused;

    assert_non_null(at);
    str_add_mem(&mine, shipped, (size_t)(at - shipped));
    str_add(&mine, "<!-- mine -->\n\t <TimeZone >W. Europe Standard Time</TimeZone>");
    str_add(&mine, at + strlen("<TimeZone>UTC</TimeZone>"));
    fake_file(f, ANSWER, str_text(&mine));
    fake_command(f, FAKE_SYSPREP, 0, NULL, NULL, keep_answer);
    (void)command(f, "ec2config.exe -sysprep");
    assert_non_null(sent_answer);
    assert_string_equal(sent_answer, str_text(&mine));
    free(sent_answer);
    free(shipped);
    str_done(&mine);
    fake_free(f);
}

/* S-181 */
static void wrong_settings_are_refused_before_sysprep(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    fake_file(f, SETTINGS "DriveLetterConfig.xml",
              "<DriveLetterMapping>\n<Mapping><VolumeName>A</VolumeName></Mapping>"
              "</DriveLetterMapping>");
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 1);
    assert_non_null(strstr(fake_said(), "the settings are wrong, nothing was run: " SETTINGS
                                        "DriveLetterConfig.xml:2:1: a mapping without "
                                        "DriveLetter"));
    assert_false(fake_called(f, FAKE_SYSPREP));
    assert_false(fake_called(f, "BeforeSysprep"));
    fake_free(f);
}

static void check_reads_all_settings_and_runs_nothing(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(command(f, "ec2config-cli.exe -check"), 0);
    fake_file(f, SETTINGS "EventLogConfig.xml", "<EventLogConfig>\n<Event/></EventLogConfig>");
    assert_int_equal(command(f, "ec2config-cli.exe -check"), 1);
    assert_non_null(strstr(fake_said(), SETTINGS "EventLogConfig.xml:2:1: "));
    assert_string_equal(str_text(&f->calls), "");
    fake_free(f);
}

static void wrong_use_is_two_and_the_help_warns(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(command(f, "ec2config.exe -sysprap"), 2);
    assert_non_null(strstr(fake_said(), "'-sysprap' is unknown"));
    assert_non_null(strstr(fake_said(), "Sysprep is no backup method")); /* S-4 */
    assert_int_equal(command(f, "ec2config.exe"), 2);
    f->not_admin = true;
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 1);
    assert_string_equal(fake_said(), "run it as an administrator\n");
    fake_free(f);
}

/* S-147 */
static void post_sysprep_keeps_the_password_from_expiring(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(command(f, "\"" ROOT "Scripts\\..\\Ec2Config.exe\" -passwordNeverExpires"), 0);
    assert_true(fake_find_account(f, "Administrator")->flags & WIN_ACCOUNT_KEEPS_PASSWORD);
    fake_free(f);
}

/* S-36, S-129 */
static void scramble_password_sets_one_that_nobody_knows(void **unused)
{
    struct fake *f = machine();
    char *first;
    (void)unused;

    assert_int_equal(config_scramble_main(&f->win,
                                          "\"" ROOT "ScramblePassword.exe\" -u Administrator", NULL,
                                          NULL),
                     0);
    first = str_dup(fake_password(f, "Administrator"));
    assert_true(strlen(first) >= 32);
    assert_int_equal(config_scramble_main(&f->win, "ScramblePassword.exe -u Administrator", NULL,
                                          NULL),
                     0);
    assert_string_not_equal(first, fake_password(f, "Administrator"));
    assert_int_equal(config_scramble_main(&f->win, "ScramblePassword.exe -u", NULL, NULL), 2);
    free(first);
    fake_free(f);
}

/* ---- the Image tab ---- */

static char *state_of(struct fake *f, const char *file)
{
    return str_dup(fake_file_text(f, file));
}

/* S-172, S-174 */
static void specify_writes_the_password_and_the_service_takes_it_out(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *before = state_of(f, ANSWER);
    (void)unused;

    assert_int_equal(config_choose_password(&f->win, CONFIG_PASSWORD_SPECIFY, "Correct-Horse-9",
                                            &e),
                     0);
    assert_non_null(strstr(fake_file_text(f, ANSWER), "<Value>Correct-Horse-9</Value>"));
    assert_true(fake_called(f, "file_protect " ANSWER));
    assert_false(plugin_is(f, "Ec2SetPassword"));
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 0);
    assert_false(plugin_is(f, "Ec2SetPassword"));
    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    fake_clear_console(f);
    assert_int_equal(boot(f, &e), 0);
    assert_string_equal(fake_file_text(f, ANSWER), before); /* other nodes kept, to the byte */
    assert_false(fake_on_console(f, "Password: <Password>"));
    free(before);
    fake_free(f);
}

static void specify_is_set_at_once_without_sysprep(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(config_choose_password(&f->win, CONFIG_PASSWORD_SPECIFY, "Correct-Horse-9",
                                            &e),
                     0);
    assert_int_equal(command(f, "ec2config.exe -shutdown"), 0);
    assert_string_equal(fake_password(f, "Administrator"), "Correct-Horse-9");
    assert_true(fake_called(f, "power_off off"));
    assert_false(fake_called(f, FAKE_SYSPREP));
    fake_free(f);
}

static void weak_password_is_refused_and_nothing_changes(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *before = state_of(f, ANSWER);
    (void)unused;

    assert_true(config_choose_password(&f->win, CONFIG_PASSWORD_SPECIFY, "abc", &e) < 0);
    assert_string_equal(fake_file_text(f, ANSWER), before);
    assert_true(plugin_is(f, "Ec2SetPassword"));
    free(before);
    fake_free(f);
}

/* S-175 */
static void keep_existing_drops_the_scramble_and_random_brings_it_back(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    struct xmlfile *x = NULL;
    char *text;
    (void)unused;

    assert_int_equal(config_choose_password(&f->win, CONFIG_PASSWORD_KEEP, NULL, &e), 0);
    assert_null(strstr(fake_file_text(f, ANSWER), "ScramblePassword.exe"));
    assert_non_null(strstr(fake_file_text(f, ANSWER), "SysprepSpecializePhase.cmd"));
    assert_false(plugin_is(f, "Ec2SetPassword"));
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 0);
    assert_false(plugin_is(f, "Ec2SetPassword")); /* Sysprep does not turn it on again */
    assert_null(fake_password(f, "Administrator"));

    assert_int_equal(config_choose_password(&f->win, CONFIG_PASSWORD_RANDOM, NULL, &e), 0);
    assert_int_equal(xmlfile_load(&f->win, ANSWER, &x, &e), 0);
    text = xml_text(xml_child(answer_command(x, "ScramblePassword.exe"), "Path"));
    assert_string_equal(text, "\"C:\\Program Files\\Amazon\\Ec2ConfigService\\"
                              "ScramblePassword.exe\" -u Administrator");
    assert_int_equal(answer_check(x, &e), 0);
    free(text);
    xmlfile_free(x);
    assert_true(plugin_is(f, "Ec2SetPassword"));
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
        cmocka_unit_test(ssm_is_started_after_ready),
        cmocka_unit_test(broken_settings_are_told_and_the_owner_gets_in),
        cmocka_unit_test(the_guides_command_lines_run_sysprep),
        cmocka_unit_test(no_shutdown_replaces_the_switch),
        cmocka_unit_test(sysprep_turns_plugins_on_for_new_instances),
        cmocka_unit_test(a_hand_edit_reaches_sysprep_unchanged),
        cmocka_unit_test(wrong_settings_are_refused_before_sysprep),
        cmocka_unit_test(check_reads_all_settings_and_runs_nothing),
        cmocka_unit_test(wrong_use_is_two_and_the_help_warns),
        cmocka_unit_test(post_sysprep_keeps_the_password_from_expiring),
        cmocka_unit_test(scramble_password_sets_one_that_nobody_knows),
        cmocka_unit_test(specify_writes_the_password_and_the_service_takes_it_out),
        cmocka_unit_test(specify_is_set_at_once_without_sysprep),
        cmocka_unit_test(weak_password_is_refused_and_nothing_changes),
        cmocka_unit_test(keep_existing_drops_the_scramble_and_random_brings_it_back),
    };
    return test_run(tests);
}
