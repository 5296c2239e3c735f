/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "image-info.h"
#include "nameless.h"
#include "str.h"

#define ANSWER_MS  120000
#define ANSWER_MAX MIB(4) /* a list of internal snapshots may be long */
#define STORY_MAX  300

/* ---- open ------------------------------------------------------------------------------------ */

static int denied(const char *path, struct err *e)
{
    struct passwd pw, *found = NULL;
    char buf[4096], who[64];

    if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) != 0 || !found)
        (void)snprintf(who, sizeof who, "%u", (unsigned)geteuid());
    else
        (void)str_copy(who, sizeof who, pw.pw_name);
    return err_set(e, EACCES, ERR_DENIED,
                   "the user '%s' may not read it: give read permission on the file and search "
                   "permission on each directory above it (setfacl -m u:%s:r '%s'), or move it",
                   who, who, path);
}

static int open_file(struct image *im, struct err *e)
{
    int flags = (im->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat st;
    off_t size;

    /* The kernel's own word for "nobody else has it": not mounted, no part of anything. */
    if (im->writable && stat(im->path, &st) == 0 && S_ISBLK(st.st_mode))
        flags |= O_EXCL;
    /* O_NONBLOCK: a FIFO must not make us wait for ever before it is refused. */
    im->fd = open(im->path, flags);
    if (im->fd < 0 && errno == EBUSY)
        return err_set(e, EBUSY, ERR_CONFLICT, "it is in use: mounted, or part of something");
    if (im->fd < 0 && errno == EACCES && !im->writable)
        return denied(im->path, e);
    if (im->fd < 0)
        return err_errno(e, "open it");
    if (fstat(im->fd, &st) < 0)
        return err_errno(e, "look at it");
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, EINVAL, ERR_INVALID, "it is neither a file nor a block device");
    size = lseek(im->fd, 0, SEEK_END);
    if (size < 0)
        return err_errno(e, "find its size");
    if (size == 0)
        return err_set(e, EINVAL, ERR_INVALID, "the file is empty");
    im->file_bytes = (uint64_t)size;
    return 0;
}

/* first has room for IMAGE_FIRST_MAX bytes. */
static int read_head(const struct image *im, uint8_t *first, struct image_head *h, struct err *e)
{
    int r;

    h->file_bytes = im->file_bytes;
    h->first = first;
    h->n_first = (size_t)min_u64(IMAGE_FIRST_MAX, im->file_bytes);
    r = pread_full(im->fd, first, h->n_first, 0);
    if (r == 0 && im->file_bytes >= IMAGE_LAST)
        r = pread_full(im->fd, h->last, IMAGE_LAST, im->file_bytes - IMAGE_LAST);
    return r < 0 ? err_no(e, r, "read it") : 0;
}

static int check_head(struct image *im, struct err *e)
{
    _cleanup_free_ uint8_t *first = malloc(IMAGE_FIRST_MAX);
    struct image_head h = { 0 };
    int r = first ? read_head(im, first, &h, e) : err_oom(e);

    if (r < 0)
        return r;
    im->vhd_exact = image_head_vhd_exact(&h);
    return image_head_check(&h, im->format, e);
}

int image_guess(const char *path, const char **ret_format, struct err *e)
{
    _cleanup_(image_done) struct image im = IMAGE_INIT;
    _cleanup_free_ uint8_t *first = malloc(IMAGE_FIRST_MAX);
    struct image_head h = { 0 };
    enum image_format f;
    int r;

    im.path = path;
    r = first ? open_file(&im, e) : err_oom(e);
    if (r == 0)
        r = read_head(&im, first, &h, e);
    if (r < 0)
        return err_wrap(e, "read '%s'", path);
    f = image_head_sniff(&h);
    *ret_format = image_format_name(f == IMAGE_FORMAT_MAX ? IMAGE_RAW : f);
    return 0;
}

/* ---- qemu-img -------------------------------------------------------------------------------- */

/* Names the format and the driver below it, so that QEMU guesses nothing. */
static void image_opts(const struct image *im, char *buf, size_t size)
{
    (void)snprintf(buf, size, "driver=%s,file.driver=%s,file.filename=" TOOL_SOURCE_PATH "%s",
                   image_format_driver(im->format), "file",
                   im->format == IMAGE_VHD && im->vhd_exact ? ",force_size_calc=current_size" : "");
}

static int ask(struct image *im, const char *verb, char **ret_out, int *ret_status, struct tool *t,
               struct err *e)
{
    char opts[256];
    const char *argv[] = { "qemu-img", verb, "--output=json", "--image-opts", opts, NULL };
    int r;

