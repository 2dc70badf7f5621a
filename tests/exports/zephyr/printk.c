/* Zephyr's printk on this computer. */
#include <zephyr/sys/printk.h>

#include <stdarg.h>
#include <stdio.h>

void printk(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}
