/* SPDX-License-Identifier: Apache-2.0 */
/* Ec2WallpaperInfo.exe, called at each logon by its shortcut. */
#include "ec2config/config.h"
#include "sysprep/program.h"

int wmain(void);

int wmain(void)
{
    char *line = program_command_line();

    return line ? config_wallpaper_main(win_real(), line, program_say, NULL) : 1;
}
