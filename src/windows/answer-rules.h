/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of what stands where in an answer file: components, elements, kinds of values, in the
 * order that Setup wants. Checking and inserting walk it. */
#pragma once

#include "answer.h"

enum rule_kind {
    RULE_TEXT,
    RULE_BOOL,
    RULE_UINT,    /* min .. max */
    RULE_WORDS,   /* one of words, separated by '|' */
    RULE_NAME,    /* computer name */
    RULE_LOCALE,  /* "en-US" */
    RULE_INPUT,   /* "en-US", "0409:00000409", several with ';' */
    RULE_ZONE,    /* time zone */
    RULE_KEY,     /* product key */
    RULE_COMMAND, /* text of at most ANSWER_COMMAND_MAX characters */
    RULE_GROUP,   /* children of kids */
    RULE_LIST,    /* kids[0] any number of times, with wcm:action */
    RULE_ANY      /* not looked into */
};

#define PASS_BIT(p) (1U << (p))

struct rule {
    const char *name; /* NULL ends a table */
    enum rule_kind kind;
    const struct rule *kids;
    const char *words;
    uint64_t min, max;
    unsigned passes; /* PASS_BITs; 0: those of the component */
    bool once;       /* in a list: its number must not occur twice (Order) */
};

struct rule_component {
    const char *name;
    const struct rule *rules; /* NULL: the component is known, its inside is not looked at */
    unsigned passes;          /* PASS_BITs */
};

/* NULL when it is not in the table. */
const struct rule_component *rule_component_find(const char *name);
const struct rule *rule_find(const struct rule *table, const char *name);
/* Place in the table, or SIZE_MAX. */
size_t rule_index(const struct rule *table, const char *name);
/* The nearest name when it is near enough to be meant, or NULL. */
const char *rule_nearest(const struct rule *table, const char *name);
const char *rule_nearest_component(const char *name);
/* Edits that turn a into b, at most max; max + 1 when more. Case counts nothing. */
unsigned word_distance(const char *a, const char *b, unsigned max);
/* The first wrong thing about a value, into text; false when it is right. */
bool rule_value_is_wrong(const struct rule *r, const char *value, char *text, size_t size);
