/* SPDX-License-Identifier: Apache-2.0 */
/* ebsnvme-id.exe */
#include "sysprep/program.h"
#include "v2/tools.h"

int wmain(void);

int wmain(void)
{
    int argc = 0;
    char **argv = program_arguments(&argc);

    return argv ? v2_ebsnvme_main(win_real(), argc, argv, program_say, NULL) : 1;
}
