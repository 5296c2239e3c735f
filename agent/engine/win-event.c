/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to the event log the old way (every Windows has it), reading the new way. */
#include "win-priv.h"

#include <stdio.h>
#include <string.h>
#include <winevt.h>

#define WEVTAPI    L"wevtapi.dll"
#define BATCH      16U
#define NEXT_MS    5000U
#define LOGS_KEY   "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog"
#define EVENTS_CAP 1000U

static int make_source(struct win *w, const char *log, const char *source, struct err *e)
{
    struct str key = STR_INIT(512);
    int r;

    str_addf(&key, LOGS_KEY "\\%s\\%s", log, source);
    r = str_check(&key, "a registry key", e);
    if (r == 0)
        r = w->reg_has_key(w, str_text(&key), e);
    if (r == 0)
        r = w->reg_set_u32(w, str_text(&key), "TypesSupported", 7, e);
    str_done(&key);
    return r < 0 ? r : 0;
}

static int event_write(struct win *w, const char *log, const char *source, uint32_t id,
                       enum win_event_level level, const char *text, struct err *e)
{
    _cleanup_free_ wchar_t *name = win_wide(source, e), *line = name ? win_wide(text, e) : NULL;
    const wchar_t *lines[1] = { line };
    WORD type = level == WIN_EVENT_ERROR     ? EVENTLOG_ERROR_TYPE
                : level == WIN_EVENT_WARNING ? EVENTLOG_WARNING_TYPE
                                             : EVENTLOG_INFORMATION_TYPE;
    HANDLE h;
    DWORD code;
    int r = line ? make_source(w, log, source, e) : -e->no;

    if (r < 0)
        return r;
    h = RegisterEventSourceW(NULL, name);
    if (!h)
        return err_win32(e, GetLastError(), "open event source '%s'", source);
    code = ReportEventW(h, type, 0, id, NULL, 1, 0, lines, NULL) ? 0 : GetLastError();
    DeregisterEventSource(h);
    return code ? err_win32(e, code, "write event %u of '%s'", id, source) : 0;
}

struct reader {
    __typeof__(&EvtQuery) query;
    __typeof__(&EvtNext) next;
    __typeof__(&EvtClose) close;
    __typeof__(&EvtRender) render;
    __typeof__(&EvtCreateRenderContext) context_of;
    __typeof__(&EvtOpenPublisherMetadata) publisher;
    __typeof__(&EvtFormatMessage) format;
    EVT_HANDLE context;
};

static int reader_open(struct reader *r, struct err *e)
{
    r->query = DYN(WEVTAPI, EvtQuery);
    r->next = DYN(WEVTAPI, EvtNext);
    r->close = DYN(WEVTAPI, EvtClose);
    r->render = DYN(WEVTAPI, EvtRender);
    r->context_of = DYN(WEVTAPI, EvtCreateRenderContext);
    r->publisher = DYN(WEVTAPI, EvtOpenPublisherMetadata);
    r->format = DYN(WEVTAPI, EvtFormatMessage);
    if (!r->query || !r->next || !r->close || !r->render || !r->context_of || !r->publisher ||
        !r->format)
        return err_no_function(e, "EvtQuery");
    r->context = r->context_of(0, NULL, EvtRenderContextSystem);
    return r->context ? 0 : err_win32(e, GetLastError(), "read events");
}

static void format_message(const struct reader *r, EVT_HANDLE event, const wchar_t *provider,
                           struct win_event *out)
{
    EVT_HANDLE publisher = r->publisher(NULL, provider, NULL, 0, 0);
    wchar_t text[1024];
    DWORD used = 0;
    BOOL ok;

    ok = publisher &&
         r->format(publisher, event, 0, 0, NULL, EvtFormatMessageEvent, 1024, text, &used);
    if (!ok && publisher && GetLastError() == ERROR_INSUFFICIENT_BUFFER && used) {
        wchar_t *big = calloc(used, sizeof(*big));

        if (big && r->format(publisher, event, 0, 0, NULL, EvtFormatMessageEvent, used, big, &used))
            win_narrow_into(big, out->message, sizeof(out->message));
        free(big);
    } else if (ok) {
        win_narrow_into(text, out->message, sizeof(out->message));
    }
    if (publisher)
        (void)r->close(publisher);
}

