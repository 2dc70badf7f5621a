/* Greatest or least of two tensors of int16, of which one may be repeated along the other. */
#ifndef ASCUA_MAXIMUM_S16_H
#define ASCUA_MAXIMUM_S16_H

#include "broadcast.h"
#include "wide.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t sign; /* 1 for the greatest value, -1 for the least */
} maximum_s16_t;

/* y[runs][n] = sign * max(sign * a, sign * b), their runs found by loops[count][3]. */
KERNEL void maximum_s16(const maximum_s16_t *p, const s16_t *a, const s16_t *b,
                        const int32_t *loops, s16_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t av = a[at], bv = b[bt];
            *y++ = (int16_t)(p->sign * av > p->sign * bv ? av : bv);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
