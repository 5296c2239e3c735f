/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives the vm room from a script on stdin, one command a line; each line ends before the next one
 * begins, and the first that fails ends the run with status 1. Events that a line waits for are
 * taken in their order.
 *
 *   disk ID nbd|file PATH [boot]    for the start that follows (serial: the id without dashes)
 *   memory MIB | firmware uefi|secure | tpm | qemu PROGRAM
 *   start | adopt | forget | halt | resume | reset | kill | powerdown MS
 *   refused start|adopt TEXT        the call itself fails, TEXT is in its message
 *   attach ID nbd|file PATH | detach ID [force]
 *   failing attach ID nbd|file PATH TEXT   its answer is an error with TEXT in it
 *   expect EVENT [TEXT]             the next event; TEXT is in its detail or reason
 *   quiet MS                        no event comes for so long
 *   console TEXT                    the guest writes TEXT, searched behind the last one found
 *   type TEXT                       a line into the guest's serial line
 *   run COMMAND...                  a shell command, which must succeed
 *
 * KILN_SERIAL in the environment is the path of kiln-serial.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "clock.h"
#include "str.h"
#include "vm.h"

#define WAIT_MS    120000U
#define EVENTS_MAX 64

struct seen {
    char text[400];
};

static struct {
    sd_event *loop;
    const char *dir;
    struct vm_spec spec;
    struct vm_disk disks[VM_DISKS_MAX];
    struct vm *vm;
    struct seen events[EVENTS_MAX];
    unsigned n_events;
    bool done;
    struct err done_err;
    size_t console_at;
} t;

static const char *const event_names[] = { "RUNNING",   "GUEST_DOWN", "GUEST_RESET",
                                           "DISK_GONE", "DISK_ERROR", "EXITED" };

static void say(const char *fmt, const char *a, const char *b)
{
    printf("[%8llu] ", (unsigned long long)clock_mono_ms());
    printf("%s %s %s\n", fmt, a, b);
    (void)fflush(stdout);
}

static int fail(const char *what, const char *why)
{
    say("FAILED", what, why);
    return -1;
}

static void on_event(struct vm *vm, enum vm_event ev, const char *detail, const struct err *why,
                     void *userdata)
{
    struct seen *s;

    (void)vm, (void)userdata;
    if (t.n_events == EVENTS_MAX)
        abort();
    s = &t.events[t.n_events++];
    (void)snprintf(s->text, sizeof s->text, "%s %s%.300s", event_names[ev], detail ? detail : "",
                   why && why->no ? why->msg : "");
    say("event", s->text, why && why->no ? err_kind_name(why->kind) : "");
    if (ev == VM_EXITED) {
        vm_free(t.vm);
        t.vm = NULL;
    }
}

