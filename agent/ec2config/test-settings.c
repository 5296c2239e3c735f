/* SPDX-License-Identifier: Apache-2.0 */
/* Settings files of EC2Config: what is shipped, what edits change, what is refused and where. */
#include "lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ec2config/config.h"
#include "sysprep/fake-sysprep.h"

#define DIR "C:\\Program Files\\Amazon\\Ec2ConfigService\\Settings\\"

static void put(struct fake *f, const char *name)
{
    char path[512], source[512];

    snprintf(path, sizeof(path), DIR "%s", name);
    snprintf(source, sizeof(source), "ec2config/files/Settings/%s", name);
    fake_ship(f, path, source);
}

static struct fake *machine(void)
{
    static const char *const files[] = {
        "Config.xml",
        "BundleConfig.xml",
        "EventLogConfig.xml",
        "DriveLetterConfig.xml",
        "ActivationSettings.xml",
        "WallpaperSettings.xml",
        "InitializeDrivesSettings.xml",
    };
    struct fake *f = fake_new();

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        put(f, files[i]);
    return f;
}

static void shipped_plugins_have_the_documented_states(void **unused)
{
    static const struct {
        const char *name;
        bool on;
    } rows[] = {
        { "Ec2SetPassword", true },
        { "Ec2SetComputerName", false },
        { "Ec2InitializeDrives", true },
        { "Ec2EventLog", false },
        { "Ec2ConfigureRDP", false },
        { "Ec2OutputRDPCert", true },
        { "Ec2SetDriveLetter", true },
        { "Ec2WindowsActivate", true },
        { "Ec2DynamicBootVolumeSize", true },
        { "Ec2HandleUserData", true },
        { "Ec2ElasticGpuSetup", true },
        { "Ec2FeatureLogging", true },
        { "AWS.EC2.Windows.CloudWatch.PlugIn", false },
    };
    struct fake *f = machine();
    struct config_file c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(config_file_load(&f->win, &c, &e), 0);
    assert_int_equal(c.plugins_n, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (config_plugin_on(&c, rows[i].name) != rows[i].on)
            fail_msg("%s", rows[i].name);
    for (int i = 0; i < CONFIG_GLOBAL_MAX; i++)
        assert_true(c.global[i]);
    config_file_done(&c);
    fake_free(f);
}

/* S-111 to S-114 */
static void shipped_bundle_has_the_documented_values(void **unused)
{
    struct fake *f = machine();
    struct config_bundle b = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(config_bundle_load(&f->win, &b, &e), 0);
    assert_false(b.auto_sysprep);
    assert_false(b.set_rdp_certificate);
    assert_true(b.set_password);
    assert_string_equal(b.before,
                        "C:\\Program Files\\Amazon\\Ec2ConfigService\\Scripts\\BeforeSysprep.cmd");
    assert_string_equal(b.switches, "/oobe /generalize /shutdown");
    config_bundle_done(&b);
    assert_int_equal(config_check_all(&f->win, &e), 0);
    fake_free(f);
}

static void one_state_changes_and_no_other_byte(void **unused)
{
    struct fake *f = machine();
    struct config_file c = { 0 };
    struct err e = { 0 };
    char *before = fake_shipped("ec2config/files/Settings/Config.xml");
    const char *after;
    char *at;
    (void)unused;

    assert_int_equal(config_file_load(&f->win, &c, &e), 0);
    assert_int_equal(config_plugin_set(&c, "ec2setpassword", false, &e), 0);
    assert_int_equal(config_global_set(&c, CONFIG_ROUTES, true, &e), 0); /* it is: no change */
    assert_int_equal(config_file_save(&f->win, &c, &e), 0);
    after = fake_file_text(f, DIR "Config.xml");
    at = strstr(before, "<State>Enabled</State>");
    assert_memory_equal(before, after, (size_t)(at - before));
    assert_memory_equal(after + (at - before), "<State>Disabled</State>", 23);
    assert_string_equal(after + (at - before) + 23, at + 22);
    config_file_done(&c);
    free(before);
    fake_free(f);
}

static void a_plugin_that_is_missing_is_added(void **unused)
{
    static const char text[] = "<Ec2ConfigurationSettings/>";
    struct config_file c = { 0 };
    struct err e = { 0 };
    struct str out = STR_INIT(4096);
    (void)unused;

    assert_int_equal(config_file_parse("Config.xml", text, sizeof(text) - 1, &c, &e), 0);
    assert_int_equal(config_plugin_set(&c, "Ec2EventLog", true, &e), 0);
    assert_int_equal(config_global_set(&c, CONFIG_ROUTES, false, &e), 0);
    assert_int_equal(xmlfile_bytes(c.file, &out, &e), 0);
    config_file_done(&c);
    assert_int_equal(config_file_parse("Config.xml", out.p, out.len, &c, &e), 0);
    assert_true(config_plugin_on(&c, "Ec2EventLog"));
    assert_false(c.global[CONFIG_ROUTES]);
    assert_true(c.global[CONFIG_DNS_SUFFIX]);
    config_file_done(&c);
    str_done(&out);
}

/* written by people's scripts with another case and as siblings of nothing in particular */
static void global_settings_count_in_any_case_and_place(void **unused)
{
    static const char text[] =
        "<Ec2ConfigurationSettings><Plugins></Plugins><GlobalSettings>"
        "<RemoveCredentialsfromSysprepOnStartup>false</RemoveCredentialsfromSysprepOnStartup>"
        "</GlobalSettings></Ec2ConfigurationSettings>";
    struct config_file c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(config_file_parse("Config.xml", text, sizeof(text) - 1, &c, &e), 0);
    assert_false(c.global[CONFIG_REMOVE_CREDENTIALS]);
    config_file_done(&c);
}

static void last_message_time_is_read_and_written(void **unused)
{
    struct fake *f = machine();
    struct config_events *c = calloc(1, sizeof(*c));
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(config_events_load(&f->win, c, &e), 0);
    assert_int_equal(c->n, 1);
    assert_string_equal(c->list[0].category, "System");
    assert_string_equal(c->list[0].type, "Error");
    assert_int_equal(c->list[0].count, 3);
    assert_int_equal(c->list[0].last_ms, 946684800000ULL); /* 2000-01-01 */
    assert_int_equal(config_events_set_last(c, 0, 1767323045678ULL, &e), 0);
    assert_int_equal(config_events_save(&f->win, c, &e), 0);
    assert_non_null(strstr(fake_file_text(f, DIR "EventLogConfig.xml"),
                           "<LastMessageTime>2026-01-02T03:04:05.6780000+00:00</LastMessageTime>"));
    config_events_done(c);
    assert_int_equal(config_events_load(&f->win, c, &e), 0);
    assert_int_equal(c->list[0].last_ms, 1767323045678ULL);
    config_events_done(c);
    free(c);
    fake_free(f);
}

static void times_with_a_zone_are_utc_inside(void **unused)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-02T01:00:00+01:00", 86400000 },
        { "1999-12-31T19:00:00.5-05:00", 946684800500 },
        { "2024-02-29T12:00:00", 1709208000000 },
        { "2024-03-01T00:00:00.1234567+00:00", 1709251200123 },
        { "0001-01-01T00:00:00", 0 },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config_events *c = calloc(1, sizeof(*c));
        struct err e = { 0 };
        char text[512];
        int n = snprintf(text, sizeof(text),
                         "<EventLogConfig><Event><Category>A</Category><LastMessageTime>%s"
                         "</LastMessageTime></Event></EventLogConfig>",
                         rows[i].text);
        if (config_events_parse("e.xml", text, (size_t)n, c, &e) < 0)
            fail_msg("%s", e.msg);
        assert_int_equal(c->list[0].last_ms, rows[i].ms);
        config_events_done(c);
        free(c);
    }
}

