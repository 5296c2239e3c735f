/* SPDX-License-Identifier: Apache-2.0 */
/* Library\Ec2Launch.exe */
#include "sysprep/program.h"
#include "v1/v1.h"

int wmain(void);

int wmain(void)
{
    int argc = 0;
    char **argv = program_arguments(&argc);

    if (!argv)
        return 1;
    return v1_main(win_real(), argc, (const char *const *)argv, program_say, NULL);
}
