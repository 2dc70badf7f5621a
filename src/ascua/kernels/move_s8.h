/* Bytes in another order: runs of the input, wherever they lie, side by side. */
#ifndef ASCUA_MOVE_S8_H
#define ASCUA_MOVE_S8_H

#include "copy.h"

typedef struct {
    int32_t offset;                     /* bytes of input before the first run */
    int32_t n0, n1, n2, n3;             /* turns of each loop, the outermost first */
    int32_t step0, step1, step2, step3; /* bytes of input from one turn to the next */
    int32_t n, step;                    /* the same of the innermost loop */
    int32_t run;                        /* bytes that stay together */
} move_s8_t;

/* The innermost loop; answers the end of what it wrote. */
KERNEL int8_t *move_s8_runs(const move_s8_t *p, const int8_t *x, int8_t *y) {
    if (p->run == 1) {
        for (int32_t i = 0; i < p->n; i++) {
            y[i] = x[i * p->step];
        }
        return y + p->n;
    }
    for (int32_t i = 0; i < p->n; i++) {
        copy_few(y, x + i * p->step, p->run);
        y += p->run;
    }
    return y;
}

/* y[n0][n1][n2][n3][n][run] from x + offset + i0 * step0 + ... + i * step. */
KERNEL void move_s8(const move_s8_t *p, const int8_t *x, int8_t *y) {
    x += p->offset;
    for (int32_t i0 = 0; i0 < p->n0; i0++) {
        for (int32_t i1 = 0; i1 < p->n1; i1++) {
            for (int32_t i2 = 0; i2 < p->n2; i2++) {
                const int32_t at = i0 * p->step0 + i1 * p->step1 + i2 * p->step2;
                for (int32_t i3 = 0; i3 < p->n3; i3++) {
                    y = move_s8_runs(p, x + at + i3 * p->step3, y);
                }
            }
        }
    }
}

#endif
