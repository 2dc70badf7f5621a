/* Depthwise convolution of one output row with weights of 4 bits: two channels at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_S4_H
#define ASCUA_DEPTHWISE_CONV2D_S4_H

#include "fixed.h"

typedef struct {
    int32_t ow, oc;
    int32_t multiplier; /* output channels of each input channel */
    int32_t kh, kw;
    int32_t step, gap, small, zero, low, high; /* as in depthwise_conv2d_s8_t */
} depthwise_conv2d_s4_t;

/* y[ow][oc] from rows[kh] of padded input, weights[(oc + 1) / 2][kh][kw], the even channel's in the
   low bits, and requant[oc]. */
KERNEL void depthwise_conv2d_s4(const depthwise_conv2d_s4_t *p, const int8_t *const *rows,
                                const uint8_t *weights, const requant_t *requant, int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const uint8_t *w = weights;
        for (int32_t oc = 0; oc < p->oc; oc += 2) {
            /* The last of an odd number of channels is computed twice. */
            const int32_t other = oc + 1 < p->oc;
            const int32_t at = oc / p->multiplier;
            const int32_t next = (oc + other) / p->multiplier - at;
            uint32_t a = (uint32_t)requant[oc].bias, b = (uint32_t)requant[oc + other].bias;
            for (int32_t ky = 0; ky < p->kh; ky++) {
                const int8_t *x = rows[ky] + ox * p->step + at;
                for (int32_t kx = p->kw; kx > 0; kx--) {
                    const uint32_t v = *w++;
                    a += (uint32_t)(x[0] * nibble(v, 0));
                    b += (uint32_t)(x[next] * nibble(v, 1));
                    x += p->gap;
                }
            }
            y[oc + other] =
                requantize_sum(b, &requant[oc + other], p->small, p->zero, p->low, p->high);
            y[oc] = requantize_sum(a, &requant[oc], p->small, p->zero, p->low, p->high);
        }
        y += p->oc;
    }
}

#endif
