"""Floor 6, cli: what the commands have in common: formats, colours, exit codes, loading."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from abac.model.diagnostics import Diagnostic, Severity
from abac.model.errors import LoadError, PolicyErrors

if TYPE_CHECKING:
    from rich.console import Console

    from abac.engine.engine import Engine

GOOD, FINDINGS, UNUSABLE = 0, 1, 2
_WIDE = 150


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


PolicyPath = Annotated[Path, typer.Argument(metavar="PATH", help="A folder of .abac files, or one file.", show_default=False)]
ColorOption = Annotated[Color, typer.Option("--color", help="Colours; NO_COLOR is respected.")]
NowOption = Annotated[
    str | None, typer.Option("--now", metavar="INSTANT", help="The clock, RFC 3339. Without it each request's own clock is believed.")
]


def console(color: Color, *, stderr: bool = False) -> Console:
    """A console for people: as wide as the terminal, or wide enough for tables where there is none."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    return Console(
        stderr=stderr, width=width, force_terminal=True if color is Color.ALWAYS else None, no_color=True if color is Color.NEVER else None,
        highlight=False, soft_wrap=False,
    )  # fmt: skip


def fail(message: str, code: int = UNUSABLE) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(code)


def load(path: Path, now: str | None) -> tuple[Engine, dt.datetime | None]:
    """The engine for a path and the clock for `--now`; policies that cannot be used end the command."""
    import logging

    from abac.engine.engine import Engine

    logging.getLogger("abac").setLevel(logging.ERROR)  # what nobody discharges is of no interest here: nothing is enforced
    at = _instant(now) if now is not None else None
    try:
        return Engine.load(path, trust_request_clock=at is None), at
    except LoadError as error:
        fail(str(error))
    except PolicyErrors as errors:
        print_findings(errors.diagnostics, console(Color.AUTO, stderr=True))
        fail(f"{path} cannot be used: {errors.message}")


def _instant(text: str) -> dt.datetime:
    from abac.model.scalars import read_scalar
    from abac.model.types import INSTANT

    value = read_scalar(text, INSTANT)
    if not isinstance(value, dt.datetime):
        fail(f"--now: `{text}` is no instant: write it as 2026-06-12T21:21:00Z")
    return value


def print_findings(findings: Sequence[Diagnostic], out: Console) -> None:
    """Findings for people, worst colours first in each."""
    from rich.text import Text

    styles = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
    for finding in findings:
        text = Text(str(finding))
        text.stylize(styles[finding.severity], 0, len(str(finding.severity)))
        out.print(text, soft_wrap=True)
        out.print()
