/* SPDX-License-Identifier: Apache-2.0 */
/* ec2config-cli.exe: the options of Ec2Config.exe in a program that is no service. */
#include "ec2config/config.h"
#include "sysprep/program.h"

int wmain(void);

int wmain(void)
{
    char *line = program_command_line();

    return line ? config_main(win_real(), line, program_say, NULL) : 1;
}
