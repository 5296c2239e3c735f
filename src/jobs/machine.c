/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machines of instances: one struct machine for each QEMU that lives. What happens to a machine
 * while a job expects it is told to the job; what happens by itself becomes a job of its own. */
#include "jobs-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "console.h"
#include "file.h"
#include "log.h"
#include "network.h"
#include "rules.h"

struct machine {
    struct machine *next;
    struct jobs *jobs;
    char id[MODEL_ID_MAX];
    struct vm *vm;
    enum machine_state state;
    bool expect_down;
    char failure[400];
};

static struct machine *find(struct jobs *js, const char *id)
{
    for (struct machine *m = js->machines; m; m = m->next)
        if (strcmp(m->id, id) == 0)
            return m;
    return NULL;
}

static struct machine *find_or_make(struct jobs *js, const char *id)
{
    struct machine *m = find(js, id);

    if (m)
        return m;
    m = xcalloc(1, sizeof *m);
    m->jobs = js;
    (void)str_copy(m->id, sizeof m->id, id);
    m->next = js->machines;
    js->machines = m;
    return m;
}

enum machine_state machine_state(struct jobs *js, const char *instance_id)
{
    struct machine *m = find(js, instance_id);

    return m ? m->state : MACHINE_NONE;
}

struct vm *machine_vm(struct jobs *js, const char *instance_id)
{
    struct machine *m = find(js, instance_id);

    return m ? m->vm : NULL;
}

const char *machine_failure(struct jobs *js, const char *instance_id)
{
    struct machine *m = find(js, instance_id);

    return m ? m->failure : "";
}

void machine_expect_down(struct jobs *js, const char *instance_id, bool expected)
{
    struct machine *m = find(js, instance_id);

    if (m)
        m->expect_down = expected;
}

/* The guest powered off by itself, or QEMU died: what the API calls a stop (or a terminate). */
static void begin_unasked_stop(struct machine *m, enum instance_event ev, const char *code,
                               const char *reason)
{
    struct jobs *js = m->jobs;
    enum instance_state st = INSTANCE_STOPPED;
    struct err e = { 0 };
    int r;

    if (job_any_on(js, m->id) || js->closing || js->down) /* its job sees the machine's state */
        return;
    r = model_instance_move(js->model, m->id, ev, code, reason, &st, &e);
    if (r == 0 && st == INSTANCE_SHUTTING_DOWN)
        r = jobs_terminate(js, m->id, &e);
    else if (r == 0 && st == INSTANCE_STOPPING)
        r = jobs_stop(js, m->id, true, &e);
    if (r < 0)
        log_error("jobs", "instance '%s' went down by itself: %s", m->id, e.msg);
}

static void on_exited(struct machine *m, const struct err *why)
{
    struct jobs *js = m->jobs;
    char id[MODEL_ID_MAX];
    bool asked = m->state == MACHINE_ENDING || !why || !why->no;

    memcpy(id, m->id, sizeof id);
    vm_free(TAKE_PTR(m->vm));
    console_unwatch(js, id);
    network_user_unserve(js, id);
    m->state = MACHINE_NONE;
    m->failure[0] = '\0';
    if (!asked) {
        (void)snprintf(m->failure, sizeof m->failure, "%.390s", why->msg);
        log_error("jobs", "the machine of instance '%s' ended: %s", id, why->msg);
    }
    job_publish(js, id);
    if (!asked)
        begin_unasked_stop(m, INSTANCE_EV_HOST_STOP, "Server.InternalError",
                           "Server.InternalError: the machine ended");
    jobs_shutdown_step(js);
}

static void on_guest_down(struct machine *m)
{
    m->state = MACHINE_DOWN;
    job_publish(m->jobs, m->id);
    if (!m->expect_down)
        begin_unasked_stop(m, INSTANCE_EV_GUEST_DOWN, "Client.InstanceInitiatedShutdown",
                           "Client.InstanceInitiatedShutdown: Instance initiated shutdown");
    jobs_shutdown_step(m->jobs);
}

