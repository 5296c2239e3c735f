/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings of regions: one has a row when something was ever changed in it. */
#include "model-priv.h"

int model_region_encrypts(struct model *m, const char *region, bool *ret, struct err *e)
{
    uint64_t v = 0;
    int r = db_u64(m, "SELECT encrypts FROM regions WHERE region = ?1", BINDS(T(region)), &v, e);

    if (r < 0)
        return r;
    *ret = r > 0 && v;
    return 0;
}

int model_region_encrypts_set(struct model *m, const char *region, bool on, struct err *e)
{
    return db_exec(m,
                   "INSERT INTO regions (region, encrypts) VALUES (?1, ?2)"
                   " ON CONFLICT (region) DO UPDATE SET encrypts = ?2",
                   BINDS(T(region), U(on)), e);
}
