/* SPDX-License-Identifier: Apache-2.0 */
/* The console's facts, wallpaper, scripts and user data's tags. */
#include "lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/facts.h"
#include "engine/fake.h"
#include "engine/userdata-run.h"
#include "engine/wallpaper.h"

#define NT "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
#define T  "2026/01/02 03:04:05Z: "

static struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_metadata_instance(f);
    fake_reg_text(f, "HKLM\\SOFTWARE\\Amazon\\MachineImage", "AMIVersion", "2026.01.01");
    fake_reg_text(f, "HKLM\\SOFTWARE\\Amazon\\MachineImage", "AMIName", "Base");
    fake_reg_text(f, NT, "ProductName", "Windows Server 2022 Datacenter");
    fake_reg_text(f, NT, "BuildLabEx", "20348.1.amd64fre.fe_release.210507-1500");
    fake_reg_text(f, NT, "CurrentBuild", "20348");
    fake_reg_text(f, NT, "ReleaseId", "2009");
    fake_reg_text(f, "HKLM\\SOFTWARE\\Amazon\\PVDriver", "Version", "8.4.3");
    fake_reg_text(f, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\AmazonSSMAgent", "Version",
                  "3.1.1");
    f->drivers[f->drivers_n++] = (struct win_driver){ .name = "Amazon Elastic Network Adapter",
                                                      .version = "2.4.0.0",
                                                      .provider = "Amazon Inc.",
                                                      .net = true };
    f->drivers[f->drivers_n++] = (struct win_driver){ .name = "Standard NVM Express Controller",
                                                      .version = "10.0.20348.1",
                                                      .inf = "stornvme.inf" };
    f->drivers[f->drivers_n++] = f->drivers[1];
    f->drivers[f->drivers_n++] = (struct win_driver){ .name = "Some Switch", .net = true };
    f->cert = (struct win_cert){ "WIN-FAKE", "0123456789ABCDEF0123456789ABCDEF01234567" };
    return f;
}

static void say_all(struct fake *f, enum dialect_id id)
{
    const struct dialect *d = dialect_get(id);
    struct imds *m = imds_new(&f->win, d);
    struct console *c = NULL;
    struct err e = { 0 };

    assert_int_equal(console_open(&f->win, NULL, 0, &c, &e), 0);
    facts_all(&f->win, m, c, d);
    facts_hibernation(&f->win, m, c, d);
    console_close(c);
    imds_free(m);
}

static void v2_tells_its_facts_in_order(void **unused)
{
    struct fake *f = machine();

    say_all(f, DIALECT_V2);
    assert_string_equal(str_text(&f->serial), T
                        "AMI Origin Version: 2026.01.01\r\n" T "AMI Origin Name: Base\r\n" T
                        "OS: Microsoft Windows NT 10.0.20348\r\n" T "OsVersion: 10.0\r\n" T
                        "OsProductName: Windows Server 2022 Datacenter\r\n" T
                        "OsBuildLabEx: 20348.1.amd64fre.fe_release.210507-1500\r\n" T
                        "OsCurrentBuild: 20348\r\n" T "OsReleaseId: 2009\r\n" T
                        "Language: en-US\r\n" T "TimeZone: Coordinated Universal Time\r\n" T
                        "Offset: UTC +0000\r\n" T "Launch: EC2 Launch v" AGENT_VERSION "\r\n" T
                        "AMI-ID: ami-0123456789abcdef0\r\n" T
                        "Instance-ID: i-0123456789abcdef0\r\n" T "Instance Type: m5.large\r\n" T
                        "Driver: Inbox NVMe Driver v10.0.20348.1\r\n" T
                        "Driver: AWS PV Driver Package v8.4.3\r\n" T
                        "Driver: Amazon Elastic Network Adapter v2.4.0.0\r\n" T
                        "HOSTNAME: WIN-FAKE\r\n" T "RDPCERTIFICATE-SUBJECTNAME: WIN-FAKE\r\n" T
                        "RDPCERTIFICATE-THUMBPRINT: 0123456789ABCDEF0123456789ABCDEF01234567\r\n" T
                        "SSM: Amazon SSM Agent v3.1.1\r\n" T "HibernationEnabled: false\r\n");
    fake_free(f);
}

