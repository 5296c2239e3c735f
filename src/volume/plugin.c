/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-volume.so: one volume over NBD, as an nbdkit plugin. Only translation; the logic is
 * core.h's, the manual kiln-volume(1). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "child.h"
#include "control.h"
#include "file.h"
#include "log.h"
#include "parse.h"
#include "str.h"

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#define POINT_PREFIX "point/"
#define FULL_SUFFIX  "/full"

static struct {
    char *dir, *store, *key;
    uint64_t fill;
    struct volume *volume;
    struct control *control;
} server;

struct handle {
    struct volume_point *point; /* NULL: the live volume */
    bool full;
};

static int fail(struct err *e)
{
    nbdkit_error("%s", e->msg);
    nbdkit_set_error(e->no);
    return -1;
}

/* ---- starting and ending --------------------------------------------------------------------- */

static int take_path(char **to, const char *value)
{
    free(*to);
    *to = nbdkit_absolute_path(value);
    return *to ? 0 : -1;
}

static int on_config(const char *key, const char *value)
{
    if (strcmp(key, "dir") == 0)
        return take_path(&server.dir, value);
    if (strcmp(key, "store") == 0)
        return take_path(&server.store, value);
    if (strcmp(key, "key") == 0)
        return take_path(&server.key, value);
    if (strcmp(key, "fill") == 0) {
        if (strcmp(value, "max") == 0)
            server.fill = UINT64_MAX;
        else if (parse_size(value, &server.fill) < 0) {
            nbdkit_error("fill is bytes per second (\"64M\") or \"max\", not '%s'", value);
            return -1;
        }
        return 0;
    }
    nbdkit_error("unknown parameter '%s'", key);
    return -1;
}

static int on_config_complete(void)
{
    if (server.dir)
        return 0;
    nbdkit_error("the parameter dir is missing");
    return -1;
}

/* Names this process for adoption; after volume_open, which holds the lock. Not synced: after power
 * loss there is nobody to adopt. */
static int write_pid_file(struct err *e)
{
    _cleanup_free_ char *path = NULL, *tmp = NULL;
    _cleanup_close_ int fd = -1;
    char text[64];
    int n = snprintf(text, sizeof text, "%d %llu\n", (int)getpid(),
                     (unsigned long long)child_start_time(getpid()));

    if (asprintf(&path, "%s/server.pid", server.dir) < 0 || asprintf(&tmp, "%s.new", path) < 0)
        return err_oom(e);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0 || write_full(fd, text, (size_t)n) < 0 || rename(tmp, path) < 0)
        return err_errno(e, "write '%s'", path);
    return 0;
}

static void on_stop(void *userdata)
{
    (void)userdata;
    nbdkit_shutdown();
}

static int start(struct err *e)
{
    struct volume_open_spec spec = { .dir = server.dir,
                                     .store_dir = server.store,
                                     .key_path = server.key,
                                     .boot_id = getenv("KILN_VOLUME_BOOT_ID"), /* for tests */
                                     .fill_bytes_per_s = server.fill };
    _cleanup_free_ char *nbd = NULL;
    int r;

    /* nbdkit -f asks the kernel for a SIGTERM when its parent dies. A guest's disk outlives the
     * daemon that started it. */
    (void)prctl(PR_SET_PDEATHSIG, 0);
    r = volume_open(&spec, &server.volume, e);
    if (r == 0)
        r = write_pid_file(e);
    if (r == 0 && asprintf(&nbd, "%s/nbd.sock", server.dir) < 0)
        r = err_oom(e);
    if (r == 0)
        (void)chmod(nbd, 0660); /* nbdkit may listen elsewhere; then this is not ours to set */
    if (r == 0)
        r = control_start(server.volume, server.dir, on_stop, NULL, &server.control, e);
    return r;
}

static int on_after_fork(void)
{
    struct err e = { 0 };

    return start(&e) < 0 ? fail(&e) : 0;
}

