/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What CopyImage and CopySnapshot share: where from, encrypted or not, the copy's record. */
#pragma once

#include "jobs.h"

#include "api-priv.h"

/* Rows that both have. A key of its own is not there; clients name the default one now and then. */
#define API_PARAMS_COPY                                                                            \
    { .name = "SourceRegion",                                                                      \
      .type = PARAM_TEXT,                                                                          \
      .required = true,                                                                            \
      .max_len = MODEL_REGION_MAX - 1 },                                                           \
        { .name = "Encrypted", .type = PARAM_BOOL },                                               \
        { .name = "KmsKeyId", .type = PARAM_NOT_YET, .words = api_default_key },                   \
        { .name = "DestinationOutpostArn", .type = PARAM_NOT_YET },                                \
        { .name = "DestinationAvailabilityZone", .type = PARAM_NOT_YET },                          \
    {                                                                                              \
        .name = "Description", .type = PARAM_TEXT                                                  \
    }

extern const char *const api_default_key[];

/* InvalidRegion for a name that is none. */
int api_copy_from(struct api_call *c, struct err *e);
/* The source, in SourceRegion: there, and finished. */
int api_copy_source(struct api_call *c, const char *id, struct snapshot_rec *ret, struct err *e);
/* The copy's record, 'pending', with its tags; *job is what the jobs room is to be told, and points
 * into both records. */
int api_copy_record(struct api_call *c, const struct snapshot_rec *source, const char *description,
                    const struct tag_list *tags, struct snapshot_rec *ret, struct jobs_copy *job,
                    struct err *e);
