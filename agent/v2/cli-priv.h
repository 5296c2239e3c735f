/* SPDX-License-Identifier: Apache-2.0 */
/* Between cli.c (the table and its parsing) and the verbs. */
#pragma once

#include "v2/cli.h"

#define VERB_FLAGS 4U

/* Values by their place in the verb's table of flags. */
struct v2_args {
    const char *value[VERB_FLAGS]; /* text of the flag, NULL: not given */
    bool on[VERB_FLAGS];           /* of a boolean one */
    const char *operand;           /* run-task's name */
};

enum flag_kind { FLAG_BOOL, FLAG_TEXT };

struct v2_flag {
    const char *name; /* "shutdown" */
    char letter;      /* 's', or 0 */
    enum flag_kind kind;
    bool otherwise; /* a boolean flag that is not given */
    const char *help;
};

struct v2_verb {
    const char *name;    /* "sysprep"; "internal randomize-password" */
    const char *operand; /* NULL: none */
    struct v2_flag flags[VERB_FLAGS + 1];
    const char *help;    /* one line */
    const char *details; /* more, or NULL */
    bool anyone;         /* no administrator needed */
    int (*run)(struct v2_cli *c, const struct v2_args *a);
};

void v2_say(struct v2_cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "error: ..." on the error output; V2_EXIT_FAILED. */
int v2_fail(struct v2_cli *c, const struct err *e);
/* The same for a required flag that is not given; V2_EXIT_USAGE. */
int v2_missing(struct v2_cli *c, const char *flag);
/* The agent's log, NULL without memory (log_say() takes that). */
struct log *v2_open_log(struct v2_cli *c);

int v2_verb_collect_logs(struct v2_cli *c, const struct v2_args *a);
int v2_verb_get_config(struct v2_cli *c, const struct v2_args *a);
int v2_verb_list_volumes(struct v2_cli *c, const struct v2_args *a);
int v2_verb_reset(struct v2_cli *c, const struct v2_args *a);
int v2_verb_run(struct v2_cli *c, const struct v2_args *a);
int v2_verb_run_task(struct v2_cli *c, const struct v2_args *a);
int v2_verb_status(struct v2_cli *c, const struct v2_args *a);
int v2_verb_sysprep(struct v2_cli *c, const struct v2_args *a);
int v2_verb_validate(struct v2_cli *c, const struct v2_args *a);
int v2_verb_version(struct v2_cli *c, const struct v2_args *a);
int v2_verb_wallpaper(struct v2_cli *c, const struct v2_args *a);
int v2_verb_shortcuts(struct v2_cli *c, const struct v2_args *a);
int v2_verb_randomize(struct v2_cli *c, const struct v2_args *a);
int v2_verb_encrypt(struct v2_cli *c, const struct v2_args *a);
int v2_verb_install(struct v2_cli *c, const struct v2_args *a);
int v2_verb_migrate(struct v2_cli *c, const struct v2_args *a);
int v2_verb_uninstall(struct v2_cli *c, const struct v2_args *a);
