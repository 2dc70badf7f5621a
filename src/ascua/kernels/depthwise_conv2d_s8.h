/* Depthwise convolution of one output row: any filter, two pixels at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_S8_H
#define ASCUA_DEPTHWISE_CONV2D_S8_H

#include "fixed.h"

typedef struct {
    int32_t ow, ic;
    int32_t multiplier; /* output channels an input channel */
    int32_t kh, kw;
    int32_t step;  /* bytes from one window to the next: sx * ic */
    int32_t gap;   /* bytes from one tap to the next: dx * ic */
    int32_t small; /* as for requantize_sum() */
    int32_t zero, low, high;
} depthwise_conv2d_s8_t;

/* y[ow][ic][multiplier] from rows[kh] of padded input, weights[ic][multiplier][kh][kw] and
 * requant[ic][multiplier]. */
KERNEL void depthwise_conv2d_s8(const depthwise_conv2d_s8_t *p, const int8_t *const *rows,
                                const int8_t *weights, const requant_t *requant, int8_t *y) {
    const int32_t oc = p->ic * p->multiplier;
    for (int32_t ox = 0; ox < p->ow; ox += 2) {
        /* The last pixel of an odd row is computed twice. */
        const int32_t pair = ox + 1 < p->ow;
        const int8_t *w = weights;
        const requant_t *q = requant;
        for (int32_t ic = 0; ic < p->ic; ic++) {
            const int32_t at = ox * p->step + ic;
            for (int32_t m = 0; m < p->multiplier; m++) {
                uint32_t a = (uint32_t)q->bias, b = a;
                for (int32_t ky = 0; ky < p->kh; ky++) {
                    const int8_t *xa = rows[ky] + at;
                    const int8_t *xb = xa + pair * p->step;
                    for (int32_t kx = 0; kx < p->kw; kx++) {
                        const int32_t v = *w++;
                        a += (uint32_t)(*xa * v);
                        b += (uint32_t)(*xb * v);
                        xa += p->gap;
                        xb += p->gap;
                    }
                }
                y[0] = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
                y[pair * oc] = requantize_sum(b, q, p->small, p->zero, p->low, p->high);
                y++;
                q++;
            }
        }
        y += oc;
    }
}

#endif
