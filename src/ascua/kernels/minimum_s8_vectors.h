/* The lesser of two tensors' values, sixteen at a time. */
#ifndef ASCUA_MINIMUM_S8_VECTORS_H
#define ASCUA_MINIMUM_S8_VECTORS_H

#include "minimum_s8.h"
#include "sixteens.h"

typedef struct {
    int32_t n, a_step, b_step, runs, loops; /* as in minimum_s8_t */
} minimum_s8_vectors_t;

/* y[runs][n] = min(a, b), their runs found by loops[count][3]. */
KERNEL void minimum_s8_vectors(const minimum_s8_vectors_t *p, const int8_t *a, const int8_t *b,
                               const int32_t *loops, int8_t *y) {
    const int32_t whole = p->n & ~15;
    const minimum_s8_t rest = {p->n & 15, p->a_step, p->b_step, 1, 1};
    const int32_t none[3] = {1, 0, 0};
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        const int8_t *u = a + at, *v = b + bt;
        for (int32_t i = 0; i < whole; i += 16) {
            bytes_store(y, bytes_min(p->a_step ? bytes_load(u + i) : bytes_all(*u),
                                     p->b_step ? bytes_load(v + i) : bytes_all(*v)));
            y += 16;
        }
        minimum_s8(&rest, u + whole * p->a_step, v + whole * p->b_step, none, y);
        y += rest.n;
    }
}

#endif
