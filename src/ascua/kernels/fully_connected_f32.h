/* Fully connected layer of float32: four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_F32_H
#define ASCUA_FULLY_CONNECTED_F32_H

#include "dot_f32.h"

typedef struct {
    int32_t rows; /* vectors of the input */
    int32_t k;    /* elements of each */
    int32_t oc;
    float low, high;
} fully_connected_f32_t;

/* y[rows][oc] from x[rows][k], weights[oc / 4][k][4] then [oc % 4][k], and bias[oc]. */
KERNEL void fully_connected_f32(const fully_connected_f32_t *p, const f32_t *x,
                                const float *weights, const float *bias, f32_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        const float *w = weights;
        int32_t oc = 0;
        for (; oc + 4 <= p->oc; oc += 4) {
            float sum[4] = {bias[oc], bias[oc + 1], bias[oc + 2], bias[oc + 3]};
            dot_f32(sum, 4, x, w, p->k);
            for (int32_t i = 0; i < 4; i++) {
                *y++ = clamp_f32(sum[i], p->low, p->high);
            }
            w += 4 * p->k;
        }
        for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
            float sum = bias[oc];
            dot_f32(&sum, 1, x, w, p->k);
            *y++ = clamp_f32(sum, p->low, p->high);
            w += p->k;
        }
        x += p->k;
    }
}

#endif
