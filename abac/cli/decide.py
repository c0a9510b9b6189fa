"""Floor 6, cli: `abac decide`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from abac.cli.output import (
    FINDINGS,
    GOOD,
    CacheOption,
    Color,
    ColorOption,
    Format,
    NowOption,
    PolicyPath,
    RequestsOption,
    console,
    load,
    open_requests,
    with_progress,
)
from abac.engine.requests import RequestLine, read_lines
from abac.model.json_text import dump_json

if TYPE_CHECKING:
    from rich.table import Table

    from abac.engine.engine import Engine
    from abac.model.decision import Decision

Answer = tuple[RequestLine, "Decision | None"]


def decide(
    path: PolicyPath,
    requests: RequestsOption,
    format: Annotated[Format, typer.Option("--format", help="One JSON object a line, or a table for people.")] = Format.JSON,
    now: NowOption = None,
    no_cache: CacheOption = False,
    color: ColorOption = Color.AUTO,
) -> None:
    """Decide requests, in order.

    A request has the members subject, action, resource and context, and an id that is given back; other members are ignored.

    Exits with 0 whatever the decisions are, 1 if a line is no request (it gets an `error`, the others are decided), 2 if policies or
    requests cannot be read.
    """
    engine, at = load(path, now, cache=not no_cache)
    with open_requests(requests) as stream:
        answers = with_progress(_answers(engine, at, stream), stream)
        bad = _print_table(answers, color) if format is Format.TEXT else _print_lines(answers)
    raise typer.Exit(FINDINGS if bad else GOOD)


def _answers(engine: Engine, at: dt.datetime | None, stream: BinaryIO) -> Iterator[Answer]:
    for line in read_lines(stream):
        if line.error is not None:
            yield line, None
        else:
            parts = line.members
            yield line, engine.decide(parts.get("subject"), parts.get("action"), parts.get("resource"), parts.get("context"), at=at)


def _print_lines(answers: Iterator[Answer]) -> bool:
    """Each answer as soon as it is there: whoever asks through a pipe may wait for it."""
    bad, out = False, sys.stdout.buffer
    for line, decision in answers:
        bad |= decision is None
        made = {"line": line.number, "error": line.error} if decision is None else decision.to_dict()
        out.write(dump_json({"id": line.id, **made}) + b"\n")
        out.flush()
    return bad


_STYLES = {"permit": "green", "deny": "red", "indeterminate": "yellow", "not-applicable": "blue"}
_ROOM_FOR_CITATIONS, _ROOM_FOR_TITLES = 130, 100


def _print_table(answers: Iterator[Answer], color: Color) -> bool:
    out = console(color)
    table = _table(out.width)
    names = [str(column.header) for column in table.columns]
    bad = False
    for line, decision in answers:
        bad |= decision is None
        row = _row(line, decision)
        table.add_row(*(row[name] for name in names))
    if table.rows:
        out.print(table)
    return bad


def _table(width: int) -> Table:
    """What there is room for."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", overflow="fold")
    if width >= _ROOM_FOR_TITLES:
        table.add_column("request", ratio=3)
    table.add_column("decision", no_wrap=True)
    table.add_column("rule", overflow="fold")
    table.add_column("reason", ratio=4)
    if width >= _ROOM_FOR_CITATIONS:
        table.add_column("citations", ratio=2)
    return table


def _row(line: RequestLine, decision: Decision | None) -> dict[str, str]:
    from rich.markup import escape

    row = {"id": "" if line.id is None else _plain(str(line.id)), "request": _title(line)}
    if decision is None:
        row |= {"decision": "error", "rule": "", "reason": f"line {line.number}: {line.error}", "citations": ""}
    else:
        row |= {"decision": decision.effect, "rule": decision.rule or "", "reason": decision.reason}
        row |= {"citations": "; ".join(decision.citations)}
    style = _STYLES.get(row["decision"], "bold red")
    return {name: f"[{style}]{text}[/]" if name == "decision" else escape(text) for name, text in row.items()}


def _title(line: RequestLine) -> str:
    """What tells one request from the next for people: its title if it has one, else who wants to do what."""
    title = line.members.get("title")
    if isinstance(title, str):
        return _plain(title)
    action = line.members.get("action")
    words = (_name(line.members.get("subject")), action if isinstance(action, str) else "?", _name(line.members.get("resource")))
    return _plain(" ".join(words)) if line.members else ""


def _name(part: object) -> str:
    """An entity's id, or the first of its members that is a string."""
    if isinstance(part, dict):
        for name in ("id", *part):
            if isinstance(part.get(name), str):
                return str(part[name])
    return "?"


def _plain(text: str) -> str:
    """What strangers wrote, safe for a terminal."""
    from abac.model.text import show

    return show(text)
