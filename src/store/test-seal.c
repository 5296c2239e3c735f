/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encrypted snapshots: who may read them, and what they share (invariant 8). Damage: test-flip.c,
 * crashes: test-crash.c. */
#include "test-help.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "rand.h"

struct fix {
    char *dir, *path;
    struct store_key *one, *two, *other; /* other: of the same domain as one */
};

static const struct model a = { .volume_bytes = MIB(520) - 4096,
                                .block = { 1, 2, 0, 1, [1023] = 3, [1025] = 4 } };
static const struct model b = { .volume_bytes = MIB(520) - 4096,
                                .block = { 1, 5, 0, 6, [1023] = 3, [1025] = 4 } };

static int set_up(void **state)
{
    struct fix *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };

    f->dir = temp_new();
    f->path = xasprintf("%s/store", f->dir);
    assert_ok(store_create(f->path, &e), &e);
    f->one = test_key(1);
    f->two = test_key(2);
    f->other = test_key(1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *f = *state;

    store_key_free(f->one);
    store_key_free(f->two);
    store_key_free(f->other);
    temp_done(f->dir);
    free(f->path);
    free(f);
    return 0;
}

static struct store *open_with(const struct fix *f, const struct store_key *key)
{
    struct store *s = NULL;
    struct err e = { 0 };

    assert_ok(store_open(f->path, NULL, &s, &e), &e);
    if (key)
        assert_ok(store_add_key(s, key, &e), &e);
    return s;
}

/* In the key's domain, or plain. */
static void snapshot(const struct fix *f, const struct store_key *key, const char *id,
                     const char *parent, const struct model *now, const struct model *changed,
                     struct store_snap_info *ret)
{
    struct store *s = open_with(f, key);

    model_snapshot(s, id, parent, now, changed, ret);
    store_close(s);
}

static void must_be(const struct fix *f, const struct store_key *key, const char *id,
                    const struct model *m)
{
    struct store *s = open_with(f, key);
    struct err e = { 0 };
    int r = model_compare(s, id, m, &e);

    if (r)
        fail_msg("snapshot '%s': %d %s", id, r, e.msg);
    assert_int_equal(check_problems(s, NULL), 0);
    store_close(s);
}

static void encrypted_snapshots_and_increments_read_back(void **state)
{
    struct fix *f = *state;
    struct store_snap_info ia, ib, again;

    snapshot(f, f->one, "a", NULL, &a, NULL, &ia);
    snapshot(f, f->one, "b", "a", &b, &a, &ib);
    assert_int_equal(ia.domain, 1);
    assert_memory_equal(ib.key_id, store_key_id(f->one), STORE_KEY_ID_BYTES);
    assert_true(ib.stored_bytes > 0 && ib.stored_bytes < ia.stored_bytes);
    must_be(f, f->one, "a", &a);
    must_be(f, f->one, "b", &b);
    snapshot(f, f->one, "c", "b", &a, &b, &again); /* back again: inside of a domain it is shared */
    assert_int_equal(again.stored_bytes, 0);
    assert_memory_equal(again.root_sha256, ia.root_sha256, SHA_BYTES);
}

static void must_be_denied(const struct fix *f, const struct store_key *key, const char *id,
                           const char *why)
{
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store *s = open_with(f, key);
    struct store_snap *sn;
    struct err e = { 0 };

    assert_ok(store_snap_open(s, id, &sn, &e), &e);
    assert_int_equal(store_snap_kind(sn, 0), STORE_DATA); /* the map is no secret */
    assert_int_equal(store_snap_may_read(sn, &e), -EACCES);
    assert_int_equal(e.kind, ERR_DENIED);
    err_clear(&e);
    memset(buf, 0x77, STORE_BLOCK_BYTES);
    assert_int_equal(store_snap_read(sn, 0, buf, 512, NULL, &e), -EACCES);
    assert_int_equal(e.kind, ERR_DENIED);
    assert_non_null(strstr(e.msg, why));
    err_clear(&e);
    assert_int_equal(store_snap_read_block(sn, 0, buf, NULL, &e), -EACCES);
    assert_int_equal(e.kind, ERR_DENIED);
    assert_int_equal(buf[0], 0x77);
    store_snap_close(sn);
    store_close(s);
}

static void without_its_key_nothing_is_read(void **state)
{
    struct fix *f = *state;

    snapshot(f, f->one, "a", NULL, &a, NULL, NULL);
    must_be_denied(f, NULL, "a",
                   "snapshot 'a': it is encrypted in key domain 1, and no key of it was given");
    must_be_denied(f, f->two, "a", "and no key of it was given");
    must_be_denied(f, f->other, "a",
                   "it is encrypted in key domain 1 with another key than the one given");
}

