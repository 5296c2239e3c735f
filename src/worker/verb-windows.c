/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One action on one Windows disk: a disk file of any format, a volume's export, or a folder. The
 * request is read first, with all files that it names; then the disk is opened; then the worker
 * fences itself in, and only then reads what the disk holds. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cow.h"
#include "diff.h"
#include "file.h"
#include "image.h"
#include "run.h"
#include "sandbox.h"
#include "str.h"

#define MEMORY_MAX GIB(2) /* of addresses: a hive has at most 512 MiB */

/* What is open of one disk. */
struct opened {
    struct image image;
    struct win_disk *disk; /* NULL: a folder */
    char *journal;         /* beside a disk file, or as the request names it; NULL: none */
    char *folder;          /* of the journal */
    int dir;
};

#define OPENED_INIT                                                                                \
    {                                                                                              \
        .image = IMAGE_INIT, .dir = -1                                                             \
    }

static void opened_done(struct opened *o)
{
    win_disk_free(o->disk);
    image_done(&o->image);
    close_fdp(&o->dir);
    free(o->journal);
    free(o->folder);
}

/* ---- locks ----------------------------------------------------------------------------------- */

/* QEMU's own protocol ("Disk image file locking" in its manual): who uses an image holds read
 * locks on bytes from 100, one for each permission that it uses, and from 200, one for each that
 * others must not have; who finds a foreign lock in the way stays out. */
enum {
    BYTE_USE = 100,
    BYTE_DENY = 200,
    BIT_READ = 0,
    BIT_WRITE = 1,
    BIT_RESIZE = 3,
    BYTES_ALL = 108, /* bytes of both groups */
};

static bool is_locked(int fd, short type, off_t at, off_t len)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len };

    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* A file system without locks protects nobody from anybody. */
static bool take_lock(int fd, short type, off_t at, off_t len)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len };

    return fcntl(fd, F_OFD_SETLK, &l) == 0 || errno == EINVAL || errno == ENOLCK;
}

static int lock_raw(int fd, bool writable, struct err *e)
{
    bool ok;

    if (writable) {
        ok = !is_locked(fd, F_WRLCK, BYTE_USE, BYTES_ALL) &&
             take_lock(fd, F_WRLCK, BYTE_USE, BYTES_ALL);
    } else {
        ok = !is_locked(fd, F_WRLCK, BYTE_USE + BIT_WRITE, 1) &&
             !is_locked(fd, F_WRLCK, BYTE_USE + BIT_RESIZE, 1) &&
             !is_locked(fd, F_WRLCK, BYTE_DENY + BIT_READ, 1) &&
             take_lock(fd, F_RDLCK, BYTE_USE + BIT_READ, 1) &&
             take_lock(fd, F_RDLCK, BYTE_DENY + BIT_WRITE, 1) &&
             take_lock(fd, F_RDLCK, BYTE_DENY + BIT_RESIZE, 1);
    }
    return ok ? 0
              : err_set(e, EBUSY, ERR_CONFLICT,
                        "it is in use by another process, as a running virtual machine");
}

/* ---- opening --------------------------------------------------------------------------------- */

