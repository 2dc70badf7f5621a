/* uint8 to int8 or back: each value 128 from the other. */
#ifndef ASCUA_SHIFT_U8_S8_H
#define ASCUA_SHIFT_U8_S8_H

#include "kernel.h"

typedef struct {
    int32_t n; /* elements */
} shift_u8_s8_t;

/* y[n] = x[n] with the highest bit turned. */
KERNEL void shift_u8_s8(const shift_u8_s8_t *p, const int8_t *x, int8_t *y) {
    int32_t n = p->n, rest = n & 3;
    for (; n >= 4; n -= 4) {
        uint32_t four;
        memcpy(&four, x, 4);
        four ^= 0x80808080u;
        memcpy(y, &four, 4);
        x += 4;
        y += 4;
    }
    for (; rest > 0; rest--) {
        *y++ = (int8_t)(*x++ ^ -128);
    }
}

#endif
