/* Depthwise convolution of one output row of float32: any filter, one channel at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_F32_H
#define ASCUA_DEPTHWISE_CONV2D_F32_H

#include "dot_f32.h"

typedef struct {
    int32_t ow, ic;
    int32_t multiplier; /* output channels of an input channel */
    int32_t kh, kw;
    int32_t step; /* elements from one window to the next: sx * ic */
    int32_t gap;  /* elements from one tap to the next: dx * ic */
    float low, high;
} depthwise_conv2d_f32_t;

/* y[ow][ic][multiplier] from rows[kh] of padded input, weights[kh][kw][oc] and bias[oc]. */
KERNEL void depthwise_conv2d_f32(const depthwise_conv2d_f32_t *p, const int8_t *const *rows,
                                 const float *weights, const float *bias, f32_t *y) {
    const int32_t channels = p->ic * p->multiplier;
    for (int32_t ox = 0; ox < p->ow; ox++) {
        int32_t oc = 0;
        for (int32_t ic = 0; ic < p->ic; ic++) {
            for (const int32_t end = oc + p->multiplier; oc < end; oc++) {
                float sum = bias[oc];
                for (int32_t ky = 0; ky < p->kh; ky++) {
                    const f32_t *x = (const f32_t *)(const void *)rows[ky] + ox * p->step + ic;
                    const float *w = weights + ky * p->kw * channels + oc;
                    for (int32_t kx = 0; kx < p->kw; kx++) {
                        sum += *x * *w;
                        x += p->gap;
                        w += channels;
                    }
                }
                *y++ = clamp_f32(sum, p->low, p->high);
            }
        }
    }
}

#endif
