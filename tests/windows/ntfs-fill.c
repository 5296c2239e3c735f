/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ntfs-fill VOLUME: puts files into an NTFS volume without mounting it. Of tests: uses libntfs-3g
 * by its own path to a volume file, and nothing of Kiln. Lines on stdin, fields separated by tabs:
 *   d PATH                a directory; parents must exist
 *   f PATH HOSTFILE       a file with the content of HOSTFILE
 *   z PATH BYTES          a file of that many bytes that compress badly
 *   t PATH TEXT           a file with this text and a newline
 *   s PATH HEX            a security descriptor, self-relative
 *   a PATH NUMBER         FILE_ATTRIBUTE_* bits
 *   x PATH                deletes a file or an empty directory
 *   n PATH NAME           its short (DOS) name
 *   j PATH HOSTFILE       a file with the stream $J, as the journal of changes is
 *   q HEX HEX             two tables of owners for $Quota: what goes into $O and into $Q
 *   l HEX                 into the middle of $LogFile, and behind the last entry of $Secure:$SDS
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

static size_t unhex(const char *hex, unsigned char *out, size_t max)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n && i < max; i++) {
        unsigned v = 0;

        sscanf(hex + 2 * i, "%2x", &v);
        out[i] = (unsigned char)v;
    }
    return n;
}

static void delete (const char *path)
{
    char *dir = strdup(path), *slash = strrchr(dir, '/'), rooted[4096];
    ntfs_inode *ni = open_path(path), *dir_ni;
    ntfschar *name = NULL;
    int len = ntfs_mbstoucs(slash ? slash + 1 : dir, &name);

    if (slash)
        *slash = '\0';
    dir_ni = open_path(slash ? dir : "");
    snprintf(rooted, sizeof rooted, "/%s", path);
    if (ntfs_delete(vol, rooted, ni, dir_ni, name, (u8)len))
        die("delete", path);
    ntfs_ucsfree(name);
    free(dir);
}

static void set_short(const char *path, const char *name)
{
    char *dir = strdup(path), *slash = strrchr(dir, '/');
    ntfs_inode *ni = open_path(path), *dir_ni;

    if (slash)
        *slash = '\0';
    dir_ni = open_path(slash ? dir : "");
    if (ntfs_set_ntfs_dos_name(ni, dir_ni, name, strlen(name), 0)) /* closes both */
        die("set the short name of", path);
    free(dir);
}

static void journal(const char *path, const char *host)
{
    static ntfschar name[] = { const_cpu_to_le16('$'), const_cpu_to_le16('J') };
    unsigned char data[65536];
    FILE *f = fopen(host, "rb");
    size_t n = f ? fread(data, 1, sizeof data, f) : 0;
    ntfs_inode *ni;

    make(path, S_IFREG, NULL, 0);
    ni = open_path(path);
    if (!n || ntfs_attr_add(ni, AT_DATA, name, 2, data, (s64)n) || ntfs_inode_close(ni))
        die("make the journal", path);
    fclose(f);
}

/* Entries of the root go into one block below it, behind all that is there. */
static void add_owners(ntfs_inode *ni, char which, const char *hex)
{
    ntfschar name[] = { const_cpu_to_le16('$'), (ntfschar)which };
    static unsigned char block[4096], root[1024], one[8] = { 1 };
    ntfs_attr *na = ntfs_attr_open(ni, AT_INDEX_ROOT, name, 2);
    INDEX_ROOT *r = (INDEX_ROOT *)root;
    INDEX_BLOCK *b = (INDEX_BLOCK *)block;
    size_t n, at = 24 + 0x28, end;

    if (!na || ntfs_attr_pread(na, 0, na->data_size, root) != na->data_size)
        die("read", "$Quota");
    memset(block, 0, sizeof block);
    b->magic = magic_INDX;
    b->usa_ofs = const_cpu_to_le16(0x28);
    b->usa_count = const_cpu_to_le16(9);
    b->index.entries_offset = const_cpu_to_le32(0x28);
    b->index.allocated_size = const_cpu_to_le32(4096 - 24);
    n = unhex(hex, block + at, sizeof block - at);
    block[at + n + 8] = 16;
    block[at + n + 12] = 2; /* the end */
    b->index.index_length = (le32)(0x28 + n + 16);
    end = 16 + r->index.index_length - 16; /* the root's own end gets a child: block 0 */
    root[end + 8] = 24;
    root[end + 12] = 3;
    memset(root + end + 16, 0, 8);
    r->index.index_length += 8;
    r->index.allocated_size = r->index.index_length;
    r->index.ih_flags = LARGE_INDEX;
    if (ntfs_attr_truncate(na, na->data_size + 8) ||
        ntfs_attr_pwrite(na, 0, na->data_size, root) != na->data_size)
        die("write", "$Quota");
    ntfs_attr_close(na);
    if (ntfs_attr_add(ni, AT_INDEX_ALLOCATION, name, 2, block, sizeof block) ||
        ntfs_attr_add(ni, AT_BITMAP, name, 2, one, sizeof one))
        die("enlarge", "$Quota");
    na = ntfs_attr_open(ni, AT_INDEX_ALLOCATION, name, 2);
    if (!na || ntfs_attr_mst_pwrite(na, 0, 1, sizeof block, block) != 1)
        die("write", "$Quota");
    ntfs_attr_close(na);
}

static void quota(const char *o, const char *q)
{
    ntfs_inode *ni = open_path("$Extend/$Quota");

    add_owners(ni, 'O', o);
    add_owners(ni, 'Q', q);
    if (ntfs_inode_close(ni))
        die("write", "$Quota");
}

static void log_bytes(const char *hex)
{
    unsigned char data[4096];
    size_t n = unhex(hex, data, sizeof data);
    ntfs_inode *ni = ntfs_inode_open(vol, FILE_LogFile);
    ntfs_attr *na = ni ? ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0) : NULL;

    if (!na || ntfs_attr_pwrite(na, na->data_size / 2 + 12288, (s64)n, data) != (s64)n)
        die("write", "$LogFile");
    ntfs_attr_close(na);
    ntfs_inode_close(ni);
    na = ntfs_attr_open(vol->secure_ni, AT_DATA, STREAM_SDS, 4);
    if (!na || ntfs_attr_pwrite(na, 0x3f010, (s64)n, data) != (s64)n)
        die("write", "$Secure");
    ntfs_attr_close(na);
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
    case 'x':
        delete (path);
        break;
    case 'n':
        set_short(path, a);
        break;
    case 'j':
        journal(path, a);
        break;
    case 'q':
        quota(path, a);
        break;
    case 'l':
        log_bytes(path);
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
