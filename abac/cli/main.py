"""Floor 6, cli: the `abac` command: one file a subcommand."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated

import typer

from abac.cli import check, compile, decide, explain, fmt
from abac.cli.output import UNUSABLE, reason

app = typer.Typer(
    name="abac",
    help="Check, format and try attribute-based access policies.",
    epilog="Exit codes: 0 good, 1 findings or failures, 2 unusable input.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(check.check)
app.command("fmt")(fmt.fmt)
app.command("decide")(decide.decide)
app.command("explain")(explain.explain)
app.command("compile")(compile.compile)


def _version(wanted: bool) -> None:
    from importlib.metadata import PackageNotFoundError, version

    if wanted:
        try:
            print(f"abac {version('abac')}")
        except PackageNotFoundError:
            print("abac, not installed: run from its source")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line. Whoever stops reading its output stops it, quietly; what the terminal cannot show is escaped."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _open_streams()
    try:
        try:
            app(prog_name="abac")
        finally:
            sys.stdout.flush()
    except OSError as error:  # such as a full disk, or a folder as standard input; files by name are reported where they are opened
        print(f"error: {reason(error)}", file=sys.stderr)
        os._exit(UNUSABLE)  # what could not be written cannot be written at exit either


def _open_streams() -> None:
    """Closed standard streams read as empty and swallow what is written; names and findings may hold what an encoding lacks."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115  # open as long as the process
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # likewise
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