/* The sample of the user guide. */
static void the_driver_of_aws_tells_its_setting_beneath(void **unused)
{
    static const char key[] =
        "HKLM\\SYSTEM\\CurrentControlSet\\Services\\AWSNVMe\\Parameters\\Device";

    for (uint32_t on = 0; on <= 1; on++) {
        struct fake *f = machine();
        char want[100];

        f->drivers[f->drivers_n++] = (struct win_driver){ "AWS NVMe Elastic Block Storage",
                                                          "1.6.0.35", "Amazon", "", false };
        if (on)
            fake_reg_u32(f, key, "EnableSCSIPersistentReservations", 1);
        say_all(f, DIALECT_V2);
        (void)snprintf(want, sizeof(want),
                       T "SubComponent: 1.6.0.35; EnableSCSIPersistentReservations: %u\r\n", on);
        assert_non_null(strstr(str_text(&f->serial), "Driver: AWS NVMe Driver v1.6.0.35\r\n"));
        assert_non_null(strstr(str_text(&f->serial), want));
        fake_free(f);
    }
}

static void v1_has_its_own_order_and_fallbacks(void **unused)
{
    struct fake *f = machine();
    const char *s;

    f->sys.sku = 13;
    fake_metadata(f, "meta-data/ami-id", NULL);
    fake_metadata(f, "meta-data/instance-type", NULL);
    fake_metadata(f, "meta-data/hibernation/configured", "true");
    fake_metadata(f, "dynamic/instance-identity/document",
                  "{\"billingProducts\":[\"bp-6ba54002\",\"bp-62a5400b\"]}");
    fake_reg_text(f, "HKLM\\SOFTWARE\\Microsoft\\Microsoft SQL Server\\Instance Names\\SQL",
                  "MSSQLSERVER", "MSSQL15.MSSQLSERVER");
    fake_reg_text(f, "HKLM\\SOFTWARE\\Microsoft\\Microsoft SQL Server\\MSSQL15.MSSQLSERVER\\Setup",
                  "EditionType", "Enterprise Edition");
    fake_reg_text(f, "HKLM\\SOFTWARE\\Microsoft\\Microsoft SQL Server\\MSSQL15.MSSQLSERVER\\Setup",
                  "PatchLevel", "15.0.1");
    fake_file(f, "C:\\Program Files\\Amazon\\AwsVssComponents\\deployment-manifest.json",
              "{ \"Version\" : \"1.3\" }");
    fake_fail(f, "hibernation", EIO, 1);
    say_all(f, DIALECT_V1);
    s = str_text(&f->serial);
    assert_non_null(strstr(s, T "OS: Microsoft Windows NT 10.0\r\n"));
    assert_non_null(strstr(s, T "OsInstallOption: Server Core\r\n"));
    assert_non_null(strstr(s, T "Offset: UTC 00:00:00\r\n" T "Unable to load AMI ID\r\n"));
    assert_non_null(strstr(s, T "Unable to load instance information\r\n" T
                                "SqlServerBilling: Enterprise\r\n" T
                                "SqlServerInstall: v15.0.1, Enterprise Edition\r\n"));
    assert_non_null(strstr(s, "Driver: AWS PV Driver Package v8.4.3 \r\n" T
                              "Driver: Amazon Elastic Network Adapter v2.4.0.0 \r\n" T
                              "Launch: EC2 Launch v" AGENT_VERSION "\r\n" T
                              "AWS VSS Version: 1.3\r\n" T "SSM: Amazon SSM Agent v3.1.1\r\n" T
                              "RDPCERTIFICATE-SUBJECTNAME: WIN-FAKE\r\n"));
    assert_non_null(strstr(s, T "HibernationEnabled: failed\r\n" T
                                "Message: Failed to enable hibernation, see instance logs"));
    fake_free(f);
}

