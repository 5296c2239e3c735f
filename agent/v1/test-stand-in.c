/* SPDX-License-Identifier: Apache-2.0 */
/* A whole machine of Wine's making (tools/wine-guest) has stand-ins for PowerShell and for the task
 * scheduler. They understand what v1 ships and registers, and nothing else. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "engine/schedule.h"
#include "stand-in/at-boot.h"
#include "stand-in/thin.h"
#include "sysprep/fake-sysprep.h"

#define ARGS_MAX 3U

/* "PROGRAM|word|word" of a shipped file, or the refusal. */
static const char *told(const char *text, const char *const *args, char ret[600])
{
    struct thin_call call = { 0 };
    struct err e = { 0 };
    size_t n = 0;

    while (n < ARGS_MAX && args[n])
        n++;
    if (thin_read("f.ps1", text, strlen(text), args, n, &call, &e) < 0) {
        assert_int_equal(call.n, 0);
        (void)snprintf(ret, 600, "%s", e.msg);
        return ret;
    }
    (void)snprintf(ret, 600, "%s", call.program);
    for (size_t i = 0; i < call.n; i++)
        (void)snprintf(ret + strlen(ret), 600 - strlen(ret), "|%s", call.words[i]);
    thin_call_done(&call);
    return ret;
}

#define PROGRAM "..\\Library\\Ec2Launch.exe|"
#define MISSING "an argument is missing"

static void every_shipped_file_passes_its_switches_on(void **unused)
{
    static const struct {
        const char *file, *args[ARGS_MAX], *want;
    } rows[] = {
        { "Scripts/InitializeInstance.ps1", { NULL }, PROGRAM "initialize-instance" },
        { "Scripts/InitializeInstance.ps1",
          { "-Schedule" },
          PROGRAM "initialize-instance|-Schedule" },
        { "Scripts/InitializeInstance.ps1",
          { "-keepschedule" },
          PROGRAM "initialize-instance|-KeepSchedule" },
        { "Scripts/InitializeDisks.ps1",
          { "-EnableTrim", "-Schedule" },
          PROGRAM "initialize-disks|-Schedule|-EnableTrim" },
        { "Scripts/SendEventLogs.ps1", { NULL }, PROGRAM "send-event-logs" },
        { "Scripts/SendWindowsIsReady.ps1", { NULL }, PROGRAM "send-windows-is-ready" },
        { "Scripts/SetAdminPasswordConfig.ps1", { NULL }, PROGRAM "set-admin-password-config" },
        { "Scripts/SetAdminPasswordConfig.ps1", { "x" }, "f.ps1:7:1: it takes no argument: x" },
        { "Scripts/SysprepInstance.ps1",
          { "-NoShutdown" },
          PROGRAM "sysprep-instance|-NoShutdown" },
        { "Scripts/SysprepInstance.ps1",
          { "-Now" },
          "f.ps1:10:1: no parameter takes the argument: -Now" },
        { "Sysprep/Randomize-LocalAdminPassword.ps1",
          { "Administrator", "-Inactive" },
          PROGRAM "randomize-password|Administrator|-Inactive" },
        { "Sysprep/Randomize-LocalAdminPassword.ps1",
          { NULL },
          "f.ps1:8:1: an argument is missing: Username" },
        { "install.ps1",
          { NULL },
          "f.ps1:11:1: not the form of the agent's own files: "
          "if ($PSBoundParameters.ContainsKey('EnableTelemetry')) {" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake *f = fake_new();
        struct str path = STR_INIT(256);
        char got[600];
        str_addf(&path, "v1/files/%s", rows[i].file);
        fake_ship(f, "C:\\f.ps1", str_text(&path));
        assert_string_equal(told(fake_file_text(f, "C:\\f.ps1"), rows[i].args, got), rows[i].want);
        str_done(&path);
        fake_free(f);
    }
}

static void any_other_line_is_refused(void **unused)
{
    static const char *const no_args[] = { NULL };
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "it ends too early" },
        { "Get-Date\n", "f.ps1:1:1: not the form of the agent's own files: Get-Date" },
        { "& (Join-Path $PSScriptRoot 'a.exe') 'x'\n", "it ends too early" },
        { "& (Join-Path $PSScriptRoot 'a.exe') 'x'; rm y\nexit $LASTEXITCODE\n",
          "1:1: not the form" },
        { "& (Join-Path $PSScriptRoot 'a b.exe') 'x'\nexit $LASTEXITCODE\n", "1:1: not the form" },
        { "& (Join-Path $PSScriptRoot 'a.exe') 'x'\nexit $LASTEXITCODE\nrm y\n",
          "3:1: not the form" },
        { "param(\n[switch] $A,\n[switch] $a\n)\n", "3:1: a parameter too many" },
        { "param(\n[switch] $A\n)\n$arguments = @('v', $A)\n", "4:1: no text has the name: A" },
        { "param(\n)\n$arguments = @('v')\nif ($B) { $arguments += '-B' }\n",
          "4:1: no switch has" },
    };
    char got[600], long_line[700];
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strstr(told(rows[i].text, no_args, got), rows[i].want))
            fail_msg("row %zu: '%s' without '%s'", i, got, rows[i].want);
    memset(long_line, '#', sizeof(long_line) - 1);
    long_line[sizeof(long_line) - 1] = '\0';
    assert_non_null(strstr(told(long_line, no_args, got), "1:1: a line is too long"));
}

