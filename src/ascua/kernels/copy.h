/* Copying and filling by words: small C libraries go byte by byte. */
#ifndef ASCUA_COPY_H
#define ASCUA_COPY_H

#include "kernel.h"

/* Copies n bytes; sixteen at a time are four loads and four stores, or one each by vectors. */
SHARED void copy_bytes(int8_t *to, const int8_t *from, int32_t n) {
#if ASCUA_ASSEMBLY && defined(__ARM_FEATURE_MVE)
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[from]], #16\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [n] "r"(n < 0 ? 0 : n)
                     : "q0", "lr", "cc", "memory");
#else
#if ASCUA_ARM_32 && defined(__ARM_NEON)
    for (; n >= 32; n -= 32) {
        __asm__ volatile("vld1.8 {d16-d19}, [%[from]]!\n\t"
                         "vst1.8 {d16-d19}, [%[to]]!"
                         : [to] "+r"(to), [from] "+r"(from)
                         :
                         : "d16", "d17", "d18", "d19", "memory");
    }
#endif
    for (; n >= 16; n -= 16) {
        memcpy(to, from, 16);
        to += 16;
        from += 16;
    }
    for (n &= 15; n >= 4; n -= 4) {
        memcpy(to, from, 4);
        to += 4;
        from += 4;
    }
    for (n &= 3; n > 0; n--) {
        *to++ = *from++;
        KEEP_ORDER(); /* or GCC calls memcpy */
    }
#endif
}

/* The same for a run inside a loop: where n is small and known, the compiler writes the moves. */
KERNEL void copy_few(int8_t *to, const int8_t *from, int32_t n) {
    if (__builtin_constant_p(n) && n <= 16) {
        memcpy(to, from, (size_t)n);
    } else {
        copy_bytes(to, from, n);
    }
}

/* Writes n bytes of `value`. */
SHARED void fill_bytes(int8_t *to, int32_t value, int32_t n) {
#if ASCUA_ASSEMBLY && defined(__ARM_FEATURE_MVE)
    __asm__ volatile("vdup.8 q0, %[value]\n\t"
                     "wlstp.8 lr, %[n], 2f\n"
                     "1:\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [to] "+r"(to)
                     : [n] "r"(n < 0 ? 0 : n), [value] "r"(value)
                     : "q0", "lr", "cc", "memory");
#else
    const uint32_t word = (uint8_t)value * 0x01010101u;
    for (; n >= 4; n -= 4) {
        memcpy(to, &word, 4);
        to += 4;
        KEEP_ORDER(); /* or GCC calls memset */
    }
    for (n &= 3; n > 0; n--) {
        *to++ = (int8_t)value;
        KEEP_ORDER();
    }
#endif
}

#endif
