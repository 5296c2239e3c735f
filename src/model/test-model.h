/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model in a directory of its own, records to fill it with, and a clock that tests own. */
#pragma once

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "model-priv.h"
#include "str.h"

struct fixture {
    char dir[64], path[96];
    struct model *m;
};

static uint64_t test_now = 1767323045000ULL; /* 2026-01-02 03:04:05 */

static uint64_t test_clock(void)
{
    return test_now;
}

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err e = { 0 };                                                                      \
        int got_ = (call);                                                                         \
        if (got_ < 0)                                                                              \
            fail_msg("%s: %s", #call, e.msg);                                                      \
        assert_int_equal(e.no, 0);                                                                 \
    } while (0)
#define REFUSED(call, kind_, text)                                                                 \
    do {                                                                                           \
        struct err e = { 0 };                                                                      \
        int got_ = (call);                                                                         \
        assert_true(got_ < 0);                                                                     \
        assert_int_equal(got_, -e.no);                                                             \
        assert_string_equal(e.msg, text);                                                          \
        assert_string_equal(err_kind_name(e.kind), err_kind_name(kind_));                          \
    } while (0)

_unused_ static struct model *open_model(const char *path)
{
    struct model *m = NULL;

    OK(model_open(path, &m, &e));
    m->now_ms = test_clock;
    return m;
}

_unused_ static int fixture_open(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    /* memory, where there is some: every open flushes five times */
    (void)snprintf(f->dir, sizeof f->dir, "%s/kiln-test-model-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/kiln.db", f->dir);
    f->m = open_model(f->path);
    *state = f;
    return 0;
}

_unused_ static int fixture_close(void **state)
{
    struct fixture *f = *state;

    model_close(f->m);
    OK(tree_remove(f->dir, &e));
    free(f);
    return 0;
}

#define WITH_MODEL(f)    cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
#define SET(field, text) assert_int_equal(str_copy(field, sizeof(field), text), 0)

_unused_ static struct instance_rec an_instance(const char *id)
{
    struct instance_rec r = { .state = INSTANCE_PENDING, .launched_ms = test_now };

    SET(r.id, id);
    SET(r.region, "us-east-1");
    SET(r.zone, "us-east-1a");
    SET(r.type, "t3.medium");
    SET(r.root_device_name, "/dev/sda1");
    return r;
}

_unused_ static struct volume_rec a_volume(const char *id)
{
    struct volume_rec r = { .state = VOLUME_ST_AVAILABLE, .size_gib = 8, .created_ms = test_now };

    SET(r.id, id);
    SET(r.region, "us-east-1");
    SET(r.zone, "us-east-1a");
    SET(r.type, "gp2");
    return r;
}

_unused_ static struct snapshot_rec a_snapshot(const char *id)
{
    struct snapshot_rec r = { .volume_size_gib = 30, .started_ms = test_now };

    SET(r.id, id);
    SET(r.region, "us-east-1");
    SET(r.volume_id, "vol-ffffffff");
    return r;
}

_unused_ static struct image_rec an_image(const char *id, const char *name)
{
    struct image_rec r = { .created_ms = test_now };

    SET(r.id, id);
    SET(r.region, "us-east-1");
    SET(r.owner, "123456789012");
    SET(r.name, name);
    return r;
}

_unused_ static struct attachment_rec an_attachment(const char *volume, const char *instance,
                                                    const char *device)
{
    struct attachment_rec r = { .state = ATTACH_ATTACHING, .attached_ms = test_now };

    SET(r.volume_id, volume);
    SET(r.instance_id, instance);
    SET(r.device, device);
    return r;
}

#define I1 "i-0000000000000001a"
#define I2 "i-0000000000000002a"
#define V1 "vol-0000000000000001a"
#define V2 "vol-0000000000000002a"
#define S1 "snap-0000000000000001a"
#define S2 "snap-0000000000000002a"
#define A1 "ami-0000000000000001a"
#define A2 "ami-0000000000000002a"
