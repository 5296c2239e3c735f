/* SPDX-License-Identifier: Apache-2.0 */
/* The settings dialogs are tables of controls and a model that fills and reads them. The model is
 * portable and sees the screen only through struct dialog_ui, so that it is tested without one;
 * dialog-win.c draws the table with plain Win32, every control reachable by keyboard. */
#pragma once

#include "engine/dialect.h"
#include "engine/win.h"

enum dialog_kind {
    DIALOG_CHECK,
    DIALOG_RADIO,
    DIALOG_EDIT,
    DIALOG_SECRET, /* an edit that shows dots */
    DIALOG_MEMO,   /* several lines */
    DIALOG_BUTTON,
    DIALOG_TEXT,
    DIALOG_GROUP, /* a frame with a heading */
    DIALOG_KIND_MAX
};

#define DIALOG_ALL_TABS (-1)
enum {
    DIALOG_OK = 1,
    DIALOG_CANCEL = 2,
    DIALOG_APPLY = 3,
    DIALOG_WITH_SYSPREP = 4, /* the two ways to shut down */
    DIALOG_WITHOUT_SYSPREP = 5,
    DIALOG_FIRST = 100
};

struct dialog_item {
    int id; /* DIALOG_OK ... or from DIALOG_FIRST on; texts and groups may share 0 */
    enum dialog_kind kind;
    int tab;           /* its page, or DIALOG_ALL_TABS */
    short x, y, w, h;  /* dialog units */
    const char *text;  /* '&' before the letter that Alt takes */
    bool starts_group; /* of radio buttons, for the arrow keys */
};

#define DIALOG_END(id, x, y, text)                                                                 \
    {                                                                                              \
        id, DIALOG_BUTTON, DIALOG_ALL_TABS, x, y, 50, 14, text, false                              \
    }
/* The last rows of each table: at the lower right of a dialog of w by h. */
#define DIALOG_ENDS(w, h)                                                                          \
    DIALOG_END(DIALOG_OK, (w)-170, (h)-20, "OK"),                                                  \
        DIALOG_END(DIALOG_CANCEL, (w)-114, (h)-20, "Cancel"),                                      \
        DIALOG_END(DIALOG_APPLY, (w)-58, (h)-20, "&Apply")

struct dialog_ui {
    bool (*checked)(struct dialog_ui *ui, int id);
    void (*check)(struct dialog_ui *ui, int id, bool on);
    char *(*text)(struct dialog_ui *ui, int id); /* heap; lines end with '\n'; NULL: no memory */
    void (*set_text)(struct dialog_ui *ui, int id, const char *text);
    void (*enable)(struct dialog_ui *ui, int id, bool on);
    bool (*ask)(struct dialog_ui *ui, const char *text); /* Yes or No */
    void (*tell)(struct dialog_ui *ui, const char *text);
    void (*close)(struct dialog_ui *ui);
};

struct dialog {
    enum dialect_id agent;
    const char *title;
    const char *const *tabs; /* names, ends with NULL; NULL: no pages */
    short w, h;
    const struct dialog_item *items;
    size_t items_n;
    /* Fills the controls. A refusal is told and ends the program. */
    int (*load)(struct win *w, struct dialog_ui *ui, struct err *e);
    /* Writes the settings from the controls. */
    int (*save)(struct win *w, struct dialog_ui *ui, struct err *e);
    /* One of the two ways to shut down, after Yes: writes the settings, starts what does it. */
    int (*shut_down)(struct win *w, struct dialog_ui *ui, bool with_sysprep, struct err *e);
    /* A check box or radio button was clicked; may be NULL. */
    void (*changed)(struct dialog_ui *ui);
};

extern const struct dialog dialog_v1;     /* Ec2LaunchSettings.exe */
extern const struct dialog dialog_config; /* Ec2ConfigServiceSettings.exe */
extern const struct dialog dialog_v2;     /* EC2LaunchSettingsUI.exe */

/* What each button of every dialog does, portable: OK saves and closes, Apply saves, Cancel closes;
 * a shutdown is asked about first, then the model does it. Failures are told. Sysprep runs without
 * a window: what would stop it is looked for here, or its owner would wait for nothing. */
void dialog_press(const struct dialog *d, struct win *w, struct dialog_ui *ui, int id);

/* Shows one of them until it is closed; the exit code of the program. Windows only. */
int dialog_run(const struct dialog *d, struct win *w);
