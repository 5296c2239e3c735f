/* SPDX-License-Identifier: Apache-2.0 */
/* Ec2 Service Properties: plug-ins, storage, and the Image tab with its password options. */
#include <errno.h>
#include <string.h>

#include "dialogs/dialog.h"
#include "ec2config/config.h"
#include "lib/str.h"
#include "sysprep/answer.h"
#include "sysprep/sysprep.h"

#define PROGRAM      CONFIG_ROOT "Ec2Config.exe"
#define POWER_KEY    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Power"
#define LETTERS_FILE CONFIG_SETTINGS "DriveLetterConfig.xml"

#define WIDTH  268
#define HEIGHT 190

enum {
    PLUGIN_FIRST = DIALOG_FIRST, /* + row of plugins */
    MAPPINGS = DIALOG_FIRST + 20,
    RANDOM,
    SPECIFY,
    KEEP,
    PASSWORD,
    WALLPAPER,
    HIBERNATION,
};
enum { GENERAL, STORAGE, IMAGE, SUPPORT };

static const char *const tabs[] = { "General", "Storage", "Image", "Support", NULL };
static const char *const plugins[] = {
    "Ec2SetComputerName", "Ec2HandleUserData",        "Ec2EventLog",         "Ec2WindowsActivate",
    "Ec2OutputRDPCert",   "Ec2DynamicBootVolumeSize", "Ec2InitializeDrives", "Ec2SetDriveLetter",
};

static const struct dialog_item items[] = {
    { PLUGIN_FIRST + 0, DIALOG_CHECK, GENERAL, 14, 26, 240, 11,
      "Set &computer name of the private IP address", false },
    { PLUGIN_FIRST + 1, DIALOG_CHECK, GENERAL, 14, 41, 240, 11,
      "Enable &UserData execution for next service start", false },
    { 0, DIALOG_TEXT, GENERAL, 26, 53, 220, 10, "(automatically enabled at Sysprep)", false },
    { PLUGIN_FIRST + 2, DIALOG_CHECK, GENERAL, 14, 68, 240, 11,
      "Print &event log entries on the console", false },
    { PLUGIN_FIRST + 3, DIALOG_CHECK, GENERAL, 14, 83, 240, 11, "Activate &Windows", false },
    { PLUGIN_FIRST + 4, DIALOG_CHECK, GENERAL, 14, 98, 240, 11,
      "Print the &Remote Desktop certificate", false },
    { WALLPAPER, DIALOG_CHECK, GENERAL, 14, 113, 240, 11,
      "Wallpaper In&formation: details of the instance on the desktop", false },
    { HIBERNATION, DIALOG_CHECK, GENERAL, 14, 128, 240, 11, "Enable &Hibernation", false },
    { PLUGIN_FIRST + 5, DIALOG_CHECK, STORAGE, 14, 26, 240, 11, "E&xtend the root volume", false },
    { PLUGIN_FIRST + 6, DIALOG_CHECK, STORAGE, 14, 41, 240, 11,
      "&Initialize drives: format and mount new volumes", false },
    { PLUGIN_FIRST + 7, DIALOG_CHECK, STORAGE, 14, 56, 240, 11, "Set drive &letters:", false },
    { MAPPINGS, DIALOG_MEMO, STORAGE, 26, 70, 226, 70, "", false },
    { 0, DIALOG_TEXT, STORAGE, 26, 143, 226, 10, "One mapping a line: Volume name = M:", false },
    { 0, DIALOG_GROUP, IMAGE, 12, 22, 242, 92, "Administrator password", false },
    { RANDOM, DIALOG_RADIO, IMAGE, 20, 35, 226, 11,
      "&Random: made at the first launch, printed encrypted", true },
    { SPECIFY, DIALOG_RADIO, IMAGE, 20, 50, 226, 11,
      "&Specify: in clear in the answer file until the service starts", false },
    { KEEP, DIALOG_RADIO, IMAGE, 20, 65, 226, 11, "&Keep Existing", false },
    { 0, DIALOG_TEXT, IMAGE, 32, 86, 40, 10, "Pass&word:", false },
    { PASSWORD, DIALOG_SECRET, IMAGE, 74, 84, 168, 13, "", false },
    { DIALOG_WITH_SYSPREP, DIALOG_BUTTON, IMAGE, 12, 124, 116, 15, "Shutdown wi&th Sysprep",
      false },
    { DIALOG_WITHOUT_SYSPREP, DIALOG_BUTTON, IMAGE, 138, 124, 116, 15, "Shutdown with&out Sysprep",
      false },
    { 0, DIALOG_TEXT, SUPPORT, 14, 28, 240, 10, "EC2Config service v" AGENT_VERSION, false },
    { 0, DIALOG_TEXT, SUPPORT, 14, 44, 240, 20,
      "Log: C:\\Program Files\\Amazon\\Ec2ConfigService\\Logs\\Ec2ConfigLog.txt", false },
    { 0, DIALOG_TEXT, SUPPORT, 14, 70, 240, 40,
      "Sysprep's logs: C:\\Windows\\Panther\\Unattendgc and "
      "C:\\Windows\\System32\\Sysprep\\Panther",
      false },
    DIALOG_ENDS(WIDTH, HEIGHT),
};

