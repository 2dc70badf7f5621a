/* Max pooling of one output row of int16. */
#ifndef ASCUA_MAX_POOL2D_S16_H
#define ASCUA_MAX_POOL2D_S16_H

#include "wide.h"

typedef struct {
    int32_t ow, iw, c;
    int32_t kh, kw;
    int32_t sx;
    int32_t px; /* columns of padding on the left */
    int32_t low, high;
} max_pool2d_s16_t;

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void max_pool2d_s16(const max_pool2d_s16_t *p, const int8_t *const *rows, s16_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        for (int32_t c = 0; c < p->c; c++) {
            int32_t greatest = p->low;
            for (int32_t ky = 0; ky < p->kh; ky++) {
                if (rows[ky]) {
                    const s16_t *x = (const s16_t *)(const void *)rows[ky] + c;
                    for (int32_t ix = from; ix < to; ix++) {
                        const int32_t v = x[ix * p->c];
                        greatest = v > greatest ? v : greatest;
                    }
                }
            }
            *y++ = (int16_t)(greatest < p->high ? greatest : p->high);
        }
    }
}

#endif
