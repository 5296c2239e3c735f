/* SPDX-License-Identifier: Apache-2.0 */
/* The desktop picture by GDI+ (its flat calls, looked up by name: its headers are C++), the
 * wallpaper setting, shortcuts by the shell's COM object. */
#define COBJMACROS
#include "win-priv.h"

#include <initguid.h>

#include <objbase.h>
#include <shlobj.h>
#include <string.h>

#define GDIPLUS    L"gdiplus.dll"
#define OLE32      L"ole32.dll"
#define WIDTH      1920
#define HEIGHT     1080
#define SIDE_MAX   16384U
#define NAVY       0xff000080U
#define WHITE      0xffffffffU
#define TOP        30.0F
#define RIGHT      30.0F
#define POINTS     12.0F
#define ARGB32     0x26200aU /* PixelFormat32bppARGB */
#define UNIT_POINT 3

typedef int status; /* GpStatus: 0 is Ok */

struct rect_f {
    float x, y, w, h;
};

struct startup {
    UINT32 version;
    void *debug;
    BOOL no_thread, no_codecs;
};

/* One member a call; found all together. */
struct gdip {
    status(WINAPI *start)(ULONG_PTR *token, const struct startup *in, void *out);
    void(WINAPI *stop)(ULONG_PTR token);
    status(WINAPI *from_file)(const wchar_t *path, void **bitmap);
    status(WINAPI *from_scan)(INT w, INT h, INT stride, INT format, BYTE *scan, void **bitmap);
    status(WINAPI *width)(void *image, UINT *ret);
    status(WINAPI *height)(void *image, UINT *ret);
    status(WINAPI *graphics)(void *image, void **graphics);
    status(WINAPI *clear)(void *graphics, UINT32 colour);
    status(WINAPI *draw_image)(void *graphics, void *image, INT x, INT y, INT w, INT h);
    status(WINAPI *family)(const wchar_t *name, void *collection, void **family);
    status(WINAPI *sans)(void **family);
    status(WINAPI *font)(void *family, float size, INT style, INT unit, void **font);
    status(WINAPI *brush)(UINT32 colour, void **brush);
    status(WINAPI *format)(INT flags, LANGID language, void **format);
    status(WINAPI *align)(void *format, INT align);
    status(WINAPI *draw)(void *graphics, const wchar_t *text, INT n, void *font,
                         const struct rect_f *where, void *format, void *brush);
    status(WINAPI *save)(void *image, const wchar_t *path, const GUID *encoder, void *parameters);
    status(WINAPI *free_image)(void *image);
    status(WINAPI *free_graphics)(void *graphics);
    status(WINAPI *free_family)(void *family);
    status(WINAPI *free_font)(void *font);
    status(WINAPI *free_brush)(void *brush);
    status(WINAPI *free_format)(void *format);
    ULONG_PTR token;
};

static bool gdip_find(struct gdip *g)
{
    static const char *const names[] = {
        "GdiplusStartup",
        "GdiplusShutdown",
        "GdipCreateBitmapFromFile",
        "GdipCreateBitmapFromScan0",
        "GdipGetImageWidth",
        "GdipGetImageHeight",
        "GdipGetImageGraphicsContext",
        "GdipGraphicsClear",
        "GdipDrawImageRectI",
        "GdipCreateFontFamilyFromName",
        "GdipGetGenericFontFamilySansSerif",
        "GdipCreateFont",
        "GdipCreateSolidFill",
        "GdipCreateStringFormat",
        "GdipSetStringFormatAlign",
        "GdipDrawString",
        "GdipSaveImageToFile",
        "GdipDisposeImage",
        "GdipDeleteGraphics",
        "GdipDeleteFontFamily",
        "GdipDeleteFont",
        "GdipDeleteBrush",
        "GdipDeleteStringFormat",
    };
    FARPROC found[ARRAY_LEN(names)];

    _Static_assert(sizeof(found) == offsetof(struct gdip, token), "one name for each member");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        found[i] = win_find(GDIPLUS, names[i]);
        if (!found[i])
            return false;
    }
    memcpy(g, found, sizeof(found));
    return true;
}

