"""Runs the command line, inside the test's process or as a process, on a package small enough to be read at a glance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from abac.cli.main import app

ROOT = Path(__file__).parents[2]

POLICY = """package papers

entity Person key id {
  id:            String
  role:          "chief" | "clerk"
  sensitive pay: Int
}
entity Paper key id { id: String, level: Int }
context { clock at: Instant }

action read, write: Person -> Paper

obligation log(who: String)
advice ask_chief()

policy desk "Papers on the desk": deny-unless-permit {
  oblige log(subject.id)

  permit chiefs
    when    subject.role == "chief"
    because "Chiefs may {action} {resource.id}."
    cite    "Rule 1"

  permit low
    when    action == "read" and resource.level < 3

  deny high
    when    resource.level >= 3
    unless  subject.role == "chief"
    because "{resource.id} is for chiefs."
    cite    "Rule 2", "Rule 3"
    advise  ask_chief()
}
"""
MISTAKE = POLICY.replace("resource.level < 3", "resource.levl < 3")
MISTAKEN_LINE = MISTAKE[: MISTAKE.index("levl")].count("\n") + 1
MEMBERS = ["id", "effect", "rule", "code", "reason", "citations", "obligations", "advice", "unknown", "valid_until", "digest"]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was printed as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: str | Path, stdin: bytes | str = b"", env: Mapping[str, str] | None = None) -> Ran:
    surroundings = {"COLUMNS": None, **(env or {})}  # None: not set, whatever runs the tests says
    done = CliRunner().invoke(app, [str(each) for each in arguments], input=stdin, env=surroundings, catch_exceptions=False)
    return Ran(done.exit_code, done.stdout_bytes.decode(), done.stderr)


def run_process(*arguments: str | Path, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    command = [sys.executable, "-m", "abac", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment(env))
    return Ran(done.returncode, done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "backslashreplace"))


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that finds this checkout and is told of no width."""
    given = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return {**given, "PYTHONPATH": str(ROOT), **(extra or {})}


def package(folder: Path, text: str = POLICY, name: str = "papers") -> Path:
    """A folder with one policy file."""
    made = folder / name
    made.mkdir()
    (made / "desk.abac").write_text(text, "utf-8")
    return made


def request(id: object = "r", action: object = "read", at: str = "2026-07-15T12:00:00Z", level: object = 2, **subject: object) -> str:
    """One line of a request file."""
    who = {"id": "ann", "role": "clerk", "pay": 4242, **subject}
    parts = {"id": id, "subject": who, "action": action, "resource": {"id": "memo", "level": level}, "context": {"at": at}}
    return json.dumps(parts) + "\n"