/* What packs say without any chain from a root. */
static void a_record_is_not_unpacked_with_another_key(void **state)
{
    struct fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    uint64_t loc[LEAF_ENTRIES];
    struct store_snap *sn;
    struct store *s;
    struct err e = { 0 };

    snapshot(f, f->one, "a", NULL, &a, NULL, NULL);
    s = open_with(f, f->other);
    assert_ok(store_snap_open(s, "a", &sn, &e), &e);
    assert_ok(leaf_load(s, 1, &snap_root(sn)->ref[0], true, loc, &e), &e);
    assert_int_equal(loc_read(s, loc[0], REC_BLOCK, 0, buf, 512, NULL, &e), -EACCES);
    assert_int_equal(e.kind, ERR_DENIED);
    err_clear(&e);
    assert_int_equal(leaf_load(s, 2, &snap_root(sn)->ref[0], false, loc, &e), -EBADMSG);
    store_snap_close(sn);
    store_close(s);
}

static void a_parent_must_be_encrypted_with_the_same_key(void **state)
{
    struct fix *f = *state;
    struct store *s;
    struct err e = { 0 };

    snapshot(f, f->one, "a", NULL, &a, NULL, NULL);
    snapshot(f, NULL, "plain", NULL, &a, NULL, NULL);
    s = open_with(f, f->one);
    assert_true(model_try_snapshot(s, "b", "plain", &b, &a, 1, NULL, &e) < 0);
    assert_string_equal(e.msg,
                        "snapshot 'b' and its parent 'plain' are not encrypted with the same key");
    store_close(s);
    s = open_with(f, NULL);
    err_clear(&e);
    assert_true(model_try_snapshot(s, "b", "a", &b, &a, 1, NULL, &e) < 0);
    store_close(s);
    s = open_with(f, f->other);
    err_clear(&e);
    assert_true(model_try_snapshot(s, "b", "a", &b, &a, 1, NULL, &e) < 0);
    assert_int_equal(e.kind, ERR_INVALID);
    store_close(s);
    s = open_with(f, NULL);
    err_clear(&e);
    {
        struct store_writer_spec spec = { .id = "b", .volume_bytes = MIB(1), .domain = 1 };
        struct store_writer *w = NULL;

        assert_int_equal(store_writer_open(s, &spec, &w, &e), -EACCES);
        assert_int_equal(e.kind, ERR_DENIED);
    }
    store_close(s);
}

/* Every identity of every pack, of blocks or of leaves. */
static size_t identities(const struct fix *f, uint8_t (*out)[SHA_BYTES], uint32_t domain,
                         size_t max)
{
    struct store *s = open_with(f, NULL);
    struct names l = { 0 };
    struct err e = { 0 };
    size_t n = 0;
    uint64_t seq;

    assert_ok(names_list(s, "packs", &l, &e), &e);
    for (size_t i = 0; i < l.n; i++) {
        struct pack *p;

        assert_true(pack_name_parse(l.name[i], ".pack", &seq));
        assert_ok(pack_get(s, seq, &p, &e), &e);
        for (uint32_t k = 0; k < pack_count(p) && pack_domain(p)->domain == domain; k++) {
            assert_true(n < max);
            memcpy(out[n++], pack_entry(p, k)->sha, SHA_BYTES);
        }
        pack_put(s, p);
    }
    names_done(&l);
    store_close(s);
    return n;
}

static void domains_share_nothing_and_names_tell_nothing(void **state) /* 8 */
{
    struct fix *f = *state;
    static uint8_t zero[64][SHA_BYTES], one[64][SHA_BYTES], two[64][SHA_BYTES];
    struct store_snap_info i0, i1, i2;
    size_t n0, n1, n2;

    snapshot(f, NULL, "p", NULL, &a, NULL, &i0);
    snapshot(f, f->one, "q", NULL, &a, NULL, &i1);
    snapshot(f, f->two, "r", NULL, &a, NULL, &i2);
    assert_true(i1.stored_bytes >= i0.stored_bytes && i2.stored_bytes >= i0.stored_bytes);
    assert_memory_not_equal(i0.root_sha256, i1.root_sha256, SHA_BYTES);
    assert_memory_not_equal(i1.root_sha256, i2.root_sha256, SHA_BYTES);
    n0 = identities(f, zero, 0, 64);
    n1 = identities(f, one, 1, 64);
    n2 = identities(f, two, 2, 64);
    assert_int_equal(n0, 6); /* four blocks, two leaves */
    assert_int_equal(n1, 6);
    assert_int_equal(n2, 6);
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            assert_memory_not_equal(zero[i], one[k], SHA_BYTES);
            assert_memory_not_equal(zero[i], two[k], SHA_BYTES);
            assert_memory_not_equal(one[i], two[k], SHA_BYTES);
        }
    must_be(f, NULL, "p", &a);
    must_be(f, f->one, "q", &a);
    must_be(f, f->two, "r", &a);
}

