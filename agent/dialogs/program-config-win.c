/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/dialog.h"

#include <windows.h>

int WINAPI wWinMain(HINSTANCE instance, HINSTANCE previous, wchar_t *line, int show)
{
    (void)instance;
    (void)previous;
    (void)line;
    (void)show;
    return dialog_run(&dialog_config, win_real());
}
