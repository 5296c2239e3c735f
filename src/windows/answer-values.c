/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a value of the kind that its element wants? */
#include "answer-rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "str.h"
#include "utf8.h"

#define NAME_MAX_CHARS 15 /* NetBIOS */
#define SHOWN          48

/* The zones of Windows 10 and Server 2022; later ones may be added by updates, so that an unknown
 * name in an answer file is a note where the image has a list of its own. */
static const char *const zones[] = {
    "Dateline Standard Time",
    "UTC-11",
    "Aleutian Standard Time",
    "Hawaiian Standard Time",
    "Marquesas Standard Time",
    "Alaskan Standard Time",
    "UTC-09",
    "Pacific Standard Time (Mexico)",
    "UTC-08",
    "Pacific Standard Time",
    "US Mountain Standard Time",
    "Mountain Standard Time (Mexico)",
    "Mountain Standard Time",
    "Yukon Standard Time",
    "Central America Standard Time",
    "Central Standard Time",
    "Easter Island Standard Time",
    "Central Standard Time (Mexico)",
    "Canada Central Standard Time",
    "SA Pacific Standard Time",
    "Eastern Standard Time (Mexico)",
    "Eastern Standard Time",
    "Haiti Standard Time",
    "Cuba Standard Time",
    "US Eastern Standard Time",
    "Turks And Caicos Standard Time",
    "Paraguay Standard Time",
    "Atlantic Standard Time",
    "Venezuela Standard Time",
    "Central Brazilian Standard Time",
    "SA Western Standard Time",
    "Pacific SA Standard Time",
    "Newfoundland Standard Time",
    "Tocantins Standard Time",
    "E. South America Standard Time",
    "SA Eastern Standard Time",
    "Argentina Standard Time",
    "Greenland Standard Time",
    "Montevideo Standard Time",
    "Magallanes Standard Time",
    "Saint Pierre Standard Time",
    "Bahia Standard Time",
    "UTC-02",
    "Mid-Atlantic Standard Time",
    "Azores Standard Time",
    "Cape Verde Standard Time",
    "UTC",
    "GMT Standard Time",
    "Greenwich Standard Time",
    "Sao Tome Standard Time",
    "Morocco Standard Time",
    "W. Europe Standard Time",
    "Central Europe Standard Time",
    "Romance Standard Time",
    "Central European Standard Time",
    "W. Central Africa Standard Time",
    "Jordan Standard Time",
    "GTB Standard Time",
    "Middle East Standard Time",
    "Egypt Standard Time",
    "E. Europe Standard Time",
    "Syria Standard Time",
    "West Bank Standard Time",
    "South Africa Standard Time",
    "FLE Standard Time",
    "Israel Standard Time",
    "South Sudan Standard Time",
    "Kaliningrad Standard Time",
    "Sudan Standard Time",
    "Libya Standard Time",
    "Namibia Standard Time",
    "Arabic Standard Time",
    "Turkey Standard Time",
    "Arab Standard Time",
    "Belarus Standard Time",
    "Russian Standard Time",
    "E. Africa Standard Time",
    "Iran Standard Time",
    "Arabian Standard Time",
    "Astrakhan Standard Time",
    "Azerbaijan Standard Time",
    "Russia Time Zone 3",
    "Mauritius Standard Time",
    "Saratov Standard Time",
    "Georgian Standard Time",
    "Volgograd Standard Time",
    "Caucasus Standard Time",
    "Afghanistan Standard Time",
    "West Asia Standard Time",
    "Ekaterinburg Standard Time",
    "Pakistan Standard Time",
    "Qyzylorda Standard Time",
    "India Standard Time",
    "Sri Lanka Standard Time",
    "Nepal Standard Time",
    "Central Asia Standard Time",
    "Bangladesh Standard Time",
    "Omsk Standard Time",
    "Myanmar Standard Time",
    "SE Asia Standard Time",
    "Altai Standard Time",
    "W. Mongolia Standard Time",
    "North Asia Standard Time",
    "N. Central Asia Standard Time",
    "Tomsk Standard Time",
    "China Standard Time",
    "North Asia East Standard Time",
    "Singapore Standard Time",
    "W. Australia Standard Time",
    "Taipei Standard Time",
    "Ulaanbaatar Standard Time",
    "Aus Central W. Standard Time",
    "Transbaikal Standard Time",
    "Tokyo Standard Time",
    "North Korea Standard Time",
    "Korea Standard Time",
    "Yakutsk Standard Time",
    "Cen. Australia Standard Time",
    "AUS Central Standard Time",
    "E. Australia Standard Time",
    "AUS Eastern Standard Time",
    "West Pacific Standard Time",
    "Tasmania Standard Time",
    "Vladivostok Standard Time",
    "Lord Howe Standard Time",
    "Bougainville Standard Time",
    "Russia Time Zone 10",
    "Magadan Standard Time",
    "Norfolk Standard Time",
    "Sakhalin Standard Time",
    "Central Pacific Standard Time",
    "Russia Time Zone 11",
    "New Zealand Standard Time",
    "UTC+12",
    "Fiji Standard Time",
    "Kamchatka Standard Time",
    "Chatham Islands Standard Time",
    "UTC+13",
    "Tonga Standard Time",
    "Samoa Standard Time",
    "Line Islands Standard Time",
};

