/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What makes a volume's files and what makes them larger share. */
#pragma once

#include "volume.h"

/* Gives a file, or all files, to the server's user, if we may. */
int volume_own(const char *dir, const char *name, const char *user, struct err *e);
int volume_own_all(const struct volume_spec *s, struct err *e);
