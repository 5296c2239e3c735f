/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs of Sysprep over the recording Windows: order, command lines, what is named before
 * anything is touched, and the cause when it fails. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/setup.h"
#include "sysprep/defaults.h"
#include "sysprep/fake-sysprep.h"
#include "sysprep/sysprep.h"

#define V2_DIR     "C:\\ProgramData\\Amazon\\EC2Launch\\sysprep\\"
#define V1_DIR     "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Sysprep\\"
#define CONFIG_DIR "C:\\Program Files\\Amazon\\Ec2ConfigService\\"
#define SETUPERR   "C:\\Windows\\System32\\Sysprep\\Panther\\setuperr.log"
#define LOCALE_KEY "HKU\\.DEFAULT\\Control Panel\\International"
#define CBS        "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"

static void leave_a_reason(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_file(fake_of(w), SETUPERR,
              "2025-01-01 00:00:00, Error   SYSPRP an old trouble over CopyProfile\n"
              "2026-01-02 03:04:05, Error   SYSPRP Package A_1_x64__p was installed for a user, "
              "but not provisioned for all users.\n");
}

static struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_ship(f, V2_DIR "unattend.xml", "sysprep/files/unattend.xml");
    fake_ship(f, V2_DIR "BeforeSysprep.cmd", "sysprep/files/BeforeSysprep.cmd");
    fake_ship(f, V1_DIR "Unattend.xml", "v1/files/Sysprep/Unattend.xml");
    fake_ship(f, V1_DIR "BeforeSysprep.cmd", "v1/files/Sysprep/BeforeSysprep.cmd");
    fake_ship(f, CONFIG_DIR "sysprep2008.xml", "ec2config/files/sysprep2008.xml");
    fake_ship(f, CONFIG_DIR "Scripts\\BeforeSysprep.cmd",
              "ec2config/files/Scripts/BeforeSysprep.cmd");
    fake_sysprep(f);
    fake_reg_text(f, LOCALE_KEY, "LocaleName", "de-DE");
    return f;
}

static int run(struct fake *f, struct sysprep_order o, struct err *e)
{
    o.say = fake_hear;
    fake_hush();
    return sysprep_run(&f->win, &o, e);
}

/* S-17, S-19, S-23, S-67 */
static void version_two_edits_closes_and_calls_in_that_order(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    long edit, before, call;
    (void)unused;

    if (run(f, (struct sysprep_order){ .dialect = DIALECT_V2, .shutdown = true }, &e) < 0)
        fail_msg("%s", e.msg);
    assert_non_null(
        strstr(fake_file_text(f, V2_DIR "unattend.xml"), "<InputLocale>de-DE</InputLocale>"));
    edit = fake_when(f, "file_write " V2_DIR "unattend.xml");
    before = fake_when(f, "run " FAKE_SHELL "\"\"" V2_DIR "BeforeSysprep.cmd\"\"\n");
    call = fake_when(f, "run " FAKE_SYSPREP " /oobe /generalize /shutdown /unattend:\"" V2_DIR
                        "unattend.xml\"\n");
    assert_true(edit >= 0);
    assert_true(before > edit);
    assert_true(call > before);
    assert_int_equal(fake_reg_get_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE), 1); /* S-20 */
    assert_non_null(strstr(fake_said(), "Sysprep command: " FAKE_SYSPREP));
    fake_free(f);
}

