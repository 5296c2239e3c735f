/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Language, formats, keyboard and time zone, written into the hives: for the system, for the logon
 * screen and for new users. */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cur.h"

#define ZONES     NT_KEY "\\Time Zones"
#define ZONE_INFO "Control\\TimeZoneInformation"
#define TZI_BYTES 44
#define INTL      "Control Panel\\International"
#define VALUES    128

/* Source: Microsoft, "Windows Language Code Identifier (LCID) Reference" and its code pages. */
static const struct lang {
    const char *tag;
    uint16_t lcid, acp, oem, mac;
} langs[] = {
    { "ar-SA", 0x0401, 1256, 720, 10004 },  { "bg-BG", 0x0402, 1251, 866, 10007 },
    { "ca-ES", 0x0403, 1252, 850, 10000 },  { "zh-TW", 0x0404, 950, 950, 10002 },
    { "cs-CZ", 0x0405, 1250, 852, 10029 },  { "da-DK", 0x0406, 1252, 850, 10000 },
    { "de-DE", 0x0407, 1252, 850, 10000 },  { "el-GR", 0x0408, 1253, 737, 10006 },
    { "en-US", 0x0409, 1252, 437, 10000 },  { "fi-FI", 0x040b, 1252, 850, 10000 },
    { "fr-FR", 0x040c, 1252, 850, 10000 },  { "he-IL", 0x040d, 1255, 862, 10005 },
    { "hu-HU", 0x040e, 1250, 852, 10029 },  { "is-IS", 0x040f, 1252, 850, 10079 },
    { "it-IT", 0x0410, 1252, 850, 10000 },  { "ja-JP", 0x0411, 932, 932, 10001 },
    { "ko-KR", 0x0412, 949, 949, 10003 },   { "nl-NL", 0x0413, 1252, 850, 10000 },
    { "nb-NO", 0x0414, 1252, 850, 10000 },  { "pl-PL", 0x0415, 1250, 852, 10029 },
    { "pt-BR", 0x0416, 1252, 850, 10000 },  { "ro-RO", 0x0418, 1250, 852, 10029 },
    { "ru-RU", 0x0419, 1251, 866, 10007 },  { "hr-HR", 0x041a, 1250, 852, 10082 },
    { "sk-SK", 0x041b, 1250, 852, 10029 },  { "sv-SE", 0x041d, 1252, 850, 10000 },
    { "th-TH", 0x041e, 874, 874, 10021 },   { "tr-TR", 0x041f, 1254, 857, 10081 },
    { "id-ID", 0x0421, 1252, 850, 10000 },  { "uk-UA", 0x0422, 1251, 866, 10017 },
    { "sl-SI", 0x0424, 1250, 852, 10029 },  { "et-EE", 0x0425, 1257, 775, 10029 },
    { "lv-LV", 0x0426, 1257, 775, 10029 },  { "lt-LT", 0x0427, 1257, 775, 10029 },
    { "vi-VN", 0x042a, 1258, 1258, 10000 }, { "zh-CN", 0x0804, 936, 936, 10008 },
    { "de-CH", 0x0807, 1252, 850, 10000 },  { "en-GB", 0x0809, 1252, 850, 10000 },
    { "es-MX", 0x080a, 1252, 850, 10000 },  { "fr-BE", 0x080c, 1252, 850, 10000 },
    { "it-CH", 0x0810, 1252, 850, 10000 },  { "nl-BE", 0x0813, 1252, 850, 10000 },
    { "pt-PT", 0x0816, 1252, 850, 10000 },  { "zh-HK", 0x0c04, 950, 950, 10002 },
    { "de-AT", 0x0c07, 1252, 850, 10000 },  { "en-AU", 0x0c09, 1252, 850, 10000 },
    { "es-ES", 0x0c0a, 1252, 850, 10000 },  { "fr-CA", 0x0c0c, 1252, 850, 10000 },
    { "zh-SG", 0x1004, 936, 936, 10008 },   { "en-CA", 0x1009, 1252, 850, 10000 },
    { "fr-CH", 0x100c, 1252, 850, 10000 },  { "en-NZ", 0x1409, 1252, 850, 10000 },
    { "en-IE", 0x1809, 1252, 850, 10000 },  { "en-ZA", 0x1c09, 1252, 437, 10000 },
    { "es-AR", 0x2c0a, 1252, 850, 10000 },  { "en-IN", 0x4009, 1252, 437, 10000 },
};

static int find_lang(const char *tag, const struct lang **ret, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(langs); i++)
        if (str_eq_nocase(langs[i].tag, tag)) {
            *ret = &langs[i];
            return 0;
        }
    return err_set(e, EINVAL, ERR_INVALID,
                   "locale '%s' cannot be set offline: use an answer file and 'prepare'", tag);
}

