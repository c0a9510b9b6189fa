"""Floor 6, cli: `abac decide`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from abac.cli.output import FINDINGS, GOOD, Color, ColorOption, NowOption, PolicyPath, console, fail, load
from abac.engine.requests import RequestLine, read_lines
from abac.model.json_text import dump_json

if TYPE_CHECKING:
    from abac.engine.engine import Engine
    from abac.model.decision import Decision


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


RequestsOption = Annotated[
    str, typer.Option("--requests", metavar="FILE", help="Requests, one JSON object a line; - for standard input.", show_default=False)
]
Answer = tuple[RequestLine, "Decision | None"]


def decide(
    path: PolicyPath,
    requests: RequestsOption,
    format: Annotated[Format, typer.Option("--format", help="One JSON object a line, or a table for people.")] = Format.JSON,
    now: NowOption = None,
    color: ColorOption = Color.AUTO,
) -> None:
    """Decide requests, in order.

    A request has the members subject, action, resource and context, and an id that is given back; other members are ignored. Exit code 0
    whatever the decisions are; 1 if a line is no request (it gets an `error`, the others are decided); 2 if policies or requests
    cannot be read.
    """
    engine, at = load(path, now)
    with open_requests(requests) as stream:
        answers = _answers(engine, at, stream)
        bad = _print_table(answers, color) if format is Format.TEXT else _print_lines(answers)
    raise typer.Exit(FINDINGS if bad else GOOD)


def open_requests(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return open(name, "rb")
    except OSError as error:
        fail(f"{name}: {error.strerror or error}")


def _answers(engine: Engine, at: dt.datetime | None, stream: BinaryIO) -> Iterator[Answer]:
    for line in read_lines(stream):
        if line.error is not None:
            yield line, None
        else:
            parts = line.members
            yield line, engine.decide(parts.get("subject"), parts.get("action"), parts.get("resource"), parts.get("context"), at=at)


def _print_lines(answers: Iterator[Answer]) -> bool:
    bad, out = False, sys.stdout.buffer
    for line, decision in answers:
        if decision is None:
            bad = True
            out.write(dump_json({"id": line.id, "line": line.number, "error": line.error}) + b"\n")
        else:
            out.write(dump_json({"id": line.id, **decision.to_dict()}) + b"\n")
    out.flush()
    return bad


_STYLES = {"permit": "green", "deny": "red", "indeterminate": "yellow", "not-applicable": "blue"}


def _print_table(answers: Iterator[Answer], color: Color) -> bool:
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "who", "what", "decision", "rule", "reason", "citation", show_lines=False, pad_edge=False)
    bad = False
    for line, decision in answers:
        id_ = "" if line.id is None else str(line.id)
        if decision is None:
            bad = True
            table.add_row(escape(id_), "", "", "[red]error[/red]", "", escape(f"line {line.number}: {line.error}"), "")
            continue
        style = _STYLES[str(decision.effect)]
        table.add_row(
            escape(id_), escape(_who(line)), escape(_what(line)), f"[{style}]{decision.effect}[/{style}]", escape(decision.rule or ""),
            escape(decision.reason), escape("; ".join(decision.citations)),
        )  # fmt: skip
    console(color).print(table)
    return bad


def _who(line: RequestLine) -> str:
    """What tells one request from the next for people: its title if it has one, else the subject's first plain attribute."""
    title = line.members.get("title")
    return title if isinstance(title, str) else _first_words(line.members.get("subject"))


def _what(line: RequestLine) -> str:
    action = line.members.get("action")
    return f"{action if isinstance(action, str) else '?'} {_first_words(line.members.get('resource'))}"


def _first_words(part: object) -> str:
    if isinstance(part, dict):
        for name in ("id", *part):
            if isinstance(part.get(name), str):
                return str(part[name])
    return "?"
