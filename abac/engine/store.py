"""Floor 5, engine: compiled policies on disk: what an entry depends on, and what stands in it.

An entry is found by what its policies were asked for with: the files and their content, declared models, and the versions of all that has
a part in compiling. It says what else was read, imports and data; that is read again, and all of it has to be as it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from abac.engine.folder import Folder
from abac.engine.packages import Main, PackageReader, Trail
from abac.language.grammar import tables_text
from abac.model.errors import LoadError, StoredError

if TYPE_CHECKING:
    from abac.compiler import Compiled
    from abac.compiler.store import Kept

log = logging.getLogger("abac")
FORMAT: Final = b"abac-compiled/1\n"
_PARTS: Final = ("package", "code", "state", "exact")
_SUM, _WIDTH = 32, 8


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that fits."""

    kept: Kept
    digest: str


class Store:
    """The entry for what one call asks for: these files, with these declarations.

    Args:
        trusting: whether the clock of the context is believed, on which code depends.
    """

    def __init__(self, folder: Folder, main: Main, declarations: str, *, trusting: bool) -> None:
        self.folder, self.key = folder, _key(main, declarations, trusting)

    def find(self, reader: PackageReader, main: Main) -> Entry | None:
        """The entry, if there is one that fits what the reader then finds; it has read everything by then."""
        found = self.folder.read(self.key.hex())
        if found is None:
            return None
        try:
            content, parts = _parsed(found, self.key)
            told = json.loads(content)
            trail = told["trail"]
            reader.follow(main, Trail(trail["package"], list(trail["imports"]), [(package, file) for package, file in trail["data"]]))
            if reader.digest() != told["digest"]:
                raise StoredError("an import or a data file has changed")
        except (StoredError, LoadError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            log.warning("compile cache: entry %s is ignored: %s", self.key.hex()[:16], _why(error))
            return None
        from abac.compiler.store import Kept

        return Entry(Kept(**parts), told["digest"])

    def put(self, reader: PackageReader, compiled: Compiled) -> None:
        """Keep what was compiled of what the reader read."""
        from abac.compiler.store import keep

        try:
            kept = keep(compiled)
        except StoredError as error:
            log.warning("compile cache: entry %s is not written: %s", self.key.hex()[:16], error)
            return
        told = json.dumps({"digest": compiled.digest, "trail": asdict(reader.trail)}).encode()
        self.folder.write(self.key.hex(), tuple(_written(self.key, [told, *(getattr(kept, part) for part in _PARTS)])))


def _why(error: Exception) -> str:
    if isinstance(error, StoredError):
        return str(error)
    return "what it was made of is not there any more" if isinstance(error, LoadError | OSError) else "it does not fit together"


# ── what an entry depends on ───────────────────────────────────────────────────────────────────────────────


def _key(main: Main, declarations: str, trusting: bool) -> bytes:
    state = hashlib.sha256(FORMAT)
    parts = [*_versions(), str(trusting), declarations, str(main.folder), str(main.folder.resolve())]
    parts += (text for source in main.sources for text in (source.name, source.text))
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")  # names of files may be no Unicode
        state.update(b"%d\0" % len(raw))
        state.update(raw)
    return state.digest()


@cache
def _versions() -> tuple[str, ...]:
    """All that has a part in what is compiled, and in whether its code can be run."""
    running = (sys.implementation.cache_tag, sys.version, importlib.util.MAGIC_NUMBER.hex(), sys.flags.optimize, sys.byteorder)
    try:
        version = importlib.metadata.version("abac")
    except importlib.metadata.PackageNotFoundError:
        version = "not installed"
    return (*map(str, running), version, _ours())


def _ours() -> str:
    """A digest of this package's own files: two that call themselves one version are told apart, and so are grammars."""
    state = hashlib.sha256(tables_text().encode())
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        state.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        state.update(content)
    return state.hexdigest()


# ── what stands in it ──────────────────────────────────────────────────────────────────────────────────────


def _written(key: bytes, parts: list[bytes]) -> Iterator[bytes]:
    """Format, checksum of what follows, key, lengths, parts."""
    body = [key, *(len(part).to_bytes(_WIDTH, "little") for part in parts), *parts]
    state = hashlib.sha256()
    for each in body:
        state.update(each)
    yield FORMAT
    yield state.digest()
    yield from body


def _parsed(content: bytes, key: bytes) -> tuple[bytes, Mapping[str, Any]]:
    view = memoryview(content)
    if bytes(view[: len(FORMAT)]) != FORMAT:
        raise StoredError("it is no compiled policy, or of another format")
    at = len(FORMAT)
    if hashlib.sha256(view[at + _SUM :]).digest() != view[at : at + _SUM]:
        raise StoredError("it is damaged")
    at += _SUM
    if view[at : at + len(key)] != key:
        raise StoredError("it is another policy's")
    at += len(key)
    parts, starts = [], at + _WIDTH * (1 + len(_PARTS))
    for place in range(1 + len(_PARTS)):
        length = int.from_bytes(view[at + _WIDTH * place : at + _WIDTH * (place + 1)], "little")
        parts.append(bytes(view[starts : starts + length]))
        starts += length
    if starts != len(view):
        raise StoredError("it is not as long as it says")
    return parts[0], dict(zip(_PARTS, parts[1:], strict=True))