/* ---- the system ------------------------------------------------------------------------------ */

static int set_code_page(struct work *k, const char *name, unsigned page, struct err *e)
{
    char text[8];

    (void)snprintf(text, sizeof text, "%u", page & 0xffff);
    return each_set_text(k, "Control\\Nls\\CodePage", name, text, "code page", e);
}

static int set_system_locale(struct work *k, const char *tag, struct err *e)
{
    const struct lang *l = NULL;
    char hex[12];
    int r = find_lang(tag, &l, e);

    if (r < 0)
        return r;
    (void)snprintf(hex, sizeof hex, "%04x", l->lcid);
    r = each_set_text(k, "Control\\Nls\\Language", "Default", hex, "system locale", e);
    (void)snprintf(hex, sizeof hex, "%08x", l->lcid);
    if (r == 0)
        r = each_set_text(k, "Control\\Nls\\Locale", "", hex, "system locale", e);
    if (r == 0)
        r = set_code_page(k, "ACP", l->acp, e);
    if (r == 0)
        r = set_code_page(k, "OEMCP", l->oem, e);
    return r < 0 ? r : set_code_page(k, "MACCP", l->mac, e);
}

/* ---- people ---------------------------------------------------------------------------------- */

/* Formats of the former locale would stay over those of the new one; without them Windows takes
 * the locale's own. */
static int forget_formats(struct regf *h, uint32_t key, struct err *e)
{
    struct regf_iter it = regf_values(h, key);
    char *names[VALUES];
    size_t n = 0;
    uint32_t v;
    int r = 0;

    while (n < VALUES && (v = regf_next_value(h, &it)) != 0) {
        names[n] = regf_value_name(h, v);
        if (names[n] && strlen(names[n]) > 2 && (names[n][0] == 's' || names[n][0] == 'i'))
            n++;
        else
            free(names[n]);
    }
    for (size_t i = 0; i < n; i++) {
        if (r >= 0)
            r = regf_value_delete(h, key, names[i], e);
        free(names[i]);
    }
    return r < 0 ? r : 0;
}

static int set_user_locale(struct regf *h, const struct lang *l, struct err *e)
{
    char hex[12];
    uint32_t key;
    int r = regf_key_create(h, 0, INTL, &key, e);

    (void)snprintf(hex, sizeof hex, "%08x", l->lcid);
    if (r == 0)
        r = forget_formats(h, key, e);
    if (r == 0)
        r = regf_set_text(h, key, "LocaleName", REGF_SZ, l->tag, e);
    if (r == 0)
        r = regf_set_text(h, key, "Locale", REGF_SZ, hex, e);
    return r;
}

/* "0407:00000407" or a locale, whose own keyboard is meant. */
static int set_keyboard(struct regf *h, const char *input, struct err *e)
{
    const struct lang *l = NULL;
    char lang[12], layout[12];
    uint32_t key;
    int r = 0;

    if (strlen(input) >= 13 && input[4] == ':') {
        (void)snprintf(lang, sizeof lang, "0000%.4s", input);
        (void)snprintf(layout, sizeof layout, "%.8s", input + 5);
    } else {
        r = find_lang(input, &l, e);
        if (r < 0)
            return r;
        (void)snprintf(lang, sizeof lang, "%08x", l->lcid);
        (void)snprintf(layout, sizeof layout, "%08x", l->lcid);
    }
    r = regf_key_delete_path(h, 0, "Keyboard Layout\\Preload", e);
    if (r >= 0)
        r = regf_key_create(h, 0, "Keyboard Layout\\Preload", &key, e);
    if (r == 0)
        r = regf_set_text(h, key, "1", REGF_SZ, lang, e);
    if (r < 0 || strcasecmp(lang, layout) == 0)
        return r;
    r = regf_key_create(h, 0, "Keyboard Layout\\Substitutes", &key, e);
    return r < 0 ? r : regf_set_text(h, key, lang, REGF_SZ, layout, e);
}

static int set_people(struct work *k, const struct locale_wish *w, struct err *e)
{
    static const enum hive_id ids[] = { HIVE_DEFAULT, HIVE_NEW_USER };
    const struct lang *l = NULL;
    int r = w->user ? find_lang(w->user, &l, e) : 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(ids); i++) {
        struct hive *v;

        r = hives_get(k->h, ids[i], &v, e);
        if (r < 0 || !v->regf)
            continue;
        if (l) {
            r = set_user_locale(v->regf, l, e);
            if (r == 0)
                win_plan_add(k->p, WIN_ROW_DONE, "formats", v->path, NULL, l->tag);
        }
        if (r == 0 && w->input) {
            r = set_keyboard(v->regf, w->input, e);
            if (r == 0)
                win_plan_add(k->p, WIN_ROW_DONE, "keyboard", v->path, NULL, w->input);
        }
    }
    return r;
}

