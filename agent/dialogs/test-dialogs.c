/* SPDX-License-Identifier: Apache-2.0 */
/* The models of the three dialogs, pressed by a screen in memory. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "dialogs/test-screen.h"
#include "sysprep/fake-sysprep.h"
#include "sysprep/sysprep.h"

#define V1_CONFIG  "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Config\\LaunchConfig.json"
#define V1_PROGRAM "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Library\\Ec2Launch.exe"
#define V2_CONFIG  "C:\\ProgramData\\Amazon\\EC2Launch\\config\\agent-config.yml"
#define V2_PROGRAM "\"C:\\Program Files\\Amazon\\EC2Launch\\EC2Launch.exe\""
#define CONFIG_DIR "C:\\Program Files\\Amazon\\Ec2ConfigService\\"
#define ANSWER     CONFIG_DIR "sysprep2008.xml"
#define V1_ANSWER  "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Sysprep\\Unattend.xml"
#define V2_ANSWER  "C:\\ProgramData\\Amazon\\EC2Launch\\sysprep\\unattend.xml"

/* A machine on which nothing stands in Sysprep's way. */
static void ready_for_sysprep(struct fake *f, const char *answer, const char *shipped)
{
    fake_sysprep(f);
    fake_reg_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, 1);
    fake_ship(f, answer, shipped);
}

static void every_control_has_a_label_of_its_own(void **unused)
{
    static const struct dialog *const all[] = { &dialog_v1, &dialog_config, &dialog_v2 };
    (void)unused;

    for (size_t k = 0; k < ARRAY_LEN(all); k++)
        for (size_t i = 0; i < all[k]->items_n; i++) {
            const struct dialog_item *a = &all[k]->items[i];
            assert_true(a->x >= 0 && a->x + a->w <= all[k]->w && a->y + a->h <= all[k]->h);
            if (a->kind == DIALOG_CHECK || a->kind == DIALOG_RADIO || a->kind == DIALOG_BUTTON)
                assert_true(a->id == DIALOG_OK || a->id == DIALOG_CANCEL || strchr(a->text, '&') ||
                            a->id == DIALOG_APPLY);
            for (size_t j = i + 1; j < all[k]->items_n; j++)
                assert_false(a->id && a->id == all[k]->items[j].id);
        }
    assert_string_equal(dialog_config.title, "Ec2 Service Properties"); /* S-171 */
    assert_string_equal(dialog_config.tabs[2], "Image");
}

/* Alt and a letter reach one control of a page, not the first of two. */
static void every_letter_of_a_page_is_there_once(void **unused)
{
    static const struct dialog *const all[] = { &dialog_v1, &dialog_config, &dialog_v2 };
    (void)unused;

    for (size_t k = 0; k < ARRAY_LEN(all); k++)
        for (size_t i = 0; i < all[k]->items_n; i++)
            for (size_t j = i + 1; j < all[k]->items_n; j++) {
                const struct dialog_item *a = &all[k]->items[i], *b = &all[k]->items[j];
                const char *p = strchr(a->text, '&'), *q = strchr(b->text, '&');
                bool together =
                    a->tab == b->tab || a->tab == DIALOG_ALL_TABS || b->tab == DIALOG_ALL_TABS;
                if (together && p && q && (p[1] | 0x20) == (q[1] | 0x20))
                    fail_msg("'%s' and '%s' of '%s'", a->text, b->text, all[k]->title);
            }
}