static void on_event(struct vm *vm, enum vm_event ev, const char *detail, const struct err *why,
                     void *userdata)
{
    struct machine *m = userdata;

    (void)vm;
    switch (ev) {
    case VM_RUNNING:
        m->state = MACHINE_RUNNING;
        job_publish(m->jobs, m->id);
        break;
    case VM_GUEST_DOWN:
        if (why && why->no)
            log_warning("jobs", "instance '%s' was stopped hard: %s", m->id, why->msg);
        on_guest_down(m);
        break;
    case VM_GUEST_RESET:
        log_info("jobs", "the guest of instance '%s' restarted itself", m->id);
        break;
    case VM_DISK_GONE:
        job_disk_gone(m->jobs, detail);
        break;
    case VM_DISK_ERROR:
        log_error("jobs", "disk '%s' of instance '%s' answered the guest with an error", detail,
                  m->id);
        break;
    case VM_EXITED:
        on_exited(m, why);
        break;
    }
}

void machine_settle(struct jobs *js, const char *instance_id)
{
    struct machine *m = find(js, instance_id);
    struct instance_rec rec;
    struct err e = { 0 };

    if (!m || m->state == MACHINE_STARTING || m->state == MACHINE_RUNNING)
        return;
    if (model_instance_get(js->model, NULL, instance_id, &rec, &e) < 0)
        return; /* it is forgotten already */
    if (rec.state != INSTANCE_RUNNING || job_any_on(js, instance_id))
        return;
    if (m->failure[0])
        begin_unasked_stop(m, INSTANCE_EV_HOST_STOP, "Server.InternalError",
                           "Server.InternalError: the machine ended");
    else
        begin_unasked_stop(m, INSTANCE_EV_GUEST_DOWN, "Client.InstanceInitiatedShutdown",
                           "Client.InstanceInitiatedShutdown: Instance initiated shutdown");
}

void machine_forget(struct jobs *js, const char *instance_id)
{
    for (struct machine **at = &js->machines; *at; at = &(*at)->next)
        if (strcmp((*at)->id, instance_id) == 0 && !(*at)->vm) {
            struct machine *gone = *at;

            *at = gone->next;
            free(gone);
            return;
        }
}

/* ---- disks ----------------------------------------------------------------------------------- */

/* On Nitro an NVMe disk's serial number is the volume id without its dash. */
static void serial_of(const char *volume_id, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = volume_id; *p && n + 1 < size; p++)
        if (*p != '-')
            out[n++] = *p;
    out[n] = '\0';
}

int machine_disk(struct jobs *js, const char *volume_id, const char *device, bool root,
                 struct vm_disk *ret, struct err *e)
{
    struct volume_server *vs = served_server(js, volume_id);

    (void)device;
    if (!vs)
        return err_set(e, EBUSY, ERR_CONFLICT, "volume '%s' is not served", volume_id);
    *ret = (struct vm_disk){ .nbd_socket = volume_server_nbd_socket(vs), .boot = root };
    (void)str_copy(ret->id, sizeof ret->id, volume_id);
    serial_of(volume_id, ret->serial, sizeof ret->serial);
    return 0;
}

static int ephemeral_file(const struct jobs *js, const char *dir, const struct ephemeral_rec *eph,
                          char **ret, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/%s.raw", dir, eph->virtual_name);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
    uid_t uid;
    gid_t gid;
    int r;

    if (fd < 0)
        return err_errno(e, "create the instance store disk '%s'", path);
    if (ftruncate(fd, (off_t)GIB(eph->size_gib)) < 0)
        return err_errno(e, "size the instance store disk '%s'", path);
    r = child_user_find(js->cfg.user, &uid, &gid, e);
    if (r < 0)
        return r;
    if (r > 0 && fchown(fd, uid, gid) < 0)
        return err_errno(e, "give '%s' to the user '%s'", path, js->cfg.user);
    *ret = TAKE_PTR(path);
    return 0;
}

struct disk_set {
    struct vm_disk disks[VM_DISKS_MAX];
    char *files[VM_DISKS_MAX];
    unsigned n, n_files;
};

static void disk_set_done(struct disk_set *s)
{
    for (unsigned i = 0; i < s->n_files; i++)
        free(s->files[i]);
}

static int add_volumes(struct jobs *js, const struct instance_rec *rec, struct disk_set *set,
                       struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = model_attachment_list(js->model, rec->id, &at, &n, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (set->n == VM_DISKS_MAX)
            return err_set(e, E2BIG, ERR_LIMIT, "instance '%s' has more than %d disks", rec->id,
                           VM_DISKS_MAX);
        r = machine_disk(js, at[i].volume_id, at[i].device,
                         strcmp(at[i].device, rec->root_device_name) == 0, &set->disks[set->n], e);
        if (r < 0)
            return r;
        set->n++;
    }
    return 0;
}

