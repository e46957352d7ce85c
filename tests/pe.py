"""A reader of what the tests want to know of a PE32+ file: flags, exports, imports, version, relocations."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HIGH_ENTROPY_VA = 0x0020
DYNAMIC_BASE = 0x0040
NX_COMPAT = 0x0100
RELOCS_STRIPPED = 0x0001
IS_DLL = 0x2000
MACHINE_AMD64 = 0x8664

EXPORT, IMPORT, RESOURCE, EXCEPTION, SECURITY, RELOCATION = range(6)
TLS = 9
RT_VERSION = 16


@dataclass(frozen=True)
class Image:
    machine: int
    characteristics: int
    dll_characteristics: int
    exports: tuple[str, ...]
    imports: dict[str, tuple[str, ...]]
    relocation_bytes: int
    version: bytes
    version_strings: dict[str, str]
    sections: dict[str, int]
    timestamp: int
    symbols: frozenset[str]


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        header = self.unpack("<I", 0x3C)[0]
        if data[header : header + 4] != b"PE\0\0":
            raise ValueError("not a PE file")
        self.machine, count, self.timestamp, symbols, symbol_count, optional_size, self.characteristics = (
            self.unpack("<HHIIIHH", header + 4)
        )
        self.symbol_table = (symbols, symbol_count)
        optional = header + 24
        if self.unpack("<H", optional)[0] != 0x20B:
            raise ValueError("not PE32+")
        self.dll_characteristics = self.unpack("<H", optional + 70)[0]
        directories = self.unpack("<I", optional + 108)[0]
        self.directories = [self.unpack("<II", optional + 112 + 8 * i) for i in range(directories)]
        self.sections = []
        for i in range(count):
            at = optional + optional_size + 40 * i
            name = data[at : at + 8].rstrip(b"\0").decode()
            virtual_size, address, raw_size, raw = self.unpack("<IIII", at + 8)
            self.sections.append(
                (name, address, max(virtual_size, raw_size), raw, self.unpack("<I", at + 36)[0])
            )

    def unpack(self, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(form, self.data, at)

    def offset(self, address: int) -> int:
        for _, start, size, raw, _ in self.sections:
            if start <= address < start + size:
                return int(address - start + raw)
        raise ValueError(f"address 0x{address:x} is in no section")

    def text(self, address: int) -> str:
        at = self.offset(address)
        return self.data[at : self.data.index(b"\0", at)].decode()

    def symbols(self) -> Iterator[str]:
        """The names in the COFF symbol table; longer ones stand in the strings behind it."""
        at, count = self.symbol_table
        strings = at + 18 * count
        number = 0
        while number < count:
            entry = at + 18 * number
            short, place = self.unpack("<II", entry)
            if short:
                yield self.data[entry : entry + 8].rstrip(b"\0").decode(errors="replace")
            else:
                start = strings + place
                yield self.data[start : self.data.index(b"\0", start)].decode(errors="replace")
            number += 1 + self.data[entry + 17]

    def exports(self) -> tuple[str, ...]:
        address, size = self.directories[EXPORT]
        if not size:
            return ()
        at = self.offset(address)
        count, names = self.unpack("<I", at + 24)[0], self.unpack("<I", at + 32)[0]
        return tuple(self.text(self.unpack("<I", self.offset(names) + 4 * i)[0]) for i in range(count))

    def imports(self) -> dict[str, tuple[str, ...]]:
        address, size = self.directories[IMPORT]
        found: dict[str, tuple[str, ...]] = {}
        at = self.offset(address) if size else 0
        while size:
            lookup, _, _, name, thunks = self.unpack("<IIIII", at)
            if not name:
                break
            found[self.text(name)] = self._imported(lookup or thunks)
            at += 20
        return found

    def _imported(self, lookup: int) -> tuple[str, ...]:
        names, at = [], self.offset(lookup)
        while entry := self.unpack("<Q", at)[0]:
            names.append(f"#{entry & 0xFFFF}" if entry >> 63 else self.text((entry & 0x7FFFFFFF) + 2))
            at += 8
        return tuple(names)

    def resource(self, kind: int) -> bytes:
        """The first resource of the kind, in its first language; empty if there is none."""
        address, size = self.directories[RESOURCE]
        if not size:
            return b""
        root = self.offset(address)
        at, wanted = root, kind
        while True:
            named, numbered = self.unpack("<HH", at + 12)
            for i in range(named + numbered):
                number, target = self.unpack("<II", at + 16 + 8 * i)
                if wanted in (0, number):
                    break
            else:
                return b""
            wanted = 0
            if not target & 0x80000000:
                data_address, data_size = self.unpack("<II", root + target)
                start = self.offset(data_address)
                return self.data[start : start + data_size]
            at = root + (target & 0x7FFFFFFF)


def _version_strings(resource: bytes) -> dict[str, str]:
    """The values of the strings that matter: each a name, padding to 4 bytes, and a value, all UTF-16."""
    found = {}
    for name in (
        "FileDescription",
        "FileVersion",
        "OriginalFilename",
        "ProductName",
        "ProductVersion",
        "LegalCopyright",
    ):
        key = (name + "\0").encode("utf-16-le")
        at = resource.find(key)
        if at >= 0:
            start = (at + len(key) + 3) & ~3
            end = start
            while resource[end : end + 2] not in (b"\0\0", b""):
                end += 2
            found[name] = resource[start:end].decode("utf-16-le")
    return found


def read(path: Path) -> Image:
    reader = Reader(path.read_bytes())
    version = reader.resource(RT_VERSION)
    return Image(
        machine=reader.machine,
        characteristics=reader.characteristics,
        dll_characteristics=reader.dll_characteristics,
        exports=reader.exports(),
        imports=reader.imports(),
        relocation_bytes=reader.directories[RELOCATION][1],
        version=version,
        version_strings=_version_strings(version),
        sections={name: flags for name, _, _, _, flags in reader.sections},
        timestamp=reader.timestamp,
        symbols=frozenset(reader.symbols()),
    )
