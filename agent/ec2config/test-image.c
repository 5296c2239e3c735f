/* SPDX-License-Identifier: Apache-2.0 */
/* `-sysprep`, the other commands and the password options of the Image tab. */
#include "lib/test.h"

#include <string.h>

#include "engine/setup.h"
#include "sysprep/answer.h"
#include "sysprep/sysprep.h"
#include "test-machine.h"

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

static void write_bundle(struct fake *f, const char *inside)
{
    struct str s = STR_INIT(4096);

    str_addf(&s, "<BundleConfig>\n%s</BundleConfig>", inside);
    fake_file(f, SETTINGS "BundleConfig.xml", str_text(&s));
    str_done(&s);
}

/* S-110: what is in the file is told, in its order; what is not is not */
static void the_bundles_properties_are_told_as_they_stand(void **unused)
{
    struct fake *f = machine();
    char *log;
    (void)unused;

    write_bundle(f, "<Property><Name>PreSysprepRunCmd</Name><Value></Value></Property>\n"
                    "<Property><Name>Own</Name><Value>1</Value></Property>\n");
    fake_reg_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, 0);
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 0);
    log = fake_log_text(f, ROOT "Logs\\Ec2ConfigLog.txt");
    assert_true(strstr(log, "Processing property: Own\r\n") >
                strstr(log, "Processing property: PreSysprepRunCmd\r\n"));
    assert_null(strstr(log, "Processing property: AutoSysprep"));
    free(log);
    /* S-114: an empty command is none, and that is said */
    assert_false(fake_called(f, "BeforeSysprep.cmd"));
    assert_non_null(strstr(fake_said(), "Remote Desktop is open and there is no"));
    fake_free(f);
}

static void a_property_that_is_there_twice_is_refused(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    write_bundle(f, "<Property><Name>SetPasswordAfterSysprep</Name><Value>Yes</Value></Property>\n"
                    "<Property><Name>setpasswordaftersysprep</Name><Value>No</Value></Property>\n");
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 1);
    assert_non_null(strstr(fake_said(), "BundleConfig.xml:3:1: property 'setpasswordaftersysprep' "
                                        "is there twice, first in line 2"));
    assert_false(fake_called(f, FAKE_SYSPREP));
    fake_free(f);
}

/* The machine goes on: it shall not get a new password at the next start of the service. */
static void a_sysprep_that_fails_leaves_the_states_as_they_were(void **unused)
{
    struct fake *f = machine();
    char *before;
    (void)unused;

    set_plugin(f, "Ec2SetPassword", false);
    set_plugin(f, "Ec2HandleUserData", false);
    set_plugin(f, "Ec2OutputRDPCert", false);
    before = str_dup(fake_file_text(f, SETTINGS "Config.xml"));
    fake_command(f, FAKE_SYSPREP, 1, NULL, NULL, NULL);
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 1);
    assert_true(fake_called(f, FAKE_SYSPREP));
    assert_string_equal(fake_file_text(f, SETTINGS "Config.xml"), before);
    free(before);
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
    fake_account(f, "Local Admin", 1001, 0);
    assert_int_equal(config_scramble_main(&f->win, "ScramblePassword.exe -u \"Local Admin\"", NULL,
                                          NULL),
                     0);
    assert_non_null(fake_password(f, "Local Admin"));
    free(first);
    fake_free(f);
}

/* ---- the Image tab ---- */

static char *state_of(struct fake *f, const char *file)
{
    return str_dup(fake_file_text(f, file));
}

static int (*fake_write)(struct win *w, const char *path, const void *p, size_t n, struct err *e);

static int secrets_go_into_private_files(struct win *w, const char *path, const void *p, size_t n,
                                         struct err *e)
{
    if (strstr(p, "Correct-Horse-9") && !fake_is_private(fake_of(w), path))
        fail_msg("'%s' gets the password while everybody may read it", path);
    return fake_write(w, path, p, n, e);
}

/* S-172, S-174 */
static void specify_writes_the_password_and_the_service_takes_it_out(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *before = state_of(f, ANSWER);
    (void)unused;

    fake_write = f->win.file_write;
    f->win.file_write = secrets_go_into_private_files;
    assert_int_equal(config_choose_password(&f->win, CONFIG_PASSWORD_SPECIFY, "Correct-Horse-9",
                                            &e),
                     0);
    assert_non_null(strstr(fake_file_text(f, ANSWER), "<Value>Correct-Horse-9</Value>"));
    assert_true(fake_is_private(f, ANSWER));
    assert_false(plugin_is(f, "Ec2SetPassword"));
    assert_int_equal(command(f, "ec2config.exe -sysprep"), 0);
    assert_false(plugin_is(f, "Ec2SetPassword"));
    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    fake_clear_console(f);
    assert_int_equal(boot(f, &e), 0);
    assert_string_equal(fake_file_text(f, ANSWER), before); /* other nodes kept, to the byte */
    assert_false(fake_is_private(f, ANSWER));               /* nothing in it is secret any more */
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
        cmocka_unit_test(the_guides_command_lines_run_sysprep),
        cmocka_unit_test(no_shutdown_replaces_the_switch),
        cmocka_unit_test(sysprep_turns_plugins_on_for_new_instances),
        cmocka_unit_test(the_bundles_properties_are_told_as_they_stand),
        cmocka_unit_test(a_property_that_is_there_twice_is_refused),
        cmocka_unit_test(a_sysprep_that_fails_leaves_the_states_as_they_were),
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