static int add_ephemerals(struct jobs *js, const struct instance_rec *rec, const char *dir,
                          struct disk_set *set, struct err *e)
{
    _cleanup_free_ struct ephemeral_rec *eph = NULL;
    size_t n = 0;
    int r = model_ephemeral_list(js->model, rec->id, &eph, &n, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n && set->n < VM_DISKS_MAX; i++) {
        struct vm_disk *d = &set->disks[set->n];

        r = ephemeral_file(js, dir, &eph[i], &set->files[set->n_files], e);
        if (r < 0)
            return r;
        *d = (struct vm_disk){ .file = set->files[set->n_files++] };
        (void)str_copy(d->id, sizeof d->id, eph[i].virtual_name);
        (void)snprintf(d->serial, sizeof d->serial, "AWS%.16s%zx", rec->id + 2, i & 15);
        set->n++;
    }
    return 0;
}

static void connect_spec(struct jobs *js, int tap_fd, const char *relay_socket,
                         struct vm_spec *spec)
{
    spec->net = VM_NET_ISOLATED;
    if (tap_fd >= 0) {
        spec->net = VM_NET_TAP;
        spec->tap_fd = tap_fd;
    } else if (js->cfg.network == JOBS_NETWORK_USER) {
        spec->net = VM_NET_USER;
        spec->relay = js->cfg.relay;
        spec->relay_socket = relay_socket;
    }
}

/* The image of an instance stays known, deregistered or not. A Windows with a TPM has Secure Boot,
 * too, as those that EC2 offers. */
static int firmware_of(struct jobs *js, const struct instance_rec *rec, struct vm_spec *spec,
                       struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec image = { 0 };
    int r;

    spec->firmware = VM_FIRMWARE_BIOS;
    if (!str_starts(rec->boot_mode, "uefi"))
        return 0;
    spec->firmware = VM_FIRMWARE_UEFI;
    r = model_image_get(js->model, NULL, rec->image_id, &image, e);
    if (r < 0)
        return r;
    spec->tpm = str_eq(image.tpm_support, "v2.0");
    if (spec->tpm && spec->windows)
        spec->firmware = VM_FIRMWARE_UEFI_SECURE;
    return 0;
}

int machine_start(struct jobs *js, const struct instance_rec *rec, int tap_fd, struct err *e)
{
    _cleanup_(disk_set_done) struct disk_set set = { 0 };
    _cleanup_free_ char *dir = jobs_instance_dir(js, rec->id);
    _cleanup_free_ char *relay_socket = xasprintf("%s/imds.sock", dir);
    const struct instance_type *type = instance_type_find(rec->type);
    struct machine *m = find_or_make(js, rec->id);
    struct vm_spec spec = { .id = rec->id,
                            .dir = dir,
                            .qemu = js->cfg.qemu,
                            .serial = js->cfg.serial,
                            .user = js->cfg.user,
                            .accel = js->accel,
                            .disks = set.disks };
    int r;

    if (!type)
        return err_set(e, EINVAL, ERR_INVALID, "unknown instance type '%s'", rec->type);
    if (m->vm)
        return 0;
    r = dir_make(dir, 0750, e);
    if (r == 0)
        r = add_volumes(js, rec, &set, e);
    if (r == 0)
        r = add_ephemerals(js, rec, dir, &set, e);
    if (r < 0)
        return r;
    spec.n_disks = set.n;
    spec.vcpus = type->vcpus;
    spec.memory_bytes = MIB(type->memory_mib);
    (void)str_copy(spec.uuid, sizeof spec.uuid, rec->uuid);
    (void)str_copy(spec.mac, sizeof spec.mac, rec->mac);
    spec.windows = strcmp(rec->platform, "windows") == 0;
    /* Windows has no virtio driver of its own; Linux cloud kernels have no e1000e. */
    spec.nic = spec.windows ? VM_NIC_E1000E : VM_NIC_VIRTIO;
    connect_spec(js, tap_fd, relay_socket, &spec);
    r = firmware_of(js, rec, &spec, e);
    if (r == 0)
        r = network_user_serve(js, rec->id, e);
    if (r < 0)
        return r;
    m->failure[0] = '\0';
    m->expect_down = false;
    console_watch(js, rec->id, false);
    r = vm_start(js->cfg.loop, &spec, on_event, m, &m->vm, e);
    if (r < 0)
        return err_wrap(e, "start the machine of instance '%s'", rec->id);
    m->state = MACHINE_STARTING;
    return 0;
}

