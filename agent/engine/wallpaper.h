/* SPDX-License-Identifier: Apache-2.0 */
/* The desktop picture with the instance's details: drawn at each logon by a shortcut in the users'
 * Startup folders, so that the details are fresh. */
#pragma once

#include "engine/imds.h"
#include "engine/log.h"

struct wallpaper_row {
    const char *label;     /* "Instance ID" */
    const char *attribute; /* v2's word: "instanceId"; NULL for rows that only EC2Config has */
    const char *path;      /* under meta-data/, or NULL: answered by the machine */
};
/* The row of one of v2's attribute words, or NULL for an unknown one. */
const struct wallpaper_row *wallpaper_attribute(const char *word);
bool wallpaper_attribute_is_old(const char *word); /* memory, network: ignored silently */

#define WALLPAPER_LINES_MAX 64U
struct wallpaper_lines {
    char *labels[WALLPAPER_LINES_MAX], *values[WALLPAPER_LINES_MAX];
    size_t n;
};
/* Adds a line; a NULL or empty value is left out. 0, -ENOMEM, or -E2BIG told in *e. */
int wallpaper_line_add(struct wallpaper_lines *l, const char *label, const char *value,
                       struct err *e);
/* The value of an attribute row now. 1, 0. */
int wallpaper_attribute_value(struct win *w, struct imds *m, const struct wallpaper_row *r,
                              char **ret, struct err *e);
/* Instance tags from metadata: all, or only the n allowed ones (allowed NULL: all). */
int wallpaper_add_tags(struct imds *m, struct wallpaper_lines *l, const char *const *allowed,
                       size_t n, struct err *e);
void wallpaper_lines_done(struct wallpaper_lines *l);

/* Draws base (may be NULL) with the lines into out and makes it the wallpaper of our user. */
int wallpaper_set(struct win *w, const char *base, const char *out, const struct wallpaper_lines *l,
                  struct err *e);

/* <file>, a shortcut or (by its name) a .cmd file, in the Startup folder of each user
 * (with_default: of the Default user, too); target NULL: removed. Failures of single users are
 * logged. */
int wallpaper_shortcuts(struct win *w, const char *file, const char *target, const char *args,
                        bool with_default, struct log *log, struct err *e);
