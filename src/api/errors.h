/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From (resource, kind) to EC2's code, and from the code to the HTTP status. Only this room knows
 * wire codes. */
#pragma once

#include "err.h"

unsigned errors_status(const char *code);
/* The i-th resource of the table; NULL past the end. For tests. */
const char *errors_resource_at(size_t i);
