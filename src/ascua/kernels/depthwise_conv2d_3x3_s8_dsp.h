/* Depthwise convolution of an image with 3x3 filters: each channel by itself, as a plane of int16.
 */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_S8_DSP_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_S8_DSP_H

#include "requant_dsp.h"

typedef struct {
    int32_t ih, iw, c; /* of the image, what is read of it */
    int32_t oh, ow;
    int32_t size;  /* elements of the plane: a channel with its padding */
    int32_t pitch; /* elements from one row of the plane to the next: even */
    int32_t first; /* the element of the plane where the image begins */
    int32_t down;  /* elements from a row of windows to the next: sy * pitch */
    int32_t next;  /* elements from a window to the next: 1 or 2 */
    int32_t gap;   /* elements from one row of taps to the next: dy * pitch */
    int32_t fill;  /* the value of padding */
    int32_t zero, low, high;
} depthwise_conv2d_3x3_s8_dsp_t;

/* A row of a filter, doubled: its taps 0 and 1, and 1 and 2. */
typedef struct {
    uint32_t a, b;
} depthwise_conv2d_3x3_s8_dsp_taps_t;

typedef struct {
    depthwise_conv2d_3x3_s8_dsp_taps_t r0, r1, r2;
} depthwise_conv2d_3x3_s8_dsp_filter_t;

KERNEL depthwise_conv2d_3x3_s8_dsp_taps_t depthwise_conv2d_3x3_s8_dsp_taps(const int8_t *w) {
    const depthwise_conv2d_3x3_s8_dsp_taps_t taps = {two_s16(2 * w[0], 2 * w[1]),
                                                     two_s16(2 * w[1], 2 * w[2])};
    return taps;
}

/* Two elements at an even place of the plane. */
KERNEL uint32_t depthwise_conv2d_3x3_s8_dsp_load(const s16_t *x) {
    uint32_t v;
    memcpy(&v, __builtin_assume_aligned(x, 4), 4);
    return v;
}

/* Adds three taps of a row to the sum of the window at x. */
KERNEL uint32_t depthwise_conv2d_3x3_s8_dsp_row(const s16_t *x,
                                                depthwise_conv2d_3x3_s8_dsp_taps_t t,
                                                uint32_t sum) {
    sum = smlad(depthwise_conv2d_3x3_s8_dsp_load(x), t.a, sum);
    return smlatb(t.b, depthwise_conv2d_3x3_s8_dsp_load(x + 2), sum);
}

/* The same of two windows `next` elements apart, 1 or 2. */
KERNEL void depthwise_conv2d_3x3_s8_dsp_rows(const s16_t *x, int32_t next,
                                             depthwise_conv2d_3x3_s8_dsp_taps_t t, uint32_t *sum0,
                                             uint32_t *sum1) {
    const uint32_t u = depthwise_conv2d_3x3_s8_dsp_load(x);
    const uint32_t v = depthwise_conv2d_3x3_s8_dsp_load(x + 2);
    *sum0 = smlad(u, t.a, *sum0);
    *sum0 = smlatb(t.b, v, *sum0);
    if (next == 1) {
        *sum1 = smlatb(u, t.a, *sum1);
        *sum1 = smlad(v, t.b, *sum1);
    } else {
        *sum1 = smlad(v, t.a, *sum1);
        *sum1 = smlatb(t.b, depthwise_conv2d_3x3_s8_dsp_load(x + 4), *sum1);
    }
}

/* Writes a channel of the image into the plane. */
KERNEL void depthwise_conv2d_3x3_s8_dsp_fill(const depthwise_conv2d_3x3_s8_dsp_t *p,
                                             const int8_t *x, s16_t *plane) {
    s16_t *to = plane + p->first;
    for (int32_t iy = p->ih; iy > 0; iy--) {
        s16_t *end = to + (p->iw & ~3);
        while (to != end) {
            /* Loads in a row take a cycle each; the stores are not to be made one. */
            const int8_t x0 = x[0], x1 = x[p->c], x2 = x[2 * p->c], x3 = x[3 * p->c];
            to[0] = x0;
            KEEP_ORDER();
            to[1] = x1;
            KEEP_ORDER();
            to[2] = x2;
            KEEP_ORDER();
            to[3] = x3;
            to += 4;
            x += 4 * p->c;
        }
        for (int32_t rest = p->iw & 3; rest > 0; rest--) {
            *to++ = *x;
            x += p->c;
        }
        to += p->pitch - p->iw;
    }
}

/* Outputs of one channel. */
typedef struct {
    depthwise_conv2d_3x3_s8_dsp_filter_t f;
    rescale_dsp_t r;
    uint32_t twice; /* the bias, doubled */
} depthwise_conv2d_3x3_s8_dsp_channel_t;

