/* Where the runs of two inputs lie, of which one is repeated along the other. */
#ifndef ASCUA_BROADCAST_H
#define ASCUA_BROADCAST_H

#include "kernel.h"

/* Offsets of run i in a and b, out of loops[count][n, bytes in a, bytes in b], innermost first. */
KERNEL void broadcast_offsets(const int32_t *loops, int32_t count, int32_t i, int32_t *a,
                              int32_t *b) {
    *a = 0;
    *b = 0;
    for (int32_t k = 0; k < count; k++) {
        const int32_t n = loops[3 * k];
        const int32_t turn = i % n;
        i /= n;
        *a += turn * loops[3 * k + 1];
        *b += turn * loops[3 * k + 2];
    }
}

#endif
