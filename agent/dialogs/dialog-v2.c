/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon EC2Launch settings: agent-config.yml as boxes and lines. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dialogs/agent-config.h"
#include "dialogs/dialog.h"

#define REFUSAL                                                                                    \
    "Unable to parse configuration file agent-config.yml. Review configuration file. Exiting "     \
    "application."
#define EMPTY "version: 1.1\nconfig: []\n"

#define WIDTH  274
#define HEIGHT 240

enum {
    TASK_FIRST = DIALOG_FIRST,      /* + enum form_task */
    TEXT_FIRST = DIALOG_FIRST + 20, /* + enum form_text */
    ATTRIBUTE_FIRST = DIALOG_FIRST + 40,
    REBOOT = DIALOG_FIRST + 60,
    RANDOM,
    STATIC,
    NOTHING,
    NO_TAGS,
    ALL_TAGS,
    SOME_TAGS,
    ALL_VOLUMES,
    DEVICES,
};
enum { GENERAL, DNS, WALLPAPER, VOLUMES };

static const char *const tabs[] = { "General", "DNS Suffix", "Wallpaper", "Volumes", NULL };

#define ATTRIBUTE(n, x_, y_, text_)                                                                \
    {                                                                                              \
        ATTRIBUTE_FIRST + n, DIALOG_CHECK, WALLPAPER, x_, y_, 118, 11, text_, false                \
    }

