/* SPDX-License-Identifier: Apache-2.0 */
/* A machine in memory with agent-config.yml, a metadata service and a serial port, for whole runs
 * of the agent; and what they left. */
#pragma once

#include "engine/fake.h"
#include "v2/run.h"

#define MACHINE_ROOT     "C:\\ProgramData\\Amazon\\EC2Launch"
#define MACHINE_CONFIG   MACHINE_ROOT "\\config\\agent-config.yml"
#define MACHINE_LOG      MACHINE_ROOT "\\log\\agent.log"
#define MACHINE_RUN_ONCE MACHINE_ROOT "\\state\\.run-once"
#define MACHINE_STATE    MACHINE_ROOT "\\state\\state.json"
#define MACHINE_PREVIOUS MACHINE_ROOT "\\state\\previous-state.json"

/* config NULL: the default one. fake_free() it. */
struct fake *machine_of(const char *config);
/* Settings of one stage; the text lives until the next call. */
char *machine_settings(const char *stage, const char *tasks);
enum v2_end machine_run(struct fake *f);
const char *machine_console(struct fake *f);

void assert_on_console(struct fake *f, const char *line);
void assert_logged(struct fake *f, const char *line);
void assert_not_logged(struct fake *f, const char *line);
/* a stands on the console before b */
void assert_console_order(struct fake *f, const char *a, const char *b);
