/* SPDX-License-Identifier: Apache-2.0 */
/* executeScript and executeProgram in whole runs: what agent.log tells of them. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/userdata-run.h"
#include "lib/str.h"
#include "test-machine.h"

#define SHELL "C:\\Windows\\System32\\cmd.exe"

static struct fake *with_script(void)
{
    return machine_of(
        machine_settings("postReady",
                         "  - task: executeScript\n"
                         "    inputs:\n"
                         "    - {frequency: once, type: batch, runAs: localSystem, content: x}\n"));
}

static struct fake *with_program(void)
{
    return machine_of(
        machine_settings("postReady",
                         "  - task: executeProgram\n"
                         "    inputs:\n"
                         "    - {frequency: once, path: 'C:\\p.exe', arguments: ['/S'], runAs: "
                         "localSystem}\n"));
}

static void a_long_output_is_in_the_log_to_its_end(void **state)
{
    _cleanup_(fake_freep) struct fake *f = with_script();
    struct str out = STR_INIT(KIB(64));

    for (unsigned i = 0; i < 1000; i++)
        str_addf(&out, "line %u\r\n", i);
    fake_command(f, SHELL, 0, str_text(&out), "a word of error", NULL);
    (void)machine_run(f);
    assert_logged(f, "Info: Output: line 0\r\n");
    assert_logged(f, "line 999\r\n");
    assert_logged(f, "Info: Errors: a word of error\r\n");
    str_done(&out);
}

/* What cmd writes, in the code page of consoles, and what a program writes that knows better. */
static void output_is_utf_8_in_the_log(void **state)
{
    _cleanup_(fake_freep) struct fake *f = with_script(), *g = with_script();
    struct str out = STR_INIT(MIB(1));

    fake_command(f, SHELL, 0, "gr\x81n\r\ngr\xc3\xbcn\r\n", "\xff\xfeg\0r\0\xfc\0n\0", NULL);
    (void)machine_run(f);
    assert_logged(f, "Output: gr\xc3\xbcn\r\ngr\xc3\xbcn\r\n");
    str_add(&out, "x");
    while (out.len < USERDATA_OUTPUT_MAX + 1000) /* cut inside a character it would be no UTF-8 */
        str_add(&out, "\xc3\xbc");
    fake_command(g, SHELL, 0, str_text(&out), "", NULL);
    (void)machine_run(g);
    assert_logged(g, "Output: x\xc3\xbc\xc3\xbc");
    assert_not_logged(g, "?");
    assert_true(strlen(fake_file_text(g, MACHINE_LOG)) > USERDATA_OUTPUT_MAX);
    str_done(&out);
}

static void a_failure_is_told_once_and_in_its_own_words(void **state)
{
    static const struct {
        struct fake *(*make)(void);
        const char *starts, *status, *never_ran;
    } rows[] = {
        { with_script, SHELL,
          "Error running task: failed to run task 'postReady-executeScript-0': failed to run "
          "script: exit status 9\r\n",
          "failed to run task 'postReady-executeScript-0': failed to run script: run: injected" },
        { with_program, "C:\\p.exe",
          "Error running task: failed to run task 'postReady-executeProgram-0': failed to run "
          "program: exit status 9\r\n",
          "failed to run task 'postReady-executeProgram-0': failed to run program: run: injected" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(fake_freep) struct fake *f = rows[i].make(), *g = rows[i].make();

        fake_command(f, rows[i].starts, 9, "", "", NULL);
        (void)machine_run(f);
        assert_logged(f, rows[i].status);
        fake_fail(g, "run", EIO, 100);
        (void)machine_run(g);
        assert_logged(g, rows[i].never_ran);
    }
}

/* Where the files are; the guide's words. */
static void the_files_are_told(void **state)
{
    _cleanup_(fake_freep) struct fake *f = with_program(), *g = with_script();

    fake_command(f, "C:\\p.exe", 0, "", "", NULL);
    (void)machine_run(f);
    assert_logged(f, "Info: Program file is created at: ");
    assert_logged(f, "\\ExecuteProgramInputs.tmp\r\n");
    assert_logged(f, "Info: Output file is created at: ");
    assert_logged(f, "\\Output.tmp\r\n");
    assert_logged(f, "Info: Error file is created at: ");
    assert_logged(f, "\\Err.tmp\r\n");
    (void)machine_run(g);
    assert_logged(g, "Info: Script file is created at: ");
    assert_logged(g, "\\UserScript.bat\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_output_is_in_the_log_to_its_end),
        cmocka_unit_test(output_is_utf_8_in_the_log),
        cmocka_unit_test(a_failure_is_told_once_and_in_its_own_words),
        cmocka_unit_test(the_files_are_told),
    };

    return test_run(tests);
}
