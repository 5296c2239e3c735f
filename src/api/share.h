/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With whom images and snapshots are shared: launchPermission, createVolumePermission. */
#pragma once

#include "api-priv.h"

/* Rows of the parameters that both kinds share; list is the member's name on the wire. */
#define API_PARAMS_SHARE(list)                                                                     \
    { .name = "OperationType", .type = PARAM_TEXT, .words = api_share_operations },                \
        { .name = "UserId.N", .type = PARAM_TEXT, .max_len = 64 },                                 \
        { .name = "UserGroup.N", .type = PARAM_TEXT, .max_len = 64 },                              \
        { .name = list ".Add.N.UserId", .type = PARAM_TEXT, .max_len = 64 },                       \
        { .name = list ".Add.N.Group", .type = PARAM_TEXT, .max_len = 64 },                        \
        { .name = list ".Remove.N.UserId", .type = PARAM_TEXT, .max_len = 64 },                    \
        { .name = list ".Remove.N.Group", .type = PARAM_TEXT, .max_len = 64 },                     \
        { .name = list ".Add.N.*", .type = PARAM_NOT_YET },                                        \
    {                                                                                              \
        .name = list ".Remove.N.*", .type = PARAM_NOT_YET                                          \
    }

extern const char *const api_share_operations[];

/* Does the request change with whom something is shared? */
bool api_share_asked(const struct api_call *c, const char *list);
/* Does it; encrypted: it cannot be public. */
int api_share(struct api_call *c, const char *list, const char *id, bool encrypted, struct err *e);
/* The element with one item a grantee. */
int api_put_shares(struct api_call *c, const char *element, const char *id, struct err *e);
