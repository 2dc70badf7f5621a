/* Operators of version 4 that look at an image through windows. Where nothing is specified, a
 * comment says what is taken. */
#include "v4.h"

#include <math.h>
#include <string.h>

/* A window that moves over an image: sizes, strides, dilations, padding. */
typedef struct {
    int64_t before_h, before_w, fh, fw, sh, sw, dh, dw, oh, ow;
} window;

static window next_window(reader *r, window w, int64_t ih, int64_t iw, int64_t after_h,
                          int64_t after_w) {
    w.fh = next_i32(r);
    w.fw = next_i32(r);
    w.sh = next_i32(r);
    w.sw = next_i32(r);
    w.dh = next_i32(r);
    w.dw = next_i32(r);
    if (w.fh < 1 || w.fw < 1 || w.sh < 1 || w.sw < 1 || w.dh < 1 || w.dw < 1)
        fail(r->m, "a window without a size");
    if (w.fh > 4096 || w.fw > 4096 || w.dh > 4096 || w.dw > 4096)
        fail(r->m, "a window that is too large");
    w.oh = (ih + w.before_h + after_h - ((w.fh - 1) * w.dh + 1)) / w.sh + 1;
    w.ow = (iw + w.before_w + after_w - ((w.fw - 1) * w.dw + 1)) / w.sw + 1;
    return w;
}

/* {before, after} of the height, then of the width, then the window. */
static window padded_window(reader *r, int64_t ih, int64_t iw) {
    window w = {0};
    w.before_h = next_i32(r);
    int64_t after_h = next_i32(r);
    w.before_w = next_i32(r);
    int64_t after_w = next_i32(r);
    return next_window(r, w, ih, iw, after_h, after_w);
}

/* Weights [oc][ic/groups][fh][fw]; a float sum starts at the bias and takes the taps in their
 * order; taps outside the image add nothing. */
void conv2d(reader *r, int quantized) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r);
    int64_t groups = next_i32(r), oc = next_i32(r), ic = s.n[1], ih = s.n[2], iw = s.n[3];
    if (groups < 1 || ic % groups || oc % groups || oc > 4096)
        fail(r->m, "%lld groups", (long long)groups);
    window w = padded_window(r, ih, iw);
    int32_t k[5] = {0};
    float low = 0, high = 0;
    for (int i = 0; quantized && i < 5; i++)
        k[i] = next_i32(r);
    if (!quantized) {
        low = next_f32(r);
        high = next_f32(r);
    }
    int64_t own = ic / groups, taps = own * w.fh * w.fw;
    uint64_t first = next_bytes(r, (uint64_t)(4 * (quantized ? oc : oc * taps)));
    uint64_t second = next_bytes(r, (uint64_t)(quantized ? oc * taps : 4 * oc));
    const uint8_t *weights = r->m->file + (quantized ? second : first);
    const uint8_t *bias = r->m->file + (quantized ? first : second);
    word(r->m, second + (uint64_t)(quantized ? oc * taps : 4 * oc) - 1, 1);
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, s.n[0] * oc * w.oh * w.ow);
    for (int64_t i = 0; i < s.n[0] * oc * w.oh * w.ow; i++) {
        int64_t at[4];
        unravel(i, (shape){{s.n[0], oc, w.oh, w.ow}}, at);
        float sum = f32(bias, at[1]);
        int32_t whole;
        memcpy(&whole, bias + 4 * at[1], 4);
        int64_t exact = whole;
        for (int64_t t = 0; t < taps; t++) {
            int64_t c = at[1] / (oc / groups) * own + t / (w.fh * w.fw);
            int64_t y = at[2] * w.sh - w.before_h + t / w.fw % w.fh * w.dh;
            int64_t col = at[3] * w.sw - w.before_w + t % w.fw * w.dw;
            if (y < 0 || y >= ih || col < 0 || col >= iw)
                continue;
            int64_t j = ((at[0] * ic + c) * ih + y) * iw + col, kernel = at[1] * taps + t;
            if (quantized)
                exact += ((int64_t)x[j] + k[0]) * ((int64_t)weights[kernel] + k[1]);
            else
                sum = multiply_add(r->m, f32(x, j), f32(weights, kernel), sum);
        }
        if (quantized)
            to[i] = clip8((int64_t)scaled(r->m, exact, k[2], k[3]) + k[4]);
        else
            set_f32(to, i, clamped(sum, low, high));
    }
}

/* Weights [oc][ic/groups][fh][fw]. Input pixel (y, x) goes to output y·sh - before + ky·dh; an
 * output starts at its bias, and takes input channels, then taps, in their order. */