static void on_done(struct vm *vm, const struct err *e, void *userdata)
{
    (void)vm, (void)userdata;
    t.done = true;
    t.done_err = e ? *e : (struct err){ 0 };
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

static bool turn(uint64_t deadline)
{
    uint64_t now = clock_mono_ms();

    return now < deadline && sd_event_run(t.loop, (deadline - now) * 1000) >= 0;
}

static int expect(const char *want)
{
    uint64_t deadline = clock_mono_ms() + WAIT_MS;
    size_t n = strcspn(want, " ");
    bool ok;

    while (!t.n_events)
        if (!turn(deadline))
            return fail("expect", "no event came");
    ok = strncmp(t.events[0].text, want, n) == 0 && t.events[0].text[n] == ' ' &&
         (!want[n] || strstr(t.events[0].text + n, want + n + 1));
    if (!ok)
        return fail("expect: another event came:", t.events[0].text);
    memmove(t.events, t.events + 1, --t.n_events * sizeof t.events[0]);
    return 0;
}

static int quiet(unsigned ms)
{
    uint64_t deadline = clock_mono_ms() + ms;

    while (!t.n_events && turn(deadline))
        ;
    return t.n_events ? fail("quiet: an event came:", t.events[0].text) : 0;
}

static int on_inotify(sd_event_source *s, const struct inotify_event *ev, void *userdata)
{
    (void)s, (void)ev, (void)userdata;
    return 0;
}

static bool console_has(const char *text)
{
    _cleanup_free_ char *all = NULL;
    struct err e = { 0 };
    size_t n;
    char *p;

    if (vm_console_tail(t.dir, MIB(16), &all, &n, &e) < 0 || n < t.console_at)
        return false;
    p = memmem(all + t.console_at, n - t.console_at, text, strlen(text));
    if (p)
        t.console_at = (size_t)(p - all) + strlen(text);
    return p != NULL;
}

static int console(const char *text)
{
    uint64_t deadline = clock_mono_ms() + WAIT_MS;
    sd_event_source *watch = NULL;
    int r = 0;

    if (sd_event_add_inotify(t.loop, &watch, t.dir, IN_MODIFY | IN_CREATE, on_inotify, NULL) < 0)
        return fail("console", "no inotify");
    while (r == 0 && !console_has(text))
        if (!turn(deadline))
            r = fail("console: never came:", text);
    sd_event_source_disable_unref(watch);
    return r;
}

static int wait_done(void)
{
    uint64_t deadline = clock_mono_ms() + WAIT_MS;

    while (!t.done)
        if (!turn(deadline))
            return fail("wait", "no answer came");
    return 0;
}

/* Typed and gone: the relay keeps it until the guest takes it. */
static int type_line(const char *text)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    _cleanup_free_ char *line = xasprintf("%s\n", text);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/serial.sock", t.dir);
    if (connect(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
        return fail("type", strerror(errno));
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        return fail("type", strerror(errno));
    return 0;
}

/* ---- commands ---------------------------------------------------------------------------------
 */

static int start(struct err *e)
{
    return vm_start(t.loop, &t.spec, on_event, NULL, &t.vm, e);
}

static int adopt(struct err *e)
{
    return vm_adopt(t.loop, &t.spec, on_event, NULL, &t.vm, e);
}

static int halt(struct err *e)
{
    return vm_halt(t.vm, e);
}

static int resume(struct err *e)
{
    return vm_resume(t.vm, e);
}

static int reset(struct err *e)
{
    return vm_reset(t.vm, e);
}

static int kill_it(struct err *e)
{
    (void)e;
    vm_kill(t.vm);
    return 0;
}

static int forget(struct err *e)
{
    (void)e;
    vm_free(t.vm);
    t.vm = NULL;
    return 0;
}

static const struct {
    const char *name;
    int (*fn)(struct err *e);
} plain[] = {
    { "start", start }, { "adopt", adopt },  { "halt", halt },     { "resume", resume },
    { "reset", reset }, { "kill", kill_it }, { "forget", forget },
};

static int run_plain(const char *name, const char *refused_with)
{
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (!str_eq(plain[i].name, name))
            continue;
        if (plain[i].fn(&e) < 0)
            return refused_with && strstr(e.msg, refused_with) ? 0 : fail(name, e.msg);
        return refused_with ? fail(name, "was not refused") : 0;
    }
    return fail("no such command:", name);
}

/* "ID nbd|file PATH [rest]" */
static int parse_disk(char *text, struct vm_disk *d, char **ret_rest)
{
    char *save = NULL, *id = strtok_r(text, " ", &save), *kind = strtok_r(NULL, " ", &save),
         *path = strtok_r(NULL, " ", &save);

    *d = (struct vm_disk){ 0 };
    if (!path || str_copy(d->id, sizeof d->id, id) < 0)
        return fail("disk", "ID nbd|file PATH");
    for (size_t k = 0; *id && k + 1 < sizeof d->serial; id++)
        if (*id != '-')
            d->serial[k++] = *id;
    *(str_eq(kind, "nbd") ? &d->nbd_socket : &d->file) = xstrdup(path);
    *ret_rest = strtok_r(NULL, "", &save);
    return 0;
}

static int attach(char *text, bool failing)
{
    struct vm_disk d;
    struct err e = { 0 };
    char *rest;

    if (parse_disk(text, &d, &rest) < 0)
        return -1;
    t.done = false;
    if (vm_disk_attach(t.vm, &d, on_done, NULL, &e) < 0)
        t.done_err = e;
    else if (wait_done() < 0)
        return -1;
    free((char *)d.nbd_socket);
    free((char *)d.file);
    if (!failing)
        return t.done_err.no ? fail("attach", t.done_err.msg) : 0;
    return t.done_err.no && strstr(t.done_err.msg, rest ? rest : "")
               ? 0
               : fail("attach", t.done_err.msg);
}

static int detach(char *text)
{
    struct err e = { 0 };
    char *save = NULL, *id = strtok_r(text, " ", &save), *force = strtok_r(NULL, " ", &save);

    t.done = false;
    if (vm_disk_detach(t.vm, id, force != NULL, on_done, NULL, &e) < 0)
        return fail("detach", e.msg);
    if (wait_done() < 0)
        return -1;
    return t.done_err.no ? fail("detach", t.done_err.msg) : 0;
}

static int run_shell(const char *command)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, &status, 0);
    return status == 0 ? 0 : fail("run", command);
}

