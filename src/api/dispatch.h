/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request from its bytes to the bytes of its answer; knows nothing of sockets. */
#pragma once

#include "api-priv.h"
#include "sigv4.h"

#define API_BODY_MAX MIB(1)

struct api {
    struct api_config cfg; /* strings are owned */
    uint64_t (*now_ms)(void);
    struct http *http; /* NULL in unit tests */
};

struct api_in {
    struct sigv4_request http;
    bool too_large; /* the body was over the limit and is not here */
};

struct api_out {
    unsigned status;
    const char *content_type;
    const char *error_type; /* x-amzn-ErrorType of JSON answers; NULL: none */
    char *body;             /* heap */
    size_t body_len;
    char request_id[37];
    struct api_later *later; /* the answer comes later: later.h; nothing else is set then */
};

void api_answer(struct api *a, const struct api_in *in, struct api_out *out);
void api_out_done(struct api_out *out);

/* actions.c */
const struct api_action *api_action_find(const char *name);
/* regions.c: EC2's usual commercial regions and the configured one */
bool api_region_known(const struct api_config *cfg, const char *region);
/* sts.c: service "sts" of the same address */
int sts_answer(struct api_call *c, const char *action, struct err *e);
void sts_error(struct xml *x, const char *code, const char *message, const char *request_id);
