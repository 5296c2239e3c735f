/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the helpers are that run as another user. */
#pragma once

#include "err.h"

/* dir, when the user (NULL, or not root here: ourselves) may enter it with all directories above;
 * else a directory below home with copies of the helpers, made anew: a checkout often lies in a
 * home directory that nobody else may enter. Caller frees. */
int libexec_for(const char *dir, const char *user, const char *home, char **ret, struct err *e);
