/* SPDX-License-Identifier: Apache-2.0 */
/* Settings files of v1: what is shipped, what is refused and where, what an edit changes. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "sysprep/fake-sysprep.h"
#include "v1/v1.h"

#define PATH "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Config\\LaunchConfig.json"

static struct fake *machine(const char *text)
{
    struct fake *f = fake_new();

    fake_file(f, PATH, text);
    return f;
}

/* As a package lays it down. */
static char *with_crlf(const char *text)
{
    struct str s = STR_INIT(8192);

    for (; *text; text++) {
        if (*text == '\n')
            str_addc(&s, '\r');
        str_addc(&s, *text);
    }
    return str_take(&s);
}

/* S-88 */
static void shipped_settings_are_the_documented_defaults(void **unused)
{
    char *text = fake_shipped("v1/files/Config/LaunchConfig.json");
    struct fake *f = machine(text);
    struct v1_config c = { 0 }, none = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_false(c.on[V1_COMPUTER_NAME]);
    for (int i = V1_MONITOR; i < V1_SWITCH_MAX; i++)
        assert_true(c.on[i]);
    assert_int_equal(c.type, V1_PASSWORD_RANDOM);
    assert_string_equal(c.password, "");
    assert_int_equal(f->win.file_delete(&f->win, PATH, &e), 0);
    assert_int_equal(v1_config_load(&f->win, &none, &e), -ENOENT);
    assert_memory_equal(none.on, c.on, sizeof(c.on));
    assert_int_equal(none.type, c.type);
    v1_config_done(&c);
    fake_free(f);
    free(text);
}

/* S-77: every box, on and off */
static void one_edit_changes_exactly_its_key(void **unused)
{
    char *text = fake_shipped("v1/files/Config/LaunchConfig.json");
    (void)unused;

    for (int s = 0; s < V1_SWITCH_MAX; s++) {
        struct fake *f = machine(text);
        struct v1_config c = { 0 };
        struct err e = { 0 };
        bool was;
        assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
        was = c.on[s];
        assert_int_equal(v1_config_set(&c, (enum v1_switch)s, !was, &e), 0);
        assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
        v1_config_done(&c);
        assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
        assert_int_equal(c.on[s], !was);
        assert_int_equal(v1_config_set(&c, (enum v1_switch)s, was, &e), 0);
        assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
        assert_string_equal(fake_file_text(f, PATH), text); /* and back, byte for byte */
        v1_config_done(&c);
        fake_free(f);
    }
    free(text);
}

static void keys_that_are_none_of_ours_stay(void **unused)
{
    struct fake *f = machine("{\"SETCOMPUTERNAME\": \"true\", \"own\": [1, {\"a\": null}],"
                             "\"setWallpaper\":false,\"addDnsSuffixList\":false,"
                             "\"extendBootVolumeSize\":false,\"adminPasswordType\":\"donothing\"}");
    struct v1_config c = { 0 };
    struct err e = { 0 };
    const char *text;
    (void)unused;

    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_true(c.on[V1_COMPUTER_NAME]);
    assert_false(c.on[V1_USER_DATA]); /* missing means off */
    assert_int_equal(c.type, V1_PASSWORD_NOTHING);
    assert_int_equal(v1_config_set(&c, V1_WALLPAPER, true, &e), 0);
    assert_int_equal(v1_config_set_password(&c, V1_PASSWORD_SPECIFY, "Abc\"1", &e), 0);
    assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
    text = fake_file_text(f, PATH);
    assert_non_null(strstr(text, "\"own\""));
    assert_non_null(strstr(text, "\"SETCOMPUTERNAME\": \"true\""));
    assert_non_null(strstr(text, "\"adminPassword\": \"Abc\\\"1\"")); /* S-80: clear */
    assert_non_null(strstr(text, "\"adminPasswordType\": \"Specify\""));
    assert_true(fake_is_private(f, PATH));
    v1_config_done(&c);
    fake_free(f);
}

static int (*fake_write)(struct win *w, const char *path, const void *p, size_t n, struct err *e);

static int secrets_go_into_private_files(struct win *w, const char *path, const void *p, size_t n,
                                         struct err *e)
{
    if (strstr(p, "Correct-Horse-9") && !fake_is_private(fake_of(w), path))
        fail_msg("'%s' gets the password while everybody may read it", path);
    return fake_write(w, path, p, n, e);
}

/* S-80: nobody but administrators may read it, not even for a moment; without it all may again */
static void a_password_is_written_into_a_private_file_only(void **unused)
{
    char *shipped = fake_shipped("v1/files/Config/LaunchConfig.json");
    (void)unused;

    for (int with_file = 0; with_file <= 1; with_file++) {
        struct fake *f = with_file ? machine(shipped) : fake_new();
        struct v1_config c = { 0 };
        struct err e = { 0 };
        fake_write = f->win.file_write;
        f->win.file_write = secrets_go_into_private_files;
        (void)v1_config_load(&f->win, &c, &e);
        err_clear(&e);
        assert_int_equal(v1_config_set_password(&c, V1_PASSWORD_SPECIFY, "Correct-Horse-9", &e), 0);
        assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
        v1_config_done(&c);
        assert_non_null(strstr(fake_file_text(f, PATH), "Correct-Horse-9"));
        assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
        assert_int_equal(v1_config_set_password(&c, V1_PASSWORD_RANDOM, "", &e), 0);
        assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
        assert_false(fake_is_private(f, PATH));
        v1_config_done(&c);
        fake_free(f);
    }
    free(shipped);
}

