"""Floor 6, cli: `abac fmt`."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from abac.cli.output import FINDINGS, GOOD, UNUSABLE, Color, console, fail, print_findings
from abac.model.errors import PolicyErrors
from abac.model.limits import MAX_FILE_BYTES


def fmt(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, or - for standard input.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
) -> None:
    """Format policy files in place: one layout, comments kept, meaning untouched.

    Exit code 0 when done, 1 with --check or --diff if a file would change, 2 if a file cannot be read or parsed.
    """
    changed = broken = False
    for name in paths:
        if name == "-":
            formatted = _formatted("<stdin>", _decode("<stdin>", sys.stdin.buffer.read(MAX_FILE_BYTES + 1)))
            broken |= formatted is None
            sys.stdout.write(formatted or "")
            continue
        for path in _files(Path(name)):
            text = _read(path)
            formatted = _formatted(str(path), text)
            broken |= formatted is None
            if formatted is not None and formatted != text:
                changed = True
                _show_or_write(path, text, formatted, check=check, diff=diff)
    if broken:
        raise typer.Exit(UNUSABLE)
    raise typer.Exit(FINDINGS if changed and (check or diff) else GOOD)


def _show_or_write(path: Path, text: str, formatted: str, *, check: bool, diff: bool) -> None:
    if diff:
        lines = difflib.unified_diff(text.splitlines(True), formatted.splitlines(True), str(path), f"{path} (formatted)")
        sys.stdout.writelines(lines)
    elif check:
        print(f"would format {path}")
    else:
        _write(path, formatted)
        print(f"formatted {path}")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.rglob("*.abac"))
        if not found:
            fail(f"{path}: no .abac files in this folder")
        return found
    if not path.is_file():
        fail(f"{path}: no such file or folder")
    return [path]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _decode(str(path), file.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")


def _decode(name: str, content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        fail(f"{name}: larger than {MAX_FILE_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        fail(f"{name}: not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}")


def _formatted(name: str, text: str) -> str | None:
    from abac.language.parser import parse
    from abac.language.printer import render
    from abac.model.source import Source

    try:
        return render(parse(Source(name, text)))
    except PolicyErrors as errors:
        print_findings(errors.diagnostics, console(Color.AUTO, stderr=True))
        return None


def _write(path: Path, text: str) -> None:
    """Replace the file whole or not at all, with its permissions kept."""
    mode = path.stat().st_mode
    handle, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path.resolve())
    except BaseException:
        os.unlink(temporary)
        raise