static int wrong(struct err *e, const char *what, const char *value, const char *why)
{
    char show[SHOWN];

    return err_set(e, EINVAL, ERR_INVALID, "%s '%s': %s", what, str_show(value, show, sizeof show),
                   why);
}

int answer_check_name(const char *name, bool may_be_random, struct err *e)
{
    static const char forbidden[] = "{|}~[\\]^':;<=>?@!\"#$%`()+/.,*& ";
    size_t n = strlen(name);
    bool digits = true;

    if (may_be_random && (n == 0 || strcmp(name, "*") == 0))
        return 0;
    if (n == 0)
        return wrong(e, "computer name", name, "must not be empty");
    if (!utf8_valid(name, n) || utf8_count(name) != n)
        return wrong(e, "computer name", name, "letters outside ASCII are not allowed");
    if (n > NAME_MAX_CHARS)
        return wrong(e, "computer name", name, "has more than 15 characters");
    for (size_t i = 0; i < n; i++) {
        if (strchr(forbidden, name[i]) || (unsigned char)name[i] <= ' ')
            return err_set(e, EINVAL, ERR_INVALID, "computer name '%s': '%c' is not allowed", name,
                           name[i] > ' ' ? name[i] : '?');
        digits = digits && isdigit((unsigned char)name[i]);
    }
    if (digits)
        return wrong(e, "computer name", name, "must not be digits only");
    if (name[0] == '-' || name[n - 1] == '-')
        return wrong(e, "computer name", name, "must not begin or end with '-'");
    return 0;
}

int answer_check_key(const char *key, struct err *e)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < n && n == 29; i++)
        if (i % 6 == 5 ? key[i] != '-' : !isalnum((unsigned char)key[i]))
            n = 0;
    if (n != 29) /* a key is a secret of sorts: it is not repeated */
        return err_set(e, EINVAL, ERR_INVALID,
                       "product key: not of the form XXXXX-XXXXX-XXXXX-XXXXX-XXXXX");
    return 0;
}

int answer_check_locale(const char *locale, struct err *e)
{
    size_t n = strlen(locale), part = 0;
    bool good = n >= 2 && n <= 32;

    for (size_t i = 0; good && i <= n; i++) {
        char c = i < n ? locale[i] : '-';

        if (c == '-') {
            good = part >= 2 && part <= 8;
            part = 0;
        } else {
            good = isalnum((unsigned char)c) && (isalpha((unsigned char)c) || i > 2);
            part++;
        }
    }
    return good ? 0 : wrong(e, "locale", locale, "not of the form 'en-US'");
}

