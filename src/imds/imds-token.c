/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A token: 1 byte version, 7 random bytes, 8 bytes end (big endian, milliseconds of our clock), 24
 * bytes of HMAC-SHA256 over all that, the generation and the instance id. Written in the alphabet
 * of base64 that has '-' and '_', as EC2's are: scripts put them into all kinds of quotes. */
#include "imds-token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "parse.h"
#include "rand.h"

#define TOKEN_VERSION 1
#define END_AT        8U
#define MAC_AT        16U
#define MAC_BYTES     24U
#define TOKEN_BYTES   (MAC_AT + MAC_BYTES)
#define ID_MAX        64U
#define CONTEXT       "kiln imds token"

static void swap_letters(char *text, const char from[2], const char to[2])
{
    for (; *text; text++)
        *text = *text == from[0] ? to[0] : *text == from[1] ? to[1] : *text;
}

static void put_be64(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get_be64(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

void token_key_init(struct token_key *k)
{
    rand_bytes(k->secret, sizeof k->secret);
    rand_bytes(&k->epoch, sizeof k->epoch);
    k->epoch >>= 16; /* sums with any clock stay far from the end */
}

void token_key_done(struct token_key *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}

/* The id comes last, so that no two inputs are the same bytes. */
static int token_mac(const struct token_key *k, const char *id, uint64_t generation,
                     const uint8_t head[MAC_AT], uint8_t out[EVP_MAX_MD_SIZE])
{
    uint8_t text[sizeof CONTEXT + MAC_AT + 8 + ID_MAX];
    size_t n = sizeof CONTEXT, id_len = strlen(id);
    unsigned len = 0;

    if (id_len > ID_MAX)
        return -ENAMETOOLONG;
    memcpy(text, CONTEXT, n);
    memcpy(text + n, head, MAC_AT);
    n += MAC_AT;
    put_be64(text + n, generation);
    n += 8;
    memcpy(text + n, id, id_len);
    n += id_len;
    return HMAC(EVP_sha256(), k->secret, (int)sizeof k->secret, text, n, out, &len) ? 0 : -EIO;
}

int token_make(const struct token_key *k, const char *instance_id, uint64_t generation,
               uint32_t ttl_s, uint64_t now_ms, char ret[TOKEN_TEXT])
{
    uint8_t b[TOKEN_BYTES] = { TOKEN_VERSION }, mac[EVP_MAX_MD_SIZE];
    _cleanup_free_ char *text = NULL;
    int r;

    rand_bytes(b + 1, END_AT - 1);
    put_be64(b + END_AT, now_ms + k->epoch + ttl_s * 1000ULL);
    r = token_mac(k, instance_id, generation, b, mac);
    if (r < 0)
        return r;
    memcpy(b + MAC_AT, mac, MAC_BYTES);
    text = base64_encode(b, sizeof b);
    if (!text)
        return -ENOMEM;
    swap_letters(text, "+/", "-_");
    memcpy(ret, text, TOKEN_TEXT);
    return 0;
}

/* The decoder skips blanks; a token has none. */
static bool read_token(const char *text, uint8_t out[TOKEN_BYTES])
{
    _cleanup_free_ void *raw = NULL;
    char plain[TOKEN_TEXT];
    size_t n = 0;

    if (strlen(text) != TOKEN_CHARS || strpbrk(text, "+/ \t\r\n\v\f"))
        return false;
    memcpy(plain, text, TOKEN_TEXT);
    swap_letters(plain, "-_", "+/");
    if (base64_decode(plain, &raw, &n) < 0 || n != TOKEN_BYTES)
        return false;
    memcpy(out, raw, TOKEN_BYTES);
    return out[0] == TOKEN_VERSION;
}

int token_check(const struct token_key *k, const char *instance_id, uint64_t generation,
                const char *text, uint64_t now_ms, uint32_t *ret_left_s)
{
    uint8_t b[TOKEN_BYTES], mac[EVP_MAX_MD_SIZE];
    uint64_t end, now = now_ms + k->epoch;

    if (!read_token(text, b) || token_mac(k, instance_id, generation, b, mac) < 0)
        return 0;
    if (CRYPTO_memcmp(mac, b + MAC_AT, MAC_BYTES) != 0)
        return 0;
    end = get_be64(b + END_AT);
    if (end <= now)
        return 0;
    *ret_left_s = (uint32_t)div_up_u64(end - now, 1000);
    return 1;
}
