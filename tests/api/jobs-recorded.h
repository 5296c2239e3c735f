/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A jobs room that does no work: it writes down what it was asked, for tests of the api alone. */
#pragma once

#include "jobs.h"

struct jobs *jobs_recorded_new(const char *directory, struct model *model);
