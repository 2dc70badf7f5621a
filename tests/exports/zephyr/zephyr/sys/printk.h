/* As Zephyr declares it. */
#ifndef ZEPHYR_INCLUDE_SYS_PRINTK_H_
#define ZEPHYR_INCLUDE_SYS_PRINTK_H_

__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);

#endif