int machine_powerdown(struct jobs *js, const char *instance_id, unsigned timeout_ms, struct err *e)
{
    struct machine *m = find(js, instance_id);

    if (!m || m->state != MACHINE_RUNNING)
        return 0;
    m->expect_down = true;
    return vm_powerdown(m->vm, timeout_ms, e);
}

int machine_halt(struct jobs *js, const char *instance_id, struct err *e)
{
    struct machine *m = find(js, instance_id);

    if (!m || m->state != MACHINE_RUNNING)
        return 0;
    m->expect_down = true;
    return vm_halt(m->vm, e);
}

int machine_resume(struct jobs *js, const char *instance_id, struct err *e)
{
    struct machine *m = find(js, instance_id);

    if (!m || m->state != MACHINE_DOWN)
        return 0;
    m->expect_down = false;
    m->state = MACHINE_STARTING;
    return vm_resume(m->vm, e);
}

void machine_end(struct jobs *js, const char *instance_id)
{
    struct machine *m = find(js, instance_id);

    if (!m || !m->vm || m->state == MACHINE_ENDING)
        return;
    m->state = MACHINE_ENDING;
    vm_kill(m->vm);
}

/* ---- a restart of the daemon ----------------------------------------------------------------- */

static bool may_have_a_machine(enum instance_state st)
{
    return st != INSTANCE_TERMINATED && st != INSTANCE_STOPPED;
}

/* Its disks' servers live too: held, so that they are adopted. */
static void hold_disks(struct jobs *js, const char *instance_id)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    struct err e = { 0 };

    if (model_attachment_list(js->model, instance_id, &at, &n, &e) < 0) {
        log_error("jobs", "adopt the disks of '%s': %s", instance_id, e.msg);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct err one = { 0 };

        if (at[i].state != ATTACH_ATTACHING &&
            served_hold(js, at[i].volume_id, instance_id, &one) < 0)
            log_error("jobs", "adopt the server of a disk of '%s': %s", instance_id, one.msg);
    }
}

static void adopt_one(struct jobs *js, const struct instance_rec *rec)
{
    _cleanup_free_ char *dir = jobs_instance_dir(js, rec->id);
    struct machine *m = find_or_make(js, rec->id);
    struct vm_spec spec = {
        .id = rec->id, .dir = dir, .serial = js->cfg.serial, .user = js->cfg.user
    };
    struct err e = { 0 };

    if (vm_adopt(js->cfg.loop, &spec, on_event, m, &m->vm, &e) == 0) {
        m->state = MACHINE_STARTING; /* until it tells what it is */
        console_watch(js, rec->id, true);
        if (network_user_serve(js, rec->id, &e) < 0) {
            log_error("jobs", "serve the metadata of '%s': %s", rec->id, e.msg);
            err_clear(&e);
        }
        hold_disks(js, rec->id);
        log_notice("jobs", "instance '%s' is adopted", rec->id);
        return;
    }
    if (e.kind != ERR_NOT_FOUND)
        log_error("jobs", "adopt the machine of '%s': %s", rec->id, e.msg);
    if (rec->state == INSTANCE_RUNNING)
        begin_unasked_stop(m, INSTANCE_EV_HOST_STOP, "Server.InternalError",
                           "Server.InternalError: the machine ended while the daemon was away");
}

void machine_adopt_all(struct jobs *js)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0;
    struct err e = { 0 };

    if (model_instance_list(js->model, NULL, &v, &n, &e) < 0) {
        log_error("jobs", "list the instances to adopt: %s", e.msg);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (may_have_a_machine(v[i].state))
            adopt_one(js, &v[i]);
}

unsigned machine_end_all(struct jobs *js)
{
    unsigned n = 0;

    for (struct machine *m = js->machines; m; m = m->next)
        if (m->vm) {
            machine_end(js, m->id);
            n++;
        }
    return n;
}

void machine_close_all(struct jobs *js)
{
    while (js->machines) {
        struct machine *m = js->machines;

        js->machines = m->next;
        vm_free(m->vm);
        free(m);
    }
}
