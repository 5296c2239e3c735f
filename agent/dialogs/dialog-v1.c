/* SPDX-License-Identifier: Apache-2.0 */
/* EC2LaunchSettings: the switches of LaunchConfig.json, the three password choices, and the two
 * ways to shut down. */
#include <errno.h>
#include <string.h>

#include "dialogs/dialog.h"
#include "engine/password.h"
#include "lib/str.h"
#include "v1/v1.h"

#define PROGRAM "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Library\\Ec2Launch.exe"

#define WIDTH  260
#define HEIGHT 242

enum {
    SWITCH_FIRST = DIALOG_FIRST, /* + enum v1_switch */
    RANDOM = DIALOG_FIRST + 10,
    SPECIFY,
    NOTHING,
    PASSWORD,
    PER_BOOT,
};

#define ALL DIALOG_ALL_TABS
static const struct dialog_item items[] = {
    { 0, DIALOG_GROUP, ALL, 6, 4, 248, 92, "General", false },
    { SWITCH_FIRST + V1_COMPUTER_NAME, DIALOG_CHECK, ALL, 14, 16, 232, 11,
      "Set &computer name (ip-<hex of the private IP address>)", false },
    { SWITCH_FIRST + V1_WALLPAPER, DIALOG_CHECK, ALL, 14, 29, 232, 11, "Set &wallpaper", false },
    { SWITCH_FIRST + V1_EXTEND, DIALOG_CHECK, ALL, 14, 42, 232, 11, "&Extend boot volume", false },
    { SWITCH_FIRST + V1_DNS, DIALOG_CHECK, ALL, 14, 55, 232, 11, "Add &DNS suffix list", false },
    { SWITCH_FIRST + V1_USER_DATA, DIALOG_CHECK, ALL, 14, 68, 232, 11, "Handle &user data", false },
    { SWITCH_FIRST + V1_MONITOR, DIALOG_CHECK, ALL, 14, 81, 232, 11, "Set &monitor always on",
      false },
    { 0, DIALOG_GROUP, ALL, 6, 100, 248, 76, "Administrator password", false },
    { RANDOM, DIALOG_RADIO, ALL, 14, 112, 232, 11, "&Random (retrieve from console)", true },
    { SPECIFY, DIALOG_RADIO, ALL, 14, 125, 232, 11,
      "&Specify (stored in the settings until Sysprep has set it)", false },
    { NOTHING, DIALOG_RADIO, ALL, 14, 138, 232, 11, "Do&Nothing (Unattend.xml has it)", false },
    { 0, DIALOG_TEXT, ALL, 24, 155, 50, 10, "&Password:", false },
    { PASSWORD, DIALOG_SECRET, ALL, 76, 153, 168, 13, "", false },
    { PER_BOOT, DIALOG_CHECK, ALL, 14, 182, 232, 11,
      "Run EC2Launch on every &boot (instead of just the next boot)", false },
    { DIALOG_WITH_SYSPREP, DIALOG_BUTTON, ALL, 6, 200, 120, 15, "Shutdown wi&th Sysprep", false },
    { DIALOG_WITHOUT_SYSPREP, DIALOG_BUTTON, ALL, 134, 200, 120, 15, "Shutdown with&out Sysprep",
      false },
    DIALOG_ENDS(WIDTH, HEIGHT),
};

static void changed(struct dialog_ui *ui)
{
    ui->enable(ui, PASSWORD, ui->checked(ui, SPECIFY));
}

static int load(struct win *w, struct dialog_ui *ui, struct err *e)
{
    struct v1_config c = { 0 };
    int r = v1_config_load(w, &c, e);

    if (r < 0 && r != -ENOENT)
        return r;
    err_clear(e);
    for (int i = 0; i < V1_SWITCH_MAX; i++)
        ui->check(ui, SWITCH_FIRST + i, c.on[i]);
    ui->check(ui, RANDOM, c.type == V1_PASSWORD_RANDOM);
    ui->check(ui, SPECIFY, c.type == V1_PASSWORD_SPECIFY || c.type == V1_PASSWORD_ENCRYPTED);
    ui->check(ui, NOTHING, c.type == V1_PASSWORD_NOTHING);
    ui->set_text(ui, PASSWORD, c.type == V1_PASSWORD_SPECIFY ? c.password : "");
    ui->check(ui, PER_BOOT, false); /* asked for anew each time, as a schedule is */
    v1_config_done(&c);
    changed(ui);
    return 0;
}

/* A typed password must meet the rules; an empty one keeps the encrypted one of the file. */
static int read_password(struct win *w, struct dialog_ui *ui, struct v1_config *c, struct err *e)
{
    char *text = ui->text(ui, PASSWORD);
    struct err unknown = { 0 }; /* a policy that cannot be read refuses nothing */
    unsigned min = 0;
    int r = text ? 0 : err_oom(e);

    if (w->password_min_length(w, &min, &unknown) < 0)
        min = 0;
    if (r == 0 && !*text && c->type == V1_PASSWORD_ENCRYPTED) {
        free(text);
        return 0;
    }
    if (r == 0 && !password_is_good(text, min ? min : 1))
        r = err_set(e, EINVAL, ERR_INVALID,
                    "The password needs at least %u characters of three of these kinds: upper-case "
                    "letters, lower-case letters, digits, others.",
                    min ? min : 1);
    if (r == 0)
        r = v1_config_set_password(c, V1_PASSWORD_SPECIFY, text, e);
    if (text)
        mem_wipe(text, strlen(text));
    free(text);
    return r;
}

static int read_controls(struct win *w, struct dialog_ui *ui, struct v1_config *c, struct err *e)
{
    for (int i = 0; i < V1_SWITCH_MAX; i++) {
        bool on = ui->checked(ui, SWITCH_FIRST + i);
        if (on != c->on[i] && v1_config_set(c, (enum v1_switch)i, on, e) < 0)
            return -e->no;
    }
    if (ui->checked(ui, SPECIFY))
        return read_password(w, ui, c, e);
    return v1_config_set_password(c,
                                  ui->checked(ui, NOTHING) ? V1_PASSWORD_NOTHING
                                                           : V1_PASSWORD_RANDOM,
                                  "", e);
}

static int save(struct win *w, struct dialog_ui *ui, struct err *e)
{
    struct v1_config c = { 0 };
    int r = v1_config_load(w, &c, e);

    if (r < 0 && r != -ENOENT)
        return r;
    err_clear(e);
    r = read_controls(w, ui, &c, e);
    if (r == 0 && c.tree)
        r = v1_config_save(w, &c, e);
    v1_config_done(&c);
    return r;
}

static int shut_down(struct win *w, struct dialog_ui *ui, bool with_sysprep, struct err *e)
{
    const char *schedule = ui->checked(ui, PER_BOOT) ? "initialize-instance -SchedulePerBoot"
                                                     : "initialize-instance -Schedule";

    if (save(w, ui, e) < 0 || win_start(w, PROGRAM, schedule, true, e) < 0)
        return -e->no;
    return win_start(w, PROGRAM, with_sysprep ? "sysprep-instance" : "shutdown-without-sysprep",
                     false, e);
}

const struct dialog dialog_v1 = {
    .agent = DIALECT_V1,
    .title = "EC2LaunchSettings",
    .w = WIDTH,
    .h = HEIGHT,
    .items = items,
    .items_n = ARRAY_LEN(items),
    .load = load,
    .save = save,
    .shut_down = shut_down,
    .changed = changed,
};
