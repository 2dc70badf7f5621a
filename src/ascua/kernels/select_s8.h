/* One of two values, element by element, as a condition says. */
#ifndef ASCUA_SELECT_S8_H
#define ASCUA_SELECT_S8_H

#include "kernel.h"

typedef struct {
    int32_t n;                              /* elements of a run */
    int32_t condition_step, a_step, b_step; /* bytes to the next; 0 where one is repeated */
    int32_t condition_at, a_at, b_at;       /* which of the arguments each is */
    int32_t runs, loops;
    int32_t size; /* bytes of an element: 1 or 2 */
} select_s8_t;

/* y[runs][n] = condition ? a : b, their runs found by loops[count][4]: turns, and bytes from one to
   the next in each, the innermost first. */
KERNEL void select_s8(const select_s8_t *p, const int8_t *x0, const int8_t *x1, const int8_t *x2,
                      const int32_t *loops, int8_t *y) {
    const int8_t *const xs[3] = {x0, x1, x2};
    for (int32_t run = 0; run < p->runs; run++) {
        const int8_t *condition = xs[p->condition_at];
        const int8_t *a = xs[p->a_at];
        const int8_t *b = xs[p->b_at];
        int32_t rest = run;
        for (int32_t k = 0; k < p->loops; k++) {
            const int32_t *const loop = loops + 4 * k;
            const int32_t turn = rest % loop[0];
            rest /= loop[0];
            condition += turn * loop[1];
            a += turn * loop[2];
            b += turn * loop[3];
        }
        for (int32_t i = 0; i < p->n; i++) {
            const int8_t *const from = *condition ? a : b;
            if (p->size == 1) {
                *y = *from;
            } else {
                memcpy(y, from, 2);
            }
            condition += p->condition_step;
            a += p->a_step;
            b += p->b_step;
            y += p->size;
        }
    }
}

#endif
