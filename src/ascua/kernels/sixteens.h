/* Sixteen values at a time: bytes, their products, sums of these, and what they become. */
#ifndef ASCUA_SIXTEENS_H
#define ASCUA_SIXTEENS_H

#include "copy.h"
#include "vectors.h"

/* Sixteen bytes. */
#if ASCUA_HELIUM || ASCUA_NEON
typedef int8x16_t bytes_t;
#elif ASCUA_AVX2
typedef __m128i bytes_t;
#else
typedef struct {
    int8_t lane[16];
} bytes_t;
#endif

KERNEL bytes_t bytes_load(const int8_t *x) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vld1q_s8(x);
#elif ASCUA_AVX2
    return _mm_loadu_si128((const __m128i *)(const void *)x);
#else
    bytes_t v;
    memcpy(v.lane, x, 16);
    return v;
#endif
}

KERNEL void bytes_store(int8_t *y, bytes_t v) {
#if ASCUA_HELIUM || ASCUA_NEON
    vst1q_s8(y, v);
#elif ASCUA_AVX2
    _mm_storeu_si128((__m128i *)(void *)y, v);
#else
    memcpy(y, v.lane, 16);
#endif
}

/* The greater of each two. */
KERNEL bytes_t bytes_max(bytes_t a, bytes_t b) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vmaxq_s8(a, b);
#elif ASCUA_AVX2
    return _mm_max_epi8(a, b);
#else
    for (int32_t i = 0; i < 16; i++) {
        a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    }
    return a;
#endif
}

/* The lesser of each two. */
KERNEL bytes_t bytes_min(bytes_t a, bytes_t b) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vminq_s8(a, b);
#elif ASCUA_AVX2
    return _mm_min_epi8(a, b);
#else
    for (int32_t i = 0; i < 16; i++) {
        a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    }
    return a;
#endif
}

/* Sixteen times x. */
KERNEL bytes_t bytes_all(int32_t x) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vdupq_n_s8((int8_t)x);
#elif ASCUA_AVX2
    return _mm_set1_epi8((int8_t)x);
#else
    bytes_t v;
    memset(v.lane, x, 16);
    return v;
#endif
}

/* v in [low, high]. */
KERNEL bytes_t bytes_clamp(bytes_t v, int32_t low, int32_t high) {
    v = low > -128 ? bytes_max(v, bytes_all(low)) : v;
    return high < 127 ? bytes_min(v, bytes_all(high)) : v;
}

/* The first n bytes of x, 0 to 16, and any others behind them. */
KERNEL bytes_t bytes_load_few(const int8_t *x, int32_t n) {
    if (n >= 16) {
        return bytes_load(x);
    }
#if ASCUA_HELIUM
    return vldrbq_z_s8(x, vctp8q((uint32_t)n));
#else
    int8_t few[16] = {0};
    copy_few(few, x, n);
    return bytes_load(few);
#endif
}

/* Writes the first n bytes, 0 to 16. */
KERNEL void bytes_store_few(int8_t *y, bytes_t v, int32_t n) {
    if (n >= 16) {
        bytes_store(y, v);
        return;
    }
#if ASCUA_HELIUM
    vstrbq_p_s8(y, v, vctp8q((uint32_t)n));
#else
    int8_t few[16];
    bytes_store(few, v);
    copy_few(y, few, n);
#endif
}

/* What is near `offset` bytes behind a pointer is addressed from there, not by pointers of its own.
 */
KERNEL const int8_t *words_near(const int8_t *x, int32_t offset) {
#if ASCUA_HELIUM
    x += offset;
    __asm__("" : "+r"(x));
    x -= offset;
#endif
    (void)offset;
    return x;
}

/* Sixteen int32; of Helium every fourth, from each of the first four on. */
typedef struct {
    fours_t four[4];
} words_t;

#if ASCUA_HELIUM
/* Blocks of assembly that have all eight vectors: GCC would keep few of them in registers. Integer
   and multiplying pipes take turns: VMLA by one adds in the latter. */
