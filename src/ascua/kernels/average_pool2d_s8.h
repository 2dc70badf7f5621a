/* Average pooling of one output row: four channels at a time. */
#ifndef ASCUA_AVERAGE_POOL2D_S8_H
#define ASCUA_AVERAGE_POOL2D_S8_H

#include "fixed.h"
#include "sum.h"

typedef struct {
    int32_t ow, iw, c;
    int32_t kh, kw;
    int32_t sx;
    int32_t px; /* columns of padding on the left */
    int32_t low, high;
    int32_t least; /* halves are rounded away from it: 0, or -128 as LiteRT does with uint8 */
} average_pool2d_s8_t;

/* round(sum / n), clamped. */
KERNEL int8_t average_pool2d_s8_divide(const average_pool2d_s8_t *p, int32_t sum, int32_t n) {
    sum -= n * p->least;
    const int32_t mean = (sum > 0 ? sum + n / 2 : sum - n / 2) / n;
    return (int8_t)clamp(mean + p->least, p->low, p->high);
}

/* Averages of `lanes` channels; the windows begin `at` bytes into each row. */
KERNEL void average_pool2d_s8_lanes(const average_pool2d_s8_t *p, int32_t lanes,
                                    const int8_t *const *rows, int32_t at, int32_t columns,
                                    int8_t *y) {
    sum_t sum = {{0, 0, 0, 0}};
    int32_t n = 0;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        if (rows[ky]) {
            sum_add(&sum, lanes, rows[ky] + at, columns, p->c);
            n += columns;
        }
    }
    y[0] = average_pool2d_s8_divide(p, sum.v[0], n);
    if (lanes > 1) {
        y[1] = average_pool2d_s8_divide(p, sum.v[1], n);
        y[2] = average_pool2d_s8_divide(p, sum.v[2], n);
        y[3] = average_pool2d_s8_divide(p, sum.v[3], n);
    }
}

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void average_pool2d_s8(const average_pool2d_s8_t *p, const int8_t *const *rows, int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        int32_t c = 0;
        for (; c + 4 <= p->c; c += 4) {
            average_pool2d_s8_lanes(p, 4, rows, from * p->c + c, to - from, y + c);
        }
        for (const int32_t end = c + (p->c & 3); c < end; c++) {
            average_pool2d_s8_lanes(p, 1, rows, from * p->c + c, to - from, y + c);
        }
        y += p->c;
    }
}

#endif
