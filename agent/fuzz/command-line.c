/* SPDX-License-Identifier: Apache-2.0 */
/* Raw command lines: every word ends, none is empty, no quote is left. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ec2config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = str_dup_n((const char *)data, size);
    size_t n = 0;
    char **words = line ? config_words(line, &n) : NULL;

    for (size_t i = 0; words && i < n; i++)
        assert(*words[i] && !strpbrk(words[i], "\" \t"));
    free(words);
    free(line);
    return 0;
}
