/* Average pooling of one output row: four channels in a word, summed in halfwords. */
#ifndef ASCUA_AVERAGE_POOL2D_S8_DSP_H
#define ASCUA_AVERAGE_POOL2D_S8_DSP_H

#include "average_pool2d_s8.h"
#include "dsp.h"

typedef struct {
    int32_t ow, iw, c, kh, kw, sx, px, low, high, least; /* as in average_pool2d_s8_t; kw <= 256 */
} average_pool2d_s8_dsp_t;

/* Sums of four channels in halfwords: 0 and 2, 1 and 3. */
typedef struct {
    uint32_t even, odd;
} average_pool2d_s8_dsp_sums_t;

KERNEL void average_pool2d_s8_dsp_tap(average_pool2d_s8_dsp_sums_t *s, const int8_t *x) {
    const uint32_t v = four_bytes(x);
    s->even = sxtab16(s->even, v);
    s->odd = sxtab16_odd(s->odd, v);
}

/* Moves the sums of halfwords into those of words. */
KERNEL void average_pool2d_s8_dsp_move(sum_t *sum, average_pool2d_s8_dsp_sums_t *s) {
    sum->v[0] += lower_s16(s->even);
    sum->v[1] += lower_s16(s->odd);
    sum->v[2] += upper_s16(s->even);
    sum->v[3] += upper_s16(s->odd);
    s->even = s->odd = 0;
}

/* Averages of four channels; the windows begin `at` bytes into each row. */
KERNEL void average_pool2d_s8_dsp_four(const average_pool2d_s8_t *p, const int8_t *const *rows,
                                       int32_t at, int32_t columns, int8_t *y) {
    sum_t sum = {{0, 0, 0, 0}};
    average_pool2d_s8_dsp_sums_t s = {0, 0};
    int32_t n = 0, held = 0; /* values in all, and in `s` */
    for (int32_t ky = 0; ky < p->kh; ky++) {
        if (!rows[ky]) {
            continue;
        }
        if (p->kh * p->kw > 256 && held + columns > 256) {
            average_pool2d_s8_dsp_move(&sum, &s);
            held = 0;
        }
        const int8_t *x = rows[ky] + at;
        for (int32_t twos = columns >> 1; twos > 0; twos--) {
            average_pool2d_s8_dsp_tap(&s, x);
            average_pool2d_s8_dsp_tap(&s, x + p->c);
            x += 2 * p->c;
        }
        if (columns & 1) {
            average_pool2d_s8_dsp_tap(&s, x);
        }
        held += columns;
        n += columns;
    }
    average_pool2d_s8_dsp_move(&sum, &s);
    for (int32_t i = 0; i < 4; i++) {
        y[i] = average_pool2d_s8_divide(p, sum.v[i], n);
    }
}

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void average_pool2d_s8_dsp(const average_pool2d_s8_dsp_t *p, const int8_t *const *rows,
                                  int8_t *y) {
    const average_pool2d_s8_t plain = {p->ow, p->iw, p->c,   p->kh,   p->kw,
                                       p->sx, p->px, p->low, p->high, p->least};
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        int32_t c = 0;
        for (; c + 4 <= p->c; c += 4) {
            average_pool2d_s8_dsp_four(&plain, rows, from * p->c + c, to - from, y + c);
        }
        for (const int32_t end = c + (p->c & 3); c < end; c++) {
            average_pool2d_s8_lanes(&plain, 1, rows, from * p->c + c, to - from, y + c);
        }
        y += p->c;
    }
}

#endif
