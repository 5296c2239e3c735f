/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>

#include "records.h"

static void freep_table(struct libscols_table **t)
{
    scols_unref_table(*t);
}

static int add_line(struct libscols_table *t, const struct column *columns, const json_t *record)
{
    struct libscols_line *line = scols_table_new_line(t, NULL);

    for (size_t i = 0; line && columns[i].head; i++) {
        char *text = columns[i].show(record);

        if (text && scols_line_refer_data(line, i, text) < 0) {
            free(text);
            return -ENOMEM;
        }
    }
    return line ? 0 : -ENOMEM;
}

static int fill(struct libscols_table *t, const struct column *columns, const json_t *records)
{
    size_t i;
    json_t *record;

    for (const struct column *k = columns; k->head; k++)
        if (!scols_table_new_column(t, k->head, 0, k->right ? SCOLS_FL_RIGHT : 0))
            return -ENOMEM;
    json_array_foreach (records, i, record) {
        if (add_line(t, columns, record) < 0)
            return -ENOMEM;
    }
    return 0;
}

int table_print(const struct column *columns, const json_t *records, const char *plural,
                struct err *e)
{
    struct libscols_table *t _cleanup_(freep_table) = NULL;

    if (json_array_size(records) == 0) {
        (void)fprintf(stderr, "no %s\n", plural);
        return 0;
    }
    t = scols_new_table();
    if (!t || fill(t, columns, records) < 0)
        return err_oom(e);
    if (scols_print_table(t) < 0)
        return err_set(e, EIO, ERR_IO, "print the table");
    return out_flush(e);
}
