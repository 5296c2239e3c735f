/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ntfs-fill VOLUME: puts files into an NTFS volume without mounting it. Of tests: uses libntfs-3g
 * by its own path to a volume file, and nothing of Kiln. Lines on stdin, fields separated by tabs:
 *   d PATH                a directory; parents must exist
 *   f PATH HOSTFILE       a file with the content of HOSTFILE
 *   z PATH BYTES          a file of that many bytes that compress badly
 *   t PATH TEXT           a file with this text and a newline
 *   s PATH HEX            a security descriptor, self-relative
 *   a PATH NUMBER         FILE_ATTRIBUTE_* bits
 *   w PATH                make it look compressed by WOF: sparse, stream, reparse point
 *   m PATH COUNT BYTES    COUNT files of BYTES each below PATH, 200 in a directory */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#define HAVE_STDARG_H    1
#define HAVE_SYS_STAT_H  1
#define HAVE_SYS_TYPES_H 1
#define HAVE_TIME_H      1
#include <ntfs-3g/types.h>

#include <ntfs-3g/volume.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/reparse.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>

static ntfs_volume *vol;
static struct SECURITY_CONTEXT scx;
static struct PERMISSIONS_CACHE *cache;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "ntfs-fill: %s '%s': %m\n", what, path);
    exit(1);
}

static ntfs_inode *open_path(const char *path)
{
    ntfs_inode *ni = ntfs_pathname_to_inode(vol, NULL, *path ? path : "/");

    if (!ni)
        die("open", path);
    return ni;
}

static void make(const char *path, mode_t type, const void *data, size_t n)
{
    char *dir = strdup(path), *slash = strrchr(dir, '/');
    ntfs_inode *dir_ni, *ni;
    ntfschar *name = NULL;
    ntfs_attr *na;
    int len;

    len = ntfs_mbstoucs(slash ? slash + 1 : dir, &name);
    if (slash)
        *slash = '\0';
    dir_ni = open_path(slash ? dir : "");
    ni = ntfs_create(dir_ni, ntfs_inherited_id(&scx, dir_ni, type == S_IFDIR), name, (u8)len, type);
    if (!ni)
        die("create", path);
    if (n) {
        na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
        if (!na || ntfs_attr_pwrite(na, 0, (s64)n, data) != (s64)n)
            die("write", path);
        ntfs_attr_close(na);
    }
    if (ntfs_inode_close_in_dir(ni, dir_ni) || ntfs_inode_close(dir_ni))
        die("close", path);
    ntfs_ucsfree(name);
    free(dir);
}

static void from_host(const char *path, const char *host)
{
    FILE *f = fopen(host, "rb");
    struct stat st;
    char *data;

    if (!f || fstat(fileno(f), &st) < 0)
        die("read", host);
    data = malloc((size_t)st.st_size + 1);
    if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        die("read", host);
    fclose(f);
    make(path, S_IFREG, data, (size_t)st.st_size);
    free(data);
}

static void noise(const char *path, size_t n)
{
    static unsigned long long x = 88172645463325252ULL;
    unsigned char *p = malloc(n + 8);

    for (size_t i = 0; p && i < n; i += 8) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        memcpy(p + i, &x, 8);
    }
    make(path, S_IFREG, p, n);
    free(p);
}

static void many(const char *path, unsigned long count, size_t bytes)
{
    char name[512];

    for (unsigned long i = 0; i < count; i++) {
        if (i % 200 == 0) {
            snprintf(name, sizeof name, "%s/d%05lu", path, i / 200);
            make(name, S_IFDIR, NULL, 0);
        }
        snprintf(name, sizeof name, "%s/d%05lu/file-%07lu.dat", path, i / 200, i);
        noise(name, bytes);
    }
}

static void set_security(const char *path, const char *hex)
{
    ntfs_inode *ni = open_path(path);
    char sd[4096];
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n && i < sizeof sd; i++) {
        unsigned v = 0;

        sscanf(hex + 2 * i, "%2x", &v);
        sd[i] = (char)v;
    }
    if (ntfs_set_ntfs_acl(&scx, ni, sd, n, 0) || ntfs_inode_close(ni))
        die("set the security of", path);
}

static void set_attributes(const char *path, const char *number)
{
    u32 v = (u32)strtoul(number, NULL, 0);
    ntfs_inode *ni = open_path(path);

    if (ntfs_set_ntfs_attrib(ni, (const char *)&v, sizeof v, 0) || ntfs_inode_close(ni))
        die("set the attributes of", path);
}

/* A reparse point of the overlay filter: tag, length, version 1, provider 2 (file), version 1,
 * algorithm 0; and the stream that would hold the compressed content. */
static void make_wof(const char *path)
{
    static const unsigned char data[24] = { 0x17, 0, 0, 0x80, 16, 0, 0, 0, 1, 0, 0, 0,
                                            2,    0, 0, 0,    1,  0, 0, 0, 0, 0, 0, 0 };
    ntfs_inode *ni = open_path(path);
    ntfschar *name = NULL;
    int len = ntfs_mbstoucs("WofCompressedData", &name);

    if (ntfs_attr_add(ni, AT_DATA, name, (u8)len, (const u8 *)"compressed", 10) ||
        ntfs_set_ntfs_reparse_data(ni, (const char *)data, sizeof data, 0) || ntfs_inode_close(ni))
        die("mark as compressed", path);
    ntfs_ucsfree(name);
}

static void line(char *text)
{
    char *rest = text, *what = strsep(&rest, "\t"), *path = strsep(&rest, "\t"), *a = NULL, *b;

    if (!path)
        die("read a line", text);
    a = strsep(&rest, "\t");
    b = rest;
    switch (*what) {
    case 'd':
        make(path, S_IFDIR, NULL, 0);
        break;
    case 'f':
        from_host(path, a);
        break;
    case 'z':
        noise(path, strtoul(a, NULL, 0));
        break;
    case 't':
        make(path, S_IFREG, a ? a : "", a ? strlen(a) : 0);
        break;
    case 's':
        set_security(path, a);
        break;
    case 'a':
        set_attributes(path, a);
        break;
    case 'w':
        make_wof(path);
        break;
    case 'm':
        many(path, strtoul(a, NULL, 0), strtoul(b, NULL, 0));
        break;
    default:
        die("understand", what);
    }
}

int main(int argc, char **argv)
{
    static char text[1 << 16];

    if (argc != 2)
        return 2;
    ntfs_set_char_encoding("utf8");
    vol = ntfs_mount(argv[1], 0);
    if (!vol)
        die("mount", argv[1]);
    if (!vol->secure_ni)
        ntfs_open_secure(vol);
    scx.vol = vol;
    scx.pseccache = &cache;
    while (fgets(text, sizeof text, stdin)) {
        text[strcspn(text, "\n")] = '\0';
        if (*text)
            line(text);
    }
    if (ntfs_umount(vol, FALSE))
        die("unmount", argv[1]);
    return 0;
}
