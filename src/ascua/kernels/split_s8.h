/* A tensor cut into pieces along an axis. */
#ifndef ASCUA_SPLIT_S8_H
#define ASCUA_SPLIT_S8_H

#include "copy.h"

typedef struct {
    int32_t outputs;
    int32_t turns; /* product of the dimensions before the axis */
    int32_t row;   /* bytes of input a turn: the sum of the sizes */
    int32_t size;  /* of every piece; 0 where they differ */
} split_s8_t;

/* ys[outputs][turns][sizes[output]] from x[turns][row]. */
KERNEL void split_s8(const split_s8_t *p, const int8_t *x, const int32_t *sizes,
                     int8_t *const *ys) {
    for (int32_t i = 0; i < p->outputs; i++) {
        int8_t *y = ys[i];
        if (p->size > 0) {
            for (int32_t turn = 0; turn < p->turns; turn++) {
                copy_few(y + turn * p->size, x + turn * p->row, p->size);
            }
        } else {
            for (int32_t turn = 0; turn < p->turns; turn++) {
                copy_bytes(y + turn * sizes[i], x + turn * p->row, sizes[i]);
            }
        }
        x += sizes[i];
    }
}

#endif
