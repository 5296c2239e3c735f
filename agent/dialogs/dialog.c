/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/dialog.h"

#include <errno.h>

#include "lib/str.h"
#include "sysprep/sysprep.h"

#define START_MS 120000U

int dialog_start(struct win *w, const char *program, const char *arguments, bool wait,
                 struct err *e)
{
    _cleanup_free_ char *full = win_expand(w, program, e), *quoted = NULL;
    struct str command = STR_INIT(2048);
    struct win_run run = { .detach = !wait, .timeout_ms = wait ? START_MS : 0 };
    uint32_t pid = 0, code = 0;
    int r;

    quoted = full ? win_quote(full) : NULL;
    if (!quoted)
        return e->no ? -e->no : err_oom(e);
    str_addf(&command, "%s %s", quoted, arguments);
    run.command = str_text(&command);
    r = w->run(w, &run, &pid, &code, e);
    if (r == 0 && wait && code)
        r = err_set(e, EIO, ERR_OTHER, "'%s' ended with exit code %u; see its log", arguments,
                    code);
    str_done(&command);
    return r;
}

static bool confirm(struct dialog_ui *ui, bool with_sysprep)
{
    return ui->ask(ui, with_sysprep ? SYSPREP_WARNING
                           "\n\nYou are logged off and the instance shuts down. Run Sysprep now?"
                                    : "You are logged off and the instance shuts down, without "
                                      "Sysprep. Shut down now?");
}

void dialog_press(const struct dialog *d, struct win *w, struct dialog_ui *ui, int id)
{
    bool with_sysprep = id == DIALOG_WITH_SYSPREP;
    struct err e = { 0 };
    int r = 0;

    if (id == DIALOG_OK || id == DIALOG_APPLY) {
        r = d->save(w, ui, &e);
    } else if (with_sysprep || id == DIALOG_WITHOUT_SYSPREP) {
        if (!confirm(ui, with_sysprep))
            return;
        r = d->shut_down(w, ui, with_sysprep, &e);
    } else if (id != DIALOG_CANCEL) {
        return;
    }
    if (r < 0)
        ui->tell(ui, e.msg);
    else if (id != DIALOG_APPLY)
        ui->close(ui);
}
