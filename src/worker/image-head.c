/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image-head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cur.h"
#include "str.h"

/* A cursor over n bytes at an offset of the first bytes; bad from the start when there are less. */
static struct cur at(const struct image_head *h, uint64_t offset)
{
    struct cur c = cur_over(h->first, h->n_first);

    if (offset > h->n_first)
        c.bad = true, c.left = 0;
    else
        (void)cur_take(&c, (size_t)offset);
    return c;
}

static bool magic_at(const void *p, size_t left, const char *magic, size_t n)
{
    return left >= n && memcmp(p, magic, n) == 0;
}

static bool starts(const struct image_head *h, const char *magic, size_t n)
{
    return magic_at(h->first, h->n_first, magic, n);
}

/* ---- qcow2 (QEMU docs/interop/qcow2.txt) ----------------------------------------------------- */

#define QCOW2_DIRTY     (1U << 0)
#define QCOW2_CORRUPT   (1U << 1)
#define QCOW2_DATA_FILE (1U << 2)

static bool qcow2_is(const struct image_head *h)
{
    return starts(h, "QFI\xfb", 4);
}

static int qcow2_refuse(const struct image_head *h, struct err *e)
{
    struct cur c = at(h, 4), incompat_at = at(h, 72);
    uint32_t version = cur_be32(&c), crypt;
    uint64_t backing = cur_be64(&c), incompat = 0;

    c = at(h, 32);
    crypt = cur_be32(&c);
    if (version >= 3)
        incompat = cur_be64(&incompat_at);
    if (c.bad || incompat_at.bad)
        return err_set(e, EINVAL, ERR_CORRUPT, "the file ends inside of its header");
    if (version != 2 && version != 3)
        return err_set(e, EINVAL, ERR_INVALID, "version %u is unknown", version);
    if (backing)
        return err_set(e, EINVAL, ERR_INVALID,
                       "it needs a backing file; make it stand alone with 'qemu-img convert'");
    if (incompat & QCOW2_DATA_FILE)
        return err_set(e, EINVAL, ERR_INVALID,
                       "its data lies in another file; make it stand alone with "
                       "'qemu-img convert'");
    if (crypt)
        return err_set(e, EINVAL, ERR_INVALID, "it is encrypted");
    if (incompat & QCOW2_CORRUPT)
        return err_set(e, EINVAL, ERR_CORRUPT, "it is marked corrupt");
    if (incompat & QCOW2_DIRTY)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "it was not closed cleanly; repair it with 'qemu-img check -r all'");
    return 0;
}

/* ---- VHD (Microsoft's specification 1.0) ----------------------------------------------------- */

#define VHD_FIXED        2
#define VHD_DYNAMIC      3
#define VHD_DIFFERENCING 4
#define VHD_CREATOR      28
#define VHD_CURRENT_SIZE 48
#define VHD_DISK_TYPE    60
#define VHD_FOOTER_BYTES 512

/* The footer: a copy at the start of dynamic disks, else the last 512 bytes. */
static const uint8_t *vhd_footer(const struct image_head *h)
{
    if (starts(h, "conectix", 8) && h->n_first >= VHD_FOOTER_BYTES)
        return h->first;
    return memcmp(h->last, "conectix", 8) == 0 ? h->last : NULL;
}

static bool vhd_is(const struct image_head *h)
{
    return vhd_footer(h);
}

static int vhd_refuse(const struct image_head *h, struct err *e)
{
    const uint8_t *footer = vhd_footer(h);
    struct cur size_at, type_at;
    uint64_t size;
    uint32_t type;

    if (!footer)
        return err_set(e, EINVAL, ERR_CORRUPT, "it has no footer");
    size_at = cur_over(footer + VHD_CURRENT_SIZE, 8);
    type_at = cur_over(footer + VHD_DISK_TYPE, 4);
    size = cur_be64(&size_at);
    type = cur_be32(&type_at);
    if (type == VHD_DIFFERENCING)
        return err_set(e, EINVAL, ERR_INVALID,
                       "it is a differencing disk and needs its parent; merge it first");
    if (type != VHD_FIXED && type != VHD_DYNAMIC)
        return err_set(e, EINVAL, ERR_INVALID, "disk type %u is unknown", type);
    if (type == VHD_FIXED && size > h->file_bytes - VHD_FOOTER_BYTES)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "it is truncated: a disk of %llu bytes in a file of %llu",
                       (unsigned long long)size, (unsigned long long)h->file_bytes);
    return 0;
}

bool image_head_vhd_exact(const struct image_head *h)
{
    const uint8_t *footer = vhd_footer(h);

    return footer && memcmp(footer + VHD_CREATOR, "vpc ", 4) != 0;
}

/* ---- VHDX ------------------------------------------------------------------------------------ */

static bool vhdx_is(const struct image_head *h)
{
    return starts(h, "vhdxfile", 8);
}

/* Its parent locator lies in a metadata table far behind; QEMU knows no differencing VHDX and says
 * so when it opens one. */
static int vhdx_refuse(const struct image_head *h, struct err *e)
{
    if (h->file_bytes < KIB(320)) /* two headers and two region tables */
        return err_set(e, EINVAL, ERR_CORRUPT, "it is truncated: %llu bytes",
                       (unsigned long long)h->file_bytes);
    return 0;
}

/* ---- VMDK (VMware's Virtual Disk Format 5.0) ------------------------------------------------- */

#define VMDK_DESCRIPTOR_MAX KIB(20)

static bool vmdk_is_descriptor(const struct image_head *h)
{
    return starts(h, "# Disk Descriptor", 17);
}

static bool vmdk_is(const struct image_head *h)
{
    return starts(h, "KDMV", 4) || starts(h, "COWD", 4) || vmdk_is_descriptor(h);
}

