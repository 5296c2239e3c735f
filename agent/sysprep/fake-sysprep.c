/* SPDX-License-Identifier: Apache-2.0 */
#include "sysprep/fake-sysprep.h"

#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "engine/setup.h"
#include "sysprep/sysprep.h"

#define FILE_MAX    KIB(64)
#define CONSOLE_MAX KIB(256)

char *fake_shipped(const char *source)
{
    char path[512];
    char *text = calloc(1, FILE_MAX);
    FILE *f;

    snprintf(path, sizeof(path), AGENT_ROOT "/%s", source);
    f = fopen(path, "rb");
    if (!f || !text)
        fail_msg("cannot read '%s'", path);
    assert_true(fread(text, 1, FILE_MAX - 1, f) > 0);
    fclose(f);
    return text;
}

void fake_ship(struct fake *f, const char *path, const char *source)
{
    char *text = fake_shipped(source);

    fake_file(f, path, text);
    free(text);
}

void fake_close_rdp(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_reg_u32(fake_of(w), SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, 1);
}

static void seal(struct win *w, const struct win_run *r)
{
    (void)r;
    fake_reg_text(fake_of(w), SETUP_STATE_KEY, "ImageState",
                  "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
}

void fake_sysprep(struct fake *f)
{
    fake_file(f, FAKE_SYSPREP, "MZ");
    fake_reg_u32(f, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, 0);
    fake_command(f, FAKE_SHELL, 0, NULL, NULL, fake_close_rdp);
    fake_command(f, FAKE_SYSPREP, 0, NULL, NULL, seal);
}

static struct str said = STR_INIT(KIB(64));

void fake_hear(void *ctx, const char *line)
{
    (void)ctx;
    str_addf(&said, "%s\n", line);
}

const char *fake_said(void)
{
    return str_text(&said);
}

void fake_hush(void)
{
    str_done(&said);
    said = (struct str)STR_INIT(KIB(64));
}

bool fake_on_console(struct fake *f, const char *text)
{
    return strstr(str_text(&f->serial), text) != NULL;
}

long fake_at(struct fake *f, const char *text)
{
    const char *all = str_text(&f->serial), *p = strstr(all, text);

    if (!p)
        fail_msg("'%s' is not on the console:\n%s", text, all);
    return p - all;
}

void fake_clear_console(struct fake *f)
{
    str_done(&f->serial);
    f->serial = (struct str)STR_INIT(CONSOLE_MAX);
}

char *fake_printed_password(struct fake *f)
{
    const char *p = strstr(str_text(&f->serial), "<Password>\r\n");
    char *sealed, *clear;

    if (!p)
        return NULL;
    sealed = str_dup_n(p + 12, strcspn(p + 12, "\r\n"));
    clear = fake_unseal(sealed);
    free(sealed);
    return clear;
}
