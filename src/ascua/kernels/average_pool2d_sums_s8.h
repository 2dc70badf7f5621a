/* Average of the pixels of an image, a row at a time: four channels at a time. */
#ifndef ASCUA_AVERAGE_POOL2D_SUMS_S8_H
#define ASCUA_AVERAGE_POOL2D_SUMS_S8_H

#include "average_pool2d_s8.h"
#include "sums.h"

typedef struct {
    int32_t ih, iw, c;        /* of the image */
    int32_t low, high, least; /* as in average_pool2d_s8_t */
} average_pool2d_sums_s8_t;

/* Adds row iy, x[iw][c], to the sums in scratch, int32_t[c]; of the last, y[c]. */
KERNEL void average_pool2d_sums_s8(const average_pool2d_sums_s8_t *p, const int8_t *x, int8_t *y,
                                   int32_t iy, void *scratch) {
    s32_t *sums = scratch;
    sums_add_row(sums, x, p->iw, p->c, iy);
    if (iy == p->ih - 1) {
        const average_pool2d_s8_t whole = {1, p->iw, p->c,   p->ih,   p->iw,
                                           1, 0,     p->low, p->high, p->least};
        for (int32_t i = 0; i < p->c; i++) {
            y[i] = average_pool2d_s8_divide(&whole, sums[i], p->ih * p->iw);
        }
    }
}

#endif