static void line_ends_stay_as_they_were(void **unused)
{
    char *shipped = fake_shipped("v1/files/Config/LaunchConfig.json");
    char *crlf = with_crlf(shipped);
    struct fake *f = machine(crlf);
    struct v1_config c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_int_equal(v1_config_set(&c, V1_DNS, false, &e), 0);
    assert_int_equal(v1_config_set(&c, V1_DNS, true, &e), 0);
    assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
    assert_string_equal(fake_file_text(f, PATH), crlf);
    v1_config_done(&c);
    fake_free(f);
    free(crlf);
    free(shipped);
}

static void settings_without_a_file_can_be_written(void **unused)
{
    struct fake *f = fake_new();
    struct v1_config c = { 0 };
    struct err e = { 0 };
    char *shipped = fake_shipped("v1/files/Config/LaunchConfig.json");
    char *text = with_crlf(shipped);
    (void)unused;

    free(shipped);

    assert_int_equal(v1_config_load(&f->win, &c, &e), -ENOENT);
    err_clear(&e);
    assert_int_equal(v1_config_set(&c, V1_MONITOR, true, &e), 0);
    assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
    assert_string_equal(fake_file_text(f, PATH), text);
    v1_config_done(&c);
    fake_free(f);
    free(text);
}

#define GOOD_HEAD                                                                                  \
    "{\"setComputerName\":false,\"setWallpaper\":true,\"addDnsSuffixList\":true,"                  \
    "\"extendBootVolumeSize\":true,\n"

static void a_wrong_word_is_refused_with_its_place(void **unused)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        { "", "f.json:1:1: " },
        { "{\"setWallpaper\":true,\n\"SETWALLPAPER\":false}",
          "f.json:2:16: the key 'SETWALLPAPER' stands here a second time, first as "
          "'setWallpaper'" },
        { "[]", "f.json:1:1: a list stands where settings are expected" },
        { "{}", "f.json:1:1: the key 'setComputerName' is missing" },
        { GOOD_HEAD "\"adminPasswordType\": \"Randon\"}",
          "f.json:2:22: 'adminPasswordType' is 'Randon': Random, Specify, DoNothing or Encrypted "
          "is expected" },
        { GOOD_HEAD "\"adminPasswordType\": 3}",
          "f.json:2:22: 'adminPasswordType' is '3': Random, Specify, DoNothing or Encrypted is "
          "expected" },
        { GOOD_HEAD "\"handleUserData\": \"yes\",\"adminPasswordType\":\"Random\"}",
          "f.json:2:19: 'handleUserData' is neither true nor false" },
        { GOOD_HEAD "\"adminPassword\": 7,\"adminPasswordType\":\"Random\"}",
          "f.json:2:18: 'adminPassword' is a number, not a text" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct v1_config c = { 0 };
        struct err e = { 0 };
        assert_true(v1_config_parse("f.json", bad[i].text, strlen(bad[i].text), &c, &e) < 0);
        if (*bad[i].text)
            assert_string_equal(e.msg, bad[i].message);
        else /* an empty file, in the parser's words */
            assert_memory_equal(e.msg, bad[i].message, strlen(bad[i].message));
        assert_null(c.tree);
    }
}

static void lists_are_read_and_refused_by_place(void **unused)
{
    static const char letters[] =
        "{\"driveLetterMapping\":[{\"volumeName\":\"Sample Volume\",\"driveLetter\":\"DD\"}]}";
    static const char events[] = "{\"events\":[{\"logName\":\"System\",\"numEntries\":1000}]}";
    static const char level[] =
        "{\"events\":[{\"logName\":\"System\",\"level\":\"Bad\",\"numEntries\":3}]}";
    struct v1_letter *l = NULL;
    struct v1_event *v = NULL;
    struct err e = { 0 };
    size_t n = 0;
    char *text = fake_shipped("v1/files/Config/DriveLetterMappingConfig.json");
    (void)unused;

    assert_int_equal(v1_letters_parse("d.json", text, strlen(text), &l, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_string_equal(l[0].volume, "Sample Volume");
    assert_string_equal(l[0].letter, "D");
    free(l);
    free(text);
    assert_true(v1_letters_parse("d.json", letters, sizeof(letters) - 1, &l, &n, &e) < 0);
    assert_string_equal(e.msg, "d.json:1:68: 'driveLetter' is 'DD': one letter is expected");
    err_clear(&e);

    text = fake_shipped("v1/files/Config/EventLogConfig.json");
    assert_int_equal(v1_events_parse("e.json", text, strlen(text), &v, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_string_equal(v[0].log, "System");
    assert_string_equal(v[0].source, "");
    assert_string_equal(v[0].level, "Error");
    assert_int_equal(v[0].count, 3);
    free(v);
    free(text);
    assert_true(v1_events_parse("e.json", events, sizeof(events) - 1, &v, &n, &e) < 0);
    assert_string_equal(e.msg, "e.json:1:45: 'numEntries' is not a number from 1 to 999");
    err_clear(&e);
    assert_true(v1_events_parse("e.json", level, sizeof(level) - 1, &v, &n, &e) < 0);
    assert_string_equal(e.msg, "e.json:1:40: 'level' is 'Bad': Error, Warning, Information or "
                               "nothing is expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_settings_are_the_documented_defaults),
        cmocka_unit_test(one_edit_changes_exactly_its_key),
        cmocka_unit_test(keys_that_are_none_of_ours_stay),
        cmocka_unit_test(a_password_is_written_into_a_private_file_only),
        cmocka_unit_test(line_ends_stay_as_they_were),
        cmocka_unit_test(settings_without_a_file_can_be_written),
        cmocka_unit_test(a_wrong_word_is_refused_with_its_place),
        cmocka_unit_test(lists_are_read_and_refused_by_place),
    };
    return test_run(tests);
}
