/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/dialog.h"

#include <errno.h>

#include "lib/str.h"
#include "sysprep/sysprep.h"

#define FINDINGS_SHOWN 8U

static bool confirm(struct dialog_ui *ui, bool with_sysprep)
{
    return ui->ask(ui, with_sysprep ? SYSPREP_WARNING
                           "\n\nYou are logged off and the instance shuts down. Run Sysprep now?"
                                    : "You are logged off and the instance shuts down, without "
                                      "Sysprep. Shut down now?");
}

static void list_findings(const struct preflight *p, enum preflight_weight weight, struct str *out)
{
    size_t shown = 0, left = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (p->found[i].weight != weight)
            continue;
        if (shown++ < FINDINGS_SHOWN)
            str_addf(out, "\n\n- %s", p->found[i].text);
        else
            left++;
    }
    if (left)
        str_addf(out, "\n\n(and %zu more)", left);
}

/* True: nothing stands in the way, or its owner wants it all the same. */
static bool may_run_sysprep(const struct dialog *d, struct win *w, struct dialog_ui *ui)
{
    struct sysprep_order o = { .dialect = d->agent, .shutdown = true };
    _cleanup_free_ struct preflight *p = calloc(1, sizeof(*p));
    struct str text = STR_INIT(KIB(16));
    bool go = true;

    if (!p)
        return true; /* the program itself looks, too */
    preflight_look(w, &o, p);
    if (preflight_stops(p)) {
        str_add(&text, "Sysprep was not started, nothing was changed:");
        list_findings(p, PREFLIGHT_STOP, &text);
        ui->tell(ui, str_text(&text));
        go = false;
    } else if (p->n) {
        str_add(&text, "Before Sysprep:");
        list_findings(p, PREFLIGHT_WARNING, &text);
        str_add(&text, "\n\nRun it all the same?");
        go = ui->ask(ui, str_text(&text));
    }
    str_done(&text);
    return go;
}

void dialog_press(const struct dialog *d, struct win *w, struct dialog_ui *ui, int id)
{
    bool with_sysprep = id == DIALOG_WITH_SYSPREP;
    struct err e = { 0 };
    int r = 0;

    if (id == DIALOG_OK || id == DIALOG_APPLY) {
        r = d->save(w, ui, &e);
    } else if (with_sysprep || id == DIALOG_WITHOUT_SYSPREP) {
        if (!confirm(ui, with_sysprep) || (with_sysprep && !may_run_sysprep(d, w, ui)))
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