static int journal_of(struct opened *o, const char *path, struct err *e)
{
    const char *slash;
    _cleanup_free_ char *real = realpath(path, NULL);

    if (!real)
        return err_errno(e, "find '%s'", path);
    slash = strrchr(real, '/');
    o->journal = xasprintf("%s.kiln-journal", real);
    o->folder = slash == real ? xstrdup("/") : xasprintf("%.*s", (int)(slash - real), real);
    o->dir = open(o->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return o->dir < 0 ? err_errno(e, "open '%s'", o->folder) : 0;
}

static int open_image(struct opened *o, const struct windows_disk_spec *d, bool writable,
                      struct err *e)
{
    int fd, r;

    o->image.writable = writable;
    o->image.trust_raw = true;
    r = image_open(&o->image, d->path, d->format, e);
    if (r < 0)
        return r;
    if (o->image.format == IMAGE_RAW) {
        r = lock_raw(o->image.fd, writable, e);
        if (r == 0)
            r = win_disk_take_fd(TAKE_FD(o->image.fd), writable, &o->disk, e);
        return r;
    }
    r = image_serve_fd(&o->image, &fd, e);
    if (r == 0)
        r = win_disk_take_nbd(fd, "", writable, &o->disk, e);
    if (r < 0)
        image_blame(&o->image, e);
    return r;
}

/* The request's: below a directory that is there. */
static int named_journal(struct opened *o, const char *journal, struct err *e)
{
    const char *slash = strrchr(journal, '/');

    if (slash == journal)
        return err_set(e, EINVAL, ERR_INVALID, "the journal '%s' is not below a directory",
                       journal);
    o->journal = xstrdup(journal);
    o->folder = slash ? xasprintf("%.*s", (int)(slash - journal), journal) : xstrdup(".");
    o->dir = open(o->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return o->dir < 0 ? err_errno(e, "open '%s'", o->folder) : 0;
}

/* Beside a block device there is no place for one. */
static int journal_of_path(struct opened *o, const struct windows_disk_spec *d, bool writable,
                           struct err *e)
{
    struct stat st;
    bool device = stat(d->path, &st) == 0 && S_ISBLK(st.st_mode);

    if (device && !d->journal && writable)
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' is a block device: the request must name a 'journal' for it", d->path);
    if (!device && d->journal)
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' is a file: its journal lies beside it, not in '%s'", d->path,
                       d->journal);
    if (device)
        return d->journal ? named_journal(o, d->journal, e) : 0;
    return journal_of(o, d->path, e);
}

static int open_path(struct opened *o, const struct windows_disk_spec *d, bool writable,
                     struct err *e)
{
    int r = journal_of_path(o, d, writable, e);

    if (r < 0)
        return r;
    /* An interrupted change is finished. */
    writable = writable || (o->journal && win_cow_pending(o->journal));
    r = open_image(o, d, writable, e);
    return r < 0 ? err_wrap(e, "open '%s'", d->path) : 0;
}

static int open_nbd(struct opened *o, const struct windows_disk_spec *d, bool writable,
                    struct err *e)
{
    int r = d->journal ? named_journal(o, d->journal, e) : 0;

    if (r < 0)
        return r;
    return win_disk_open_nbd(d->nbd, d->export_name, writable, &o->disk, e);
}

static int open_disk(struct opened *o, const struct windows_disk_spec *d, bool writable,
                     struct err *e)
{
    if (d->folder)
        return 0;
    if (d->nbd)
        return open_nbd(o, d, writable, e);
    return open_path(o, d, writable, e);
}

/* ---- the work -------------------------------------------------------------------------------- */

static int fence(const struct opened *o, unsigned n, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    _cleanup_close_ int scratch =
        open(tmp && *tmp ? tmp : "/var/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int dirs[3] = { scratch, o[0].dir, n > 1 ? o[1].dir : -1 };

    return sandbox_fence_self(dirs, ARRAY_LEN(dirs), -1, MEMORY_MAX, e);
}

static int work(const struct windows_request *rq, struct opened *o, json_t **ret, struct err *e)
{
    bool writable = rq->action != WINDOWS_INSPECT && rq->action != WINDOWS_DIFF && !rq->dry_run;
    int r = 0;

    for (unsigned i = 0; i < rq->n_disks && r == 0; i++)
        r = open_disk(&o[i], &rq->disk[i], writable, e);
    /* A folder of the host is the caller's own, anywhere: only its files are read. */
    if (r == 0 && !rq->disk[0].folder && !rq->disk[1].folder)
        r = fence(o, rq->n_disks, e);
    if (r < 0)
        return r;
    if (rq->action == WINDOWS_DIFF)
        return windows_diff(rq, o[0].disk, o[1].disk, ret, e);
    if (rq->disk[0].folder)
        return windows_run_folder(rq, ret, e);
    return windows_run(o[0].disk, o[0].journal, rq, ret, e);
}

static int read_request(const char *path, char **ret, size_t *ret_len, struct err *e)
{
    return file_read(strcmp(path, "-") == 0 ? "/proc/self/fd/0" : path, WINDOWS_REQUEST_MAX, ret,
                     ret_len, e);
}

int verb_windows(const struct worker_args *a, struct report *rep, json_t **ret_result,
                 struct err *e)
{
    _cleanup_(windows_request_freep) struct windows_request *rq = NULL;
    struct opened o[2] = { OPENED_INIT, OPENED_INIT };
    _cleanup_free_ char *text = NULL;
    size_t len;
    int r = read_request(a->request, &text, &len, e);

    (void)rep;
    if (r == 0)
        r = windows_request_parse(text, len, &rq, e);
    if (r == 0 && rq->disk[0].snapshot)
        return windows_on_snapshot(a, rq, ret_result, e);
    if (r == 0)
        r = work(rq, o, ret_result, e);
    opened_done(&o[1]);
    opened_done(&o[0]);
    return r;
}
