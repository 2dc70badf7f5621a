/* Instructions of Arm's DSP extension, each with a twin in plain C, for other cores and wherever
   there is no assembly. */
#ifndef ASCUA_DSP_H
#define ASCUA_DSP_H

#include "int32.h"
#include "kernel.h"

#if ASCUA_ASSEMBLY && defined(__ARM_FEATURE_DSP)
#define ASCUA_DSP 1
#else
#define ASCUA_DSP 0
#endif

/* Two int16 in a word of scratch, which is declared as bytes. */
typedef uint32_t __attribute__((may_alias)) pair_t;

/* Four bytes at any address, the first in the lowest bits. */
KERNEL uint32_t four_bytes(const int8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* The signed halfword in the lower or upper half of v. */
KERNEL int32_t lower_s16(uint32_t v) {
    return (int16_t)(v & 0xffff);
}

KERNEL int32_t upper_s16(uint32_t v) {
    return (int16_t)(v >> 16);
}

/* Two halfwords in a word. */
KERNEL uint32_t two_s16(int32_t lower, int32_t upper) {
    return ((uint32_t)lower & 0xffff) | (uint32_t)upper << 16;
}

/* The lower halves of two words, the first one's below. */
KERNEL uint32_t lower_halves(uint32_t a, uint32_t b) {
#if ASCUA_DSP
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
#else
    return (a & 0xffff) | b << 16;
#endif
}

/* Their upper halves. */
KERNEL uint32_t upper_halves(uint32_t a, uint32_t b) {
#if ASCUA_DSP
    uint32_t r;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
#else
    return a >> 16 | (b & 0xffff0000);
#endif
}

/* Bytes 0 and 2 of v as two signed halfwords. */
KERNEL uint32_t sxtb16(uint32_t v) {
#if ASCUA_DSP
    return (uint32_t)__builtin_arm_sxtb16((int32_t)v);
#else
    return two_s16((int8_t)(v & 0xff), (int8_t)(v >> 16 & 0xff));
#endif
}

/* Bytes 1 and 3 likewise. */
KERNEL uint32_t sxtb16_odd(uint32_t v) {
#if ASCUA_DSP
    uint32_t r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(v));
    return r;
#else
    return sxtb16(v >> 8 | v << 24);
#endif
}

/* sum + bytes 0 and 2 of v, each halfword by itself. */
KERNEL uint32_t sxtab16(uint32_t sum, uint32_t v) {
#if ASCUA_DSP
    uint32_t r;
    __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(sum), "r"(v));
    return r;
#else
    v = sxtb16(v);
    return two_s16(lower_s16(sum) + lower_s16(v), upper_s16(sum) + upper_s16(v));
#endif
}

/* The same of bytes 1 and 3. */
KERNEL uint32_t sxtab16_odd(uint32_t sum, uint32_t v) {
#if ASCUA_DSP
    uint32_t r;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(sum), "r"(v));
    return r;
#else
    return sxtab16(sum, v >> 8 | v << 24);
#endif
}

/* The signed maximum, or minimum, of each of four bytes. */
KERNEL uint32_t max_s8x4(uint32_t a, uint32_t b) {
    uint32_t r;
#if ASCUA_DSP
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b) : "cc");
#else
    int8_t p[4], q[4];
    memcpy(p, &a, 4);
    memcpy(q, &b, 4);
    for (int32_t i = 0; i < 4; i++) {
        p[i] = p[i] > q[i] ? p[i] : q[i];
    }
    memcpy(&r, p, 4);
#endif
    return r;
}

KERNEL uint32_t min_s8x4(uint32_t a, uint32_t b) {
    return ~max_s8x4(~a, ~b);
}

/* sum + both products of halfwords, mod 2^32. */
KERNEL uint32_t smlad(uint32_t a, uint32_t b, uint32_t sum) {
#if ASCUA_DSP
    return (uint32_t)__builtin_arm_smlad((int32_t)a, (int32_t)b, (int32_t)sum);
#else
    return sum + (uint32_t)(lower_s16(a) * lower_s16(b)) + (uint32_t)(upper_s16(a) * upper_s16(b));
#endif
}

/* sum + a's upper halfword times b's lower one, mod 2^32. */
KERNEL uint32_t smlatb(uint32_t a, uint32_t b, uint32_t sum) {
#if ASCUA_DSP
    return (uint32_t)__builtin_arm_smlatb((int32_t)a, (int32_t)b, (int32_t)sum);
#else
    return sum + (uint32_t)(upper_s16(a) * lower_s16(b));
#endif
}

/* round(a * b / 2^32), half up. */
KERNEL int32_t smmulr(int32_t a, int32_t b) {
#if ASCUA_DSP
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

#endif
