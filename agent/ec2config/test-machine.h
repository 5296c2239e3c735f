/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh EC2Config over the recording Windows, for the tests of its service and of its commands.
 */
#pragma once

#include "ec2config/config.h"
#include "sysprep/fake-sysprep.h"

#define ROOT       "C:\\Program Files\\Amazon\\Ec2ConfigService\\"
#define SETTINGS   ROOT "Settings\\"
#define ANSWER     ROOT "sysprep2008.xml"
#define FILES      "ec2config/files/"
#define CLOUDWATCH "AWS.EC2.Windows.CloudWatch.PlugIn"

struct fake *machine(void);
int boot(struct fake *f, struct err *e);       /* the service's run */
int command(struct fake *f, const char *line); /* Ec2Config.exe; fake_said() has its words */
void set_plugin(struct fake *f, const char *name, bool on);
bool plugin_is(struct fake *f, const char *name);
