"""Floor 6, cli: `abac explain`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from abac.cli.decide import Format, RequestsOption, open_requests
from abac.cli.output import NowOption, PolicyPath, fail, load
from abac.engine.requests import read_lines
from abac.model.json_text import dump_json


def explain(
    path: PolicyPath,
    requests: RequestsOption,
    id: Annotated[str, typer.Option("--id", metavar="ID", help="The id of the request to explain.", show_default=False)],
    format: Annotated[Format, typer.Option("--format", help="For people or for machines.")] = Format.TEXT,
    now: NowOption = None,
) -> None:
    """Explain the decision on one request: the deciding rule, the rules that also held or missed by one condition, what was unknown, the
    values read.
    """
    engine, at = load(path, now)
    with open_requests(requests) as stream:
        for line in read_lines(stream):
            if line.error is None and str(line.id) == id:
                parts = line.members
                found = engine.explain(parts.get("subject"), parts.get("action"), parts.get("resource"), parts.get("context"), at=at)
                if format is Format.JSON:
                    sys.stdout.buffer.write(dump_json({"id": line.id, **found.to_dict()}) + b"\n")
                else:
                    print(found)
                return
    fail(f"no request of {requests} has the id {id}")
