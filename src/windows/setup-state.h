/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where Windows Setup stands: the markers in the registry, what they add up to, and arming them.
 * docs/windows/offline.md, "Sealed or not". Sources: Microsoft, "Windows Setup States"; KB939857;
 * public build notes on sealed images. */
#pragma once

#include "plan.h"
#include "regf.h"

#define SETUP_ABSENT     UINT32_MAX
#define SETUP_REASON_MAX 400

struct setup_markers {
    bool have_system, have_software;
    uint32_t setup_type, system_setup, oobe, audit, phase; /* SETUP_ABSENT */
    uint32_t upgrade, rollback;
    uint32_t generalization, cleanup;            /* SysprepStatus */
    uint32_t child_setup, child_oobe, child_end; /* ChildCompletion */
    uint32_t skip_rearm;                         /* SoftwareProtectionPlatform */
    char command[260];                           /* CmdLine; "" */
    char image_state[64];                        /* "IMAGE_STATE_COMPLETE"; "" */
    char respecialize[130];
    char clone_tag[64];    /* when it was generalised last: Microsoft's own images have one */
    char answer_file[260]; /* UnattendFile */
};

enum setup_state {
    SETUP_UNKNOWN,  /* without SYSTEM nothing can be told */
    SETUP_FINISHED, /* a system in use, not sealed */
    SETUP_SEALED,   /* sealed by Sysprep: the next boot runs specialize and OOBE */
    SETUP_SEALED_AUDIT,
    SETUP_RUNNING, /* a phase of Setup is under way */
    SETUP_BROKEN,  /* half sealed: clones of it will hang */
    SETUP_STATE_MAX
};
const char *setup_state_name(enum setup_state s); /* "sealed" */

/* Either may be NULL. */
void setup_read(const struct regf *system, const struct regf *software, struct setup_markers *ret);
/* What they add up to; reason: one sentence that names the markers which decide it. */
enum setup_state setup_judge(const struct setup_markers *m, char reason[SETUP_REASON_MAX]);

/* Writes every publicly known marker of a sealed image (experimental; see the page). now: text for
 * CloneTag. One row of the plan each. */
int setup_arm(struct regf *system, struct regf *software, const char *now, struct win_plan *p,
              struct err *e);

/* Takes setup_arm back: a system that is in use. Only for images that were generalised offline,
 * whose SID is new already. */
int setup_disarm(struct regf *system, struct regf *software, struct win_plan *p, struct err *e);
/* Lets a command run once at the next boot, as SYSTEM, before anybody logs on (KB939857). It must
 * itself set SetupType to 0 and CmdLine to nothing. */
int setup_run_once(struct regf *system, const char *command, struct win_plan *p, struct err *e);
#define SETUP_FIRST_BOOT "KilnFirstBoot.cmd"
