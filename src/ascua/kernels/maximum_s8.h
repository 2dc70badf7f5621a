/* The greater of two tensors' values, of which one may be repeated along the other. */
#ifndef ASCUA_MAXIMUM_S8_H
#define ASCUA_MAXIMUM_S8_H

#include "broadcast.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
} maximum_s8_t;

/* y[runs][n] = max(a, b), their runs found by loops[count][3]. */
KERNEL void maximum_s8(const maximum_s8_t *p, const int8_t *a, const int8_t *b,
                       const int32_t *loops, int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            *y++ = a[at] > b[bt] ? a[at] : b[bt];
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
