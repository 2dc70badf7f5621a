/* Mean of the pixels of an image, a row at a time: four channels at a time. */
#ifndef ASCUA_MEAN_SUMS_S8_H
#define ASCUA_MEAN_SUMS_S8_H

#include "mean_s8.h"
#include "sums.h"

typedef struct {
    int32_t rows, n, inner;                  /* the image is [rows][n][inner] */
    int32_t offset, multiplier, shift, zero; /* as in mean_s8_t */
} mean_sums_s8_t;

/* Adds row iy, x[n][inner], to the sums in scratch, int32_t[inner]; of the last, y[inner]. */
KERNEL void mean_sums_s8(const mean_sums_s8_t *p, const int8_t *x, int8_t *y, int32_t iy,
                         void *scratch) {
    s32_t *sums = scratch;
    sums_add_row(sums, x, p->n, p->inner, iy);
    if (iy == p->rows - 1) {
        const mean_s8_t whole = {1,        p->rows * p->n, p->inner, p->offset, p->multiplier,
                                 p->shift, p->zero};
        for (int32_t i = 0; i < p->inner; i++) {
            y[i] = mean_s8_requantize(&whole, sums[i]);
        }
    }
}

#endif
