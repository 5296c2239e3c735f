/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes, RSA, sealed data, the certificate of Remote Desktop. */
#include "win-priv.h"

#include <bcrypt.h>
#include <stdio.h>
#include <string.h>
#include <wincrypt.h>

#define BCRYPT    L"bcrypt.dll"
#define CRYPT32   L"crypt32.dll"
#define RDP_TCP   "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp"
#define CERTS_MAX 1000U
#define HASH_SIZE 20U

static int err_nt(struct err *e, NTSTATUS status, const char *what)
{
    return err_set(e, EIO, ERR_OTHER, "%s: status 0x%08lx", what, (unsigned long)status);
}

static int random_bytes(struct win *w, void *p, size_t n, struct err *e)
{
    __typeof__(&BCryptGenRandom) fn = DYN(BCRYPT, BCryptGenRandom);
    NTSTATUS s;

    if (!fn)
        return err_no_function(e, "BCryptGenRandom");
    if (n > MIB(1))
        return err_set(e, EINVAL, ERR_LIMIT, "%zu random bytes", n);
    s = fn(NULL, p, (ULONG)n, BCRYPT_USE_SYSTEM_PREFERRED_RNG);
    return s ? err_nt(e, s, "random bytes") : 0;
}

/* BCRYPT_RSAPUBLIC_BLOB: header, exponent, modulus, both big-endian. */
static uint8_t *make_blob(const void *exponent, size_t exponent_n, const void *modulus,
                          size_t modulus_n, ULONG *ret_n, struct err *e)
{
    BCRYPT_RSAKEY_BLOB head = { .Magic = BCRYPT_RSAPUBLIC_MAGIC,
                                .BitLength = (ULONG)modulus_n * 8,
                                .cbPublicExp = (ULONG)exponent_n,
                                .cbModulus = (ULONG)modulus_n };
    uint8_t *b = malloc(sizeof(head) + exponent_n + modulus_n);

    if (!b) {
        (void)err_oom(e);
        return NULL;
    }
    memcpy(b, &head, sizeof(head));
    memcpy(b + sizeof(head), exponent, exponent_n);
    memcpy(b + sizeof(head) + exponent_n, modulus, modulus_n);
    *ret_n = (ULONG)(sizeof(head) + exponent_n + modulus_n);
    return b;
}

static int rsa_encrypt(struct win *w, const void *exponent, size_t exponent_n, const void *modulus,
                       size_t modulus_n, const void *p, size_t n, void *ret, struct err *e)
{
    __typeof__(&BCryptOpenAlgorithmProvider) open = DYN(BCRYPT, BCryptOpenAlgorithmProvider);
    __typeof__(&BCryptCloseAlgorithmProvider) close = DYN(BCRYPT, BCryptCloseAlgorithmProvider);
    __typeof__(&BCryptImportKeyPair) import = DYN(BCRYPT, BCryptImportKeyPair);
    __typeof__(&BCryptDestroyKey) destroy = DYN(BCRYPT, BCryptDestroyKey);
    __typeof__(&BCryptEncrypt) encrypt = DYN(BCRYPT, BCryptEncrypt);
    BCRYPT_ALG_HANDLE rsa = NULL;
    BCRYPT_KEY_HANDLE key = NULL;
    ULONG blob_n = 0, done = 0;
    _cleanup_free_ uint8_t *blob = make_blob(exponent, exponent_n, modulus, modulus_n, &blob_n, e);
    NTSTATUS s;

    if (!blob)
        return -e->no;
    if (!open || !close || !import || !destroy || !encrypt)
        return err_no_function(e, "BCryptEncrypt");
    s = open(&rsa, BCRYPT_RSA_ALGORITHM, NULL, 0);
    if (!s)
        s = import(rsa, NULL, BCRYPT_RSAPUBLIC_BLOB, &key, blob, blob_n, 0);
    if (!s)
        s = encrypt(key, (PUCHAR)(uintptr_t)p, (ULONG)n, NULL, NULL, 0, ret, (ULONG)modulus_n,
                    &done, BCRYPT_PAD_PKCS1);
    if (key)
        (void)destroy(key);
    if (rsa)
        (void)close(rsa, 0);
    if (s)
        return err_nt(e, s, "encrypt with the launch key");
    return done == modulus_n ? 0 : err_set(e, EIO, ERR_OTHER, "a sealed text of %lu bytes", done);
}

