"""Benches: how a process asks the valgrind that it runs under: when to count, and to write down what was counted.

A request is a sequence of machine instructions that do nothing, which valgrind knows by sight; no C compiler is needed to make them.
"""

from __future__ import annotations

import ctypes
import mmap

CODE = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the request and its arguments
    "31d2"  # xor edx, edx: the answer where nobody answers
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi by 3, 13, 61, 51: as it was
    "4887db"  # xchg rbx, rbx: here valgrind answers
    "4889d0"  # mov rax, rdx
    "c3"  # ret
)
"""For x86-64, as `valgrind.h` has it."""
IS_THERE = 0x1001
TOOL = ord("C") << 24 | ord("T") << 16
ZERO, WRITE, START = TOOL + 1, TOOL + 3, TOOL + 4
"""Requests of `callgrind.h`."""


class Callgrind:
    """Counts nothing until `start`: what comes before costs little."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._page.write(CODE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address)
        self._name = ctypes.create_string_buffer(200)
        self._zero = _request(ZERO)
        self._write = _request(WRITE, ctypes.addressof(self._name))

    @property
    def is_there(self) -> bool:
        return bool(self._ask(_request(IS_THERE)))

    def start(self) -> None:
        self._ask(_request(START))

    def zero(self) -> None:
        self._ask(self._zero)

    def write(self, name: str) -> None:
        """What was counted since `zero`, under that name."""
        self._name.value = name.encode()
        self._ask(self._write)

    def _ask(self, request: ctypes.Array[ctypes.c_uint64]) -> int:
        return int(self._call(ctypes.addressof(request)))


def _request(number: int, *arguments: int) -> ctypes.Array[ctypes.c_uint64]:
    return (ctypes.c_uint64 * 6)(number, *arguments)
