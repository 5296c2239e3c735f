/* SPDX-License-Identifier: Apache-2.0 */
/* The smaller settings files. */
#include "ec2config/config.h"

#include <errno.h>
#include <string.h>

#include "read-priv.h"

/* ---- DriveLetterConfig.xml ---- */

static int read_mapping(const struct xml *x, const struct xml_node *n, struct config_letters *l,
                        struct err *e)
{
    struct config_letter row = { { 0 }, { 0 } };
    char letter[16];
    int has_volume = read_text(x, n, "VolumeName", row.volume, sizeof(row.volume), e);
    int has_letter =
        has_volume < 0 ? has_volume : read_text(x, n, "DriveLetter", letter, sizeof(letter), e);

    if (has_letter < 0)
        return has_letter;
    if (!has_volume && !has_letter)
        return 0; /* an empty row of the template */
    if (!has_volume || !has_letter)
        return xml_err(x, n, e, "a mapping without %s", has_volume ? "DriveLetter" : "VolumeName");
    if (!((letter[0] | 0x20) >= 'a' && (letter[0] | 0x20) <= 'z') ||
        (letter[1] && (letter[1] != ':' || letter[2])))
        return xml_err(x, read_child(n, "DriveLetter"), e,
                       "DriveLetter is '%s': a letter and a colon are expected", letter);
    if (l->n == CONFIG_LETTERS_MAX)
        return xml_err(x, n, e, "more than %u mappings", CONFIG_LETTERS_MAX);
    row.letter[0] = (char)(letter[0] & ~0x20);
    row.letter[1] = ':';
    l->list[l->n++] = row;
    return 0;
}

static int take_letters(struct xmlfile **f, void *ret, struct err *e)
{
    const struct xml *x = (*f)->xml;
    struct config_letters l = { .n = 0 };

    if (read_root(*f, "DriveLetterMapping", e) < 0)
        return -e->no;
    for (struct xml_node *n = xml_first_element(x->root); n; n = xml_next_element(n))
        if (read_mapping(x, n, &l, e) < 0)
            return -e->no;
    *(struct config_letters *)ret = l;
    return 0;
}

int config_letters_parse(const char *name, const void *p, size_t n, struct config_letters *ret,
                         struct err *e)
{
    return read_parse(name, p, n, take_letters, ret, e);
}

int config_letters_load(struct win *w, struct config_letters *ret, struct err *e)
{
    return read_load(w, "DriveLetterConfig.xml", take_letters, ret, e);
}

/* ---- ActivationSettings.xml: root and nesting are not documented, so names count ---- */

static int read_flag(const struct xml *x, const char *name, bool *ret, struct err *e)
{
    const struct xml_node *n = read_find(x->root, name);

    return n ? read_choice(x, n, "true", "false", ret, e) : 0;
}

static int read_servers(const struct xml *x, const struct xml_node *parent,
                        struct config_activation *a, struct err *e)
{
    for (struct xml_node *n = xml_first_element(parent); n; n = xml_next_element(n)) {
        _cleanup_free_ char *text = NULL;
        if (!str_eq_nocase(xml_local_name(n), "TargetKMSServer")) {
            if (read_servers(x, n, a, e) < 0) /* the parser bounds the depth */
                return -e->no;
            continue;
        }
        text = xml_text(n);
        if (!text)
            return err_oom(e);
        if (!*text)
            continue;
        if (a->servers_n == CONFIG_KMS_MAX)
            return xml_err(x, n, e, "more than %u servers", CONFIG_KMS_MAX);
        if (strpbrk(text, " \t\"'<>&|%^") ||
            str_copy(a->servers[a->servers_n], sizeof(a->servers[0]), text) < 0)
            return xml_err(x, n, e, "TargetKMSServer is no address or host name");
        a->servers_n++;
    }
    return 0;
}

static int take_activation(struct xmlfile **f, void *ret, struct err *e)
{
    const struct xml *x = (*f)->xml;
    struct config_activation a = { .activate = true };
    const struct xml_node *zone = read_find(x->root, "DiscoverFromZone");
    const struct xml_node *legacy = read_find(x->root, "LegacySearchZones");
    int r = read_flag(x, "SetAutodiscover", &a.autodiscover, e);

    if (r == 0)
        r = read_flag(x, "ReadFromUserData", &a.from_user_data, e);
    if (r == 0)
        r = read_flag(x, "DoActivate", &a.activate, e);
    if (r == 0)
        r = read_flag(x, "LogResultToConsole", &a.log_result, e);
    if (r == 0)
        r = read_servers(x, x->root, &a, e);
    if (r == 0 && zone)
        r = read_text(x, zone->parent, "DiscoverFromZone", a.zone, sizeof(a.zone), e);
    if (r >= 0 && legacy)
        r = read_text(x, legacy->parent, "LegacySearchZones", a.legacy_zones,
                      sizeof(a.legacy_zones), e);
    if (r < 0)
        return r;
    *(struct config_activation *)ret = a;
    return 0;
}

