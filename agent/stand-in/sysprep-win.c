/* SPDX-License-Identifier: Apache-2.0 */
/* Stands where Microsoft's Sysprep would in a whole machine (tools/wine-guest): records its command
 * line as the recorder does, keeps the answer file where Setup looks for it, calls the image sealed
 * and shuts Windows down. It removes nothing: no SID, no profile, no log. */
#include <windows.h>

#include <errno.h>
#include <string.h>

#include "engine/setup.h"
#include "lib/utf.h"
#include "stand-in/machine.h"

#define SEALED "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
#define SWITCH "/unattend:"

static const char *find(char **argv, const char *word)
{
    for (size_t i = 1; argv[i - 1] && argv[i]; i++)
        if (strncmp(argv[i], word, strlen(word)) == 0)
            return argv[i] + strlen(word);
    return NULL;
}

static int keep_answer(struct win *w, const char *path, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t n = 0;
    int r = w->file_read(w, path, MIB(1), &text, &n, e);

    return r < 0 ? r : w->file_write(w, ANSWER, text, n, e);
}

static int seal(struct win *w, char **argv, struct err *e)
{
    const char *answer = find(argv, SWITCH);

    if (!find(argv, "/oobe") || !find(argv, "/generalize") || !answer)
        return err_set(e, EINVAL, ERR_INVALID, "not how an agent calls Sysprep");
    if (keep_answer(w, answer, e) < 0)
        return -e->no;
    return w->reg_set_text(w, SETUP_STATE_KEY, "ImageState", SEALED, e);
}

/* Wine's own way to shut down needs a desktop. */
static int shut_down(void)
{
    HANDLE h = OpenEventW(EVENT_MODIFY_STATE, FALSE, POWER_OFF);
    BOOL ok = h && SetEvent(h);

    if (h)
        CloseHandle(h);
    return ok ? 0 : -EIO;
}

int wmain(void);

int wmain(void)
{
    const wchar_t *wide = GetCommandLineW();
    _cleanup_free_ char *line = utf8_from_utf16((const uint16_t *)wide, wcslen(wide));
    struct win *w = win_real();
    struct err e = { 0 };
    int argc = 0;
    char **argv = line ? win_split(line, &argc) : NULL;
    int r = argv ? 0 : err_oom(&e);

    if (argv)
        machine_note(w, RECORDED, "%s", line);
    if (r == 0)
        r = seal(w, argv, &e);
    if (r < 0)
        machine_note(w, REFUSED, "sysprep: %s", e.msg);
    else if (find(argv, "/shutdown"))
        r = shut_down();
    win_split_free(argv);
    return r < 0 ? 99 : 0;
}
