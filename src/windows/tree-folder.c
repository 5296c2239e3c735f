/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of the host as a tree, for reading: a copied Windows tree, a heap of hives, or one hive.
 * Symbolic links are not followed: they would lead out of the folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "str.h"
#include "tree-priv.h"

#define CONFIG      "Windows/System32/config/"
#define EPOCH_TICKS 116444736000000000ULL /* 1970 in FILETIME */

struct folder {
    struct win_tree t;
    int fd;     /* of the folder, or of the folder that holds the one file */
    char *only; /* the one file's name; NULL: all */
};

DEFINE_FREEP(closedir, DIR);

static struct folder *folder_of(struct win_tree *t)
{
    return (struct folder *)t;
}

static void folder_free(struct win_tree *t)
{
    struct folder *f = folder_of(t);

    close_fdp(&f->fd);
    free(f->only);
    free(f);
}

static int absent(const char *path, struct err *e)
{
    return err_set(e, ENOENT, ERR_NOT_FOUND, "'%s' does not exist", path);
}

static int open_dir(int fd, DIR **ret, struct err *e)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *ret = own < 0 ? NULL : fdopendir(own);
    if (!*ret) {
        int r = err_errno(e, "read a directory");

        close_fdp(&own);
        return r;
    }
    return 0;
}

/* The spelling of name in a directory; "" when it is not there. */
static int find_name(int fd, const char *name, char out[NAME_MAX + 1], struct err *e)
{
    _cleanup_(closedirp) DIR *d = NULL;
    struct dirent *de;
    struct stat st;
    int r;

    out[0] = '\0';
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        (void)str_copy(out, NAME_MAX + 1, name);
        return 0;
    }
    r = open_dir(fd, &d, e);
    while (r == 0 && (de = readdir(d)))
        if (strcasecmp(de->d_name, name) == 0) {
            (void)str_copy(out, NAME_MAX + 1, de->d_name);
            break;
        }
    return r;
}

/* Opens what path names, beginning at fd. */
static int open_below(int fd, const char *path, int *ret, struct err *e)
{
    _cleanup_close_ int at = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *p = path;

    if (at < 0)
        return err_errno(e, "open a directory");
    while (*p) {
        char part[NAME_MAX + 1], found[NAME_MAX + 1];
        size_t n = strcspn(p, "/");
        int next, r;

        if (n > NAME_MAX)
            return absent(path, e);
        memcpy(part, p, n);
        part[n] = '\0';
        r = find_name(at, part, found, e);
        if (r == -ENOTDIR) {
            err_clear(e);
            return absent(path, e);
        }
        if (r < 0)
            return r;
        if (!found[0])
            return absent(path, e);
        next = openat(at, found, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (next < 0)
            return errno == ELOOP || errno == ENOTDIR ? absent(path, e)
                                                      : err_errno(e, "open '%s'", path);
        close_fdp(&at);
        at = next;
        p += n + (p[n] == '/');
    }
    *ret = TAKE_FD(at);
    return 0;
}

static int folder_open(struct folder *f, const char *path, int *ret, struct err *e)
{
    struct err first = { 0 };
    size_t n = strlen(CONFIG);
    const char *base = strncasecmp(path, CONFIG, n) == 0 ? path + n : NULL;
    int r;

    if (f->only) {
        base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        if (*path && strcasecmp(base, f->only) != 0)
            return absent(path, e);
        return open_below(f->fd, *path ? f->only : "", ret, e);
    }
    r = open_below(f->fd, path, ret, &first);
    if (r < 0 && first.kind == ERR_NOT_FOUND && base && *base && !strchr(base, '/'))
        return open_below(f->fd, base, ret, e);
    if (r < 0)
        *e = first;
    return r;
}

static void fill_stat(const struct stat *st, struct win_stat *ret)
{
    *ret = (struct win_stat){
        .is_dir = S_ISDIR(st->st_mode),
        .bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
        .mtime = (uint64_t)st->st_mtim.tv_sec * 10000000 + (uint64_t)st->st_mtim.tv_nsec / 100 +
                 EPOCH_TICKS,
        .id = st->st_ino,
    };
}

static int folder_stat(struct win_tree *t, const char *path, struct win_stat *ret, struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct stat st;
    int r = folder_open(folder_of(t), path, &fd, e);

    if (r < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return err_errno(e, "look at '%s'", path);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return absent(path, e);
    fill_stat(&st, ret);
    return 0;
}

static int folder_read_at(struct win_tree *t, const char *path, uint64_t offset, void *buf,
                          size_t len, size_t *ret_len, struct err *e)
{
    _cleanup_close_ int fd = -1;
    size_t n = 0;
    int r = folder_open(folder_of(t), path, &fd, e);

    while (r == 0 && n < len) {
        ssize_t k = pread(fd, (uint8_t *)buf + n, len - n, (off_t)(offset + n));

        if (k < 0 && errno != EINTR)
            return err_errno(e, "read '%s'", path);
        if (k == 0)
            break;
        n += k > 0 ? (size_t)k : 0;
    }
    if (r == 0)
        *ret_len = n;
    return r;
}

static int folder_list(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                       struct err *e)
{
    struct folder *f = folder_of(t);
    _cleanup_(closedirp) DIR *d = NULL;
    _cleanup_close_ int fd = -1;
    struct dirent *de;
    unsigned long seen = 0;
    int r = folder_open(f, path, &fd, e);

    if (r == 0)
        r = open_dir(fd, &d, e);
    while (r == 0 && (de = readdir(d))) {
        struct win_stat ws;
        struct stat st;

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
            (f->only && strcmp(de->d_name, f->only) != 0) ||
            fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
            continue;
        if (++seen > WIN_ENTRIES_MAX)
            return err_set(e, E2BIG, ERR_LIMIT, "'%s' has more than %d names", path,
                           WIN_ENTRIES_MAX);
        fill_stat(&st, &ws);
        r = fn(userdata, de->d_name, &ws, e);
    }
    return r;
}

static int folder_facts(struct win_tree *t, struct win_volume_facts *ret, struct err *e)
{
    (void)t, (void)e;
    (void)str_copy(ret->format, sizeof ret->format, "folder");
    return 0;
}

static const struct win_tree_ops folder_ops = {
    .kind = WIN_TREE_FOLDER,
    .stat = folder_stat,
    .read_at = folder_read_at,
    .list = folder_list,
    .facts = folder_facts,
    .free = folder_free,
};

int win_tree_open_folder(const char *path, struct win_tree **ret, struct err *e)
{
    _cleanup_free_ char *dir = NULL, *only = NULL;
    _cleanup_close_ int fd = -1;
    const char *name;
    struct folder *f;
    struct stat st;
    int r;

    if (stat(path, &st) < 0)
        return err_errno(e, "open '%s'", path);
    if (S_ISREG(st.st_mode)) {
        r = win_path_split(path, &dir, &name, e);
        if (r < 0)
            return r;
        only = strdup(name);
        if (!only)
            return err_oom(e);
        path = *dir ? dir : path[0] == '/' ? "/" : ".";
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    f = calloc(1, sizeof *f);
    if (!f)
        return err_oom(e);
    f->t.ops = &folder_ops;
    f->fd = TAKE_FD(fd);
    f->only = TAKE_PTR(only);
    *ret = &f->t;
    return 0;
}
