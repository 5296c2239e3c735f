/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shipped files of the launch agents, out of agent/ at build time, with line ends of Windows. */
#pragma once

#include <stddef.h>

struct embedded_file {
    const unsigned char *data;
    size_t n;
};

extern const struct embedded_file embedded_v2_answer, embedded_v2_before;
extern const struct embedded_file embedded_v1_answer, embedded_v1_before, embedded_v1_specialize,
    embedded_v1_randomize;
extern const struct embedded_file embedded_cfg_answer, embedded_cfg_before, embedded_cfg_specialize,
    embedded_cfg_post;
