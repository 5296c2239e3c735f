/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/schedule.h"

#include "lib/str.h"

char *schedule_xml(const struct schedule *s, struct err *e)
{
    struct str x = STR_INIT(KIB(16));

    str_add(&x, "<?xml version=\"1.0\"?>\n"
                "<Task version=\"1.2\" "
                "xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n"
                "  <RegistrationInfo><Description>");
    str_xml(&x, s->name);
    str_add(&x, "</Description></RegistrationInfo>\n"
                "  <Triggers><BootTrigger><Enabled>true</Enabled>");
    if (s->delay)
        str_addf(&x, "<Delay>%s</Delay>", s->delay);
    str_add(&x, "</BootTrigger></Triggers>\n"
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
                "  <Actions Context=\"System\"><Exec><Command>");
    str_xml(&x, s->command);
    str_add(&x, "</Command><Arguments>");
    str_xml(&x, s->arguments);
    str_add(&x, "</Arguments></Exec></Actions>\n</Task>\n");
    if (str_check(&x, "the text of a task", e) < 0) {
        str_done(&x);
        return NULL;
    }
    return str_take(&x);
}

int schedule_install(struct win *w, const struct schedule *s, struct err *e)
{
    _cleanup_free_ char *xml = schedule_xml(s, e);

    if (!xml)
        return -e->no;
    return w->task_install(w, s->name, xml, e) < 0 ? err_wrap(e, "schedule '%s'", s->name) : 0;
}