static void ec2config_names_itself(void **unused)
{
    struct fake *f = machine();

    say_all(f, DIALECT_CONFIG);
    assert_non_null(
        strstr(str_text(&f->serial), T "EC2 Agent: Ec2Config service v" AGENT_VERSION "\r\n"));
    assert_null(strstr(str_text(&f->serial), "Launch: "));
    fake_free(f);
}

static void remote_desktop_is_started_for_its_certificate(void **unused)
{
    struct fake *f = machine();
    struct console *c = NULL;
    struct err e = { 0 };

    f->cert.thumbprint[0] = '\0';
    (void)fake_service(f, "TermService", WIN_SERVICE_STOPPED);
    fake_reg_u32(f,
                 "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\"
                 "RDP-Tcp",
                 "PortNumber", 3389);
    assert_int_equal(console_open(&f->win, NULL, 0, &c, &e), 0);
    facts_certificate(&f->win, c, true);
    assert_string_equal(str_text(&f->serial), T "HOSTNAME: WIN-FAKE\r\n");
    assert_int_equal(fake_find_service(f, "TermService")->state, WIN_SERVICE_RUNNING);
    assert_int_equal(f->tick_ms, 5000); /* and not waited for for ever */
    console_close(c);
    fake_free(f);
}

static void wallpaper_lines_hold_values_and_tags(void **unused)
{
    static const char *const words[] = { "hostName",     "instanceId", "publicIpAddress",
                                         "architecture", "memory",     "ipv6Address" };
    static const char *const allowed[] = { "Role" };
    struct fake *f = machine();
    struct imds *m = imds_new(&f->win, dialect_get(DIALECT_V2));
    struct wallpaper_lines l = { 0 };
    struct err e = { 0 };

    fake_metadata(f, "meta-data/tags/instance", "Name\nRole\nbad?x");
    fake_metadata(f, "meta-data/tags/instance/Name", "web");
    fake_metadata(f, "meta-data/tags/instance/Role", "builder");
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const struct wallpaper_row *row = wallpaper_attribute(words[i]);
        char *value = NULL;

        assert_true(wallpaper_attribute_value(&f->win, m, row, &value, &e) >= 0);
        assert_int_equal(wallpaper_line_add(&l, row->label, value, &e), 0);
        free(value);
    }
    assert_int_equal(wallpaper_add_tags(m, &l, allowed, 1, &e), 0);
    assert_int_equal(wallpaper_set(&f->win, NULL, "C:\\w.bmp", &l, &e), 0);
    assert_string_equal(fake_file_text(f, "C:\\w.bmp"),
                        "Hostname: WIN-FAKE\nInstance ID: i-0123456789abcdef0\n"
                        "Public IPv4 Address: 203.0.113.5\nArchitecture: AMD64\n"
                        "Total Memory: 4096 MB\nRole: builder\n");
    assert_true(fake_when(f, "picture_draw") < fake_when(f, "picture_set C:\\w.bmp"));
    assert_null(wallpaper_attribute("nonsense"));
    assert_true(wallpaper_attribute_is_old("network"));
    wallpaper_lines_done(&l);
    imds_free(m);
    fake_free(f);
}

