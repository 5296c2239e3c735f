/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "records.h"

#include <errno.h>
#include <string.h>

#include "parse.h"

static json_t *read_int(const char *text)
{
    _cleanup_free_ char *digits = strndup(text, strspn(text, "0123456789"));
    uint64_t v = 0;

    if (!digits || parse_u64(digits, 0, INT64_MAX, &v) < 0)
        return json_null();
    return json_integer((json_int_t)v);
}

static json_t *text_or_empty(const char *text)
{
    json_t *s = json_string(text);

    return s ? s : json_string(""); /* not UTF-8: libxml2 lets none pass */
}

static int add_tag(const xmlNode *n, void *userdata)
{
    json_object_set_new(userdata, xml_text_at(n, "key"), text_or_empty(xml_text_at(n, "value")));
    return 0;
}

static json_t *read_tags(const xmlNode *item)
{
    json_t *tags = json_object();

    (void)xml_each(item, "tagSet/item", add_tag, tags);
    return tags;
}

static json_t *read_name(const xmlNode *item)
{
    _cleanup_json_ json_t *tags = read_tags(item);
    json_t *name = json_object_get(tags, "Name");

    return name ? json_incref(name) : json_string("");
}

struct list {
    const struct field *fields;
    json_t *array;
};

static int add_record(const xmlNode *n, void *userdata)
{
    struct list *l = userdata;

    json_array_append_new(l->array, record_read(l->fields, n));
    return 0;
}

static json_t *read_list(const struct field *fields, const char *path, const xmlNode *n)
{
    struct list l = { .fields = fields, .array = json_array() };

    (void)xml_each(n, path, add_record, &l);
    return l.array;
}

static json_t *read_field(const struct field *f, const xmlNode *item)
{
    switch (f->type) {
    case FIELD_TEXT:
        return text_or_empty(xml_text_at(item, f->path));
    case FIELD_INT:
        return read_int(xml_text_at(item, f->path));
    case FIELD_BOOL:
        return json_boolean(str_eq(xml_text_at(item, f->path), "true"));
    case FIELD_NAME:
        return read_name(item);
    case FIELD_TAGS:
        return read_tags(item);
    case FIELD_LIST:
        return read_list(f->sub, f->path, item);
    case FIELD_TYPE_MAX:
        break;
    }
    return json_null();
}

json_t *record_read(const struct field *fields, const xmlNode *item)
{
    json_t *o = json_object();

    for (const struct field *f = fields; f->key; f++)
        json_object_set_new(o, f->key, read_field(f, item));
    return o;
}

json_t *records_read(enum kind k, const xmlNode *root)
{
    return records_read_at(k, kind_def(k)->list_path, root);
}

json_t *records_read_at(enum kind k, const char *path, const xmlNode *root)
{
    return read_list(kind_def(k)->fields, path, root);
}

int records_get(struct cli *c, enum kind k, const char *id, json_t **ret, struct err *e)
{
    const struct kind_def *d = kind_def(k);
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    int r;

    query_action(&q, d->action);
    query_addf(&q, id, "%s.1", d->id_param);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    *ret = records_read(k, answer_root(&a));
    return 0;
}

int record_get(struct cli *c, enum kind k, const char *id, json_t **ret, struct err *e)
{
    _cleanup_json_ json_t *all = NULL;
    int r = records_get(c, k, id, &all, e);

    if (r < 0)
        return r;
    if (json_array_size(all) == 0) /* so DescribeImages answers for a deregistered one */
        return err_set(e, ENOENT, ERR_NOT_FOUND, "there is no %s '%s'", kind_def(k)->word, id);
    *ret = json_incref(json_array_get(all, 0));
    return 0;
}

static const json_t *find_by_id(const json_t *records, const char *id)
{
    size_t i;
    json_t *r;

    json_array_foreach (records, i, r) {
        if (str_eq(rec_text(r, "id"), id))
            return r;
    }
    return NULL;
}

static void join_disk(json_t *disk, const json_t *volumes)
{
    static const char *const keys[] = { "size_gib", "fill_done", "fill_total", "fill_bytes_per_s",
                                        "store_bytes_read" };
    const json_t *v = find_by_id(volumes, rec_text(disk, "volume"));

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_t *value = v ? json_object_get(v, keys[i]) : NULL;

        json_object_set_new(disk, keys[i], value ? json_incref(value) : json_null());
    }
}

int records_join_volumes(struct cli *c, json_t *instances, struct err *e)
{
    _cleanup_json_ json_t *volumes = NULL;
    size_t i, k;
    json_t *instance, *disk;
    int r;

    if (json_array_size(instances) == 0)
        return 0;
    r = records_get(c, KIND_VOLUME, NULL, &volumes, e);
    if (r < 0)
        return r;
    json_array_foreach (instances, i, instance) {
        json_array_foreach (json_object_get(instance, "disks"), k, disk)
            join_disk(disk, volumes);
    }
    return 0;
}

int records_join_snapshots(struct cli *c, json_t *image, struct err *e)
{
    static const char *const keys[] = { "bytes_read", "bytes_stored" };
    _cleanup_json_ json_t *snapshots = NULL;
    int r = records_get(c, KIND_SNAPSHOT, NULL, &snapshots, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        uint64_t sum = 0;
        size_t k;
        json_t *disk;

        if (!json_is_null(json_object_get(image, keys[i])))
            continue;
        json_array_foreach (json_object_get(image, "disks"), k, disk) {
            const json_t *s = find_by_id(snapshots, rec_text(disk, "snapshot"));

            sum += s ? rec_int(s, keys[i], 0) : 0;
        }
        json_object_set_new(image, keys[i], json_integer((json_int_t)sum));
    }
    return 0;
}

const char *rec_text(const json_t *record, const char *key)
{
    const char *s = json_string_value(json_object_get(record, key));

    return s ? s : "";
}

uint64_t rec_int(const json_t *record, const char *key, uint64_t fallback)
{
    const json_t *v = json_object_get(record, key);

    return json_is_integer(v) ? (uint64_t)json_integer_value(v) : fallback;
}
