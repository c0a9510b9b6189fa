"""Floor 6, cli: `abac check`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from abac.cli.output import FINDINGS, GOOD, UNUSABLE, CacheOption, Color, ColorOption, Format, console, print_findings, utf8
from abac.model.diagnostics import Diagnostic, Severity
from abac.model.errors import LoadError, PolicyErrors


@dataclass(frozen=True)
class Checked:
    """What was found in one package; `digest` where it can be loaded, `error` where it cannot even be read."""

    path: Path
    findings: Sequence[Diagnostic] = ()
    digest: str | None = None
    error: str | None = None


def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Folders of .abac files, or single files.", show_default=False)],
    format: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
    color: ColorOption = Color.AUTO,
    no_cache: CacheOption = False,
) -> None:
    """Check policies: names, types, guards, and what looks like a mistake.

    Each PATH is a package of its own.

    Exits with 0 if there is nothing to mend, 1 if there are errors or warnings, 2 if something cannot be read. Notes change nothing.
    """
    packages = [_checked(path, cache=not no_cache) for path in paths]
    if format is Format.JSON:
        _print_json(packages)
    else:
        _print_text(packages, color)
    if any(package.error for package in packages):
        raise typer.Exit(UNUSABLE)
    worst = any(finding.severity is not Severity.NOTE for package in packages for finding in package.findings)
    raise typer.Exit(FINDINGS if worst else GOOD)


def _checked(path: Path, *, cache: bool) -> Checked:
    from abac.engine.pipeline import check_paths

    try:
        loaded = check_paths([path], cache)
    except LoadError as error:
        return Checked(path, error=str(error))
    except PolicyErrors as errors:
        return Checked(path, errors.diagnostics)
    return Checked(path, loaded.package.findings, loaded.digest)


def _print_text(packages: Sequence[Checked], color: Color) -> None:
    out = console(color)
    for package in packages:
        if package.error is not None:
            print(f"error: {package.error}", file=sys.stderr)
            continue
        print_findings(package.findings, out)
        digest = f", {package.digest[:19]}" if package.digest else ""
        out.print(f"{package.path}: {_summary(package.findings)}{digest}", soft_wrap=True, markup=False)


def _summary(findings: Sequence[Diagnostic]) -> str:
    counts = Counter(finding.severity for finding in findings)
    parts = [f"{counts[s]} {s}{'' if counts[s] == 1 else 's'}" for s in Severity if counts[s]]
    return ", ".join(parts) or "no findings"


def _print_json(packages: Sequence[Checked]) -> None:
    from abac.model.json_text import dump_json

    found = [
        {
            "path": utf8(str(package.path)),
            "digest": package.digest,
            "error": None if package.error is None else utf8(package.error),
            "findings": [{**finding.to_dict(), "file": utf8(finding.span.source.name)} for finding in package.findings],
        }
        for package in packages
    ]
    sys.stdout.buffer.write(dump_json({"packages": found}) + b"\n")
    sys.stdout.buffer.flush()
