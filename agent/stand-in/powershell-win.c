/* SPDX-License-Identifier: Apache-2.0 */
/* Stands where powershell.exe would in a whole machine (tools/wine-guest): runs the agent's own
 * files, which do no more than to call one program (thin.h). All else - other files, commands,
 * questions - is refused: exit code 1, the reason on standard error and in refused.txt. */
#include <windows.h>

#include <errno.h>
#include <string.h>

#include "lib/utf.h"
#include "stand-in/machine.h"
#include "stand-in/thin.h"

struct wish {
    const char *file;
    char *const *args;
    size_t args_n;
    bool as_command; /* not by -File: a failure is exit code 1, whatever the file says */
};

static int read_options(char *const *argv, size_t n, struct wish *ret, struct err *e)
{
    static const char *const plain[] = { "-NoProfile", "-NonInteractive", "-NoLogo" };
    size_t i = 1;

    for (bool known = true; known && i < n;) {
        known = false;
        for (size_t k = 0; k < ARRAY_LEN(plain); k++)
            known = known || str_eq_nocase(argv[i], plain[k]);
        i += known;
        if (!known && str_eq_nocase(argv[i], "-ExecutionPolicy") && i + 1 < n) {
            known = true;
            i += 2;
        }
    }
    ret->as_command = true;
    if (i < n && str_eq_nocase(argv[i], "-File")) {
        ret->as_command = false;
        i++;
    }
    if (i >= n || strlen(argv[i]) < 4 || !str_eq_nocase(argv[i] + strlen(argv[i]) - 4, ".ps1"))
        return err_set(e, EINVAL, ERR_INVALID, "no file of the agent is named");
    ret->file = argv[i];
    ret->args = argv + i + 1;
    ret->args_n = n - i - 1;
    return 0;
}

static int read_file(struct win *w, const struct wish *wish, struct thin_call *ret, struct err *e)
{
    _cleanup_free_ char *raw = NULL, *text = NULL;
    size_t n = 0;

    if (w->file_read(w, wish->file, THIN_FILE_MAX, &raw, &n, e) < 0 ||
        utf_decode(raw, n, true, wish->file, &text, &n, e) < 0)
        return -e->no;
    return thin_read(wish->file, text, n, (const char *const *)wish->args, wish->args_n, ret, e);
}

static int make_command(const struct wish *wish, const struct thin_call *call, char **ret,
                        struct err *e)
{
    _cleanup_str_ struct str path = STR_INIT(KIB(2)), line = STR_INIT(KIB(16));
    const char *last = strrchr(wish->file, '\\');
    _cleanup_free_ char *quoted = NULL;

    str_add_mem(&path, wish->file, last ? (size_t)(last + 1 - wish->file) : 0);
    str_add(&path, call->program);
    quoted = win_quote(str_text(&path));
    str_add(&line, quoted ? quoted : "");
    for (size_t i = 0; i < call->n; i++) {
        _cleanup_free_ char *word = win_quote(call->words[i]);
        str_addf(&line, " %s", word ? word : "");
    }
    if (str_check(&line, "a command line", e) < 0)
        return -e->no;
    *ret = str_take(&line);
    return 0;
}

/* With our own standard streams, which the table's row would not hand on. */
static int run(const char *command, DWORD *ret_code, struct err *e)
{
    _cleanup_free_ uint16_t *wide = utf16_from_utf8(command);
    STARTUPINFOW start = { .cb = sizeof(start) };
    PROCESS_INFORMATION p;

    if (!wide)
        return err_oom(e);
    if (!CreateProcessW(NULL, (wchar_t *)wide, NULL, NULL, TRUE, 0, NULL, NULL, &start, &p))
        return err_set(e, EIO, ERR_IO, "start %s: error %u", command, (unsigned)GetLastError());
    (void)WaitForSingleObject(p.hProcess, INFINITE);
    if (!GetExitCodeProcess(p.hProcess, ret_code))
        *ret_code = 1;
    CloseHandle(p.hThread);
    CloseHandle(p.hProcess);
    return 0;
}

static int act(struct win *w, char *const *argv, size_t n, DWORD *ret_code, struct err *e)
{
    _cleanup_(thin_call_done) struct thin_call call = { 0 };
    _cleanup_free_ char *command = NULL;
    struct wish wish = { 0 };

    if (read_options(argv, n, &wish, e) < 0 || read_file(w, &wish, &call, e) < 0 ||
        make_command(&wish, &call, &command, e) < 0)
        return -e->no;
    machine_note(w, RECORDED, "powershell: %s", command);
    if (run(command, ret_code, e) < 0)
        return -e->no;
    if (wish.as_command && *ret_code)
        *ret_code = 1;
    return 0;
}

static void refuse(struct win *w, const char *line, const struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(KIB(2));
    DWORD n = 0;

    machine_note(w, REFUSED, "powershell: %s: %s", e->msg, line);
    str_addf(&s, "There is no PowerShell here: %s\r\n", e->msg);
    (void)WriteFile(GetStdHandle(STD_ERROR_HANDLE), str_text(&s), (DWORD)s.len, &n, NULL);
}

int wmain(void);

int wmain(void)
{
    const wchar_t *wide = GetCommandLineW();
    _cleanup_free_ char *line = utf8_from_utf16((const uint16_t *)wide, wcslen(wide));
    struct win *w = win_real();
    struct err e = { 0 };
    DWORD code = 1;
    int argc = 0;
    char **argv = line ? win_split(line, &argc) : NULL;

    if (argv && act(w, argv, (size_t)argc, &code, &e) < 0)
        refuse(w, line, &e);
    win_split_free(argv);
    return (int)code;
}
