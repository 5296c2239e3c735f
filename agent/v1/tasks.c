/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduled tasks: names and properties as the original registers them. */
#include "v1/v1.h"

#include <errno.h>

#include "engine/schedule.h"

#define SCRIPTS "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Scripts\\"
#define PROGRAM "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Library\\Ec2Launch.exe"

static const struct {
    const char *name;
    const char *script; /* NULL: the verb */
    const char *verb;
} tasks[] = {
    [V1_TASK_INIT] = { "Amazon Ec2 Launch - Instance Initialization",
                       SCRIPTS "InitializeInstance.ps1", NULL },
    [V1_TASK_USERDATA] = { "Amazon Ec2 Launch - Userdata Execution", NULL, "execute-user-data" },
    [V1_TASK_DISKS] = { "Amazon Ec2 Launch - Disk Initialization", SCRIPTS "InitializeDisks.ps1",
                        NULL },
    [V1_TASK_EVENTS] = { "Amazon Ec2 Launch - Event logs to Console", SCRIPTS "SendEventLogs.ps1",
                         NULL },
    [V1_TASK_READY] = { "Amazon Ec2 Launch - Windows is Ready to Console",
                        SCRIPTS "SendWindowsIsReady.ps1", NULL },
};

const char *v1_task_name(enum v1_task t)
{
    return tasks[t].name;
}

static char *task_arguments(struct win *w, enum v1_task t, const char *args, struct err *e)
{
    const char *what = tasks[t].script ? tasks[t].script : PROGRAM;
    _cleanup_free_ char *path = win_expand(w, what, e);
    struct str s = STR_INIT(4096);

    if (!path)
        return NULL;
    if (tasks[t].script)
        str_addf(&s,
                 "/C powershell.exe -NoProfile -NonInteractive -NoLogo -ExecutionPolicy "
                 "Unrestricted -File \"%s\"",
                 path);
    else
        str_addf(&s, "/S /C \"\"%s\" %s", path, tasks[t].verb);
    if (*args)
        str_addf(&s, " %s", args);
    if (!tasks[t].script)
        str_addc(&s, '"');
    if (str_check(&s, "the arguments of a task", e) < 0) {
        str_done(&s);
        return NULL;
    }
    return str_take(&s);
}

int v1_task_schedule(struct win *w, enum v1_task t, const char *args, struct err *e)
{
    _cleanup_free_ char *arguments = task_arguments(w, t, args, e);
    const struct schedule s = { .name = tasks[t].name,
                                .command = "cmd.exe",
                                .arguments = arguments };

    return arguments ? schedule_install(w, &s, e) : -e->no;
}