static int protect_or_not(bool open, const void *p, size_t n, void **ret, size_t *ret_n,
                          struct err *e)
{
    __typeof__(&CryptProtectData) seal = DYN(CRYPT32, CryptProtectData);
    __typeof__(&CryptUnprotectData) unseal = DYN(CRYPT32, CryptUnprotectData);
    DATA_BLOB in = { .cbData = (DWORD)n, .pbData = (BYTE *)(uintptr_t)p }, out = { 0 };
    DWORD flags = CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN;
    void *copy;
    BOOL ok;

    if (!seal || !unseal)
        return err_no_function(e, "CryptProtectData");
    ok = open ? unseal(&in, NULL, NULL, NULL, NULL, flags, &out)
              : seal(&in, NULL, NULL, NULL, NULL, flags, &out);
    if (!ok)
        return err_win32(e, GetLastError(), open ? "open sealed data" : "seal data");
    copy = malloc((size_t)out.cbData + 1);
    if (copy) {
        memcpy(copy, out.pbData, out.cbData);
        ((char *)copy)[out.cbData] = '\0';
        *ret = copy;
        *ret_n = out.cbData;
    }
    mem_wipe(out.pbData, out.cbData);
    LocalFree(out.pbData);
    return copy ? 0 : err_oom(e);
}

static int protect(struct win *w, const void *p, size_t n, void **ret, size_t *ret_n, struct err *e)
{
    return protect_or_not(false, p, n, ret, ret_n, e);
}

static int unprotect(struct win *w, const void *p, size_t n, void **ret, size_t *ret_n,
                     struct err *e)
{
    return protect_or_not(true, p, n, ret, ret_n, e);
}

/* ---- certificates ---- */

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void fill_cert(PCCERT_CONTEXT c, struct win_cert *out)
{
    __typeof__(&CertGetCertificateContextProperty) get =
        DYN(CRYPT32, CertGetCertificateContextProperty);
    __typeof__(&CertGetNameStringW) name_of = DYN(CRYPT32, CertGetNameStringW);
    uint8_t hash[HASH_SIZE] = { 0 };
    DWORD n = HASH_SIZE;
    wchar_t name[256] = { 0 };

    *out = (struct win_cert){ 0 };
    if (get && get(c, CERT_SHA1_HASH_PROP_ID, hash, &n))
        for (DWORD i = 0; i < HASH_SIZE; i++)
            (void)snprintf(out->thumbprint + (size_t)i * 2, 3, "%02X", hash[i]);
    if (name_of)
        (void)name_of(c, CERT_NAME_SIMPLE_DISPLAY_TYPE, 0, NULL, name, 256);
    win_narrow_into(name, out->subject, sizeof(out->subject));
}

/* In the registry, where the store lies: one without certificates need not be opened, so that a
 * machine without any loads no crypt32 (in Wine with it user32, gdi32 and the host's fonts). */
static bool is_empty(struct win *w, const char *store)
{
    static const char *const roots[] = { "HKLM\\SOFTWARE\\Microsoft\\SystemCertificates",
                                         "HKLM\\SOFTWARE\\Policies\\Microsoft\\SystemCertificates",
                                         "HKLM\\SOFTWARE\\Microsoft\\EnterpriseCertificates" };

    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        _cleanup_free_ struct win_name *names = NULL;
        struct str key = STR_INIT(256);
        struct err ignore = { 0 };
        size_t n = 0;
        int r;

        str_addf(&key, "%s\\%s\\Certificates", roots[i], store);
        r = w->reg_keys(w, str_text(&key), &names, &n, &ignore);
        str_done(&key);
        if (r < 0 || n) /* what we may not read we do not call empty */
            return false;
    }
    return true;
}