static void on_cleanup(void)
{
    struct err e = { 0 };
    bool closed;

    control_stop(TAKE_PTR(server.control), &closed);
    if (server.volume && !closed && volume_close(server.volume, &e) < 0)
        log_error("volume", "%s", e.msg);
    volume_free(TAKE_PTR(server.volume));
}

static void on_unload(void)
{
    free(server.dir);
    free(server.store);
    free(server.key);
}

/* ---- exports --------------------------------------------------------------------------------- */

struct export_list {
    struct nbdkit_exports *exports;
    int failed;
};

static void add_export(const char *name, void *userdata)
{
    struct export_list *l = userdata;
    char text[sizeof POINT_PREFIX + sizeof FULL_SUFFIX + STORE_ID_MAX];

    (void)snprintf(text, sizeof text, POINT_PREFIX "%s", name);
    l->failed |= nbdkit_add_export(l->exports, text, "changed since the base");
    (void)snprintf(text, sizeof text, POINT_PREFIX "%s" FULL_SUFFIX, name);
    l->failed |= nbdkit_add_export(l->exports, text, "all of the point");
}

static int on_list_exports(int readonly, int is_tls, struct nbdkit_exports *exports)
{
    struct export_list l = { .exports = exports };

    (void)readonly, (void)is_tls;
    l.failed = nbdkit_add_export(exports, "", "the volume");
    volume_points_each(server.volume, add_export, &l);
    return l.failed ? -1 : 0;
}

static const char *on_default_export(int readonly, int is_tls)
{
    (void)readonly, (void)is_tls;
    return "";
}

static int open_export(struct handle *h, const char *name, struct err *e)
{
    char point[STORE_ID_MAX];
    size_t n;

    if (!*name)
        return 0;
    if (!str_starts(name, POINT_PREFIX))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no such export '%.80s'", name);
    name += strlen(POINT_PREFIX);
    n = strcspn(name, "/");
    h->full = strcmp(name + n, FULL_SUFFIX) == 0;
    if (n == 0 || n >= sizeof point || (name[n] && !h->full))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no such point '%.80s'", name);
    memcpy(point, name, n);
    point[n] = '\0';
    return volume_point_get(server.volume, point, &h->point, e);
}

static void *on_open(int readonly)
{
    struct handle *h = calloc(1, sizeof *h);
    struct err e = { 0 };
    int r = h ? open_export(h, nbdkit_export_name(), &e) : err_oom(&e);

    (void)readonly;
    if (r == 0)
        return h;
    free(h);
    (void)fail(&e);
    return NULL;
}

static void on_close(void *handle)
{
    struct handle *h = handle;

    volume_point_put(h->point);
    free(h);
}

static int64_t on_get_size(void *handle)
{
    (void)handle;
    return (int64_t)volume_size(server.volume);
}

static int is_live(void *handle)
{
    return !((struct handle *)handle)->point;
}

static int yes(void *handle)
{
    (void)handle;
    return 1;
}

static int fua_native(void *handle)
{
    (void)handle;
    return NBDKIT_FUA_NATIVE;
}

static int no_rotation(void *handle)
{
    (void)handle;
    return 0;
}

