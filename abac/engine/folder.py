"""Floor 5, engine: a folder of files that nobody else can have written: what is read from it and put into it, within a bound.

Nothing here raises for what a disk may do: an entry that cannot be had is not there, one that cannot be put is not kept, and the log
says why.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

log = logging.getLogger("abac")
SUFFIX = ".abac-compiled"
VARIABLE = "ABAC_CACHE_DIR"
MOST_BYTES = 512 * 1024 * 1024
"""Of all compiled policies that are kept."""

_ENTRY = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
_HALF = re.compile(r"\.half-[0-9a-f]{32}")
_ABANDONED = 3600.0
"""Seconds after which a file that is still being written has been given up by its writer."""

_OPEN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_ROOT = 0


class _Unfit(Exception):
    """Why a folder or file is not used."""


@dataclass(frozen=True, slots=True)
class Folder:
    """
    Attributes:
        limit: bytes of all entries; those used longest ago make room.
    """

    path: Path
    limit: int = MOST_BYTES

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, name: str) -> bytes | None:
        """The entry of that name, if it is there and nobody but this user and root can have written it."""
        try:
            with self._opened() as (folder, _), _closing(os.open(name + SUFFIX, os.O_RDONLY | _OPEN, dir_fd=folder)) as file:
                found = _fit(os.fstat(file), stat.S_ISREG, "entry")
                if found.st_size > self.limit:
                    raise _Unfit("an entry is larger than all may be")
                content = _read(file, found.st_size)
                if found.st_uid == os.geteuid():
                    with suppress(OSError):  # a file system that is read-only, say: it then counts as used when it was written
                        os.utime(file)
                return content
        except FileNotFoundError:
            log.debug("compile cache: no entry %s", name[:16])
        except (_Unfit, OSError) as error:
            self._say("not read", error)
        return None

    @contextmanager
    def _opened(self) -> Iterator[tuple[int, int]]:
        """The folder's descriptor, and its owner."""
        if not hasattr(os, "geteuid"):
            raise _Unfit("this system does not tell who may write a file")
        with _closing(os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _OPEN)) as folder:
            yield folder, _fit(os.fstat(folder), stat.S_ISDIR, "folder").st_uid

    # ── writing ────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, name: str, parts: Sequence[bytes]) -> bool:
        """Put an entry in place of any of that name, whole or not at all; whether it was."""
        size = sum(map(len, parts))
        if size > self.limit:
            log.debug("compile cache: an entry of %d bytes is larger than all may be", size)
            return False
        try:
            self._make()
            with self._opened() as (folder, owner):
                if owner != os.geteuid():
                    raise _Unfit("the folder is root's")
                _put(folder, name + SUFFIX, parts)
                self._make_room(folder, name + SUFFIX)
                return True
        except (_Unfit, OSError) as error:
            self._say("not written", error)
        return False

    def _make(self) -> None:
        """The folder, for this user alone."""
        if not hasattr(os, "geteuid"):
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self.path.mkdir(mode=0o700)

    def _make_room(self, folder: int, newest: str) -> None:
        """Removes what was given up, and the entries used longest ago until the rest fits; the newest stays."""
        now, entries = time.time(), []
        with os.scandir(folder) as listing:
            for each in listing:
                with suppress(FileNotFoundError):  # another process made room too
                    state = each.stat(follow_symlinks=False)
                    if _ENTRY.fullmatch(each.name):
                        used = state.st_mtime if state.st_mtime <= now else 0.0  # a clock that ran ahead gives nobody a longer life
                        entries.append((each.name != newest, -used, each.name, state.st_size))
                    elif _HALF.fullmatch(each.name) and abs(now - state.st_mtime) > _ABANDONED:
                        os.unlink(each.name, dir_fd=folder)
        total = 0
        for _, _, name, size in sorted(entries):
            total += size
            if total > self.limit:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

    def _say(self, what: str, error: Exception) -> None:
        reason = errno.errorcode.get(error.errno or 0, "error") if isinstance(error, OSError) else error
        log.warning("compile cache %s: %s: %s", self.path, what, reason)


def _fit(found: os.stat_result, is_kind: object, what: str) -> os.stat_result:
    """Of the right kind, and written by this user or root alone."""
    if not is_kind(found.st_mode):  # type: ignore[operator]  # S_ISREG or S_ISDIR
        raise _Unfit(f"the {what} is something else")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _Unfit(f"others may write the {what}")
    if found.st_uid not in (os.geteuid(), _ROOT):
        raise _Unfit(f"the {what} is another user's")
    return found


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(file: int, size: int) -> bytes:
    """As much as there was when its size was asked for; if it is shorter by now its checksum will tell."""
    parts, left = [], size
    while left and (part := os.read(file, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _put(folder: int, name: str, parts: Sequence[bytes]) -> None:
    half = f".half-{os.urandom(16).hex()}"
    file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600, dir_fd=folder)
    try:
        with open(file, "wb") as out:
            out.writelines(parts)
        os.replace(half, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(half, dir_fd=folder)
        raise


def cache_folder(asked: bool | str | PathLike[str] | None) -> Folder | None:
    """Where compiled policies are kept: see `Engine.load`. Nothing is written for those who did not ask."""
    if asked is None:
        asked = bool(os.environ.get(VARIABLE))
    path = Path(asked) if isinstance(asked, (str, PathLike)) else _default() if asked else None
    return None if path is None else Folder(path)


def _default() -> Path | None:
    """`$ABAC_CACHE_DIR`, else `abac` in the user's cache folder; None if that is turned off or unknown."""
    if not hasattr(os, "geteuid"):  # nothing here could tell who may write a file
        return None
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named not in ("", "0") else None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # anything else is to be ignored, says the custom
        return Path(base, "abac")
    home = Path(os.path.expanduser("~"))
    return home / ".cache" / "abac" if home.is_absolute() else None
