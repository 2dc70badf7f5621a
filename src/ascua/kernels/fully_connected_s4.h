/* Fully connected layer with weights of 4 bits: four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S4_H
#define ASCUA_FULLY_CONNECTED_S4_H

#include "fully_connected_s8.h"

typedef struct {
    int32_t rows, k, oc, next, small, zero, low, high; /* as in fully_connected_s8_t */
} fully_connected_s4_t;

/* y[rows][oc] from x[rows][k], weights[oc / 4][k] of four outputs each, then
   [oc % 4][(k + 3) / 4] of four inputs each, bias[oc] and factors[oc], or one factor. */
KERNEL void fully_connected_s4(const fully_connected_s4_t *p, const int8_t *x,
                               const uint8_t *weights, const int32_t *bias, const factor_t *factors,
                               int8_t *y) {
    const fully_connected_s8_t plain = {p->rows,  p->k,    p->oc,  p->next,
                                        p->small, p->zero, p->low, p->high};
    for (int32_t row = 0; row < p->rows; row++) {
        const uint8_t *w = weights;
        const int32_t *b = bias;
        const factor_t *f = factors;
        for (int32_t block = p->oc >> 2; block > 0; block--) {
            uint32_t s[4] = {(uint32_t)b[0], (uint32_t)b[1], (uint32_t)b[2], (uint32_t)b[3]};
            for (int32_t k = 0; k < p->k; k++) {
                const uint32_t v = nibbles(w);
                s[0] += (uint32_t)(x[k] * nibble(v, 0));
                s[1] += (uint32_t)(x[k] * nibble(v, 1));
                s[2] += (uint32_t)(x[k] * nibble(v, 2));
                s[3] += (uint32_t)(x[k] * nibble(v, 3));
                w += 2;
            }
            for (int32_t i = 0; i < 4; i++) {
                *y++ = fully_connected_s8_requantize(&plain, 0, s[i], f);
                f += p->next;
            }
            b += 4;
        }
        for (int32_t rest = p->oc & 3; rest > 0; rest--) {
            uint32_t s = (uint32_t)*b++;
            for (int32_t k = 0; k < p->k; k++) {
                s += (uint32_t)(x[k] * nibble(nibbles(w + 2 * (k >> 2)), k & 3));
            }
            w += 2 * ((p->k + 3) >> 2);
            *y++ = fully_connected_s8_requantize(&plain, 0, s, f);
            f += p->next;
        }
        x += p->k;
    }
}

#endif