/* The value behind "key=" at the start of a line, without quotes; "" when there is none. */
static void descriptor_value(const char *text, const char *key, char *ret, size_t size)
{
    size_t n = strlen(key), k = 0;

    ret[0] = '\0';
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, " \t\r\n");
        if (strncasecmp(line, key, n) != 0)
            continue;
        line += n;
        line += strspn(line, " \t");
        if (*line++ != '=')
            continue;
        for (line += strspn(line, " \t\""); *line && !strchr("\"\r\n", *line) && k + 1 < size;)
            ret[k++] = *line++;
        ret[k] = '\0';
        return;
    }
}

static int vmdk_descriptor_refuse(const char *text, struct err *e)
{
    char type[64], parent[64], hint[64], show[64];

    descriptor_value(text, "createType", type, sizeof type);
    descriptor_value(text, "parentCID", parent, sizeof parent);
    descriptor_value(text, "parentFileNameHint", hint, sizeof hint);
    if (hint[0] || (parent[0] && strcasecmp(parent, "ffffffff") != 0))
        return err_set(e, EINVAL, ERR_INVALID, "it is a delta and needs its parent disk");
    if (!type[0])
        return err_set(e, EINVAL, ERR_INVALID, "it is one piece of a split disk");
    if (!str_eq_nocase(type, "monolithicSparse") && !str_eq_nocase(type, "streamOptimized"))
        return err_set(e, EINVAL, ERR_INVALID,
                       "its type '%s' may refer to other files; only monolithicSparse and "
                       "streamOptimized stand alone",
                       str_show(type, show, sizeof show));
    return 0;
}

static int vmdk_sparse_refuse(const struct image_head *h, struct err *e)
{
    struct cur c = at(h, 12), d = at(h, 28);
    uint64_t capacity = cur_le64(&c), desc = cur_le64(&d), sectors = cur_le64(&d), n;
    char text[VMDK_DESCRIPTOR_MAX + 1];
    const void *p;

    if (c.bad || d.bad)
        return err_set(e, EINVAL, ERR_CORRUPT, "the file ends inside of its header");
    if (capacity == 0)
        return err_set(e, EINVAL, ERR_INVALID, "it only describes other files");
    if (desc == 0)
        return err_set(e, EINVAL, ERR_INVALID, "it is one piece of a split disk");
    /* QEMU reads at most 20 sectors' worth of descriptor; more than that is nobody's. */
    n = sectors > VMDK_DESCRIPTOR_MAX / 512 ? VMDK_DESCRIPTOR_MAX : sectors * 512;
    c = desc > IMAGE_FIRST_MAX / 512 ? at(h, UINT64_MAX) : at(h, desc * 512);
    p = cur_take(&c, (size_t)min_u64(n, c.left));
    if (!p || c.bad || n == 0)
        return err_set(e, EINVAL, ERR_CORRUPT, "its descriptor is not where it should be");
    n = min_u64(n, h->n_first - desc * 512);
    memcpy(text, p, (size_t)n);
    text[n] = '\0';
    return vmdk_descriptor_refuse(text, e);
}

static int vmdk_refuse(const struct image_head *h, struct err *e)
{
    if (vmdk_is_descriptor(h))
        return err_set(e, EINVAL, ERR_INVALID,
                       "it is a descriptor that refers to other files; make one file of them "
                       "with 'qemu-img convert'");
    return starts(h, "KDMV", 4) ? vmdk_sparse_refuse(h, e) : 0;
}

/* ---- all formats ----------------------------------------------------------------------------- */

static const struct {
    const char *name, *driver;
    bool (*is)(const struct image_head *h);
    int (*refuse)(const struct image_head *h, struct err *e);
} formats[IMAGE_FORMAT_MAX] = {
    [IMAGE_RAW] = { "raw", "raw", NULL, NULL },
    [IMAGE_QCOW2] = { "qcow2", "qcow2", qcow2_is, qcow2_refuse },
    [IMAGE_VHD] = { "vhd", "vpc", vhd_is, vhd_refuse },
    [IMAGE_VHDX] = { "vhdx", "vhdx", vhdx_is, vhdx_refuse },
    [IMAGE_VMDK] = { "vmdk", "vmdk", vmdk_is, vmdk_refuse },
};

const char *image_format_name(enum image_format f)
{
    return (unsigned)f < IMAGE_FORMAT_MAX ? formats[f].name : "unknown";
}

const char *image_format_driver(enum image_format f)
{
    return (unsigned)f < IMAGE_FORMAT_MAX ? formats[f].driver : "unknown";
}

int image_format_parse(const char *name, enum image_format *ret)
{
    for (unsigned i = 0; i < IMAGE_FORMAT_MAX; i++)
        if (strcmp(name, formats[i].name) == 0) {
            *ret = (enum image_format)i;
            return 0;
        }
    return -EINVAL;
}

enum image_format image_head_sniff(const struct image_head *h)
{
    for (unsigned i = 0; i < IMAGE_FORMAT_MAX; i++)
        if (formats[i].is && formats[i].is(h))
            return (enum image_format)i;
    return IMAGE_FORMAT_MAX;
}

int image_head_check(const struct image_head *h, enum image_format named, struct err *e)
{
    enum image_format is = image_head_sniff(h);

    if (is == IMAGE_FORMAT_MAX && named == IMAGE_RAW)
        return 0;
    if (is == IMAGE_FORMAT_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "it does not look like a %s image",
                       image_format_name(named));
    if (is != named)
        return err_set(e, EINVAL, ERR_INVALID, "it is a %s image; name its format",
                       image_format_name(is));
    return formats[is].refuse(h, e);
}