static const struct dialog_item items[] = {
    { TASK_FIRST + FORM_HOST_NAME, DIALOG_CHECK, GENERAL, 14, 26, 244, 11, "Set Computer &Name",
      false },
    { 0, DIALOG_TEXT, GENERAL, 26, 41, 100, 10, "Name (empty: of its IP):", false },
    { TEXT_FIRST + FORM_NAME, DIALOG_EDIT, GENERAL, 142, 39, 116, 13, "", false },
    { REBOOT, DIALOG_CHECK, GENERAL, 26, 55, 232, 11, "&Reboot after setting computer name",
      false },
    { TASK_FIRST + FORM_EXTEND_ROOT, DIALOG_CHECK, GENERAL, 14, 70, 120, 11, "&Extend Boot Volume",
      false },
    { TASK_FIRST + FORM_SSM, DIALOG_CHECK, GENERAL, 142, 70, 116, 11, "Start SS&M Service", false },
    { TASK_FIRST + FORM_ENA, DIALOG_CHECK, GENERAL, 14, 84, 120, 11, "O&ptimize ENA", false },
    { TASK_FIRST + FORM_SSH, DIALOG_CHECK, GENERAL, 142, 84, 116, 11, "Enable SS&H", false },
    { TASK_FIRST + FORM_JUMBO, DIALOG_CHECK, GENERAL, 14, 98, 120, 11, "Enable &Jumbo Frames",
      false },
    { TASK_FIRST + FORM_ADMIN, DIALOG_CHECK, GENERAL, 14, 114, 244, 11,
      "Set Adm&inistrator Account", false },
    { 0, DIALOG_TEXT, GENERAL, 26, 129, 110, 10, "&User name (empty: as it is):", false },
    { TEXT_FIRST + FORM_ACCOUNT, DIALOG_EDIT, GENERAL, 142, 127, 116, 13, "", false },
    { RANDOM, DIALOG_RADIO, GENERAL, 26, 144, 60, 11, "Ran&dom", true },
    { STATIC, DIALOG_RADIO, GENERAL, 88, 144, 60, 11, "Spe&cify", false },
    { NOTHING, DIALOG_RADIO, GENERAL, 150, 144, 100, 11, "Do not se&t", false },
    { 0, DIALOG_TEXT, GENERAL, 26, 159, 60, 10, "Pass&word:", false },
    { TEXT_FIRST + FORM_PASSWORD, DIALOG_SECRET, GENERAL, 142, 157, 116, 13, "", false },
    { 0, DIALOG_GROUP, GENERAL, 12, 174, 248, 34, "Prepare for Imaging", false },
    { DIALOG_WITH_SYSPREP, DIALOG_BUTTON, GENERAL, 20, 186, 114, 15, "&Shutdown with Sysprep",
      false },
    { DIALOG_WITHOUT_SYSPREP, DIALOG_BUTTON, GENERAL, 140, 186, 114, 15,
      "Shutdown with&out Sysprep", false },
    { TASK_FIRST + FORM_DNS, DIALOG_CHECK, DNS, 14, 26, 244, 11, "Add DNS &suffixes:", false },
    { TEXT_FIRST + FORM_SUFFIXES, DIALOG_MEMO, DNS, 26, 41, 232, 90, "", false },
    { 0, DIALOG_TEXT, DNS, 26, 135, 232, 20,
      "One suffix a line. $REGION and $AZ stand for those of the instance.", false },
    { TASK_FIRST + FORM_WALLPAPER, DIALOG_CHECK, WALLPAPER, 14, 26, 244, 11,
      "&Display instance details on the wallpaper", false },
    { 0, DIALOG_TEXT, WALLPAPER, 26, 41, 60, 10, "&Image (.jpg):", false },
    { TEXT_FIRST + FORM_PATH, DIALOG_EDIT, WALLPAPER, 88, 39, 170, 13, "", false },
    ATTRIBUTE(0, 26, 58, "&Host name"),
    ATTRIBUTE(1, 146, 58, "Ins&tance ID"),
    ATTRIBUTE(2, 26, 71, "&Private IP address"),
    ATTRIBUTE(3, 146, 71, "P&ublic IP address"),
    ATTRIBUTE(4, 26, 84, "IPv&6 address"),
    ATTRIBUTE(5, 146, 84, "Instance si&ze"),
    ATTRIBUTE(6, 26, 97, "Availabilit&y zone"),
    ATTRIBUTE(7, 146, 97, "Architectu&re"),
    { 0, DIALOG_TEXT, WALLPAPER, 26, 114, 60, 10, "Instance tags:", false },
    { NO_TAGS, DIALOG_RADIO, WALLPAPER, 88, 113, 46, 11, "&None", true },
    { ALL_TAGS, DIALOG_RADIO, WALLPAPER, 136, 113, 52, 11, "Sho&w all", false },
    { SOME_TAGS, DIALOG_RADIO, WALLPAPER, 190, 113, 66, 11, "Show &filtered:", false },
    { TEXT_FIRST + FORM_TAGS, DIALOG_MEMO, WALLPAPER, 88, 127, 170, 60, "", false },
    { TASK_FIRST + FORM_VOLUMES, DIALOG_CHECK, VOLUMES, 14, 26, 244, 11, "&Initialize volumes",
      false },
    { ALL_VOLUMES, DIALOG_RADIO, VOLUMES, 26, 40, 60, 11, "A&ll", true },
    { DEVICES, DIALOG_RADIO, VOLUMES, 88, 40, 100, 11, "D&evices:", false },
    { TEXT_FIRST + FORM_ROWS, DIALOG_MEMO, VOLUMES, 26, 55, 232, 110, "", false },
    { 0, DIALOG_TEXT, VOLUMES, 26, 169, 232, 20,
      "One volume a line: device, name, letter, partition (mbr or gpt). For example: xvdf, Data, "
      "M, gpt",
      false },
    DIALOG_ENDS(WIDTH, HEIGHT),
};

static void changed(struct dialog_ui *ui)
{
    bool name = ui->checked(ui, TASK_FIRST + FORM_HOST_NAME);
    bool admin = ui->checked(ui, TASK_FIRST + FORM_ADMIN);
    bool picture = ui->checked(ui, TASK_FIRST + FORM_WALLPAPER);
    bool volumes = ui->checked(ui, TASK_FIRST + FORM_VOLUMES);

    ui->enable(ui, TEXT_FIRST + FORM_NAME, name);
    ui->enable(ui, REBOOT, name);
    ui->enable(ui, TEXT_FIRST + FORM_ACCOUNT, admin);
    for (int id = RANDOM; id <= NOTHING; id++)
        ui->enable(ui, id, admin);
    ui->enable(ui, TEXT_FIRST + FORM_PASSWORD, admin && ui->checked(ui, STATIC));
    ui->enable(ui, TEXT_FIRST + FORM_SUFFIXES, ui->checked(ui, TASK_FIRST + FORM_DNS));
    ui->enable(ui, TEXT_FIRST + FORM_PATH, picture);
    for (int i = 0; i < (int)FORM_ATTRIBUTES; i++)
        ui->enable(ui, ATTRIBUTE_FIRST + i, picture);
    for (int id = NO_TAGS; id <= SOME_TAGS; id++)
        ui->enable(ui, id, picture);
    ui->enable(ui, TEXT_FIRST + FORM_TAGS, picture && ui->checked(ui, SOME_TAGS));
    ui->enable(ui, ALL_VOLUMES, volumes);
    ui->enable(ui, DEVICES, volumes);
    ui->enable(ui, TEXT_FIRST + FORM_ROWS, volumes && ui->checked(ui, DEVICES));
}

