/* SPDX-License-Identifier: Apache-2.0 */
/* What agent-config.yml and YAML user data may hold: every task with its stages, its frequency and
 * its inputs, as one table. A document is checked against it completely before anything is run; a
 * refusal names file, line, column and the word. Sources: the task definitions and settings pages
 * of EC2Launch v2's user guide (docs/agents/v2.md). */
#pragma once

#include "lib/tree.h"

enum v2_stage {
    V2_BOOT,
    V2_NETWORK,
    V2_PRE_READY,
    V2_POST_READY,
    V2_USER_DATA, /* not in agent-config.yml */
    V2_STAGE_MAX
};

/* "preReady"; state.json's word for V2_USER_DATA is "postReadyUserData". */
const char *v2_stage_name(enum v2_stage s);

enum v2_often { V2_ONCE, V2_ALWAYS, V2_PER_ITEM };

enum v2_task_id {
    V2_ACTIVATE_WINDOWS,
    V2_ENABLE_JUMBO_FRAMES,
    V2_ENABLE_OPENSSH,
    V2_EXECUTE_PROGRAM,
    V2_EXECUTE_SCRIPT,
    V2_EXTEND_ROOT,
    V2_INITIALIZE_VOLUME,
    V2_OPTIMIZE_ENA,
    V2_SET_ADMIN_ACCOUNT,
    V2_SET_DNS_SUFFIX,
    V2_SET_HOST_NAME,
    V2_SET_WALLPAPER,
    V2_START_SSM,
    V2_SYSPREP,
    V2_WRITE_FILE,
    V2_TASK_MAX
};

#define V2_LIST_MAX  64U  /* of one input: arguments, suffixes, devices, tags */
#define V2_ITEMS_MAX 100U /* things to do of one task; all of them fit V2_STEPS_MAX */

/* How the inputs of a task look. */
enum v2_inputs {
    V2_INPUTS_NONE,
    V2_INPUTS_MAY, /* a map that may be absent */
    V2_INPUTS_MAP,
    V2_INPUTS_LIST, /* of maps, each one thing to do */
};

enum v2_type { V2_TEXT, V2_FLAG, V2_WORD, V2_TEXTS, V2_TEXT_OR_TEXTS, V2_MAP, V2_MAPS };

struct v2_field {
    const char *name;
    enum v2_type type;
    bool required;
    const char *const *words;       /* of V2_WORD; ends with NULL */
    const struct v2_field *members; /* of V2_MAP and V2_MAPS; ends with a NULL name */
    int (*check)(const char *text, struct err *e); /* each text; may be NULL */
};

struct v2_schema {
    const char *name;
    enum v2_task_id id;
    enum v2_often often;
    unsigned stages; /* bits 1 << enum v2_stage */
    enum v2_inputs inputs;
    const struct v2_field *fields;
    /* What the fields alone do not tell; inputs is the map (of a list: one item). */
    int (*check)(const struct tree *t, const struct tree_node *inputs, struct err *e);
    const char *help; /* one line */
};

/* The row of a task name, NULL for an unknown one. */
const struct v2_schema *v2_schema_find(const char *name);
const struct v2_schema *v2_schema_of(enum v2_task_id id);

/* What is allowed but better not done; the text has its place already. */
typedef void v2_warn(void *ctx, const char *text);

/* One list of tasks (of a stage or of user data): 0 or a refusal. */
int v2_check_tasks(const struct tree *t, const struct tree_node *tasks, enum v2_stage stage,
                   v2_warn *warn, void *ctx, struct err *e);
/* "1.0" or "1.1" as number or text. */
int v2_check_version(const struct tree *t, const struct tree_node *root, unsigned *ret_minor,
                     struct err *e);
/* Only these keys; the others are refused by name. ends with NULL */
int v2_check_keys(const struct tree *t, const struct tree_node *map, const char *const *known,
                  const char *what, struct err *e);

/* ---- reading checked inputs ---- */

const char *v2_text(const struct tree_node *map, const char *name);          /* or NULL */
bool v2_flag(const struct tree_node *map, const char *name, bool otherwise); /* "shutdown" */
