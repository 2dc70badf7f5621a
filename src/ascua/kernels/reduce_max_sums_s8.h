/* The greatest or the least of the pixels of an image, a row at a time. */
#ifndef ASCUA_REDUCE_MAX_SUMS_S8_H
#define ASCUA_REDUCE_MAX_SUMS_S8_H

#include "fixed.h"

typedef struct {
    int32_t ih, iw, c; /* of the image */
    int32_t sign;      /* 1 for the greatest value, -1 for the least */
    int32_t low, high;
} reduce_max_sums_s8_t;

/* Keeps of row iy, x[iw][c], what is beyond scratch, int8_t[c]; of the last row, y[c]. */
KERNEL void reduce_max_sums_s8(const reduce_max_sums_s8_t *p, const int8_t *x, int8_t *y,
                               int32_t iy, void *scratch) {
    int8_t *kept = scratch;
    for (int32_t i = 0; i < p->c; i++) {
        const int8_t *v = x + i;
        int32_t best = (iy > 0 ? kept[i] : *v) * p->sign;
        for (int32_t n = p->iw; n > 0; n--) {
            const int32_t next = *v * p->sign;
            best = next > best ? next : best;
            v += p->c;
        }
        kept[i] = (int8_t)(best * p->sign);
        if (iy == p->ih - 1) {
            y[i] = clamp_s8(kept[i], p->low, p->high);
        }
    }
}

#endif
