/* Convolution of one output row, a channel by four pixels at a time, from rows without padding. */
#ifndef ASCUA_CONV2D_PAIRS_CLIPPED_S8_H
#define ASCUA_CONV2D_PAIRS_CLIPPED_S8_H

#include "clipped.h"
#include "conv2d_pairs_s8.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
    int32_t left, row, first, inside, fill;                           /* as in clipped_t */
} conv2d_pairs_clipped_s8_t;

/* conv2d_pairs_s8_gather of windows that may be padding in part. */
SHARED void conv2d_pairs_clipped_s8_gather(const conv2d_pairs_s8_t *p, const clipped_t *in,
                                           const int8_t *const *rows, int32_t at, uint32_t *words) {
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *r = rows[ky];
        int32_t from = at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t k = from; k < from + p->run; k++) {
                const int32_t a = clipped_byte(in, r, k), b = clipped_byte(in, r, k + p->step),
                              c = clipped_byte(in, r, k + 2 * p->step),
                              d = clipped_byte(in, r, k + 3 * p->step);
                words[0] = (uint32_t)a + ((uint32_t)b << 16);
                words[1] = (uint32_t)c + ((uint32_t)d << 16);
                words += 2;
            }
            from += p->gap;
        }
    }
    KEEP_ORDER();
}

/* y[ow][oc], four pixels at least, from rows[kh] of input, null where a row is padding; the rest as
   for conv2d_pairs_s8. */
KERNEL void conv2d_pairs_clipped_s8(const conv2d_pairs_clipped_s8_t *p, const int8_t *const *rows,
                                    const int8_t *weights, const uint16_t *fours,
                                    const requant_t *requant, int8_t *y, void *scratch) {
    const conv2d_pairs_s8_t own = {p->ow,  p->oc,    p->step, p->kh,  p->runs, p->run,
                                   p->gap, p->small, p->zero, p->low, p->high};
    const clipped_t in = {p->row, p->fill};
    const int32_t whole = clipped_whole(rows, p->kh);
    for (int32_t next = 0; next < p->ow; next += 4) {
        /* The last four of a row may be computed in part before. */
        const int32_t ox = next < p->ow - 4 ? next : p->ow - 4, at = ox * p->step - p->left;
        if (whole && ox >= p->first && ox + 4 <= p->first + p->inside) {
            conv2d_pairs_s8_gather(&own, rows, at, scratch);
        } else {
            conv2d_pairs_clipped_s8_gather(&own, &in, rows, at, scratch);
        }
        conv2d_pairs_s8_channels(&own, weights, fours, requant, y + ox * p->oc, scratch);
    }
}

#endif
