/* SPDX-License-Identifier: Apache-2.0 */
/* Making the fake, what it was asked to do, failure injection. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fake_fails(struct fake *f, const char *row, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(f->fails); i++)
        if (f->fails[i].times && str_eq(f->fails[i].row, row)) {
            f->fails[i].times--;
            return err_set(e, f->fails[i].no, ERR_IO, "%s: injected failure", row);
        }
    return 0;
}

void fake_fail(struct fake *f, const char *row, int no, unsigned times)
{
    for (size_t i = 0; i < ARRAY_LEN(f->fails); i++)
        if (!f->fails[i].times) {
            f->fails[i].row = row;
            f->fails[i].no = no;
            f->fails[i].times = times;
            return;
        }
    assert(!"too many injected failures");
}

void fake_record(struct fake *f, const char *fmt, ...)
{
    char line[2048];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    str_addf(&f->calls, "%s\n", line);
}

bool fake_called(const struct fake *f, const char *text)
{
    return strstr(str_text(&f->calls), text) != NULL;
}

unsigned fake_count(const struct fake *f, const char *text)
{
    unsigned n = 0;

    for (const char *p = str_text(&f->calls); (p = strstr(p, text)) != NULL; p += strlen(text))
        n++;
    return n;
}

long fake_when(const struct fake *f, const char *text)
{
    const char *all = str_text(&f->calls), *p = strstr(all, text);

    return p ? p - all : -1;
}

static void fill_defaults(struct fake *f)
{
    static const char *const environment[][2] = {
        { "SystemRoot", "C:\\Windows" },
        { "SystemDrive", "C:" },
        { "ProgramData", "C:\\ProgramData" },
        { "ProgramFiles", "C:\\Program Files" },
        { "TEMP", "C:\\Windows\\TEMP" },
        { "LOCALAPPDATA", "C:\\Windows\\system32\\config\\systemprofile\\AppData\\Local" },
        { "PUBLIC", "C:\\Users\\Public" },
        { "COMPUTERNAME", "WIN-FAKE" },
    };

    for (size_t i = 0; i < ARRAY_LEN(environment); i++)
        fake_env(f, environment[i][0], environment[i][1]);
    fake_reg_text(f, "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State",
                  "ImageState", "IMAGE_STATE_COMPLETE");
    f->now_ms = 1767323045000; /* 2026-01-02 03:04:05 UTC */
    f->random_state = 88172645463325252U;
    f->calls.max = MIB(8);
    f->serial.max = MIB(8);
}

struct fake *fake_new(void)
{
    struct fake *f = calloc(1, sizeof(*f));
    struct win *w;

    assert(f);
    w = &f->win;
    fake_fill_reg(w);
    fake_fill_file(w);
    fill_defaults(f);
    fake_fill_state(w);
    fake_fill_net(w);
    fake_fill_disk(w);
    fake_fill_secret(w);
    fake_fill_host(w);
    return f;
}

void fake_free(struct fake *f)
{
    if (!f)
        return;
    fake_pairs_free(f->registry);
    fake_pairs_free(f->files);
    fake_pairs_free(f->environment);
    fake_pairs_free(f->metadata);
    while (f->runs) {
        struct fake_run *next = f->runs->next;

        free(f->runs->starts);
        free(f->runs->out);
        free(f->runs->err);
        free(f->runs);
        f->runs = next;
    }
    for (size_t i = 0; i < FAKE_MAX; i++) {
        free(f->passwords[i]);
        free(f->services[i].text);
        free(f->tasks[i].text);
    }
    free(f->spcr);
    str_done(&f->calls);
    str_done(&f->serial);
    free(f);
}
