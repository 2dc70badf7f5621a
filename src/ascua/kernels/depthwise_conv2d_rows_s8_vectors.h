/* Depthwise convolution of one output row by vectors of sixteen channels, from rows without
   padding.

   All that is read of sixteen channels is copied, with padding, before they are written: y may lie
   where one of the input rows does. */
#ifndef ASCUA_DEPTHWISE_CONV2D_ROWS_S8_VECTORS_H
#define ASCUA_DEPTHWISE_CONV2D_ROWS_S8_VECTORS_H

#include "depthwise_conv2d_s8_vectors.h"

/* The most rows of a filter. */
#define DEPTHWISE_CONV2D_ROWS_S8_VECTORS_MOST 8

typedef struct {
    int32_t ow, iw, c;
    int32_t left, right; /* pixels of padding */
    int32_t pitch;       /* of the constants: c, filled up to sixteens */
    int32_t kh, kw;
    int32_t sx, dx;
    int32_t fill; /* the value of padding */
    int32_t zero, low, high;
} depthwise_conv2d_rows_s8_vectors_t;

/* line[left + iw + right][16] from n channels of x[iw][c], or of padding where x is null. */
KERNEL void depthwise_conv2d_rows_s8_vectors_line(const depthwise_conv2d_rows_s8_vectors_t *p,
                                                  int32_t n, const int8_t *x, int8_t *line) {
    const int32_t left = x ? p->left : p->left + p->iw;
    for (int32_t i = 0; i < left; i++) {
        bytes_store(line, bytes_all(p->fill));
        line += 16;
    }
    for (int32_t i = x ? p->iw : 0; i > 0; i--) {
        bytes_store(line, bytes_load_few(x, n));
        x += p->c;
        line += 16;
    }
    for (int32_t i = 0; i < p->right; i++) {
        bytes_store(line, bytes_all(p->fill));
        line += 16;
    }
}

/* n channels of y[ow][c], up to 16, from those of rows[kh]. */
KERNEL void depthwise_conv2d_rows_s8_vectors_block(const depthwise_conv2d_rows_s8_vectors_t *p,
                                                   int32_t n, const int8_t *const *rows, int32_t c,
                                                   const int8_t *weights, const int32_t *rescale,
                                                   int8_t *y, int8_t *line) {
    const depthwise_conv2d_s8_vectors_t padded = {p->ow,    16,     16,     0,          0,
                                                  p->pitch, p->kh,  p->kw,  16 * p->sx, 16 * p->dx,
                                                  p->zero,  p->low, p->high};
    const int8_t *lines[DEPTHWISE_CONV2D_ROWS_S8_VECTORS_MOST];
    for (int32_t ky = 0; ky < p->kh; ky++) {
        lines[ky] = line;
        depthwise_conv2d_rows_s8_vectors_line(p, n, rows[ky] ? rows[ky] + c : 0, line);
        line += 16 * (p->left + p->iw + p->right);
    }
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const bytes_t sixteen = depthwise_conv2d_s8_vectors_few(
            &padded, 16, lines, ox * padded.step, weights + c, rescale + c);
        bytes_store_few(y + ox * p->c + c, sixteen, n);
    }
}

/* y[ow][c] from rows[kh] of input, null where a row is padding, weights[kh][kw][pitch] and
   rescale[3][pitch]; lines of sixteen channels lie in scratch. */
KERNEL void depthwise_conv2d_rows_s8_vectors(const depthwise_conv2d_rows_s8_vectors_t *p,
                                             const int8_t *const *rows, const int8_t *weights,
                                             const int32_t *rescale, int8_t *y, void *scratch) {
    int32_t c = 0;
    for (; c + 16 <= p->c; c += 16) {
        depthwise_conv2d_rows_s8_vectors_block(p, 16, rows, c, weights, rescale, y, scratch);
    }
    if (p->c & 15) {
        depthwise_conv2d_rows_s8_vectors_block(p, p->c & 15, rows, c, weights, rescale, y, scratch);
    }
}

#endif