static void without_shutdown_the_switch_is_quit(void **unused)
{
    static const struct {
        enum dialect_id d;
        const char *command;
    } rows[] = {
        { DIALECT_V2,
          FAKE_SYSPREP " /oobe /generalize /quit /unattend:\"" V2_DIR "unattend.xml\"\n" },
        { DIALECT_V1,
          FAKE_SYSPREP " /oobe /quit /generalize \"/unattend:" V1_DIR "Unattend.xml\"\n" },
        { DIALECT_CONFIG,
          FAKE_SYSPREP " /unattend:\"" CONFIG_DIR "sysprep2008.xml\" /oobe /generalize /quit\n" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake *f = machine();
        struct err e = { 0 };
        assert_int_equal(run(f, (struct sysprep_order){ .dialect = rows[i].d }, &e), 0);
        if (!fake_called(f, rows[i].command))
            fail_msg("no '%s' in\n%s", rows[i].command, str_text(&f->calls));
        fake_free(f);
    }
}

/* S-97, S-117 */
static void the_older_agents_call_with_their_own_switches(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V1, .shutdown = true }, &e),
                     0);
    assert_true(fake_called(f, FAKE_SYSPREP " /oobe /shutdown /generalize \"/unattend:" V1_DIR
                                            "Unattend.xml\"\n"));
    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_CONFIG, .shutdown = true },
                         &e),
                     0);
    assert_true(fake_called(f, FAKE_SYSPREP " /unattend:\"" CONFIG_DIR
                                            "sysprep2008.xml\" /oobe /generalize /shutdown\n"));
    fake_free(f);
}

/* S-114 */
static void another_command_before_sysprep_is_run_instead(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    struct sysprep_order o = { .dialect = DIALECT_CONFIG,
                               .shutdown = true,
                               .before = "D:\\my tools\\close.cmd" };
    (void)unused;

    fake_file(f, "D:\\my tools\\close.cmd", "rem");
    assert_int_equal(run(f, o, &e), 0);
    assert_true(fake_called(f, FAKE_SHELL "\"\"D:\\my tools\\close.cmd\"\"\n"));
    assert_false(fake_called(f, "BeforeSysprep.cmd"));
    fake_reg_text(f, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    fake_reg_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, 0);
    o.before = "\"D:\\my tools\\close.cmd\" /q"; /* a command line is one, too */
    assert_int_equal(run(f, o, &e), 0);
    assert_true(fake_called(f, FAKE_SHELL "\"\"D:\\my tools\\close.cmd\" /q\"\n"));
    assert_null(strstr(fake_said(), "there is no BeforeSysprep.cmd"));
    fake_free(f);
}

/* S-72 */
static void failure_of_before_sysprep_stops_version_one(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_command(f, FAKE_SHELL, 5, NULL, NULL, fake_close_rdp);
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V1, .shutdown = true }, &e),
                     -ECANCELED);
    assert_string_equal(e.msg, "BeforeSysprep.cmd ended with exit code 5, Sysprep was not started");
    assert_false(fake_called(f, FAKE_SYSPREP));
    /* nothing was generalized: the door that the file closed is open again */
    assert_int_equal(fake_reg_get_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE), 0);
    fake_free(f);
}

static void what_makes_sysprep_fail_stops_before_anything_is_touched(void **unused)
{
    static const struct {
        const char *key, *name, *text;
        uint32_t number;
        const char *says;
    } rows[] = {
        { CBS "\\RebootPending", "x", "1", 0, "servicing waits for a restart" },
        { SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE", 0,
          "ImageState is IMAGE_STATE_UNDEPLOYABLE" },
        { "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ProductOptions", "ProductType", "LanmanNT", 0,
          "domain controller" },
        { "HKLM\\SYSTEM\\CurrentControlSet\\Control\\BitlockerStatus", "BootStatus", NULL, 1,
          "BitLocker protects the system volume" },
        { "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\"
          "RebootRequired",
          "x", "1", 0, "Windows Update waits for a restart" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake *f = machine();
        struct err e = { 0 };
        if (rows[i].text)
            fake_reg_text(f, rows[i].key, rows[i].name, rows[i].text);
        else
            fake_reg_u32(f, rows[i].key, rows[i].name, rows[i].number);
        assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V2, .shutdown = true },
                             &e),
                         -EBUSY);
        if (!strstr(e.msg, rows[i].says))
            fail_msg("'%s' is not in '%s'", rows[i].says, e.msg);
        assert_false(fake_called(f, FAKE_SYSPREP));
        assert_false(fake_called(f, "BeforeSysprep"));
        assert_false(fake_called(f, "unattend.xml"));
        assert_non_null(strstr(str_text(&f->serial), "Message: Sysprep was not started"));
        fake_free(f);
    }
}

