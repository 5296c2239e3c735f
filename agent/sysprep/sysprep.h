/* SPDX-License-Identifier: Apache-2.0 */
/* Running Microsoft's Sysprep as each agent does: look first, say what would go wrong, edit the
 * answer file, close Remote Desktop, call Sysprep with exactly the agent's switches, and read
 * Sysprep's own log when it fails. The order, and what may be relied on:
 *
 *   preflight   nothing is touched; a finding that makes Sysprep fail for certain ends it here
 *   prepare     the caller's step (state, wallpaper, scheduled task, plug-ins)
 *   answer      locale and command edits in the answer file; a working copy where needed
 *   before      BeforeSysprep.cmd (or what the settings name); closes Remote Desktop
 *   sysprep     the program; with shutdown it ends by powering off
 *   outcome     on failure: the cause on the console and in the log; Remote Desktop as it was,
 *               provided that Windows was not generalized
 */
#pragma once

#include "engine/log.h"
#include "engine/win.h"
#include "sysprep/answer.h"

#define SYSPREP_WARNING                                                                            \
    "Sysprep is no backup method: it deletes data that belongs to this machine. Make an image or " \
    "a snapshot first if you may need this machine as it is."

#define SYSPREP_RDP_KEY   "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server"
#define SYSPREP_RDP_VALUE "fDenyTSConnections"

/* What differs between the agents. */
struct sysprep_dialect {
    enum dialect_id id;
    const char *answer_file; /* with %NAME% */
    const char *working_copy;
    const char *before;  /* default of order.before */
    const char *command; /* printf-like words: {program} {switches} {end} {answer} */
    const char *switches;
    bool locale_from_registry; /* overwrite from LocaleName of .DEFAULT */
    bool locale_fill_empty;    /* only where nothing stands */
    const char *first_command; /* for an empty path of order 1; one {admin}; or NULL */
    bool before_must_succeed;  /* a non-zero exit code stops the run */
    const char *force;         /* the switch that goes on although a check stops it */
    const char *component;     /* EC2Config's word in the log, or NULL */
};
const struct sysprep_dialect *sysprep_dialect(enum dialect_id id);

struct sysprep_order {
    enum dialect_id dialect;
    bool shutdown;        /* else Sysprep quits and leaves the machine running */
    bool no_password;     /* settings set none and the answer file may hold none: then a working
                             copy that leaves the administrator disabled goes to Sysprep */
    bool force;           /* go on although the preflight would stop */
    const char *before;   /* NULL: the dialect's; "": none */
    const char *switches; /* NULL: the dialect's; /shutdown, /reboot or /quit inside count as the
                             end unless shutdown is false */
    int (*prepare)(void *ctx, struct err *e); /* may be NULL */
    /* A line for the person at the prompt: findings, what is done. May be NULL. */
    void (*say)(void *ctx, const char *line);
    void *ctx; /* of both */
    struct log *log;
};

/* 0: Sysprep ran, and with shutdown the machine is about to power off. On failure the reason (with
 * Sysprep's own cause) is in *e and was printed on the serial console. */
int sysprep_run(struct win *w, const struct sysprep_order *o, struct err *e);

/* ---- the parts, for the dialogs and tests ---- */

enum preflight_weight { PREFLIGHT_WARNING, PREFLIGHT_STOP, PREFLIGHT_WEIGHT_MAX };

#define PREFLIGHT_MAX 64U
struct preflight_finding {
    enum preflight_weight weight;
    const char *topic; /* "reboot", "appx", ... one word for scripts */
    char text[400];
};
struct preflight {
    struct preflight_finding found[PREFLIGHT_MAX];
    size_t n;
    size_t left_off; /* found beyond PREFLIGHT_MAX */
};
/* Looks at the machine and the answer file. Touches nothing; what cannot be read is not told. */
void preflight_look(struct win *w, const struct sysprep_order *o, struct preflight *ret);
bool preflight_stops(const struct preflight *p);

/* Sysprep's own account of a failure: text of setuperr.log from where this run began. 1: *ret has
 * the cause and, where we know one, the cure; 0: no error in the text. */
struct setuperr_cause {
    char line[400]; /* the log's own words, without time and level */
    char cure[400]; /* ours, or "" */
};
int setuperr_cause(const char *text, size_t n, struct setuperr_cause *ret);
#define SETUPERR_MAX MIB(4)

/* The whole command line. Heap text; NULL: no memory. */
char *sysprep_command(const struct sysprep_dialect *d, const char *program, const char *answer,
                      const char *switches, bool shutdown);
