/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the jobs room.
 *
 * A job is a row in the database (kind, subject, step, args) and, while active, a struct job here.
 * Its kind is a table of named steps. The engine stores a step's name before the step runs; the
 * step looks at the world, does what is missing, and answers JOB_NEXT, or JOB_WAIT until something
 * it watches has changed; then it runs again. So every step may run twice, and a restart of the
 * daemon is nothing but one more run. */
#pragma once

#include <jansson.h>

#include "child.h"
#include "jobs.h"
#include "str.h"
#include "vm.h"
#include "volume.h"

/* ---- the engine ------------------------------------------------------------------------------ */

struct job;
struct job_windows;

enum { JOB_NEXT = 0, JOB_WAIT = 1, JOB_FINISHED = 2 };

struct job_step {
    const char *name;
    int (*run)(struct job *j, struct err *e); /* JOB_NEXT, JOB_WAIT, JOB_FINISHED or an error */
    bool locked; /* needs the job's lock for itself: older jobs with the same lock go first */
};

struct job_kind {
    const char *name;
    const struct job_step *steps; /* in order; ends with { 0 } */
    /* After a failed step: bring the resource to a plain failed state, let go of what is held. */
    void (*failed)(struct job *j, const struct err *why);
    /* Frees j->mem and ends children of it; the job may still be active (daemon stops). */
    void (*drop)(struct job *j);
};

#define JOB_TOPICS_MAX 64

struct job {
    struct job *next; /* in order of creation */
    struct jobs *jobs;
    char id[MODEL_ID_MAX], subject[MODEL_ID_MAX];
    char lock[MODEL_ID_MAX]; /* instance or volume that locked steps work on; "" none */
    const struct job_kind *kind;
    size_t step;
    bool step_stored; /* the name of the step is on disk */
    json_t *args;
    void *mem;                   /* the kind's own, this run of the daemon only */
    struct job_windows *windows; /* steps-windows.c; NULL: nothing under way */
    bool hurry;                  /* a later job wants the instance at once: no graceful waiting */
    bool disk_gone;              /* the guest let go of the disk that this job detaches */
    bool ended;
    bool runnable;
    char topics[JOB_TOPICS_MAX][MODEL_ID_MAX];
    size_t n_topics;
};

extern const struct job_kind job_launch, job_start, job_stop, job_reboot, job_terminate;
extern const struct job_kind job_create_volume, job_delete_volume, job_attach, job_detach;
extern const struct job_kind job_release_point;
extern const struct job_kind job_create_image, job_create_snapshots, job_import,
    job_delete_snapshot, job_copy_image, job_copy_snapshot, job_modify_volume;

/* Writes the row and takes the job into the list; it runs from the loop. args: stolen, may be NULL.
 */
int job_add(struct jobs *js, const struct job_kind *kind, const char *subject, const char *lock,
            json_t *args, struct err *e);
int job_resume_all(struct jobs *js, struct err *e);
/* The job runs again when that id changes (job_publish). */
void job_watch(struct job *j, const char *topic);
void job_wake(struct job *j);
/* The guest let go of a disk: told to the job that detaches it. */
void job_disk_gone(struct jobs *js, const char *volume_id);
/* Something about this id (instance, volume, snapshot) changed: wakes who watches it. */
void job_publish(struct jobs *js, const char *topic);
/* Saves j->args beside the step. */
int job_save_args(struct job *j, struct err *e);
/* Every older job on this lock is told to hurry. */
void job_hurry_others(struct jobs *js, const char *lock);
/* A job that has this lock, or queues for it. */
bool job_any_on(struct jobs *js, const char *lock);
/* A job is in a locked step, or queues for one. */
bool job_any_locked(struct jobs *js);
const char *job_arg(const struct job *j, const char *name); /* "" when absent */

/* ---- volume servers, shared by holders ------------------------------------------------------- */

struct served;

/* Runs a server for the volume while anybody holds it. holder: an id (instance, job). Repeating is
 * fine. */
int served_hold(struct jobs *js, const char *volume_id, const char *holder, struct err *e);
void served_release(struct jobs *js, const char *volume_id, const char *holder);
void served_release_all(struct jobs *js, const char *holder);
/* 1 ready, 0 not yet (job_publish tells volume_id when it changes), negative when it cannot be
 * served. */