#define WORDS_PINNED(v)                                \
    register int32x4_t q0 __asm__("q0") = (v).four[0]; \
    register int32x4_t q1 __asm__("q1") = (v).four[1]; \
    register int32x4_t q2 __asm__("q2") = (v).four[2]; \
    register int32x4_t q3 __asm__("q3") = (v).four[3]
#define WORDS_OUT "+w"(q0), "+w"(q1), "+w"(q2), "+w"(q3)
#define WORDS_FREE "q4", "q5", "q6", "q7"
#define WORDS_BYTES(x) "Ux"(*(const int8x16_t *)(const void *)(x))
#define WORDS_SIXTEEN(x) "m"(*(const int32_t(*)[16])(const void *)(x))
#endif

#if !ASCUA_HELIUM
/* Four int32 that `x` points at, which then moves on. */
KERNEL fours_t fours_next(const int32_t **x) {
    fours_t v;
#if ASCUA_NEON && ASCUA_ARM_32
    __asm__("vld1.32 {%e[v], %f[v]}, [%[x]]!"
            : [v] "=w"(v), [x] "+r"(*x)
            : "m"(*(const int32_t(*)[4]) * x));
#else
#if ASCUA_NEON
    v = vld1q_s32(*x);
#elif ASCUA_AVX2
    v = _mm_loadu_si128((const __m128i *)(const void *)*x);
#else
    memcpy(v.lane, *x, 16);
#endif
    *x += 4;
#endif
    return v;
}
#endif

KERNEL words_t words_load(const int32_t *x) {
#if ASCUA_HELIUM
    register int32x4_t q0 __asm__("q0");
    register int32x4_t q1 __asm__("q1");
    register int32x4_t q2 __asm__("q2");
    register int32x4_t q3 __asm__("q3");
    __asm__("vld40.32 {q0, q1, q2, q3}, [%[x]]\n\t"
            "vld41.32 {q0, q1, q2, q3}, [%[x]]\n\t"
            "vld42.32 {q0, q1, q2, q3}, [%[x]]\n\t"
            "vld43.32 {q0, q1, q2, q3}, [%[x]]"
            : "=w"(q0), "=w"(q1), "=w"(q2), "=w"(q3)
            : [x] "r"(x), WORDS_SIXTEEN(x));
    return (words_t){{q0, q1, q2, q3}};
#else
    words_t v;
    v.four[0] = fours_next(&x);
    v.four[1] = fours_next(&x);
    v.four[2] = fours_next(&x);
    v.four[3] = fours_next(&x);
    return v;
#endif
}

/* Sixteen bytes, each by a weight; Helium's blocks of assembly load them by themselves. */
typedef struct {
#if ASCUA_HELIUM
    const int8_t *x, *w;
#else
    bytes_t x, w;
#endif
} tap_t;

/* Of what `x` and `w` point at, which then move on by so many bytes. */
KERNEL tap_t tap_next(const int8_t **x, int32_t x_step, const int8_t **w, int32_t w_step) {
#if ASCUA_NEON && ASCUA_ARM_32
    tap_t tap;
    __asm__("vld1.8 {%e[v], %f[v]}, [%[x]], %[step]"
            : [v] "=w"(tap.x), [x] "+r"(*x)
            : [step] "r"(x_step), "m"(*(const int8_t(*)[16]) * x));
    __asm__("vld1.8 {%e[v], %f[v]}, [%[x]], %[step]"
            : [v] "=w"(tap.w), [x] "+r"(*w)
            : [step] "r"(w_step), "m"(*(const int8_t(*)[16]) * w));
#else
#if ASCUA_HELIUM
    const tap_t tap = {*x, *w};
#else
    const tap_t tap = {bytes_load(*x), bytes_load(*w)};
#endif
    *x += x_step;
    *w += w_step;
#endif
    return tap;
}

