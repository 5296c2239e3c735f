/* SPDX-License-Identifier: Apache-2.0 */
/* What "Amazon EC2Launch settings" shows of agent-config.yml, as plain data: read from the file,
 * compared, and written back task by task, so that what the dialog does not show stays. */
#pragma once

#include "engine/win.h"
#include "v2/config.h"

enum form_task { /* the rows of the dialog that are a task each */
                 FORM_HOST_NAME,
                 FORM_EXTEND_ROOT,
                 FORM_ADMIN,
                 FORM_SSM,
                 FORM_ENA,
                 FORM_SSH,
                 FORM_JUMBO,
                 FORM_DNS,
                 FORM_WALLPAPER,
                 FORM_VOLUMES,
                 FORM_TASK_MAX
};

enum form_text {
    FORM_NAME,     /* setHostName.hostName */
    FORM_ACCOUNT,  /* setAdminAccount.name */
    FORM_PASSWORD, /* password.data */
    FORM_SUFFIXES, /* a line each */
    FORM_PATH,     /* of the picture */
    FORM_TAGS,     /* a line each */
    FORM_ROWS,     /* "device, name, letter, partition" a line */
    FORM_TEXT_MAX
};

enum form_password { FORM_RANDOM, FORM_STATIC, FORM_NOTHING, FORM_ENCRYPTED };
enum form_tags { FORM_NO_TAGS, FORM_ALL_TAGS, FORM_SOME_TAGS };

#define FORM_ATTRIBUTES 8U
extern const char *const form_attributes[FORM_ATTRIBUTES];

struct form {
    bool on[FORM_TASK_MAX];
    char *text[FORM_TEXT_MAX]; /* heap, never NULL */
    bool reboot;               /* setHostName.reboot */
    enum form_password password;
    bool attributes[FORM_ATTRIBUTES];
    enum form_tags tags;
    bool only_devices; /* initializeVolume: devices */
};

int form_read(const struct v2_config *c, struct form *ret, struct err *e);
void form_done(struct form *f); /* passwords are wiped */
int form_set_text(struct form *f, enum form_text t, const char *text, struct err *e);
/* Changes the tasks whose rows differ between `was` and `now`, and no other. Then checks the whole
 * as the agent does: a refusal names the word; the config may not be used any more. */
int form_apply(struct v2_config *c, const struct form *was, const struct form *now, struct err *e);
