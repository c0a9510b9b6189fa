"""Tests: policies of many short rules, most of which can be filed: by every kind of key, beside rules and policies that cannot."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from abac.language import checked as c
from tests.generate.packages import DrawnPackage, load_package
from tests.generate.pools import ADDRESSES, DATES, DECIMALS, DURATIONS, INSTANTS, INTS, NETWORKS, STRINGS, TIMES

SCHEMA = """package filed
type Rank = "low" < "mid" < "high"
record Place { code: String, level: Rank, size: Int? }
entity Org in Org key id { id: String, size: Int }
entity Group in Group, Org key id { id: String, n: Int }
entity User in Group key id {
  id: String, n: Int, price: Decimal, born: Date, at: Instant, wait: Duration, opens: TimeOfDay, address: IpAddress, rank: Rank, flag: Bool,
  colour: "red" | "green" | "blue", tags: Set<String>, levels: Set<Rank>, nick: String?, boss: User?, place: Place, home: Place?,
  numbers: Set<Int>
}
entity Robot key id { id: String, n: Int, flag: Bool, colour: "red" | "green" | "blue", tags: Set<String>, serial: String? }
entity Doc in Group key id { id: String, n: Int, owner: User, flag: Bool, kind: String, tags: Set<String>, until: Instant?, org: Org }
context { clock time: Instant, n: Int, kind: "a" | "b" | "c", seen: Instant, flag: Bool }
action read, write, share: ~ -> Doc
obligation spend(n: Int)
advice hint(text: String)
"""
KINDS = {"one kind": "User", "two kinds": "User | Robot"}
ALGORITHMS = ("deny-overrides", "permit-overrides", "first-applicable", "deny-unless-permit", "permit-unless-deny")


def _quoted(word: str) -> str:
    return f'"{word}"'


@dataclass
class Drawing:
    """Draws tests of one thing each, and rules and policies of them.

    Attributes:
        robots: whether the subject may be a robot.
        narrowed: which kind of subject a target around has settled for; asking again would be a mistake.
    """

    rng: random.Random
    robots: bool
    names: Iterator[int]
    narrowed: str | None = None

    def one(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def text(self) -> str:
        return _quoted(self.one(*STRINGS))

    def texts(self) -> str:
        return f"{{ {', '.join(self.text() for _ in range(self.rng.randint(1, 4)))} }}"

    def ordered(self, path: str, pool: tuple[object, ...]) -> str:
        """A comparison, or two that bound a range."""
        a, b = self.rng.choice(pool), self.rng.choice(pool)
        return self.one(
            f"{path} < {a}", f"{path} <= {a}", f"{path} > {a}", f"{path} >= {a}", f"({path} >= {a} and {path} < {b})", f"{a} <= {path}",
            f"({path} > {a} and {path} <= {b})", f"{path} == {a}",
        )  # fmt: skip

    def test(self) -> str:
        """A test that may be filed."""
        return self.rng.choice(self.tests() if self.robots else (*self.tests(), *self.of_users()))()

    def tests(self) -> tuple[Callable[[], str], ...]:
        who = self.one("subject", "resource")
        return (
            lambda: f"action == {_quoted(self.one('read', 'write', 'share'))}",
            lambda: f'action in {{ "read", {_quoted(self.one("write", "share"))} }}',
            lambda: f"{who}.id == {self.text()}",
            lambda: f"{self.text()} == resource.kind",
            lambda: f"resource.kind in {self.texts()}",
            lambda: f"resource.kind like {_quoted(self.one('a*', '*b', 'a*b', '*', 'ab', 'x*y*', '*ß*'))}",
            lambda: f"{self.one('starts_with', 'ends_with')}(resource.kind, {self.text()})",
            lambda: f"subject.colour == {_quoted(self.one('red', 'green', 'blue'))}",
            lambda: f'context.kind in {{ {_quoted(self.one("a", "b"))}, "c" }}',
            lambda: f"{self.one('', 'not ')}{self.one('subject.flag', 'resource.flag', 'context.flag')}",
            lambda: f"{self.text()} in {who}.tags",
            lambda: f"{who}.tags intersects {self.texts()}",
            lambda: f"{self.texts()} intersects {who}.tags",
            lambda: self.ordered(self.one("subject.n", "resource.n", "context.n", "resource.owner.n", "resource.org.size"), INTS),
            lambda: self.ordered(self.one("context.seen", "now", "resource.owner.at"), INSTANTS),
            lambda: "now in ({} until {})".format(*sorted(self.rng.sample(INSTANTS, 2))),
            lambda: f"resource has until and resource.until > {self.one(*INSTANTS)}",
            lambda: f"resource.owner has nick == {self.text()}",
            lambda: f"resource.owner == User::{self.text()}",
            lambda: f"resource in Group::{self.text()}",
            lambda: f"resource.owner in {self.one('Group', 'User')}::{self.text()}",
            lambda: f"(resource.kind == {self.text()} or resource.kind in {self.texts()})",
            lambda: f"(resource.n == {self.one(*map(str, INTS))} or resource.n > {self.one(*map(str, INTS))})",
            lambda: f"(resource.owner has nick == {self.text()} or resource.owner has nick == {self.text()})",
        )

    def of_users(self) -> tuple[Callable[[], str], ...]:
        """What only users have; where robots may ask too, it stands behind `subject is User`."""
        return (
            lambda: self.ordered("subject.price", (*DECIMALS, 2)),
            lambda: self.ordered("subject.born", DATES),
            lambda: self.ordered("subject.wait", DURATIONS),
            lambda: self.ordered("subject.opens", TIMES),
            lambda: f"subject.address in network({_quoted(self.one(*NETWORKS))})",
            lambda: f"subject.address == address({_quoted(self.one(*ADDRESSES))})",
            lambda: f"subject.rank {self.one('<', '<=', '>', '>=', '==')} {_quoted(self.one('low', 'mid', 'high'))}",
            lambda: f"{_quoted(self.one('low', 'high'))} in subject.levels",
            lambda: f"{self.one(*map(str, INTS))} in subject.numbers",
            lambda: f"subject in {self.one('Group', 'Org')}::{self.text()}",
            lambda: f"subject has nick == {self.text()}",
            lambda: f"subject has boss and subject.boss.n == {self.one(*map(str, INTS))}",
            lambda: f"subject.place.code == {self.text()}",
            lambda: f"subject has home and subject.home.code == {self.text()}",
            lambda: f"subject.place.level >= {_quoted(self.one('low', 'mid', 'high'))}",
        )

    def opaque(self) -> str:
        """A test that nothing files."""
        return self.one(
            "subject.n + resource.n > 3", "count(subject.tags) > 1", "resource.owner.n == subject.n", "resource.kind != \"a\"",
            "resource.tags is empty", "subject.tags subset of resource.tags", "context.n * 2 == subject.n",
            "resource.owner.id == subject.id",
            "resource.kind like \"*a*\"", "(context.flag or resource.owner.flag)", "resource.owner.at within last 400 days",
        )  # fmt: skip

    def condition(self) -> str:
        parts = [self.test() for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3)))]
        if self.robots and self.narrowed is None and self.rng.random() < 0.3:
            parts += ["subject is User", self.rng.choice(self.of_users())()]
        elif self.robots and self.narrowed is None and self.rng.random() < 0.2:
            parts += ["subject is Robot"]
        if self.rng.random() < 0.3:
            parts.append(self.opaque())
        return " and ".join(parts)

    def rule(self) -> str:
        effect, name = self.one("permit", "deny"), f"r{next(self.names)}"
        kind = self.rng.random()
        if kind < 0.05:
            return f'  {effect} {name} for some t in subject.tags when t == resource.kind and {self.test()} because "{{t}}"'
        if kind < 0.1:
            return f"  {effect} {name} when {self.opaque()}"
        if kind < 0.12 and effect == "deny":
            return f"  {effect} {name} when {self.condition()} even if unknown"
        extra = self.one("", "", " unless " + self.opaque(), f' because "{{resource.kind}} {name}"', " oblige spend(resource.n + 1)")
        if "oblige" in extra and effect == "deny":
            extra = " advise hint(resource.kind)"
        return f"  {effect} {name} when {self.condition()}{extra}"

    def policy(self, name: str, rules: int, depth: int) -> str:
        target, outer = f"  target {self.condition()}\n" if name != "main" and self.rng.random() < 0.8 else "", self.narrowed
        self.narrowed = self.narrowed or next((kind for kind in ("User", "Robot") if f"subject is {kind}" in target), None)
        lines = []
        for _ in range(rules):
            if depth and self.rng.random() < 0.12:
                lines.append(self.policy(f"p{next(self.names)}", self.rng.randint(1, 3), depth - 1))
            else:
                lines.append(self.rule())
        self.narrowed = outer
        return f"policy {name}: {self.one(*ALGORITHMS)} {{\n{target}" + "\n".join(lines) + "\n}"


@cache
def filed_package(seed: int | str) -> c.Package:
    """A package of one policy with ten to forty steps; now and then one is drawn that the checker refuses, and then another."""
    rng = random.Random(f"filed/{seed}")
    while True:
        kinds = rng.choice(list(KINDS))
        drawing = Drawing(rng, kinds == "two kinds", iter(range(10_000)))
        text = SCHEMA.replace("~", KINDS[kinds]) + drawing.policy("main", rng.randint(10, 40), 2) + "\n"
        package = load_package(DrawnPackage(text, {}))
        if package is not None:
            return package


# ── one kind of key at a time ────────────────────────────────────────────────────────────────────────────────


def _alternating(i: int) -> str:
    return "deny" if i % 3 == 0 else "permit"


def _themes() -> dict[str, list[str]]:
    words, spans = [_quoted(word) for word in STRINGS], list(zip(sorted(INSTANTS), sorted(INSTANTS)[2:], strict=False))
    gaps = list(zip(sorted(INSTANTS)[::2], sorted(INSTANTS)[1::2], strict=False))
    patterns = ("a*b", "x*y", "a*B", "a*x*", "z*z", "ab*", "*ab", "*y", "ß*", "*z", "z*", "x*", "*b", "a*")
    return {
        "witnesses": [f"for some t in subject.tags when t == resource.kind and subject.n == {i}" for i in range(14)],
        "witnesses that nobody finds": [f"for some t in subject.tags when t == resource.kind and subject.n == {i}" for i in range(10, 24)],
        "patterns": [f"when resource.kind like {_quoted(pattern)}" for pattern in patterns],
        "windows": [f"when now in ({start} until {end}) and subject.n < {i + 1}" for i, (start, end) in enumerate(spans)] * 2,
        "windows with gaps": [f"when now in ({start} until {end}) and subject.flag" for start, end in gaps] * 3,
        "groups": [f"when {who} in Group::{word}" for who in ("subject", "resource") for word in words],
        "two trees": [f"when subject.n == {INTS[i % 5]}" if i % 2 else f"when resource.kind == {words[i % 7]}" for i in range(24)],
        "trees whose rules have one shape": [
            f"when {key} and context.n + {3 * i + j} > 14"
            for i in range(9)
            for j, key in enumerate((f"subject.n == {INTS[i % 3]}", f"resource.kind == {words[i % 3]}", f"{words[i % 3]} in subject.tags"))
        ],
        "ends of ranges": [f"when subject.n {sign} {n}" for n in INTS for sign in ("<", "<=", ">", ">=")],
        "ranges in ranges": [f"when subject.n >= {a} and subject.n < {b}" for a in INTS for b in INTS if a < b] * 2,
        "two ranges": [f"when subject.n >= {a} and resource.n < {b} and subject.price > 1" for a in INTS for b in INTS],
        "sets": [f"when subject.tags intersects {{ {a}, {b} }}" for a, b in itertools.pairwise(words)] * 2,
        "told apart by three": [
            f'when resource.kind == {words[i % 3]} and subject.colour == {_quoted(colour)} and action in {{ {action}, "read" }}'
            for i, (colour, action) in enumerate(itertools.product(("red", "green", "blue"), map(_quoted, ("write", "share"))))
        ]
        * 2,
        "asked more than once": [
            f"when (some k in subject.numbers: k * 2 > {i % 5}) and (some t in subject.tags: t == resource.kind) and subject.n == {i % 3}"
            for i in range(8)
        ]
        + [
            f"when subject.n == {i} and not (some t in subject.tags: t == resource.kind) and count(subject.tags) > {i % 3}"
            for i in range(8)
        ],
        "guards that are dear": [
            f"when ((subject has nick and count(subject.tags) > {i % 3}) or (subject has nick and subject.flag)) and subject.nick < {word}"
            for i, word in enumerate(words)
        ]
        * 2,
        "sets and a value": [f"when {a} in subject.tags and resource.kind == {b}" for a in words[:4] for b in words[:4]],
        "optional": [f"when subject has home and subject.home.code == {word}" for word in words] * 2,
    }


@cache
def themed_packages() -> tuple[c.Package, ...]:
    """Packages of one policy each, all of whose rules are filed alike, under each of two algorithms."""
    return tuple(_themed())


def _themed() -> Iterator[c.Package]:
    for rules in _themes().values():
        for algorithm in ("deny-overrides", "first-applicable"):
            told = rules if algorithm == "deny-overrides" else dict.fromkeys(rules)  # a second one is never reached, which is a mistake
            lines = "\n".join(f"  {_alternating(i)} r{i} {rule}" for i, rule in enumerate(told))
            text = SCHEMA.replace("~", "User") + f"policy main: {algorithm} {{\n{lines}\n}}\n"
            package = load_package(DrawnPackage(text, {}))
            assert package is not None, text
            yield package
