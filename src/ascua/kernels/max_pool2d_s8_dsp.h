/* Max pooling of one output row: four channels in a word. */
#ifndef ASCUA_MAX_POOL2D_S8_DSP_H
#define ASCUA_MAX_POOL2D_S8_DSP_H

#include "dsp.h"
#include "max_pool2d_s8.h"

typedef struct {
    int32_t ow, iw, c, kh, kw, sx, px, low, high; /* as in max_pool2d_s8_t */
} max_pool2d_s8_dsp_t;

/* Maxima of four channels; the windows begin `at` bytes into each row. */
KERNEL void max_pool2d_s8_dsp_four(const max_pool2d_s8_dsp_t *p, const int8_t *const *rows,
                                   int32_t at, int32_t columns, int8_t *y) {
    uint32_t most = (uint8_t)p->low * 0x01010101u;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        if (!rows[ky]) {
            continue;
        }
        const int8_t *x = rows[ky] + at;
        for (int32_t twos = columns >> 1; twos > 0; twos--) {
            const uint32_t a = four_bytes(x), b = four_bytes(x + p->c);
            most = max_s8x4(max_s8x4(most, a), b);
            x += 2 * p->c;
        }
        if (columns & 1) {
            most = max_s8x4(most, four_bytes(x));
        }
    }
    if (p->high < 127) {
        most = min_s8x4(most, (uint8_t)p->high * 0x01010101u);
    }
    memcpy(y, &most, 4);
}

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void max_pool2d_s8_dsp(const max_pool2d_s8_dsp_t *p, const int8_t *const *rows, int8_t *y) {
    const max_pool2d_s8_t plain = {p->ow, p->iw, p->c, p->kh, p->kw, p->sx, p->px, p->low, p->high};
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        int32_t c = 0;
        for (; c + 4 <= p->c; c += 4) {
            max_pool2d_s8_dsp_four(p, rows, from * p->c + c, to - from, y + c);
        }
        for (const int32_t end = c + (p->c & 3); c < end; c++) {
            max_pool2d_s8_lanes(&plain, 1, rows, from * p->c + c, to - from, y + c);
        }
        y += p->c;
    }
}

#endif