int config_activation_parse(const char *name, const void *p, size_t n,
                            struct config_activation *ret, struct err *e)
{
    return read_parse(name, p, n, take_activation, ret, e);
}

int config_activation_load(struct win *w, struct config_activation *ret, struct err *e)
{
    return read_load(w, "ActivationSettings.xml", take_activation, ret, e);
}

/* ---- InitializeDrivesSettings.xml ---- */

static int take_drives(struct xmlfile **f, void *ret, struct err *e)
{
    static const char *const words[] = {
        [CONFIG_DRIVES_NO_TRIM] = "FormatWithoutTRIM",
        [CONFIG_DRIVES_TRIM] = "FormatWithTRIM",
        [CONFIG_DRIVES_OFF] = "DisableInitializeDrives",
    };
    const struct xml *x = (*f)->xml;
    const struct xml_node *n = read_child(x->root, "SettingsGroup");
    char text[64];

    int r = read_root(*f, "InitializeDrivesSettings", e);

    if (r == 0)
        r = read_text(x, x->root, "SettingsGroup", text, sizeof(text), e);
    if (r < 0)
        return r;
    if (r == 0)
        (void)str_copy(text, sizeof(text), words[CONFIG_DRIVES_NO_TRIM]);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(text, words[i])) {
            *(enum config_drives *)ret = (enum config_drives)i;
            return 0;
        }
    return xml_err(x, n ? n : x->root, e,
                   "SettingsGroup is '%s': FormatWithTRIM, FormatWithoutTRIM or "
                   "DisableInitializeDrives is expected",
                   text);
}

int config_drives_parse(const char *name, const void *p, size_t n, enum config_drives *ret,
                        struct err *e)
{
    return read_parse(name, p, n, take_drives, ret, e);
}

int config_drives_load(struct win *w, enum config_drives *ret, struct err *e)
{
    return read_load(w, "InitializeDrivesSettings.xml", take_drives, ret, e);
}

/* ---- WallpaperSettings.xml ---- */

static int read_wallpaper_row(const struct xml *x, const struct xml_node *n,
                              struct config_wallpaper *p, struct err *e)
{
    const struct xml_node *source = read_child(n, "source");
    size_t i = p->n;

    if (i == CONFIG_WALLPAPER_MAX)
        return xml_err(x, n, e, "more than %u rows", CONFIG_WALLPAPER_MAX);
    if (read_text(x, n, "name", p->list[i].name, sizeof(p->list[i].name), e) < 0 ||
        read_text(x, n, "identifier", p->list[i].identifier, sizeof(p->list[i].identifier), e) < 0)
        return -e->no;
    if (!p->list[i].name[0] || !p->list[i].identifier[0] || !source)
        return xml_err(x, n, e, "a row needs name, source and identifier");
    if (read_choice(x, source, "metadata", "EnvironmentVariable", &p->list[i].metadata, e) < 0)
        return -e->no;
    p->n++;
    return 0;
}

static int take_wallpaper(struct xmlfile **f, void *ret, struct err *e)
{
    const struct xml *x = (*f)->xml;
    _cleanup_free_ struct config_wallpaper *p = calloc(1, sizeof(*p));

    if (!p)
        return err_oom(e);
    if (read_root(*f, "WallpaperSettings", e) < 0)
        return -e->no;
    for (struct xml_node *n = xml_first_element(x->root); n; n = xml_next_element(n))
        if (read_wallpaper_row(x, n, p, e) < 0)
            return -e->no;
    memcpy(ret, p, sizeof(*p));
    return 0;
}

int config_wallpaper_parse(const char *name, const void *p, size_t n, struct config_wallpaper *ret,
                           struct err *e)
{
    return read_parse(name, p, n, take_wallpaper, ret, e);
}

int config_wallpaper_load(struct win *w, struct config_wallpaper *ret, struct err *e)
{
    return read_load(w, "WallpaperSettings.xml", take_wallpaper, ret, e);
}
