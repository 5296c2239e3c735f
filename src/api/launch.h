/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A RunInstances request, checked and planned whole, before any record is made. */
#pragma once

#include "metadata.h"
#include "place.h"

struct launch {
    struct image_rec image;
    const struct instance_type *type;
    struct api_place place;
    struct api_metadata metadata;
    void *user_data; /* NULL: none */
    size_t user_data_len;
    struct key_pair_rec key; /* without a name: none */
    char reservation_id[MODEL_ID_MAX];
    struct mapping_list mapping;
    struct tag_list instance_tags, volume_tags, interface_tags;
    uint64_t count;
    uint64_t now_ms;
};

void launch_done(struct launch *l);
/* launch-plan.c: reads the request; what it says no to has changed nothing. */
int launch_plan(struct api_call *c, struct launch *l, struct err *e);
/* launch-records.c: makes one instance of it with its interface, disks and tags, and its job. */
int launch_instance(struct api_call *c, const struct launch *l, uint32_t index,
                    struct instance_rec *ret, struct err *e);
