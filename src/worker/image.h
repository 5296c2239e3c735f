/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk image as a block server: opened once, checked, served by a fenced-in qemu-nbd. */
#pragma once

#include "image-head.h"
#include "source.h"
#include "tool.h"

struct image {
    const char *path; /* for messages; borrowed */
    enum image_format format;
    int fd;
    uint64_t file_bytes, disk_bytes;
    bool vhd_exact;
    bool writable;  /* set before it is opened */
    bool trust_raw; /* likewise: QEMU is not asked about a raw file, and will not serve it */
    struct tool server;
};

#define IMAGE_INIT                                                                                 \
    {                                                                                              \
        .fd = -1, .server = TOOL_INIT                                                              \
    }

/* Opens and judges it; nothing is started that goes on. */
int image_open(struct image *im, const char *path, const char *format, struct err *e);
/* Starts the server. */
int image_serve(struct image *im, struct source **ret, struct err *e);
/* The same, leaving the connected socket to the caller. */
int image_serve_fd(struct image *im, int *ret_fd, struct err *e);
/* The name of a format by the file's magic; "raw" when it has none. */
int image_guess(const char *path, const char **ret_format, struct err *e);
/* Puts the server's own words behind an error that it may have caused. */
void image_blame(struct image *im, struct err *e);
void image_done(struct image *im);