#if ASCUA_NEON
KERNEL words_t words_add_shorts(words_t v, int16x8_t a, int16x8_t b) {
    v.four[0] = vaddw_s16(v.four[0], vget_low_s16(a));
    v.four[1] = vaddw_s16(v.four[1], vget_high_s16(a));
    v.four[2] = vaddw_s16(v.four[2], vget_low_s16(b));
    v.four[3] = vaddw_s16(v.four[3], vget_high_s16(b));
    return v;
}
#elif ASCUA_AVX2
KERNEL __m256i words_product(tap_t t) {
    return _mm256_mullo_epi16(_mm256_cvtepi8_epi16(t.x), _mm256_cvtepi8_epi16(t.w));
}

KERNEL words_t words_add_shorts(words_t v, __m256i s) {
    const __m128i low = _mm256_castsi256_si128(s), high = _mm256_extracti128_si256(s, 1);
    v.four[0] = _mm_add_epi32(v.four[0], _mm_cvtepi16_epi32(low));
    v.four[1] = _mm_add_epi32(v.four[1], _mm_cvtepi16_epi32(_mm_srli_si128(low, 8)));
    v.four[2] = _mm_add_epi32(v.four[2], _mm_cvtepi16_epi32(high));
    v.four[3] = _mm_add_epi32(v.four[3], _mm_cvtepi16_epi32(_mm_srli_si128(high, 8)));
    return v;
}
#endif

/* v + t, each by each. */
KERNEL words_t words_add(words_t v, tap_t t) {
#if ASCUA_HELIUM
    WORDS_PINNED(v);
    register int8x16_t q4 __asm__("q4") = vldrbq_s8(t.x);
    register int8x16_t q5 __asm__("q5") = vldrbq_s8(t.w);
    __asm__("vmullb.s8 q6, q4, q5\n\t"
            "vmullt.s8 q4, q4, q5\n\t"
            "vmovlb.s16 q5, q6\n\t"
            "vmla.s32 q0, q5, %[one]\n\t"
            "vmovlt.s16 q6, q6\n\t"
            "vmla.s32 q2, q6, %[one]\n\t"
            "vmovlb.s16 q5, q4\n\t"
            "vmla.s32 q1, q5, %[one]\n\t"
            "vmovlt.s16 q4, q4\n\t"
            "vmla.s32 q3, q4, %[one]"
            : WORDS_OUT, "+w"(q4), "+w"(q5)
            : [one] "r"(1)
            : "q6");
    return (words_t){{q0, q1, q2, q3}};
#elif ASCUA_NEON
    return words_add_shorts(v, vmull_s8(vget_low_s8(t.x), vget_low_s8(t.w)),
                            vmull_s8(vget_high_s8(t.x), vget_high_s8(t.w)));
#elif ASCUA_AVX2
    return words_add_shorts(v, words_product(t));
#else
    for (int32_t i = 0; i < 16; i++) {
        int32_t *lane = &v.four[i >> 2].lane[i & 3];
        *lane = (int32_t)((uint32_t)*lane + (uint32_t)(t.x.lane[i] * t.w.lane[i]));
    }
    return v;
#endif
}

