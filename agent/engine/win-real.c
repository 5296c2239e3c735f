/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the shipped programs. Alone in its object file: a test build links another one. */
#include "win-priv.h"

struct win *win_real(void)
{
    static struct win table;

    if (!table.reg_get)
        win_fill_all(&table);
    return &table;
}
