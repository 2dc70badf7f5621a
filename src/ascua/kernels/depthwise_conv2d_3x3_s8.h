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

/* One or two pixels: y[pixels][c] from windows that begin at r0, r1 and r2. */
KERNEL void depthwise_conv2d_3x3_s8_pixels(const depthwise_conv2d_3x3_s8_t *p, int32_t pixels,
                                           const int8_t *r0, const int8_t *r1, const int8_t *r2,
                                           const int8_t *w, const requant_t *q, int8_t *y) {
    const int32_t g = p->gap, s = p->step;
    for (int32_t c = 0; c < p->c; c++) {
        uint32_t a = (uint32_t)q->bias, b = a;
        a += (uint32_t)(r0[0] * w[0] + r0[g] * w[1] + r0[2 * g] * w[2]);
        a += (uint32_t)(r1[0] * w[3] + r1[g] * w[4] + r1[2 * g] * w[5]);
        a += (uint32_t)(r2[0] * w[6] + r2[g] * w[7] + r2[2 * g] * w[8]);
        if (pixels > 1) {
            b += (uint32_t)(r0[s] * w[0] + r0[s + g] * w[1] + r0[s + 2 * g] * w[2]);
            b += (uint32_t)(r1[s] * w[3] + r1[s + g] * w[4] + r1[s + 2 * g] * w[5]);
            b += (uint32_t)(r2[s] * w[6] + r2[s + g] * w[7] + r2[s + 2 * g] * w[8]);
            y[p->c] = requantize_sum(b, q, p->small, p->zero, p->low, p->high);
        }
        *y++ = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
        r0++;
        r1++;
        r2++;
        q++;
        w += 9;
    }
}

/* y[ow][c] from rows[3] of padded input, weights[c][3][3] and requant[c]. */
KERNEL void depthwise_conv2d_3x3_s8(const depthwise_conv2d_3x3_s8_t *p, const int8_t *const *rows,
                                    const int8_t *weights, const requant_t *requant, int8_t *y) {
    int32_t at = 0;
    for (int32_t ox = 0; ox + 1 < p->ow; ox += 2) {
        depthwise_conv2d_3x3_s8_pixels(p, 2, rows[0] + at, rows[1] + at, rows[2] + at, weights,
                                       requant, y);
        at += 2 * p->step;
        y += 2 * p->c;
    }
    if (p->ow & 1) {
        depthwise_conv2d_3x3_s8_pixels(p, 1, rows[0] + at, rows[1] + at, rows[2] + at, weights,
                                       requant, y);
    }
}

#endif
