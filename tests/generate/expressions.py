"""Tests: draws expressions of a wanted type, as source text. Whatever is compound stands in parentheses."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from abac.language.library.times import WEEKDAY
from abac.model import types as t
from tests.generate import literals
from tests.generate.pools import CODES, RANKS, ZONES
from tests.generate.schemas import CODE, LEVEL, RANK, DrawnSchema
from tests.generate.scope import Path, Scope

ORDERED = (t.INT, t.DECIMAL, t.STRING, t.INSTANT, t.DATE, t.DURATION, t.TIME_OF_DAY, LEVEL, WEEKDAY)
MAX_LOOPS = 2


@dataclass(frozen=True)
class DrawnDefinition:
    name: str
    parameters: tuple[tuple[str, t.Type], ...]
    type: t.Type


@dataclass
class Expressions:
    rng: random.Random
    schema: DrawnSchema
    definitions: list[DrawnDefinition] = field(default_factory=list)
    guard_words: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By entity type and optional attribute: the definitions that ask for and read it."""
    used: set[str] = field(default_factory=set)
    count: int = 0
    ages: bool = False
    """Whether `age of` is drawn: no request as it is sent has any."""

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # ── truths ─────────────────────────────────────────────────────────────────────────────────────────────

    def truth(self, s: Scope, depth: int) -> str:
        """A condition that is no constant."""
        forms = _BRANCHING if depth > 0 else _SIMPLE
        for _ in range(8):
            made = self.rng.choice(forms)(self, s, depth - 1)
            if made is not None:
                return made
        return f"(subject == {self.rooted(t.EntityOf(tuple(sorted(self.schema.subjects))), s, 0) or 'subject'})"

    def _junction(self, s: Scope, depth: int) -> str | None:
        word = self.rng.choice((" and ", " or ", " or "))
        parts = [self.truth(s, depth) for _ in range(self.rng.choice((2, 2, 3)))]
        return f"({word.join(parts)})" if len(set(parts)) == len(parts) else None

    def _negation(self, s: Scope, depth: int) -> str | None:
        return f"(not {self.truth(s, depth)})"

    def _guarded(self, s: Scope, depth: int) -> str | None:
        """An optional attribute, or one of one type of entity, read where that is certain."""
        guards = s.guards()
        if not guards:
            return None
        guard = self.rng.choice(guards)
        asked, inner = self.guard(guard), s.knowing(guard)
        there = self._about(guard, inner) or self.truth(inner, depth)
        match self.rng.randrange(5):
            case 0 | 1:
                return f"({asked} and {there})"
            case 2:
                return f"(not {asked} or {there})"
            case 3:
                return f"(if {asked} then {there} else {self.truth(s.refuting(guard), depth)})"
        return f"(if not {asked} then {self.truth(s.refuting(guard), depth)} else {there})"

    def _about(self, guard: str, inner: Scope) -> str | None:
        """A test of what the guard guards."""
        at = guard.replace(" has ", ".").replace(" is ", ".")
        return self.test_of([p for p in inner.all_readable() if guard in p.needs and (" is " in guard or p.text.startswith(at))], inner)

    def test_of(self, paths: list[Path], s: Scope) -> str | None:
        """A test of one of the paths."""
        if not paths:
            return None
        path = self.rng.choice(paths)
        return self._test(path.type, s, 0, path.text)

    def guard(self, guard: str) -> str:
        """A guard as it is asked: directly or through a definition."""
        target, _, name = guard.partition(" has ")
        for (entity, attribute), (asks, _) in self.guard_words.items():
            if attribute == name and self.rng.random() < 0.5 and self._is_of(target, entity):
                return f"{asks}({target})"
        return guard if " is " not in guard else f"({guard})"

    def _is_of(self, text: str, entity: str) -> bool:
        return self.plain_paths.get(text) == t.EntityOf((entity,))

    plain_paths: dict[str, t.Type] = field(default_factory=dict)
    """The types of paths below the roots."""

    def _quantified(self, s: Scope, depth: int) -> str | None:
        if s.loops >= MAX_LOOPS:
            return None
        found = self.collection(s, depth)
        if found is None:
            return None
        text, element = found
        variable = self.name("v")
        inner = s.binding(self.schema, variable, element, loop=True)
        paths = [p for p in inner.all_readable() if p.text.split(".")[0] == variable]
        body = self.test_of(paths, inner) if self.rng.random() < 0.6 else self.truth(inner, depth)
        return f"({self.rng.choice(('some', 'some', 'every'))} {variable} in {text}: {body or self.truth(inner, depth)})"

    def collection(self, s: Scope, depth: int) -> tuple[str, t.Type] | None:
        """A Set or List and the type of its elements."""
        types = [key for key in s.paths if isinstance(key, t.SetOf | t.ListOf) and s.readable(key)]
        types += [t.ListOf(p) for p in s.paths if isinstance(p, t.EntityOf) and p.names == ("Person",) and self._chains()]
        if not types:
            return None
        type_ = self.rng.choice(types)
        assert isinstance(type_, t.SetOf | t.ListOf)
        made = self._list(type_, s, depth) if isinstance(type_, t.ListOf) and self.rng.random() < 0.35 else None
        text = made or self.rooted(type_, s, depth)
        return None if text is None else (text, type_.element)

    def _chains(self) -> bool:
        return "boss" in self.schema.entities["Person"].fields

    def _conditional_truth(self, s: Scope, depth: int) -> str | None:
        return f"(if {self.truth(s, depth)} then {self.truth(s, depth)} else {self.truth(s, depth)})"

    def _simple_test(self, s: Scope, depth: int) -> str | None:
        paths = s.all_readable()
        path = self.rng.choice(paths)
        rooted = self.rooted(path.type, s, max(depth, 0))
        return None if rooted is None else self._test(path.type, s, max(depth, 0), rooted)

    def _has(self, s: Scope, depth: int) -> str | None:
        """Presence and test at once; also of attributes that are never absent."""
        guards = [g for g in s.guards() if " has " in g]
        if guards and self.rng.random() < 0.7:
            guard = self.rng.choice(guards)
            if self.rng.random() < 0.4:
                return f"({guard})"
            target, _, name = guard.partition(" has ")
            inner = s.knowing(guard)
            paths = [p for p in inner.all_readable() if p.text == f"{target}.{name}"]
        else:
            paths = [p for p in s.all_readable() if "." in p.text]
            inner = s
        if not paths:
            return None
        path = self.rng.choice(paths)
        target, _, name = path.text.rpartition(".")
        test = self._test(path.type, inner, 0, f"{target} has {name}", operators_only=True)
        return None if test is None else f"({test[1:-1]})"

    def _time(self, s: Scope, depth: int) -> str | None:
        """A test of the clock."""
        age = self.age(s) if self.ages and self.rng.random() < 0.5 else None
        if age is not None:
            return f"({age} {self.comparator()} {self.value(t.DURATION, s, depth)})"
        instant = self.rooted(t.INSTANT, s, depth) or "now"
        local = f"({self._now(s, depth)} at {self.zone(s)})"
        match self.rng.randrange(7):
            case 0:
                return f"({instant} within last {self.value(t.DURATION, s, 0)})"
            case 1:
                return f"({self._now(s, depth)} in {self.value(t.IntervalOf(t.INSTANT), s, depth)})"
            case 2:
                return f"(time_of_day({local}) in {self.value(t.IntervalOf(t.TIME_OF_DAY), s, depth)})"
            case 3:
                return f"(time_of_day({local}) {self.comparator()} {self.value(t.TIME_OF_DAY, s, depth)})"
            case 4:
                return f"(date({local}) {self.comparator()} {self.value(t.DATE, s, depth)})"
            case 5:
                return f"(weekday({local}) {self.comparator()} {self.literal(WEEKDAY)})"
        return f"((now - {instant}) {self.comparator()} {self.value(t.DURATION, s, depth)})" if instant != "now" else None

    def age(self, s: Scope) -> str | None:
        """How old what is known of an entity is."""
        entities = {p.text for paths in s.paths.values() for p in paths if isinstance(p.type, t.EntityOf) and len(p.type.names) == 1}
        dated = [p.text for p in s.all_readable() if p.text.rpartition(".")[0] in entities and not p.text.endswith(".id")]
        return f"(age of {self.rng.choice(dated)})" if dated else None

    def _now(self, s: Scope, depth: int) -> str:
        if self.rng.random() < 0.7:
            return "now"
        sign = self.rng.choice("+-")
        return f"(now {sign} {self.value(t.DURATION, s, min(depth, 0))})"

    def comparator(self) -> str:
        return self.rng.choice(("==", "!=", "<", "<=", ">", ">="))

    def _called(self, s: Scope, depth: int) -> str | None:
        return self._call(t.BOOL, s, depth)

    def _call(self, type_: t.Type, s: Scope, depth: int) -> str | None:
        usable = [d for d in self.definitions if d.type == type_]
        if not usable:
            return None
        chosen = self.rng.choice(usable)
        if not chosen.parameters:
            return chosen.name
        return f"{chosen.name}({', '.join(self.value(p, s, min(depth, 0)) for _, p in chosen.parameters)})"

    # ── tests of a value ───────────────────────────────────────────────────────────────────────────────────

    def _test(self, type_: t.Type, s: Scope, depth: int, text: str, operators_only: bool = False) -> str | None:
        """A test of an expression of the type; `operators_only`: one that may follow `has`."""
        other = type_.key if isinstance(type_, t.KeyOf) and type_.key == t.INT else type_  # numbers are compared with keys, never are keys
        if type_ == t.BOOL and not operators_only and self.rng.random() < 0.6:
            return text
        if isinstance(type_, t.SetOf | t.ListOf) and not operators_only:
            return self._test_collection(type_, s, depth, text)
        if type_ == t.IP_ADDRESS and self.rng.random() < 0.6:
            return f"({text} {self.is_in()} {self.value(t.IP_NETWORK, s, depth)})"
        if isinstance(type_, t.EntityOf) and (made := self._test_entity(type_, s, depth, text, operators_only)) is not None:
            return made
        if t.base(type_) == t.STRING and not operators_only and self.rng.random() < 0.35:
            return self._test_text(text, s, depth)
        if t.base(type_) in (t.STRING, t.INT) and isinstance(type_, t.KeyOf | t.Scalar) and self.rng.random() < 0.15:
            return f"({text} {self.is_in()} {'places' if t.base(type_) == t.STRING else 'ranks'})"
        if (
            t.IntervalOf(type_) in (*s.paths, t.IntervalOf(t.INSTANT))
            and type_ in (t.INSTANT, t.DATE, t.TIME_OF_DAY)
            and self.rng.random() < 0.4
        ):
            return f"({text} {self.is_in()} {self.value(t.IntervalOf(type_), s, depth)})"
        if type_ in ORDERED and self.rng.random() < 0.5:
            return f"({text} {self.rng.choice(('<', '<=', '>', '>='))} {self.value(other, s, depth)})"
        if self.rng.random() < 0.35 and not isinstance(type_, t.SetOf | t.ListOf):
            return f"({text} {self.is_in()} {self.some_of(other, s, depth)})"
        return f"({text} {self.rng.choice(('==', '==', '!='))} {self.value(other, s, depth)})"

    def is_in(self) -> str:
        return self.rng.choice(("in", "in", "not in"))

    def some_of(self, element: t.Type, s: Scope, depth: int) -> str:
        """A Set or List that may hold the element."""
        rooted = [p.text for kind in (t.SetOf, t.ListOf) for p in s.readable(kind(element))]
        if rooted and self.rng.random() < 0.7:
            return self.rng.choice(rooted)
        elements = [self.value(element, s, depth) for _ in range(self.rng.randint(1, 3))]
        return f"{{ {', '.join(elements)} }}" if self.rng.random() < 0.7 else f"[{', '.join(elements)}]"

    def _test_collection(self, type_: t.SetOf | t.ListOf, s: Scope, depth: int, text: str) -> str:
        match self.rng.randrange(7):
            case 0:
                return f"({text} is {self.rng.choice(('', 'not '))}empty)"
            case 1 | 2:
                return f"({self.value(type_.element, s, depth)} {self.is_in()} {text})"
            case 3:
                return f"({text} intersects {self.some_of(type_.element, s, depth)})"
            case 4:
                pair = [text, self.some_of(type_.element, s, depth)]
                self.rng.shuffle(pair)
                return f"({pair[0]} subset of {pair[1]})"
            case 5:
                return f"(count({text}) {self.comparator()} {self.value(t.INT, s, 0)})"
        return f"({text} {self.rng.choice(('==', '!='))} {self.value(type_, s, depth)})"

    def _test_entity(self, type_: t.EntityOf, s: Scope, depth: int, text: str, operators_only: bool) -> str | None:
        reach = {n for name in type_.names for n in self._above(name)}
        groups = [
            p.text for key in s.paths if isinstance(key, t.EntityOf) and reach & set(key.names) for p in s.readable(key) if p.text != text
        ]
        groups += [self.literal(t.EntityOf((name,))) for name in sorted(reach) if self.schema.entities[name].fields["id"].type == t.STRING]
        if groups and self.rng.random() < 0.5:
            return f"({text} {self.is_in()} {self.rng.choice(groups)})"
        if len(type_.names) > 1 and not operators_only and not s.typed(text):
            return f"({text} is {self.rng.choice(type_.names)})"
        return None

    def _above(self, name: str) -> set[str]:
        found, waiting = set[str](), [name]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.schema.entities[each].parents
        return found

    def _test_text(self, text: str, s: Scope, depth: int) -> str:
        match self.rng.randrange(5):
            case 0:
                return f'({text} like "{self.rng.choice(("a*", "*b", "*", "a*b", "z"))}")'
            case 1:
                return f'({text} matches "{self.rng.choice(("[ab]+", "(?i)AB?", ".*", "a|z"))}")'
            case 2 | 3:
                return f"{self.rng.choice(('starts_with', 'ends_with', 'contains'))}({text}, {self.value(t.STRING, s, depth)})"
        return f"(length({text}) {self.comparator()} {self.value(t.INT, s, 0)})"

    # ── values ─────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, type_: t.Type, s: Scope, depth: int) -> str:
        """An expression that fits the type."""
        if self.rng.random() < 0.55:
            rooted = self.rooted(type_, s, depth)
            if rooted is not None:
                return rooted
        if depth > 0 and self.rng.random() < 0.12 and type_ != t.TIME_ZONE:
            return f"(if {self.truth(s, depth - 1)} then {self.value(type_, s, depth - 1)} else {self.value(type_, s, depth - 1)})"
        return self.literal(type_, s, depth)

    def rooted(self, type_: t.Type, s: Scope, depth: int) -> str | None:
        """An expression of exactly the type that reads the request; None if there is none."""
        paths = s.readable(type_)
        if depth >= 0 and self.rng.random() < 0.3:
            computed = self.computed(type_, s, depth - 1)
            if computed is not None:
                return computed
        if paths:
            return self._read(self.rng.choice(paths).text, s)
        return self.computed(type_, s, depth - 1)

    def _read(self, text: str, s: Scope) -> str:
        """A path, or the definition that reads it."""
        target, _, name = text.rpartition(".")
        for (entity, attribute), (_, reads) in self.guard_words.items():
            if attribute == name and f"{target} has {name}" in s.facts and self._is_of(target, entity) and self.rng.random() < 0.4:
                self.used.add(reads)
                return f"{reads}({target})"
        return text

    def computed(self, type_: t.Type, s: Scope, depth: int) -> str | None:
        """An expression of the type that operators, functions, tables or definitions make."""
        options: list[Callable[[], str | None]] = [lambda: self._call(type_, s, depth), lambda: self._element(type_, s, depth)]
        options += [lambda: self._row(type_, s, depth)] * 2
        if type_ in _COMPUTED:
            options += [lambda: _COMPUTED[type_](self, s, depth)] * 3
        if isinstance(type_, t.ListOf):
            options += [lambda: self._list(type_, s, depth)] * 2
        if isinstance(type_, t.SetOf | t.ListOf) and s.readable(type_):
            options.append(lambda: f"({self.rng.choice(s.readable(type_)).text} + {self.literal(type_, s, depth)})")
        return self.rng.choice(options)()

    def _element(self, type_: t.Type, s: Scope, depth: int) -> str | None:
        lists = s.readable(t.ListOf(type_))
        if not lists:
            return None
        text = self.rng.choice(lists).text
        return (
            f"final({text})"
            if self.rng.random() < 0.5
            else f"{text}[{self.value(t.INT, s, -1) if self.rng.random() < 0.3 else self.rng.randint(0, 2)}]"
        )

    def _list(self, type_: t.ListOf, s: Scope, depth: int) -> str | None:
        lists = s.readable(type_)
        if isinstance(type_.element, t.RecordOf) and lists:
            keys = [f.name for f in self.schema.records[type_.element.name].values() if f.type in ORDERED]
            return f"(latest {self.rng.choice(lists).text} by {self.rng.choice(keys)})"
        people = s.readable(t.EntityOf(("Person",)))
        if type_.element == t.EntityOf(("Person",)) and people and self._chains():
            return f"(chain {self.rng.choice(people).text} by boss)"
        return None

    def _row(self, type_: t.Type, s: Scope, depth: int) -> str | None:
        for table, record, key in self.rng.sample((("places", "Place", CODE), ("ranks", "Grade", RANK)), 2):
            names = [f.name for f in self.schema.records[record].values() if f.type == type_]
            row = f"{table}[{self.key(key, s)}]"
            if type_ == t.RecordOf(record):
                return row
            if names:
                return f"{row}.{self.rng.choice(names)}"
        return None

    def key(self, key: t.KeyOf, s: Scope) -> str:
        paths = s.readable(key) * 2 + s.readable(key.key)
        literal = self.rng.choice([f'"{c}"' for c in CODES] if key == CODE else [str(r) for r in RANKS])
        return self.rng.choice(paths).text if paths and self.rng.random() < 0.8 else literal

    def zone(self, s: Scope) -> str:
        paths = s.readable(t.TIME_ZONE)
        return self.rng.choice(paths).text if paths and self.rng.random() < 0.3 else f'"{self.rng.choice(ZONES)}"'

    def literal(self, type_: t.Type, s: Scope | None = None, depth: int = 0) -> str:
        return literals.literal(self, type_, s, depth)


