"""The boot ROM of a K210 behind a pseudo-terminal, and the program that kflash gives it."""

from __future__ import annotations

import os
import pty
import struct
import threading
import tty
import zlib
from typing import Self

END, ESCAPE = 0xC0, 0xDB
OK = 0xE0
GREET, WRITE, BOOT, GREET_FLASH, INIT_FLASH, WRITE_FLASH, REBOOT = (
    0xC2, 0xC3, 0xC5, 0xD2, 0xD7, 0xD4, 0xD5,
)  # fmt: skip
SILENT = (BOOT, 0xD6, 0xC6)
"""What is not answered: a start, another speed."""


class Rom:
    """Answers as the chip does, unless it is `deaf`; keeps what was written to `flash`."""

    def __init__(self, *, deaf: bool = False, most: int = 1 << 30) -> None:
        self.deaf, self.most = deaf, most
        self.flash: dict[int, bytes] = {}
        self.heard: list[int] = []
        self.inside, outside = pty.openpty()
        tty.setraw(self.inside)
        tty.setraw(outside)
        self.port = os.ttyname(outside)
        self.outside = outside
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.outside)
        os.close(self.inside)

    def _serve(self) -> None:
        packet = bytearray()
        escaped = False
        while True:
            try:
                data = os.read(self.inside, 1 << 16)
            except OSError:
                return
            for byte in data:
                if byte == END:
                    if packet:
                        self._take(bytes(packet))
                    packet.clear()
                elif byte == ESCAPE:
                    escaped = True
                    continue
                else:
                    packet.append({0xDC: END, 0xDD: ESCAPE}[byte] if escaped else byte)
                escaped = False

    def _take(self, packet: bytes) -> None:
        operation = packet[0]
        self.heard.append(operation)
        if self.deaf or operation in SILENT or len(self.heard) > self.most:
            return
        if operation in (WRITE, WRITE_FLASH):
            check, at, count = struct.unpack_from("<III", packet, 4)
            data = packet[16 : 16 + count]
            assert zlib.crc32(packet[8:]) == check
            if operation == WRITE_FLASH:
                self.flash[at] = data
        os.write(self.inside, bytes([END, operation, OK, END]))
