/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was done to a Windows, for whoever wants to know: KILN_HOME/reports/ID.json.
 *
 * A report of generalise is on disk before the new snapshot is whole: its worker leaves it in
 * run/report-SNAPSHOT.json. It is copied before the image gets the snapshot, and removed behind
 * that; so it is there when the image is, whoever was killed between. */
#include "jobs-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "log.h"

#define REPORT_MAX MIB(64)
#define PREFIX     "report-"
#define SUFFIX     ".json"

static char *kept_path(const struct job *j)
{
    return xasprintf("%s/reports/%s" SUFFIX, j->jobs->cfg.home, j->subject);
}

static char *left_path(const struct job *j, const char *snapshot)
{
    return xasprintf("%s/" PREFIX "%s" SUFFIX, j->jobs->run_dir, snapshot);
}

static int keep(const struct job *j, const char *text, size_t len, struct err *e)
{
    _cleanup_free_ char *dir = xasprintf("%s/reports", j->jobs->cfg.home);
    _cleanup_free_ char *path = kept_path(j);
    int r = dir_make(dir, 0750, e);

    return r < 0 ? r : file_replace(path, text, len, 0640, e);
}

void windows_report_keep(const struct job *j, const json_t *result)
{
    _cleanup_free_ char *text = json_dumps(result, JSON_INDENT(2));
    struct err e = { 0 };

    if (text && keep(j, text, strlen(text), &e) < 0)
        log_warning("jobs", "keep the report of '%s', ignoring: %s", j->subject, e.msg);
}

/* Others work as the worker's user, too: no link of theirs is followed. */
static int read_left(const char *path, char **ret, size_t *ret_len, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    _cleanup_free_ char *buf = NULL;
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "open '%s'", path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > REPORT_MAX)
        return err_set(e, EINVAL, ERR_CORRUPT, "'%s' is no report", path);
    buf = malloc((size_t)st.st_size + 1);
    if (!buf)
        return err_oom(e);
    r = pread_full(fd, buf, (size_t)st.st_size, 0);
    if (r < 0)
        return err_no(e, r, "read '%s'", path);
    *ret_len = (size_t)st.st_size;
    *ret = TAKE_PTR(buf);
    return 0;
}

void windows_report_take(const struct job *j, const char *snapshot)
{
    _cleanup_free_ char *left = left_path(j, snapshot), *text = NULL;
    struct err e = { 0 };
    size_t len = 0;
    int r = read_left(left, &text, &len, &e);

    if (r == 0)
        r = keep(j, text, len, &e);
    if (r < 0)
        log_warning("jobs", "keep the report of '%s', ignoring: %s", j->subject, e.msg);
}

void windows_report_taken(const struct job *j, const char *snapshot)
{
    _cleanup_free_ char *left = left_path(j, snapshot);
    struct err e = { 0 };

    if (unlink_quiet(left, &e) < 0)
        log_warning("jobs", "%s, ignoring", e.msg); /* the next start sweeps it */
}

void windows_report_drop(const struct job *j, const char *snapshot)
{
    _cleanup_free_ char *path = kept_path(j);
    struct err ignored = { 0 };

    windows_report_taken(j, snapshot);
    (void)unlink_quiet(path, &ignored); /* of an image that is failed, and says why */
}

bool windows_report_is_left_over(struct jobs *js, const char *name)
{
    size_t n = strlen(name), around = strlen(PREFIX SUFFIX);
    _cleanup_free_ char *id = NULL;
    struct snapshot_rec rec;
    struct err e = { 0 };

    if (!str_starts(name, PREFIX))
        return false;
    if (n <= around || !str_eq(name + n - strlen(SUFFIX), SUFFIX))
        return true;
    id = xasprintf("%.*s", (int)(n - around), name + strlen(PREFIX));
    if (model_snapshot_get(js->model, NULL, id, &rec, &e) < 0)
        return e.kind == ERR_NOT_FOUND;
    return rec.state != SNAPSHOT_PENDING;
}
