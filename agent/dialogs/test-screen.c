/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/test-screen.h"

#include "lib/test.h"

#include <stdio.h>

#include "lib/str.h"

static struct screen *screen_of(struct dialog_ui *ui)
{
    return (struct screen *)ui;
}

static bool ui_checked(struct dialog_ui *ui, int id)
{
    return screen_of(ui)->on[id];
}

static void ui_check(struct dialog_ui *ui, int id, bool on)
{
    screen_of(ui)->on[id] = on;
}

static char *ui_text(struct dialog_ui *ui, int id)
{
    const char *t = screen_of(ui)->text[id];

    return str_dup(t ? t : "");
}

static void ui_set_text(struct dialog_ui *ui, int id, const char *text)
{
    free(screen_of(ui)->text[id]);
    screen_of(ui)->text[id] = str_dup(text);
}

static void ui_enable(struct dialog_ui *ui, int id, bool on)
{
    screen_of(ui)->enabled[id] = on;
}

static bool ui_ask(struct dialog_ui *ui, const char *text)
{
    struct screen *s = screen_of(ui);
    bool answer = s->answer;

    (void)snprintf(s->asked, sizeof(s->asked), "%s", text);
    if (s->answers && --s->answers == 0)
        s->answer = false;
    return answer;
}

static void ui_tell(struct dialog_ui *ui, const char *text)
{
    (void)snprintf(screen_of(ui)->told, sizeof(screen_of(ui)->told), "%s", text);
}

static void ui_close(struct dialog_ui *ui)
{
    screen_of(ui)->closed = true;
}

struct screen *screen_open(const struct dialog *d, struct fake *f, struct err *e)
{
    struct screen *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->ui = (struct dialog_ui){ ui_checked, ui_check, ui_text, ui_set_text,
                                ui_enable,  ui_ask,   ui_tell, ui_close };
    s->d = d;
    s->w = &f->win;
    for (int i = 0; i < IDS; i++)
        s->enabled[i] = true;
    if (d->load(s->w, &s->ui, e) == 0)
        return s;
    free(s);
    return NULL;
}

struct screen *screen_new(const struct dialog *d, struct fake *f)
{
    struct err e = { 0 };
    struct screen *s = screen_open(d, f, &e);

    if (!s)
        fail_msg("%s", e.msg);
    return s;
}

void screen_free(struct screen *s)
{
    for (int i = 0; i < IDS; i++)
        free(s->text[i]);
    free(s);
}

int screen_id(const struct dialog *d, const char *label)
{
    for (size_t i = 0; i < d->items_n; i++) {
        char plain[128];
        size_t n = 0;
        for (const char *p = d->items[i].text; *p && n + 1 < sizeof(plain); p++)
            if (*p != '&')
                plain[n++] = *p;
        plain[n] = '\0';
        if (d->items[i].id && str_starts(plain, label))
            return d->items[i].id;
    }
    fail_msg("no control '%s'", label);
    return 0;
}

int screen_edit(const struct dialog *d, enum dialog_kind kind)
{
    for (size_t i = 0; i < d->items_n; i++)
        if (d->items[i].kind == kind)
            return d->items[i].id;
    fail_msg("no such edit");
    return 0;
}

void screen_click(struct screen *s, const char *label)
{
    int id = screen_id(s->d, label);
    const struct dialog_item *list = s->d->items;
    size_t at = 0, from;

    while (list[at].id != id)
        at++;
    if (list[at].kind == DIALOG_BUTTON) {
        dialog_press(s->d, s->w, &s->ui, id);
        return;
    }
    if (list[at].kind == DIALOG_CHECK) {
        s->on[id] = !s->on[id];
    } else {
        for (from = at; !list[from].starts_group; from--)
            ;
        for (size_t i = from; i < s->d->items_n && list[i].kind == DIALOG_RADIO; i++)
            s->on[list[i].id] = i == at;
    }
    if (s->d->changed)
        s->d->changed(&s->ui);
}
