/* Runs of the input, from places that a table lists for each dimension of the output. */
#ifndef ASCUA_GATHER_S8_H
#define ASCUA_GATHER_S8_H

#include "copy.h"

typedef struct {
    int32_t n0, n1, n2, n3, n4; /* turns of each loop, the outermost first */
    int32_t run;                /* bytes that stay together */
} gather_s8_t;

/* y[n0][n1][n2][n3][n4][run] from x + places of each turn; places[n0 + n1 + n2 + n3 + n4]. */
KERNEL void gather_s8(const gather_s8_t *p, const int8_t *x, const int32_t *places, int8_t *y) {
    const int32_t *const p1 = places + p->n0;
    const int32_t *const p2 = p1 + p->n1;
    const int32_t *const p3 = p2 + p->n2;
    const int32_t *const p4 = p3 + p->n3;
    for (int32_t i0 = 0; i0 < p->n0; i0++) {
        for (int32_t i1 = 0; i1 < p->n1; i1++) {
            for (int32_t i2 = 0; i2 < p->n2; i2++) {
                const int8_t *const at = x + places[i0] + p1[i1] + p2[i2];
                for (int32_t i3 = 0; i3 < p->n3; i3++) {
                    const int8_t *const from = at + p3[i3];
                    for (int32_t i4 = 0; i4 < p->n4; i4++) {
                        copy_few(y, from + p4[i4], p->run);
                        y += p->run;
                    }
                }
            }
        }
    }
}

#endif
