/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/dialog.h"

#include <errno.h>

#include "lib/str.h"
#include "sysprep/sysprep.h"

#define START_MS 120000U

bool dialog_confirm_shutdown(struct dialog_ui *ui, bool with_sysprep)
{
    return ui->ask(ui, with_sysprep ? SYSPREP_WARNING
                           "\n\nYou are logged off and the instance shuts down. Run Sysprep now?"
                                    : "You are logged off and the instance shuts down, without "
                                      "Sysprep. Shut down now?");
}

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

static void tell(struct dialog_ui *ui, const struct err *e)
{
    ui->tell(ui, e->msg);
}

void dialog_press(const struct dialog *d, struct win *w, struct dialog_ui *ui, int id)
{
    struct err e = { 0 };

    if (id == DIALOG_CANCEL) {
        ui->close(ui);
        return;
    }
    if ((id == DIALOG_OK || id == DIALOG_APPLY) && d->save(w, ui, &e) < 0)
        tell(ui, &e);
    else if (id == DIALOG_OK)
        ui->close(ui);
    else if (id >= DIALOG_FIRST && d->press && d->press(w, ui, id, &e) < 0)
        tell(ui, &e);
}
