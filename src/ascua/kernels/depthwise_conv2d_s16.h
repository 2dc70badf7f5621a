/* Depthwise convolution of one output row of int16: any filter, one channel at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_S16_H
#define ASCUA_DEPTHWISE_CONV2D_S16_H

#include "wide.h"

typedef struct {
    int32_t ow, ic;
    int32_t multiplier; /* output channels of an input channel */
    int32_t kh, kw;
    int32_t step; /* elements from one window to the next: sx * ic */
    int32_t gap;  /* elements from one tap to the next: dx * ic */
    int32_t low, high;
} depthwise_conv2d_s16_t;

/* y[ow][ic][multiplier] from rows[kh] of padded input, weights[kh][kw][oc], bias[oc] and
   requant[oc]. */
KERNEL void depthwise_conv2d_s16(const depthwise_conv2d_s16_t *p, const int8_t *const *rows,
                                 const int8_t *weights, const int64_t *bias,
                                 const requant_s16_t *requant, s16_t *y) {
    const int32_t channels = p->ic * p->multiplier;
    for (int32_t ox = 0; ox < p->ow; ox++) {
        int32_t oc = 0;
        for (int32_t ic = 0; ic < p->ic; ic++) {
            for (const int32_t end = oc + p->multiplier; oc < end; oc++) {
                int64_t sum = bias[oc];
                for (int32_t ky = 0; ky < p->kh; ky++) {
                    const s16_t *x = (const s16_t *)(const void *)rows[ky] + ox * p->step + ic;
                    const int8_t *w = weights + ky * p->kw * channels + oc;
                    sum += wide_dot(x, p->gap, w, channels, p->kw);
                }
                *y++ = requantize_s16(sum, &requant[oc], 0, p->low, p->high);
            }
        }
    }
}

#endif