static int make_empty(struct win *w, const char *path, struct v2_config **ret, struct err *e)
{
    err_clear(e);
    if (w->file_write(w, path, EMPTY, sizeof(EMPTY) - 1, e) < 0)
        return -e->no;
    return v2_config_parse(path, EMPTY, sizeof(EMPTY) - 1, NULL, NULL, ret, e);
}

static int read_config(struct win *w, struct v2_config **ret, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, e), *data = NULL;
    size_t n = 0;
    int r = path ? w->file_read(w, path, TREE_FILE_MAX, &data, &n, e) : -e->no;

    if (r == -ENOENT)
        return make_empty(w, path, ret, e);
    if (r == 0)
        r = v2_config_parse(V2_CONFIG_NAME, data, n, NULL, NULL, ret, e);
    if (data)
        mem_wipe(data, n);
    if (r < 0) {
        struct err why = *e;
        err_clear(e);
        return err_set(e, why.no, why.kind, "%s\n\n%.300s", REFUSAL, why.msg);
    }
    return 0;
}

static void show(struct dialog_ui *ui, const struct form *f)
{
    for (int t = 0; t < FORM_TASK_MAX; t++)
        ui->check(ui, TASK_FIRST + t, f->on[t]);
    for (int t = 0; t < FORM_TEXT_MAX; t++)
        ui->set_text(ui, TEXT_FIRST + t, f->text[t]);
    for (int i = 0; i < (int)FORM_ATTRIBUTES; i++)
        ui->check(ui, ATTRIBUTE_FIRST + i, f->attributes[i]);
    if (f->password == FORM_ENCRYPTED)
        ui->set_text(ui, TEXT_FIRST + FORM_PASSWORD, "");
    ui->check(ui, REBOOT, f->reboot);
    ui->check(ui, RANDOM, f->password == FORM_RANDOM);
    ui->check(ui, STATIC, f->password == FORM_STATIC || f->password == FORM_ENCRYPTED);
    ui->check(ui, NOTHING, f->password == FORM_NOTHING);
    ui->check(ui, NO_TAGS, f->tags == FORM_NO_TAGS);
    ui->check(ui, ALL_TAGS, f->tags == FORM_ALL_TAGS);
    ui->check(ui, SOME_TAGS, f->tags == FORM_SOME_TAGS);
    ui->check(ui, ALL_VOLUMES, !f->only_devices);
    ui->check(ui, DEVICES, f->only_devices);
}

static int load(struct win *w, struct dialog_ui *ui, struct err *e)
{
    _cleanup_(v2_config_freep) struct v2_config *c = NULL;
    struct form f = { .reboot = false };

    if (read_config(w, &c, e) < 0 || form_read(c, &f, e) < 0)
        return -e->no;
    show(ui, &f);
    form_done(&f);
    changed(ui);
    return 0;
}

static int take_texts(struct dialog_ui *ui, struct form *f, struct err *e)
{
    for (int t = 0; t < FORM_TEXT_MAX; t++) {
        char *text = ui->text(ui, TEXT_FIRST + t);
        int r = text ? form_set_text(f, (enum form_text)t, text, e) : err_oom(e);
        if (text)
            mem_wipe(text, strlen(text));
        free(text);
        if (r < 0)
            return r;
    }
    return 0;
}

