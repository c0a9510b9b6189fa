"""Floor 6, cli: the `abac` command: one file a subcommand."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from abac.cli import check, decide, explain, fmt

app = typer.Typer(
    name="abac",
    help="Check, format and try attribute-based access policies.",
    epilog="Exit codes: 0 good, 1 findings or failures, 2 unusable input.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("check")(check.check)
app.command("fmt")(fmt.fmt)
app.command("decide")(decide.decide)
app.command("explain")(explain.explain)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"abac {version('abac')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; leave quietly when interrupted, or when nobody reads on."""
    try:
        app()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
