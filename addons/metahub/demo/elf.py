"""A static Linux executable that prints one line and exits 0, made without a compiler.

Knows the layout of ELF64 and two system calls; must not know images, nor who runs it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

# elf(5): the file header, then one program header, then the code, then the text it prints.
FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
HEADERS_SIZE = FILE_HEADER.size + PROGRAM_HEADER.size

IDENT = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")  # 64 bits, little endian, System V
ET_EXEC, EV_CURRENT, PT_LOAD, READ_AND_EXECUTE = 2, 1, 1, 5
LOAD_ADDRESS = 0x400000
PAGE_SIZE = 0x10000  # kernels for arm64 may have pages of 64 KiB; amd64 takes any multiple of 4
LONGEST_TEXT = 0xFFFF  # bytes: `movz` of arm64 takes 16 bits


@dataclass(frozen=True, slots=True)
class Machine:
    """An instruction set: its number in an ELF header, and its code that writes a text.

    The code takes the text from right behind itself, and exits with 0.
    """

    number: int
    code: Callable[[int], bytes]

    @property
    def text_at(self) -> int:
        """The offset of the text in an executable of this module."""
        return HEADERS_SIZE + len(self.code(0))


def _amd64_code(text_size: int) -> bytes:
    return b"".join(
        (
            b"\xb8\x01\x00\x00\x00",  # mov eax, 1 (write)
            b"\xbf\x01\x00\x00\x00",  # mov edi, 1 (standard output)
            b"\x48\x8d\x35\x10\x00\x00\x00",  # lea rsi, [rip + 16] (the text)
            b"\xba" + struct.pack("<I", text_size),  # mov edx, text_size
            b"\x0f\x05",  # syscall
            b"\xb8\x3c\x00\x00\x00",  # mov eax, 60 (exit)
            b"\x31\xff",  # xor edi, edi
            b"\x0f\x05",  # syscall
        )
    )


def _arm64_code(text_size: int) -> bytes:
    return struct.pack(
        "<8I",
        0xD2800020,  # mov x0, 1 (standard output)
        0x100000E1,  # adr x1, 28 bytes from here (the text)
        0xD2800002 | text_size << 5,  # movz x2, text_size
        0xD2800808,  # mov x8, 64 (write)
        0xD4000001,  # svc 0
        0xD2800000,  # mov x0, 0
        0xD2800BA8,  # mov x8, 93 (exit)
        0xD4000001,  # svc 0
    )


MACHINES = {"amd64": Machine(62, _amd64_code), "arm64": Machine(183, _arm64_code)}


def executable(line: str, architecture: str) -> bytes:
    """The program that prints `line` and a newline, for an architecture in the words of OCI.

    Raises ValueError for an architecture that is not in MACHINES, and for a line too long.
    """
    if architecture not in MACHINES:
        raise ValueError(f"no code for {architecture!r}; expected one of {', '.join(MACHINES)}")
    text = f"{line}\n".encode()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"the line has {len(text)} bytes; expected at most {LONGEST_TEXT}")
    machine = MACHINES[architecture]
    return _headers(machine, machine.text_at + len(text)) + machine.code(len(text)) + text


def line_of(content: bytes) -> str:
    """What an executable of this module prints, read instead of run, without the newline.

    Raises ValueError for anything that this module did not make.
    """
    for machine in MACHINES.values():
        if content.startswith(_headers(machine, len(content))):
            return content[machine.text_at :].decode().removesuffix("\n")
    raise ValueError("not an executable of the demo; expected one made by metahub.demo.elf")


def _headers(machine: Machine, size: int) -> bytes:
    file_header = FILE_HEADER.pack(
        IDENT,
        ET_EXEC,
        machine.number,
        EV_CURRENT,
        LOAD_ADDRESS + HEADERS_SIZE,  # the entry point: the code starts behind the headers
        FILE_HEADER.size,
        0,  # no section headers
        0,
        FILE_HEADER.size,
        PROGRAM_HEADER.size,
        1,
        0,
        0,
        0,
    )
    segment = (PT_LOAD, READ_AND_EXECUTE, 0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, PAGE_SIZE)
    return file_header + PROGRAM_HEADER.pack(*segment)
