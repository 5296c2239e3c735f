/* SPDX-License-Identifier: Apache-2.0 */
/* AWSAcpiSpcrReader.exe */
#include "sysprep/program.h"
#include "v2/tools.h"

int wmain(void);

int wmain(void)
{
    return v2_spcr_main(win_real(), program_say, NULL);
}
