/* SPDX-License-Identifier: Apache-2.0 */
/* EC2Launch (v1): settings in JSON, entry points that the thin PowerShell files call, a scheduled
 * task in place of a service. Folder: C:\ProgramData\Amazon\EC2-Windows\Launch. */
#pragma once

#include "engine/console.h"
#include "engine/imds.h"
#include "engine/password.h"
#include "lib/tree.h"

/* ---- settings ---- */

enum v1_switch {
    V1_COMPUTER_NAME,
    V1_MONITOR,
    V1_WALLPAPER,
    V1_DNS,
    V1_EXTEND,
    V1_USER_DATA,
    V1_SWITCH_MAX
};
enum v1_password {
    V1_PASSWORD_RANDOM,
    V1_PASSWORD_SPECIFY,
    V1_PASSWORD_NOTHING,
    V1_PASSWORD_ENCRYPTED,
    V1_PASSWORD_MAX
};

struct v1_config {
    bool on[V1_SWITCH_MAX];
    enum v1_password type;
    char *password;  /* clear or, with Encrypted, base64 of what the machine sealed; "" for none */
    bool is_private; /* the file was read with a password in it */
    bool crlf;       /* the file's line ends, and those of a new one */
    struct tree *tree; /* the file as it stands, for rewriting; NULL: defaults */
};

const char *v1_switch_key(enum v1_switch s);      /* "setComputerName" */
const char *v1_password_name(enum v1_password p); /* "Random" */

/* LaunchConfig.json. Keys in any case; a key that is no setting is none of ours. A refusal names
 * file, line, column and word. On success *ret is filled; v1_config_done frees. */
int v1_config_parse(const char *file, const char *data, size_t n, struct v1_config *ret,
                    struct err *e);
void v1_config_done(struct v1_config *c);
/* The file's, or - when it is absent, broken or incomplete - the defaults, as the original does;
 * the reason goes to *e and the return value is negative, *ret is filled in any case. */
int v1_config_load(struct win *w, struct v1_config *ret, struct err *e);
/* Changes one key and nothing else; the value of a Boolean key, the type, the password. */
int v1_config_set(struct v1_config *c, enum v1_switch s, bool on, struct err *e);
int v1_config_set_password(struct v1_config *c, enum v1_password type, const char *password,
                           struct err *e);
/* Writes the file, with the line ends it had. With a password inside, only SYSTEM and
 * Administrators may read it, at any time; without one everybody may again. */
int v1_config_save(struct win *w, const struct v1_config *c, struct err *e);

struct v1_letter {
    char volume[64];
    char letter[2];
};
struct v1_event {
    char log[256];
    char source[WIN_NAME_MAX]; /* "" : any */
    char level[16];            /* "" : all */
    uint32_t count;
};
/* DriveLetterMappingConfig.json, EventLogConfig.json: heap arrays, free() them. */
int v1_letters_parse(const char *file, const char *data, size_t n, struct v1_letter **ret,
                     size_t *ret_n, struct err *e);
int v1_events_parse(const char *file, const char *data, size_t n, struct v1_event **ret,
                    size_t *ret_n, struct err *e);

/* ---- scheduled tasks ---- */

enum v1_task {
    V1_TASK_INIT,
    V1_TASK_USERDATA,
    V1_TASK_DISKS,
    V1_TASK_EVENTS,
    V1_TASK_READY,
    V1_TASK_MAX
};
const char *v1_task_name(enum v1_task t);
/* At startup, as SYSTEM, highest: runs the task's script with `args` ("" for none). */
int v1_task_schedule(struct win *w, enum v1_task t, const char *args, struct err *e);

/* ---- entry points: exit code 0 or 1 ---- */

/* A verb of Ec2Launch.exe with its switches as the PowerShell files pass them. say (may be NULL):
 * a line for the prompt. Exit code: 0 done, 1 failed, 2 wrong use. */
int v1_main(struct win *w, int argc, const char *const *argv,
            void (*say)(void *ctx, const char *line), void *ctx);

struct v1_run {
    struct win *w;
    const struct dialect *d;
    struct log *log;
    struct console *console;
    struct imds *imds;
    struct v1_config config;
    struct password_done password; /* account "" : none was set in this run */
    bool keep_schedule;            /* per boot */
    bool has_metadata;
    bool restart; /* the computer has a new name */
    void (*say)(void *ctx, const char *line);
    void *ctx;
};

/* One run of InitializeInstance, in the original's order. -errno: it ended early. */
int v1_initialize(struct v1_run *r, struct err *e);
int v1_user_data(struct v1_run *r, struct err *e);
int v1_disks(struct v1_run *r, bool trim, struct err *e);
int v1_send_events(struct v1_run *r, struct err *e);
int v1_sysprep(struct v1_run *r, bool shutdown, bool force, struct err *e);
/* Sets the settings' password at once, for a shutdown without Sysprep (S-82). It stays in the file:
 * the next run, which is scheduled, sets it again, prints it and takes it out. */
int v1_set_specified_password(struct v1_run *r, struct err *e);
/* -Schedule and -SchedulePerBoot. */
int v1_schedule(struct v1_run *r, bool per_boot, struct err *e);

/* Start-menu entry and rights. Refuses Windows before 2016 and after 2019 unless forced. */
int v1_install(struct win *w, bool force, struct err *e);
int v1_uninstall(struct win *w, struct err *e);

int v1_wallpaper_setup(struct win *w, struct log *log, bool on, struct err *e);
int v1_wallpaper_draw(struct v1_run *r, struct err *e);
