/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between point.c, which knows what a point is, and point-files.c, which knows where it lies. */
#pragma once

#include "core-priv.h"

#define POINT_MAGIC "KILNPNT\n"

/* ---- point.c */
struct volume_point *point_new(struct volume *v, const char *name); /* NULL: no memory */
void point_free(struct volume_point *p);
DEFINE_FREEP(point_free, struct volume_point);
void points_add(struct volume *v, struct volume_point *p); /* to the list, in order */

/* ---- point-files.c */
/* In point.tmp, mapped and open. */
int point_files_make(struct volume_point *p, struct err *e);
/* From there to points/NAME. */
int point_files_publish(struct volume_point *p, struct err *e);
int point_files_remove(struct volume *v, const char *name, struct err *e);