/* The certificate with that hash, or (hash NULL) the one that is valid from the latest day. */
static bool look_in(const wchar_t *store_name, const uint8_t *hash, struct win_cert *out)
{
    __typeof__(&CertOpenStore) open = DYN(CRYPT32, CertOpenStore);
    __typeof__(&CertCloseStore) close = DYN(CRYPT32, CertCloseStore);
    __typeof__(&CertEnumCertificatesInStore) next = DYN(CRYPT32, CertEnumCertificatesInStore);
    __typeof__(&CertGetCertificateContextProperty) get =
        DYN(CRYPT32, CertGetCertificateContextProperty);
    HCERTSTORE store;
    PCCERT_CONTEXT c = NULL;
    FILETIME best = { 0 };
    bool found = false;

    if (!open || !close || !next || !get)
        return false;
    store = open(CERT_STORE_PROV_SYSTEM_W, 0, 0,
                 CERT_SYSTEM_STORE_LOCAL_MACHINE | CERT_STORE_READONLY_FLAG |
                     CERT_STORE_OPEN_EXISTING_FLAG,
                 store_name);
    if (!store)
        return false;
    for (unsigned i = 0; i < CERTS_MAX && (c = next(store, c)) != NULL; i++) {
        uint8_t mine[HASH_SIZE] = { 0 };
        DWORD n = HASH_SIZE;
        bool take;

        (void)get(c, CERT_SHA1_HASH_PROP_ID, mine, &n);
        take = hash ? memcmp(mine, hash, HASH_SIZE) == 0
                    : CompareFileTime(&c->pCertInfo->NotBefore, &best) > 0;
        if (take) {
            best = c->pCertInfo->NotBefore;
            fill_cert(c, out);
            found = true;
        }
    }
    (void)close(store, 0);
    return found;
}

static bool find_cert(struct win *w, const char *store, const uint8_t *hash, struct win_cert *ret)
{
    struct err ignore = { 0 };
    _cleanup_free_ wchar_t *wide = is_empty(w, store) ? NULL : win_wide(store, &ignore);

    return wide && look_in(wide, hash, ret);
}

static int certificate(struct win *w, struct win_cert *ret, struct err *e)
{
    static const char *const values[] = { "SSLCertificateSHA1Hash", "SelfSignedCertificate" };

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        _cleanup_free_ struct win_reg *v = NULL;
        int r = w->reg_get(w, RDP_TCP, values[i], &v, e);

        if (r < 0)
            return r;
        if (r == 0 || v->type != WIN_REG_BYTES || v->len != HASH_SIZE ||
            all_zero((const uint8_t *)v->data, HASH_SIZE))
            continue;
        if (find_cert(w, "Remote Desktop", (const uint8_t *)v->data, ret) ||
            find_cert(w, "MY", (const uint8_t *)v->data, ret))
            return 1;
    }
    return find_cert(w, "Remote Desktop", NULL, ret);
}

static int bind_to_rdp(const struct win_cert *c, struct err *e)
{
    uint8_t hash[HASH_SIZE] = { 0 };
    HKEY k = NULL;
    LONG code;

    for (unsigned i = 0; i < HASH_SIZE; i++) {
        unsigned v = 0;

        (void)sscanf(c->thumbprint + (size_t)i * 2, "%2x", &v);
        hash[i] = (uint8_t)v;
    }
    code = RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                         L"SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\"
                         L"RDP-Tcp",
                         0, KEY_SET_VALUE | KEY_WOW64_64KEY, &k);
    if (!code) {
        code = RegSetValueExW(k, L"SSLCertificateSHA1Hash", 0, REG_BINARY, hash, HASH_SIZE);
        RegCloseKey(k);
    }
    return code ? err_win32(e, (DWORD)code, "bind the certificate to Remote Desktop") : 0;
}

