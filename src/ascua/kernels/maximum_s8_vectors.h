/* The greater of two tensors' values, sixteen at a time. */
#ifndef ASCUA_MAXIMUM_S8_VECTORS_H
#define ASCUA_MAXIMUM_S8_VECTORS_H

#include "maximum_s8.h"
#include "sixteens.h"

typedef struct {
    int32_t n, a_step, b_step, runs, loops; /* as in maximum_s8_t */
} maximum_s8_vectors_t;

/* y[runs][n] = max(a, b), their runs found by loops[count][3]. */
KERNEL void maximum_s8_vectors(const maximum_s8_vectors_t *p, const int8_t *a, const int8_t *b,
                               const int32_t *loops, int8_t *y) {
    const int32_t whole = p->n & ~15;
    const maximum_s8_t rest = {p->n & 15, p->a_step, p->b_step, 1, 1};
    const int32_t none[3] = {1, 0, 0};
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        const int8_t *u = a + at, *v = b + bt;
        for (int32_t i = 0; i < whole; i += 16) {
            bytes_store(y, bytes_max(p->a_step ? bytes_load(u + i) : bytes_all(*u),
                                     p->b_step ? bytes_load(v + i) : bytes_all(*v)));
            y += 16;
        }
        maximum_s8(&rest, u + whole * p->a_step, v + whole * p->b_step, none, y);
        y += rest.n;
    }
}

#endif
