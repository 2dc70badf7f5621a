/* Files and inference on a host: POSIX calls, no timer, no stack measure. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int32_t io_open_read(const char *path) {
    return open(path, O_RDONLY);
}

int32_t io_open_write(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

int32_t io_read(int32_t handle, void *to, int32_t bytes) {
    char *at = to;
    while (bytes > 0) {
        ssize_t n = read(handle, at, (size_t)bytes);
        if (n <= 0) {
            break;
        }
        at += n;
        bytes -= (int32_t)n;
    }
    return bytes;
}

int32_t io_write(int32_t handle, const void *from, int32_t bytes) {
    const char *at = from;
    while (bytes > 0) {
        ssize_t n = write(handle, at, (size_t)bytes);
        if (n <= 0) {
            break;
        }
        at += n;
        bytes -= (int32_t)n;
    }
    return bytes;
}

void io_close(int32_t handle) {
    close(handle);
}

_Noreturn void io_exit(int status) {
    exit(status);
}

void board_infer(struct report *report, int paint) {
    (void)report;
    (void)paint;
    network.run();
}

void board_spin(struct report *report) {
    (void)report;
}
