/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests of v1 have in common: a machine with the shipped files, its verbs. */
#pragma once

#include "sysprep/fake-sysprep.h"
#include "v1/v1.h"

#define ROOT   "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\"
#define CONFIG ROOT "Config\\LaunchConfig.json"
#define ANSWER ROOT "Sysprep\\Unattend.xml"
#define FILES  "v1/files/"
#define INIT   "Amazon Ec2 Launch - Instance Initialization"

struct fake *machine(void);
/* A verb with up to two switches (NULL: none); what it says is fake_said(). */
int run(struct fake *f, const char *verb, const char *a, const char *b);
/* adminPasswordType and adminPassword of the settings file. */
void set_config(struct fake *f, const char *type, const char *password);
