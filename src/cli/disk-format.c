/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "str.h"

#define SECTOR 512

static const struct {
    const char *suffix, *format;
} suffixes[] = {
    { ".raw", "raw" }, { ".img", "raw" },   { ".qcow2", "qcow2" }, { ".vhd", "vhd" },
    { ".vpc", "vhd" }, { ".vhdx", "vhdx" }, { ".vmdk", "vmdk" },
};

static const struct {
    const char *magic, *format;
} magics[] = {
    { "QFI\xfb", "qcow2" },    { "vhdxfile", "vhdx" }, { "KDMV", "vmdk" },
    { "# Disk Desc", "vmdk" }, { "conectix", "vhd" },
};

const char *disk_format_of_name(const char *path)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < ARRAY_LEN(suffixes); i++)
        if (str_eq_nocase(dot, suffixes[i].suffix))
            return suffixes[i].format;
    return NULL;
}

const char *disk_format_of_bytes(const void *first, size_t n_first, const void *last, size_t n_last)
{
    for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
        size_t n = strlen(magics[i].magic);

        if (n_first >= n && memcmp(first, magics[i].magic, n) == 0)
            return magics[i].format;
    }
    /* A fixed VHD is the bare disk with a footer behind it. */
    return n_last >= 8 && memcmp(last, "conectix", 8) == 0 ? "vhd" : NULL;
}

static int size_of(int fd, const char *path, uint64_t *ret, struct err *e)
{
    off_t end = lseek(fd, 0, SEEK_END); /* of a block device, too */
    struct stat st;

    if (end < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "find the size of '%s'", path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is neither a file nor a block device", path);
    *ret = (uint64_t)end;
    return 0;
}

static int magic_of(const char *path, const char **ret, struct err *e)
{
    /* O_NONBLOCK: the open of a FIFO would wait for a writer */
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t first[SECTOR] = { 0 }, last[SECTOR] = { 0 };
    uint64_t size = 0;
    size_t n;
    int r;

    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    r = size_of(fd, path, &size, e);
    if (r < 0)
        return r;
    n = (size_t)min_u64(size, SECTOR);
    r = pread_full(fd, first, n, 0);
    if (r >= 0)
        r = pread_full(fd, last, n, size - n);
    if (r < 0)
        return err_no(e, -r, "read '%s'", path);
    *ret = disk_format_of_bytes(first, n, last, n);
    return 0;
}

int disk_format_guess(const char *path, const char **ret, struct err *e)
{
    const char *name = disk_format_of_name(path), *magic = NULL;
    int r = magic_of(path, &magic, e);

    if (r < 0)
        return r;
    if (name && magic && !str_eq(name, magic))
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' is called %s and begins like %s: name its format with --format", path,
                       name, magic);
    if (!name && !magic)
        return err_set(e, EINVAL, ERR_INVALID,
                       "neither name nor content of '%s' tell its format: name it with --format",
                       path);
    *ret = magic ? magic : name;
    return 0;
}
