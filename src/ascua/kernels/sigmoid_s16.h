/* Sigmoid and hyperbolic tangent of int16: a table of the one, interpolated. */
#ifndef ASCUA_SIGMOID_S16_H
#define ASCUA_SIGMOID_S16_H

#include "kernel.h"

typedef struct {
    int32_t n; /* elements */
    int32_t multiplier;
    int32_t shift; /* to the right */
    int32_t bits;  /* behind a step of the table: 9 for the sigmoid, 8 for tanh, of twice as much */
} sigmoid_s16_t;

/* y[n] in Q15, from table[256] of sigmoid(i / 24) in Q16. */
KERNEL void sigmoid_s16(const sigmoid_s16_t *p, const s16_t *x, const uint16_t *table, s16_t *y) {
    const int32_t half = p->shift > 0 ? (int32_t)1 << (p->shift - 1) : 0;
    const int32_t tanh = p->bits == 8;
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t v = (x[i] * p->multiplier + half) >> p->shift;
        const int32_t distance = v < 0 ? -v : v;
        const int32_t index = distance >> p->bits;
        const int32_t rest = distance & ((1 << p->bits) - 1);
        int32_t s; /* the sigmoid of the distance in Q25 or Q24 */
        if (index >= 255) {
            s = tanh ? (int32_t)0xFFFF << 8 : (int32_t)0x7FFF << 10;
        } else {
            const int32_t first = table[index], next = table[index + 1];
            s = (first << p->bits) + rest * (next - first);
        }
        if (tanh) {
            s -= (int32_t)1 << 23;
            y[i] = (int16_t)(((v < 0 ? -s - 1 : s) + (1 << 7)) >> 8);
        } else {
            y[i] = (int16_t)(((v < 0 ? ((int32_t)1 << 25) - s - 1 : s) + (1 << 9)) >> 10);
        }
    }
}

#endif