/* A canvas of the base's size with the base on it, or a navy one. */
static status make_canvas(const struct gdip *g, const wchar_t *base_path, void **ret, UINT *ret_w)
{
    void *base = NULL, *graphics = NULL;
    UINT w = WIDTH, h = HEIGHT;
    status s;

    if (base_path && g->from_file(base_path, &base) == 0 &&
        (g->width(base, &w) != 0 || g->height(base, &h) != 0 || w == 0 || h == 0 || w > SIDE_MAX ||
         h > SIDE_MAX)) {
        (void)g->free_image(base);
        base = NULL;
        w = WIDTH;
        h = HEIGHT;
    }
    s = g->from_scan((INT)w, (INT)h, 0, ARGB32, NULL, ret);
    if (s == 0)
        s = g->graphics(*ret, &graphics);
    if (s == 0)
        s = g->clear(graphics, NAVY);
    if (s == 0 && base)
        s = g->draw_image(graphics, base, 0, 0, (INT)w, (INT)h);
    if (graphics)
        (void)g->free_graphics(graphics);
    if (base)
        (void)g->free_image(base);
    *ret_w = w;
    return s;
}

static wchar_t *all_lines(const struct win_picture *p, struct err *e)
{
    struct str s = STR_INIT(KIB(64));
    wchar_t *text;

    for (size_t i = 0; i < p->n; i++)
        str_addf(&s, "%s: %s\r\n", p->labels[i], p->values[i]);
    text = str_check(&s, "the wallpaper's text", e) < 0 ? NULL : win_wide(str_text(&s), e);
    str_done(&s);
    return text;
}

