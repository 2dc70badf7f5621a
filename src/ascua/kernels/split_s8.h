/* A tensor cut into pieces along an axis. */
#ifndef ASCUA_SPLIT_S8_H
#define ASCUA_SPLIT_S8_H

#include "copy.h"

typedef struct {
    int32_t outputs;
    int32_t turns; /* product of the dimensions before the axis */
} split_s8_t;

/* ys[outputs][turns][sizes[output]] from x[turns][sum of sizes]. */
KERNEL void split_s8(const split_s8_t *p, const int8_t *x, const int32_t *sizes,
                     int8_t *const *ys) {
    for (int32_t turn = 0; turn < p->turns; turn++) {
        for (int32_t i = 0; i < p->outputs; i++) {
            copy_bytes(ys[i] + turn * sizes[i], x, sizes[i]);
            x += sizes[i];
        }
    }
}

#endif
