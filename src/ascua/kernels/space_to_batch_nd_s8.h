/* Every by-th row and bx-th column of an image becomes an image of its own. */
#ifndef ASCUA_SPACE_TO_BATCH_ND_S8_H
#define ASCUA_SPACE_TO_BATCH_ND_S8_H

#include "copy.h"

typedef struct {
    int32_t images, ih, iw, c; /* of the input */
    int32_t oh, ow;
    int32_t by, bx;    /* rows and columns of a block */
    int32_t top, left; /* rows and columns of zeros before the input */
} space_to_batch_nd_s8_t;

/* y[ow][c]: pixels of the row x, from column ix on, bx apart; 0 beyond its ends. */
KERNEL void space_to_batch_nd_s8_row(const space_to_batch_nd_s8_t *p, const int8_t *x, int32_t ix,
                                     int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        if (ix < 0 || ix >= p->iw) {
            fill_bytes(y, 0, p->c);
        } else {
            copy_few(y, x + ix * p->c, p->c);
        }
        ix += p->bx;
        y += p->c;
    }
}

/* y[by][bx][images][oh][ow][c] from x[images][ih][iw][c]. */
KERNEL void space_to_batch_nd_s8(const space_to_batch_nd_s8_t *p, const int8_t *x, int8_t *y) {
    const int32_t row = p->iw * p->c, out = p->ow * p->c;
    for (int32_t ky = 0; ky < p->by; ky++) {
        for (int32_t kx = 0; kx < p->bx; kx++) {
            for (int32_t image = 0; image < p->images; image++) {
                for (int32_t oy = 0; oy < p->oh; oy++) {
                    const int32_t iy = oy * p->by + ky - p->top;
                    if (iy < 0 || iy >= p->ih) {
                        fill_bytes(y, 0, out);
                    } else {
                        const int8_t *from = x + (image * p->ih + iy) * row;
                        space_to_batch_nd_s8_row(p, from, kx - p->left, y);
                    }
                    y += out;
                }
            }
        }
    }
}

#endif
