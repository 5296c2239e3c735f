/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image-info.h"

#include <errno.h>
#include <jansson.h>

#include "plan.h"
#include "str.h"

static json_t *load(const char *text, const char *what, struct err *e)
{
    json_error_t why;
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &why);

    if (j && json_is_object(j))
        return j;
    json_decref(j);
    (void)err_set(e, EPROTO, ERR_IO, "'%s' answered with something else than JSON", what);
    return NULL;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

/* A monolithic VMDK names itself as its only extent. */
static bool has_more_extents(const json_t *data)
{
    return json_array_size(json_object_get(data, "extents")) > 1;
}

static int refuse_references(const json_t *j, struct err *e)
{
    const json_t *data = json_object_get(json_object_get(j, "format-specific"), "data");

    if (json_object_get(j, "backing-filename") || json_object_get(j, "full-backing-filename"))
        return err_set(e, EINVAL, ERR_INVALID, "it needs a backing file");
    if (json_object_get(data, "data-file"))
        return err_set(e, EINVAL, ERR_INVALID, "its data lies in another file");
    if (has_more_extents(data))
        return err_set(e, EINVAL, ERR_INVALID, "its data lies in several files");
    if (json_is_true(json_object_get(j, "encrypted")) || json_object_get(data, "encrypt"))
        return err_set(e, EINVAL, ERR_INVALID, "it is encrypted");
    if (json_is_true(json_object_get(data, "corrupt")))
        return err_set(e, EINVAL, ERR_CORRUPT, "it is marked corrupt");
    return 0;
}

static int judge_info(const json_t *j, enum image_format named, uint64_t *ret_bytes, struct err *e)
{
    const char *format = text_of(j, "format");
    json_int_t size = json_integer_value(json_object_get(j, "virtual-size"));
    char show[32];
    int r;

    if (!str_eq(format, image_format_driver(named)))
        return err_set(e, EINVAL, ERR_INVALID, "it is of the format '%s'",
                       str_show(format, show, sizeof show));
    r = refuse_references(j, e);
    if (r < 0)
        return r;
    if (size <= 0)
        return err_set(e, EINVAL, ERR_INVALID, "the disk is empty");
    if ((uint64_t)size > PLAN_VOLUME_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a disk of %lld bytes is over the limit of 64 TiB",
                       (long long)size);
    *ret_bytes = (uint64_t)size;
    return 0;
}

int image_info_judge(const char *json, enum image_format named, uint64_t *ret_bytes, struct err *e)
{
    json_t *j = load(json, "qemu-img info", e);
    int r;

    if (!j)
        return -e->no;
    r = judge_info(j, named, ret_bytes, e);
    json_decref(j);
    return r;
}

static int judge_check(const json_t *j, uint64_t file_bytes, struct err *e)
{
    json_int_t bad = json_integer_value(json_object_get(j, "corruptions"));
    json_int_t failed = json_integer_value(json_object_get(j, "check-errors"));
    json_int_t end = json_integer_value(json_object_get(j, "image-end-offset"));

    if (bad > 0)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "'qemu-img check' found %lld errors in it (truncated, or damaged)",
                       (long long)bad);
    if (failed > 0)
        return err_set(e, EIO, ERR_IO, "'qemu-img check' could not read all of it");
    /* The last cluster may be cut: its rest is zeros. */
    if (file_bytes && end > 0 && (uint64_t)end > file_bytes && (uint64_t)end - file_bytes > MIB(2))
        return err_set(e, EINVAL, ERR_CORRUPT, "it is truncated: %llu of %lld bytes",
                       (unsigned long long)file_bytes, (long long)end);
    return 0;
}

int image_check_judge(const char *json, uint64_t file_bytes, struct err *e)
{
    json_t *j = load(json, "qemu-img check", e);
    int r;

    if (!j)
        return -e->no;
    r = judge_check(j, file_bytes, e);
    json_decref(j);
    return r;
}
