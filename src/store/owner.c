/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "owner.h"

#include "store-priv.h"

struct wanted {
    uint64_t loc;
    struct err *e; /* to put the owner's name before */
};

/* 1: it is in this root. A map that cannot be read is passed over. */
static int look_in_root(struct store *s, const char *what, const char *name,
                        const struct root *root, const struct wanted *w)
{
    for (uint32_t at = 0; at < root->leaves; at++) {
        uint64_t loc[LEAF_ENTRIES], where = get_le64(root->ref[at].loc);
        struct err scratch = { 0 };

        if (where == w->loc) {
            (void)err_wrap(w->e, "leaf %" PRIu32 " of %s '%s'", at, what, name);
            return 1;
        }
        if (where == LOC_HOLE ||
            leaf_load(s, root->info.domain, &root->ref[at], false, loc, &scratch) < 0)
            continue;
        for (unsigned i = 0; i < LEAF_ENTRIES; i++)
            if (loc[i] == w->loc) {
                (void)err_wrap(w->e, "block %" PRIu64 " of %s '%s'",
                               (uint64_t)at * LEAF_ENTRIES + i, what, name);
                return 1;
            }
    }
    return 0;
}

static int look_in(struct store *s, const char *dir, const char *what, const struct wanted *w)
{
    _cleanup_(names_done) struct names l = { 0 };
    struct err scratch = { 0 };
    int found = names_list(s, dir, &l, &scratch) < 0;

    for (size_t i = 0; !found && i < l.n; i++) {
        _cleanup_(root_done) struct root root = { 0 };

        err_clear(&scratch);
        if (name_is_ok(l.name[i]) && root_load(s, dir, l.name[i], &root, &scratch) == 0)
            found = look_in_root(s, what, l.name[i], &root, w);
    }
    return found;
}

void owner_tell(struct store *s, uint64_t loc, struct err *e)
{
    struct wanted w = { loc, e };

    if (!look_in(s, "snaps", "snapshot", &w))
        (void)look_in(s, "pins", "pin", &w);
}