static void changed(struct dialog_ui *ui)
{
    ui->enable(ui, PASSWORD, ui->checked(ui, SPECIFY));
    ui->enable(ui, MAPPINGS, ui->checked(ui, PLUGIN_FIRST + 7));
}

static int load_letters(struct win *w, struct dialog_ui *ui, struct err *e)
{
    struct config_letters *l = calloc(1, sizeof(*l));
    struct str text = STR_INIT(KIB(16));
    int r = l ? config_letters_load(w, l, e) : err_oom(e);

    if (r == -ENOENT) {
        err_clear(e);
        r = 0;
    }
    for (size_t i = 0; r == 0 && i < l->n; i++)
        str_addf(&text, "%s = %s\n", l->list[i].volume, l->list[i].letter);
    if (r == 0)
        ui->set_text(ui, MAPPINGS, str_text(&text));
    str_done(&text);
    free(l);
    return r;
}

/* Which option the files stand for. */
static int current_option(struct win *w, enum config_password *ret, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, sysprep_dialect(DIALECT_CONFIG)->answer_file, e);
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;

    if (!path || xmlfile_load(w, path, &f, e) < 0)
        return -e->no;
    *ret = answer_has_password(f)                      ? CONFIG_PASSWORD_SPECIFY
           : answer_command(f, "ScramblePassword.exe") ? CONFIG_PASSWORD_RANDOM
                                                       : CONFIG_PASSWORD_KEEP;
    return 0;
}

static int load_option(struct win *w, struct dialog_ui *ui, struct err *e)
{
    enum config_password now = CONFIG_PASSWORD_RANDOM;

    if (current_option(w, &now, e) < 0)
        return -e->no;
    ui->check(ui, RANDOM, now == CONFIG_PASSWORD_RANDOM);
    ui->check(ui, SPECIFY, now == CONFIG_PASSWORD_SPECIFY);
    ui->check(ui, KEEP, now == CONFIG_PASSWORD_KEEP);
    ui->set_text(ui, PASSWORD, "");
    return 0;
}

static int load_wallpaper(struct win *w, struct dialog_ui *ui, struct err *e)
{
    int on = config_wallpaper_is_on(w, e);

    if (on >= 0)
        ui->check(ui, WALLPAPER, on > 0);
    return on < 0 ? on : 0;
}

static int save_wallpaper(struct win *w, struct dialog_ui *ui, struct err *e)
{
    bool wanted = ui->checked(ui, WALLPAPER);
    int on = config_wallpaper_is_on(w, e);

    return on < 0 ? on : wanted == (on > 0) ? 0 : config_wallpaper_switch(w, wanted, e);
}

static bool hibernates(struct win *w)
{
    struct err e = { 0 };
    uint32_t on = 0;

    return win_reg_u32(w, POWER_KEY, "HibernateEnabled", &on, &e) > 0 && on;
}

static int save_hibernation(struct win *w, struct dialog_ui *ui, struct err *e)
{
    bool wanted = ui->checked(ui, HIBERNATION);

    return wanted == hibernates(w) ? 0 : w->hibernation(w, wanted, e);
}

static int load(struct win *w, struct dialog_ui *ui, struct err *e)
{
    struct config_file *c = calloc(1, sizeof(*c));
    int r = c ? config_file_load(w, c, e) : err_oom(e);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(plugins); i++)
        ui->check(ui, PLUGIN_FIRST + (int)i, config_plugin_on(c, plugins[i]));
    if (r == 0)
        r = load_option(w, ui, e);
    if (r == 0)
        r = load_letters(w, ui, e);
    if (r == 0)
        r = load_wallpaper(w, ui, e);
    if (r == 0)
        ui->check(ui, HIBERNATION, hibernates(w));
    if (c)
        config_file_done(c);
    free(c);
    if (r == 0)
        changed(ui);
    return r;
}

/* "Archive = P:" becomes a Mapping. */
static int take_line(char *line, struct str *out, struct err *e)
{
    char *eq = strrchr(line, '='), *end;

    line += strspn(line, " \t\r");
    if (!*line)
        return 0;
    if (!eq || eq < line)
        return err_set(e, EINVAL, ERR_INVALID, "'%.60s' is no mapping: Volume name = M:", line);
    for (end = eq; end > line && (end[-1] == ' ' || end[-1] == '\t'); end--)
        ;
    *end = '\0';
    eq += 1 + strspn(eq + 1, " \t");
    eq[strcspn(eq, " \t\r")] = '\0';
    str_add(out, "  <Mapping>\r\n    <VolumeName>");
    str_xml(out, line);
    str_add(out, "</VolumeName>\r\n    <DriveLetter>");
    str_xml(out, eq);
    str_add(out, "</DriveLetter>\r\n  </Mapping>\r\n");
    return 0;
}