int served_ready(struct jobs *js, const char *volume_id, struct err *e);
bool served_is_held(struct jobs *js, const char *volume_id); /* somebody wants it served */
bool served_is_up(struct jobs *js,
                  const char *volume_id); /* a server process is there, in any state */
struct volume_server *served_server(struct jobs *js, const char *volume_id); /* NULL unless ready */
const struct volume_status *served_status(struct jobs *js,
                                          const char *volume_id); /* NULL: unknown */
/* At the start: servers of an earlier daemon that still live are taken over ... */
void served_adopt_all(struct jobs *js);
/* ... and, once every job had its turn, those that nobody holds are ended in order. */
void served_adopted(struct jobs *js);
/* Once a second from the loop: statuses are asked for. */
void served_tick(struct jobs *js);
void served_close_all(struct jobs *js);
void served_stop_all(struct jobs *js);
bool served_none_up(struct jobs *js);

/* The volume's files are made as large as its record says, if they can be now: 1; else 0. */
int volume_files_grow(struct jobs *js, const struct volume_rec *rec, struct err *e);
/* The files of a volume exist afterwards, and a creating one is available. Milliseconds. */
int volume_files_make(struct jobs *js, const char *volume_id, struct err *e);
/* A detach is on its way already: force is added to it. */
bool detach_again(struct jobs *js, const char *volume_id, bool force);
/* Once a second: a guest that missed the request (in its firmware, say) is asked again. */
void detach_tick(struct jobs *js);

/* ---- machines -------------------------------------------------------------------------------- */

struct machine;

enum machine_state {
    MACHINE_NONE,
    MACHINE_STARTING,
    MACHINE_RUNNING,
    MACHINE_DOWN,
    MACHINE_ENDING
};

enum machine_state machine_state(struct jobs *js, const char *instance_id);
struct vm *machine_vm(struct jobs *js, const char *instance_id); /* NULL when there is none */
/* Why the last machine of this instance ended, when nobody asked for it; "" otherwise. */
const char *machine_failure(struct jobs *js, const char *instance_id);
/* tap_fd: borrowed; -1: none. */
int machine_start(struct jobs *js, const struct instance_rec *rec, int tap_fd, struct err *e);
int machine_powerdown(struct jobs *js, const char *instance_id, unsigned timeout_ms, struct err *e);
int machine_halt(struct jobs *js, const char *instance_id, struct err *e);
int machine_resume(struct jobs *js, const char *instance_id, struct err *e);
void machine_end(struct jobs *js, const char *instance_id); /* asks QEMU to end */
/* A guest that goes down, or a QEMU that ends, inside of a job is no event of its own. */
void machine_expect_down(struct jobs *js, const char *instance_id, bool expected);
int machine_disk(struct jobs *js, const char *volume_id, const char *device, bool root,
                 struct vm_disk *ret, struct err *e);
/* After the last job on an instance: a machine that went down meanwhile is seen to. */
void machine_settle(struct jobs *js, const char *instance_id);
void machine_forget(struct jobs *js, const char *instance_id); /* it must be MACHINE_NONE */
void machine_adopt_all(struct jobs *js);
/* Asks every machine that is left to end; how many there are. */
unsigned machine_end_all(struct jobs *js);
void machine_close_all(struct jobs *js);

/* ---- guests held still ----------------------------------------------------------------------- */

enum freeze_state {
    FREEZE_NONE,   /* not asked */
    FREEZE_ASKED,  /* the answer publishes the instance's id, as each change does */
    FREEZE_HELD,   /* its file systems are frozen */
    FREEZE_ENDING, /* freeze_end: being thawed */
    FREEZE_KEPT,   /* thawed, and they were frozen until then */
    FREEZE_FAILED, /* refused, or lost on the way: freeze_reason */
};
/* Asks the QEMU Guest Agent in a running guest; without one it fails at once. */
void freeze_begin(struct jobs *js, const char *instance_id);
enum freeze_state freeze_state(struct jobs *js, const char *instance_id);
const char *freeze_reason(struct jobs *js, const char *instance_id);
void freeze_end(struct jobs *js, const char *instance_id);
void freeze_forget(struct jobs *js, const char *instance_id); /* and thaws it, if it must */
void freeze_close_all(struct jobs *js);

#define WORKS_TOPIC "works" /* published when a worker ends */
#define WORKS_MAX   4       /* side by side; more wait */

