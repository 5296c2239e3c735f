/* SPDX-License-Identifier: Apache-2.0 */
/* The command line against a Windows in memory. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/zip.h"
#include "sysprep/fake-sysprep.h"
#include "v2/cli.h"
#include "v2/config.h"
#include "v2/state.h"

#define ROOT     "C:\\ProgramData\\Amazon\\EC2Launch"
#define CONFIG   ROOT "\\config\\agent-config.yml"
#define PREVIOUS ROOT "\\state\\previous-state.json"
#define STATE    ROOT "\\state\\state.json"

#define RUNNING                                                                                    \
    "{\"schema\": 1, \"result\": \"running\", \"stages\": [{\"stage\": \"postReady\", "            \
    "\"result\": \"running\", \"tasks\": [{\"id\": \"postReady-executeScript-0\", "                \
    "\"frequency\": \"once\", \"status\": \"running\"}]}]}"

struct shell {
    struct fake *f;
    struct str out, err;
    bool busy;
};

static void print(void *ctx, bool to_stderr, const char *text)
{
    struct shell *s = ctx;

    str_add(to_stderr ? &s->err : &s->out, text);
}

static bool lock(void *ctx)
{
    struct shell *s = ctx;

    return !s->busy;
}

static bool locked(void *ctx)
{
    struct shell *s = ctx;

    return s->busy;
}

static struct shell *shell_new(void)
{
    struct shell *s = calloc(1, sizeof *s);

    s->f = fake_new();
    s->out.max = s->err.max = 100000;
    fake_metadata_instance(s->f);
    fake_file(s->f, CONFIG, v2_default_config);
    (void)fake_service(s->f, "EC2Launch", WIN_SERVICE_STOPPED);
    return s;
}

static void shell_free(struct shell *s)
{
    fake_free(s->f);
    str_done(&s->out);
    str_done(&s->err);
    free(s);
}
DEFINE_FREEP(shell_free, struct shell);

/* "EC2Launch.exe" and the words of a line. */
static int run(struct shell *s, const char *line)
{
    struct v2_cli c = { .w = &s->f->win, .print = print, .lock = lock, .locked = locked, .ctx = s };
    char copy[500], *argv[20] = { (char *)"EC2Launch.exe" };
    int argc = 1;

    (void)str_copy(copy, sizeof copy, line);
    for (char *p = copy; *p && argc < 20;) {
        argv[argc++] = p;
        p += strcspn(p, " ");
        if (*p)
            *p++ = '\0';
    }
    str_done(&s->out);
    str_done(&s->err);
    return v2_cli(&c, argc, argv);
}

static void no_verb_prints_help(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, ""), 0);
    assert_non_null(strstr(s->out.p, "Usage: EC2Launch.exe VERB"));
    assert_int_equal(run(s, "help"), 0);
    assert_int_equal(run(s, "--help"), 0);
}

/* S-4: the help of sysprep carries the warning. */
static void each_verb_has_help(void **state)
{
    static const char *const names[] = {
        "collect-logs", "get-agent-config", "list-volumes", "reset",
        "run",          "run-task",         "status",       "sysprep",
        "validate",     "version",          "wallpaper",    "internal randomize-password",
    };
    _cleanup_(shell_freep) struct shell *s = shell_new();

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char line[100];

        (void)snprintf(line, sizeof line, "%s --help", names[i]);
        assert_int_equal(run(s, line), 0);
        (void)snprintf(line, sizeof line, "Usage: EC2Launch.exe %s", names[i]);
        assert_non_null(strstr(s->out.p, line));
    }
    assert_int_equal(run(s, "sysprep -h"), 0);
    assert_non_null(strstr(s->out.p, "Sysprep is no backup method"));
}

