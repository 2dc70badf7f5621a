/* Fully connected layer: four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S8_H
#define ASCUA_FULLY_CONNECTED_S8_H

#include "fixed.h"

typedef struct {
    int32_t rows; /* vectors of the input */
    int32_t k;    /* elements of each */
    int32_t oc;
    int32_t small; /* as for requantize_sum() */
    int32_t zero, low, high;
} fully_connected_s8_t;

/* y[rows][oc] from x[rows][k], weights[oc / 4][k][4] and requant[oc]. */
KERNEL void fully_connected_s8(const fully_connected_s8_t *p, const int8_t *x,
                               const int8_t *weights, const requant_t *requant, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = weights;
        const requant_t *q = requant;
        for (int32_t left = p->oc; left > 0; left -= 4) {
            uint32_t a = (uint32_t)q[0].bias, b = (uint32_t)q[1].bias;
            uint32_t c = (uint32_t)q[2].bias, d = (uint32_t)q[3].bias;
            const int8_t *in = x;
            int32_t k = p->k;
            for (; k >= 4; k -= 4) {
                for (int32_t i = 0; i < 4; i++) {
                    const int32_t v = in[i];
                    a += (uint32_t)(v * w[4 * i]);
                    b += (uint32_t)(v * w[4 * i + 1]);
                    c += (uint32_t)(v * w[4 * i + 2]);
                    d += (uint32_t)(v * w[4 * i + 3]);
                }
                in += 4;
                w += 16;
            }
            for (; k > 0; k--) {
                const int32_t v = *in++;
                a += (uint32_t)(v * w[0]);
                b += (uint32_t)(v * w[1]);
                c += (uint32_t)(v * w[2]);
                d += (uint32_t)(v * w[3]);
                w += 4;
            }
            *y++ = requantize_sum(a, &q[0], p->small, p->zero, p->low, p->high);
            if (left > 1) {
                *y++ = requantize_sum(b, &q[1], p->small, p->zero, p->low, p->high);
            }
            if (left > 2) {
                *y++ = requantize_sum(c, &q[2], p->small, p->zero, p->low, p->high);
            }
            if (left > 3) {
                *y++ = requantize_sum(d, &q[3], p->small, p->zero, p->low, p->high);
            }
            q += 4;
        }
        x += p->k;
    }
}

#endif