/* v + t + u; no weight of u is -128. */
KERNEL words_t words_add_two(words_t v, tap_t t, tap_t u) {
#if ASCUA_HELIUM
    WORDS_PINNED(v);
    register int8x16_t q4 __asm__("q4") = vldrbq_s8(t.x);
    register int8x16_t q5 __asm__("q5") = vldrbq_s8(t.w);
    register int8x16_t q7 __asm__("q7") = vldrbq_s8(u.x);
    __asm__("vmullb.s8 q6, q4, q5\n\t"
            "vmullt.s8 q4, q4, q5\n\t"
            "vldrb.8 q5, %E[w2]\n\t"
            "vmullb.s8 q5, q7, q5\n\t"
            "vadd.i16 q6, q6, q5\n\t"
            "vldrb.8 q5, %E[w2]\n\t"
            "vmullt.s8 q7, q7, q5\n\t"
            "vmovlb.s16 q5, q6\n\t"
            "vmla.s16 q4, q7, %[one]\n\t"
            "vmovlt.s16 q6, q6\n\t"
            "vmla.s32 q0, q5, %[one]\n\t"
            "vmovlb.s16 q5, q4\n\t"
            "vmla.s32 q2, q6, %[one]\n\t"
            "vmovlt.s16 q4, q4\n\t"
            "vmla.s32 q1, q5, %[one]\n\t"
            "vadd.i32 q3, q3, q4"
            : WORDS_OUT, "+w"(q4), "+w"(q5), "+w"(q7)
            : [w2] WORDS_BYTES(u.w), [one] "r"(1)
            : "q6");
    return (words_t){{q0, q1, q2, q3}};
#elif ASCUA_NEON
    const int16x8_t low = vmull_s8(vget_low_s8(t.x), vget_low_s8(t.w));
    const int16x8_t high = vmull_s8(vget_high_s8(t.x), vget_high_s8(t.w));
    return words_add_shorts(v, vmlal_s8(low, vget_low_s8(u.x), vget_low_s8(u.w)),
                            vmlal_s8(high, vget_high_s8(u.x), vget_high_s8(u.w)));
#elif ASCUA_AVX2
    return words_add_shorts(v, _mm256_add_epi16(words_product(t), words_product(u)));
#else
    return words_add(words_add(v, t), u);
#endif
}

/* v + zero as int8, clamped to [low, high], a part of their range. */
KERNEL bytes_t words_narrow(words_t v, int32_t zero, int32_t low, int32_t high) {
    bytes_t y;
    /* What leaves int16 is clamped to int8 later. */
#if ASCUA_HELIUM
    WORDS_PINNED(v);
    __asm__("vqmovnb.s32 q0, q0\n\t"
            "vqmovnb.s32 q1, q1\n\t"
            "vqmovnt.s32 q0, q2\n\t"
            "vqmovnt.s32 q1, q3\n\t"
            "vqadd.s16 q0, q0, %[zero]\n\t"
            "vqadd.s16 q1, q1, %[zero]\n\t"
            "vqmovnb.s16 q0, q0\n\t"
            "vqmovnt.s16 q0, q1"
            : WORDS_OUT
            : [zero] "r"(zero));
    y = vreinterpretq_s8_s32(q0);
#elif ASCUA_NEON
    const int16x8_t z = vdupq_n_s16((int16_t)zero);
    const int16x8_t a = vcombine_s16(vqmovn_s32(v.four[0]), vqmovn_s32(v.four[1]));
    const int16x8_t b = vcombine_s16(vqmovn_s32(v.four[2]), vqmovn_s32(v.four[3]));
    y = vcombine_s8(vqmovn_s16(vqaddq_s16(a, z)), vqmovn_s16(vqaddq_s16(b, z)));
#elif ASCUA_AVX2
    const __m128i z = _mm_set1_epi16((int16_t)zero);
    const __m128i a = _mm_adds_epi16(_mm_packs_epi32(v.four[0], v.four[1]), z);
    const __m128i b = _mm_adds_epi16(_mm_packs_epi32(v.four[2], v.four[3]), z);
    y = _mm_packs_epi16(a, b);
#else
    for (int32_t i = 0; i < 16; i++) {
        y.lane[i] = (int8_t)saturate(v.four[i >> 2].lane[i & 3] + zero);
    }
#endif
    return bytes_clamp(y, low, high);
}

/* v * multiplier[16] / 2^31 * 2^shift[16] + zero, as TFLM rounds it, clamped to [low, high]. The
   shifts are to the left, and below 0. */
