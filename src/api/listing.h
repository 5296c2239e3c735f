/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What most describe actions do with their records: filters, tags, a page, the set. */
#pragma once

#include "api-priv.h"

struct api_listing {
    const char *list;    /* the parameter of explicit ids: "VpcId" */
    const char *element; /* "vpcSet" */
    size_t size;         /* of one record, which begins with its id */
    const struct filter_def *filters;
    /* Writes what is inside of <item>. */
    int (*put)(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e);
    /* NULL: all. False: it is not shown whatever the filters say. */
    bool (*wanted)(struct api_call *c, const void *record);
};

/* Writes those of n records that pass the filters (api_filters_check was called), a page of them.
 */
int api_put_listing(struct api_call *c, const struct api_listing *l, const void *records, size_t n,
                    struct err *e);
