/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the older agents become agent-config.yml. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "sysprep/fake-sysprep.h"
#include "v2/cli.h"
#include "v2/config.h"

#define CONFIG    "C:\\ProgramData\\Amazon\\EC2Launch\\config\\agent-config.yml"
#define V1_CONFIG "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Config\\LaunchConfig.json"
#define EC2CONFIG "C:\\Program Files\\Amazon\\Ec2ConfigService\\Settings\\Config.xml"

static void print(void *ctx, bool to_stderr, const char *text)
{
    (void)ctx;
    (void)to_stderr;
    fake_hear(NULL, text);
}

static int migrate(struct fake *f)
{
    struct v2_cli c = { .w = &f->win, .print = print };
    char *argv[] = { (char *)(uintptr_t) "EC2Launch.exe", (char *)(uintptr_t) "internal",
                     (char *)(uintptr_t) "migrate", NULL };

    fake_hush();
    return v2_cli(&c, 3, argv);
}

/* Valid settings, and which tasks they hold. */
static const char *written(struct fake *f)
{
    const char *text = fake_file_text(f, CONFIG);
    struct v2_config *c = NULL;
    struct err e = { 0 };

    assert_non_null(text);
    if (v2_config_parse("agent-config.yml", text, strlen(text), NULL, NULL, &c, &e) < 0)
        fail_msg("%s", e.msg);
    v2_config_free(c);
    return text;
}

static bool has(const char *text, const char *task)
{
    return strstr(text, task) != NULL;
}

static void defaults_of_version_one_are_the_defaults_here(void **unused)
{
    struct fake *f = fake_new();
    const char *text;
    (void)unused;

    fake_ship(f, V1_CONFIG, "v1/files/Config/LaunchConfig.json");
    fake_file(f, CONFIG, "mine");
    assert_int_equal(migrate(f), 0);
    text = written(f);
    assert_true(has(text, "extendRootPartition") && has(text, "setDnsSuffix") &&
                has(text, "setWallpaper") && has(text, "type: random") && has(text, "startSsm"));
    assert_false(has(text, "setHostName"));
    assert_string_equal(fake_file_text(f, CONFIG ".before"), "mine");
    assert_true(fake_called(f, "file_protect " CONFIG));
    fake_free(f);
}

static void each_switch_of_version_one_is_a_task(void **unused)
{
    struct fake *f = fake_new();
    const char *text;
    (void)unused;

    fake_file(f, V1_CONFIG,
              "{\"setComputerName\": true, \"setWallpaper\": false, \"addDnsSuffixList\": "
              "\"false\", \"extendBootVolumeSize\": false, \"adminPasswordType\": \"Specify\", "
              "\"adminPassword\": \"Corr\\\"ect: -Horse #9\\u00fc\"}");
    assert_int_equal(migrate(f), 0);
    text = written(f);
    assert_true(has(text, "setHostName") && has(text, "type: static"));
    assert_true(has(text, "data: \"Corr\\\"ect: -Horse #9"));
    assert_false(has(text, "setWallpaper") || has(text, "setDnsSuffix") ||
                 has(text, "extendRootPartition"));
    fake_file(f, V1_CONFIG, "{\"adminPasswordType\": \"Specify\", \"adminPassword\": \"\"}");
    assert_int_equal(migrate(f), 0);
    assert_true(has(written(f), "type: random")); /* it was used and wiped */
    fake_file(f, V1_CONFIG, "{\"adminPasswordType\": \"Perhaps\"}");
    assert_int_equal(migrate(f), 1);
    assert_non_null(strstr(fake_said(), "LaunchConfig.json:1:23: "));
    fake_free(f);
}

static void ec2configs_plugins_are_tasks_and_no_password_is_told(void **unused)
{
    struct fake *f = fake_new();
    const char *text;
    (void)unused;

    fake_ship(f, EC2CONFIG, "ec2config/files/Settings/Config.xml");
    assert_int_equal(migrate(f), 0);
    text = written(f);
    assert_true(has(text, "extendRootPartition") && has(text, "setDnsSuffix") &&
                has(text, "type: random"));
    assert_false(has(text, "setHostName"));
    assert_null(strstr(fake_said(), "warning"));
    fake_file(f, EC2CONFIG,
              "<Ec2ConfigurationSettings><Plugins>"
              "<Plugin><State>Disabled</State><Name>Ec2SetPassword</Name></Plugin>"
              "<Plugin><Name>Ec2SetComputerName</Name><State>Enabled</State></Plugin>"
              "<Plugin><Name>Ec2DynamicBootVolumeSize</Name><State>Disabled</State></Plugin>"
              "</Plugins><GlobalSettings><SetDnsSuffixList>false</SetDnsSuffixList>"
              "</GlobalSettings></Ec2ConfigurationSettings>");
    assert_int_equal(migrate(f), 0);
    text = written(f);
    assert_true(has(text, "setHostName") && has(text, "type: doNothing"));
    assert_false(has(text, "setDnsSuffix") || has(text, "extendRootPartition"));
    assert_non_null(strstr(fake_said(), "new instances get no password"));
    fake_free(f);
}

static void without_an_older_agent_nothing_is_written(void **unused)
{
    struct fake *f = fake_new();
    (void)unused;

    fake_file(f, CONFIG, "mine");
    assert_int_equal(migrate(f), 1);
    assert_non_null(strstr(fake_said(), "there are no settings of an older agent"));
    assert_string_equal(fake_file_text(f, CONFIG), "mine");
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_of_version_one_are_the_defaults_here),
        cmocka_unit_test(each_switch_of_version_one_is_a_task),
        cmocka_unit_test(ec2configs_plugins_are_tasks_and_no_password_is_told),
        cmocka_unit_test(without_an_older_agent_nothing_is_written),
    };
    return test_run(tests);
}