KERNEL bytes_t words_rescale(words_t v, const int32_t *multiplier, const int32_t *shift,
                             int32_t zero, int32_t low, int32_t high) {
#if ASCUA_HELIUM
    WORDS_PINNED(v);
    /* Halves go away from zero: a negative number has one less before it is rounded half up. */
    __asm__("vld40.32 {q4, q5, q6, q7}, [%[m]]\n\t"
            "vld41.32 {q4, q5, q6, q7}, [%[m]]\n\t"
            "vld42.32 {q4, q5, q6, q7}, [%[m]]\n\t"
            "vld43.32 {q4, q5, q6, q7}, [%[m]]\n\t"
            "vqrdmulh.s32 q0, q0, q4\n\t"
            "vqrdmulh.s32 q1, q1, q5\n\t"
            "vqrdmulh.s32 q2, q2, q6\n\t"
            "vqrdmulh.s32 q3, q3, q7\n\t"
            "vld40.32 {q4, q5, q6, q7}, [%[s]]\n\t"
            "vqdmlah.s32 q0, q0, %[one]\n\t"
            "vld41.32 {q4, q5, q6, q7}, [%[s]]\n\t"
            "vqdmlah.s32 q1, q1, %[one]\n\t"
            "vld42.32 {q4, q5, q6, q7}, [%[s]]\n\t"
            "vqdmlah.s32 q2, q2, %[one]\n\t"
            "vld43.32 {q4, q5, q6, q7}, [%[s]]\n\t"
            "vqdmlah.s32 q3, q3, %[one]\n\t"
            "vrshl.s32 q0, q0, q4\n\t"
            "vrshl.s32 q1, q1, q5\n\t"
            "vrshl.s32 q2, q2, q6\n\t"
            "vrshl.s32 q3, q3, q7"
            : WORDS_OUT
            : [m] "r"(multiplier), [s] "r"(shift), [one] "r"(1), WORDS_SIXTEEN(multiplier),
              WORDS_SIXTEEN(shift)
            : WORDS_FREE);
    v = (words_t){{q0, q1, q2, q3}};
#else
    const words_t m = words_load(multiplier), left = words_load(shift);
    v.four[0] = fours_scale(v.four[0], m.four[0], left.four[0]);
    v.four[1] = fours_scale(v.four[1], m.four[1], left.four[1]);
    v.four[2] = fours_scale(v.four[2], m.four[2], left.four[2]);
    v.four[3] = fours_scale(v.four[3], m.four[3], left.four[3]);
#endif
    return words_narrow(v, zero, low, high);
}

/* Eight int16. */
#if ASCUA_HELIUM || ASCUA_NEON
typedef int16x8_t shorts_t;
#else
typedef struct {
    int16_t lane[8];
} shorts_t;
#endif

KERNEL shorts_t shorts_none(void) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vdupq_n_s16(0);
#else
    return (shorts_t){{0}};
#endif
}

/* s + x[8]. */
KERNEL shorts_t shorts_add(shorts_t s, const int8_t *x) {
#if ASCUA_HELIUM
    return vaddq_s16(s, vldrbq_s16(x));
#elif ASCUA_NEON
    return vaddw_s8(s, vld1_s8(x));
#else
    for (int32_t i = 0; i < 8; i++) {
        s.lane[i] = (int16_t)(s.lane[i] + x[i]);
    }
    return s;
#endif
}

/* x[8] less `zero`; where `step` is 0, eight times x[0]. */
KERNEL shorts_t shorts_less(const int8_t *x, int32_t step, int32_t zero) {
#if ASCUA_HELIUM
    return step ? vsubq_n_s16(vldrbq_s16(x), (int16_t)zero) : vdupq_n_s16((int16_t)(*x - zero));
#elif ASCUA_NEON
    return vsubl_s8(step ? vld1_s8(x) : vdup_n_s8(*x), vdup_n_s8((int8_t)zero));
#else
    shorts_t s;
    for (int32_t i = 0; i < 8; i++) {
        s.lane[i] = (int16_t)(x[i * step] - zero);
    }
    return s;
#endif
}

/* Writes eight int8. */
KERNEL void shorts_store(int8_t *y, shorts_t s) {
#if ASCUA_HELIUM
    vstrbq_s16(y, s);
#elif ASCUA_NEON
    vst1_s8(y, vmovn_s16(s));
#else
    for (int32_t i = 0; i < 8; i++) {
        y[i] = (int8_t)s.lane[i];
    }
#endif
}

