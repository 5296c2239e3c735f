/* SPDX-License-Identifier: Apache-2.0 */
/* Running scripts and programs of settings and user data: in a private folder, as the administrator
 * (whose password is known only to the run that set it) or as LocalSystem, with output and errors
 * caught as UTF-8. And reading the tags of XML user data. */
#pragma once

#include "engine/log.h"

#define USERDATA_SCRIPT_MAX KIB(64)
#define USERDATA_OUTPUT_MAX KIB(256) /* logged; the files hold all */
#define USERDATA_REBOOT     3010U    /* "restart and run me again" */
#define USERDATA_REBOOTS    5U       /* for one task */

enum script_kind { SCRIPT_BATCH, SCRIPT_POWERSHELL, SCRIPT_PROGRAM, SCRIPT_KIND_MAX };

struct script {
    enum script_kind kind;
    const char *content; /* of a script; NULL for a program */
    size_t content_n;
    const char *program;     /* path, for SCRIPT_PROGRAM */
    const char *const *args; /* of a program, quoted each; of PowerShell itself, as they are */
    size_t args_n;           /* 0 for PowerShell: -ExecutionPolicy Unrestricted */
    const char *account;     /* NULL: LocalSystem, our own account */
    const char *password;    /* NULL: not known, run as LocalSystem with a warning */
    bool detach;
    void (*started)(void *ctx, uint32_t pid); /* before it is waited for; may be NULL */
    void *ctx;
};

struct script_result {
    uint32_t exit_code;        /* 0 for a detached one */
    char *out, *err;           /* UTF-8, cut at USERDATA_OUTPUT_MAX; "" for a detached one */
    char folder[WIN_PATH_MAX]; /* where its files are */
};
/* Runs it and waits (unless detached). A script that ran is success whatever its exit code. */
int script_run(struct win *w, const struct dialect *d, const struct script *s, struct log *log,
               struct script_result *ret, struct err *e);
void script_result_done(struct script_result *r);
/* The folders of scripts stay: the log names their files, and people look into them. This removes
 * those of a day and more before this start of Windows, whose processes are gone for certain. */
void script_sweep(struct win *w, const struct dialect *d, struct log *log);

/* ---- XML user data ---- */

struct userdata_tags {
    char *script, *powershell, *powershell_arguments; /* NULL: not given */
    bool persist, as_local_system, detach;
    bool has_persist, has_as_local_system; /* given at all, for the logs */
};
/* Reads <script>, <powershell>, <powershellArguments>, <persist>, <runAsLocalSystem>, <detach> by
 * the dialect's rules (case, once). 1: there is something to run; 0: nothing. text: n bytes of
 * UTF-8. -E2BIG, -ENOMEM. */
int userdata_tags_parse(const struct dialect *d, const char *text, size_t n,
                        struct userdata_tags *ret, struct err *e);
void userdata_tags_done(struct userdata_tags *t);
