/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of an older agent in the words of agent-config.yml, as the guide's table has them. */
#pragma once

#include "engine/win.h"
#include "lib/str.h"

/* EC2Launch (v1)'s LaunchConfig.json, else EC2Config's Config.xml. 1: *out has the text and
 * *ret_from says whose it is; 0: neither is there; a broken file is refused with its place.
 * *ret_no_password: new instances get none. The text may hold a clear password. */
int v2_migrate(struct win *w, struct str *out, const char **ret_from, bool *ret_no_password,
               struct err *e);