static void each_user_gets_a_shortcut_and_loses_it(void **unused)
{
    static const char startup[] =
        "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup";
    struct fake *f = fake_new();
    struct err e = { 0 };
    char path[256];

    fake_file(f, "C:\\Users\\Administrator\\ntuser.dat", "");
    fake_file(f, "C:\\Users\\Public\\x", "");
    fake_file(f, "C:\\Users\\Default\\ntuser.dat", "");
    fake_file(f, "C:\\Users\\desktop.ini", "");
    assert_int_equal(wallpaper_shortcuts(&f->win, "setwallpaper.lnk", "C:\\a.exe", "wallpaper",
                                         false, NULL, &e),
                     0);
    (void)snprintf(path, sizeof(path), "C:\\Users\\Administrator\\%s\\setwallpaper.lnk", startup);
    assert_string_equal(fake_file_text(f, path), "C:\\a.exe|wallpaper");
    assert_int_equal(wallpaper_shortcuts(&f->win, "setwallpaper.lnk", NULL, NULL, false, NULL, &e),
                     0);
    assert_null(fake_file_text(f, path));
    assert_int_equal(wallpaper_shortcuts(&f->win, "Run.cmd", "C:\\a b.exe", "wallpaper", true, NULL,
                                         &e),
                     0);
    (void)snprintf(path, sizeof(path), "C:\\Users\\Administrator\\%s\\Run.cmd", startup);
    assert_non_null(fake_file_text(f, path));
    (void)snprintf(path, sizeof(path), "C:\\Users\\Public\\%s\\Run.cmd", startup);
    assert_null(fake_file_text(f, path));
    (void)snprintf(path, sizeof(path), "C:\\Users\\Default\\%s\\Run.cmd", startup);
    assert_string_equal(fake_file_text(f, path), "@start \"\" /b \"C:\\a b.exe\" wallpaper\r\n");
    fake_free(f);
}

static char seen_script[4096], seen_command[1024];

static void look_at(struct win *w, const struct win_run *r, const char *file)
{
    struct str path = STR_INIT(512);
    const char *text;

    str_addf(&path, "%s\\%s", r->folder, file);
    text = fake_file_text(fake_of(w), str_text(&path));
    (void)snprintf(seen_script, sizeof(seen_script), "%s", text ? text : "");
    (void)snprintf(seen_command, sizeof(seen_command), "%s", r->command);
    str_done(&path);
}

static void look_at_script(struct win *w, const struct win_run *r)
{
    look_at(w, r, "UserScript.ps1");
}

static void look_at_inputs(struct win *w, const struct win_run *r)
{
    look_at(w, r, "ExecuteProgramInputs.tmp");
}

static bool dir_left(struct fake *f, const char *folder)
{
    struct win_name there;
    struct err e = { 0 };

    return f->win.file_stat(&f->win, folder, &there, &e) == 1;
}

static void a_powershell_script_runs_and_its_files_stay(void **unused)
{
    struct fake *f = fake_new();
    struct script s = { .kind = SCRIPT_POWERSHELL,
                        .content = "exit 3010",
                        .content_n = 9,
                        .account = "Administrator",
                        .password = "secret" };
    struct script_result res = { 0 };
    struct err e = { 0 };

    fake_command(f, "C:\\Windows\\System32\\WindowsPowerShell\\", USERDATA_REBOOT, "\xff\xfeh\0i\0",
                 "warn", look_at_script);
    assert_int_equal(script_run(&f->win, dialect_get(DIALECT_V2), &s, NULL, &res, &e), 0);
    assert_int_equal(res.exit_code, 3010);
    assert_string_equal(res.err, "warn");
    assert_string_equal(seen_script, "\xef\xbb\xbf"
                                     "exit 3010");
    assert_non_null(strstr(seen_command, "powershell.exe -ExecutionPolicy Unrestricted -File \""
                                         "C:\\Windows\\system32\\config\\systemprofile\\AppData\\"
                                         "Local\\Temp\\EC2Launch"));
    assert_true(fake_called(f, "run as Administrator"));
    assert_true(fake_when(f, "file_protect") < fake_when(f, "UserScript.ps1"));
    assert_true(dir_left(f, res.folder));
    script_result_done(&res);
    fake_free(f);
}