static char *registered(const char *delay)
{
    const struct schedule s = { "A task", "cmd.exe", "/C \"a b\" -Arg", delay };
    struct err e = { 0 };
    char *xml = schedule_xml(&s, &e);

    assert_non_null(xml);
    return xml;
}

static void registered_tasks_run_at_the_start_as_system(void **unused)
{
    _cleanup_free_ char *plain = registered(NULL), *later = registered("PT3M");
    _cleanup_free_ char *first = NULL, *second = NULL;
    unsigned delay = 7;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(at_boot_command("t", plain, &first, &delay, &e), 1);
    assert_string_equal(first, "cmd.exe /C \"a b\" -Arg");
    assert_int_equal(delay, 0);
    assert_int_equal(at_boot_command("t", later, &second, &delay, &e), 1);
    assert_int_equal(delay, 180);
}

static void a_task_of_another_kind_is_not_run(void **unused)
{
    static const struct {
        const char *word, *other;
        int want;
    } rows[] = {
        { "S-1-5-18", "S-1-5-19", 0 },
        { "BootTrigger", "LogonTrigger", 0 },
        { "<Triggers><BootTrigger><Enabled>true", "<Triggers><BootTrigger><Enabled>no", 0 },
        { "<Enabled>true</Enabled>\n", "<Enabled>false</Enabled>\n", 0 },
        { "PT3M", "P3D", -1 },
        { "PT3M", "PT99M", -1 },
        { "Exec>", "ComHandler>", -1 },
        { "</Task>", "", -1 },
    };
    _cleanup_free_ char *xml = registered("PT3M");
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_str_ struct str s = STR_INIT(KIB(16));
        _cleanup_free_ char *got = NULL;
        const char *p = xml;
        struct err e = { 0 };
        unsigned delay = 7;
        int r;
        for (const char *at; (at = strstr(p, rows[i].word)); p = at + strlen(rows[i].word)) {
            str_add_mem(&s, p, (size_t)(at - p));
            str_add(&s, rows[i].other);
        }
        assert_ptr_not_equal(p, xml);
        str_add(&s, p);
        r = at_boot_command("t", str_text(&s), &got, &delay, &e);
        if ((r < 0) != (rows[i].want < 0) || r > 0)
            fail_msg("row %zu: %d", i, r);
        assert_null(got);
        assert_int_equal(delay, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_file_passes_its_switches_on),
        cmocka_unit_test(any_other_line_is_refused),
        cmocka_unit_test(registered_tasks_run_at_the_start_as_system),
        cmocka_unit_test(a_task_of_another_kind_is_not_run),
    };
    return test_run(tests);
}