/* Calibri, or what is there: a server without it has Segoe UI, Wine has Tahoma. */
static status find_family(const struct gdip *g, void **ret)
{
    static const wchar_t *const names[] = { L"Calibri", L"Segoe UI", L"Arial", L"Tahoma",
                                            L"DejaVu Sans" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (g->family(names[i], NULL, ret) == 0)
            return 0;
    return g->sans(ret);
}

static status draw_text(const struct gdip *g, void *canvas, UINT width, const wchar_t *text)
{
    void *graphics = NULL, *family = NULL, *font = NULL, *brush = NULL, *format = NULL;
    struct rect_f where = { 0, TOP, (float)width - RIGHT, 16384.0F };
    status s = g->graphics(canvas, &graphics);

    if (s == 0)
        s = find_family(g, &family);
    if (s == 0)
        s = g->font(family, POINTS, 0, UNIT_POINT, &font);
    if (s == 0)
        s = g->brush(WHITE, &brush);
    if (s == 0)
        s = g->format(0, 0, &format);
    if (s == 0)
        s = g->align(format, 2 /* far: right */);
    if (s == 0)
        s = g->draw(graphics, text, -1, font, &where, format, brush);
    if (format)
        (void)g->free_format(format);
    if (brush)
        (void)g->free_brush(brush);
    if (font)
        (void)g->free_font(font);
    if (family)
        (void)g->free_family(family);
    if (graphics)
        (void)g->free_graphics(graphics);
    return s;
}

static status save(const struct gdip *g, void *canvas, const char *name, const wchar_t *path)
{
    /* the encoders that come with GDI+: bmp, jpeg */
    GUID encoder = {
        0x557cf400, 0x1a04, 0x11d3, { 0x9a, 0x73, 0x00, 0x00, 0xf8, 0x1e, 0xf3, 0x2e }
    };
    size_t n = strlen(name);

    if (n > 4 && str_eq_nocase(name + n - 4, ".jpg"))
        encoder.Data1++;
    return g->save(canvas, path, &encoder, NULL);
}

static int picture_draw(struct win *w, const struct win_picture *p, struct err *e)
{
    _cleanup_free_ wchar_t *text = all_lines(p, e);
    _cleanup_free_ wchar_t *out = text ? win_wide(p->out_path, e) : NULL;
    _cleanup_free_ wchar_t *base = out && p->base_path ? win_wide(p->base_path, e) : NULL;
    struct startup in = { .version = 1 };
    struct gdip g = { 0 };
    void *canvas = NULL;
    UINT width = 0;
    status s;

    if (!out)
        return -e->no;
    if (!gdip_find(&g))
        return err_no_function(e, "GDI+");
    s = g.start(&g.token, &in, NULL);
    if (s)
        return err_set(e, EIO, ERR_OTHER, "start GDI+: status %d", s);
    s = make_canvas(&g, base, &canvas, &width);
    if (s == 0 && *text)
        s = draw_text(&g, canvas, width, text);
    if (s == 0)
        s = save(&g, canvas, p->out_path, out);
    if (canvas)
        (void)g.free_image(canvas);
    g.stop(g.token);
    return s ? err_set(e, EIO, ERR_OTHER, "draw '%s': GDI+ status %d", p->out_path, s) : 0;
}

static int picture_set(struct win *w, const char *path, struct err *e)
{
    __typeof__(&SystemParametersInfoW) fn = DYN(L"user32.dll", SystemParametersInfoW);
    _cleanup_free_ wchar_t *wide = win_wide(path, e);

    if (!wide)
        return -e->no;
    if (!fn)
        return err_no_function(e, "SystemParametersInfo");
    return fn(SPI_SETDESKWALLPAPER, 0, wide, SPIF_UPDATEINIFILE | SPIF_SENDCHANGE)
               ? 0
               : err_win32(e, GetLastError(), "set the wallpaper");
}

static HRESULT fill_link(IShellLinkW *link, const wchar_t *path, const wchar_t *target,
                         const wchar_t *args)
{
    static const GUID iid_file = { 0x0000010b, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
    IPersistFile *file = NULL;
    HRESULT hr = IShellLinkW_SetPath(link, target);

    if (SUCCEEDED(hr) && *args)
        hr = IShellLinkW_SetArguments(link, args);
    if (SUCCEEDED(hr))
        hr = IShellLinkW_SetShowCmd(link, SW_SHOWMINNOACTIVE);
    if (SUCCEEDED(hr))
        hr = IShellLinkW_QueryInterface(link, &iid_file, (void **)&file);
    if (SUCCEEDED(hr))
        hr = IPersistFile_Save(file, path, TRUE);
    if (file)
        IPersistFile_Release(file);
    return hr;
}

static int shortcut_write(struct win *w, const char *path, const char *target, const char *args,
                          struct err *e)
{
    static const GUID class_link = { 0x00021401, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
    static const GUID iid_link = { 0x000214f9, 0, 0, { 0xc0, 0, 0, 0, 0, 0, 0, 0x46 } };
    __typeof__(&CoInitializeEx) enter = DYN(OLE32, CoInitializeEx);
    __typeof__(&CoUninitialize) leave = DYN(OLE32, CoUninitialize);
    __typeof__(&CoCreateInstance) create = DYN(OLE32, CoCreateInstance);
    _cleanup_free_ wchar_t *a = win_wide(path, e), *b = a ? win_wide(target, e) : NULL;
    _cleanup_free_ wchar_t *c = b ? win_wide(args ? args : "", e) : NULL;
    IShellLinkW *link = NULL;
    bool entered;
    HRESULT hr;

    if (!c)
        return -e->no;
    if (!enter || !leave || !create)
        return err_no_function(e, "CoCreateInstance");
    entered = SUCCEEDED(enter(NULL, COINIT_APARTMENTTHREADED));
    hr = create(&class_link, NULL, CLSCTX_INPROC_SERVER, &iid_link, (void **)&link);
    if (SUCCEEDED(hr))
        hr = fill_link(link, a, b, c);
    if (link)
        IShellLinkW_Release(link);
    if (entered)
        leave();
    return FAILED(hr) ? err_hresult(e, hr, "write shortcut '%s'", path) : 0;
}

void win_fill_picture(struct win *w)
{
    w->picture_draw = picture_draw;
    w->picture_set = picture_set;
    w->shortcut_write = shortcut_write;
}
