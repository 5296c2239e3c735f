/* SPDX-License-Identifier: Apache-2.0 */
/* The task sysprep of user data, and what becomes of a run whose state somebody else resets. */
#include "lib/test.h"

#include <string.h>

#include "sysprep/fake-sysprep.h"
#include "test-machine.h"

#define SYSPREP "C:\\Windows\\System32\\Sysprep\\sysprep.exe"
#define ANSWER  MACHINE_ROOT "\\sysprep\\unattend.xml"
#define MINE    "version: 1.1\ntasks:\n- task: sysprep\n"

static struct fake *machine_to_seal(const char *user_data)
{
    struct fake *f = machine_of(NULL);

    fake_ship(f, ANSWER, "sysprep/files/unattend.xml");
    fake_sysprep(f);
    fake_metadata(f, "user-data", user_data);
    return f;
}

static void sysprep_of_user_data_is_the_last_thing(void **state)
{
    static const struct {
        const char *user_data, *command;
    } rows[] = {
        { MINE, SYSPREP " /oobe /generalize /shutdown /unattend:\"" ANSWER "\"" },
        { MINE "  inputs: {shutdown: false}\n",
          SYSPREP " /oobe /generalize /quit /unattend:\"" ANSWER "\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(fake_freep) struct fake *f = machine_to_seal(rows[i].user_data);

        assert_int_equal(machine_run(f), V2_END_SUCCESS);
        assert_true(fake_when(f, rows[i].command) > fake_when(f, "port_write"));
        assert_true(fake_when(f, rows[i].command) > fake_when(f, ".run-once"));
        assert_null(fake_file_text(f, MACHINE_RUN_ONCE)); /* the image's first start is fresh */
        assert_null(fake_file_text(f, MACHINE_PREVIOUS));
        assert_null(fake_file_text(f, MACHINE_STATE));
    }
}

/* Before anything was touched, and by Sysprep itself. */
static void a_sysprep_that_fails_is_on_the_console_and_in_the_state(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_to_seal(MINE), *g = machine_to_seal(MINE);

    fake_file(f, ANSWER, "<unattend>\n  <settings pas=\n");
    fake_command(g, SYSPREP, 7, "", "", NULL);
    for (struct fake **m = (struct fake *[]){ f, g, NULL }; *m; m++) {
        assert_int_equal(machine_run(*m), V2_END_FAILED);
        assert_console_order(*m, "Message: Windows is Ready to use\r\n", "Sysprep");
        assert_non_null(fake_file_text(*m, MACHINE_PREVIOUS));
        assert_non_null(strstr(fake_file_text(*m, MACHINE_PREVIOUS), "\"result\": \"failed\""));
        assert_non_null(strstr(fake_file_text(*m, MACHINE_PREVIOUS),
                               "{\"id\": \"postReadyUserData-sysprep-0\", \"frequency\": "
                               "\"once\", \"status\": \"failed\""));
    }
    assert_on_console(f, "unattend.xml:3:1: ");
    assert_on_console(g, "Sysprep failed with exit code 7");
}

/* Another process resets the agent, or runs Sysprep, at the nth look around between two tasks. */
static unsigned looks, reset_at;

static bool reset_by_another(void *ctx)
{
    struct fake *f = ctx;
    struct err e = { 0 };

    if (++looks == reset_at)
        assert_int_equal(f->win.file_delete(&f->win, MACHINE_STATE, &e), 0);
    return false;
}

static void a_reset_at_any_moment_ends_the_run_and_stays(void **state)
{
    bool done = false;

    for (reset_at = 1; !done; reset_at++) {
        _cleanup_(fake_freep) struct fake *f = machine_of(NULL);
        enum v2_end end;

        looks = 0;
        end = v2_run_agent(&f->win, reset_by_another, f);
        done = looks < reset_at;
        assert_int_equal(end, done ? V2_END_SUCCESS : V2_END_STOPPED);
        assert_int_equal(fake_file_text(f, MACHINE_RUN_ONCE) != NULL, done);
        assert_int_equal(fake_file_text(f, MACHINE_PREVIOUS) != NULL, done);
        assert_null(fake_file_text(f, MACHINE_STATE));
    }
    assert_true(reset_at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sysprep_of_user_data_is_the_last_thing),
        cmocka_unit_test(a_sysprep_that_fails_is_on_the_console_and_in_the_state),
        cmocka_unit_test(a_reset_at_any_moment_ends_the_run_and_stays),
    };

    return test_run(tests);
}