/* s in [low, high]. */
KERNEL shorts_t shorts_clamp(shorts_t s, int32_t low, int32_t high) {
#if ASCUA_HELIUM || ASCUA_NEON
    s = vmaxq_s16(s, vdupq_n_s16((int16_t)low));
    return vminq_s16(s, vdupq_n_s16((int16_t)high));
#else
    for (int32_t i = 0; i < 8; i++) {
        s.lane[i] = (int16_t)clamp(s.lane[i], low, high);
    }
    return s;
#endif
}

/* round(s / n) of sums of n int8, up to 256, halves away from zero. */
KERNEL shorts_t shorts_mean(shorts_t s, int32_t n) {
#if ASCUA_HELIUM || ASCUA_NEON
    /* (2 |s| + n) / 2 n, rounded down, has an odd sum above; its 17 bits and the 8 of n leave the
       reciprocal's 30 enough. */
    const int32_t reciprocal = ((int32_t)1 << 30) / n;
    const uint16x8_t size = vreinterpretq_u16_s16(vabsq_s16(s));
#if ASCUA_HELIUM
    int32x4_t even = vreinterpretq_s32_u32(vshllbq_n_u16(size, 1));
    int32x4_t odd = vreinterpretq_s32_u32(vshlltq_n_u16(size, 1));
    even = vqdmulhq_n_s32(vaddq_n_s32(even, n | 1), reciprocal);
    odd = vqdmulhq_n_s32(vaddq_n_s32(odd, n | 1), reciprocal);
    const int16x8_t mean = vmovntq_s32(vreinterpretq_s16_s32(even), odd);
    return vnegq_m_s16(mean, mean, vcmpltq_n_s16(s, 0));
#else
    const int32x4_t add = vdupq_n_s32(n | 1);
    int32x4_t low = vreinterpretq_s32_u32(vshll_n_u16(vget_low_u16(size), 1));
    int32x4_t high = vreinterpretq_s32_u32(vshll_n_u16(vget_high_u16(size), 1));
    low = vqdmulhq_n_s32(vaddq_s32(low, add), reciprocal);
    high = vqdmulhq_n_s32(vaddq_s32(high, add), reciprocal);
    const int16x8_t mean = vcombine_s16(vmovn_s32(low), vmovn_s32(high));
    const int16x8_t sign = vshrq_n_s16(s, 15);
    return vsubq_s16(veorq_s16(mean, sign), sign);
#endif
#else
    for (int32_t i = 0; i < 8; i++) {
        const int32_t sum = s.lane[i];
        s.lane[i] = (int16_t)((sum > 0 ? sum + n / 2 : sum - n / 2) / n);
    }
    return s;
#endif
}

/* Eight int32; of Helium the even ones, then the odd ones. */
typedef struct {
#if ASCUA_HELIUM || ASCUA_NEON
    fours_t four[2];
#else
    int32_t lane[8];
#endif
} longs_t;

/* s + add. */
KERNEL longs_t longs_of(shorts_t s, int32_t add) {
    longs_t v;
#if ASCUA_HELIUM
    v.four[0] = vaddq_n_s32(vmovlbq_s16(s), add);
    v.four[1] = vaddq_n_s32(vmovltq_s16(s), add);
#elif ASCUA_NEON
    v.four[0] = vaddw_s16(vdupq_n_s32(add), vget_low_s16(s));
    v.four[1] = vaddw_s16(vdupq_n_s32(add), vget_high_s16(s));
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] = s.lane[i] + add;
    }
#endif
    return v;
}