/* ---- workers --------------------------------------------------------------------------------- */

struct work;

struct work_progress {
    uint64_t done, total, rate, read, stored;
};
struct work_spec {
    const char *const *args; /* after the program's name; NULL-terminated */
    void (*on_progress)(void *userdata, const struct work_progress *p);
    /* Once; result is borrowed (NULL on failure). The work frees itself afterwards. */
    void (*on_end)(void *userdata, const json_t *result, const struct err *why);
    void *userdata;
};
int work_start(struct jobs *js, const struct work_spec *spec, struct work **ret, struct err *e);
void work_cancel(struct work *w); /* kills it; on_end is not called; NULL is fine */
/* Before any job goes on: what workers and their daemon, killed, left in run/. */
int work_sweep(struct jobs *js, struct err *e);

/* ---- Windows without booting it: steps of create-image and launch -------------------------- */

/* Does what the argument "generalize" (a dialect) asks for, to the image's root snapshot. */
int windows_generalise_step(struct job *j, struct err *e);
void windows_generalise_failed(struct job *j);
/* Does what the argument "prepare" asks for, to the served root volume, once. */
int windows_prepare_step(struct job *j, struct err *e);
void windows_drop(struct job *j);
/* windows-report.c; nothing fails for a report's sake, a warning tells it. Of a result that is
 * here: */
void windows_report_keep(const struct job *j, const json_t *result);
/* Of the one that the worker left for a snapshot: take, then make it true, then taken. */
void windows_report_take(const struct job *j, const char *snapshot);
void windows_report_taken(const struct job *j, const char *snapshot);
void windows_report_drop(const struct job *j, const char *snapshot); /* it came to nothing */
/* A name in run/: a report that no job will come for. */
bool windows_report_is_left_over(struct jobs *js, const char *name);
/* Puts the value of a resource's tag into a new job's arguments; without the tag, nothing. */
int windows_tag_arg(struct jobs *js, const char *id, const char *key, const char *name,
                    json_t *args, struct err *e);

/* ---- images and copies ----------------------------------------------------------------------- */

/* A pending image is available afterwards. */
int image_register_step(struct job *j, struct err *e);
/* The active job that copies from this snapshot, so that its content must stay; NULL: none. */
const struct job *copy_reads(const struct jobs *js, const char *snapshot_id);

/* ---- space comes back ------------------------------------------------------------------------ */

/* A gc is wanted: runs when no worker writes. */
void reclaim_want(struct jobs *js);
void reclaim_tick(struct jobs *js);
void reclaim_close(struct jobs *js);

/* ---- everything together --------------------------------------------------------------------- */

#define REGIONS_MAX 64

struct jobs {
    struct jobs_config cfg;
    struct model *model;
    struct store *store;
    char *store_dir, *volumes_dir, *instances_dir, *run_dir;
    enum vm_accel accel;
    bool accel_known;
    struct job *list;
    sd_event_source *runner; /* deferred: runs runnable jobs */
    sd_event_source *tick;   /* asks filling volumes for their status once a second */
    struct served *served;
    struct machine *machines;
    struct console *consoles;
    struct freeze *freezes;
    struct net *net;                                   /* NULL: no networks of our own */
    struct imds *imds;                                 /* NULL: isolated */
    struct metadata *metadata;                         /* metadata.c */
    struct connector *connector;                       /* connect.c */
    char dirty_regions[REGIONS_MAX][MODEL_REGION_MAX]; /* their networks are declared anew */
    size_t n_dirty;
    unsigned works_running;
    struct work *gc;
    bool gc_wanted;
    unsigned gc_retry; /* seconds until the next try; 0: none */
    bool closing;
    bool adopting;                /* no job had its turn since the start */
    void (*down)(void *userdata); /* jobs_shutdown */
    void *down_userdata;
    bool networks_asked, networks_gone;
    bool servers_asked; /* shutting down: the servers were asked to end */
};

char *jobs_volume_dir(struct jobs *js, const char *volume_id);     /* caller frees */
char *jobs_instance_dir(struct jobs *js, const char *instance_id); /* caller frees */
char *jobs_key_path(const struct jobs *js);                        /* caller frees */
int keys_open(struct jobs *js, struct err *e);
void jobs_log_failure(const struct job *j, const struct err *why);
/* Looks whether a shutdown has reached its end. */
void jobs_shutdown_step(struct jobs *js);