static bool fill_event(const struct reader *r, EVT_HANDLE event, struct win_event *out)
{
    DWORD used = 0, n = 0;
    _cleanup_free_ EVT_VARIANT *v = NULL;
    uint64_t t;

    (void)r->render(r->context, event, EvtRenderEventValues, 0, NULL, &used, &n);
    if (used == 0 || used > KIB(64))
        return false;
    v = calloc(1, used);
    if (!v || !r->render(r->context, event, EvtRenderEventValues, used, v, &used, &n) ||
        n <= EvtSystemTimeCreated || v[EvtSystemProviderName].Type != EvtVarTypeString)
        return false;
    win_narrow_into(v[EvtSystemProviderName].StringVal, out->source, sizeof(out->source));
    out->level = v[EvtSystemLevel].ByteVal == 0   ? WIN_EVENT_INFO
                 : v[EvtSystemLevel].ByteVal == 1 ? WIN_EVENT_ERROR
                                                  : (enum win_event_level)v[EvtSystemLevel].ByteVal;
    t = v[EvtSystemTimeCreated].FileTimeVal;
    out->time_ms = win_unix_ms((FILETIME){ (DWORD)t, (DWORD)(t >> 32) });
    format_message(r, event, v[EvtSystemProviderName].StringVal, out);
    return true;
}

/* The XPath of what is wanted; a source with quotes cannot be named. */
static int make_query(const char *source, enum win_event_level level, struct str *q, struct err *e)
{
    static const char *const levels[] = { [WIN_EVENT_ERROR] = "(Level=1 or Level=2)",
                                          [WIN_EVENT_WARNING] = "(Level=3)",
                                          [WIN_EVENT_INFO] = "(Level=0 or Level=4)" };
    bool has_level =
        level == WIN_EVENT_ERROR || level == WIN_EVENT_WARNING || level == WIN_EVENT_INFO;

    if (source && strpbrk(source, "'\"&<>"))
        return err_set(e, EINVAL, ERR_INVALID, "event source '%s'", source);
    if (!source && !has_level) {
        str_add(q, "*");
        return 0;
    }
    str_add(q, "*[System[");
    if (source)
        str_addf(q, "Provider[@Name='%s']%s", source, has_level ? " and " : "");
    if (has_level)
        str_add(q, levels[level]);
    str_add(q, "]]");
    return str_check(q, "a query", e);
}

static size_t read_events(const struct reader *r, EVT_HANDLE q, struct win_event *list, size_t max)
{
    EVT_HANDLE batch[BATCH];
    DWORD got = 0;
    size_t n = 0;

    while (n < max && r->next(q, BATCH, batch, NEXT_MS, 0, &got) && got) {
        for (DWORD i = 0; i < got; i++) {
            if (n < max && fill_event(r, batch[i], &list[n]))
                n++;
            (void)r->close(batch[i]);
        }
    }
    return n;
}

static void turn_round(struct win_event *list, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct win_event t = list[i];

        list[i] = list[n - 1 - i];
        list[n - 1 - i] = t;
    }
}

static int events(struct win *w, const char *log, const char *source, enum win_event_level level,
                  size_t max, struct win_event **ret, size_t *ret_n, struct err *e)
{
    struct reader reader = { 0 };
    struct str q = STR_INIT(KIB(1));
    _cleanup_free_ wchar_t *wide = NULL, *name = win_wide(log, e);
    struct win_event *list = NULL;
    EVT_HANDLE query = NULL;
    int r = name ? make_query(source, level, &q, e) : -e->no;

    if (r == 0)
        wide = win_wide(str_text(&q), e);
    str_done(&q);
    r = wide ? reader_open(&reader, e) : -e->no;
    if (r < 0)
        return r;
    max = max > EVENTS_CAP ? EVENTS_CAP : max;
    query = reader.query(NULL, name, wide, EvtQueryChannelPath | EvtQueryReverseDirection);
    if (!query)
        r = err_win32(e, GetLastError(), "read event log '%s'", log);
    list = calloc(max + 1, sizeof(*list));
    if (r == 0 && !list)
        r = err_oom(e);
    if (r == 0) {
        *ret_n = read_events(&reader, query, list, max);
        turn_round(list, *ret_n);
        *ret = TAKE_PTR(list);
    }
    free(list);
    if (query)
        (void)reader.close(query);
    (void)reader.close(reader.context);
    return r;
}

void win_fill_event(struct win *w)
{
    w->event_write = event_write;
    w->events = events;
}