void conv2d_transpose(reader *r) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r), so = next_shape(r);
    int64_t groups = next_i32(r), ic = s.n[1], oc = so.n[1];
    if (groups < 1 || ic % groups || oc % groups)
        fail(r->m, "%lld groups", (long long)groups);
    window w = padded_window(r, so.n[2], so.n[3]);
    float low = next_f32(r), high = next_f32(r);
    int64_t own = ic / groups, taps = own * w.fh * w.fw;
    uint64_t weights_at = next_bytes(r, (uint64_t)(4 * oc * taps));
    uint64_t bias_at = next_bytes(r, (uint64_t)(4 * oc));
    const uint8_t *weights = r->m->file + weights_at, *bias = r->m->file + bias_at;
    word(r->m, bias_at + (uint64_t)(4 * oc) - 1, 1);
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4];
        unravel(i, so, at);
        float sum = f32(bias, at[1]);
        for (int64_t t = 0; t < taps; t++) {
            int64_t c = at[1] / (oc / groups) * own + t / (w.fh * w.fw);
            int64_t y = at[2] + w.before_h - t / w.fw % w.fh * w.dh;
            int64_t col = at[3] + w.before_w - t % w.fw * w.dw;
            if (y < 0 || y % w.sh || y / w.sh >= s.n[2])
                continue;
            if (col < 0 || col % w.sw || col / w.sw >= s.n[3])
                continue;
            int64_t j = ((at[0] * ic + c) * s.n[2] + y / w.sh) * s.n[3] + col / w.sw;
            sum = multiply_add(r->m, f32(x, j), f32(weights, at[1] * taps + t), sum);
        }
        set_f32(to, i, clamped(sum, low, high));
    }
}

/* A mean divides by the number of taps inside the image. */
void reduce_window2d(reader *r) {
    range in = next_range(r), out = next_range(r);
    uint32_t op = next_u32(r);
    shape s = next_shape(r);
    window w = padded_window(r, s.n[2], s.n[3]);
    float init = next_f32(r), low = next_f32(r), high = next_f32(r);
    shape so = {{s.n[0], s.n[1], w.oh, w.ow}};
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4];
        unravel(i, so, at);
        float sum = init, count = 0;
        for (int64_t t = 0; t < w.fh * w.fw; t++) {
            int64_t y = at[2] * w.sh - w.before_h + t / w.fw * w.dh;
            int64_t col = at[3] * w.sw - w.before_w + t % w.fw * w.dw;
            if (y < 0 || y >= s.n[2] || col < 0 || col >= s.n[3])
                continue;
            count += 1;
            sum = reduced(r->m, op, sum, f32(x, ((i / (w.oh * w.ow)) * s.n[2] + y) * s.n[3] + col));
        }
        set_f32(to, i, clamped(op == 0 ? sum / count : sum, low, high));
    }
}

/* TensorFlow's places, in float32: of nearest the index, of bilinear what is between. */
static float place(int64_t i, int64_t in, int64_t out, int align) {
    int ends = align && out > 1;
    return (float)i * (ends ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out);
}

static float element(const uint8_t *x, range r, int64_t i) {
    return r.dtype ? x[i] : f32(x, i);
}

void resize_image(reader *r) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r), so = s;
    so.n[2] = next_i32(r);
    so.n[3] = next_i32(r);
    uint32_t mode = next_u32(r);
    int align = (int)(next_u32(r) & 0xFF);
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t plane = i / (so.n[2] * so.n[3]) * s.n[2];
        float y = place(i / so.n[3] % so.n[2], s.n[2], so.n[2], align);
        float col = place(i % so.n[3], s.n[3], so.n[3], align);
        int64_t y0 = (int64_t)(mode && align ? roundf(y) : floorf(y));
        int64_t x0 = (int64_t)(mode && align ? roundf(col) : floorf(col));
        if (y0 >= s.n[2])
            y0 = s.n[2] - 1;
        if (x0 >= s.n[3])
            x0 = s.n[3] - 1;
        if (mode == 1) {
            const uint8_t *from = x + ((plane + y0) * s.n[3] + x0) * width(in);
            memcpy(to + i * width(out), from, (size_t)width(out));
            continue;
        }
        int64_t y1 = y0 + 1 < s.n[2] ? y0 + 1 : y0, x1 = x0 + 1 < s.n[3] ? x0 + 1 : x0;
        float down = y - (float)y0, right = col - (float)x0;
        float v = element(x, in, (plane + y0) * s.n[3] + x0) * ((1 - down) * (1 - right));
        v = multiply_add(r->m, element(x, in, (plane + y1) * s.n[3] + x0), down * (1 - right), v);
        v = multiply_add(r->m, element(x, in, (plane + y0) * s.n[3] + x1), (1 - down) * right, v);
        v = multiply_add(r->m, element(x, in, (plane + y1) * s.n[3] + x1), down * right, v);
        if (out.dtype)
            to[i] = clip8f(roundf(v));
        else
            set_f32(to, i, v);
    }
}