static void windows_own_answers_count_and_force_goes_on(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    struct sysprep_order o = { .dialect = DIALECT_V2, .shutdown = true };
    (void)unused;

    fake_command(f, "C:\\Windows\\System32\\WindowsPowerShell", 0,
                 "rearm=0\r\nbitlocker=C:\r\nbitlocker=D:\r\ndomain=corp.example\r\n", NULL, NULL);
    assert_int_equal(run(f, o, &e), -EBUSY);
    assert_non_null(strstr(e.msg, "(--force goes on all the same)"));
    assert_non_null(strstr(fake_said(), "Warning: this machine is a member of domain "
                                        "'corp.example': Sysprep takes it out"));
    assert_non_null(strstr(fake_said(), "Error: Windows cannot be rearmed any more"));
    assert_non_null(strstr(fake_said(), "Error: BitLocker protects the system volume C:"));
    assert_non_null(strstr(fake_said(), "Warning: BitLocker protects volume D:"));
    err_clear(&e);
    o.force = true;
    assert_int_equal(run(f, o, &e), 0);
    assert_true(fake_called(f, FAKE_SYSPREP " /oobe"));
    fake_free(f);
}

/* S-6, S-7 */
static void extra_accounts_and_profiles_are_named_and_it_goes_on(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_account(f, "builder", 1001, 0);
    fake_account(f, "Guest", 501, WIN_ACCOUNT_DISABLED);
    fake_reg_text(f,
                  "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\"
                  "S-1-5-21-1-2-3-1001",
                  "ProfileImagePath", "C:\\Users\\builder");
    fake_reg_text(f,
                  "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\"
                  "S-1-5-21-1-2-3-500",
                  "ProfileImagePath", "C:\\Users\\Administrator");
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V2, .shutdown = true }, &e),
                     0);
    assert_non_null(strstr(fake_said(),
                           "Warning: extra local account 'builder': its profile may lose data, or "
                           "Sysprep may fail."));
    assert_non_null(strstr(fake_said(), "Warning: extra profile 'C:\\Users\\builder'"));
    assert_null(strstr(fake_said(), "Guest"));
    assert_null(strstr(fake_said(), "C:\\Users\\Administrator"));
    fake_free(f);
}

/* The command of an account that is not there would fail in the first boot, its blank password
 * stay. */
static void commands_for_an_account_that_is_not_there_are_named(void **unused)
{
    static const struct {
        enum dialect_id d;
        const char *name, *says; /* NULL: nothing */
    } rows[] = {
        { DIALECT_V2, "Administrator", NULL },
        { DIALECT_V2, "Chef",
          "names account 'Administrator', which is not there (the built-in "
          "administrator is 'Chef')" },
        { DIALECT_V1, "Chef", "line 45 of the answer file names account 'Administrator'" },
        { DIALECT_CONFIG, "Chef", "names account 'Administrator'" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake *f = machine();
        struct err e = { 0 };
        (void)str_copy(f->accounts[0].name, sizeof(f->accounts[0].name), rows[i].name);
        assert_int_equal(run(f, (struct sysprep_order){ .dialect = rows[i].d, .shutdown = true },
                             &e),
                         0);
        if (!rows[i].says)
            assert_null(strstr(fake_said(), "names account"));
        else if (!strstr(fake_said(), rows[i].says))
            fail_msg("%s", fake_said());
        fake_free(f);
    }
}

/* v1 fills empty elements with the language of who calls; filled ones need none. */
static void empty_locales_of_version_one_get_the_callers_language(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    char *shipped = fake_shipped("v1/files/Sysprep/Unattend.xml");
    char *at = strstr(shipped, "<UserLocale>en-US</UserLocale>");
    struct str mine = STR_INIT(65536);
    (void)unused;

    assert_non_null(at);
    str_add_mem(&mine, shipped, (size_t)(at - shipped));
    str_add(&mine, "<UserLocale></UserLocale>");
    str_add(&mine, at + strlen("<UserLocale>en-US</UserLocale>"));
    fake_file(f, V1_DIR "Unattend.xml", str_text(&mine));
    fake_reg_text(f, "HKCU\\Control Panel\\International", "LocaleName", "fr-CA");
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V1, .shutdown = true }, &e),
                     0);
    assert_non_null(
        strstr(fake_file_text(f, V1_DIR "Unattend.xml"), "<UserLocale>fr-CA</UserLocale>"));
    assert_non_null(
        strstr(fake_file_text(f, V1_DIR "Unattend.xml"), "<UILanguage>en-US</UILanguage>"));
    str_done(&mine);
    free(shipped);
    fake_free(f);
}