static void zeros_are_not_shared_between_domains_either(void **state)
{
    struct fix *f = *state;
    struct store_writer_spec spec = { .id = "plain", .volume_bytes = GIB(1), .threads = 1 };
    struct store_snap_info i0, i1;
    struct store_writer *w;
    struct store *s = open_with(f, f->one);
    struct err e = { 0 };

    for (unsigned i = 0; i < 2; i++) {
        assert_ok(store_writer_open(s, &spec, &w, &e), &e);
        assert_ok(store_writer_zero(w, 0, 2048, false, &e), &e);
        assert_ok(store_writer_commit(w, i ? &i1 : &i0, &e), &e);
        store_writer_free(w);
        spec.id = "sealed";
        spec.domain = 1;
    }
    assert_memory_not_equal(i0.root_sha256, i1.root_sha256, SHA_BYTES);
    assert_true(i1.stored_bytes > 0);
    assert_int_equal(check_problems(s, NULL), 0);
    store_close(s);
}

static const char marker[] = "a sentence that may lie nowhere on the disk in the clear";

static bool lies_in(const char *path)
{
    _cleanup_free_ char *text = NULL;
    size_t n = 0;
    struct err e = { 0 };

    assert_ok(file_read(path, MIB(16), &text, &n, &e), &e);
    return memmem(text, n, marker, sizeof marker - 1) != NULL;
}

static bool lies_in_packs(const struct fix *f)
{
    struct store *s = open_with(f, NULL);
    struct names l = { 0 };
    struct err e = { 0 };
    bool found = false;

    assert_ok(names_list(s, "packs", &l, &e), &e);
    for (size_t i = 0; i < l.n; i++) {
        _cleanup_free_ char *path = xasprintf("%s/packs/%s", f->path, l.name[i]);

        found = found || lies_in(path);
    }
    names_done(&l);
    store_close(s);
    return found;
}

static void plain_text_is_nowhere_on_the_disk(void **state) /* 8 */
{
    struct fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_writer_spec spec = { .id = "s", .volume_bytes = MIB(1), .domain = 1 };
    struct err e = { 0 };

    for (unsigned i = 0; i < 2; i++) {
        struct store *s = open_with(f, f->one);
        struct store_writer *w;

        rand_bytes(buf, STORE_BLOCK_BYTES); /* stored as it is */
        memcpy(buf + 100, marker, sizeof marker);
        assert_ok(store_writer_open(s, &spec, &w, &e), &e);
        assert_ok(store_writer_block(w, 0, buf, &e), &e);
        assert_ok(store_writer_commit(w, NULL, &e), &e);
        store_writer_free(w);
        store_close(s);
        assert_int_equal(lies_in_packs(f), i == 1); /* else this test would see nothing */
        spec.id = "p";
        spec.domain = 0;
    }
}

static void the_check_says_what_it_could_not_verify(void **state)
{
    struct fix *f = *state;
    struct store_check_report r;
    struct store *s;

    snapshot(f, f->one, "a", NULL, &a, NULL, NULL);
    snapshot(f, f->two, "b", NULL, &a, NULL, NULL);
    s = open_with(f, NULL);
    assert_int_equal(check_problems(s, &r), 0);
    assert_int_equal(r.sealed, 8);
    store_close(s);
    s = open_with(f, f->one);
    assert_int_equal(check_problems(s, &r), 0);
    assert_int_equal(r.sealed, 4);
    store_close(s);
    s = open_with(f, f->other);
    assert_int_equal(check_problems(s, &r), 0);
    assert_int_equal(r.sealed, 8);
    store_close(s);
}

static void collection_and_pins_need_no_key(void **state)
{
    struct fix *f = *state;
    struct store_gc_stats gc;
    struct store *s;
    struct err e = { 0 };

    snapshot(f, f->one, "a", NULL, &a, NULL, NULL);
    snapshot(f, f->one, "b", NULL, &b, NULL, NULL);
    s = open_with(f, NULL);
    assert_ok(store_pin(s, "a", "pin", &e), &e);
    assert_ok(store_snap_delete(s, "a", &e), &e);
    assert_ok(store_snap_delete(s, "b", &e), &e);
    assert_ok(store_gc(s, &gc, &e), &e);
    assert_int_equal(gc.packs_removed, 1);
    store_close(s);
    must_be(f, f->one, "pin", &a);
}

