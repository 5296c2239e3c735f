/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of QEMU's, as a message of a known kind. */
#include "qmp.h"

#include <errno.h>

#include "str.h"

static int parse_error(struct qmp_msg *m, const json_t *error, struct err *e)
{
    m->kind = QMP_ERROR;
    m->name = json_string_value(json_object_get(error, "class"));
    m->text = json_string_value(json_object_get(error, "desc"));
    if (!m->name || !m->text)
        return err_set(e, EPROTO, ERR_CORRUPT, "a QMP error without class or text");
    return 0;
}

static int classify(struct qmp_msg *m, struct err *e)
{
    const json_t *id = json_object_get(m->root, "id");
    json_t *v;

    if (json_is_integer(id) && json_integer_value(id) > 0)
        m->id = (uint64_t)json_integer_value(id);
    if ((v = json_object_get(m->root, "QMP"))) {
        m->kind = QMP_GREETING;
        return 0;
    }
    if ((v = json_object_get(m->root, "event"))) {
        m->kind = QMP_EVENT;
        m->name = json_string_value(v);
        m->data = json_object_get(m->root, "data");
        return m->name ? 0 : err_set(e, EPROTO, ERR_CORRUPT, "a QMP event without a name");
    }
    if ((v = json_object_get(m->root, "return"))) {
        m->kind = QMP_RETURN;
        m->data = v;
        return 0;
    }
    if ((v = json_object_get(m->root, "error")))
        return parse_error(m, v, e);
    return err_set(e, EPROTO, ERR_CORRUPT, "a QMP message of no known kind");
}

void qmp_msg_done(struct qmp_msg *m)
{
    json_decref(m->root);
    *m = (struct qmp_msg){ .kind = QMP_KIND_MAX };
}

int qmp_parse(const char *line, size_t len, struct qmp_msg *ret, struct err *e)
{
    struct qmp_msg m = { .kind = QMP_KIND_MAX };
    json_error_t why;
    char shown[64];
    int r;

    if (len > QMP_LINE_MAX)
        return err_set(e, EMSGSIZE, ERR_LIMIT, "a QMP line of %zu bytes", len);
    m.root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(m.root)) {
        json_decref(m.root);
        return err_set(e, EPROTO, ERR_CORRUPT, "a QMP line that is no JSON object: %s",
                       str_show(why.text, shown, sizeof shown));
    }
    r = classify(&m, e);
    if (r < 0) {
        qmp_msg_done(&m);
        return r;
    }
    *ret = m;
    return 0;
}
