/* SPDX-License-Identifier: Apache-2.0 */
/* DriveLetterMappingConfig.json and EventLogConfig.json. */
#include "v1/v1.h"

#include <errno.h>
#include <string.h>

#include "engine/events.h"
#include "lib/json.h"
#include "lib/utf.h"

#define LETTERS_MAX 64U
#define EVENTS_LIST 64U

static int parse_list(const char *file, const char *data, size_t n, const char *key, unsigned max,
                      struct tree **ret, const struct tree_node **ret_list, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_(tree_freep) struct tree *t = NULL;
    const struct tree_node *list;
    size_t len = 0;
    int r;

    r = utf_decode(data, n, true, file, &text, &len, e);
    if (r == 0)
        r = json_parse(file, text, len, &t, e);
    if (r < 0)
        return r;
    list = tree_get_nocase(t->root, key);
    if (!list)
        return tree_err(t, t->root, e, "the key '%s' is missing", key);
    if (list->type != TREE_LIST)
        return tree_err(t, list, e, "'%s' is %s, not a list", key, tree_type_name(list->type));
    if (tree_count(list) > max)
        return tree_err(t, list, e, "'%s' has more than %u entries", key, max);
    *ret_list = list;
    *ret = TAKE_PTR(t);
    return 0;
}

/* A text member of at most size - 1 bytes. */
static int take_text(const struct tree *t, const struct tree_node *map, const char *key,
                     bool wanted, char *ret, size_t size, struct err *e)
{
    const struct tree_node *n = tree_get_nocase(map, key);

    *ret = '\0';
    if (map->type != TREE_MAP)
        return tree_err(t, map, e, "%s stands where an entry is expected",
                        tree_type_name(map->type));
    if (!n || n->type == TREE_NULL || (n->type == TREE_STRING && !*n->text))
        return wanted ? tree_err(t, n ? n : map, e, "'%s' is %s", key, n ? "empty" : "missing") : 0;
    if (n->type != TREE_STRING)
        return tree_err(t, n, e, "'%s' is %s, not a text", key, tree_type_name(n->type));
    if (str_copy(ret, size, n->text) < 0)
        return tree_err(t, n, e, "'%s' is longer than %zu characters", key, size - 1);
    return 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int take_letter(const struct tree *t, const struct tree_node *map, struct v1_letter *ret,
                       struct err *e)
{
    char text[16];
    int r = take_text(t, map, "volumeName", true, ret->volume, sizeof(ret->volume), e);

    if (r == 0)
        r = take_text(t, map, "driveLetter", true, text, sizeof(text), e);
    if (r < 0)
        return r;
    if (text[1] || !is_letter(text[0]))
        return tree_err(t, tree_get_nocase(map, "driveLetter"), e,
                        "'driveLetter' is '%s': one letter is expected", text);
    ret->letter[0] = text[0];
    return 0;
}

int v1_letters_parse(const char *file, const char *data, size_t n, struct v1_letter **ret,
                     size_t *ret_n, struct err *e)
{
    _cleanup_(tree_freep) struct tree *t = NULL;
    _cleanup_free_ struct v1_letter *rows = NULL;
    const struct tree_node *list = NULL;
    size_t i = 0;

    if (parse_list(file, data, n, "driveLetterMapping", LETTERS_MAX, &t, &list, e) < 0)
        return -e->no;
    rows = calloc(tree_count(list) + 1, sizeof(*rows));
    if (!rows)
        return err_oom(e);
    for (const struct tree_node *m = list->first; m; m = m->next)
        if (take_letter(t, m, &rows[i++], e) < 0)
            return -e->no;
    *ret = TAKE_PTR(rows);
    *ret_n = i;
    return 0;
}

static int take_count(const struct tree *t, const struct tree_node *map, uint32_t *ret,
                      struct err *e)
{
    const struct tree_node *n = tree_get_nocase(map, "numEntries");
    uint64_t v = 0;

    if (!n)
        return tree_err(t, map, e, "'numEntries' is missing");
    if ((n->type != TREE_NUMBER && n->type != TREE_STRING) ||
        parse_u64(n->text, 1, EVENTS_MAX, &v) < 0)
        return tree_err(t, n, e, "'numEntries' is not a number from 1 to %u", EVENTS_MAX);
    *ret = (uint32_t)v;
    return 0;
}

static int take_event(const struct tree *t, const struct tree_node *map, struct v1_event *ret,
                      struct err *e)
{
    enum win_event_level level;
    struct err scratch = { 0 };
    int r;

    r = take_text(t, map, "logName", true, ret->log, sizeof(ret->log), e);
    if (r == 0)
        r = take_text(t, map, "source", false, ret->source, sizeof(ret->source), e);
    if (r == 0)
        r = take_text(t, map, "level", false, ret->level, sizeof(ret->level), e);
    if (r < 0)
        return r;
    if (events_level_parse(ret->level, &level, &scratch) < 0)
        return tree_err(t, tree_get_nocase(map, "level"), e,
                        "'level' is '%s': Error, Warning, Information or nothing is expected",
                        ret->level);
    return take_count(t, map, &ret->count, e);
}

int v1_events_parse(const char *file, const char *data, size_t n, struct v1_event **ret,
                    size_t *ret_n, struct err *e)
{
    _cleanup_(tree_freep) struct tree *t = NULL;
    _cleanup_free_ struct v1_event *rows = NULL;
    const struct tree_node *list = NULL;
    size_t i = 0;

    if (parse_list(file, data, n, "events", EVENTS_LIST, &t, &list, e) < 0)
        return -e->no;
    rows = calloc(tree_count(list) + 1, sizeof(*rows));
    if (!rows)
        return err_oom(e);
    for (const struct tree_node *m = list->first; m; m = m->next)
        if (take_event(t, m, &rows[i++], e) < 0)
            return -e->no;
    *ret = TAKE_PTR(rows);
    *ret_n = i;
    return 0;
}
