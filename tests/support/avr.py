"""What programs for QEMU's AVR need beside their own code."""

INSTEAD = r"""
/* As libgcc has them, but for SBRS before RET: QEMU 7.2 never ends a skip over RET. */
__asm__(".global __usmulhisi3\n"
        "__usmulhisi3:\n"
        "call __umulhisi3\n"
        ".global __usmulhisi3_tail\n"
        "__usmulhisi3_tail:\n"
        "tst r27\n"
        "brpl 1f\n"
        "sub r24, r18\n"
        "sbc r25, r19\n"
        "1: ret\n");
"""
"""C: in place of what libgcc has."""