static int set_up(const char *word, char *rest)
{
    char *more;

    if (str_eq(word, "memory"))
        t.spec.memory_bytes = MIB(strtoul(rest, NULL, 10));
    else if (str_eq(word, "firmware"))
        t.spec.firmware = str_eq(rest, "secure") ? VM_FIRMWARE_UEFI_SECURE
                          : str_eq(rest, "uefi") ? VM_FIRMWARE_UEFI
                                                 : VM_FIRMWARE_BIOS;
    else if (str_eq(word, "tpm"))
        t.spec.tpm = true;
    else if (str_eq(word, "qemu"))
        t.spec.qemu = xstrdup(rest);
    else if (str_eq(word, "user"))
        t.spec.user = xstrdup(rest);
    else if (str_eq(word, "disk")) {
        if (parse_disk(rest, &t.disks[t.spec.n_disks], &more) < 0)
            return -1;
        t.disks[t.spec.n_disks++].boot = more && str_eq(more, "boot");
    } else {
        return 1;
    }
    return 0;
}

static int command(char *line)
{
    char *rest = strchr(line, ' ');
    struct err e = { 0 };
    int r;

    if (rest)
        *rest++ = '\0';
    else
        rest = line + strlen(line);
    r = set_up(line, rest);
    if (r <= 0)
        return r;
    if (str_eq(line, "expect"))
        return expect(rest);
    if (str_eq(line, "quiet"))
        return quiet((unsigned)strtoul(rest, NULL, 10));
    if (str_eq(line, "console"))
        return console(rest);
    if (str_eq(line, "type"))
        return type_line(rest);
    if (str_eq(line, "run"))
        return run_shell(rest);
    if (str_eq(line, "attach"))
        return attach(rest, false);
    if (str_eq(line, "failing"))
        return attach(rest + strlen("attach "), true);
    if (str_eq(line, "detach"))
        return detach(rest);
    if (str_eq(line, "powerdown"))
        return vm_powerdown(t.vm, (unsigned)strtoul(rest, NULL, 10), &e) < 0
                   ? fail("powerdown", e.msg)
                   : 0;
    if (str_eq(line, "refused")) {
        char *text = strchr(rest, ' ');

        *text++ = '\0';
        return run_plain(rest, text);
    }
    return run_plain(line, NULL);
}

int main(int argc, char **argv)
{
    char line[4096];

    if (argc != 2)
        return 2;
    t.dir = argv[1];
    t.spec = (struct vm_spec){ .id = "i-0123456789abcdef0",
                               .dir = t.dir,
                               .qemu = "qemu-system-x86_64",
                               .serial = getenv("KILN_SERIAL"),
                               .vcpus = 1,
                               .memory_bytes = MIB(128),
                               .uuid = "ec2f0123-4567-89ab-cdef-0123456789ab",
                               .mac = "02:00:00:12:34:56",
                               .disks = t.disks };
    if (sd_event_new(&t.loop) < 0)
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        say(">", line, "");
        if (command(line) < 0)
            return 1;
    }
    vm_free(t.vm);
    sd_event_unref(t.loop);
    return 0;
}
