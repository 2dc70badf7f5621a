/* Fully connected layer by vectors of sixteen inputs, four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S8_VECTORS_H
#define ASCUA_FULLY_CONNECTED_S8_VECTORS_H

#include "dots.h"

typedef struct {
    int32_t rows, k, oc;
    int32_t channels; /* oc, filled up to fours */
    int32_t zero, low, high;
} fully_connected_s8_vectors_t;

/* y[rows][oc] from x[rows][k]; weights[oc / 4][k / 16][4][16], both rounded up, and
   rescale[3][channels]: biases, multipliers, shifts. */
KERNEL void fully_connected_s8_vectors(const fully_connected_s8_vectors_t *p, const int8_t *x,
                                       const int8_t *weights, const int32_t *rescale, int8_t *y) {
    const rescale_t r = {rescale, rescale + p->channels, rescale + 2 * p->channels, p->zero, p->low,
                         p->high};
    const int32_t whole = p->k >> 4, rest = p->k & 15;
    int8_t last[16] = {0};
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = weights;
        if (rest) {
            memcpy(last, x + 16 * whole, (size_t)rest);
        }
        for (int32_t c = 0; c < p->oc; c += 4) {
            dots_t s = dots_none();
            if (whole) {
                dots_add(&s, x, w, whole);
                w += 64 * whole;
            }
            if (rest) {
                dots_add(&s, last, w, 1);
                w += 64;
            }
            fours_store(y + c, fours_rescale(dots_sum(&s), &r, c), p->oc - c < 4 ? p->oc - c : 4);
        }
        x += p->k;
        y += p->oc;
    }
}

#endif