/* An encrypted password of the file is not shown; an empty line keeps it. */
static int take_password(struct dialog_ui *ui, const struct form *was, struct form *f,
                         struct err *e)
{
    f->password = ui->checked(ui, STATIC)    ? FORM_STATIC
                  : ui->checked(ui, NOTHING) ? FORM_NOTHING
                                             : FORM_RANDOM;
    if (f->password == FORM_STATIC && was->password == FORM_ENCRYPTED && !*f->text[FORM_PASSWORD])
        f->password = FORM_ENCRYPTED;
    if (f->password == FORM_STATIC)
        return 0;
    return form_set_text(f, FORM_PASSWORD,
                         f->password == was->password ? was->text[FORM_PASSWORD] : "", e);
}

static int take(struct dialog_ui *ui, const struct form *was, struct form *f, struct err *e)
{
    for (int t = 0; t < FORM_TASK_MAX; t++)
        f->on[t] = ui->checked(ui, TASK_FIRST + t);
    for (int i = 0; i < (int)FORM_ATTRIBUTES; i++)
        f->attributes[i] = ui->checked(ui, ATTRIBUTE_FIRST + i);
    f->reboot = ui->checked(ui, REBOOT);
    f->tags = ui->checked(ui, ALL_TAGS)    ? FORM_ALL_TAGS
              : ui->checked(ui, SOME_TAGS) ? FORM_SOME_TAGS
                                           : FORM_NO_TAGS;
    f->only_devices = ui->checked(ui, DEVICES);
    if (take_texts(ui, f, e) < 0)
        return -e->no;
    return take_password(ui, was, f, e);
}

static bool same(const struct form *a, const struct form *b)
{
    for (int t = 0; t < FORM_TEXT_MAX; t++)
        if (!str_eq(a->text[t], b->text[t]))
            return false;
    return memcmp(a->on, b->on, sizeof(a->on)) == 0 && a->reboot == b->reboot &&
           a->password == b->password && a->tags == b->tags && a->only_devices == b->only_devices &&
           memcmp(a->attributes, b->attributes, sizeof(a->attributes)) == 0;
}

static int write_config(struct win *w, const struct v2_config *c, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, e);
    struct str out = STR_INIT(TREE_FILE_MAX);
    int r;

    if (!path)
        return -e->no;
    v2_config_write(&out, c, c->json);
    r = str_check(&out, V2_CONFIG_NAME, e);
    if (r == 0)
        r = w->file_write(w, path, str_text(&out), out.len, e);
    if (r == 0)
        r = w->file_protect(w, path, WIN_PROTECT_ADMINS, e); /* it may hold a password */
    str_wipe(&out);
    return r;
}

/* A file that says the same as the controls is not written: its comments stay. */
static int save(struct win *w, struct dialog_ui *ui, struct err *e)
{
    _cleanup_(v2_config_freep) struct v2_config *c = NULL;
    struct form was = { .reboot = false }, now = { .reboot = false };
    int r;

    if (read_config(w, &c, e) < 0 || form_read(c, &was, e) < 0)
        return -e->no;
    r = take(ui, &was, &now, e);
    if (r == 0 && !same(&was, &now)) {
        r = form_apply(c, &was, &now, e);
        if (r == 0)
            r = write_config(w, c, e);
    }
    form_done(&was);
    form_done(&now);
    return r;
}

static int shut_down(struct win *w, struct dialog_ui *ui, bool with_sysprep, struct err *e)
{
    if (save(w, ui, e) < 0)
        return -e->no;
    if (with_sysprep)
        return win_start(w, V2_PROGRAM, "sysprep --shutdown=true", false, e);
    if (win_start(w, V2_PROGRAM, "reset", true, e) < 0)
        return -e->no;
    return w->power_off(w, false, "Shutdown without Sysprep", e);
}

const struct dialog dialog_v2 = {
    .agent = DIALECT_V2,
    .title = "Amazon EC2Launch settings",
    .tabs = tabs,
    .w = WIDTH,
    .h = HEIGHT,
    .items = items,
    .items_n = ARRAY_LEN(items),
    .load = load,
    .save = save,
    .shut_down = shut_down,
    .changed = changed,
};
