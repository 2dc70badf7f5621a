/* Tensors one after the other along an axis. */
#ifndef ASCUA_CONCATENATION_S8_H
#define ASCUA_CONCATENATION_S8_H

#include "kernel.h"

typedef struct {
    int32_t inputs;
    int32_t turns; /* product of the dimensions before the axis */
} concatenation_s8_t;

/* y[turns][sum of sizes] from xs[inputs][turns][sizes[input]]. */
KERNEL void concatenation_s8(const concatenation_s8_t *p, const int8_t *const *xs,
                             const int32_t *sizes, int8_t *y) {
    for (int32_t turn = 0; turn < p->turns; turn++) {
        for (int32_t i = 0; i < p->inputs; i++) {
            memcpy(y, xs[i] + turn * sizes[i], (size_t)sizes[i]);
            y += sizes[i];
        }
    }
}

#endif
