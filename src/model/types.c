/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instance types by EC2's names. One row each, sorted by name as strcmp sorts. Memory in MiB and
 * instance-store sizes are EC2's own numbers. */
#include "rules.h"

#include <string.h>

enum {
    ENC = 1,   /* volumes may be encrypted */
    BURST = 2, /* CPU credits */
    CUR = 4,   /* current generation */
    FREE = 8,
    NITRO = 16,
    NVME = 32,
};
#define T2  (ENC | BURST | CUR)
#define T3  (ENC | BURST | CUR | NITRO)
#define M5  (ENC | CUR | NITRO)
#define M5D (M5 | NVME)

#define ROW(name, vcpus, mib, disks, gib, f)                                                       \
    {                                                                                              \
        name, vcpus, mib, disks, gib, ((f)&NVME) != 0, ((f)&ENC) != 0, ((f)&BURST) != 0,           \
            ((f)&CUR) != 0, ((f)&FREE) != 0, ((f)&NITRO) != 0                                      \
    }
/* clang-format off */
static const struct instance_type types[] = {
    ROW("m1.large",      2,   7680, 2, 420, 0),
    ROW("m1.medium",     1,   3788, 1, 410, 0),
    ROW("m1.small",      1,   1740, 1, 160, 0),
    ROW("m1.xlarge",     4,  15360, 4, 420, 0),
    ROW("m3.2xlarge",    8,  30720, 2,  80, ENC),
    ROW("m3.large",      2,   7680, 1,  32, ENC),
    ROW("m3.medium",     1,   3840, 1,   4, ENC),
    ROW("m3.xlarge",     4,  15360, 2,  40, ENC),
    ROW("m5.12xlarge",  48, 196608, 0,   0, M5),
    ROW("m5.16xlarge",  64, 262144, 0,   0, M5),
    ROW("m5.24xlarge",  96, 393216, 0,   0, M5),
    ROW("m5.2xlarge",    8,  32768, 0,   0, M5),
    ROW("m5.4xlarge",   16,  65536, 0,   0, M5),
    ROW("m5.8xlarge",   32, 131072, 0,   0, M5),
    ROW("m5.large",      2,   8192, 0,   0, M5),
    ROW("m5.xlarge",     4,  16384, 0,   0, M5),
    ROW("m5d.12xlarge", 48, 196608, 2, 900, M5D),
    ROW("m5d.16xlarge", 64, 262144, 4, 600, M5D),
    ROW("m5d.24xlarge", 96, 393216, 4, 900, M5D),
    ROW("m5d.2xlarge",   8,  32768, 1, 300, M5D),
    ROW("m5d.4xlarge",  16,  65536, 2, 300, M5D),
    ROW("m5d.8xlarge",  32, 131072, 2, 600, M5D),
    ROW("m5d.large",     2,   8192, 1,  75, M5D),
    ROW("m5d.xlarge",    4,  16384, 1, 150, M5D),
    ROW("t1.micro",      1,    627, 0,   0, FREE),
    ROW("t2.2xlarge",    8,  32768, 0,   0, T2),
    ROW("t2.large",      2,   8192, 0,   0, T2),
    ROW("t2.medium",     2,   4096, 0,   0, T2),
    ROW("t2.micro",      1,   1024, 0,   0, T2 | FREE),
    ROW("t2.nano",       1,    512, 0,   0, T2),
    ROW("t2.small",      1,   2048, 0,   0, T2),
    ROW("t2.xlarge",     4,  16384, 0,   0, T2),
    ROW("t3.2xlarge",    8,  32768, 0,   0, T3),
    ROW("t3.large",      2,   8192, 0,   0, T3),
    ROW("t3.medium",     2,   4096, 0,   0, T3),
    ROW("t3.micro",      2,   1024, 0,   0, T3 | FREE),
    ROW("t3.nano",       2,    512, 0,   0, T3),
    ROW("t3.small",      2,   2048, 0,   0, T3),
    ROW("t3.xlarge",     4,  16384, 0,   0, T3),
};
/* clang-format on */

const struct instance_type *instance_type_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

const struct instance_type *instance_type_at(size_t i)
{
    return i < ARRAY_LEN(types) ? &types[i] : NULL;
}