static void wrong_words_are_usage_errors(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, "sysperp"), 2);
    assert_string_equal(s->err.p, "error: unknown verb 'sysperp'\nSee: EC2Launch.exe help\n");
    assert_int_equal(run(s, "reset --cleanup"), 2);
    assert_non_null(strstr(s->err.p, "unknown flag '--cleanup'"));
    assert_int_equal(run(s, "sysprep --shutdown=no"), 2);
    assert_non_null(strstr(s->err.p, "'true' or 'false' expected behind '--shutdown=', not 'no'"));
    assert_int_equal(run(s, "collect-logs"), 2);
    assert_int_equal(run(s, "collect-logs -o"), 2);
    assert_int_equal(run(s, "run-task"), 2);
    assert_int_equal(run(s, "run-task no-such"), 2);
    assert_int_equal(run(s, "version x"), 2);
    assert_int_equal(run(s, "status --bogus"), 4);
}

static void only_administrators_may(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    s->f->not_admin = true;
    assert_int_equal(run(s, "reset"), 1);
    assert_non_null(strstr(s->err.p, "administrator rights"));
    assert_int_equal(run(s, "version"), 0);
    assert_string_equal(s->out.p, AGENT_VERSION "\n");
}

static void status_tells_six_states(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, "status"), V2_STATUS_NEVER);
    fake_file(s->f, PREVIOUS, "{\"schema\": 1, \"result\": \"success\", \"stages\": []}");
    assert_int_equal(run(s, "status"), V2_STATUS_SUCCESS);
    fake_file(s->f, PREVIOUS, "{\"schema\": 1, \"result\": \"failed\", \"stages\": []}");
    assert_int_equal(run(s, "status"), V2_STATUS_FAILED);
    fake_file(s->f, PREVIOUS, "rubbish");
    assert_int_equal(run(s, "status"), V2_STATUS_NEVER);
    fake_file(s->f, PREVIOUS, "{\"schema\": 1, \"result\": \"success\", \"stages\": []}");
    fake_file(s->f, STATE, RUNNING); /* killed in the middle, behind a run that succeeded */
    assert_int_equal(run(s, "status"), V2_STATUS_FAILED);
    fake_find_service(s->f, "EC2Launch")->state = WIN_SERVICE_OTHER;
    assert_int_equal(run(s, "status"), V2_STATUS_ODD);
    fake_find_service(s->f, "EC2Launch")->state = WIN_SERVICE_RUNNING;
    assert_int_equal(run(s, "status"), V2_STATUS_RUNNING);
    fake_fail(s->f, "service_state", 5, 1);
    assert_int_equal(run(s, "status"), V2_STATUS_ERROR);
}

static void run_sets_the_status(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, "run"), 0);
    assert_int_equal(run(s, "status"), V2_STATUS_SUCCESS);
    assert_int_equal(run(s, "reset"), 0);
    assert_int_equal(run(s, "status"), V2_STATUS_NEVER);
    assert_null(fake_file_text(s->f, ROOT "\\state\\.run-once"));
    s->busy = true;
    assert_int_equal(run(s, "run"), 1);
    assert_int_equal(run(s, "status"), V2_STATUS_RUNNING);
}

static const char *post_ready(const char *task)
{
    static char text[600];

    (void)snprintf(text, sizeof text, "version: 1.1\nconfig:\n- stage: postReady\n  tasks:\n  %s",
                   task);
    return text;
}

static void one_task_is_run_to_its_end(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    fake_file(s->f, CONFIG,
              post_ready("- {task: setHostName, inputs: {hostName: web-01, reboot: true}}\n"));
    assert_int_equal(run(s, "run-task set-host-name"), 0);
    assert_string_equal(s->f->computer, "web-01");
    assert_int_equal(fake_count(s->f, "power_off"), 1);
    assert_string_equal(s->out.p, "Windows restarts.\n");
    assert_int_equal(run(s, "run-task set-host-name"), 0); /* it has that name */
    assert_int_equal(fake_count(s->f, "power_off"), 1);

    fake_file(s->f, CONFIG,
              post_ready("- {task: executeScript, inputs: [{frequency: once, type: batch, runAs: "
                         "localSystem, content: x}]}\n"));
    fake_command(s->f, "C:\\Windows\\System32\\cmd.exe", 3010, "", "", NULL);
    assert_int_equal(run(s, "run-task execute-script"), 1);
    assert_non_null(strstr(s->err.p, "(exit code 3010)"));
    assert_int_equal(fake_count(s->f, "power_off"), 1);
}

