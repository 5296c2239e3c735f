/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "setup-state.h"

#define STATE "Microsoft\\Windows\\CurrentVersion\\Setup\\State"

/* O:SY G:SY with an empty list: enough of a descriptor. */
static const uint8_t sd[] = { 1, 0, 4, 0x80, 20, 0, 0, 0, 32, 0, 0,  0, 0, 0, 0, 0, 44, 0,
                              0, 0, 1, 1,    0,  0, 0, 0, 0,  5, 18, 0, 0, 0, 1, 1, 0,  0,
                              0, 0, 0, 5,    18, 0, 0, 0, 2,  0, 8,  0, 0, 0, 0, 0 };

struct given {
    uint32_t type;
    const char *command;
    uint32_t oobe, generalization;
    const char *image;
};

static void dword(struct regf *h, const char *path, const char *name, uint32_t v)
{
    struct err e = { 0 };
    uint32_t k;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    assert_int_equal(regf_set_dword(h, k, name, v, &e), 0);
}

static void text(struct regf *h, const char *path, const char *name, const char *v)
{
    struct err e = { 0 };
    uint32_t k;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    assert_int_equal(regf_set_text(h, k, name, REGF_SZ, v, &e), 0);
}

static void machine(const struct given *g, struct regf **system, struct regf **software)
{
    struct err e = { 0 };

    assert_int_equal(regf_new(5, "ROOT", sd, sizeof sd, system, &e), 0);
    assert_int_equal(regf_new(5, "ROOT", sd, sizeof sd, software, &e), 0);
    dword(*system, "Setup", "SetupType", g->type);
    dword(*system, "Setup", "OOBEInProgress", g->oobe);
    dword(*system, "Setup\\Status\\SysprepStatus", "GeneralizationState", g->generalization);
    text(*system, "Setup", "CmdLine", g->command);
    text(*software, STATE, "ImageState", g->image);
}

static enum setup_state judge(const struct regf *system, const struct regf *software,
                              char reason[SETUP_REASON_MAX])
{
    struct setup_markers m;

    setup_read(system, software, &m);
    return setup_judge(&m, reason);
}

static void the_markers_decide_and_are_named(void **unused)
{
    static const struct {
        struct given given;
        enum setup_state state;
        const char *reason;
    } table[] = {
        { { 2, "oobe\\windeploy.exe", 1, 4, "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE" },
          SETUP_SEALED,
          "GeneralizationState 4, CmdLine oobe\\windeploy.exe, "
          "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE" },
        { { 2, "oobe\\windeploy.exe", 1, 4, "IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT" },
          SETUP_SEALED_AUDIT,
          "ImageState is IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT: the next boot enters audit mode" },
        { { 0, "", 1, 4, "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE" },
          SETUP_BROKEN,
          "generalised, but not armed: SetupType is 0 and CmdLine is ''; its clones start as "
          "finished systems and hang" },
        { { 2, "oobe\\windeploy.exe", 0, 4, "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE" },
          SETUP_BROKEN,
          "OOBEInProgress is not set: an answer file would not be read" },
        { { 2, "oobe\\windeploy.exe", 1, 4, "IMAGE_STATE_COMPLETE" },
          SETUP_BROKEN,
          "GeneralizationState says generalised, ImageState is IMAGE_STATE_COMPLETE" },
        { { 0, "", 0, 3, "IMAGE_STATE_COMPLETE" },
          SETUP_BROKEN,
          "GeneralizationState is 3: Setup stopped before specialize was finished" },
        { { 0, "", 0, 7, "IMAGE_STATE_UNDEPLOYABLE" },
          SETUP_BROKEN,
          "ImageState is IMAGE_STATE_UNDEPLOYABLE: a phase of Setup never ended" },
        { { 2, "oobe\\windeploy.exe", 1, 7, "IMAGE_STATE_COMPLETE" },
          SETUP_RUNNING,
          "Setup is under way or was broken off: SetupType 2, SystemSetupInProgress 0, "
          "OOBEInProgress 1" },
        { { 0, "", 0, 7, "IMAGE_STATE_COMPLETE" },
          SETUP_FINISHED,
          "a system in use: SetupType 0, GeneralizationState 7, IMAGE_STATE_COMPLETE" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        _cleanup_regf_ struct regf *system = NULL, *software = NULL;
        char reason[SETUP_REASON_MAX];

        machine(&table[i].given, &system, &software);
        assert_int_equal(judge(system, software, reason), table[i].state);
        assert_string_equal(reason, table[i].reason);
    }
}

static void nothing_is_known_without_system(void **unused)
{
    char reason[SETUP_REASON_MAX];
    (void)unused;

    assert_int_equal(judge(NULL, NULL, reason), SETUP_UNKNOWN);
}

static void arming_seals_and_disarming_takes_it_back(void **unused)
{
    static const struct given used = { 0, "", 0, 7, "IMAGE_STATE_COMPLETE" };
    _cleanup_regf_ struct regf *system = NULL, *software = NULL;
    _cleanup_(win_plan_freep) struct win_plan *p = win_plan_new();
    char reason[SETUP_REASON_MAX];
    struct err e = { 0 };
    (void)unused;

    machine(&used, &system, &software);
    assert_int_equal(setup_arm(system, software, "Tue Nov 24 09:43:08 2026", p, &e), 0);
    assert_int_equal(judge(system, software, reason), SETUP_SEALED);
    assert_int_equal(regf_verify(system, NULL, &e), 0);
    assert_int_equal(setup_disarm(system, software, p, &e), 0);
    assert_int_equal(judge(system, software, reason), SETUP_FINISHED);
    assert_int_equal(setup_run_once(system, "cmd.exe /c x\\" SETUP_FIRST_BOOT, p, &e), 0);
    assert_int_equal(judge(system, software, reason), SETUP_RUNNING);
    assert_non_null(strstr(reason, "first-boot commands wait"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_markers_decide_and_are_named),
        cmocka_unit_test(nothing_is_known_without_system),
        cmocka_unit_test(arming_seals_and_disarming_takes_it_back),
    };

    return test_run(tests);
}
