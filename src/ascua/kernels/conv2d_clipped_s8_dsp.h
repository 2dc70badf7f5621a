/* Convolution of one output row with the DSP extension, from rows without padding. */
#ifndef ASCUA_CONV2D_CLIPPED_S8_DSP_H
#define ASCUA_CONV2D_CLIPPED_S8_DSP_H

#include "clipped.h"
#include "conv2d_s8_dsp.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, words, small, zero, low, high; /* conv2d_s8_dsp_t */
    int32_t left, row, first, inside, fill;                                  /* as in clipped_t */
} conv2d_clipped_s8_dsp_t;

/* What runs have beyond fours, as conv2d_s8_dsp_rest. */
KERNEL void conv2d_clipped_s8_dsp_rest(const conv2d_s8_dsp_t *p, const clipped_t *in,
                                       const int8_t *const *rows, int32_t at, int32_t step,
                                       pair_t *x) {
    const int32_t rest = p->run & 3, fours = (p->kh * p->runs * rest + 3) >> 2;
    int8_t *const bytes = (int8_t *)(x + 8 * fours);
    for (int32_t pixel = 0; pixel < 4; pixel++) {
        int8_t *to = bytes + 4 * fours * pixel;
        for (int32_t ky = 0; ky < p->kh; ky++) {
            int32_t from = at + p->run - rest;
            for (int32_t i = 0; i < p->runs; i++) {
                for (int32_t k = 0; k < rest; k++) {
                    *to++ = (int8_t)clipped_byte(in, rows[ky], from + k);
                }
                from += p->gap;
            }
        }
        at += step;
    }
    conv2d_s8_dsp_expand(bytes, 4 * fours, fours, x);
}

/* conv2d_s8_dsp_window of windows that may be padding in part. */
SHARED void conv2d_clipped_s8_dsp_window(const conv2d_s8_dsp_t *p, const clipped_t *in,
                                         const int8_t *const *rows, int32_t at, int32_t step,
                                         pair_t *x) {
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *r = rows[ky];
        int32_t from = at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t k = from; k < from + (p->run & ~3); k += 4) {
                conv2d_s8_dsp_split(clipped_four(in, r, k), clipped_four(in, r, k + step),
                                    clipped_four(in, r, k + 2 * step),
                                    clipped_four(in, r, k + 3 * step), x);
                x += 8;
            }
            from += p->gap;
        }
    }
    if (p->run & 3) {
        conv2d_clipped_s8_dsp_rest(p, in, rows, at, step, x);
    }
    KEEP_ORDER();
}

/* y[ow][oc] from rows[kh] of input, null where a row is padding; weights and requant as for
   conv2d_s8_dsp. */
KERNEL void conv2d_clipped_s8_dsp(const conv2d_clipped_s8_dsp_t *p, const int8_t *const *rows,
                                  const uint8_t *weights, const requant_t *requant, int8_t *y,
                                  void *scratch) {
    const conv2d_s8_dsp_t own = {p->ow,  p->oc,    p->step,  p->kh,   p->runs, p->run,
                                 p->gap, p->words, p->small, p->zero, p->low,  p->high};
    const clipped_t in = {p->row, p->fill};
    const int32_t whole = clipped_whole(rows, p->kh);
    int32_t ox = 0;
    while (ox < p->ow) {
        /* Of two or three that are left, those before are computed twice. */
        const int32_t left = p->ow - ox, pixels = left > 1 && p->ow >= 4 ? 4 : 1;
        ox = left < pixels ? p->ow - 4 : ox;
        const int32_t at = ox * p->step - p->left, step = pixels > 1 ? p->step : 0;
        if (whole && ox >= p->first && ox + pixels <= p->first + p->inside) {
            conv2d_s8_dsp_window(&own, rows, at, step, scratch);
        } else {
            conv2d_clipped_s8_dsp_window(&own, &in, rows, at, step, scratch);
        }
        conv2d_s8_dsp_channels(&own, pixels, (const int8_t *)weights, requant, y + ox * p->oc,
                               scratch);
        ox += pixels;
    }
    conv2d_s8_dsp_clamp(&own, y);
}

#endif