/* Of a script, and older than a day before this start; the fake's files are of 1970. */
static void old_folders_of_scripts_are_swept(void **unused)
{
    static const char temp[] =
        "C:\\Windows\\system32\\config\\systemprofile\\AppData\\Local\\Temp\\";
    static const char *const names[] = { "EC2Launch0123456789", "EC2Launch012345678",
                                         "EC2Launch0123456789a", "EC2LaunchLogs",
                                         "Other0123456789" };

    for (int fresh = 0; fresh <= 1; fresh++) {
        struct fake *f = fake_new();

        if (fresh)
            f->now_ms = 80000000;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            char path[200];

            (void)snprintf(path, sizeof(path), "%s%s\\Output.tmp", temp, names[i]);
            fake_file(f, path, "x");
        }
        script_sweep(&f->win, dialect_get(DIALECT_V2), NULL);
        assert_int_equal(fake_count(f, "dir_delete"), !fresh);
        assert_int_equal(fake_count(f, "Temp\\EC2Launch0123456789\n"), !fresh);
        fake_free(f);
    }
}

static void without_the_password_it_is_local_system(void **unused)
{
    struct fake *f = fake_new();
    struct script s = {
        .kind = SCRIPT_BATCH, .content = "echo hi", .content_n = 7, .account = "Administrator"
    };
    struct script_result res = { 0 };
    struct err e = { 0 };

    fake_command(f, "C:\\Windows\\System32\\cmd.exe /C \"", 5, "hi\r\n", NULL, NULL);
    assert_int_equal(script_run(&f->win, dialect_get(DIALECT_V1), &s, NULL, &res, &e), 0);
    assert_false(fake_called(f, "run as"));
    assert_int_equal(res.exit_code, 5);
    assert_string_equal(res.out, "hi\r\n");
    /* v1 keeps its files */
    assert_string_equal(fake_file_text(f, "C:\\Windows\\system32\\config\\systemprofile\\AppData\\"
                                          "Local\\Temp\\Amazon\\EC2-Windows\\Launch\\"
                                          "InvokeUserData\\UserScript.bat"),
                        "echo hi");
    assert_string_equal(fake_file_text(f, "C:\\Windows\\Temp\\UserScript.bat"), "echo hi");
    assert_true(fake_called(f, "file_protect C:\\Windows\\Temp\\UserScript.bat"));
    assert_false(fake_called(f, "/C \"C:\\Windows\\Temp"));
    script_result_done(&res);
    fake_free(f);
}

static void a_detached_one_is_not_waited_for(void **unused)
{
    static const char *const args[] = { "-NoProfile", "-ExecutionPolicy Bypass" };
    struct fake *f = fake_new();
    struct script s = { .kind = SCRIPT_POWERSHELL,
                        .content = "x",
                        .content_n = 1,
                        .args = args,
                        .args_n = 2,
                        .detach = true };
    struct script_result res = { 0 };
    struct err e = { 0 };

    assert_int_equal(script_run(&f->win, dialect_get(DIALECT_V2), &s, NULL, &res, &e), 0);
    assert_true(fake_called(f, "run detached C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\"
                               "powershell.exe -NoProfile -ExecutionPolicy Bypass -File"));
    assert_false(fake_called(f, "dir_delete"));
    assert_int_equal(res.exit_code, 0);
    script_result_done(&res);
    fake_free(f);
}

static void a_program_gets_its_arguments_quoted(void **unused)
{
    static const char *const args[] = { "/q", "two words" };
    struct fake *f = fake_new();
    struct script s = {
        .kind = SCRIPT_PROGRAM, .program = "C:\\My Dir\\a.exe", .args = args, .args_n = 2
    };
    struct script_result res = { 0 };
    struct err e = { 0 };

    fake_command(f, "\"C:\\My Dir\\a.exe\"", 0, NULL, NULL, look_at_inputs);
    assert_int_equal(script_run(&f->win, dialect_get(DIALECT_V2), &s, NULL, &res, &e), 0);
    assert_string_equal(seen_script, "{\"path\": \"C:\\\\My Dir\\\\a.exe\", \"arguments\": "
                                     "[\"/q\", \"two words\"]}\n");
    assert_true(fake_called(f, "run \"C:\\My Dir\\a.exe\" /q \"two words\"\n"));
    script_result_done(&res);
    fake_fail(f, "run", ENOENT, 1);
    assert_int_equal(script_run(&f->win, dialect_get(DIALECT_V2), &s, NULL, &res, &e), -ENOENT);
    assert_string_equal(e.msg, "failed to run program: run: injected failure");
    fake_free(f);
}