/* Only a language that is in the image can be chosen. */
static int set_display_language(struct work *k, const char *tag, struct err *e)
{
    const char *const list[] = { tag, NULL };
    char path[96];
    int r = 0;

    (void)snprintf(path, sizeof path, "Control\\MUI\\UILanguages\\%s", tag);
    if (!regf_find(k->system, k->sets->current_key, path)) {
        win_plan_addf(k->p, WIN_ROW_CANNOT, "display language", "SYSTEM", NULL,
                      "the language pack '%s' is not in the image", tag);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < k->sets->n; i++) {
        uint32_t key;

        r = regf_key_create(k->system, k->sets->key[i], "Control\\MUI\\Settings", &key, e);
        if (r == 0)
            r = regf_set_multi(k->system, key, "PreferredUILanguages", list, e);
    }
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "display language", "SYSTEM", NULL, tag);
    return r;
}

int set_locale(struct work *k, const struct locale_wish *l, struct err *e)
{
    int r = 0;

    if (l->system)
        r = set_system_locale(k, l->system, e);
    if (r == 0 && l->ui)
        r = set_display_language(k, l->ui, e);
    if (r == 0 && (l->user || l->input))
        r = set_people(k, l, e);
    return r < 0 ? err_wrap(e, "set the locale") : 0;
}

/* ---- time zone ------------------------------------------------------------------------------- */

/* SYSTEMTIME has the day of the week third; TimeZoneInformation has it last. */
static void turn_date(const uint8_t *in, uint8_t out[16])
{
    memcpy(out, in, 4);
    memcpy(out + 4, in + 6, 10);
    memcpy(out + 14, in + 4, 2);
}

static int write_zone(struct work *k, uint32_t set, const char *zone, uint32_t from,
                      const struct regf_data *tzi, bool no_dst, struct err *e)
{
    static const char *const bias[] = { "Bias", "StandardBias", "DaylightBias" };
    _cleanup_free_ char *std = regf_text(k->software, from, "MUI_Std");
    _cleanup_free_ char *dlt = regf_text(k->software, from, "MUI_Dlt");
    struct cur c = cur_over(tzi->p, tzi->n);
    uint8_t date[16];
    uint32_t key, v, first = 0;
    int r = regf_key_create(k->system, set, ZONE_INFO, &key, e);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(bias); i++) {
        v = cur_le32(&c);
        first = i == 0 ? v : first;
        r = regf_set_dword(k->system, key, bias[i], v, e);
    }
    turn_date(tzi->p + 12, date);
    if (r == 0)
        r = regf_set(k->system, key, "StandardStart", REGF_BINARY, date, sizeof date, e);
    turn_date(tzi->p + 28, date);
    if (r == 0)
        r = regf_set(k->system, key, "DaylightStart", REGF_BINARY, date, sizeof date, e);
    if (r == 0 && std)
        r = regf_set_text(k->system, key, "StandardName", REGF_SZ, std, e);
    if (r == 0 && dlt)
        r = regf_set_text(k->system, key, "DaylightName", REGF_SZ, dlt, e);
    if (r == 0)
        r = regf_set_text(k->system, key, "TimeZoneKeyName", REGF_SZ, zone, e);
    if (r == 0)
        r = regf_set_dword(k->system, key, "DynamicDaylightTimeDisabled", no_dst, e);
    if (r == 0) /* Windows works it out again at boot */
        r = regf_set_dword(k->system, key, "ActiveTimeBias", first, e);
    return r;
}

int set_time_zone(struct work *k, const char *zone, struct err *e)
{
    _cleanup_regf_data_ struct regf_data tzi = { 0 };
    _cleanup_free_ char *name = xstrdup(zone), *path = NULL, *old = NULL;
    size_t n = strlen(name);
    bool no_dst = n > 7 && strcmp(name + n - 7, "_dstoff") == 0;
    struct err scratch = { 0 };
    uint32_t from;
    int r = 0;

    if (no_dst)
        name[n - 7] = '\0';
    path = xasprintf(ZONES "\\%s", name);
    from = strchr(name, '\\') ? 0 : regf_find(k->software, 0, path);
    if (!from || regf_get(k->software, from, "TZI", &tzi, &scratch) < 0 || tzi.n != TZI_BYTES)
        return err_set(e, EINVAL, ERR_INVALID, "this Windows does not know the time zone '%s'",
                       name);
    old = look_text(k->system, k->sets->current_key, ZONE_INFO, "TimeZoneKeyName");
    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = write_zone(k, k->sets->key[i], name, from, &tzi, no_dst, e);
    if (r < 0)
        return err_wrap(e, "set the time zone");
    win_plan_add(k->p, WIN_ROW_DONE, "time zone", "SYSTEM", old, zone);
    return 0;
}
