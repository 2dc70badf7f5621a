/* Max pooling of one output row: four channels at a time. */
#ifndef ASCUA_MAX_POOL2D_S8_H
#define ASCUA_MAX_POOL2D_S8_H

#include "kernel.h"

typedef struct {
    int32_t ow, iw, c;
    int32_t kh, kw;
    int32_t sx;
    int32_t px; /* columns of padding on the left */
    int32_t low, high;
} max_pool2d_s8_t;

KERNEL int32_t max_pool2d_s8_max(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* Maxima of `lanes` (1 or 4) channels; the windows begin `at` bytes into each row. */
KERNEL void max_pool2d_s8_lanes(const max_pool2d_s8_t *p, int32_t lanes, const int8_t *const *rows,
                                int32_t at, int32_t columns, int8_t *y) {
    int32_t a = p->low, b = a, c = a, d = a;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        if (!rows[ky]) {
            continue;
        }
        const int8_t *x = rows[ky] + at;
        for (int32_t n = columns; n > 0; n--) {
            a = max_pool2d_s8_max(a, x[0]);
            if (lanes > 1) {
                b = max_pool2d_s8_max(b, x[1]);
                c = max_pool2d_s8_max(c, x[2]);
                d = max_pool2d_s8_max(d, x[3]);
            }
            x += p->c;
        }
    }
    y[0] = (int8_t)(a < p->high ? a : p->high);
    if (lanes > 1) {
        y[1] = (int8_t)(b < p->high ? b : p->high);
        y[2] = (int8_t)(c < p->high ? c : p->high);
        y[3] = (int8_t)(d < p->high ? d : p->high);
    }
}

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void max_pool2d_s8(const max_pool2d_s8_t *p, const int8_t *const *rows, int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        int32_t c = 0;
        for (; c + 4 <= p->c; c += 4) {
            max_pool2d_s8_lanes(p, 4, rows, from * p->c + c, to - from, y + c);
        }
        for (const int32_t end = c + (p->c & 3); c < end; c++) {
            max_pool2d_s8_lanes(p, 1, rows, from * p->c + c, to - from, y + c);
        }
        y += p->c;
    }
}

#endif