static void packages_of_one_user_are_named(void **unused)
{
#define STORE "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Appx\\AppxAllUserStore\\"
#define USER  STORE "S-1-5-21-1-2-3-500\\"
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_reg_text(f, STORE "Applications\\Calc_1.0_x64__aaa", "Path", "x");
    fake_reg_text(f, STORE "InboxApplications\\Shell_1.0_neutral_neutral_bbb", "Path", "x");
    fake_reg_text(f, USER "Calc_2.0_x64__aaa", "Path", "x");
    fake_reg_text(f, USER "Shell_1.0_neutral_neutral_bbb", "Path", "x");
    fake_reg_text(f, USER "Microsoft.VCLibs.140.00_14.0_x64__8we", "Path", "x");
    fake_reg_text(f, USER "Game_1.0_x64__ccc", "Path", "x");
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V2, .shutdown = true }, &e),
                     0);
    assert_non_null(strstr(fake_said(), "Warning: package 'Game_1.0_x64__ccc' is installed"));
    assert_null(strstr(fake_said(), "'Calc"));
    assert_null(strstr(fake_said(), "'Shell"));
    assert_null(strstr(fake_said(), "VCLibs"));
    fake_free(f);
}

static void failure_names_its_cause_on_the_console(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_file(f, SETUPERR, "2025-01-01 00:00:00, Error   SYSPRP an old trouble over CopyProfile\n");
    fake_command(f, FAKE_SYSPREP, 1, NULL, NULL, leave_a_reason);
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V2, .shutdown = true }, &e),
                     -EIO);
    assert_non_null(strstr(e.msg, "Sysprep failed: SYSPRP Package A_1_x64__p was installed"));
    assert_non_null(strstr(e.msg, "What helps: remove the package for that user"));
    assert_non_null(strstr(str_text(&f->serial), "Message: Sysprep failed: SYSPRP Package A_1"));
    assert_int_equal(fake_reg_get_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE), 0);
    fake_free(f);
}

static void fail_after_generalize(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_reg_text(fake_of(w), SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE");
}

/* S-21: the administrator may have a blank password now */
static void remote_desktop_stays_closed_once_generalize_has_begun(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_command(f, FAKE_SYSPREP, 1, NULL, NULL, fail_after_generalize);
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_V2, .shutdown = true }, &e),
                     -EIO);
    assert_non_null(strstr(e.msg, "exit code 1 and left no reason"));
    assert_int_equal(fake_reg_get_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE), 1);
    fake_free(f);
}

/* S-85 */
static void no_password_anywhere_takes_a_working_copy(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    struct sysprep_order o = { .dialect = DIALECT_V1, .shutdown = true, .no_password = true };
    (void)unused;

    assert_int_equal(run(f, o, &e), 0);
    assert_true(fake_called(f, "\"/unattend:" V1_DIR "Unattend-run.xml\"\n"));
    assert_non_null(
        strstr(fake_file_text(f, V1_DIR "Unattend-run.xml"), "Administrator -Inactive"));
    assert_null(strstr(fake_file_text(f, V1_DIR "Unattend.xml"), "-Inactive"));
    fake_free(f);
}

/* S-84: with a password in the answer file that very file goes to Sysprep */
static void password_in_the_answer_file_needs_no_working_copy(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    struct sysprep_order o = { .dialect = DIALECT_V1, .shutdown = true, .no_password = true };
    struct xmlfile *x = NULL;
    (void)unused;

    assert_int_equal(xmlfile_load(&f->win, V1_DIR "Unattend.xml", &x, &e), 0);
    assert_int_equal(answer_set_password(x, "Secret-1", &e), 0);
    assert_int_equal(xmlfile_store(&f->win, x, V1_DIR "Unattend.xml", &e), 0);
    assert_int_equal(run(f, o, &e), 0);
    assert_true(fake_called(f, "\"/unattend:" V1_DIR "Unattend.xml\"\n"));
    xmlfile_free(x);
    fake_free(f);
}