def _number(e: Expressions, s: Scope, depth: int) -> str | None:
    left, right = e.value(t.INT, s, depth), e.value(t.INT, s, depth)
    collection = e.collection(s, -1)
    options = [f"({left} {e.rng.choice('+-*')} {right})"] * 2 if not (left + right).isdigit() else []
    options += [f"count({collection[0]})"] if collection else []
    options += [f"length({text})" for text in [e.rooted(t.STRING, s, -1)] if text]
    options += [f"(-{e.rng.choice(s.readable(t.INT)).text})"] * 3 if s.readable(t.INT) else []
    return e.rng.choice(options) if options else None


def _decimal(e: Expressions, s: Scope, depth: int) -> str | None:
    paths = s.readable(t.DECIMAL)
    if not paths:
        return None
    pair = [e.rng.choice(paths).text, e.value(e.rng.choice((t.DECIMAL, t.INT)), s, depth)]
    e.rng.shuffle(pair)
    return f"(-{pair[0]})" if e.rng.random() < 0.2 else f"({pair[0]} {e.rng.choice('+-*')} {pair[1]})"


def _text(e: Expressions, s: Scope, depth: int) -> str | None:
    text = e.rooted(t.STRING, s, -1)
    return f"{e.rng.choice(('lower', 'upper'))}({text})" if text else None


