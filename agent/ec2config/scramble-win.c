/* SPDX-License-Identifier: Apache-2.0 */
/* ScramblePassword.exe, which the answer files of EC2Config and of EC2Launch v2 call. */
#include "ec2config/config.h"
#include "sysprep/program.h"

int wmain(void);

int wmain(void)
{
    char *line = program_command_line();

    return line ? config_scramble_main(win_real(), line, program_say, NULL) : 1;
}