/* Writes one output, of the window at x. */
KERNEL void depthwise_conv2d_3x3_s8_dsp_one(const depthwise_conv2d_3x3_s8_dsp_t *p, const s16_t *x,
                                            const depthwise_conv2d_3x3_s8_dsp_channel_t *c,
                                            int8_t *y) {
    uint32_t a = c->twice;
    a = depthwise_conv2d_3x3_s8_dsp_row(x, c->f.r0, a);
    a = depthwise_conv2d_3x3_s8_dsp_row(x + p->gap, c->f.r1, a);
    a = depthwise_conv2d_3x3_s8_dsp_row(x + 2 * p->gap, c->f.r2, a);
    *y = requantize_twice(a, c->r, p->low, p->high);
}

/* Writes two outputs, of the windows at x and `next` behind it. */
KERNEL void depthwise_conv2d_3x3_s8_dsp_two(const depthwise_conv2d_3x3_s8_dsp_t *p, const s16_t *x,
                                            int32_t next,
                                            const depthwise_conv2d_3x3_s8_dsp_channel_t *c,
                                            int8_t *y) {
    uint32_t a = c->twice, b = c->twice;
    depthwise_conv2d_3x3_s8_dsp_rows(x, next, c->f.r0, &a, &b);
    depthwise_conv2d_3x3_s8_dsp_rows(x + p->gap, next, c->f.r1, &a, &b);
    depthwise_conv2d_3x3_s8_dsp_rows(x + 2 * p->gap, next, c->f.r2, &a, &b);
    y[0] = requantize_twice(a, c->r, p->low, p->high);
    y[p->c] = requantize_twice(b, c->r, p->low, p->high);
}

/* Writes a channel; the first window is at x, each of a row `next` behind the one before. */
KERNEL void depthwise_conv2d_3x3_s8_dsp_channel(const depthwise_conv2d_3x3_s8_dsp_t *p,
                                                const s16_t *x, int32_t next,
                                                const depthwise_conv2d_3x3_s8_dsp_channel_t *c,
                                                int8_t *y) {
    for (int32_t oy = p->oh; oy > 0; oy--) {
        const s16_t *at = x;
        for (int32_t pairs = p->ow >> 1; pairs > 0; pairs--) {
            depthwise_conv2d_3x3_s8_dsp_two(p, at, next, c, y);
            at += 2 * next;
            y += 2 * p->c;
        }
        if (p->ow & 1) {
            depthwise_conv2d_3x3_s8_dsp_one(p, at, c, y);
            y += p->c;
        }
        x += p->down;
    }
}

/* Writes a channel out of its plane. */
KERNEL void depthwise_conv2d_3x3_s8_dsp_outputs(const depthwise_conv2d_3x3_s8_dsp_t *p,
                                                const s16_t *plane, const int8_t *w,
                                                const requant_t *q, int8_t *y) {
    const depthwise_conv2d_3x3_s8_dsp_channel_t c = {{depthwise_conv2d_3x3_s8_dsp_taps(w),
                                                      depthwise_conv2d_3x3_s8_dsp_taps(w + 3),
                                                      depthwise_conv2d_3x3_s8_dsp_taps(w + 6)},
                                                     rescale_dsp(q->multiplier, q->shift, p->zero),
                                                     (uint32_t)q->bias * 2};
    if (p->next == 1) {
        depthwise_conv2d_3x3_s8_dsp_channel(p, plane, 1, &c, y);
    } else {
        depthwise_conv2d_3x3_s8_dsp_channel(p, plane, 2, &c, y);
    }
}

/* y[oh][ow][c] from x[.][iw][c], weights[c][3][3] and requant[c]; the plane lies in scratch. */
KERNEL void depthwise_conv2d_3x3_s8_dsp(const depthwise_conv2d_3x3_s8_dsp_t *p, const int8_t *x,
                                        const int8_t *weights, const requant_t *requant, int8_t *y,
                                        void *scratch) {
    const depthwise_conv2d_3x3_s8_dsp_t own = *p; /* which no store changes */
    p = &own;
    s16_t *plane = scratch;
    for (int32_t i = 0; i < p->size; i++) {
        plane[i] = (int16_t)p->fill;
    }
    for (int32_t i = 0; i < p->c; i++) {
        depthwise_conv2d_3x3_s8_dsp_fill(p, x + i, plane);
        depthwise_conv2d_3x3_s8_dsp_outputs(p, plane, weights + 9 * i, requant + i, y + i);
    }
}

#endif
