/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows-tags.h"

#include <string.h>

#include "str.h"

static const char *const dialects[] = { "ec2launch-v2", "ec2launch", "ec2config" };

/* A tag is for everybody to read: nothing secret among them. */
static const struct {
    const char *name;
    bool has_value;
} prepare_words[] = {
    { "computer-name", true }, { "user", true },         { "locale", true },
    { "keyboard", true },      { "time-zone", true },    { "product-key", true },
    { "owner", true },         { "organisation", true }, { "dialect", true },
    { "ems", false },          { "rdp", false },
};

static int unknown(struct api_call *c, const struct tag *t, struct err *e)
{
    return api_fail(c, e, "UnsupportedOperation",
                    "The tag '%s' is not supported by this version of Kiln here", t->key);
}

static int not_windows(struct api_call *c, const struct tag *t, struct err *e)
{
    return api_fail(c, e, "UnsupportedOperation", "The tag '%s' is for Windows, and this is none",
                    t->key);
}

int windows_tags_image(struct api_call *c, const struct tag_list *tags, const char *platform,
                       struct err *e)
{
    for (size_t i = 0; i < tags->n; i++) {
        const struct tag *t = &tags->v[i];
        bool known = false;

        if (!str_starts(t->key, "kiln:"))
            continue;
        if (!str_eq(t->key, "kiln:generalize"))
            return unknown(c, t, e);
        for (size_t k = 0; k < ARRAY_LEN(dialects); k++)
            known = known || str_eq(t->value, dialects[k]);
        if (!known)
            return api_fail(c, e, "InvalidParameterValue",
                            "The tag 'kiln:generalize' takes one of ec2launch-v2, ec2launch, "
                            "ec2config, not '%s'",
                            t->value);
        if (!str_eq(platform, "windows"))
            return not_windows(c, t, e);
    }
    return 0;
}

int windows_tags_import(struct api_call *c, const struct tag_list *tags, const char *boot_mode,
                        struct err *e)
{
    for (size_t i = 0; i < tags->n; i++) {
        const struct tag *t = &tags->v[i];

        if (!str_starts(t->key, "kiln:"))
            continue;
        if (!str_eq(t->key, "kiln:tpm"))
            return unknown(c, t, e);
        if (!str_eq(t->value, "v2.0"))
            return api_fail(c, e, "InvalidParameterValue",
                            "The tag 'kiln:tpm' takes v2.0, not '%s'", t->value);
        if (!str_starts(boot_mode, "uefi"))
            return api_fail(
                c, e, "InvalidParameterCombination",
                "The tag 'kiln:tpm' needs BootMode uefi: other firmware has no TPM 2.0");
    }
    return 0;
}

static bool is_prepare_word(const char *word, size_t n)
{
    const char *eq = memchr(word, '=', n);
    size_t name = eq ? (size_t)(eq - word) : n;

    for (size_t i = 0; i < ARRAY_LEN(prepare_words); i++)
        if (strlen(prepare_words[i].name) == name && memcmp(prepare_words[i].name, word, name) == 0)
            return prepare_words[i].has_value ? eq && name + 1 < n : !eq;
    return false;
}

static int check_prepare(struct api_call *c, const char *value, struct err *e)
{
    const char *p = value;

    if (!*value || str_eq(value, "true"))
        return 0;
    for (;;) {
        size_t n = strcspn(p, ";");

        if (!is_prepare_word(p, n))
            return api_fail(c, e, "InvalidParameterValue",
                            "The tag 'kiln:prepare' takes 'true' or options as "
                            "'computer-name=WEB01;ems', and '%.*s' is none",
                            (int)n, p);
        if (!p[n])
            return 0;
        p += n + 1;
    }
}

int windows_tags_instance(struct api_call *c, const struct tag_list *tags, const char *platform,
                          struct err *e)
{
    for (size_t i = 0; i < tags->n; i++) {
        const struct tag *t = &tags->v[i];
        int r;

        if (!str_starts(t->key, "kiln:"))
            continue;
        if (!str_eq(t->key, "kiln:prepare"))
            return unknown(c, t, e);
        r = check_prepare(c, t->value, e);
        if (r < 0)
            return r;
        if (!str_eq(platform, "windows"))
            return not_windows(c, t, e);
    }
    return 0;
}
