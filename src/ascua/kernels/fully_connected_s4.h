/* Fully connected layer with weights of 4 bits: four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S4_H
#define ASCUA_FULLY_CONNECTED_S4_H

#include "fixed.h"

typedef struct {
    int32_t rows, k, oc, small, zero, low, high; /* as in fully_connected_s8_t */
} fully_connected_s4_t;

/* y[rows][oc] from x[rows][k], weights[oc / 4][k] of four outputs each, then
   [oc % 4][(k + 3) / 4] of four inputs each, and requant[oc]. */
KERNEL void fully_connected_s4(const fully_connected_s4_t *p, const int8_t *x,
                               const uint8_t *weights, const requant_t *requant, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        const uint8_t *w = weights;
        const requant_t *q = requant;
        for (int32_t block = p->oc >> 2; block > 0; block--) {
            uint32_t s[4] = {(uint32_t)q[0].bias, (uint32_t)q[1].bias, (uint32_t)q[2].bias,
                             (uint32_t)q[3].bias};
            for (int32_t k = 0; k < p->k; k++) {
                const uint32_t v = nibbles(w);
                s[0] += (uint32_t)(x[k] * nibble(v, 0));
                s[1] += (uint32_t)(x[k] * nibble(v, 1));
                s[2] += (uint32_t)(x[k] * nibble(v, 2));
                s[3] += (uint32_t)(x[k] * nibble(v, 3));
                w += 2;
            }
            for (int32_t i = 0; i < 4; i++) {
                *y++ = requantize_sum(s[i], q++, p->small, p->zero, p->low, p->high);
            }
        }
        for (int32_t rest = p->oc & 3; rest > 0; rest--) {
            uint32_t s = (uint32_t)q->bias;
            for (int32_t k = 0; k < p->k; k++) {
                s += (uint32_t)(x[k] * nibble(nibbles(w + 2 * (k >> 2)), k & 3));
            }
            w += 2 * ((p->k + 3) >> 2);
            *y++ = requantize_sum(s, q++, p->small, p->zero, p->low, p->high);
        }
        x += p->k;
    }
}

#endif