    image_opts(im, opts, sizeof opts);
    r = tool_start(t, argv, im->fd, -1, e);
    if (r == 0)
        r = tool_finish(t, ANSWER_MS, ANSWER_MAX, ret_out, ret_status, e);
    return r < 0 && r != -ECANCELED ? err_wrap(e, "'qemu-img %s'", verb) : r;
}

static int refused_by_tool(struct image *im, struct tool *t, int status, struct err *e)
{
    char story[STORY_MAX];

    if (status > 128)
        return err_set(e, EIO, ERR_IO, "'qemu-img' was killed by signal %d", status - 128);
    return err_set(e, EINVAL, ERR_INVALID, "%s", tool_story(t, im->path, story, sizeof story));
}

static int ask_info(struct image *im, struct err *e)
{
    _cleanup_(tool_done) struct tool t = TOOL_INIT;
    _cleanup_free_ char *out = NULL;
    int r, status;

    r = ask(im, "info", &out, &status, &t, e);
    if (r < 0)
        return r;
    if (status != 0)
        return refused_by_tool(im, &t, status, e);
    return image_info_judge(out, im->format, &im->disk_bytes, e);
}

/* Statuses 2 and 3 come with a judgement (corruptions, leaks), 63 says that the format has no
 * check. */
static int ask_check(struct image *im, struct err *e)
{
    _cleanup_(tool_done) struct tool t = TOOL_INIT;
    _cleanup_free_ char *out = NULL;
    int r, status;

    r = ask(im, "check", &out, &status, &t, e);
    if (r < 0 || status == 63)
        return r;
    if (status != 0 && status != 2 && status != 3)
        return refused_by_tool(im, &t, status, e);
    return image_check_judge(out, im->file_bytes, e);
}

static int judge(struct image *im, struct err *e)
{
    int r = open_file(im, e);

    if (r == 0)
        r = check_head(im, e);
    if (im->format == IMAGE_RAW && im->trust_raw)
        return r;
    if (r == 0)
        r = ask_info(im, e);
    if (r == 0)
        r = ask_check(im, e);
    return r;
}

int image_open(struct image *im, const char *path, const char *format, struct err *e)
{
    char show[64];
    int r;

    im->path = path;
    if (image_format_parse(format, &im->format) < 0)
        return err_set(e, EINVAL, ERR_INVALID,
                       "unknown format '%s'; one of raw, qcow2, vhd, vhdx, vmdk",
                       str_show(format, show, sizeof show));
    r = judge(im, e);
    return r < 0 && r != -ECANCELED ? err_wrap(e, "read '%s' as %s", path, format) : r;
}

/* ---- qemu-nbd -------------------------------------------------------------------------------- */

int image_serve_fd(struct image *im, int *ret_fd, struct err *e)
{
    _cleanup_close_ int listening = -1, ours = -1;
    char opts[256];
    const char *argv[] = { "qemu-nbd",
                           im->writable ? "--discard=unmap" : "--read-only",
                           "--cache=writeback",
                           "--export-name=",
                           "--image-opts",
                           opts,
                           NULL };
    int r;

    image_opts(im, opts, sizeof opts);
    im->server.writes = im->writable;
    r = nameless_connect(&listening, &ours, e);
    if (r == 0)
        r = tool_start(&im->server, argv, im->fd, listening, e);
    if (r == 0)
        *ret_fd = TAKE_FD(ours); /* listening closes: a dead server ends our connection */
    return r;
}

int image_serve(struct image *im, struct source **ret, struct err *e)
{
    int fd, r = image_serve_fd(im, &fd, e);

    if (r < 0)
        return r;
    r = source_take_fd(fd, "", ret, e);
    if (r < 0)
        image_blame(im, e);
    return r;
}

void image_blame(struct image *im, struct err *e)
{
    char story[STORY_MAX], was[sizeof e->msg];
    int no = e->no;
    enum err_kind kind = e->kind;

    if (no == ECANCELED || im->server.pid <= 0)
        return;
    tool_story(&im->server, im->path, story, sizeof story);
    if (strcmp(story, "no reason given") == 0)
        return;
    (void)str_copy(was, sizeof was, e->msg);
    err_clear(e);
    (void)err_set(e, no, kind, "%s (%s)", was, story);
}

void image_done(struct image *im)
{
    tool_done(&im->server);
    close_fdp(&im->fd);
    im->fd = -1;
}
