"""Floor 6, cli: `abac check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from abac.cli.output import FINDINGS, GOOD, Color, ColorOption, console, fail, print_findings
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.errors import LoadError, PolicyErrors


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders of .abac files, or single files.", show_default=False)],
    format: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
    color: ColorOption = Color.AUTO,
) -> None:
    """Check policies: names, types, guards, and what looks like a mistake.

    Each PATH is a package of its own. Exit code 0 if there are no errors and no warnings, 1 if there are, 2 if something cannot be read.
    Notes never change the exit code.
    """
    packages = [_check(path) for path in paths]
    worst = any(f.severity is not Severity.NOTE for _, _, findings in packages for f in findings)
    if format is Format.JSON:
        _print_json(packages)
    else:
        out = console(color)
        for path, digest, findings in packages:
            print_findings(findings, out)
            out.print(f"{path}: {_summary(findings)}" + (f", {digest[:19]}" if digest else ""), soft_wrap=True)
    raise typer.Exit(FINDINGS if worst else GOOD)


def _check(path: Path) -> tuple[Path, str | None, Sequence[Diagnostic]]:
    from abac.engine.pipeline import load_paths

    try:
        loaded = load_paths([path])
    except LoadError as error:
        fail(str(error))
    except PolicyErrors as errors:
        return path, None, errors.diagnostics
    return path, loaded.digest, loaded.package.findings


def _summary(findings: Sequence[Diagnostic]) -> str:
    counts = Counter(f.severity for f in findings)
    parts = [f"{counts[s]} {s}{'' if counts[s] == 1 else 's'}" for s in Severity if counts[s]]
    return ", ".join(parts) or "no findings"


def _print_json(packages: list[tuple[Path, str | None, Sequence[Diagnostic]]]) -> None:
    import sys

    from abac.model.json_text import dump_json

    found = [{"path": str(p), "digest": digest, "findings": [f.to_dict() for f in findings]} for p, digest, findings in packages]
    sys.stdout.buffer.write(dump_json({"packages": found}) + b"\n")
