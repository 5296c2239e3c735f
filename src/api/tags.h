/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the actions on tags share. */
#pragma once

#include "api-priv.h"

/* ResourceId.N: there is one, and each is an id of a kind of thing that has tags. */
int tags_check_resources(struct api_call *c, struct err *e);
/* The wire code of a failed change of tags: an unknown resource is told with its kind's code. */
void tags_failed(struct api_call *c, const char *id, const struct err *e);
