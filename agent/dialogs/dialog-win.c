/* SPDX-License-Identifier: Apache-2.0 */
/* A table of controls as a window: a dialog template is built in memory, so that Windows does the
 * units, the font, and the keyboard (Tab, arrows, Alt with a letter, Enter, Escape; Ctrl+Tab and
 * Ctrl+PgUp/PgDn turn pages). */
#include "dialogs/dialog.h"

#include <windows.h>

#include <commctrl.h>
#include <string.h>

#include "lib/str.h"
#include "lib/utf.h"
#include "sysprep/program.h"

#define TEMPLATE_MAX KIB(64)
#define TAB_ID       90
#define TEXT_MAX     KIB(32)

struct window {
    struct dialog_ui ui; /* first */
    const struct dialog *d;
    struct win *w;
    HWND hwnd, tab;
    int code;
    bool changing; /* our own edits are no clicks */
};

/* ---- the template ---- */

struct template
{
    uint16_t *p;
    size_t n, max; /* in words */
    bool full;
};

static void put(struct template *t, uint16_t v)
{
    if (t->n < t->max)
        t->p[t->n++] = v;
    else
        t->full = true;
}

static void put32(struct template *t, uint32_t v)
{
    put(t, (uint16_t)v);
    put(t, (uint16_t)(v >> 16));
}

static void put_text(struct template *t, const char *text)
{
    uint16_t *wide = utf16_from_utf8(text);

    for (size_t i = 0; wide && wide[i]; i++)
        put(t, wide[i]);
    put(t, 0);
    free(wide);
}

static const struct {
    uint16_t class;
    uint32_t style, extended;
} kinds[DIALOG_KIND_MAX] = {
    [DIALOG_CHECK] = { 0x80, BS_AUTOCHECKBOX | WS_TABSTOP, 0 },
    [DIALOG_RADIO] = { 0x80, BS_AUTORADIOBUTTON, 0 },
    [DIALOG_EDIT] = { 0x81, ES_AUTOHSCROLL | WS_TABSTOP, WS_EX_CLIENTEDGE },
    [DIALOG_SECRET] = { 0x81, ES_AUTOHSCROLL | ES_PASSWORD | WS_TABSTOP, WS_EX_CLIENTEDGE },
    [DIALOG_MEMO] = { 0x81, ES_MULTILINE | ES_AUTOVSCROLL | ES_WANTRETURN | WS_VSCROLL | WS_TABSTOP,
                      WS_EX_CLIENTEDGE },
    [DIALOG_BUTTON] = { 0x80, BS_PUSHBUTTON | WS_TABSTOP, 0 },
    [DIALOG_TEXT] = { 0x82, SS_LEFT, 0 },
    [DIALOG_GROUP] = { 0x80, BS_GROUPBOX, 0 },
};

static void put_item(struct template *t, const struct dialog_item *i, uint16_t id)
{
    uint32_t style = WS_CHILD | kinds[i->kind].style;

    if (i->tab <= 0)
        style |= WS_VISIBLE;
    if (i->starts_group || i->kind != DIALOG_RADIO)
        style |= WS_GROUP;
    if (i->starts_group)
        style |= WS_TABSTOP;
    if (i->id == DIALOG_OK)
        style = (style & ~(uint32_t)BS_TYPEMASK) | BS_DEFPUSHBUTTON;
    if (t->n % 2)
        put(t, 0);
    put32(t, style);
    put32(t, kinds[i->kind].extended);
    put(t, (uint16_t)i->x);
    put(t, (uint16_t)i->y);
    put(t, (uint16_t)i->w);
    put(t, (uint16_t)i->h);
    put(t, id);
    put(t, 0xffff);
    put(t, kinds[i->kind].class);
    put_text(t, i->text);
    put(t, 0);
}

static void put_head(struct template *t, const struct dialog *d)
{
    put32(t, DS_SETFONT | DS_MODALFRAME | DS_CENTER | WS_POPUP | WS_CAPTION | WS_SYSMENU |
                 WS_MINIMIZEBOX);
    put32(t, 0);
    put(t, (uint16_t)(d->items_n + (d->tabs ? 1 : 0)));
    put(t, 0);
    put(t, 0);
    put(t, (uint16_t)d->w);
    put(t, (uint16_t)d->h);
    put(t, 0); /* no menu */
    put(t, 0); /* the usual class */
    put_text(t, d->title);
    put(t, 8);
    put_text(t, "MS Shell Dlg");
}

static void put_tab(struct template *t, const struct dialog *d)
{
    if (t->n % 2)
        put(t, 0);
    put32(t, WS_CHILD | WS_VISIBLE | WS_TABSTOP | WS_CLIPSIBLINGS);
    put32(t, 0);
    put(t, 6);
    put(t, 6);
    put(t, (uint16_t)(d->w - 12));
    put(t, (uint16_t)(d->h - 30));
    put(t, TAB_ID);
    put_text(t, "SysTabControl32");
    put(t, 0);
    put(t, 0);
}

