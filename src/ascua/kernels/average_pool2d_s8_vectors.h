/* Average pooling of one output row: eight channels at a time, summed in 16 bits. */
#ifndef ASCUA_AVERAGE_POOL2D_S8_VECTORS_H
#define ASCUA_AVERAGE_POOL2D_S8_VECTORS_H

#include "average_pool2d_s8.h"
#include "sixteens.h"

typedef struct {
    int32_t ow, iw, c, kh, kw, sx, px, low, high; /* as in average_pool2d_s8_t; c >= 8 */
} average_pool2d_s8_vectors_t;

/* Sums of eight channels in a window: so many columns, `at` bytes into each row. */
KERNEL shorts_t average_pool2d_s8_vectors_window(const average_pool2d_s8_vectors_t *p,
                                                 int32_t columns, const int8_t *const *rows,
                                                 int32_t at) {
    shorts_t sum = shorts_none();
    for (int32_t ky = 0; ky < p->kh; ky++) {
        if (rows[ky]) {
            const int8_t *x = rows[ky] + at;
            for (int32_t kx = columns; kx > 0; kx--) {
                sum = shorts_add(sum, x);
                x += p->c;
            }
        }
    }
    return sum;
}

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void average_pool2d_s8_vectors(const average_pool2d_s8_vectors_t *p,
                                      const int8_t *const *rows, int8_t *y) {
    int32_t down = 0;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        down += rows[ky] != 0;
    }
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        const int32_t taps = down * (to - from);
        /* What is left of the channels is made with what is before it. */
        for (int32_t at = 0; at < p->c; at += 8) {
            const int32_t c = at + 8 <= p->c ? at : p->c - 8;
            const int32_t x = from * p->c + c;
            shorts_t sum = to - from == p->kw
                               ? average_pool2d_s8_vectors_window(p, p->kw, rows, x)
                               : average_pool2d_s8_vectors_window(p, to - from, rows, x);
            sum = shorts_clamp(shorts_mean(sum, taps), p->low, p->high);
            shorts_store(y + c, sum);
        }
        y += p->c;
    }
}

#endif
