/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tags that ask for what EC2 has no parameter for, most of it work on a Windows without booting it
 * (docs/windows/pipeline.md). What begins
 * with "kiln:" and is not understood is refused: a wish that is silently ignored is worse. */
#pragma once

#include "api-priv.h"

/* CreateImage: kiln:generalize = ec2launch-v2 | ec2launch | ec2config; a Windows only. */
int windows_tags_image(struct api_call *c, const struct tag_list *tags, const char *platform,
                       struct err *e);
/* ImportImage: kiln:tpm = v2.0, for a disk that boots by UEFI: EC2 has no parameter for it. */
int windows_tags_import(struct api_call *c, const struct tag_list *tags, const char *boot_mode,
                        struct err *e);
/* RunInstances: kiln:prepare = true, or options as "computer-name=WEB01;ems". */
int windows_tags_instance(struct api_call *c, const struct tag_list *tags, const char *platform,
                          struct err *e);
