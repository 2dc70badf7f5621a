/* Depthwise convolution of one output row in little code: a channel at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_COMPACT_S8_H
#define ASCUA_DEPTHWISE_CONV2D_COMPACT_S8_H

#include "fixed.h"

typedef struct {
    int32_t ow, ic;
    int32_t multiplier; /* output channels of an input channel */
    int32_t kh, kw;
    int32_t step; /* bytes from one window to the next: sx * ic */
    int32_t gap;  /* bytes from one tap to the next: dx * ic */
    int32_t zero, low, high;
} depthwise_conv2d_compact_s8_t;

/* y[ow][ic][multiplier] from rows[kh] of padded input, weights[kh][kw][ic][multiplier] and
   requant[ic][multiplier]. */
KERNEL void depthwise_conv2d_compact_s8(const depthwise_conv2d_compact_s8_t *p,
                                        const int8_t *const *rows, const int8_t *weights,
                                        const requant_t *requant, int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const requant_t *q = requant;
        const int8_t *first = weights;
        for (int32_t c = 0; c < p->ic; c++) {
            for (int32_t m = 0; m < p->multiplier; m++) {
                const int8_t *w = first++;
                uint32_t sum = (uint32_t)q->bias;
                for (int32_t ky = 0; ky < p->kh; ky++) {
                    const int8_t *x = rows[ky] + ox * p->step + c;
                    for (int32_t kx = 0; kx < p->kw; kx++) {
                        sum += (uint32_t)(*x * *w);
                        x += p->gap;
                        w += p->ic * p->multiplier;
                    }
                }
                *y++ = requantize((int32_t)sum, q++, p->zero, p->low, p->high);
            }
        }
    }
}

#endif
