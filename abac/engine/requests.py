"""Floor 5, engine: reads JSON Lines into lines that may hold a request each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from abac.model.json_text import JsonError, parse_json
from abac.model.limits import MAX_LINE_BYTES
from abac.model.request import read_request

__all__ = ["ByteStream", "RequestLine", "read_lines", "read_request"]


class ByteStream(Protocol):
    """Such as a file opened in binary mode."""

    def readline(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line of a JSON Lines file.

    Attributes:
        number: counted from 1, blank lines too.
        id: the member `id` if it is no array or object; None otherwise.
        members: of the JSON object; empty if the line holds none.
        error: why the line holds no JSON object; None if it does.
    """

    number: int
    id: object = None
    members: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None


def read_lines(stream: ByteStream) -> Iterator[RequestLine]:
    """The lines of a JSON Lines file, in order and one at a time, blank ones left out. A bad line does not stop the rest."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            while not line.endswith(b"\n") and (line := stream.readline(MAX_LINE_BYTES)):
                pass
            yield RequestLine(number, error=f"the line is longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield _line(number, line)


def _line(number: int, line: bytes) -> RequestLine:
    try:
        value = parse_json(line)
    except JsonError as error:
        return RequestLine(number, error=f"the line is not JSON: {error}")
    if not isinstance(value, dict):
        return RequestLine(number, error="the line is no JSON object")
    id_ = value.get("id")
    return RequestLine(number, None if isinstance(id_, dict | list) else id_, value)