/* Texts and frames have no number of their own in the table; each gets one behind the others so
 * that pages can show and hide it. */
static uint16_t item_id(const struct dialog *d, size_t i)
{
    return d->items[i].id ? (uint16_t)d->items[i].id : (uint16_t)(1000 + i);
}

static void *make_template(const struct dialog *d)
{
    struct template t = { .p = calloc(1, TEMPLATE_MAX), .max = TEMPLATE_MAX / sizeof(uint16_t) };

    if (!t.p)
        return NULL;
    put_head(&t, d);
    for (size_t i = 0; i < d->items_n; i++)
        put_item(&t, &d->items[i], item_id(d, i));
    if (d->tabs) /* last: behind the controls of its pages */
        put_tab(&t, d);
    if (t.full) {
        free(t.p);
        return NULL;
    }
    return t.p;
}

/* ---- struct dialog_ui ---- */

static struct window *window_of(struct dialog_ui *ui)
{
    return (struct window *)ui;
}

static bool ui_checked(struct dialog_ui *ui, int id)
{
    return IsDlgButtonChecked(window_of(ui)->hwnd, id) == BST_CHECKED;
}

static void ui_check(struct dialog_ui *ui, int id, bool on)
{
    CheckDlgButton(window_of(ui)->hwnd, id, on ? BST_CHECKED : BST_UNCHECKED);
}

static char *ui_text(struct dialog_ui *ui, int id)
{
    HWND h = GetDlgItem(window_of(ui)->hwnd, id);
    int n = GetWindowTextLengthW(h);
    wchar_t *wide = calloc((size_t)n + 1, sizeof(*wide));
    char *text = NULL, *to;

    if (!wide || n > (int)TEXT_MAX)
        goto out;
    n = GetWindowTextW(h, wide, n + 1);
    text = utf8_from_utf16((const uint16_t *)wide, (size_t)n);
    to = text;
    for (const char *from = text; from && *from; from++)
        if (*from != '\r')
            *to++ = *from;
    if (to)
        *to = '\0';
out:
    if (wide)
        mem_wipe(wide, (size_t)n * sizeof(*wide));
    free(wide);
    return text;
}

static void ui_set_text(struct dialog_ui *ui, int id, const char *text)
{
    struct str s = STR_INIT(2 * TEXT_MAX);
    uint16_t *wide;

    for (; *text; text++) {
        if (*text == '\n')
            str_addc(&s, '\r');
        str_addc(&s, *text);
    }
    wide = utf16_from_utf8(str_text(&s));
    if (wide)
        SetDlgItemTextW(window_of(ui)->hwnd, id, (const wchar_t *)wide);
    free(wide);
    str_wipe(&s);
}

static void ui_enable(struct dialog_ui *ui, int id, bool on)
{
    EnableWindow(GetDlgItem(window_of(ui)->hwnd, id), on);
}

static int box(struct window *v, const char *text, UINT how)
{
    uint16_t *wide = utf16_from_utf8(text), *title = utf16_from_utf8(v->d->title);
    int r = IDNO;

    if (wide && title)
        r = MessageBoxW(v->hwnd, (const wchar_t *)wide, (const wchar_t *)title, how);
    free(wide);
    free(title);
    return r;
}

static bool ui_ask(struct dialog_ui *ui, const char *text)
{
    return box(window_of(ui), text, MB_YESNO | MB_ICONWARNING | MB_DEFBUTTON2) == IDYES;
}

static void ui_tell(struct dialog_ui *ui, const char *text)
{
    (void)box(window_of(ui), text, MB_OK | MB_ICONERROR);
}

static void ui_close(struct dialog_ui *ui)
{
    EndDialog(window_of(ui)->hwnd, window_of(ui)->code);
}

/* ---- the window ---- */

static void show_page(struct window *v, int page)
{
    for (size_t i = 0; i < v->d->items_n; i++)
        if (v->d->items[i].tab >= 0)
            ShowWindow(GetDlgItem(v->hwnd, item_id(v->d, i)),
                       v->d->items[i].tab == page ? SW_SHOW : SW_HIDE);
    InvalidateRect(v->hwnd, NULL, TRUE);
}

static void turn_page(struct window *v, int by)
{
    int n = TabCtrl_GetItemCount(v->tab);
    int page = (TabCtrl_GetCurSel(v->tab) + by + n) % n;

    TabCtrl_SetCurSel(v->tab, page);
    show_page(v, page);
}

