/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The families of verbs; each table ends with { 0 }. */
#pragma once

#include "cli.h"

extern const struct cli_verb cli_verbs_about[];    /* env, status, help, completion */
extern const struct cli_verb cli_verbs_import[];   /* import */
extern const struct cli_verb cli_verbs_instance[]; /* launch, stop, start, reboot, terminate */
extern const struct cli_verb cli_verbs_list[];     /* ls, show, wait, tag */
extern const struct cli_verb cli_verbs_console[];  /* console, screenshot */
extern const struct cli_verb cli_verbs_connect[];  /* connect */
extern const struct cli_verb cli_verbs_password[]; /* password */
extern const struct cli_verb cli_verbs_image[];    /* image create, image delete */
extern const struct cli_verb cli_verbs_snapshot[]; /* snapshot create, snapshot delete */
extern const struct cli_verb cli_verbs_volume[];   /* volume create, delete, attach, detach */
extern const struct cli_verb cli_verbs_store[];    /* store check, export, gc, stats */
extern const struct cli_verb cli_verbs_windows[];  /* windows inspect, prepare, ... */
