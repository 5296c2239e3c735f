/* SPDX-License-Identifier: Apache-2.0 */
/* Settings and scripts that a package brings in a folder "defaults": an install lays down those
 * that are not there yet, so that an upgrade keeps what the owner made of them. */
#pragma once

#include "engine/win.h"

/* Copies every file below `from` to the same place below `to` unless something is there. Both may
 * hold %NAME%. An absent `from` is none. *ret_n (may be NULL): files that were laid down. */
int defaults_lay_down(struct win *w, const char *from, const char *to, unsigned *ret_n,
                      struct err *e);