def _instant(e: Expressions, s: Scope, depth: int) -> str | None:
    base, duration = e.rooted(t.INSTANT, s, -1) or "now", e.value(t.DURATION, s, depth)
    return e.rng.choice((f"({base} + {duration})", f"({base} - {duration})", f"({duration} + {base})"))


def _duration(e: Expressions, s: Scope, depth: int) -> str | None:
    options = [f"({e.rooted(t.INSTANT, s, -1) or 'now'} - {e.value(t.INSTANT, s, depth)})"] * 2
    for path in s.readable(t.DURATION)[:1]:
        options += [
            f"({path.text} {e.rng.choice('+-')} {e.value(t.DURATION, s, depth)})",
            f"(-{path.text})",
            f"({path.text} * {e.value(t.INT, s, 0)})",
        ]
    options += [f"({path.text} - {e.value(t.DATE, s, depth)})" for path in s.readable(t.DATE)[:1]]
    options += [f"({e.rng.choice(s.readable(t.INT)).text} * {e.literal(t.DURATION)})"] if s.readable(t.INT) else []
    options += [age for _ in range(3) if e.ages and (age := e.age(s)) is not None]
    return e.rng.choice(options)


def _date(e: Expressions, s: Scope, depth: int) -> str | None:
    options = [f"date({_local(e, s)})"]
    options += [f"({path.text} {e.rng.choice('+-')} {e.value(t.DURATION, s, depth)})" for path in s.readable(t.DATE)[:2]]
    return e.rng.choice(options)


def _local(e: Expressions, s: Scope) -> str:
    return f"({e.rooted(t.INSTANT, s, 0) or 'now'} at {e.zone(s)})"


_COMPUTED: dict[t.Type, Callable[[Expressions, Scope, int], str | None]] = {
    t.INT: _number,
    t.DECIMAL: _decimal,
    t.STRING: _text,
    t.INSTANT: _instant,
    t.DURATION: _duration,
    t.DATE: _date,
    t.TIME_OF_DAY: lambda e, s, depth: f"time_of_day({_local(e, s)})",
    WEEKDAY: lambda e, s, depth: f"weekday({_local(e, s)})",
    t.BOOL: lambda e, s, depth: e.truth(s, depth),
}

_SIMPLE = (
    *(Expressions._simple_test,) * 6, Expressions._has, Expressions._time, Expressions._time, Expressions._called, Expressions._guarded
)  # fmt: skip
_BRANCHING = (
    *_SIMPLE, *(Expressions._junction,) * 5, Expressions._negation, Expressions._guarded, Expressions._guarded,
    *(Expressions._quantified,) * 4, Expressions._conditional_truth, Expressions._called
)  # fmt: skip
