/* SPDX-License-Identifier: Apache-2.0 */
/* A plug-in is a row; those of one phase run at the same time. One that needs another's work done
 * first (letters need formatted volumes) names it and runs behind it. */
#pragma once

#include "ec2config/config.h"

enum plugin_phase { PLUGIN_BEFORE_READY, PLUGIN_AFTER_READY };

struct plug; /* one running plug-in */

struct plugin {
    const char *name;
    enum plugin_phase phase;
    bool on_default;                           /* on a fresh image */
    const char *after;                         /* another of the same phase, or NULL */
    bool always;                               /* has no State in Config.xml */
    int (*run)(struct plug *p, struct err *e); /* NULL: nothing to do on this platform */
};

struct plug {
    const struct plugin *what;
    char name[WIN_NAME_MAX];
    struct config_run *r;
    struct imds *imds; /* of its own: it runs beside others */
    bool turn_off;     /* it ran, and is not wanted at the next boot */
    struct plug *next; /* runs behind it, in the same thread */
    bool is_behind;
    int result;
    struct err e;
};

const struct plugin *plugin_list(size_t *ret_n);
const struct plugin *plugin_find(const char *name);
/* Runs those of a phase that are on, waits for all, then turns off what asked for it. told (may be
 * NULL) comes between: what is off must have reached the owner, or a crash would keep it from him.
 */
int plugins_run(struct config_run *r, enum plugin_phase phase, void (*told)(struct config_run *r),
                struct err *e);
/* Now, not at the end of the phase: before work that may restart the machine. No other plug-in of
 * its phase may do so. */
void plugin_turn_off(struct plug *p);
/* Ec2HandleUserData */
int plugin_user_data(struct plug *p, struct err *e);
/* A program of the owner: Plugins\<name>.cmd or .exe; 1 ran, 0 there is none. */
int plugin_run_own(struct plug *p, struct err *e);
