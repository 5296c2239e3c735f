/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Authorize and revoke: the rules of a request, one for each peer of each permission. */
#pragma once

#include "api-priv.h"

/* Adds the request's rules to the group that it names; answers with them. */
int api_authorize(struct api_call *c, bool egress, struct err *e);
/* Takes rules away, named by id or by what they say. */
int api_revoke(struct api_call *c, bool egress, struct err *e);
