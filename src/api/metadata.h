/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of an instance's metadata service, and its user data. */
#pragma once

#include "api-priv.h"

/* For tables of parameters: optional, required; enabled, disabled; disabled. */
extern const char *const api_http_tokens[], *const api_switch[], *const api_switched_off[];

struct api_metadata {
    bool tokens_required, disabled, tags;
    uint32_t hop_limit;
};

/* What a launch of this image has when nothing is asked for (imdsSupport). */
void api_metadata_defaults(const struct image_rec *image, struct api_metadata *m);
/* Takes what the request gives; at: "MetadataOptions." or "". */
void api_metadata_read(const struct api_call *c, const char *at, struct api_metadata *m);
void api_metadata_keep(const struct api_metadata *m, struct instance_rec *i);
/* Keys that the metadata service can show as a path. */
int api_metadata_check_tags(struct api_call *c, const struct tag_list *tags, struct err *e);
/* state, httpTokens … instanceMetadataTags */
void api_put_metadata(struct api_call *c, const struct instance_rec *i);

/* The bytes of a base64 text (NULL: none), at most 16 KiB; caller frees *ret. */
int api_user_data(struct api_call *c, const char *base64, void **ret, size_t *ret_n, struct err *e);