static int on_block_size(void *handle, uint32_t *min, uint32_t *preferred, uint32_t *max)
{
    (void)handle;
    *min = 512;
    *preferred = 4096;
    *max = 32U << 20;
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int on_pread(void *handle, void *buf, uint32_t n, uint64_t offset, uint32_t flags)
{
    struct handle *h = handle;
    struct err e = { 0 };
    int r = h->point ? volume_point_read(h->point, buf, n, offset, &e)
                     : volume_read(server.volume, buf, n, offset, &e);

    (void)flags;
    if (r < 0 && e.kind == ERR_CORRUPT)
        e.no = EIO; /* what NBD can say */
    return r < 0 ? fail(&e) : 0;
}

static int on_pwrite(void *handle, const void *buf, uint32_t n, uint64_t offset, uint32_t flags)
{
    struct err e = { 0 };

    (void)handle;
    return volume_write(server.volume, buf, n, offset, flags & NBDKIT_FLAG_FUA, &e) < 0 ? fail(&e)
                                                                                        : 0;
}

static int on_flush(void *handle, uint32_t flags)
{
    struct err e = { 0 };

    (void)handle, (void)flags;
    return volume_flush(server.volume, &e) < 0 ? fail(&e) : 0;
}

static int on_trim(void *handle, uint32_t n, uint64_t offset, uint32_t flags)
{
    struct err e = { 0 };
    unsigned how = flags & NBDKIT_FLAG_FUA ? VOLUME_ZERO_FUA : 0;

    (void)handle;
    return volume_zero(server.volume, n, offset, how, &e) < 0 ? fail(&e) : 0;
}

static int on_zero(void *handle, uint32_t n, uint64_t offset, uint32_t flags)
{
    struct err e = { 0 };
    unsigned how = (flags & NBDKIT_FLAG_FUA ? VOLUME_ZERO_FUA : 0) |
                   (flags & NBDKIT_FLAG_MAY_TRIM ? 0 : VOLUME_ZERO_KEEP) |
                   (flags & NBDKIT_FLAG_FAST_ZERO ? VOLUME_ZERO_FAST : 0);
    int r;

    (void)handle;
    r = volume_zero(server.volume, n, offset, how, &e);
    if (r == -EOPNOTSUPP) { /* an answer, not an error */
        nbdkit_set_error(EOPNOTSUPP);
        return -1;
    }
    return r < 0 ? fail(&e) : 0;
}

static int add_extent(uint64_t offset, uint64_t n, enum volume_extent kind, void *userdata)
{
    static const uint32_t types[] = { [VOLUME_EXTENT_DATA] = 0,
                                      [VOLUME_EXTENT_ZERO] =
                                          NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO,
                                      [VOLUME_EXTENT_SAME] = NBDKIT_EXTENT_HOLE };

    return nbdkit_add_extent(userdata, offset, n, types[kind]);
}

static int on_extents(void *handle, uint32_t n, uint64_t offset, uint32_t flags,
                      struct nbdkit_extents *extents)
{
    struct handle *h = handle;
    struct err e = { 0 };
    int r;

    (void)flags;
    r = h->point ? volume_point_extents(h->point, h->full, n, offset, add_extent, extents, &e)
                 : volume_extents(server.volume, n, offset, add_extent, extents, &e);
    return r < 0 ? fail(&e) : 0;
}

static struct nbdkit_plugin plugin = {
    .name = "kiln-volume",
    .longname = "Kiln volume",
    .version = "0.1.0",
    .description = "One volume of Kiln: lazily loaded, changes tracked, fixed in points",
    .config = on_config,
    .config_complete = on_config_complete,
    .config_help = "dir=DIR     the volume's directory (required)\n"
                   "store=DIR   the store of its base\n"
                   "key=FILE    the key of an encrypted volume\n"
                   "fill=RATE   background fill in bytes per second, or \"max\"",
    .magic_config_key = "dir",
    .after_fork = on_after_fork,
    .cleanup = on_cleanup,
    .unload = on_unload,
    .list_exports = on_list_exports,
    .default_export = on_default_export,
    .open = on_open,
    .close = on_close,
    .get_size = on_get_size,
    .block_size = on_block_size,
    .can_write = is_live,
    .can_flush = is_live,
    .can_trim = is_live,
    .can_zero = is_live,
    .can_fast_zero = is_live,
    .can_fua = fua_native,
    .can_multi_conn = yes,
    .can_extents = yes,
    .is_rotational = no_rotation,
    .pread = on_pread,
    .pwrite = on_pwrite,
    .flush = on_flush,
    .trim = on_trim,
    .zero = on_zero,
    .extents = on_extents,
    .errno_is_preserved = 0,
};

/* The macro defines it without a prototype. */
__attribute__((visibility("default"))) struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(plugin)
