/* SPDX-License-Identifier: Apache-2.0 */
/* The two small programs of the folder tools: what people and scripts ask them. */
#pragma once

#include "engine/win.h"

typedef void v2_tool_say(void *ctx, const char *line);

/* ebsnvme-id.exe [disk number]: "Disk Number:", "Volume ID:", "Device Name:" of each EBS disk, or
 * of the one. Exit code: 1 when there is none such, 2 for wrong words. */
int v2_ebsnvme_main(struct win *w, int argc, char **argv, v2_tool_say *say, void *ctx);
/* AWSAcpiSpcrReader.exe: the serial port of the console, "COM1" when firmware names none. */
int v2_spcr_main(struct win *w, v2_tool_say *say, void *ctx);
