/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduled tasks: names and properties as the original registers them. */
#include "v1/v1.h"

#include <errno.h>

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

char *v1_task_xml(struct win *w, enum v1_task t, const char *args, struct err *e)
{
    _cleanup_free_ char *arguments = task_arguments(w, t, args, e);
    struct str s = STR_INIT(KIB(16));

    if (!arguments)
        return NULL;
    str_add(&s, "<?xml version=\"1.0\"?>\n"
                "<Task version=\"1.2\" "
                "xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n"
                "  <RegistrationInfo><Description>");
    str_xml(&s, tasks[t].name);
    str_add(&s, "</Description></RegistrationInfo>\n"
                "  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>\n"
                "  <Principals><Principal id=\"System\"><UserId>S-1-5-18</UserId>"
                "<RunLevel>HighestAvailable</RunLevel></Principal></Principals>\n"
                "  <Settings>\n"
                "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n"
                "    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n"
                "    <AllowHardTerminate>false</AllowHardTerminate>\n"
                "    <StartWhenAvailable>true</StartWhenAvailable>\n"
                "    <IdleSettings><StopOnIdleEnd>false</StopOnIdleEnd></IdleSettings>\n"
                "    <Enabled>true</Enabled>\n"
                "    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n"
                "    <Priority>0</Priority>\n"
                "  </Settings>\n"
                "  <Actions Context=\"System\"><Exec><Command>cmd.exe</Command><Arguments>");
    str_xml(&s, arguments);
    str_add(&s, "</Arguments></Exec></Actions>\n</Task>\n");
    if (str_check(&s, "the text of a task", e) < 0) {
        str_done(&s);
        return NULL;
    }
    return str_take(&s);
}

int v1_task_schedule(struct win *w, enum v1_task t, const char *args, struct err *e)
{
    _cleanup_free_ char *xml = v1_task_xml(w, t, args, e);

    if (!xml)
        return -e->no;
    if (w->task_install(w, tasks[t].name, xml, e) < 0)
        return err_wrap(e, "schedule '%s'", tasks[t].name);
    return 0;
}