static void tags_are_read_by_each_dialects_rules(void **unused)
{
    static const struct {
        const char *text;
        enum dialect_id id;
        int result;
        const char *powershell;
        bool persist, local, detach;
    } rows[] = {
        { "<powershell>\nGet-Date\n</powershell>\n<persist> TRUE </persist>", DIALECT_V2, 1,
          "\nGet-Date\n", true, false, false },
        { "<PowerShell>a</PowerShell>", DIALECT_V2, 0, NULL, false, false, false },
        { "<PowerShell>a</POWERSHELL>", DIALECT_V1, 1, "a", false, false, false },
        { "<powershell>a</powershell><detach>true</detach>"
          "<runAsLocalSystem>true</runAsLocalSystem>",
          DIALECT_V2, 1, "a", false, true, true },
        { "<powershell>a</powershell><detach>true</detach>", DIALECT_V1, 1, "a", false, false,
          false },
        { "<powershell>a</powershell><powershell>b</powershell>", DIALECT_V1, 0, NULL, false, false,
          false },
        { "<powershell>a</powershell><powershell>b</powershell>", DIALECT_V2, 1, "a", false, false,
          false },
        { "<powershell>echo '<persist>true</persist>'</powershell>", DIALECT_V2, 1,
          "echo '<persist>true</persist>'", false, false, false },
        { "<powershell>a", DIALECT_V2, 0, NULL, false, false, false },
        { "<persist>true</persist>", DIALECT_V1, 0, NULL, true, false, false },
        { "", DIALECT_V2, 0, NULL, false, false, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct userdata_tags t = { 0 };
        struct err e = { 0 };

        assert_int_equal(userdata_tags_parse(dialect_get(rows[i].id), rows[i].text,
                                             strlen(rows[i].text), &t, &e),
                         rows[i].result);
        if (rows[i].powershell)
            assert_string_equal(t.powershell, rows[i].powershell);
        else
            assert_null(t.powershell);
        assert_int_equal(t.persist, rows[i].persist);
        assert_int_equal(t.as_local_system, rows[i].local);
        assert_int_equal(t.detach, rows[i].detach);
        userdata_tags_done(&t);
    }
}

static void too_much_user_data_is_refused(void **unused)
{
    char *big = calloc(1, USERDATA_SCRIPT_MAX + 1);
    struct userdata_tags t = { 0 };
    struct err e = { 0 };

    assert_int_equal(userdata_tags_parse(dialect_get(DIALECT_V2), big, USERDATA_SCRIPT_MAX + 1, &t,
                                         &e),
                     -E2BIG);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_tells_its_facts_in_order),
        cmocka_unit_test(the_driver_of_aws_tells_its_setting_beneath),
        cmocka_unit_test(v1_has_its_own_order_and_fallbacks),
        cmocka_unit_test(ec2config_names_itself),
        cmocka_unit_test(remote_desktop_is_started_for_its_certificate),
        cmocka_unit_test(wallpaper_lines_hold_values_and_tags),
        cmocka_unit_test(each_user_gets_a_shortcut_and_loses_it),
        cmocka_unit_test(a_powershell_script_runs_and_its_files_stay),
        cmocka_unit_test(old_folders_of_scripts_are_swept),
        cmocka_unit_test(without_the_password_it_is_local_system),
        cmocka_unit_test(a_detached_one_is_not_waited_for),
        cmocka_unit_test(a_program_gets_its_arguments_quoted),
        cmocka_unit_test(tags_are_read_by_each_dialects_rules),
        cmocka_unit_test(too_much_user_data_is_refused),
    };

    return test_run(tests);
}