static void the_task_sysprep_runs_sysprep(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    fake_ship(s->f, ROOT "\\sysprep\\unattend.xml", "sysprep/files/unattend.xml");
    assert_int_equal(run(s, "run-task sysprep"), 1); /* there is no program */
    assert_non_null(strstr(str_text(&s->f->serial), "Message: Sysprep was not started"));
    fake_sysprep(s->f);
    assert_int_equal(run(s, "run-task sysprep"), 0);
    assert_true(fake_called(s->f, "/oobe /generalize /shutdown /unattend:\"" ROOT));
}

static void the_wallpaper_shows_what_is_known(void **state)
{
    static const char line[] = "wallpaper --path C:\\base.jpg "
                               "--attributes=hostName,instanceId,privateIpAddress,network,"
                               "instanceSize --all-tags";
    static const char out[] = "C:\\Windows\\TEMP\\Ec2Wallpaper.jpg";
    _cleanup_(shell_freep) struct shell *s = shell_new(), *off = shell_new();

    fake_metadata(s->f, "meta-data/tags/instance", "Name");
    fake_metadata(s->f, "meta-data/tags/instance/Name", "web");
    fake_env(s->f, "TEMP", "C:\\Windows\\TEMP");
    fake_env(off->f, "TEMP", "C:\\Windows\\TEMP");
    assert_int_equal(run(s, line), 0);
    assert_string_equal(fake_file_text(s->f, out),
                        "Hostname: WIN-FAKE\nInstance ID: i-0123456789abcdef0\n"
                        "Private IPv4 Address: 10.0.1.5\nInstance Size: m5.large\nName: web\n");
    off->f->imds_off = true;
    assert_int_equal(run(off, line), 0);
    assert_string_equal(fake_file_text(off->f, out),
                        "Hostname: WIN-FAKE\nPrivate IPv4 Address: 10.0.1.5\n");
    assert_non_null(strstr(off->out.p, "warning: metadata 'meta-data/instance-id'"));
    assert_int_equal(run(s, "wallpaper"), 2);
    assert_int_equal(run(s, "wallpaper -p a.jpg --all-tags --allowed-tags=W10="), 2);
    assert_int_equal(run(s, "wallpaper -p a.jpg --allowed-tags=e30="), 1); /* {} */
    assert_non_null(strstr(s->err.p, "--allowed-tags:1:1: a list expected, not a map"));
}

static void validate_names_the_wrong_word(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, "validate"), 0);
    assert_string_equal(s->out.p, "agent-config.yml is valid.\n");
    fake_file(s->f, CONFIG, "version: 1.0\nconfig:\n- stage: Boot\n");
    assert_int_equal(run(s, "validate"), 1);
    assert_non_null(strstr(s->err.p, CONFIG ":3:10: "));
}

static void settings_are_printed_in_both_formats(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, "get-agent-config"), 0);
    assert_string_equal(s->out.p, v2_default_config);
    assert_int_equal(run(s, "get-agent-config --format json"), 0);
    assert_int_equal(s->out.p[0], '{');
    fake_file(s->f, CONFIG, s->out.p);
    assert_int_equal(run(s, "get-agent-config -f=yaml"), 0);
    assert_string_equal(s->out.p, v2_default_config);
    assert_int_equal(run(s, "get-agent-config -f xml"), 2);
}

