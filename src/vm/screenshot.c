/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's screen: QEMU writes it as PPM into the machine's directory, we make a JPEG of it. The
 * size comes from the guest: bounded before anything is allocated. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <setjmp.h>

#include "file.h"
#include "str.h"
#include "vm-priv.h"

#define SIDE_MAX        4096
#define PPM_MAX         (3ULL * SIDE_MAX * SIDE_MAX + 64)
#define JPEG_QUALITY    80
#define SHOT_TIMEOUT_MS 10000

struct shot {
    struct vm *vm;
    char *path;
    vm_screen_fn fn;
    void *userdata;
};

static void shot_free(struct shot *s)
{
    (void)unlink(s->path); /* it may never have come to be */
    free(s->path);
    free(s);
}

/* ---- PPM ------------------------------------------------------------------------------------- */

/* "P6 <width> <height> 255\n", then three bytes a pixel. */
static int read_header(const char *p, size_t n, unsigned *ret_w, unsigned *ret_h,
                       const uint8_t **ret_pixels, struct err *e)
{
    unsigned w = 0, h = 0, max = 0;
    int used = 0;

    if (sscanf(p, "P6 %5u %5u %3u%n", &w, &h, &max, &used) != 3 || max != 255 || w == 0 || h == 0 ||
        w > SIDE_MAX || h > SIDE_MAX || (size_t)used + 1 + 3ULL * w * h > n)
        return err_set(e, EBADMSG, ERR_CORRUPT, "QEMU's picture of the screen cannot be read");
    *ret_w = w;
    *ret_h = h;
    *ret_pixels = (const uint8_t *)p + used + 1;
    return 0;
}

/* ---- JPEG ------------------------------------------------------------------------------------ */

struct jpeg_fail {
    struct jpeg_error_mgr mgr;
    jmp_buf out;
};

_noreturn_ static void on_jpeg_error(j_common_ptr c)
{
    longjmp(((struct jpeg_fail *)c->err)->out, 1);
}

/* malloc()ed by libjpeg; 0 or -EIO. No cleanup attributes in here: longjmp passes by. */
static int compress(const uint8_t *pixels, unsigned w, unsigned h, unsigned char **ret,
                    unsigned long *ret_n)
{
    struct jpeg_compress_struct c;
    struct jpeg_fail fail;

    c.err = jpeg_std_error(&fail.mgr);
    fail.mgr.error_exit = on_jpeg_error;
    if (setjmp(fail.out)) {
        jpeg_destroy_compress(&c);
        return -EIO;
    }
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, ret, ret_n);
    c.image_width = w;
    c.image_height = h;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, JPEG_QUALITY, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < h) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + 3ULL * w * c.next_scanline);

        (void)jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return 0;
}

/* ---- asking QEMU ----------------------------------------------------------------------------- */

static int make_jpeg(const struct shot *s, unsigned char **ret, unsigned long *ret_n, struct err *e)
{
    _cleanup_free_ char *ppm = NULL;
    const uint8_t *pixels = NULL;
    unsigned w = 0, h = 0;
    size_t n = 0;
    int r = file_read(s->path, PPM_MAX, &ppm, &n, e);

    if (r == 0)
        r = read_header(ppm, n, &w, &h, &pixels, e);
    if (r == 0 && compress(pixels, w, h, ret, ret_n) < 0)
        r = err_set(e, EIO, ERR_OTHER, "the picture of the screen cannot be compressed");
    return r;
}

static void on_dumped(const json_t *ret, const struct err *e, void *userdata)
{
    struct shot *s = userdata;
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    struct err why = { 0 };

    (void)ret;
    if (e)
        why = *e;
    else
        (void)make_jpeg(s, &jpeg, &n, &why);
    s->fn(s->vm, jpeg, n, why.no ? &why : NULL, s->userdata);
    free(jpeg);
    shot_free(s);
}

int vm_screenshot(struct vm *vm, vm_screen_fn fn, void *userdata, struct err *e)
{
    struct shot *s;
    int r = vm_need_qmp(vm, "take a picture of", e);

    if (r < 0)
        return r;
    s = xcalloc(1, sizeof *s);
    s->vm = vm;
    s->fn = fn;
    s->userdata = userdata;
    s->path = xasprintf("%s/screen-%llx.ppm", vm->dir, (unsigned long long)(uintptr_t)s);
    r = qmp_send(vm->qmp, "screendump", json_pack("{s:s}", "filename", s->path), SHOT_TIMEOUT_MS,
                 on_dumped, s, e);
    if (r < 0)
        shot_free(s);
    return r;
}