static int parse_any(const char *kind, const char *text, struct err *e)
{
    size_t n = strlen(text);
    int r = -1;

    if (str_eq(kind, "config")) {
        struct config_file c = { 0 };
        r = config_file_parse("f.xml", text, n, &c, e);
    } else if (str_eq(kind, "bundle")) {
        struct config_bundle b = { 0 };
        r = config_bundle_parse("f.xml", text, n, &b, e);
    } else if (str_eq(kind, "events")) {
        static struct config_events v;
        r = config_events_parse("f.xml", text, n, &v, e);
    } else if (str_eq(kind, "letters")) {
        static struct config_letters l;
        r = config_letters_parse("f.xml", text, n, &l, e);
    } else if (str_eq(kind, "activation")) {
        static struct config_activation a;
        r = config_activation_parse("f.xml", text, n, &a, e);
    } else if (str_eq(kind, "drives")) {
        enum config_drives d;
        r = config_drives_parse("f.xml", text, n, &d, e);
    } else if (str_eq(kind, "wallpaper")) {
        static struct config_wallpaper p;
        r = config_wallpaper_parse("f.xml", text, n, &p, e);
    }
    return r;
}

/* S-181 */
static void a_wrong_value_is_refused_with_its_place(void **unused)
{
#define PLUGIN(name, state) "<Plugin><Name>" name "</Name><State>" state "</State></Plugin>"
    static const struct {
        const char *kind, *text, *message;
    } bad[] = {
        { "config", "<a/>", "f.xml:1:1: the root is 'a', not 'Ec2ConfigurationSettings'" },
        { "config",
          "<Ec2ConfigurationSettings><Plugins>\n<Plugin><Name>A</Name>\n<State>On</State></Plugin>"
          "</Plugins></Ec2ConfigurationSettings>",
          "f.xml:3:1: State is 'On': 'Enabled' or 'Disabled' is expected" },
        { "config",
          "<Ec2ConfigurationSettings><Plugins>\n" PLUGIN("A", "Enabled") "\n" PLUGIN(
              "a", "Enabled") "</Plugins></Ec2ConfigurationSettings>",
          "f.xml:3:1: plug-in 'a' is there twice" },
        { "config",
          "<Ec2ConfigurationSettings>\n<ShouldAddRoutes>ja</ShouldAddRoutes>"
          "</Ec2ConfigurationSettings>",
          "f.xml:2:1: ShouldAddRoutes is 'ja': 'true' or 'false' is expected" },
        { "bundle",
          "<BundleConfig>\n<Property><Name>SetPasswordAfterSysprep</Name>\n<Value>maybe</Value>"
          "</Property></BundleConfig>",
          "f.xml:3:1: Value is 'maybe': 'Yes' or 'No' is expected" },
        { "bundle",
          "<BundleConfig><Sysprep>\n<Switches>/oobe /format</Switches></Sysprep></BundleConfig>",
          "f.xml:2:1: '/format' is no switch of Sysprep" },
        { "events", "<EventLogConfig>\n<Event/></EventLogConfig>",
          "f.xml:2:1: an event without Category" },
        { "events",
          "<EventLogConfig><Event><Category>A</Category>\n<NumEntries>0</NumEntries></Event>"
          "</EventLogConfig>",
          "f.xml:2:1: NumEntries is '0': a number from 1 to 999 is expected" },
        { "letters",
          "<DriveLetterMapping><Mapping><VolumeName>A</VolumeName>\n<DriveLetter>MM:</DriveLetter>"
          "</Mapping></DriveLetterMapping>",
          "f.xml:2:1: DriveLetter is 'MM:': a letter and a colon are expected" },
        { "letters",
          "<DriveLetterMapping>\n<Mapping><VolumeName>A</VolumeName></Mapping>"
          "</DriveLetterMapping>",
          "f.xml:2:1: a mapping without DriveLetter" },
        { "activation", "<ActivationSettings>\n<DoActivate>1</DoActivate></ActivationSettings>",
          "f.xml:2:1: DoActivate is '1': 'true' or 'false' is expected" },
        { "activation",
          "<ActivationSettings>\n<TargetKMSServer>a &amp; b</TargetKMSServer>"
          "</ActivationSettings>",
          "f.xml:2:1: TargetKMSServer is no address or host name" },
        { "drives",
          "<InitializeDrivesSettings>\n<SettingsGroup>All</SettingsGroup>"
          "</InitializeDrivesSettings>",
          "f.xml:2:1: SettingsGroup is 'All': FormatWithTRIM, FormatWithoutTRIM or "
          "DisableInitializeDrives is expected" },
        { "wallpaper",
          "<WallpaperSettings>\n<WallpaperInformation><name>A</name><source>metadata</source>"
          "</WallpaperInformation></WallpaperSettings>",
          "f.xml:2:1: a row needs name, source and identifier" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };
        assert_true(parse_any(bad[i].kind, bad[i].text, &e) < 0);
        assert_string_equal(e.msg, bad[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_plugins_have_the_documented_states),
        cmocka_unit_test(shipped_bundle_has_the_documented_values),
        cmocka_unit_test(one_state_changes_and_no_other_byte),
        cmocka_unit_test(a_plugin_that_is_missing_is_added),
        cmocka_unit_test(global_settings_count_in_any_case_and_place),
        cmocka_unit_test(last_message_time_is_read_and_written),
        cmocka_unit_test(times_with_a_zone_are_utc_inside),
        cmocka_unit_test(a_wrong_value_is_refused_with_its_place),
    };
    return test_run(tests);
}
