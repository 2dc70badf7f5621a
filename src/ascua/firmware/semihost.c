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

static int32_t open_file(const char *path, uint32_t mode) {
    uint32_t length = 0;
    while (path[length] != '\0') {
        length++;
    }
    const uint32_t block[3] = {(uint32_t)path, mode, length};
    return request(SYS_OPEN, block);
}

int32_t io_open_read(const char *path) {
    return open_file(path, MODE_READ_BINARY);
}

int32_t io_open_write(const char *path) {
    return open_file(path, MODE_WRITE_BINARY);
}

int32_t io_read(int32_t handle, void *to, int32_t bytes) {
    const uint32_t block[3] = {(uint32_t)handle, (uint32_t)to, (uint32_t)bytes};
    return request(SYS_READ, block);
}

int32_t io_write(int32_t handle, const void *from, int32_t bytes) {
    const uint32_t block[3] = {(uint32_t)handle, (uint32_t)from, (uint32_t)bytes};
    return request(SYS_WRITE, block);
}

void io_close(int32_t handle) {
    const uint32_t block[1] = {(uint32_t)handle};
    request(SYS_CLOSE, block);
}

_Noreturn void io_exit(int status) {
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    request(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
