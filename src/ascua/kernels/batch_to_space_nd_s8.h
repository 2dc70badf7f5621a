/* by times bx images become one, whose rows and columns they share in turn. */
#ifndef ASCUA_BATCH_TO_SPACE_ND_S8_H
#define ASCUA_BATCH_TO_SPACE_ND_S8_H

#include "copy.h"

typedef struct {
    int32_t images; /* of the output */
    int32_t ih, iw, c;
    int32_t oh, ow;
    int32_t by, bx;    /* rows and columns of a block */
    int32_t top, left; /* rows and columns that are cropped before the output */
} batch_to_space_nd_s8_t;

/* y[images][oh][ow][c] from x[by][bx][images][ih][iw][c]. */
KERNEL void batch_to_space_nd_s8(const batch_to_space_nd_s8_t *p, const int8_t *x, int8_t *y) {
    const int32_t row = p->iw * p->c;
    const int32_t next = p->images * p->ih * row; /* bytes to the images of the next column */
    for (int32_t image = 0; image < p->images; image++) {
        for (int32_t oy = 0; oy < p->oh; oy++) {
            const int32_t at = oy + p->top;
            const int8_t *from = x + at % p->by * p->bx * next;
            from += (image * p->ih + at / p->by) * row;
            int32_t kx = p->left % p->bx, ix = p->left / p->bx;
            for (int32_t ox = 0; ox < p->ow; ox++) {
                copy_few(y, from + kx * next + ix * p->c, p->c);
                y += p->c;
                kx++;
                if (kx == p->bx) {
                    kx = 0;
                    ix++;
                }
            }
        }
    }
}

#endif
