/* Sums of int8 down columns, four at a time. */
#ifndef ASCUA_SUM_H
#define ASCUA_SUM_H

#include "kernel.h"

typedef struct {
    int32_t v[4];
} sum_t;

/* Adds n vectors of `lanes` (1 or 4) neighbors, `stride` bytes apart. */
KERNEL void sum_add(sum_t *sum, int32_t lanes, const int8_t *x, int32_t n, int32_t stride) {
    for (; n > 0; n--) {
        sum->v[0] += x[0];
        if (lanes > 1) {
            sum->v[1] += x[1];
            sum->v[2] += x[2];
            sum->v[3] += x[3];
        }
        x += stride;
    }
}

#endif
