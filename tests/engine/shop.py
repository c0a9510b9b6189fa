"""A package small enough to be read at a glance, with a folder for what is compiled of it, and questions to it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from abac import Engine
from abac.engine.folder import SUFFIX

NOON = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)
POLICY = """package shop
{imports}
entity Person key id {{ id: String, role: String }}
entity Paper key id {{ id: String }}
context {{ clock at: Instant, a: Bool, n: Int? = absent }}
action read: Person -> Paper
obligation log()
policy p: deny-overrides {{
  permit chiefs when subject.role == "{role}" because "{{subject.id}} may read {{resource.id}}." oblige log()
  deny early when context.at < 2020-01-01T00:00:00Z
}}
"""


class Shop:
    """A package, and a folder for what is compiled of it."""

    def __init__(self, root: Path) -> None:
        self.folder, self.cache = root / "shop", root / "cache"
        self.folder.mkdir()
        self.write("chief")

    def write(self, role: str, imports: str = "") -> None:
        (self.folder / "main.abac").write_text(POLICY.format(role=role, imports=imports))

    def load(self, **options: object) -> Engine:
        return Engine.load(self.folder, cache=self.cache, **options)  # type: ignore[arg-type]  # those of `load`

    @property
    def entries(self) -> list[Path]:
        return sorted(self.cache.glob(f"*{SUFFIX}"))

    @property
    def entry(self) -> Path:
        (only,) = self.entries
        return only


def answers(engine: Engine) -> list[dict[str, object]]:
    """Decisions in two values, in three, on what is no request, and explanations."""
    found = []
    for role in ("chief", "clerk", None):
        who = {"id": "ann", "role": role}
        for context in ({"a": True}, {}, None, 7):
            found.append(engine.decide(who, "read", {"id": "doc"}, context, NOON).to_dict())
            found.append({"permits": engine.permits(who, "read", {"id": "doc"}, context, NOON)})
            found.append(engine.explain(who, "read", {"id": "doc"}, context, at=NOON).to_dict())
    return found
