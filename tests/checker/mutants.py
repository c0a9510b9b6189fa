"""Policies with small damage: tokens deleted, doubled, swapped or exchanged for others of their kind."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from abac.checker import Parsed
from abac.engine.packages import PackageReader
from abac.language.nodes import File
from abac.language.parser import parse_with_errors
from abac.model.diagnostics import Diagnostic
from abac.model.source import Source

_TOKEN = re.compile(r'#[^\n]*|\s+|"(?:\\.|[^"\\\n])*"|\d[\w:.-]*|[A-Za-z_]\w*|[=!<>-]=|->|::|.', re.DOTALL)
_WORD, _NUMBER, _STRING = re.compile(r"[A-Za-z_]"), re.compile(r"\d"), re.compile(r'"')


class Mutants:
    """Makes mutants of one pack."""

    def __init__(self, folder: Path, random: random.Random) -> None:
        self.random = random
        reader = PackageReader()
        packages, self.found = reader.read_main(reader.open_main([folder]), "")
        *self.imported, self.main = packages

    def make(self) -> tuple[list[Parsed], list[Diagnostic]]:
        """What `check` takes, with one file of the package changed in a few places."""
        at = self.random.randrange(len(self.main.files))
        text = self._changed(self.main.files[at].source.text)
        file, complaints = parse_with_errors(Source(self.main.files[at].source.name, text))
        files: list[File] = list(self.main.files)
        files[at] = file
        return [*self.imported, replace(self.main, files=tuple(files))], [*self.found, *complaints]

    def _changed(self, text: str) -> str:
        tokens = _TOKEN.findall(text)
        places = [i for i, token in enumerate(tokens) if not token.isspace() and not token.startswith("#")]
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            i, j = self.random.choice(places), self.random.choice(places)
            match self.random.randrange(8):
                case 0:
                    tokens[i] = ""
                case 1:
                    tokens[i] += " " + tokens[i]
                case 2:
                    tokens[i], tokens[j] = tokens[j], tokens[i]
                case 3:
                    tokens[i] = tokens[j]
                case _:
                    tokens[i] = self.random.choice([t for t in (tokens[p] for p in places) if _kind(t) == _kind(tokens[i])] or [""])
        return "".join(tokens)


def _kind(token: str) -> int:
    return next((k for k, pattern in enumerate((_WORD, _NUMBER, _STRING)) if pattern.match(token)), 3)


def damaged(random: random.Random, value: object, others: Sequence[object]) -> object:
    """A request part with members left out, emptied, or of other types."""
    match value:
        case dict():
            kept = {k: v for k, v in value.items() if random.random() > 0.04}
            return {k: damaged(random, v, others) for k, v in kept.items()}
        case list():
            return [damaged(random, v, others) for v in value if random.random() > 0.1]
    return random.choice(others) if random.random() < 0.06 else value
