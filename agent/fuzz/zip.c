/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_str_ struct str one = STR_INIT(KIB(60)), two = STR_INIT(KIB(60));
    struct err e = { 0 };

    (void)zip_read_only_file(data, size, "f", &one, &e);
    err_clear(&e);
    (void)inflate_raw(data, size, "f", &two, &e);
    return 0;
}
