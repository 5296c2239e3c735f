/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "regions.h"

#include <string.h>

#include "dispatch.h"

/* sorted */
static const char *const usual[] = {
    "af-south-1",     "ap-east-1",    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1",     "ap-south-2",   "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ca-central-1", "ca-west-1",      "eu-central-1",   "eu-central-2",
    "eu-north-1",     "eu-south-1",   "eu-south-2",     "eu-west-1",      "eu-west-2",
    "eu-west-3",      "il-central-1", "me-central-1",   "me-south-1",     "sa-east-1",
    "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2",
};

static bool is_usual(const char *region)
{
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (str_eq(usual[i], region))
            return true;
    return false;
}

bool api_region_known(const struct api_config *cfg, const char *region)
{
    return str_eq(region, cfg->default_region) || is_usual(region);
}

const char *region_at(const struct api_config *cfg, size_t i)
{
    const char *own = cfg->default_region;
    size_t place = 0;

    if (is_usual(own))
        return i < ARRAY_LEN(usual) ? usual[i] : NULL;
    while (place < ARRAY_LEN(usual) && strcmp(usual[place], own) < 0)
        place++;
    if (i == place)
        return own;
    i -= i > place;
    return i < ARRAY_LEN(usual) ? usual[i] : NULL;
}

static size_t add_word(char *out, size_t used, size_t size, const char *word, size_t n)
{
    static const char *const directions[] = { "north", "south", "east", "west", "central" };
    size_t at = 0;
    bool any = true;

    while (any && at < n) {
        any = false;
        for (size_t i = 0; i < ARRAY_LEN(directions) && !any; i++) {
            size_t len = strlen(directions[i]);

            if (len <= n - at && strncmp(word + at, directions[i], len) == 0) {
                any = true;
                at += len;
                if (used + 1 < size)
                    out[used++] = directions[i][0];
            }
        }
    }
    for (; at < n; at++) /* not a direction: as it is */
        if (used + 1 < size)
            out[used++] = word[at];
    return used;
}

void region_short(const char *region, char *out, size_t size)
{
    size_t used = 0;

    for (const char *p = region; *p;) {
        size_t n = strcspn(p, "-");

        used = add_word(out, used, size, p, n);
        p += n;
        p += *p == '-';
    }
    out[used] = '\0';
}
