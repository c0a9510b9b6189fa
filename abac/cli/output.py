"""Floor 6, cli: what the commands have in common: formats, colours, exit codes, loading, progress."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn, TypeVar

import typer

from abac.model.diagnostics import Diagnostic, Severity
from abac.model.errors import LoadError, PolicyErrors

if TYPE_CHECKING:
    from rich.console import Console

    from abac.engine.engine import Engine

GOOD, FINDINGS, UNUSABLE = 0, 1, 2
_WIDE = 150
_PATIENCE = 1.0  # seconds before a bar shows
T = TypeVar("T")


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


PolicyPath = Annotated[Path, typer.Argument(metavar="PATH", help="A folder of .abac files, or one file.", show_default=False)]
ColorOption = Annotated[Color, typer.Option("--color", help="auto: on a terminal, unless NO_COLOR is set.")]
NowOption = Annotated[
    str | None, typer.Option("--now", metavar="INSTANT", help="The clock, RFC 3339. Without it each request's own clock is believed.")
]
CacheOption = Annotated[
    bool,
    typer.Option("--no-cache", help="Neither read nor keep compiled policies: they are in $ABAC_CACHE_DIR, or the user's cache folder."),
]
RequestsOption = Annotated[
    str, typer.Option("--requests", metavar="FILE", help="Requests, one JSON object a line; - for standard input.", show_default=False)
]


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────


def console(color: Color = Color.AUTO, *, stderr: bool = False) -> Console:
    """A console for people: as wide as the terminal, or wide enough for tables where there is none."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    if color is Color.ALWAYS:
        return Console(stderr=stderr, width=width, force_terminal=True, color_system="standard", no_color=False, highlight=False)
    if color is Color.NEVER:
        return Console(stderr=stderr, width=width, force_terminal=False, color_system=None, highlight=False)
    return Console(stderr=stderr, width=width, highlight=False)


def fail(message: str, code: int = UNUSABLE) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(code)


def print_findings(findings: Sequence[Diagnostic], out: Console) -> None:
    """Findings for people, with the severity of each in its colour."""
    from rich.text import Text

    styles = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
    for finding in findings:
        text = Text(str(finding))
        text.stylize(styles[finding.severity], 0, len(str(finding.severity)))
        out.print(text, soft_wrap=True)
        out.print()


def utf8(name: str) -> str:
    """A file's name as JSON can hold it: bytes that are no UTF-8 are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def with_progress(items: Iterable[T], stream: BinaryIO) -> Iterator[T]:
    """The same items; on a terminal, with a bar on standard error as soon as they take long, after how much of the stream was read."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from items
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    size = os.fstat(stream.fileno()).st_size if stream.seekable() else None
    bar = BarColumn() if size else TextColumn("")
    columns = (TextColumn("{task.fields[done]} requests"), bar, TimeElapsedColumn())
    progress = Progress(*columns, console=console(stderr=True), transient=True)
    task = progress.add_task("", total=size, done=0)
    begin, shown = time.monotonic(), False
    try:
        for done, item in enumerate(items, 1):
            if not shown and time.monotonic() - begin > _PATIENCE:
                progress.start()
                shown = True
            if shown:
                progress.update(task, completed=stream.tell() if size else 0, done=done)
            yield item
    finally:
        progress.stop()


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def load(path: Path, now: str | None, *, cache: bool) -> tuple[Engine, dt.datetime | None]:
    """The engine for a path and the clock for `--now`; policies that cannot be used end the command."""
    import logging

    from abac.engine.engine import Engine

    logging.getLogger("abac").addHandler(logging.NullHandler())  # what nobody discharges is of no interest: nothing is enforced here
    at = _instant(now) if now is not None else None
    try:
        return Engine.load(path, trust_request_clock=at is None, cache=cache), at
    except LoadError as error:
        fail(str(error))
    except PolicyErrors as errors:
        print_findings(errors.diagnostics, console(stderr=True))
        fail(f"{path} cannot be used: {errors.message}")


def open_requests(name: str) -> BinaryIO:
    if name == "-":
        if sys.stdin.isatty():
            print("reading requests, one JSON object a line; Ctrl-D ends them", file=sys.stderr)
        return sys.stdin.buffer
    try:
        return open(name, "rb")
    except OSError as error:
        fail(f"{name}: {reason(error)}")


def reason(error: OSError) -> str:
    """What the system said, as our own messages are written."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _instant(text: str) -> dt.datetime:
    from abac.model.scalars import read_scalar
    from abac.model.types import INSTANT

    value = read_scalar(text, INSTANT)
    if not isinstance(value, dt.datetime):
        fail(f"--now: `{text}` is no instant: write it as 2026-06-12T21:21:00Z, with Z or an offset")
    return value