int answer_check_zone(const char *zone, struct err *e)
{
    const char *nearest = NULL;
    unsigned best = 6;
    char show[SHOWN];
    size_t n = strlen(zone);

    /* "_dstoff" behind a zone: without daylight saving time */
    n = n > 7 && strcmp(zone + n - 7, "_dstoff") == 0 ? n - 7 : n;
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        unsigned d;

        if (strlen(zones[i]) == n && strncmp(zone, zones[i], n) == 0)
            return 0;
        d = word_distance(zone, zones[i], best - 1);
        if (d < best) {
            best = d;
            nearest = zones[i];
        }
        if (best == 0)
            break;
    }
    return err_set(e, EINVAL, ERR_INVALID, "time zone '%s' is not one of Windows%s%s%s",
                   str_show(zone, show, sizeof show), nearest ? "; '" : "", nearest ? nearest : "",
                   nearest ? "' is meant?" : "");
}

static bool is_hex(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)s[i]))
            return false;
    return true;
}

/* "0409:00000409", "en-US", several with ';' */
static bool input_is_wrong(const char *value)
{
    char one[SHOWN];
    struct err scratch = { 0 };

    for (const char *p = value;; p++) {
        size_t n = strcspn(p, ";");

        if (n == 0 || n >= sizeof one)
            return true;
        memcpy(one, p, n);
        one[n] = '\0';
        if (one[n - 1] == ' ')
            return true;
        if (strchr(one, ':') ? !(n == 13 && is_hex(one, 4) && one[4] == ':' && is_hex(one + 5, 8))
                             : answer_check_locale(one + strspn(one, " "), &scratch) < 0)
            return !(strchr(one, '{') != NULL); /* text services by their GUIDs are let through */
        p += n;
        if (!*p)
            return false;
    }
}

static bool in_words(const char *words, const char *value)
{
    size_t n = strlen(value);

    for (const char *p = words;; p++) {
        size_t k = strcspn(p, "|");

        if (k == n && strncasecmp(p, value, n) == 0)
            return true;
        p += k;
        if (!*p)
            return false;
    }
}

static bool say(char *text, size_t size, const char *value, const char *why, const char *more)
{
    char show[SHOWN];

    (void)snprintf(text, size, "'%s' %s%s", str_show(value, show, sizeof show), why, more);
    return true;
}

static bool number_is_wrong(const struct rule *r, const char *value, char *text, size_t size)
{
    char range[SHOWN];
    uint64_t v;

    if (parse_u64(value, r->min, r->max, &v) == 0)
        return false;
    (void)snprintf(range, sizeof range, "%llu to %llu", (unsigned long long)r->min,
                   (unsigned long long)r->max);
    return say(text, size, value, "is not a number of ", range);
}

static bool told(struct err *e, int r, char *text, size_t size)
{
    if (r < 0)
        (void)snprintf(text, size, "%s", e->msg);
    return r < 0;
}

bool rule_value_is_wrong(const struct rule *r, const char *value, char *text, size_t size)
{
    struct err e = { 0 };

    switch (r->kind) {
    case RULE_BOOL:
        return !in_words("true|false|0|1", value) &&
               say(text, size, value, "is neither true nor false", "");
    case RULE_UINT:
        return number_is_wrong(r, value, text, size);
    case RULE_WORDS:
        return !in_words(r->words, value) && say(text, size, value, "is not one of ", r->words);
    case RULE_NAME:
        return told(&e, answer_check_name(value, true, &e), text, size);
    case RULE_LOCALE:
        return told(&e, answer_check_locale(value, &e), text, size);
    case RULE_INPUT:
        return input_is_wrong(value) &&
               say(text, size, value, "is neither 'en-US' nor '0409:00000409'", "");
    case RULE_ZONE:
        return told(&e, answer_check_zone(value, &e), text, size);
    case RULE_KEY:
        return told(&e, answer_check_key(value, &e), text, size);
    case RULE_COMMAND:
        return utf8_count(value) > ANSWER_COMMAND_MAX &&
               say(text, size, value, "has more than 1024 characters", "");
    case RULE_TEXT:
    case RULE_GROUP:
    case RULE_LIST:
    case RULE_ANY:
        break;
    }
    return false;
}
