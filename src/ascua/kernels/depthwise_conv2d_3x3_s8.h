/* Depthwise convolution of one output row with 3x3 filters, two pixels at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_S8_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_S8_H

#include "fixed.h"

typedef struct {
    int32_t ow, c;
    int32_t step;  /* bytes from one window to the next: sx * c */
    int32_t gap;   /* bytes from one tap to the next: dx * c */
    int32_t small; /* as for requantize_sum() */
    int32_t zero, low, high;
} depthwise_conv2d_3x3_s8_t;

/* Adds three taps of a row r to the sums of two pixels; `near`: the pixels share two values. */
KERNEL void depthwise_conv2d_3x3_s8_row(const depthwise_conv2d_3x3_s8_t *p, int32_t near,
                                        int32_t offset, uint32_t *a, uint32_t *b, const int8_t *r,
                                        const int8_t *w) {
    const int32_t g = p->gap, s = p->step;
    int32_t v = w[0] + offset, x = r[0];
    *a += (uint32_t)(x * v);
    if (near) {
        x = r[g];
        *b += (uint32_t)(x * v);
        v = w[1] + offset;
        *a += (uint32_t)(x * v);
        x = r[2 * g];
        *b += (uint32_t)(x * v);
        v = w[2] + offset;
        *a += (uint32_t)(x * v);
        x = r[3 * g];
        *b += (uint32_t)(x * v);
    } else {
        *b += (uint32_t)(r[s] * v);
        v = w[1] + offset;
        *a += (uint32_t)(r[g] * v);
        *b += (uint32_t)(r[s + g] * v);
        v = w[2] + offset;
        *a += (uint32_t)(r[2 * g] * v);
        *b += (uint32_t)(r[s + 2 * g] * v);
    }
    KEEP_ORDER();
}

/* y[2][c] from windows that begin at r0, r1 and r2. */
KERNEL void depthwise_conv2d_3x3_s8_two(const depthwise_conv2d_3x3_s8_t *p, int32_t near,
                                        int32_t offset, const int8_t *r0, const int8_t *r1,
                                        const int8_t *r2, const int8_t *w, const requant_t *q,
                                        int8_t *y) {
    for (int32_t c = p->c; c > 0; c--) {
        uint32_t a = (uint32_t)q->bias, b = a;
        KEEP_ORDER();
        depthwise_conv2d_3x3_s8_row(p, near, offset, &a, &b, r0++, w);
        depthwise_conv2d_3x3_s8_row(p, near, offset, &a, &b, r1++, w + 3);
        depthwise_conv2d_3x3_s8_row(p, near, offset, &a, &b, r2++, w + 6);
        y[p->c] = requantize_sum(b, q, p->small, p->zero, p->low, p->high);
        *y++ = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
        q++;
        w += 9;
    }
}

/* Adds three taps of a row r, g bytes apart, to the sum of one pixel. */
KERNEL void depthwise_conv2d_3x3_s8_taps(uint32_t *a, int32_t offset, const int8_t *r, int32_t g,
                                         const int8_t *w) {
    *a += (uint32_t)(r[0] * (w[0] + offset));
    *a += (uint32_t)(r[g] * (w[1] + offset));
    *a += (uint32_t)(r[2 * g] * (w[2] + offset));
    KEEP_ORDER();
}

/* y[c] from windows that begin at r0, r1 and r2. */
KERNEL void depthwise_conv2d_3x3_s8_one(const depthwise_conv2d_3x3_s8_t *p, int32_t offset,
                                        const int8_t *r0, const int8_t *r1, const int8_t *r2,
                                        const int8_t *w, const requant_t *q, int8_t *y) {
    const int32_t g = p->gap;
    for (int32_t c = p->c; c > 0; c--) {
        uint32_t a = (uint32_t)q->bias;
        depthwise_conv2d_3x3_s8_taps(&a, offset, r0++, g, w);
        depthwise_conv2d_3x3_s8_taps(&a, offset, r1++, g, w + 3);
        depthwise_conv2d_3x3_s8_taps(&a, offset, r2++, g, w + 6);
        *y++ = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
        q++;
        w += 9;
    }
}

/* depthwise_conv2d_3x3_s8 with weights[...] + offset. */
KERNEL void depthwise_conv2d_3x3_s8_rows(const depthwise_conv2d_3x3_s8_t *p, int32_t offset,
                                         const int8_t *const *rows, const int8_t *weights,
                                         const requant_t *requant, int8_t *y) {
    const int8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2];
    for (int32_t pairs = p->ow >> 1; pairs > 0; pairs--) {
        if (p->step == p->gap) {
            depthwise_conv2d_3x3_s8_two(p, 1, offset, r0, r1, r2, weights, requant, y);
        } else {
            depthwise_conv2d_3x3_s8_two(p, 0, offset, r0, r1, r2, weights, requant, y);
        }
        r0 += 2 * p->step;
        r1 += 2 * p->step;
        r2 += 2 * p->step;
        y += 2 * p->c;
    }
    if (p->ow & 1) {
        depthwise_conv2d_3x3_s8_one(p, offset, r0, r1, r2, weights, requant, y);
    }
}

/* y[ow][c] from rows[3] of padded input, weights[c][3][3] and requant[c]. */
KERNEL void depthwise_conv2d_3x3_s8(const depthwise_conv2d_3x3_s8_t *p, const int8_t *const *rows,
                                    const int8_t *weights, const requant_t *requant, int8_t *y) {
    depthwise_conv2d_3x3_s8_rows(p, 0, rows, weights, requant, y);
}

#endif
