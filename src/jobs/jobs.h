/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Long work as named, restartable steps: launch, stop, create-image, import and so on. Each request
 * below checks nothing that the API should have checked: the records exist and are in the state
 * that the request needs. It writes the job's row (in the caller's transaction, if one is open) and
 * starts it from the loop, so that a caller may still roll back. docs/design/jobs.md has every
 * step. */
#pragma once

#include <systemd/sd-event.h>

#include "model.h"

struct jobs;

enum jobs_network {
    JOBS_NETWORK_AUTO,     /* VPCs when we may (root), else the user network, with a warning */
    JOBS_NETWORK_VPC,      /* bridges, DHCP, packet filters: needs root */
    JOBS_NETWORK_USER,     /* QEMU's user network and the metadata service, no security groups */
    JOBS_NETWORK_ISOLATED, /* a card and nothing behind it */
};

struct jobs_config {
    sd_event *loop;
    struct model *model;
    const char *home;   /* volumes/ instances/ store/ run/ lie below it */
    const char *worker; /* path of kiln-worker */
    const char *plugin; /* path of kiln-volume.so */
    const char *qemu;   /* "qemu-system-x86_64" */
    const char *user;   /* unprivileged user for children when we are root; NULL: stay */
    const char *relay;  /* path of kiln-imds-relay */
    const char *serial; /* path of kiln-serial */
    const char *freeze; /* path of kiln-freeze */
    enum jobs_network network;
    bool nat;                     /* guests reach the world through the host's addresses */
    const char *public_addresses; /* a range of them, "none"; NULL: one is chosen */
    const char *ntp, *kms;        /* behind 169.254.169.123, and .250 and .251; NULL: refused */
    uint64_t fill_bytes_per_s;
    unsigned stop_timeout_ms; /* ACPI shutdown, then hard; 0: 120 s */
};

/* Adopts machines and volume servers of an earlier run, and goes on with every active job at the
 * step it had reached. */
int jobs_open(const struct jobs_config *cfg, struct jobs **ret, struct err *e);
/* Forgets everything in memory; machines and volume servers go on. */
void jobs_close(struct jobs *j);
DEFINE_FREEP(jobs_close, struct jobs);
/* make stop: ends all machines (orderly, then hard) and servers; fn when all are down. */
void jobs_shutdown(struct jobs *j, void (*fn)(void *userdata), void *userdata);

/* Instances. The records of the instance, its volumes ('creating'), attachments ('attaching') and
 * ephemeral disks were inserted by the caller. */
int jobs_launch(struct jobs *j, const char *instance_id, struct err *e);
int jobs_start(struct jobs *j, const char *instance_id, struct err *e); /* state: pending */
int jobs_stop(struct jobs *j, const char *instance_id, bool force, struct err *e); /* stopping */
int jobs_reboot(struct jobs *j, const char *instance_id, struct err *e);
int jobs_terminate(struct jobs *j, const char *instance_id, struct err *e); /* shutting-down */

/* Volumes. */
int jobs_create_volume(struct jobs *j, const char *volume_id, struct err *e); /* creating */
int jobs_delete_volume(struct jobs *j, const char *volume_id, struct err *e); /* deleting */
/* The record has its new size, the modification is 'modifying'. */
int jobs_modify_volume(struct jobs *j, const char *volume_id, struct err *e);
int jobs_attach(struct jobs *j, const char *volume_id, struct err *e); /* attachment: attaching */
int jobs_detach(struct jobs *j, const char *volume_id, bool force, struct err *e); /* detaching */

/* Snapshots and images. The image record is 'pending', one 'pending' snapshot record for each
 * volume to take, and the image's mapping names those snapshots. All volumes are frozen at one
 * instant. */
int jobs_create_image(struct jobs *j, const char *image_id, const char *instance_id, bool no_reboot,
                      struct err *e);
/* Snapshots of one instant; n ids of 'pending' records whose volume_id is set. */
int jobs_create_snapshots(struct jobs *j, const char *const *snapshot_ids, size_t n, struct err *e);
/* Copies of completed snapshots; the records of what is made are 'pending', and so is the image
 * that maps them. image_id NULL: one plain copy. The sources' records may be deleted meanwhile. */
struct jobs_copy {
    const char *source, *made;
    bool encrypt; /* the source is not, and the copy shall be */
};
int jobs_copy_snapshots(struct jobs *j, const char *image_id, const struct jobs_copy *v, size_t n,
                        struct err *e);
/* The record is deleted already; removes the content and gives the space back. */
int jobs_delete_snapshot(struct jobs *j, const char *snapshot_id, struct err *e);
/* The import, its image ('pending') and snapshot ('pending') exist. */
int jobs_import(struct jobs *j, const char *import_id, struct err *e);

/* What the machine of an instance printed on its serial port: the last max bytes; caller frees. */
int jobs_console(struct jobs *j, const char *instance_id, size_t max, char **ret, size_t *ret_len,
                 struct err *e);

/* The guest's screen as JPEG; fn is called once, from the loop, unless this fails at once. */
typedef void (*jobs_screen_fn)(const void *jpeg, size_t n, const struct err *e, void *userdata);
int jobs_screenshot(struct jobs *j, const char *instance_id, jobs_screen_fn fn, void *userdata,
                    struct err *e);

/* Rules of security groups or their members changed, or instances came: the packet filters of the
 * region's networks are made anew, from the loop, after the caller's transaction has ended (and
 * changed nothing, if it was rolled back). */
void jobs_network_changed(struct jobs *j, const char *region);

/* Evidence for tests and for "kiln ls": the counters of a volume in use, as of the last answer of
 * its server (asked for every second while something fills). ERR_NOT_FOUND when the volume is not
 * served now. */
struct volume_status;
int jobs_volume_status(struct jobs *j, const char *volume_id, struct volume_status *ret,
                       struct err *e);
