"""Floor 6, cli: `abac explain`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from abac.cli.output import CacheOption, Format, NowOption, PolicyPath, RequestsOption, fail, load, open_requests
from abac.engine.requests import RequestLine, read_lines
from abac.model.diagnostics import suggestion
from abac.model.json_text import dump_json


def explain(
    path: PolicyPath,
    requests: RequestsOption,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The id of the request to explain; without it the first.", show_default=False)
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="For people or for machines.")] = Format.TEXT,
    now: NowOption = None,
    no_cache: CacheOption = False,
) -> None:
    """Explain the decision on one request.

    The deciding rule, the rules that also held or missed by one condition, what was unknown, the values read.

    Exits with 0 whatever the decision is, 2 if there is no such request, or policies or requests cannot be read.
    """
    engine, at = load(path, now, cache=not no_cache)
    line = _wanted(requests, id)
    parts = line.members
    found = engine.explain(parts.get("subject"), parts.get("action"), parts.get("resource"), parts.get("context"), at=at)
    if format is Format.JSON:
        sys.stdout.buffer.write(dump_json({"id": line.id, **found.to_dict()}) + b"\n")
        sys.stdout.buffer.flush()
    else:
        print(found)


def _wanted(requests: str, id: str | None) -> RequestLine:
    """The first request that has the id."""
    ids: list[str] = []
    bad = 0
    with open_requests(requests) as stream:
        for line in read_lines(stream):
            own = _text(line.id)
            if line.error is not None:
                bad += 1
            elif id is None or id == own:
                return line
            else:
                ids.append(own or "")
    unread = f" ({bad} lines are no requests)" if bad > 1 else " (one line is no request)" if bad else ""
    if id is None:
        fail(f"{requests}: no request to explain{unread}")
    close = suggestion(id, ids)
    fail(f"{requests}: no request has the id `{id}`{unread}{f': {close}' if close else ''}")


def _text(id: object) -> str | None:
    """An id as one writes it on the command line."""
    return id if isinstance(id, str) or id is None else dump_json(id).decode()
