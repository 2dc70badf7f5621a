/* Max pooling of one output row: sixteen channels at a time. */
#ifndef ASCUA_MAX_POOL2D_S8_VECTORS_H
#define ASCUA_MAX_POOL2D_S8_VECTORS_H

#include "max_pool2d_s8.h"
#include "sixteens.h"

typedef struct {
    int32_t ow, iw, c, kh, kw, sx, px, low, high; /* as in max_pool2d_s8_t; c >= 16 */
} max_pool2d_s8_vectors_t;

/* The greatest of sixteen channels in a window: so many columns, `at` bytes into each row. */
KERNEL bytes_t max_pool2d_s8_vectors_window(const max_pool2d_s8_vectors_t *p, int32_t columns,
                                            const int8_t *const *rows, int32_t at) {
    bytes_t most = bytes_all(p->low);
    for (int32_t ky = 0; ky < p->kh; ky++) {
        if (rows[ky]) {
            const int8_t *x = rows[ky] + at;
            for (int32_t kx = columns; kx > 0; kx--) {
                most = bytes_max(most, bytes_load(x));
                x += p->c;
            }
        }
    }
    return bytes_clamp(most, -128, p->high);
}

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void max_pool2d_s8_vectors(const max_pool2d_s8_vectors_t *p, const int8_t *const *rows,
                                  int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        /* What is left of the channels is made with what is before it. */
        for (int32_t at = 0; at < p->c; at += 16) {
            const int32_t c = at + 16 <= p->c ? at : p->c - 16;
            const int32_t x = from * p->c + c;
            bytes_store(y + c, to - from == p->kw
                                   ? max_pool2d_s8_vectors_window(p, p->kw, rows, x)
                                   : max_pool2d_s8_vectors_window(p, to - from, rows, x));
        }
        y += p->c;
    }
}

#endif
