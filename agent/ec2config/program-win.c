/* SPDX-License-Identifier: Apache-2.0 */
/* Ec2Config.exe: `-service` is how Windows starts it, all else is for people. The service does its
 * work once after the start of Windows and then waits to be stopped, as the original does. */
#include "sysprep/program.h"

#include <string.h>

#include "ec2config/config.h"

int wmain(void);

static void run(bool (*stop)(void *ctx), void *ctx)
{
    struct err e = { 0 };

    (void)config_service_run(win_real(), stop, ctx, &e); /* told in the log */
}

int wmain(void)
{
    static const struct program_service service = {
        .name = L"EC2Config",
        .run = run,
        .stays = true,
        .otherwise = "-service is for the service manager of Windows",
    };
    char *line = program_command_line();
    size_t n = 0;
    char **words = line ? config_words(line, &n) : NULL;

    if (!words)
        return 1;
    if (n == 1 && strcmp(words[0], "-service") == 0)
        return program_service(&service);
    return config_main(win_real(), line, program_say, NULL);
}
