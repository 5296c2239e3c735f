/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/dialect.h"
#include "lib/json.h"
#include "lib/zip.h"
#include "v2/userdata.h"

static void check(const void *p, size_t n, enum v2_userdata_form form, const char *json)
{
    struct v2_userdata u = { 0 };
    struct err e = { 0 };

    if (v2_userdata_parse(dialect_get(DIALECT_V2), p, n, NULL, &u, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(u.form, form);
    if (json) {
        _cleanup_str_ struct str out = STR_INIT(10000);

        json_write(&out, u.tasks, 0);
        assert_string_equal(str_text(&out), json);
    }
    v2_userdata_done(&u);
}

static void check_text(const char *text, enum v2_userdata_form form, const char *json)
{
    check(text, strlen(text), form, json);
}

static void check_refused(const char *text, const char *message)
{
    struct v2_userdata u = { 0 };
    struct err e = { 0 };

    assert_int_not_equal(v2_userdata_parse(dialect_get(DIALECT_V2), text, strlen(text), NULL, &u,
                                           &e),
                         0);
    assert_string_equal(e.msg, message);
}

static void tags_become_tasks_batch_first(void **state)
{
    check_text("<powershell>Get-Date</powershell>\n<script>ver</script>", V2_USERDATA_XML,
               "[{\"task\":\"executeScript\",\"inputs\":[{\"frequency\":\"once\",\"type\":"
               "\"batch\",\"runAs\":\"admin\",\"content\":\"ver\"},{\"frequency\":\"once\","
               "\"type\":\"powershell\",\"runAs\":\"admin\",\"content\":\"Get-Date\"}]}]");
    check_text("<powershell>x</powershell><persist>true</persist><detach>true</detach>"
               "<runAsLocalSystem>true</runAsLocalSystem>"
               "<powershellArguments>-ExecutionPolicy Bypass</powershellArguments>",
               V2_USERDATA_XML,
               "[{\"task\":\"executeScript\",\"inputs\":[{\"frequency\":\"always\",\"type\":"
               "\"powershell\",\"runAs\":\"localSystem\",\"content\":\"x\",\"arguments\":"
               "\"-ExecutionPolicy Bypass\",\"detach\":true}]}]");
}

static void a_tag_in_other_letters_is_none_in_v2(void **state)
{
    check_text("<PowerShell>x</PowerShell>", V2_USERDATA_NONE, NULL);
}

static void yaml_and_json_are_told_by_version(void **state)
{
    check_text("version: 1.1\ntasks:\n- task: startSsm\n", V2_USERDATA_YAML_1_1,
               "[{\"task\":\"startSsm\"}]");
    check_text("# mine\n---\ntasks:\nversion: \"1.0\"\n", V2_USERDATA_YAML_1_0, NULL);
    check_text("{\"version\": 1.0, \"tasks\": [{\"task\": \"startSsm\"}]}", V2_USERDATA_YAML_1_0,
               "[{\"task\":\"startSsm\"}]");
    check_text("\xef\xbb\xbfversion: 1.1\r\ntasks:\r\n", V2_USERDATA_YAML_1_1, NULL);
}

static void a_tag_inside_yaml_is_text(void **state)
{
    check_text("version: 1.1\ntasks:\n- task: writeFile\n  inputs:\n"
               "  - {frequency: once, destination: 'C:\\x', content: <script>a</script>}\n",
               V2_USERDATA_YAML_1_1, NULL);
}

static void a_zip_archive_is_unpacked(void **state)
{
    static const char text[] = "version: 1.1\ntasks:\n- task: startSsm\n";
    struct zip_writer z = ZIP_WRITER_INIT;
    struct err e = { 0 };

    zip_add(&z, "userdata.yml", text, sizeof text - 1);
    assert_int_equal(zip_end(&z, &e), 0);
    check(z.out.p, z.out.len, V2_USERDATA_YAML_1_1, "[{\"task\":\"startSsm\"}]");
    zip_writer_done(&z);
}

static void base64_around_it_is_taken_off(void **state)
{
    static const char text[] = "<script>ver</script>";
    _cleanup_str_ struct str s = STR_INIT(100);

    str_base64(&s, text, sizeof text - 1);
    check(s.p, s.len, V2_USERDATA_XML, NULL);
}

/* 60 KiB unpacked are the limit, in an archive and without. */
static void too_much_is_refused_by_its_size(void **state)
{
    for (size_t more = 0; more < 2; more++) {
        struct zip_writer z = ZIP_WRITER_INIT;
        struct v2_userdata u = { 0 };
        struct str s = STR_INIT(KIB(64));
        struct err e = { 0 };
        int r;

        str_add(&s, "<script>");
        while (s.len < V2_USERDATA_MAX + more - 9)
            str_addc(&s, 'x');
        str_add(&s, "</script>");
        zip_add(&z, "u.txt", s.p, s.len);
        assert_int_equal(zip_end(&z, &e), 0);
        r = v2_userdata_parse(dialect_get(DIALECT_V2), z.out.p, z.out.len, NULL, &u, &e);
        assert_int_equal(r, more ? -E2BIG : 0);
        assert_int_equal(u.form, more ? V2_USERDATA_NONE : V2_USERDATA_XML);
        v2_userdata_done(&u);
        err_clear(&e);
        r = v2_userdata_parse(dialect_get(DIALECT_V2), s.p, s.len, NULL, &u, &e);
        assert_int_equal(r, more ? -E2BIG : 0);
        if (more)
            assert_string_equal(e.msg, "user-data: 61441 bytes, more than 61440 are not read");
        v2_userdata_done(&u);
        zip_writer_done(&z);
        str_done(&s);
    }
}

static void other_text_is_no_user_data(void **state)
{
    check_text("", V2_USERDATA_NONE, NULL);
    check_text(" \r\n", V2_USERDATA_NONE, NULL);
    check_text("#!/bin/sh\necho\n", V2_USERDATA_NONE, NULL);
}

static void bytes_that_are_no_text_are_no_user_data(void **state)
{
    static const char gzip[] = "\x1f\x8b\x08\0\0\0\0\0";
    static const char cut[] = "<script>ver</script>\0<powershell>x</powershell>";

    check(gzip, sizeof gzip - 1, V2_USERDATA_NONE, NULL);
    check(cut, sizeof cut - 1, V2_USERDATA_NONE, NULL);
}

static void utf_16_is_read(void **state)
{
    static const char text[] =
        "\xff\xfev\0e\0r\0s\0i\0o\0n\0:\0 \0\x31\0.\0\x31\0\n\0t\0a\0s\0k\0s\0:\0\n";

    check(text, sizeof text, V2_USERDATA_YAML_1_1, NULL);
}

static void wrong_yaml_is_refused_with_its_place(void **state)
{
    check_refused("version: 1.1\n", "user-data:1:1: 'tasks' is missing");
    check_refused("version: 3\ntasks:\n",
                  "user-data:1:10: 1.0 or 1.1 expected for 'version', not '3'");
    check_refused("version: 1.1\ntasks:\n- task: setAdminAccount\n",
                  "user-data:3:9: the task 'setAdminAccount' cannot stand in user data; it can in: "
                  "preReady");
    check_refused("version: 1.1\ntasks:\n  - task: startSsm\n - task: sysprep\n",
                  "user-data:4:2: wrong indentation: 1 blanks, where 0 or fewer are expected");
    check_refused("version: 1.1\nconfig:\n", "user-data:2:1: unknown key 'config' in user-data");
    check_refused("{\"version\": 1.0, \"tasks\": [}", "user-data:1:28: a value expected, not '}'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_become_tasks_batch_first),
        cmocka_unit_test(a_tag_in_other_letters_is_none_in_v2),
        cmocka_unit_test(yaml_and_json_are_told_by_version),
        cmocka_unit_test(a_tag_inside_yaml_is_text),
        cmocka_unit_test(a_zip_archive_is_unpacked),
        cmocka_unit_test(base64_around_it_is_taken_off),
        cmocka_unit_test(too_much_is_refused_by_its_size),
        cmocka_unit_test(other_text_is_no_user_data),
        cmocka_unit_test(bytes_that_are_no_text_are_no_user_data),
        cmocka_unit_test(utf_16_is_read),
        cmocka_unit_test(wrong_yaml_is_refused_with_its_place),
    };

    return test_run(tests);
}