static int letters_xml(char *text, struct str *out, struct err *e)
{
    str_add(out, "<?xml version=\"1.0\" standalone=\"yes\"?>\r\n<DriveLetterMapping>\r\n");
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (take_line(line, out, e) < 0)
            return -e->no;
    }
    str_add(out, "</DriveLetterMapping>\r\n");
    return str_check(out, "the mappings", e);
}

static bool same_letters(const struct config_letters *a, const struct config_letters *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!str_eq(a->list[i].volume, b->list[i].volume) ||
            !str_eq(a->list[i].letter, b->list[i].letter))
            return false;
    return true;
}

/* The file is only written when a mapping changed, and only when the new one is right. */
static int save_letters(struct win *w, struct dialog_ui *ui, struct err *e)
{
    _cleanup_free_ char *text = ui->text(ui, MAPPINGS), *path = NULL;
    struct config_letters *wanted = calloc(1, sizeof(*wanted)), *now = calloc(1, sizeof(*now));
    struct str out = STR_INIT(KIB(64));
    struct err scratch = { 0 };
    int r = text && wanted && now ? letters_xml(text, &out, e) : err_oom(e);

    if (r == 0)
        r = config_letters_parse("Drive letters", str_text(&out), out.len, wanted, e);
    if (r == 0 && config_letters_load(w, now, &scratch) < 0)
        now->n = 0;
    path = r == 0 ? win_expand(w, LETTERS_FILE, e) : NULL;
    if (path && !same_letters(wanted, now))
        r = w->file_write(w, path, str_text(&out), out.len, e);
    str_done(&out);
    free(wanted);
    free(now);
    return e->no ? -e->no : r;
}

static int save_plugins(struct win *w, struct dialog_ui *ui, struct err *e)
{
    struct config_file *c = calloc(1, sizeof(*c));
    bool any = false;
    int r = c ? config_file_load(w, c, e) : err_oom(e);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(plugins); i++) {
        bool on = ui->checked(ui, PLUGIN_FIRST + (int)i);
        if (on == config_plugin_on(c, plugins[i]))
            continue;
        r = config_plugin_set(c, plugins[i], on, e);
        any = true;
    }
    if (r == 0 && any)
        r = config_file_save(w, c, e);
    if (c)
        config_file_done(c);
    free(c);
    return r;
}

static enum config_password chosen_option(struct dialog_ui *ui)
{
    return ui->checked(ui, KEEP)      ? CONFIG_PASSWORD_KEEP
           : ui->checked(ui, SPECIFY) ? CONFIG_PASSWORD_SPECIFY
                                      : CONFIG_PASSWORD_RANDOM;
}

/* An option that stays as it is changes no file: or each OK would set a new password at the next
 * start of a running instance. always: before a shutdown it is carried out in any case. */
static int save_option(struct win *w, struct dialog_ui *ui, bool always, struct err *e)
{
    enum config_password option = chosen_option(ui), now = CONFIG_PASSWORD_RANDOM;
    char *text = ui->text(ui, PASSWORD);
    int r = text ? current_option(w, &now, e) : err_oom(e);

    if (r == 0 && (option != CONFIG_PASSWORD_SPECIFY || !*text) && option == now &&
        (!always || option == CONFIG_PASSWORD_SPECIFY))
        option = CONFIG_PASSWORD_MAX;
    if (r == 0 && option != CONFIG_PASSWORD_MAX)
        r = config_choose_password(w, option, text, e);
    if (text)
        mem_wipe(text, strlen(text));
    free(text);
    return r;
}

static int save_all(struct win *w, struct dialog_ui *ui, bool always, struct err *e)
{
    int r = save_letters(w, ui, e);

    if (r == 0)
        r = save_plugins(w, ui, e);
    if (r == 0)
        r = save_wallpaper(w, ui, e);
    if (r == 0)
        r = save_hibernation(w, ui, e);
    return r < 0 ? r : save_option(w, ui, always, e);
}

static int save(struct win *w, struct dialog_ui *ui, struct err *e)
{
    return save_all(w, ui, false, e);
}

static int shut_down(struct win *w, struct dialog_ui *ui, bool with_sysprep, struct err *e)
{
    int r = save_all(w, ui, true, e);

    if (r == 0 && with_sysprep && config_check_all(w, e) < 0)
        return err_wrap(e, "the settings are wrong, nothing was run");
    return r < 0 ? r : win_start(w, PROGRAM, with_sysprep ? "-sysprep" : "-shutdown", false, e);
}

const struct dialog dialog_config = {
    .agent = DIALECT_CONFIG,
    .title = "Ec2 Service Properties",
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