/* S-77 */
static void each_box_of_version_one_changes_exactly_its_key(void **unused)
{
    static const struct {
        const char *label, *key;
    } rows[] = {
        { "Set computer name", "setComputerName" },
        { "Set wallpaper", "setWallpaper" },
        { "Extend boot volume", "extendBootVolumeSize" },
        { "Add DNS", "addDnsSuffixList" },
        { "Handle user data", "handleUserData" },
        { "Set monitor always on", "setMonitorAlwaysOn" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake *f = fake_new();
        struct screen *s;
        char *before, *at, key[64];
        const char *after;
        fake_ship(f, V1_CONFIG, "v1/files/Config/LaunchConfig.json");
        before = str_dup(fake_file_text(f, V1_CONFIG));
        s = screen_new(&dialog_v1, f);
        screen_click(s, rows[i].label);
        screen_click(s, "OK");
        assert_true(s->closed);
        assert_string_equal(s->told, "");
        after = fake_file_text(f, V1_CONFIG);
        snprintf(key, sizeof(key), "\"%s\": ", rows[i].key);
        at = strstr(before, key);
        assert_non_null(at);
        assert_memory_equal(before, after, (size_t)(at - before) + strlen(key));
        assert_string_equal(strchr(at, '\n'), strchr(after + (at - before), '\n'));
        assert_string_not_equal(before, after);
        free(before);
        screen_free(s);
        fake_free(f);
    }
}

/* S-80, and the rules for passwords */
static void version_one_stores_a_specified_password_in_clear(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    int edit = screen_edit(&dialog_v1, DIALOG_SECRET);
    (void)unused;

    fake_ship(f, V1_CONFIG, "v1/files/Config/LaunchConfig.json");
    s = screen_new(&dialog_v1, f);
    assert_false(s->enabled[edit]);
    screen_click(s, "Specify");
    assert_true(s->enabled[edit]);
    s->ui.set_text(&s->ui, edit, "abc");
    screen_click(s, "Apply");
    assert_non_null(strstr(s->told, "three of these kinds"));
    assert_null(strstr(fake_file_text(f, V1_CONFIG), "abc"));
    s->ui.set_text(&s->ui, edit, "Correct-Horse-9");
    screen_click(s, "Apply");
    assert_false(s->closed);
    assert_non_null(strstr(fake_file_text(f, V1_CONFIG), "\"adminPassword\": \"Correct-Horse-9\""));
    assert_non_null(strstr(fake_file_text(f, V1_CONFIG), "\"adminPasswordType\": \"Specify\""));
    screen_free(s);
    fake_free(f);
}

/* S-63, S-86 */
static void version_one_asks_then_schedules_then_runs_sysprep(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    (void)unused;

    fake_ship(f, V1_CONFIG, "v1/files/Config/LaunchConfig.json");
    ready_for_sysprep(f, V1_ANSWER, "v1/files/Sysprep/Unattend.xml");
    s = screen_new(&dialog_v1, f);
    s->answer = false;
    screen_click(s, "Shutdown with Sysprep");
    assert_non_null(strstr(s->asked, SYSPREP_WARNING)); /* S-4, S-70 */
    assert_false(fake_called(f, "run"));
    assert_false(fake_called(f, "file_write"));
    assert_false(s->closed);
    s->answer = true;
    screen_click(s, "Shutdown with Sysprep");
    assert_true(s->closed);
    assert_true(fake_called(f, V1_PROGRAM " initialize-instance -Schedule\n"));
    assert_true(fake_when(f, V1_PROGRAM " sysprep-instance\n") >
                fake_when(f, "initialize-instance -Schedule\n"));
    screen_free(s);

    s = screen_new(&dialog_v1, f);
    s->answer = true;
    screen_click(s, "Run EC2Launch on every boot");
    screen_click(s, "Shutdown without Sysprep");
    assert_true(fake_called(f, V1_PROGRAM " initialize-instance -SchedulePerBoot\n"));
    assert_true(fake_called(f, V1_PROGRAM " shutdown-without-sysprep\n"));
    screen_free(s);
    fake_free(f);
}

/* S-6: who pressed the button is told what the program without a window finds. */
static void what_stands_in_syspreps_way_is_told_first(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    (void)unused;

    fake_ship(f, V1_CONFIG, "v1/files/Config/LaunchConfig.json");
    ready_for_sysprep(f, V1_ANSWER, "v1/files/Sysprep/Unattend.xml");
    fake_account(f, "builder", 1001, 0);
    s = screen_new(&dialog_v1, f);
    s->answer = true;
    s->answers = 1; /* yes to Sysprep, no to what it would cost */
    screen_click(s, "Shutdown with Sysprep");
    assert_non_null(strstr(s->asked, "- extra local account 'builder': its profile may lose data"));
    assert_false(fake_called(f, V1_PROGRAM));
    assert_false(s->closed);
    s->answer = true;
    screen_click(s, "Shutdown with Sysprep");
    assert_true(fake_called(f, V1_PROGRAM " sysprep-instance\n"));
    screen_free(s);
    fake_free(f);

    f = fake_new();
    fake_ship(f, V1_CONFIG, "v1/files/Config/LaunchConfig.json");
    ready_for_sysprep(f, V1_ANSWER, "v1/files/Sysprep/Unattend.xml");
    fake_file(f, V1_ANSWER, "<unattend>\n<oops>");
    s = screen_new(&dialog_v1, f);
    s->answer = true;
    screen_click(s, "Shutdown with Sysprep");
    assert_non_null(strstr(s->told, "Sysprep was not started, nothing was changed:\n\n- " V1_ANSWER
                                    ":2:1: '<oops>' is not closed"));
    assert_false(fake_called(f, V1_PROGRAM));
    assert_false(fake_called(f, "file_write"));
    assert_false(s->closed);
    screen_free(s);
    fake_free(f);
}

static struct fake *config_machine(void)
{
    struct fake *f = fake_new();

    fake_ship(f, CONFIG_DIR "Settings\\Config.xml", "ec2config/files/Settings/Config.xml");
    fake_ship(f, CONFIG_DIR "Settings\\BundleConfig.xml",
              "ec2config/files/Settings/BundleConfig.xml");
    fake_ship(f, CONFIG_DIR "Settings\\DriveLetterConfig.xml",
              "ec2config/files/Settings/DriveLetterConfig.xml");
    ready_for_sysprep(f, ANSWER, "ec2config/files/sysprep2008.xml");
    return f;
}

/* S-176; and OK without a change changes nothing either */
static void ec2config_changes_nothing_by_cancel(void **unused)
{
    struct fake *f = config_machine();
    struct screen *s = screen_new(&dialog_config, f);
    (void)unused;

    screen_click(s, "Keep Existing");
    screen_click(s, "Set computer name");
    screen_click(s, "Cancel");
    assert_true(s->closed);
    assert_false(fake_called(f, "file_write"));
    screen_free(s);
    s = screen_new(&dialog_config, f);
    screen_click(s, "OK");
    assert_string_equal(s->told, "");
    assert_false(fake_called(f, "file_write"));
    screen_free(s);
    fake_free(f);
}

static void ec2config_switches_the_wallpaper(void **unused)
{
    static const char entry[] =
        "C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\StartUp\\"
        "Ec2WallpaperInfo.lnk";
    struct fake *f = config_machine();
    (void)unused;

    for (int turn = 0; turn < 2; turn++) {
        struct screen *s = screen_new(&dialog_config, f);
        assert_int_equal(s->on[screen_id(&dialog_config, "Wallpaper Information")], turn);
        screen_click(s, "Wallpaper Information");
        screen_click(s, "OK");
        assert_string_equal(s->told, "");
        assert_int_equal(fake_file_text(f, entry) != NULL, !turn);
        screen_free(s);
    }
    fake_free(f);
}

/* S-109, S-172, S-174 */
static void ec2config_carries_out_the_option_and_runs_sysprep(void **unused)
{
    struct fake *f = config_machine();
    struct screen *s = screen_new(&dialog_config, f);
    (void)unused;

    screen_click(s, "Specify");
    s->ui.set_text(&s->ui, screen_edit(&dialog_config, DIALOG_SECRET), "Correct-Horse-9");
    s->answer = true;
    screen_click(s, "Shutdown with Sysprep");
    assert_string_equal(s->told, "");
    assert_non_null(strstr(fake_file_text(f, ANSWER), "<Value>Correct-Horse-9</Value>"));
    assert_true(fake_called(f, "\"" CONFIG_DIR "Ec2Config.exe\" -sysprep\n"));
    screen_free(s);
    s = screen_new(&dialog_config, f);
    assert_true(s->on[screen_id(&dialog_config, "Specify")]);
    screen_click(s, "OK"); /* an empty line keeps the password that is there */
    assert_string_equal(s->told, "");
    assert_non_null(strstr(fake_file_text(f, ANSWER), "<Value>Correct-Horse-9</Value>"));
    screen_free(s);
    fake_free(f);
}

static void ec2config_switches_hibernation(void **unused)
{
    struct fake *f = config_machine();
    struct screen *s = screen_new(&dialog_config, f);
    (void)unused;

    screen_click(s, "Enable Hibernation");
    screen_click(s, "Apply");
    screen_click(s, "Cancel");
    assert_true(fake_called(f, "hibernation on"));
    screen_free(s);
    fake_reg_u32(f, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Power", "HibernateEnabled", 1);
    s = screen_new(&dialog_config, f);
    screen_click(s, "Apply"); /* as it is: nothing is done */
    assert_int_equal(fake_count(f, "hibernation"), 1);
    screen_click(s, "Enable Hibernation");
    screen_click(s, "OK");
    assert_true(fake_called(f, "hibernation off"));
    screen_free(s);
    fake_free(f);
}

static void ec2config_letters_are_lines(void **unused)
{
    struct fake *f = config_machine();
    struct screen *s = screen_new(&dialog_config, f);
    int memo = screen_edit(&dialog_config, DIALOG_MEMO);
    (void)unused;

    s->ui.set_text(&s->ui, memo, "Archive = P:\n\n Temporary Storage 0 = t\n");
    screen_click(s, "Apply");
    assert_string_equal(s->told, "");
    screen_free(s);
    s = screen_new(&dialog_config, f);
    assert_string_equal(s->text[memo], "Archive = P:\nTemporary Storage 0 = T:\n");
    s->ui.set_text(&s->ui, memo, "Archive = PQ");
    screen_click(s, "Apply");
    assert_non_null(strstr(s->told, "DriveLetter is 'PQ': a letter and a colon are expected"));
    screen_free(s);
    fake_free(f);
}

static const char v2_text[] = "# ours\n"
                              "version: 1.1\n"
                              "config:\n"
                              "  - stage: preReady\n"
                              "    tasks:\n"
                              "      - task: setAdminAccount\n"
                              "        inputs:\n"
                              "          password:\n"
                              "            type: random\n"
                              "  - stage: postReady\n"
                              "    tasks:\n"
                              "      - task: writeFile\n"
                              "        inputs:\n"
                              "          - frequency: once\n"
                              "            destination: C:\\a.txt\n"
                              "            content: hello\n"
                              "      - task: startSsm\n";

static void version_two_keeps_what_it_does_not_show(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    const char *text;
    (void)unused;

    fake_file(f, V2_CONFIG, v2_text);
    s = screen_new(&dialog_v2, f);
    assert_true(s->on[screen_id(&dialog_v2, "Start SSM")]);
    assert_true(s->on[screen_id(&dialog_v2, "Set Administrator Account")]);
    screen_click(s, "OK"); /* nothing changed: comments stay */
    assert_string_equal(fake_file_text(f, V2_CONFIG), v2_text);
    screen_click(s, "Start SSM");
    screen_click(s, "Extend Boot Volume");
    screen_click(s, "Set Computer Name");
    screen_click(s, "Apply");
    assert_string_equal(s->told, "");
    text = fake_file_text(f, V2_CONFIG);
    assert_null(strstr(text, "startSsm"));
    assert_non_null(strstr(text, "writeFile"));
    assert_non_null(strstr(text, "destination: C:\\a.txt"));
    assert_non_null(strstr(text, "setHostName"));
    assert_true(strstr(text, "stage: boot") < strstr(text, "stage: preReady"));
    screen_free(s);
    fake_free(f);
}

static void version_two_writes_each_kind_of_task(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    char *first;
    (void)unused;

    s = screen_new(&dialog_v2, f); /* no file: an empty one is made */
    assert_string_equal(fake_file_text(f, V2_CONFIG), "version: 1.1\nconfig: []\n");
    screen_click(s, "Add DNS suffixes");
    s->ui.set_text(&s->ui, screen_edit(&dialog_v2, DIALOG_MEMO), "corp.example\n$REGION.x\n");
    screen_click(s, "Set Administrator Account");
    screen_click(s, "Specify");
    s->ui.set_text(&s->ui, screen_edit(&dialog_v2, DIALOG_SECRET), "Correct-Horse-9");
    screen_click(s, "Initialize volumes");
    screen_click(s, "Devices");
    for (size_t i = 0; i < dialog_v2.items_n; i++)
        if (dialog_v2.items[i].kind == DIALOG_MEMO && dialog_v2.items[i].tab == 3)
            s->ui.set_text(&s->ui, dialog_v2.items[i].id, "xvdf, My Data, M, gpt\nxvdg,,N\n");
    screen_click(s, "Apply");
    assert_string_equal(s->told, "");
    first = str_dup(fake_file_text(f, V2_CONFIG));
    assert_non_null(strstr(first, "corp.example"));
    assert_non_null(strstr(first, "type: static"));
    assert_non_null(strstr(first, "Correct-Horse-9"));
    assert_non_null(strstr(first, "name: My Data"));
    assert_true(fake_called(f, "file_protect " V2_CONFIG));
    screen_free(s);
    s = screen_new(&dialog_v2, f); /* and reads it again: OK writes nothing new */
    screen_click(s, "OK");
    assert_string_equal(fake_file_text(f, V2_CONFIG), first);
    free(first);
    screen_free(s);
    fake_free(f);
}

static void version_two_refuses_wrong_words_and_broken_files(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    struct err e = { 0 };
    (void)unused;

    fake_file(f, V2_CONFIG, v2_text);
    s = screen_new(&dialog_v2, f);
    screen_click(s, "Set Computer Name");
    s->ui.set_text(&s->ui, screen_edit(&dialog_v2, DIALOG_EDIT), "bad name!");
    screen_click(s, "OK");
    assert_false(s->closed);
    assert_true(s->told[0]);
    assert_string_equal(fake_file_text(f, V2_CONFIG), v2_text);
    screen_free(s);
    fake_file(f, V2_CONFIG, "version: 1.1\nconfig:\n  - stage: nowhere\n");
    assert_null(screen_open(&dialog_v2, f, &e));
    assert_true(str_starts(e.msg, "Unable to parse configuration file agent-config.yml. Review "
                                  "configuration file. Exiting application."));
    fake_free(f);
}

/* S-16, S-62, S-63 */
static void version_two_has_both_shutdowns(void **unused)
{
    struct fake *f = fake_new();
    struct screen *s;
    (void)unused;

    fake_file(f, V2_CONFIG, v2_text);
    ready_for_sysprep(f, V2_ANSWER, "sysprep/files/unattend.xml");
    s = screen_new(&dialog_v2, f);
    screen_click(s, "Shutdown with Sysprep");
    assert_false(fake_called(f, "run"));
    s->answer = true;
    screen_click(s, "Shutdown with Sysprep");
    assert_true(fake_called(f, V2_PROGRAM " sysprep --shutdown=true\n"));
    assert_false(fake_called(f, "power_off"));
    screen_click(s, "Shutdown without Sysprep");
    assert_true(fake_when(f, "power_off off") > fake_when(f, V2_PROGRAM " reset\n"));
    assert_int_equal(fake_count(f, " sysprep "), 1);
    screen_free(s);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_control_has_a_label_of_its_own),
        cmocka_unit_test(every_letter_of_a_page_is_there_once),
        cmocka_unit_test(each_box_of_version_one_changes_exactly_its_key),
        cmocka_unit_test(version_one_stores_a_specified_password_in_clear),
        cmocka_unit_test(version_one_asks_then_schedules_then_runs_sysprep),
        cmocka_unit_test(what_stands_in_syspreps_way_is_told_first),
        cmocka_unit_test(ec2config_changes_nothing_by_cancel),
        cmocka_unit_test(ec2config_switches_the_wallpaper),
        cmocka_unit_test(ec2config_carries_out_the_option_and_runs_sysprep),
        cmocka_unit_test(ec2config_switches_hibernation),
        cmocka_unit_test(ec2config_letters_are_lines),
        cmocka_unit_test(version_two_keeps_what_it_does_not_show),
        cmocka_unit_test(version_two_writes_each_kind_of_task),
        cmocka_unit_test(version_two_refuses_wrong_words_and_broken_files),
        cmocka_unit_test(version_two_has_both_shutdowns),
    };
    return test_run(tests);
}