static void fill_tabs(struct window *v)
{
    v->tab = GetDlgItem(v->hwnd, TAB_ID);
    for (int i = 0; v->d->tabs[i]; i++) {
        uint16_t *wide = utf16_from_utf8(v->d->tabs[i]);
        TCITEMW item = { .mask = TCIF_TEXT, .pszText = (wchar_t *)wide };
        if (wide)
            SendMessageW(v->tab, TCM_INSERTITEMW, (WPARAM)i, (LPARAM)&item);
        free(wide);
    }
    show_page(v, 0);
}

static INT_PTR on_init(struct window *v, HWND hwnd)
{
    struct err e = { 0 };

    v->hwnd = hwnd;
    if (v->d->tabs)
        fill_tabs(v);
    v->changing = true;
    if (v->d->load(v->w, &v->ui, &e) < 0) {
        v->code = 1;
        ui_tell(&v->ui, e.msg);
        ui_close(&v->ui);
    }
    v->changing = false;
    return TRUE;
}

static const struct dialog_item *find_item(const struct dialog *d, int id)
{
    for (size_t i = 0; i < d->items_n; i++)
        if (d->items[i].id == id)
            return &d->items[i];
    return NULL;
}

static void on_command(struct window *v, int id, int what)
{
    const struct dialog_item *i = find_item(v->d, id);

    if (id == IDCANCEL || !i || what != BN_CLICKED) { /* Escape, and the window's cross */
        if (id == IDCANCEL)
            dialog_press(v->d, v->w, &v->ui, DIALOG_CANCEL);
        return;
    }
    if (i->kind == DIALOG_BUTTON)
        dialog_press(v->d, v->w, &v->ui, id);
    else if (v->d->changed && !v->changing && (i->kind == DIALOG_CHECK || i->kind == DIALOG_RADIO))
        v->d->changed(&v->ui);
}

static INT_PTR CALLBACK procedure(HWND hwnd, UINT message, WPARAM wparam, LPARAM lparam)
{
    struct window *v;

    if (message == WM_INITDIALOG) {
        SetWindowLongPtrW(hwnd, DWLP_USER, lparam);
        return on_init((struct window *)lparam, hwnd);
    }
    v = (struct window *)GetWindowLongPtrW(hwnd, DWLP_USER);
    if (!v)
        return FALSE;
    if (message == WM_COMMAND) {
        on_command(v, LOWORD(wparam), HIWORD(wparam));
        return TRUE;
    }
    if ((message == WM_CTLCOLORSTATIC || message == WM_CTLCOLORBTN) && v->d->tabs) {
        SetBkColor((HDC)wparam, GetSysColor(COLOR_WINDOW)); /* as the page beneath */
        return (INT_PTR)GetSysColorBrush(COLOR_WINDOW);
    }
    if (message == WM_NOTIFY && ((const NMHDR *)lparam)->code == TCN_SELCHANGE) {
        show_page(v, TabCtrl_GetCurSel(v->tab));
        return TRUE;
    }
    return FALSE;
}

/* Ctrl+Tab and Ctrl+PgUp/PgDn, which a dialog does not have by itself. */
static struct window *shown;

static LRESULT CALLBACK keys(int code, WPARAM wparam, LPARAM lparam)
{
    const MSG *m = (const MSG *)lparam;

    if (code == MSGF_DIALOGBOX && shown && shown->d->tabs && m->message == WM_KEYDOWN &&
        GetKeyState(VK_CONTROL) < 0) {
        bool back = m->wParam == VK_PRIOR || (m->wParam == VK_TAB && GetKeyState(VK_SHIFT) < 0);
        if (back || m->wParam == VK_TAB || m->wParam == VK_NEXT) {
            turn_page(shown, back ? -1 : 1);
            return 1;
        }
    }
    return CallNextHookEx(NULL, code, wparam, lparam);
}

int dialog_run(const struct dialog *d, struct win *w)
{
    static struct window v;
    const INITCOMMONCONTROLSEX controls = { sizeof(controls), ICC_TAB_CLASSES };
    void *template = make_template(d);
    HHOOK hook;

    if (!template)
        return 1;
    v = (struct window){ .ui = { ui_checked, ui_check, ui_text, ui_set_text, ui_enable, ui_ask,
                                 ui_tell, ui_close },
                         .d = d,
                         .w = w };
    InitCommonControlsEx(&controls);
    shown = &v;
    hook = SetWindowsHookExW(WH_MSGFILTER, keys, NULL, GetCurrentThreadId());
    if (DialogBoxIndirectParamW(GetModuleHandleW(NULL), template, NULL, procedure, (LPARAM)&v) < 0)
        v.code = 1;
    if (hook)
        UnhookWindowsHookEx(hook);
    free(template);
    return v.code;
}