/* S-5: the logs of Sysprep are in the archive, no password is. */
static void logs_are_collected_into_one_archive(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();
    struct fake_pair *zip;
    const char *text;

    fake_file(s->f, ROOT "\\log\\agent.log", "the agent's words");
    fake_file(s->f, "C:\\Windows\\System32\\Sysprep\\Panther\\setuperr.log", "sysprep's words");
    fake_file(s->f, "C:\\Windows\\Panther\\unattend.xml", "no secrets");
    fake_file(s->f, CONFIG,
              "version: 1.0\nconfig:\n- stage: preReady\n  tasks:\n  - task: setAdminAccount\n"
              "    inputs: {password: {type: static, data: Secret1}}\n");
    assert_int_equal(run(s, "collect-logs --output C:\\logs.zip"), 0);
    text = fake_file_text(s->f, "C:\\logs.zip");
    assert_non_null(text);
    zip = fake_pair_find(s->f->files, "C:\\logs.zip", "");
    assert_non_null(zip);
    assert_true(zip_is(text, zip->n));
    assert_non_null(memmem(text, zip->n, "sysprep's words", 15));
    assert_null(memmem(text, zip->n, "Secret1", 7));
    assert_non_null(strstr(s->out.p, "are in C:\\logs.zip"));
}

/* S-67: the documented forms of the flag. */
static bool sysprep_called(struct shell *s, const char *line, const char *end)
{
    char want[100];

    fake_file(s->f, "C:\\Windows\\System32\\Sysprep\\sysprep.exe", "");
    fake_command(s->f, "C:\\Windows\\System32\\Sysprep", 0, "", "", NULL);
    (void)run(s, line);
    (void)snprintf(want, sizeof want, "/oobe /generalize %s /unattend:\"" ROOT, end);
    return fake_called(s->f, want);
}

