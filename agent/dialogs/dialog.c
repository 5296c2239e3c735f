/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/dialog.h"

#include <errno.h>

#include "lib/str.h"
#include "sysprep/sysprep.h"

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