/* What a disk's fault cannot make and a forger can: every checksum is right. */
static void a_frame_opens_only_in_its_place_and_with_its_header(void **unused)
{
    static const uint8_t key[KEY_BYTES] = { 1 }, other[KEY_BYTES] = { 2 };
    uint8_t plain[64 + SEAL_TAG_BYTES] = "some content", sealed[sizeof plain], p[sizeof plain];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    struct rec_disk d, aad, changed;
    struct err e = { 0 };

    (void)unused;
    rec_build(&d, REC_BLOCK, 1, STORE_BLOCK_BYTES, format_zero_sha);
    d.frame[0].len = put_le32(sizeof plain);
    rec_seal(&d);
    seal_aad(&d, &aad);
    memcpy(sealed, plain, sizeof plain);
    assert_ok(seal_frame(c, key, &aad, 5, 0, sealed, 64, &e), &e);
    assert_memory_not_equal(sealed, plain, 16);
#define OPENS(key, header, slot, frame)                                                            \
    (memcpy(p, sealed, sizeof p), err_clear(&e),                                                   \
     unseal_frame(c, key, header, slot, frame, p, 64, &e) == 0)
    assert_true(OPENS(key, &aad, 5, 0));
    assert_memory_equal(p, plain, 64);
    assert_false(OPENS(other, &aad, 5, 0));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_false(OPENS(key, &aad, 6, 0));
    assert_false(OPENS(key, &aad, 5, 1));
    changed = aad;
    changed.sha[3] ^= 1;
    assert_false(OPENS(key, &changed, 5, 0));
    changed = aad;
    changed.frame[1].len = put_le32(20);
    assert_false(OPENS(key, &changed, 5, 0));
    changed = aad;
    changed.domain = put_le32(2);
    assert_false(OPENS(key, &changed, 5, 0));
    sealed[70] ^= 1; /* the tag */
    assert_false(OPENS(key, &aad, 5, 0));
    EVP_CIPHER_CTX_free(c);
}

/* ---- the file of a key ---- */

static void a_key_is_made_once_and_read_back(void **state)
{
    struct fix *f = *state;
    _cleanup_free_ char *path = xasprintf("%s/default", f->dir);
    _cleanup_(store_key_freep) struct store_key *k = NULL, *l = NULL;
    struct stat st;
    struct err e = { 0 };

    assert_ok(store_key_create(path, 5, &e), &e);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0440);
    assert_int_equal(st.st_size, 96);
    assert_ok(store_key_load(path, &k, &e), &e);
    assert_int_equal(store_key_create(path, 5, &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    err_clear(&e);
    assert_ok(store_key_load(path, &l, &e), &e);
    assert_int_equal(store_key_domain(l), 5);
    assert_memory_equal(store_key_id(k), store_key_id(l), STORE_KEY_ID_BYTES);
}

static void a_damaged_or_foreign_key_is_refused(void **state)
{
    struct fix *f = *state;
    _cleanup_free_ char *path = xasprintf("%s/default", f->dir), *text = NULL;
    struct store_key *k = NULL;
    struct err e = { 0 };
    size_t n = 0;

    assert_int_equal(store_key_load(path, &k, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    err_clear(&e);
    assert_ok(store_key_create(path, 1, &e), &e);
    assert_ok(file_read(path, 96, &text, &n, &e), &e);
    for (size_t i = 0; i < n; i += 5) {
        text[i] ^= 4;
        assert_ok(file_replace(path, text, n, 0440, &e), &e);
        assert_int_equal(store_key_load(path, &k, &e), -EBADMSG);
        assert_int_equal(e.kind, ERR_CORRUPT);
        err_clear(&e);
        text[i] ^= 4;
    }
    assert_ok(file_replace(path, text, n - 1, 0440, &e), &e);
    assert_true(store_key_load(path, &k, &e) < 0);
    assert_null(k);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        T(encrypted_snapshots_and_increments_read_back),
        T(without_its_key_nothing_is_read),
        T(a_record_is_not_unpacked_with_another_key),
        T(a_parent_must_be_encrypted_with_the_same_key),
        T(domains_share_nothing_and_names_tell_nothing),
        T(zeros_are_not_shared_between_domains_either),
        T(plain_text_is_nowhere_on_the_disk),
        T(the_check_says_what_it_could_not_verify),
        T(collection_and_pins_need_no_key),
        cmocka_unit_test(a_frame_opens_only_in_its_place_and_with_its_header),
        T(a_key_is_made_once_and_read_back),
        T(a_damaged_or_foreign_key_is_refused),
    };

    return test_run(tests);
}
