/* Requantisation by SMMULR: for sums below 2^30 and shifts of at most 22 to the right. */
#ifndef ASCUA_REQUANT_DSP_H
#define ASCUA_REQUANT_DSP_H

#include "dsp.h"
#include "fixed.h"

/* What turns a channel's sum, doubled, into int8. */
typedef struct {
    int32_t multiplier;
    int32_t shift; /* to the right, 1..22 */
    int32_t round; /* a half and the zero point, where the sum still has to be shifted */
} rescale_dsp_t;

KERNEL rescale_dsp_t rescale_dsp(int32_t multiplier, int32_t shift, int32_t zero) {
    const rescale_dsp_t r = {multiplier, -shift, (zero * 2 + 1) * (1 << ~shift)};
    return r;
}

/* Half of `twice` as int8. */
KERNEL int8_t requantize_twice(uint32_t twice, rescale_dsp_t r, int32_t low, int32_t high) {
    const int32_t v = ASCUA_LONG_MULTIPLY ? smmulr((int32_t)twice, r.multiplier)
                                          : high_mul_by_halves((int32_t)twice >> 1, r.multiplier);
    /* Halves go away from zero: a negative number has one less before a half is added. */
    return clamp_s8((v + (v >> 31) + r.round) >> r.shift, low, high);
}

#endif
