/* SPDX-License-Identifier: Apache-2.0 */
/* Ec2WallpaperInfo.exe and the switch of it, over the recording Windows. */
#include "lib/test.h"

#include <string.h>

#include "ec2config/config.h"
#include "sysprep/fake-sysprep.h"

#define SETTINGS "C:\\Program Files\\Amazon\\Ec2ConfigService\\Settings\\WallpaperSettings.xml"
#define DESKTOP  "HKCU\\Control Panel\\Desktop"
#define OUR_KEY  "HKCU\\Software\\Amazon\\Ec2Config"
#define MINE     "C:\\Pictures\\mine.jpg"
#define SHORTCUT                                                                                   \
    "C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\StartUp\\Ec2WallpaperInfo.lnk"

static struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_ship(f, SETTINGS, "ec2config/files/Settings/WallpaperSettings.xml");
    fake_metadata_instance(f);
    fake_env(f, "COMPUTERNAME", "WIN-TEST");
    fake_reg_text(f, DESKTOP, "WallPaper", MINE);
    return f;
}

static int command(struct fake *f, const char *line)
{
    fake_hush();
    return config_wallpaper_main(&f->win, line, fake_hear, NULL);
}

/* As Windows does with the picture that is set. */
static void now_set(struct fake *f, const char *path)
{
    fake_reg_text(f, DESKTOP, "WallPaper", path);
}

static char *out_path(struct fake *f)
{
    struct err e = { 0 };

    return win_expand(&f->win, "%LOCALAPPDATA%\\Ec2Wallpaper_Info.jpg", &e);
}

static void rows_of_the_settings_are_drawn_over_the_users_picture(void **unused)
{
    struct fake *f = machine();
    char *out = out_path(f);
    struct str want = STR_INIT(1024);
    (void)unused;

    assert_int_equal(command(f, "Ec2WallpaperInfo.exe set"), 0);
    str_addf(&want, "picture_draw %s over " MINE, out);
    assert_true(fake_called(f, str_text(&want)));
    assert_true(str_starts(fake_file_text(f, out), "Hostname: WIN-TEST\nInstance ID: i-"));
    assert_true(fake_called(f, "picture_set "));
    /* a second logon draws over the user's picture again, not over ours */
    now_set(f, out);
    assert_int_equal(command(f, "Ec2WallpaperInfo.exe set"), 0);
    assert_int_equal(fake_count(f, str_text(&want)), 2);
    str_done(&want);
    free(out);
    fake_free(f);
}

static void lists_become_one_line_and_absent_values_none(void **unused)
{
    struct fake *f = machine();
    char *out = out_path(f);
    (void)unused;

    fake_file(f, SETTINGS,
              "<WallpaperSettings>"
              "<WallpaperInformation><name>Groups</name><source>metadata</source>"
              "<identifier>meta-data/security-groups</identifier></WallpaperInformation>"
              "<WallpaperInformation><name>Ghost</name><source>metadata</source>"
              "<identifier>meta-data/nowhere</identifier></WallpaperInformation>"
              "<WallpaperInformation><name>Nobody</name><source>EnvironmentVariable</source>"
              "<identifier>NO_SUCH_NAME</identifier></WallpaperInformation>"
              "</WallpaperSettings>");
    fake_metadata(f, "meta-data/security-groups", "web\ndb\n");
    assert_int_equal(command(f, "\"C:\\x y\\Ec2WallpaperInfo.exe\" SET"), 0);
    assert_string_equal(fake_file_text(f, out), "Groups: web, db\n");
    free(out);
    fake_free(f);
}

static void revert_brings_the_users_picture_back(void **unused)
{
    struct fake *f = machine();
    char *out = out_path(f);
    (void)unused;

    assert_int_equal(command(f, "Ec2WallpaperInfo.exe revert"), 0); /* never set: nothing to do */
    assert_false(fake_called(f, "picture_set"));
    assert_int_equal(command(f, "Ec2WallpaperInfo.exe set"), 0);
    now_set(f, out);
    assert_int_equal(command(f, "Ec2WallpaperInfo.exe revert"), 0);
    assert_true(fake_called(f, "picture_set " MINE "\n"));
    assert_null(fake_reg_get_text(f, OUR_KEY, "WallpaperBefore"));
    free(out);
    fake_free(f);
}

static void wrong_settings_and_words_are_refused(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(command(f, "Ec2WallpaperInfo.exe"), 2);
    assert_int_equal(command(f, "Ec2WallpaperInfo.exe paint"), 2);
    assert_non_null(strstr(fake_said(), "set | revert"));
    fake_file(f, SETTINGS, "<WallpaperSettings>\n<x/></WallpaperSettings>");
    assert_int_equal(command(f, "Ec2WallpaperInfo.exe set"), 1);
    assert_non_null(strstr(fake_said(), "WallpaperSettings.xml:2:1: "));
    assert_false(fake_called(f, "picture_"));
    fake_free(f);
}

static void a_fresh_install_turns_it_on_and_an_upgrade_leaves_it(void **unused)
{
    struct fake *f = machine();
    struct err e = { 0 };
    (void)unused;

    f->sys.major = 6;
    assert_int_equal(config_install(&f->win, false, &e), 0);
    assert_string_equal(fake_file_text(f, SHORTCUT),
                        "C:\\Program Files\\Amazon\\Ec2ConfigService\\Ec2WallpaperInfo.exe|set");
    assert_int_equal(config_wallpaper_is_on(&f->win, &e), 1);
    assert_int_equal(config_wallpaper_switch(&f->win, false, &e), 0);
    assert_int_equal(config_install(&f->win, false, &e), 0);
    assert_int_equal(config_wallpaper_is_on(&f->win, &e), 0);
    assert_int_equal(config_wallpaper_switch(&f->win, true, &e), 0);
    assert_int_equal(config_uninstall(&f->win, &e), 0);
    assert_null(fake_file_text(f, SHORTCUT));
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_settings_are_drawn_over_the_users_picture),
        cmocka_unit_test(lists_become_one_line_and_absent_values_none),
        cmocka_unit_test(revert_brings_the_users_picture_back),
        cmocka_unit_test(wrong_settings_and_words_are_refused),
        cmocka_unit_test(a_fresh_install_turns_it_on_and_an_upgrade_leaves_it),
    };
    return test_run(tests);
}
