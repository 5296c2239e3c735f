/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three launch agents as far as a disk is concerned: where their answer and command files lie,
 * what they ship, which files say that they have run. docs/windows/offline.md, "Dialects". */
#pragma once

#include "answer.h"
#include "hives.h"

struct embedded_file;

#define DIALECT_FILES_MAX 8

struct dialect_file {
    const char *path; /* in the tree */
    const struct embedded_file *shipped;
};

struct dialect {
    const char *name;        /* "ec2launch-v2": the word of options and tags */
    const char *label;       /* "EC2Launch v2" */
    const char *home;        /* where the agent's own files go */
    const char *service;     /* NULL: a scheduled task starts it */
    const char *service_exe; /* below home, Windows' way */
    const char *service_label;
    const char *settings; /* path of its configuration file */
    struct dialect_file answer;
    struct dialect_file files[DIALECT_FILES_MAX]; /* path NULL ends; existing ones are kept */
    const char *forget[DIALECT_FILES_MAX];        /* its memory of having run; NULL ends */
    const char *logs;                             /* directory */
    bool fills_empty_locales_only;
};

/* NULL name: NULL and 0. -EINVAL (ERR_INVALID) for a word that is none. */
int dialect_find(const char *name, const struct dialect **ret, struct err *e);

/* The answer file in use: the given one; the dialect's as it lies on the disk; the dialect's as it
 * is shipped; or one made of the options (d NULL). Options that are set go into it, locales that
 * the agent would fill in are filled in from the hive DEFAULT. *ret_from: "given", a path, or
 * "made". Valid, or an error with line and word. */
int dialect_answer(const struct dialect *d, struct hives *h, struct win_tree *os, const void *given,
                   size_t given_n, const struct answer_options *o, struct answer **ret,
                   char *ret_from, size_t from_size, struct win_plan *p, struct err *e);
/* Puts the command files where they are missing, and the answer file into its own place. */
int dialect_put_files(const struct dialect *d, struct win_tree *os, struct win_plan *p,
                      struct err *e);
/* Forgets that the agent has run: the next boot is a first one. */
int dialect_forget(const struct dialect *d, struct win_tree *os, struct win_plan *p, struct err *e);
/* Its settings as it makes them itself before Sysprep. */
int dialect_rearm(const struct dialect *d, struct win_tree *os, struct win_plan *p, struct err *e);
/* Programs that the answer file calls and that are not on the disk: one warning each. */
int answer_warn_missing(const struct answer *a, struct win_tree *os, struct win_plan *p,
                        struct err *e);
/* Writes the answer file to where Setup looks first on a sealed disk. */
int answer_put(struct answer *a, const char *from, struct win_tree *os, struct win_plan *p,
               struct err *e);
/* Adds lines to Windows\Setup\Scripts\SetupComplete.cmd, each once. */
int setup_complete_add(struct win_tree *os, const char *line, struct win_plan *p, struct err *e);
