"""Floor 6, cli: `abac fmt`."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from abac.cli.output import FINDINGS, GOOD, UNUSABLE, console, print_findings, reason
from abac.model.errors import LoadError, PolicyErrors
from abac.model.limits import MAX_FILE_BYTES

_STDIN = "<stdin>"


@dataclass(frozen=True)
class Formatted:
    """One file before and after; `path` None for standard input."""

    path: Path | None
    before: str
    after: str


def fmt(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders, or - for standard input.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
) -> None:
    """Format policy files in place: one layout, comments kept, meaning untouched.

    Standard input is formatted to standard output. Folders are searched through.

    Exits with 0 when done, 1 with --check or --diff if a file would change, 2 if a file cannot be read or parsed; the others are
    formatted all the same.
    """
    changed = broken = False
    for name in _names(paths):
        try:
            file = _formatted(name)
            changed |= file.before != file.after
            _show_or_write(file, check=check, diff=diff)
        except LoadError as error:
            broken = True
            print(f"error: {error}", file=sys.stderr)
        except PolicyErrors as errors:
            broken = True
            print_findings(errors.diagnostics, console(stderr=True))
    if broken:
        raise typer.Exit(UNUSABLE)
    raise typer.Exit(FINDINGS if changed and (check or diff) else GOOD)


def _names(paths: Sequence[str]) -> Iterator[str]:
    for name in paths:
        found = sorted(str(file) for file in Path(name).rglob("*.abac") if file.is_file()) if Path(name).is_dir() else [name]
        if not found:
            print(f"{name}: no .abac files", file=sys.stderr)
        yield from found


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def _formatted(name: str) -> Formatted:
    from abac.language.parser import parse
    from abac.language.printer import render
    from abac.model.source import Source

    path = None if name == "-" else Path(name)
    shown = name if path else _STDIN
    text = _decoded(shown, _content(path, shown))
    return Formatted(path, text, render(parse(Source(shown, text))))


def _content(path: Path | None, shown: str) -> bytes:
    if path is None:
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise LoadError(f"{shown}: {reason(error)}") from None


def _decoded(shown: str, content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise LoadError(f"{shown}: larger than {MAX_FILE_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LoadError(f"{shown}:{line}: not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}") from None


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────


def _show_or_write(file: Formatted, *, check: bool, diff: bool) -> None:
    shown = str(file.path) if file.path else _STDIN
    if diff:
        _print_text("".join(_difference(file, shown)))
    if check or diff:
        if check and file.before != file.after:
            print(f"would format {shown}", file=sys.stderr if diff else sys.stdout)
    elif file.path is None:
        _print_text(file.after)
    elif file.before != file.after:
        _write(file.path, file.after)
        print(f"formatted {shown}")


def _difference(file: Formatted, shown: str) -> Iterator[str]:
    before, after = (text.splitlines(keepends=True) for text in (file.before, file.after))
    for line in difflib.unified_diff(before, after, shown, f"{shown} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _print_text(text: str) -> None:
    """Policies are UTF-8 wherever they go."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _write(path: Path, text: str) -> None:
    """Replace the file whole or not at all, with its permissions kept; a link stays a link."""
    real = path.resolve()
    temporary = ""
    try:
        mode = real.stat().st_mode
        handle, temporary = tempfile.mkstemp(dir=real.parent, prefix=".abac-fmt-")
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        os.chmod(temporary, mode)
        os.replace(temporary, real)
        temporary = ""
    except OSError as error:
        raise LoadError(f"{path}: cannot be written: {reason(error)}") from None
    finally:
        if temporary:
            os.unlink(temporary)
