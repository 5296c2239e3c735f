/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AES-256-GCM over the packed frames of a record. */
#include "seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define NONCE_BYTES 12

static EVP_CIPHER *gcm;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

void seal_aad(const struct rec_disk *d, struct rec_disk *out)
{
    *out = *d;
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        out->frame[i].crc = put_le32(0);
    out->crc = put_le32(0);
}

static bool begin(EVP_CIPHER_CTX *c, const uint8_t key[KEY_BYTES], const struct rec_disk *aad,
                  uint32_t slot, uint32_t frame, int encrypt)
{
    uint8_t nonce[NONCE_BYTES] = { 0 };
    le32 a = put_le32(slot), b = put_le32(frame);
    int n;

    (void)pthread_once(&once, set_up); /* cannot fail with these arguments */
    memcpy(nonce, &a, sizeof a);
    memcpy(nonce + sizeof a, &b, sizeof b);
    return gcm && EVP_CipherInit_ex2(c, gcm, key, nonce, encrypt, NULL) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)aad, sizeof *aad) == 1;
}

int seal_frame(EVP_CIPHER_CTX *c, const uint8_t key[KEY_BYTES], const struct rec_disk *aad,
               uint32_t slot, uint32_t frame, uint8_t *p, uint32_t n, struct err *e)
{
    int got = 0, rest = 0;

    if (!begin(c, key, aad, slot, frame, 1) || EVP_CipherUpdate(c, p, &got, p, (int)n) != 1 ||
        EVP_CipherFinal_ex(c, p + got, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, p + n) != 1)
        return err_set(e, ENOMEM, ERR_LIMIT, "encrypt a frame: the library failed");
    return 0;
}

int unseal_frame(EVP_CIPHER_CTX *c, const uint8_t key[KEY_BYTES], const struct rec_disk *aad,
                 uint32_t slot, uint32_t frame, uint8_t *p, uint32_t n, struct err *e)
{
    int got = 0, rest = 0;

    if (!begin(c, key, aad, slot, frame, 0) ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, p + n) != 1 ||
        EVP_CipherUpdate(c, p, &got, p, (int)n) != 1)
        return err_set(e, ENOMEM, ERR_LIMIT, "decrypt frame %u: the library failed", frame);
    if (EVP_CipherFinal_ex(c, p + got, &rest) != 1)
        return err_set(e, EBADMSG, ERR_CORRUPT,
                       "frame %u is not what was encrypted: its tag does not match", frame);
    return 0;
}
