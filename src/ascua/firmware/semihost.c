/* Files and exit by Arm semihosting: requests to the emulator or debugger. */
#include "harness.h"

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_EXIT_EXTENDED = 0x20
};
enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };
enum { APPLICATION_EXIT = 0x20026 };

/* Words of the parameter block are as wide as a pointer. */
typedef uintptr_t word;

#ifdef __riscv
static int32_t request(int32_t number, const void *argument) {
    register word a0 __asm__("a0") = (word)number;
    register const void *a1 __asm__("a1") = argument;
    /* A breakpoint between these two says that it is a request; all three lie in one page. */
    __asm__ volatile(".balign 16\n\t.option push\n\t.option norvc\n\t"
                     "slli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return (int32_t)a0;
}
#else
#if __ARM_ARCH_PROFILE == 'M'
#define TRAP "bkpt 0xab"
#else
#define TRAP "svc 0x123456"
#endif
static int32_t request(int32_t number, const void *argument) {
    register int32_t r0 __asm__("r0") = number;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile(TRAP : "+r"(r0) : "r"(r1) : "memory", "lr", "cc");
    return r0;
}
#endif

static int32_t open_file(const char *path, word mode) {
    word length = 0;
    while (path[length] != '\0') {
        length++;
    }
    const word block[3] = {(word)path, mode, length};
    return request(SYS_OPEN, block);
}

int32_t io_open_read(const char *path) {
    return open_file(path, MODE_READ_BINARY);
}

int32_t io_open_write(const char *path) {
    return open_file(path, MODE_WRITE_BINARY);
}

int32_t io_read(int32_t handle, void *to, int32_t bytes) {
    const word block[3] = {(word)handle, (word)to, (word)bytes};
    return request(SYS_READ, block);
}

int32_t io_write(int32_t handle, const void *from, int32_t bytes) {
    const word block[3] = {(word)handle, (word)from, (word)bytes};
    return request(SYS_WRITE, block);
}

void io_close(int32_t handle) {
    const word block[1] = {(word)handle};
    request(SYS_CLOSE, block);
}

_Noreturn void io_exit(int status) {
    const word block[2] = {APPLICATION_EXIT, (word)status};
    request(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
