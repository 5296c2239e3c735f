/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The networks of the model made real: VPCs, groups and interfaces are declared to the net room;
 * the metadata service listens in each VPC. Without networks of our own (no root, or told so)
 * guests get QEMU's user network, and the metadata service a socket for each machine. */
#pragma once

#include "jobs-priv.h"

/* Chooses the mode, opens what it needs, declares everything that the database has. */
int network_open(struct jobs *js, struct err *e);
void network_close(struct jobs *js);
/* What a region has changed: declares it again. */
void network_declare(struct jobs *js, const char *region);
/* Once a turn of the runner: what jobs_network_changed was told. */
void network_run(struct jobs *js);
/* make stop: removes everything; fn when nothing is left. */
void network_purge(struct jobs *js, void (*fn)(void *userdata), void *userdata);

/* A tap for a machine that is about to start. fd -1 and why on failure. Without VPC networks: fd -1
 * and no error, from inside the call. */
struct plug;
typedef void (*plug_fn)(int fd, const struct err *why, void *userdata);
int network_plug(struct jobs *js, const char *instance_id, plug_fn fn, void *userdata,
                 struct plug **ret, struct err *e);
void plug_free(struct plug *p); /* nobody waits any more; NULL is fine */
/* Everything of a terminated instance's interface goes. */
void network_forget(struct jobs *js, const char *region, const char *interface_id);

/* User network only: the metadata socket of a machine, before it starts or when it is adopted. */
int network_user_serve(struct jobs *js, const char *instance_id, struct err *e);
void network_user_unserve(struct jobs *js, const char *instance_id);

/* metadata.c: what an instance may know of itself. */
struct imds_caller;
struct imds_instance;
int metadata_find(const struct imds_caller *who, struct imds_instance *ret, void *userdata,
                  struct err *e);
void metadata_close(struct jobs *js);

/* connect.c: hands sockets into VPCs to local clients ("kiln connect"). */
int connect_open(struct jobs *js, struct err *e);
void connect_close(struct jobs *js);
