/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows the serial logs of machines: a change of the file wakes us, what is new is scanned, and
 * at most once a second the last status and password go to the database, so that a guest that
 * floods its serial port costs a bounded amount of work and nobody else notices. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "console-scan.h"
#include "log.h"

#define READ_MAX   (256U << 10) /* of one wake-up */
#define BEHIND_MAX (1U << 20)   /* further behind: the flood is skipped */
#define BACKLOG    (64U << 10)  /* read again after a restart of the daemon */

struct console {
    struct console *next;
    struct jobs *jobs;
    char id[MODEL_ID_MAX];
    char *path;
    sd_event_source *source;
    uint64_t offset;
    struct console_scan scan;
    char status[256], password[CONSOLE_PASSWORD_MAX];
    bool status_new, password_new;
};

static void note_status(const char *text, void *userdata)
{
    struct console *c = userdata;
    char shown[sizeof c->status];

    (void)str_show(text, shown, sizeof shown);
    if (strcmp(shown, c->status) == 0)
        return;
    memcpy(c->status, shown, sizeof shown);
    c->status_new = true;
}

static void note_password(const char *base64, void *userdata)
{
    struct console *c = userdata;

    if (str_copy(c->password, sizeof c->password, base64) == 0)
        c->password_new = true;
}

static void read_more(struct console *c)
{
    _cleanup_close_ int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    static char buf[READ_MAX];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return; /* not there yet, or not any more */
    while ((uint64_t)st.st_size < c->offset && c->offset >= VM_CONSOLE_DROP) /* it was cut */
        c->offset -= VM_CONSOLE_DROP;
    if ((uint64_t)st.st_size < c->offset)
        c->offset = (uint64_t)st.st_size;
    if ((uint64_t)st.st_size - c->offset > BEHIND_MAX)
        c->offset = (uint64_t)st.st_size - BACKLOG;
    n = pread(fd, buf, sizeof buf, (off_t)c->offset);
    if (n <= 0)
        return;
    c->offset += (uint64_t)n;
    console_scan_feed(&c->scan, buf, (size_t)n);
}

static int on_change(sd_event_source *s, const struct inotify_event *ev, void *userdata)
{
    struct console *c = userdata;

    (void)s;
    if (ev->len && strcmp(ev->name, "console.log") == 0)
        read_more(c);
    return 0;
}

static struct console **find(struct jobs *js, const char *instance_id)
{
    struct console **at = &js->consoles;

    while (*at && strcmp((*at)->id, instance_id) != 0)
        at = &(*at)->next;
    return at;
}

static void console_free(struct console *c)
{
    c->source = sd_event_source_disable_unref(c->source);
    free(c->path);
    free(c);
}

void console_watch(struct jobs *js, const char *instance_id, bool again)
{
    _cleanup_free_ char *dir = jobs_instance_dir(js, instance_id);
    struct console *c;
    struct stat st;
    int r;

    if (*find(js, instance_id))
        return;
    c = xcalloc(1, sizeof *c);
    c->jobs = js;
    c->path = xasprintf("%s/console.log", dir);
    (void)str_copy(c->id, sizeof c->id, instance_id);
    c->scan.on_status = note_status;
    c->scan.on_password = note_password;
    c->scan.userdata = c;
    if (stat(c->path, &st) == 0) /* an earlier start's lines are told already */
        c->offset = again && st.st_size > BACKLOG ? (uint64_t)st.st_size - BACKLOG
                    : again                       ? 0
                                                  : (uint64_t)st.st_size;
    r = sd_event_add_inotify(js->cfg.loop, &c->source, dir, IN_MODIFY | IN_CREATE, on_change, c);
    if (r < 0) {
        log_warning("jobs", "cannot follow the console of '%s', going on without: %s", instance_id,
                    strerrordesc_np(-r));
        console_free(c);
        return;
    }
    c->next = js->consoles;
    js->consoles = c;
    if (again)
        read_more(c);
}

static void store(struct console *c)
{
    struct err e = { 0 };

    if (!c->status_new && !c->password_new)
        return;
    if (model_instance_guest(c->jobs->model, c->id, c->status_new ? c->status : NULL,
                             c->password_new ? c->password : NULL, &e) < 0)
        log_warning("jobs", "keep what the guest of '%s' said, ignoring: %s", c->id, e.msg);
    else if (c->status_new)
        log_info("jobs", "the guest of '%s' says: %s", c->id, c->status);
    c->status_new = c->password_new = false;
}

void console_unwatch(struct jobs *js, const char *instance_id)
{
    struct console **at = find(js, instance_id), *c = *at;

    if (!c)
        return;
    read_more(c);
    store(c);
    *at = c->next;
    console_free(c);
}

void console_tick(struct jobs *js)
{
    for (struct console *c = js->consoles; c; c = c->next)
        store(c);
}

void console_close_all(struct jobs *js)
{
    while (js->consoles)
        console_unwatch(js, js->consoles->id);
}