static void sysprep_takes_its_flags(void **state)
{
    static const struct {
        const char *line, *end;
    } rows[] = {
        { "sysprep", "/shutdown" },
        { "sysprep --shutdown=true", "/shutdown" },
        { "sysprep --shutdown", "/shutdown" },
        { "sysprep -s=false", "/quit" },
        { "sysprep --shutdown=false --clean", "/quit" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(shell_freep) struct shell *s = shell_new();

        fake_ship(s->f, ROOT "\\sysprep\\unattend.xml", "sysprep/files/unattend.xml");
        fake_file(s->f, ROOT "\\state\\.run-once", "");
        if (!sysprep_called(s, rows[i].line, rows[i].end))
            fail_msg("%s: %s\n%s%s", rows[i].line, str_text(&s->f->calls), str_text(&s->out),
                     str_text(&s->err));
        assert_null(fake_file_text(s->f, ROOT "\\state\\.run-once"));
    }
}

/* A check that stops Sysprep is overridden by word only. */
static void force_overrides_a_stop_of_the_preflight(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    fake_ship(s->f, ROOT "\\sysprep\\unattend.xml", "sysprep/files/unattend.xml");
    fake_reg_text(s->f, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ProductOptions", "ProductType",
                  "LanmanNT");
    assert_false(sysprep_called(s, "sysprep", "/shutdown"));
    assert_non_null(strstr(s->err.p, "nothing was changed: this is a domain controller"));
    assert_true(sysprep_called(s, "sysprep --force", "/shutdown"));
    assert_int_equal(run(s, "help sysprep"), 0);
    assert_non_null(strstr(s->out.p, "--force "));
}

static void a_waiting_sysprep_inside_an_inline_script_is_refused(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    (void)str_copy(s->f->ancestors[0].name, sizeof s->f->ancestors[0].name, "cmd.exe");
    (void)str_copy(s->f->ancestors[1].name, sizeof s->f->ancestors[1].name, "EC2LaunchService.exe");
    s->f->ancestors_n = 2;
    fake_file(s->f, STATE, RUNNING);
    assert_int_equal(run(s, "sysprep --block"), 1);
    assert_non_null(strstr(s->err.p, "--block would never end"));
    assert_int_equal(run(s, "status -b"), V2_STATUS_ERROR);
    assert_non_null(strstr(s->err.p, "'status' was called by an inline script"));
    assert_int_equal(run(s, "reset"), 0);
}

static void installing_keeps_settings(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    fake_file(s->f, CONFIG, "mine");
    assert_int_equal(run(s, "internal install"), 0);
    assert_string_equal(fake_file_text(s->f, CONFIG), "mine");
    assert_non_null(strstr(fake_find_service(s->f, "EC2Launch")->text, "EC2LaunchService.exe"));
    assert_int_equal(run(s, "internal uninstall"), 0);
    assert_null(fake_find_service(s->f, "EC2Launch"));
}

/* What the package's features Clean and Telemetry are. */
static void install_makes_settings_anew_and_switches_telemetry_when_told(void **state)
{
    static const char key[] =
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment";
    _cleanup_(shell_freep) struct shell *s = shell_new();

    fake_file(s->f, CONFIG, "mine");
    assert_int_equal(run(s, "internal install --clean --telemetry=true"), 0);
    assert_string_equal(fake_file_text(s->f, CONFIG), v2_default_config);
    assert_string_equal(fake_reg_get_text(s->f, key, "EC2LAUNCH_TELEMETRY"), "1");
    assert_int_equal(run(s, "internal install --telemetry=false"), 0);
    assert_string_equal(fake_reg_get_text(s->f, key, "EC2LAUNCH_TELEMETRY"), "0");
    assert_int_equal(run(s, "internal install --telemetry=perhaps"), 2);
}

static void randomizing_sets_an_unknown_password(void **state)
{
    _cleanup_(shell_freep) struct shell *s = shell_new();

    assert_int_equal(run(s, "internal randomize-password --username Administrator"), 0);
    assert_true(strlen(fake_password(s->f, "Administrator")) >= 32);
    assert_string_equal(str_text(&s->out), "");
}

static void shortcuts_are_written_by_a_verb_of_their_own(void **state)
{
    static const char link[] = "C:\\Users\\Administrator\\AppData\\Roaming\\Microsoft\\Windows\\"
                               "Start Menu\\Programs\\Startup\\setwallpaper.lnk";
    _cleanup_(shell_freep) struct shell *s = shell_new();

    fake_file(s->f, "C:\\Users\\Administrator\\ntuser.dat", "");
    assert_int_equal(run(s, "internal wallpaper-shortcuts"), 2);
    assert_string_equal(str_text(&s->err), "error: the flag '--arguments' is missing\n");
    assert_int_equal(run(s, "internal wallpaper-shortcuts --arguments=wallpaper"), 0);
    assert_string_equal(fake_file_text(s->f, link),
                        "C:\\Program Files\\Amazon\\EC2Launch\\EC2Launch.exe|wallpaper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_verb_prints_help),
        cmocka_unit_test(each_verb_has_help),
        cmocka_unit_test(wrong_words_are_usage_errors),
        cmocka_unit_test(only_administrators_may),
        cmocka_unit_test(status_tells_six_states),
        cmocka_unit_test(run_sets_the_status),
        cmocka_unit_test(one_task_is_run_to_its_end),
        cmocka_unit_test(the_task_sysprep_runs_sysprep),
        cmocka_unit_test(the_wallpaper_shows_what_is_known),
        cmocka_unit_test(validate_names_the_wrong_word),
        cmocka_unit_test(settings_are_printed_in_both_formats),
        cmocka_unit_test(logs_are_collected_into_one_archive),
        cmocka_unit_test(sysprep_takes_its_flags),
        cmocka_unit_test(force_overrides_a_stop_of_the_preflight),
        cmocka_unit_test(a_waiting_sysprep_inside_an_inline_script_is_refused),
        cmocka_unit_test(installing_keeps_settings),
        cmocka_unit_test(install_makes_settings_anew_and_switches_telemetry_when_told),
        cmocka_unit_test(randomizing_sets_an_unknown_password),
        cmocka_unit_test(shortcuts_are_written_by_a_verb_of_their_own),
    };

    return test_run(tests);
}
