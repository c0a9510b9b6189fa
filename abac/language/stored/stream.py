"""Floor 2, language: the bytes of the stored form: numbers in columns as wide as the largest needs, and strings once each."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from abac.model.errors import StoredError
from abac.model.schema import Entity, Record, Schema

_WIDTHS: Final = (("B", 2**8), ("H", 2**16), ("I", 2**32), ("Q", 2**64))
_SIZES: Final = {code: array(code).itemsize for code in "BHIQq"}


class Out:
    """What has been written so far, and where everything that is referred to will stand."""

    def __init__(self, places: Mapping[str, Mapping[int, int]]) -> None:
        self.places = places
        """By family: the index of each object, by its identity."""
        self.parts: list[bytes] = []
        self.strings: dict[str, int] = {}

    def numbers(self, values: Sequence[int], code: str | None = None) -> None:
        """Numbers in as few bytes each as the largest needs; of that code if one is given."""
        largest = max(values, default=0)
        column = array(code or next(code for code, limit in _WIDTHS if largest < limit), values)
        if sys.byteorder == "big":
            column.byteswap()
        self.parts += column.typecode.encode(), column.tobytes()


class In:
    """Data that is being read."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0
        self.strings: list[str] = []
        self.families: dict[str, list[Any]] = {}
        self.records: dict[str, Record] = {}
        self.entities: dict[str, Entity] = {}
        self.read_by = Schema(records=self.records, entities=self.entities)
        """What data files were read by. It is filled when the schema has been read."""

    def bytes(self, count: int) -> memoryview:
        found = self.data[self.at : self.at + count]
        if len(found) != count:
            raise StoredError("the stored policy ends too early")
        self.at += count
        return found

    def numbers(self, count: int, codes: str = "BHIQ") -> array[int]:
        code = str(self.bytes(1), "ascii")
        if code not in codes:
            raise StoredError(f"a column of the stored policy has the unknown code {code!r}")
        column = array(code)
        column.frombytes(self.bytes(count * _SIZES[code]))
        if sys.byteorder == "big":
            column.byteswap()
        return column


def write_strings(strings: Sequence[str], out: Out) -> None:
    encoded = "".join(strings).encode("utf-8", "surrogatepass")
    out.numbers([len(strings), len(encoded)], "Q")
    out.numbers([len(string) for string in strings])
    out.parts.append(encoded)


def read_strings(data: In) -> list[str]:
    count, size = data.numbers(2)
    ends = list(accumulate(data.numbers(count), initial=0))
    text = str(data.bytes(size), "utf-8", "surrogatepass")
    if ends[-1] != len(text):
        raise StoredError("the strings of the stored policy are not as long as it says")
    return [text[start:end] for start, end in pairwise(ends)]
