/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files out of options. */
#include "answer-priv.h"

/* The whole of a first boot that asks nobody: what is the same in every one that is made. */
static const char skeleton[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
    "<!-- Made by Kiln. It is yours to edit; Kiln keeps what you write. -->\r\n"
    "<unattend xmlns=\"" ANSWER_NS "\" xmlns:wcm=\"" ANSWER_WCM_NS "\">\r\n"
    "</unattend>\r\n";

struct setting {
    enum answer_pass pass;
    const char *component, *path, *value;
};

static const struct setting always[] = {
    { PASS_GENERALIZE, PNP_SYSPREP, "PersistAllDeviceInstalls", "true" },
    { PASS_GENERALIZE, PNP_SYSPREP, "DoNotCleanUpNonPresentDevices", "true" },
    { PASS_OOBE_SYSTEM, SHELL_SETUP, "OOBE/HideEULAPage", "true" },
    { PASS_OOBE_SYSTEM, SHELL_SETUP, "OOBE/HideLocalAccountScreen", "true" },
    { PASS_OOBE_SYSTEM, SHELL_SETUP, "OOBE/HideOEMRegistrationScreen", "true" },
    { PASS_OOBE_SYSTEM, SHELL_SETUP, "OOBE/HideOnlineAccountScreens", "true" },
    { PASS_OOBE_SYSTEM, SHELL_SETUP, "OOBE/HideWirelessSetupInOOBE", "true" },
    { PASS_OOBE_SYSTEM, SHELL_SETUP, "OOBE/ProtectYourPC", "3" },
};

static const struct setting rdp[] = {
    { PASS_SPECIALIZE, TERMINAL, "fDenyTSConnections", "false" },
};

static int set_all(struct answer *a, const char *arch, const struct setting *v, size_t n,
                   struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        int r = answer_set(a, v[i].pass, v[i].component, v[i].path, arch, v[i].value, e);

        if (r < 0)
            return r;
    }
    return 0;
}

static int set_if(struct answer *a, enum answer_pass pass, const char *component, const char *path,
                  const char *arch, const char *value, struct err *e)
{
    return value ? answer_set(a, pass, component, path, arch, value, e) : 0;
}

static int check_options(const struct answer_options *o, struct err *e)
{
    int r = 0;

    if (o->computer_name)
        r = answer_check_name(o->computer_name, true, e);
    if (r == 0 && o->locale)
        r = answer_check_locale(o->locale, e);
    if (r == 0 && o->time_zone)
        r = answer_check_zone(o->time_zone, e);
    if (r == 0 && o->product_key)
        r = answer_check_key(o->product_key, e);
    return r;
}

static int set_locales(struct answer *a, const char *arch, const char *locale, const char *keyboard,
                       struct err *e)
{
    static const char *const names[] = { "InputLocale", "SystemLocale", "UILanguage",
                                         "UserLocale" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = i == 0 && keyboard ? keyboard : locale;
        int r = set_if(a, PASS_OOBE_SYSTEM, INTERNATIONAL, names[i], arch, v, e);

        if (r < 0)
            return r;
    }
    return 0;
}

static int set_password(struct answer *a, const char *arch, const char *password, struct err *e)
{
    static const char path[] = "UserAccounts/AdministratorPassword";
    int r;

    if (!password)
        return 0;
    r = answer_set(a, PASS_OOBE_SYSTEM, SHELL_SETUP, "UserAccounts/AdministratorPassword/Value",
                   arch, password, e);
    if (r == 0)
        r = answer_set(a, PASS_OOBE_SYSTEM, SHELL_SETUP,
                       "UserAccounts/AdministratorPassword/PlainText", arch, "true", e);
    return r < 0 ? err_wrap(e, "set '%s'", path) : 0;
}

static int add_commands(struct answer *a, const struct answer_options *o, const char *arch,
                        struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && o->run && o->run[i]; i++)
        r = answer_add_command(a, PASS_SPECIALIZE, arch, o->run[i], NULL, e);
    for (size_t i = 0; r == 0 && o->logon && o->logon[i]; i++)
        r = answer_add_command(a, PASS_OOBE_SYSTEM, arch, o->logon[i], NULL, e);
    return r;
}

static int set_names(struct answer *a, const struct answer_options *o, const char *arch,
                     struct err *e)
{
    const struct setting v[] = {
        { PASS_SPECIALIZE, SHELL_SETUP, "ComputerName", o->computer_name },
        { PASS_SPECIALIZE, SHELL_SETUP, "CopyProfile", o->copy_profile ? "true" : NULL },
        { PASS_SPECIALIZE, SHELL_SETUP, "ProductKey", o->product_key },
        { PASS_SPECIALIZE, SHELL_SETUP, "RegisteredOrganization", o->organization },
        { PASS_SPECIALIZE, SHELL_SETUP, "RegisteredOwner", o->owner },
        { PASS_SPECIALIZE, SHELL_SETUP, "TimeZone", o->time_zone },
        { PASS_OOBE_SYSTEM, SHELL_SETUP, "RegisteredOrganization", o->organization },
        { PASS_OOBE_SYSTEM, SHELL_SETUP, "RegisteredOwner", o->owner },
        { PASS_OOBE_SYSTEM, SHELL_SETUP, "TimeZone", o->time_zone },
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        int r = set_if(a, v[i].pass, v[i].component, v[i].path, arch, v[i].value, e);

        if (r < 0)
            return r;
    }
    return 0;
}

int answer_apply(struct answer *a, const struct answer_options *o, struct err *e)
{
    const char *arch = o->arch ? o->arch : "amd64";
    int r;

    r = check_options(o, e);
    if (r == 0)
        r = set_names(a, o, arch, e);
    if (r == 0)
        r = set_locales(a, arch, o->locale, o->keyboard, e);
    if (r == 0)
        r = set_password(a, arch, o->admin_password, e);
    if (r == 0 && o->rdp)
        r = set_all(a, arch, rdp, ARRAY_LEN(rdp), e);
    if (r == 0)
        r = add_commands(a, o, arch, e);
    return r;
}

int answer_new(struct answer **ret, struct err *e)
{
    return answer_parse(skeleton, sizeof skeleton - 1, ret, e);
}

int answer_make(const struct answer_options *o, struct answer **ret, struct err *e)
{
    struct answer_options full = *o;
    _cleanup_(answer_freep) struct answer *a = NULL;
    int r;

    if (!full.arch)
        full.arch = "amd64";
    if (!full.computer_name)
        full.computer_name = "*";
    if (!full.locale)
        full.locale = "en-US";
    if (!full.time_zone)
        full.time_zone = "UTC";
    r = answer_new(&a, e);
    if (r == 0)
        r = set_all(a, full.arch, always, ARRAY_LEN(always), e);
    if (r == 0)
        r = answer_apply(a, &full, e);
    if (r == 0)
        r = answer_require_valid(a, e); /* what the options brought in is checked as well */
    if (r < 0)
        return r;
    *ret = TAKE_PTR(a);
    return 0;
}
