/* Fully connected layer of int16: four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S16_H
#define ASCUA_FULLY_CONNECTED_S16_H

#include "wide.h"

typedef struct {
    int32_t rows; /* vectors of the input */
    int32_t k;    /* elements of each */
    int32_t oc;
    int32_t short_sums; /* as for requantize_s16() */
    int32_t low, high;
} fully_connected_s16_t;

/* y[rows][oc] from x[rows][k], weights[oc / 4][k][4] then [oc % 4][k], bias[oc] and requant[oc]. */
KERNEL void fully_connected_s16(const fully_connected_s16_t *p, const s16_t *x,
                                const int8_t *weights, const int64_t *bias,
                                const requant_s16_t *requant, s16_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = weights;
        int32_t oc = 0;
        for (; oc + 4 <= p->oc; oc += 4) {
            int64_t sum[4] = {bias[oc], bias[oc + 1], bias[oc + 2], bias[oc + 3]};
            wide_dot4(sum, x, w, p->k);
            for (int32_t i = 0; i < 4; i++) {
                *y++ = requantize_s16(sum[i], &requant[oc + i], p->short_sums, p->low, p->high);
            }
            w += 4 * p->k;
        }
        for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
            const int64_t sum = bias[oc] + wide_dot(x, 1, w, 1, p->k);
            *y++ = requantize_s16(sum, &requant[oc], p->short_sums, p->low, p->high);
            w += p->k;
        }
        x += p->k;
    }
}

#endif
