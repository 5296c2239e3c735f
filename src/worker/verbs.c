/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"

#define BIT(a) (1U << ARG_##a)

const struct verb worker_verbs[] = {
    { "import",
      "--store DIR --snapshot ID --format raw|qcow2|vhd|vhdx|vmdk --source PATH [--key FILE]",
      BIT(STORE) | BIT(SNAPSHOT) | BIT(FORMAT) | BIT(SOURCE),
      BIT(STORE) | BIT(SNAPSHOT) | BIT(FORMAT) | BIT(SOURCE) | BIT(KEY), verb_import },
    { "snapshot",
      "--store DIR --snapshot ID [--parent ID] [--key FILE] --nbd SOCKET --export NAME --size "
      "BYTES",
      BIT(STORE) | BIT(SNAPSHOT) | BIT(NBD) | BIT(EXPORT) | BIT(SIZE),
      BIT(STORE) | BIT(SNAPSHOT) | BIT(PARENT) | BIT(KEY) | BIT(NBD) | BIT(EXPORT) | BIT(SIZE),
      verb_snapshot },
    { "copy", "--store DIR --source ID --snapshot ID [--key FILE]",
      BIT(STORE) | BIT(SOURCE) | BIT(SNAPSHOT), BIT(STORE) | BIT(SOURCE) | BIT(SNAPSHOT) | BIT(KEY),
      verb_copy },
    { "look", "--store DIR --snapshot ID [--key FILE]", BIT(STORE) | BIT(SNAPSHOT),
      BIT(STORE) | BIT(SNAPSHOT) | BIT(KEY), verb_look },
    { "gc", "--store DIR [--key FILE]", BIT(STORE), BIT(STORE) | BIT(KEY), verb_gc },
    { "check", "--store DIR [--shallow] [--key FILE]", BIT(STORE),
      BIT(STORE) | BIT(SHALLOW) | BIT(KEY), verb_check },
    { "windows", "--request FILE [--store DIR --snapshot ID --parent ID --run DIR [--key FILE]]",
      BIT(REQUEST), BIT(REQUEST) | BIT(STORE) | BIT(SNAPSHOT) | BIT(PARENT) | BIT(RUN) | BIT(KEY),
      verb_windows },
    { 0 },
};
