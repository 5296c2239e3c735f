/* SPDX-License-Identifier: Apache-2.0 */
/* agent-config.yml: read, checked, told in either format, changed in place. */
#pragma once

#include "v2/schema.h"

#define V2_ROOT        "%ProgramData%\\Amazon\\EC2Launch"
#define V2_CONFIG_PATH V2_ROOT "\\config\\agent-config.yml"
#define V2_CONFIG_NAME "agent-config.yml"
#define V2_PROGRAM     "%ProgramFiles%\\Amazon\\EC2Launch\\EC2Launch.exe"
#define V2_WALLPAPER   "setwallpaper.lnk" /* in the Startup folder of each user */

struct v2_config {
    struct tree *tree;
    bool json;                                   /* the file's own format */
    const struct tree_node *tasks[V2_STAGE_MAX]; /* lists; NULL: the stage is not there */
};

/* Bytes of the file (any encoding with a byte order mark, UTF-8 without). warn may be NULL. */
int v2_config_parse(const char *file, const void *p, size_t n, v2_warn *warn, void *ctx,
                    struct v2_config **ret, struct err *e);
void v2_config_free(struct v2_config *c);
DEFINE_FREEP(v2_config_free, struct v2_config);

void v2_config_write(struct str *out, const struct v2_config *c, bool json);

/* Removes password.data of a static or encrypted setAdminAccount from the bytes of the file, all
 * else (comments, order, format) stays. 1: *ret has the new bytes; 0: there was none. */
int v2_config_wipe_password(const char *file, const void *p, size_t n, struct str *ret,
                            struct err *e);

/* What the packages install: the guide's default tasks. */
extern const char v2_default_config[];
