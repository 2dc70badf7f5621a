/* Sums of the pixels of an image, a row at a time. */
#ifndef ASCUA_SUMS_H
#define ASCUA_SUMS_H

#include "sum.h"

/* Adds `lanes` (1 or 4) channels of n pixels to their sums. */
KERNEL void sums_add_lanes(s32_t *sums, int32_t lanes, const int8_t *x, int32_t n, int32_t c,
                           int32_t iy) {
    sum_t sum = {{0, 0, 0, 0}};
    if (iy > 0) {
        for (int32_t i = 0; i < lanes; i++) {
            sum.v[i] = sums[i];
        }
    }
    sum_add(&sum, lanes, x, n, c);
    for (int32_t i = 0; i < lanes; i++) {
        sums[i] = sum.v[i];
    }
}

/* Adds row iy, x[n][c], to sums[c], which begin with row 0. */
KERNEL void sums_add_row(s32_t *sums, const int8_t *x, int32_t n, int32_t c, int32_t iy) {
    int32_t i = 0;
    for (; i + 4 <= c; i += 4) {
        sums_add_lanes(sums + i, 4, x + i, n, c, iy);
    }
    for (const int32_t end = i + (c & 3); i < end; i++) {
        sums_add_lanes(sums + i, 1, x + i, n, c, iy);
    }
}

#endif
