/* Vectors of bytes and of sums: by Helium, Neon or AVX2, each with a twin in plain C.

   They need not be aligned; nothing is read or written beyond what is said to be. */
#ifndef ASCUA_VECTORS_H
#define ASCUA_VECTORS_H

#include "fixed.h"
#include "int32.h"

#define ASCUA_HELIUM 0
#define ASCUA_NEON 0
#define ASCUA_AVX2 0
#if ASCUA_ASSEMBLY && defined(__ARM_FEATURE_MVE) && !defined(__ARM_BIG_ENDIAN)
#undef ASCUA_HELIUM
#define ASCUA_HELIUM 1
#include <arm_mve.h>
#elif ASCUA_ASSEMBLY && defined(__ARM_NEON) && !defined(__ARM_BIG_ENDIAN)
#undef ASCUA_NEON
#define ASCUA_NEON 1
#include <arm_neon.h>
#elif ASCUA_ASSEMBLY && defined(__AVX2__)
#undef ASCUA_AVX2
#define ASCUA_AVX2 1
#include <immintrin.h>
#endif

/* Four int32: sums of four channels, and what they become. */
#if ASCUA_HELIUM || ASCUA_NEON
typedef int32x4_t fours_t;
#elif ASCUA_AVX2
typedef __m128i fours_t;
#else
typedef struct {
    int32_t lane[4];
} fours_t;
#endif

/* How sums of channels become int8: bias[], multiplier[] and shift[] of each, the shift to the left
   and below 0; then the zero point is added, and what is beyond `low` and `high` left out. */
typedef struct {
    const int32_t *bias, *multiplier, *shift;
    int32_t zero, low, high;
} rescale_t;

/* Those of four channels. */
typedef struct {
    fours_t bias, multiplier, shift;
} rescale_fours_t;

/* Four int32 of memory. */
KERNEL fours_t fours_load(const s32_t *p) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vld1q_s32((const int32_t *)p);
#elif ASCUA_AVX2
    return _mm_loadu_si128((const __m128i *)(const void *)p);
#else
    fours_t v;
    memcpy(&v, p, 16);
    return v;
#endif
}

/* a + b mod 2^32. */
KERNEL fours_t fours_add(fours_t a, fours_t b) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vaddq_s32(a, b);
#elif ASCUA_AVX2
    return _mm_add_epi32(a, b);
#else
    for (int32_t i = 0; i < 4; i++) {
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]);
    }
    return a;
#endif
}

/* What rescales channels `c` to c + 3. */
KERNEL rescale_fours_t rescale_fours(const rescale_t *r, int32_t c) {
    const rescale_fours_t q = {fours_load((const s32_t *)r->bias + c),
                               fours_load((const s32_t *)r->multiplier + c),
                               fours_load((const s32_t *)r->shift + c)};
    return q;
}

/* v * multiplier / 2^31 * 2^shift, as TFLM rounds it; the shift is to the left, and below 0. */
KERNEL fours_t fours_scale(fours_t v, fours_t multiplier, fours_t shift) {
#if ASCUA_HELIUM
    v = vqrdmulhq_s32(v, multiplier);
    /* Halves go away from zero: a negative number has one less before it is rounded half up. */
    return vrshlq_s32(vqdmlahq_n_s32(v, v, 1), shift);
#elif ASCUA_NEON
    v = vqrdmulhq_s32(v, multiplier);
    return vrshlq_s32(vsraq_n_s32(v, v, 31), shift);
#elif ASCUA_AVX2
    const __m128i half = _mm_set1_epi64x((int64_t)1 << 30);
    const __m128i even = _mm_add_epi64(_mm_mul_epi32(v, multiplier), half);
    const __m128i odd =
        _mm_add_epi64(_mm_mul_epi32(_mm_srli_epi64(v, 32), _mm_srli_epi64(multiplier, 32)), half);
    v = _mm_blend_epi16(_mm_srli_epi64(even, 31), _mm_slli_epi64(odd, 1), 0xcc);
    /* What is shifted by one bit less has room for the rounding. */
    v = _mm_add_epi32(v, _mm_srai_epi32(v, 31));
    v = _mm_srav_epi32(v, _mm_xor_si128(shift, _mm_set1_epi32(-1)));
    return _mm_srai_epi32(_mm_add_epi32(v, _mm_set1_epi32(1)), 1);
#else
    for (int32_t i = 0; i < 4; i++) {
        v.lane[i] = multiply_by_quantized_multiplier(v.lane[i], multiplier.lane[i], shift.lane[i]);
    }
    return v;
#endif
}

/* Sums with their biases as outputs, which still take 32 bits. */
KERNEL fours_t fours_requantize(fours_t v, const rescale_fours_t *q, int32_t zero, int32_t low,
                                int32_t high) {
    v = fours_scale(v, q->multiplier, q->shift);
#if ASCUA_HELIUM
    v = vaddq_n_s32(v, zero);
    if (low == -128 && high == 127) {
        /* Narrowed in place: no register holds bounds. */
        __asm__("vqmovnb.s32 %q0, %q0\n\tvqmovnb.s16 %q0, %q0" : "+w"(v));
        return v;
    }
    return vmaxq_s32(vminq_s32(v, vdupq_n_s32(high)), vdupq_n_s32(low));
#elif ASCUA_NEON
    v = vaddq_s32(v, vdupq_n_s32(zero));
    if (low == -128 && high == 127) {
        return v; /* as it is narrowed, it is clamped */
    }
    return vmaxq_s32(vminq_s32(v, vdupq_n_s32(high)), vdupq_n_s32(low));
#elif ASCUA_AVX2
    v = _mm_add_epi32(v, _mm_set1_epi32(zero));
    return _mm_max_epi32(_mm_min_epi32(v, _mm_set1_epi32(high)), _mm_set1_epi32(low));
#else
    for (int32_t i = 0; i < 4; i++) {
        v.lane[i] = clamp(v.lane[i] + zero, low, high);
    }
    return v;
#endif
}

/* Sums of channels `c` to c + 3 as outputs, which still take 32 bits. */
KERNEL fours_t fours_rescale(fours_t v, const rescale_t *r, int32_t c) {
    const rescale_fours_t q = rescale_fours(r, c);
    return fours_requantize(fours_add(v, q.bias), &q, r->zero, r->low, r->high);
}

/* Writes n of four outputs as int8, 1 to 4. */
KERNEL void fours_store(int8_t *y, fours_t v, int32_t n) {
#if ASCUA_HELIUM
    if (n >= 4) {
        vstrbq_s32(y, v);
    } else {
        vstrbq_p_s32(y, v, vctp32q((uint32_t)n));
    }
#else
    int8_t bytes[4];
#if ASCUA_NEON
    const int16x4_t half = vqmovn_s32(v);
    const int8x8_t b = vqmovn_s16(vcombine_s16(half, half));
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(b), 0);
    memcpy(bytes, &four, 4);
#elif ASCUA_AVX2
    const __m128i b = _mm_packs_epi16(_mm_packs_epi32(v, v), v);
    const int32_t four = _mm_cvtsi128_si32(b);
    memcpy(bytes, &four, 4);
#else
    for (int32_t i = 0; i < 4; i++) {
        bytes[i] = (int8_t)v.lane[i];
    }
#endif
    if (n >= 4) {
        memcpy(y, bytes, 4);
    } else {
        for (int32_t i = 0; i < n; i++) {
            y[i] = bytes[i];
        }
    }
#endif
}

#endif