/* a * b, each by each. */
KERNEL longs_t longs_mul(shorts_t a, shorts_t b) {
    longs_t v;
#if ASCUA_HELIUM
    v.four[0] = vmullbq_int_s16(a, b);
    v.four[1] = vmulltq_int_s16(a, b);
#elif ASCUA_NEON
    v.four[0] = vmull_s16(vget_low_s16(a), vget_low_s16(b));
    v.four[1] = vmull_s16(vget_high_s16(a), vget_high_s16(b));
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] = a.lane[i] * b.lane[i];
    }
#endif
    return v;
}

/* v + w. */
KERNEL longs_t longs_add(longs_t v, longs_t w) {
#if ASCUA_HELIUM || ASCUA_NEON
    v.four[0] = vaddq_s32(v.four[0], w.four[0]);
    v.four[1] = vaddq_s32(v.four[1], w.four[1]);
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] += w.lane[i];
    }
#endif
    return v;
}

/* v - w. */
KERNEL longs_t longs_sub(longs_t v, longs_t w) {
#if ASCUA_HELIUM || ASCUA_NEON
    v.four[0] = vsubq_s32(v.four[0], w.four[0]);
    v.four[1] = vsubq_s32(v.four[1], w.four[1]);
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] -= w.lane[i];
    }
#endif
    return v;
}

/* s * 2^shift. */
KERNEL longs_t longs_left(shorts_t s, int32_t shift) {
    longs_t v = longs_of(s, 0);
#if ASCUA_HELIUM
    v.four[0] = vshlq_r_s32(v.four[0], shift);
    v.four[1] = vshlq_r_s32(v.four[1], shift);
#elif ASCUA_NEON
    v.four[0] = vshlq_s32(v.four[0], vdupq_n_s32(shift));
    v.four[1] = vshlq_s32(v.four[1], vdupq_n_s32(shift));
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] *= (int32_t)1 << shift;
    }
#endif
    return v;
}

/* v * multiplier / 2^31 * 2^shift, as TFLM rounds it; the shift is to the left, and below 0. */
KERNEL longs_t longs_scale(longs_t v, int32_t multiplier, int32_t shift) {
#if ASCUA_HELIUM
    v.four[0] = vqrdmulhq_n_s32(v.four[0], multiplier);
    v.four[1] = vqrdmulhq_n_s32(v.four[1], multiplier);
    v.four[0] = vrshlq_n_s32(vqdmlahq_n_s32(v.four[0], v.four[0], 1), shift);
    v.four[1] = vrshlq_n_s32(vqdmlahq_n_s32(v.four[1], v.four[1], 1), shift);
#elif ASCUA_NEON
    const int32x4_t left = vdupq_n_s32(shift);
    v.four[0] = vqrdmulhq_n_s32(v.four[0], multiplier);
    v.four[1] = vqrdmulhq_n_s32(v.four[1], multiplier);
    v.four[0] = vrshlq_s32(vsraq_n_s32(v.four[0], v.four[0], 31), left);
    v.four[1] = vrshlq_s32(vsraq_n_s32(v.four[1], v.four[1], 31), left);
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] = multiply_by_quantized_multiplier(v.lane[i], multiplier, shift);
    }
#endif
    return v;
}

/* The same + zero as int16; what leaves these comes as its ends. */
KERNEL shorts_t longs_rescale(longs_t v, int32_t multiplier, int32_t shift, int32_t zero) {
    v = longs_scale(v, multiplier, shift);
#if ASCUA_HELIUM
    const int16x8_t s = vqmovnbq_s32(vreinterpretq_s16_s32(v.four[0]), v.four[0]);
    return vqaddq_n_s16(vqmovntq_s32(s, v.four[1]), (int16_t)zero);
#elif ASCUA_NEON
    const int16x8_t s = vcombine_s16(vqmovn_s32(v.four[0]), vqmovn_s32(v.four[1]));
    return vqaddq_s16(s, vdupq_n_s16((int16_t)zero));
#else
    shorts_t s;
    for (int32_t i = 0; i < 8; i++) {
        s.lane[i] = (int16_t)clamp(v.lane[i] + zero, -32768, 32767);
    }
    return s;
#endif
}

#endif