/* A key in the machine's own container, so that the listener can use it. */
static DWORD make_key(wchar_t *container, HCRYPTPROV *ret_prov)
{
    HCRYPTKEY key = 0;

    if (!CryptAcquireContextW(ret_prov, container, MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES,
                              CRYPT_NEWKEYSET | CRYPT_MACHINE_KEYSET))
        return GetLastError();
    if (!CryptGenKey(*ret_prov, AT_KEYEXCHANGE, 2048U << 16, &key))
        return GetLastError();
    CryptDestroyKey(key);
    return 0;
}

static DWORD make_and_store(const wchar_t *name, struct win_cert *ret)
{
    __typeof__(&CertStrToNameW) to_name = DYN(CRYPT32, CertStrToNameW);
    __typeof__(&CertCreateSelfSignCertificate) sign = DYN(CRYPT32, CertCreateSelfSignCertificate);
    __typeof__(&CertOpenStore) open = DYN(CRYPT32, CertOpenStore);
    __typeof__(&CertAddCertificateContextToStore) add =
        DYN(CRYPT32, CertAddCertificateContextToStore);
    __typeof__(&CertFreeCertificateContext) release = DYN(CRYPT32, CertFreeCertificateContext);
    __typeof__(&CertCloseStore) close = DYN(CRYPT32, CertCloseStore);
    wchar_t container[64];
    BYTE encoded[512];
    DWORD encoded_n = sizeof(encoded), code;
    HCRYPTPROV prov = 0;
    PCCERT_CONTEXT c = NULL;
    HCERTSTORE store = NULL;

    if (!to_name || !sign || !open || !add || !release || !close)
        return ERROR_CALL_NOT_IMPLEMENTED;
    (void)swprintf(container, 64, L"kiln-rdp-%llx", GetTickCount64());
    if (!to_name(X509_ASN_ENCODING, name, CERT_X500_NAME_STR, NULL, encoded, &encoded_n, NULL))
        return GetLastError();
    code = make_key(container, &prov);
    if (!code) {
        CERT_NAME_BLOB subject = { encoded_n, encoded };
        CRYPT_KEY_PROV_INFO info = { .pwszContainerName = container,
                                     .pwszProvName = (wchar_t *)(uintptr_t)MS_ENH_RSA_AES_PROV_W,
                                     .dwProvType = PROV_RSA_AES,
                                     .dwFlags = CRYPT_MACHINE_KEYSET,
                                     .dwKeySpec = AT_KEYEXCHANGE };
        CRYPT_ALGORITHM_IDENTIFIER algorithm = { .pszObjId =
                                                     (char *)(uintptr_t)szOID_RSA_SHA256RSA };

        c = sign(prov, &subject, 0, &info, &algorithm, NULL, NULL, NULL);
        code = c ? 0 : GetLastError();
    }
    if (!code) {
        store = open(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_LOCAL_MACHINE, L"MY");
        if (!store || !add(store, c, CERT_STORE_ADD_REPLACE_EXISTING, NULL))
            code = GetLastError();
    }
    if (!code)
        fill_cert(c, ret);
    if (c)
        (void)release(c);
    if (store)
        (void)close(store, 0);
    if (prov)
        CryptReleaseContext(prov, 0);
    return code;
}

static int certificate_make(struct win *w, const char *subject, struct win_cert *ret, struct err *e)
{
    struct str name = STR_INIT(300);
    _cleanup_free_ wchar_t *wide = NULL;
    struct win_cert made = { 0 };
    DWORD code;
    int r;

    if (strpbrk(subject, ",=\"+<>#;\r\n"))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no name for a certificate", subject);
    str_addf(&name, "CN=%s", subject);
    wide = win_wide(str_text(&name), e);
    str_done(&name);
    if (!wide)
        return -e->no;
    code = make_and_store(wide, &made);
    if (code)
        return err_win32(e, code, "make a certificate for '%s'", subject);
    r = bind_to_rdp(&made, e);
    if (r == 0)
        *ret = made;
    return r;
}

void win_fill_crypt(struct win *w)
{
    w->random = random_bytes;
    w->rsa_encrypt = rsa_encrypt;
    w->protect = protect;
    w->unprotect = unprotect;
    w->certificate = certificate;
    w->certificate_make = certificate_make;
}
