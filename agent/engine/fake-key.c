/* SPDX-License-Identifier: Apache-2.0 */
/* The fake instance's metadata and the launch key of its owner. The private key below was made for
 * these tests and guards nothing. */
#include "engine/fake.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

static const char launch_key[] =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDEtMUchQWWH/g03lsUMD6w1gmmq0nBIDwnZNTtdq6Ui8uM"
    "y5CrHy0eSdkag+QE4iYYlyBpP/l1QG7j3XtBEaQMlfJzklkmSWawaAi4eKg3kYqBZKWqxMlxuunVNDiPPvpa"
    "3GDOzU84y5AtYJYGZc8GXVC0eSvEWvmb1Aa5obKet26oIxsx/p0u4lsIw651pwML5cDPxiCHJbgXmcsWU+7J"
    "rQ66L09YcwMfZLxju81JGwTNUTkGH9JoK204yxPfQ0D6xXmzDKTbD8WCKxi3sKsEbpAourfFeJJLlyQE+9es"
    "HBnw7yJQYIzg1ngWy1BZvgsLLvett/uPooTkD5//b4m9 launch";

static const char private_key[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEogIBAAKCAQEAxLTFHIUFlh/4NN5bFDA+sNYJpqtJwSA8J2TU7XaulIvLjMuQ\n"
    "qx8tHknZGoPkBOImGJcgaT/5dUBu4917QRGkDJXyc5JZJklmsGgIuHioN5GKgWSl\n"
    "qsTJcbrp1TQ4jz76Wtxgzs1POMuQLWCWBmXPBl1QtHkrxFr5m9QGuaGynrduqCMb\n"
    "Mf6dLuJbCMOudacDC+XAz8YghyW4F5nLFlPuya0Oui9PWHMDH2S8Y7vNSRsEzVE5\n"
    "Bh/SaCttOMsT30NA+sV5swyk2w/FgisYt7CrBG6QKLq3xXiSS5ckBPvXrBwZ8O8i\n"
    "UGCM4NZ4FstQWb4LCy73rbf7j6KE5A+f/2+JvQIDAQABAoH/Rg7iRkHxCd2rnc33\n"
    "Hj2+BblOdJZCspqrmDLyaW9brec1B3BPz/13/6hV4EkhbQ9xL3owPmTx2zgTgGc8\n"
    "iyXy+S247nCYcN0GPijf6fz+ssvlUv7cddjivP3Za3Tv+lbjT7L0AYpgHFpTf2JG\n"
    "DJ4txxqmsDUMfmrwtYstbqWoiPb6ebz1wuJDjFzTuFhBHimcz2n0rVU2aZeIAaF0\n"
    "qsWKX20BGDQds4iKJwmzARZJNdTlWMnIIpjgS8LnsqrARrK9nZ/WVFaAQ/dhje8E\n"
    "h4cBJk9Yr4TUOR/rbFgS2ECEwOAXTpDJQ6LS53kVm/Oeipq9WebM3kYubbAn7+Os\n"
    "sHxBAoGBAOWtNLlLB6j1XVma9/XJLdDPseUcOtE7gMRJn1b0VyR0x3WsEJskxhwf\n"
    "HrW/j0vIFF7IUWAIQtep/0609g8N0Rxf1NoLJEYr+ewHL14fsOy8Jsfg9X5ecLAk\n"
    "Z6tACTw21SqOTPNhAxfUFIGb/LLpm7sizzR2sM0mh5L3eCGDPKqhAoGBANtAMvHd\n"
    "+9HRJKuygpDta4HVVHER4QdIHh0Z1HmL0NLkjA0QtNLPckKXIP2xOjpLk168qM9K\n"
    "Dn2C0wVzU7CzeSkFseY0b4aESpp5mfsjlC9oOsve0Gn+akAq4hZgftVRZEOaZLIb\n"
    "grThWw95HvG78rKS7ll8MmFgdbtpOfuRzcWdAoGBANGuAh9Tn0eh0bp3Xv6Vzuz+\n"
    "YGNRFWVlVFZe/EgPQ+s1bc9A6dwpg2+y/X9hxfmiTO6HJLtub0+ilEGPtb/illC4\n"
    "MINrfo9NoJnZqWXdutE1qJX8C0N2BpzYb4iJKqU9TfjO9vOOUpuTc7Er7lSMLy92\n"
    "RQKZhSmVjloe8R5vSJhhAoGBAKTj+2x7jk+WAwY+EoP8isXyMrd2ws4/JqasLmfb\n"
    "BwoUaF/LGLMS4NPD5UPmbew5unOdXzfGcm9iXGHVAjP6Rjzb05dWCCoahCD5Ix0E\n"
    "/QVKVi3NPOD6Pd5UYgSCPeEgfU96ZhCtL/fpJBrW9LbIqxYx+p/CEAG8Ec8IrFrO\n"
    "pPrhAoGAP0iC3qqdiQiK97rQZW5WXPawOntQHgFbA6i7BwnDn2bUz1OogDwqUlp+\n"
    "1F2PVw8jQtzo5z18+yiDf3ZqwfxMmZCburGhOHX98Q0weGWHMs29PXxvReahrxNk\n"
    "SAhfS119gtvIUx1577TiWg5XaYD6OXk5GIFoTufb5+DQi9+PgX0=\n"
    "-----END RSA PRIVATE KEY-----\n";

void fake_metadata_instance(struct fake *f)
{
    static const char *const tree[][2] = {
        { "meta-data/", "ami-id\ninstance-id\n" },
        { "meta-data/ami-id", "ami-0123456789abcdef0" },
        { "meta-data/instance-id", "i-0123456789abcdef0" },
        { "meta-data/instance-type", "m5.large" },
        { "meta-data/local-ipv4", "10.0.1.5" },
        { "meta-data/public-ipv4", "203.0.113.5" },
        { "meta-data/mac", "02:00:00:00:00:05" },
        { "meta-data/placement/availability-zone", "eu-test-1a" },
        { "meta-data/placement/region", "eu-test-1" },
        { "meta-data/public-keys/0/openssh-key", launch_key },
        { "meta-data/hibernation/configured", "false" },
        { "meta-data/block-device-mapping/", "ami\nroot" },
        { "meta-data/block-device-mapping/ami", "/dev/sda1" },
        { "meta-data/block-device-mapping/root", "/dev/sda1" },
        { "dynamic/instance-identity/document",
          "{\n  \"accountId\" : \"111122223333\",\n  \"billingProducts\" : [ \"bp-6ba54002\" ],\n"
          "  \"region\" : \"eu-test-1\"\n}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(tree); i++)
        fake_metadata(f, tree[i][0], tree[i][1]);
}

char *fake_unseal(const char *base64)
{
    BIO *bio = BIO_new_mem_buf(private_key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    _cleanup_free_ uint8_t *sealed = NULL;
    char clear[512];
    size_t n = 0, clear_n = sizeof(clear);
    char *ret = NULL;

    if (base64_decode(base64, strlen(base64), &sealed, &n) == 0 &&
        EVP_PKEY_decrypt_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_decrypt(ctx, (unsigned char *)clear, &clear_n, sealed, n) == 1)
        ret = str_dup_n(clear, clear_n);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ret;
}
