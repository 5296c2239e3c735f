/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, tags, devices and volume shapes: what EC2 allows. */
#include "rules.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "parse.h"
#include "str.h"
#include "utf8.h"

#define IMAGE_NAME_MIN   3
#define DESCRIPTION_MAX  255
#define KEY_NAME_MAX     255
#define TAG_KEY_MAX      128
#define TAG_VALUE_MAX    256
#define EPHEMERAL_MAX    23
#define GP3_IOPS         3000
#define GP3_THROUGHPUT   125
#define SHOWN            160
#define SD_PARTITION_MAX 15

/* ---- names ----------------------------------------------------------------------------------- */

int rules_image_name(const char *name, struct err *e)
{
    size_t n = strlen(name);

    if (n >= IMAGE_NAME_MIN && n <= MODEL_NAME_MAX &&
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                     "()[] ./-'@_") == n)
        return 0;
    return err_set(e, EILSEQ, ERR_INVALID,
                   "AMI names must be between 3 and 128 characters long, and may contain letters, "
                   "numbers, '(', ')', '.', '-', '/' and '_'");
}

int rules_description(const char *text, struct err *e)
{
    size_t n = utf8_count(text);

    if (n <= DESCRIPTION_MAX)
        return 0;
    return err_set(e, EINVAL, ERR_INVALID,
                   "Value for parameter Description is invalid. It has %zu characters, at most %d "
                   "are allowed",
                   n, DESCRIPTION_MAX);
}

int rules_key_name(const char *name, struct err *e)
{
    char shown[SHOWN];
    size_t n = strlen(name);
    bool ok = n > 0 && n <= KEY_NAME_MAX && name[0] != ' ' && name[n - 1] != ' ';

    for (size_t i = 0; i < n && ok; i++)
        ok = name[i] >= ' ' && name[i] <= '~';
    if (ok)
        return 0;
    return err_set(e, EINVAL, ERR_INVALID,
                   "Value (%s) for parameter KeyName is invalid. It must be 1 to 255 ASCII "
                   "characters without blanks at its ends",
                   str_show(name, shown, sizeof shown));
}

bool rules_tag_is_reserved(const char *key)
{
    return strncasecmp(key, "aws:", 4) == 0;
}

int rules_tag(const char *key, const char *value, struct err *e)
{
    if (rules_tag_is_reserved(key))
        return err_set(e, EINVAL, ERR_INVALID,
                       "Tag keys starting with 'aws:' are reserved for internal use");
    if (!key[0])
        return err_set(e, EINVAL, ERR_INVALID, "Tag keys must have at least one character");
    if (!utf8_valid(key, strlen(key)) || !utf8_valid(value, strlen(value)))
        return err_set(e, EINVAL, ERR_INVALID, "Tag keys and values must be UTF-8");
    if (utf8_count(key) > TAG_KEY_MAX)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Tag key exceeds the maximum length of 128 characters");
    if (utf8_count(value) > TAG_VALUE_MAX)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Tag value exceeds the maximum length of 256 characters");
    return 0;
}

/* ---- devices --------------------------------------------------------------------------------- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* What follows the disk's first letter: nothing, or a partition number 1-15. */
static bool is_partition(const char *s)
{
    uint64_t n;

    return !*s || (*s != '0' && parse_u64(s, 1, SD_PARTITION_MAX, &n) == 0);
}

int rules_device_name(const char *device, struct err *e)
{
    char shown[SHOWN];
    const char *p = str_starts(device, "/dev/") ? device + 5 : device;
    bool ok = false;

    if (str_starts(p, "sd") && is_lower(p[2]))
        ok = is_partition(p + 3);
    else if (str_starts(p, "xvd") && is_lower(p[3])) /* xvda, xvda1, xvdba ... xvddz */
        ok = is_partition(p + 4) || (p[3] >= 'b' && p[3] <= 'd' && is_lower(p[4]) && p[5] == '\0');
    if (ok && strlen(device) < MODEL_DEVICE_MAX)
        return 0;
    (void)str_show(device, shown, sizeof shown);
    return err_set(e, EINVAL, ERR_INVALID,
                   "Value (%s) for parameter device is invalid. %s is not a valid EBS device name.",
                   shown, shown);
}

