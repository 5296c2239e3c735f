/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/win.h"

/* Refuses Windows before 2016; takes the older agents' service, tasks and entries away; lays down
 * settings that are not there; makes the Start-menu entry "Amazon EC2Launch settings". */
int v2_install_package(struct win *w, struct err *e);
int v2_uninstall_package(struct win *w, struct err *e);
