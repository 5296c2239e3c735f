/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A jobs room that does no work: it writes down what it was asked, for tests of the api alone. */
#pragma once

#include "jobs.h"

struct jobs *jobs_recorded_new(const char *directory, struct model *model);
/* Pictures of screens wait from now on, until they are released (or the jobs are closed). */
void jobs_recorded_hold(struct jobs *j);
void jobs_recorded_release(struct jobs *j);