int rules_ephemeral_number(const char *virtual_name)
{
    uint64_t n;

    if (!str_starts(virtual_name, "ephemeral"))
        return -EINVAL;
    virtual_name += strlen("ephemeral");
    if (parse_u64(virtual_name, 0, EPHEMERAL_MAX, &n) < 0 || (virtual_name[0] == '0' && n > 0) ||
        (n == 0 && virtual_name[1]))
        return -EINVAL;
    return (int)n;
}

/* ---- volumes --------------------------------------------------------------------------------- */

static const struct volume_type {
    const char *name;
    uint64_t gib_min, gib_max;
    uint32_t iops_min, iops_max; /* 0: may not be given */
    uint32_t iops_default;       /* 0 with a range: must be given */
    uint32_t iops_per_gib;
    uint32_t throughput_min, throughput_max, throughput_default;
} volume_types[] = {
    { "gp2", 1, 16384, 0, 0, 0, 0, 0, 0, 0 },
    { "gp3", 1, 65536, 3000, 80000, GP3_IOPS, 500, 125, 2000, GP3_THROUGHPUT },
    { "io1", 4, 16384, 100, 64000, 0, 50, 0, 0, 0 },
    { "io2", 4, 65536, 100, 256000, 0, 1000, 0, 0, 0 },
    { "sc1", 125, 16384, 0, 0, 0, 0, 0, 0, 0 },
    { "st1", 125, 16384, 0, 0, 0, 0, 0, 0, 0 },
    { "standard", 1, 1024, 0, 0, 0, 0, 0, 0, 0 },
};

static const struct volume_type *find_volume_type(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(volume_types); i++)
        if (str_eq(volume_types[i].name, name))
            return &volume_types[i];
    return NULL;
}

static int check_iops(const struct volume_type *t, uint64_t size_gib, uint32_t iops, struct err *e)
{
    if (!t->iops_max)
        return iops ? err_set(e, ENOTSUP, ERR_INVALID,
                              "The parameter iops is not supported for %s volumes.", t->name)
                    : 0;
    if (!iops)
        return err_set(e, ENODATA, ERR_INVALID,
                       "The request must contain the parameter iops for %s volumes", t->name);
    if (iops < t->iops_min || iops > t->iops_max)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Value (%u) for parameter iops is invalid. %s volumes have %u to %u", iops,
                       t->name, t->iops_min, t->iops_max);
    /* The baseline comes with every size. */
    if (iops > t->iops_default && iops > size_gib * t->iops_per_gib)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Value (%u) for parameter iops is invalid. A %s volume of %llu GiB has at "
                       "most %u for each GiB",
                       iops, t->name, (unsigned long long)size_gib, t->iops_per_gib);
    return 0;
}

static int check_throughput(const struct volume_type *t, uint32_t iops, uint32_t throughput,
                            struct err *e)
{
    if (!t->throughput_max)
        return throughput
                   ? err_set(e, ENOTSUP, ERR_INVALID,
                             "The parameter throughput is not supported for %s volumes.", t->name)
                   : 0;
    if (throughput < t->throughput_min || throughput > t->throughput_max)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Value (%u) for parameter throughput is invalid. %s volumes have %u to %u "
                       "MiB/s",
                       throughput, t->name, t->throughput_min, t->throughput_max);
    if (throughput > iops / 4)
        return err_set(e, ENOTSUP, ERR_INVALID,
                       "Throughput of %u MiB/s needs at least %u IOPS, the volume has %u",
                       throughput, throughput * 4, iops);
    return 0;
}

int rules_volume(char type[16], uint64_t size_gib, uint32_t *iops, uint32_t *throughput,
                 struct err *e)
{
    const struct volume_type *t = find_volume_type(type[0] ? type : "gp2");
    char shown[SHOWN];
    uint32_t io, through;
    int r;

    if (!t)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Value (%s) for parameter volumeType is invalid. There is no such type",
                       str_show(type, shown, sizeof shown));
    if (size_gib < t->gib_min || size_gib > t->gib_max)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Volume of %lluGiB is invalid; %s volumes have %llu to %llu GiB",
                       (unsigned long long)size_gib, t->name, (unsigned long long)t->gib_min,
                       (unsigned long long)t->gib_max);
    io = *iops ? *iops : t->iops_default;
    through = *throughput ? *throughput : t->throughput_default;
    r = check_iops(t, size_gib, io, e);
    if (r >= 0)
        r = check_throughput(t, io, through, e);
    if (r < 0)
        return r;
    (void)str_copy(type, 16, t->name); /* the names are shorter */
    *iops = io;
    *throughput = through;
    return 0;
}
