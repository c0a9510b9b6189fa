"""What every test shares: how hypothesis searches, `--update-golden`, and the count of agreeing decisions at the end."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# No deadline: a slow machine is not a wrong answer. In CI the same examples every time; at a desk new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


os.environ.pop("ABAC_CACHE_DIR", None)
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="abac-tests-")
"""Where commands keep compiled policies while tests run: each run of the tests begins without any."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing with them")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests of agreement tried, all shards together."""
    tallies: list[Any] = [value for report in _reports(terminalreporter) for name, value in report.user_properties if name == "agreement"]
    if not tallies:
        return
    effects: Counter[str] = Counter()
    timed: Counter[str] = Counter()
    for tally in tallies:
        effects.update(tally["effects"])
        timed.update(tally["timed"])
    pairs, instants, fast = (sum(tally[name] for tally in tallies) for name in ("pairs", "instants", "two_valued"))
    terminalreporter.section("agreement of the engines")
    terminalreporter.write_line(f"{pairs} pairs of policy and request, {fast / pairs:.0%} decided in two values and certified")
    terminalreporter.write_line(", ".join(f"{effect} {count / pairs:.0%}" for effect, count in effects.most_common()))
    if timed:
        shares = ", ".join(f"{count / timed.total():.0%} {bound}" for bound, count in timed.most_common())
        terminalreporter.write_line(
            f"{instants} made again at later instants; of {timed.total()} that read the clock in two values, valid: {shares}"
        )


def _reports(terminalreporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    for outcome in ("passed", "failed"):
        yield from terminalreporter.getreports(outcome)