/* S-181 */
static void broken_answer_file_is_refused_with_file_and_line(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    fake_file(f, CONFIG_DIR "sysprep2008.xml",
              "<unattend xmlns='urn:schemas-microsoft-com:unattend'>\n<settings pass='specialise'/>"
              "\n</unattend>");
    assert_int_equal(run(f, (struct sysprep_order){ .dialect = DIALECT_CONFIG, .shutdown = true },
                         &e),
                     -EBUSY);
    assert_non_null(strstr(e.msg, "sysprep2008.xml:2:1: pass 'specialise' is unknown"));
    assert_false(fake_called(f, FAKE_SYSPREP));
    fake_free(f);
}

static int steps;
static int count_step(void *ctx, struct err *e)
{
    (void)ctx;
    steps++;
    return err_set(e, EIO, ERR_IO, "the step broke");
}

static void a_broken_step_of_the_caller_ends_the_run(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    struct sysprep_order o = { .dialect = DIALECT_V2, .shutdown = true, .prepare = count_step };
    (void)unused;

    steps = 0;
    assert_int_equal(run(f, o, &e), -EIO);
    assert_int_equal(steps, 1);
    assert_string_equal(e.msg, "the step broke");
    assert_false(fake_called(f, FAKE_SYSPREP));
    fake_free(f);
}

static void an_upgrade_keeps_what_the_owner_made_of_the_settings(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };
    unsigned n = 0;
    (void)unused;

    fake_file(f, "C:\\a\\defaults\\one.xml", "shipped");
    fake_file(f, "C:\\a\\defaults\\deep\\two.cmd", "shipped");
    fake_file(f, "C:\\a\\one.xml", "the owner's");
    assert_int_equal(defaults_lay_down(&f->win, "%SystemDrive%\\a\\defaults", "C:\\a", &n, &e), 0);
    assert_int_equal(n, 1);
    assert_string_equal(fake_file_text(f, "C:\\a\\one.xml"), "the owner's");
    assert_string_equal(fake_file_text(f, "C:\\a\\deep\\two.cmd"), "shipped");
    assert_int_equal(defaults_lay_down(&f->win, "C:\\nothing", "C:\\a", &n, &e), 0);
    assert_int_equal(n, 0);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_two_edits_closes_and_calls_in_that_order),
        cmocka_unit_test(without_shutdown_the_switch_is_quit),
        cmocka_unit_test(the_older_agents_call_with_their_own_switches),
        cmocka_unit_test(another_command_before_sysprep_is_run_instead),
        cmocka_unit_test(failure_of_before_sysprep_stops_version_one),
        cmocka_unit_test(what_makes_sysprep_fail_stops_before_anything_is_touched),
        cmocka_unit_test(windows_own_answers_count_and_force_goes_on),
        cmocka_unit_test(extra_accounts_and_profiles_are_named_and_it_goes_on),
        cmocka_unit_test(commands_for_an_account_that_is_not_there_are_named),
        cmocka_unit_test(empty_locales_of_version_one_get_the_callers_language),
        cmocka_unit_test(packages_of_one_user_are_named),
        cmocka_unit_test(failure_names_its_cause_on_the_console),
        cmocka_unit_test(remote_desktop_stays_closed_once_generalize_has_begun),
        cmocka_unit_test(no_password_anywhere_takes_a_working_copy),
        cmocka_unit_test(password_in_the_answer_file_needs_no_working_copy),
        cmocka_unit_test(broken_answer_file_is_refused_with_file_and_line),
        cmocka_unit_test(a_broken_step_of_the_caller_ends_the_run),
        cmocka_unit_test(an_upgrade_keeps_what_the_owner_made_of_the_settings),
    };
    return test_run(tests);
}
