"""Floor 5, engine: what an explanation says, to people and to machines: a text for the requester, the trace for the officer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from abac.model.decision import INVALID_REQUEST, MORE_THAN_ONE_APPLIES, Decision, Duty, Effect
from abac.model.text import show, show_instant
from abac.model.values import ABSENT, Absence, Cause, ListValue, Origin, SetValue, Unknown, Value
from abac.model.wire import to_wire

Values = Mapping[str, Value | Unknown | Absence]
_SEEN = 3  # values shown beside one condition


class Standing(StrEnum):
    """How a rule stands to a request: `missed` is by one condition only, `no` by more."""

    HELD = "held"
    UNDECIDED = "undecided"
    MISSED = "missed by one condition"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the conditions that a rule needs, as the policy writes it, with the values it read."""

    text: str
    truth: bool | Unknown
    place: str
    values: Values

    @property
    def word(self) -> str:
        """`true`, `false` or `unknown`."""
        return "unknown" if isinstance(self.truth, Unknown) else "true" if self.truth else "false"

    def to_dict(self) -> dict[str, object]:
        """For machines: values in wire form, an unknown one as its causes. For officers only."""
        unknown = _causes(self.truth.causes) if isinstance(self.truth, Unknown) else []
        return {"condition": self.text, "truth": self.word, "place": self.place, "values": _wire(self.values), "unknown": unknown}


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule for one request.

    Attributes:
        applied: whether it came to its effect: it held, or it denies even if unknown.
        needs: how many conditions it has, the targets of its policies among them.
        conditions: those that tell why it stands so: all if it held, else those that were false or unknown.
        witness: where the element stood that it held for, or that came closest.
    """

    name: str
    effect: str
    policy: str
    place: str
    standing: Standing
    applied: bool = False
    needs: int = 0
    conditions: tuple[Condition, ...] = ()
    witness: str | None = None

    def to_dict(self) -> dict[str, object]:
        """For machines. For officers only."""
        return {
            "rule": self.name, "effect": self.effect, "policy": self.policy, "place": self.place, "standing": str(self.standing),
            "needs": self.needs, "conditions": [each.to_dict() for each in self.conditions], "witness": self.witness,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision is as it is.

    Attributes:
        at: the clock of the decision, if it was known.
        rules: every rule of the policy in source order, with how it stood to the request.
        values: the attributes that were read, by path; sensitive ones too, so they are for officers only.
        unknown: everything that could not be had, whether it mattered or not.
        origins: where those of the values came from that attribute sources supplied, by path.
    """

    decision: Decision
    at: dt.datetime | None
    rules: tuple[RuleTrace, ...]
    values: Values
    unknown: tuple[Cause, ...]
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def deciding(self) -> RuleTrace | None:
        """The rule that decided, or stopped the search; None where a default decided."""
        return next((rule for rule in self.rules if rule.name == self.decision.rule), None)

    @property
    def requester(self) -> str:
        """What the requester may be told: the rule's reason if a rule came to its effect; names nothing that was not sent."""
        effect, rule = self.decision.effect, self.deciding
        if self.decision.code == INVALID_REQUEST:
            return "This is no valid request."
        if effect is Effect.NOT_APPLICABLE:
            return "No rule applies to this."
        if effect is Effect.INDETERMINATE:
            return "This cannot be decided."
        if rule is None:
            return "Nothing forbids this." if effect is Effect.PERMIT else "No rule permits this."
        return self.decision.reason if rule.applied else "This cannot be permitted: something that is needed to decide it is not known."

    def standing(self, standing: Standing) -> tuple[RuleTrace, ...]:
        """The rules that stand so, without the deciding one."""
        return tuple(rule for rule in self.rules if rule.standing is standing and rule.name != self.decision.rule)

    def to_dict(self) -> dict[str, object]:
        """For machines; `requester` may be shown to whoever asked, `decision` and `officer` may not.

        The requester is told of advice by id alone: its arguments may hold anything.
        """
        decision, deciding = self.decision, self.deciding
        return {
            "decision": decision.to_dict(),
            "requester": {
                "effect": str(decision.effect),
                "code": decision.code,
                "text": self.requester,
                "advice": [duty.id for duty in decision.advice],
            },
            "officer": {
                "deciding": None if deciding is None else deciding.to_dict(),
                "policy": decision.policy,
                "at": None if self.at is None else to_wire(self.at),
                "held": [rule.to_dict() for rule in self.standing(Standing.HELD)],
                "missed_by_one": [rule.to_dict() for rule in self.standing(Standing.MISSED)],
                "undecided": [rule.to_dict() for rule in self.standing(Standing.UNDECIDED)],
                "unknown": _causes(self.unknown),
                "values": _wire(self.values),
                "origins": {path: _wire_origin(origin) for path, origin in self.origins.items()},
                "citations": list(decision.citations),
            },
        }

    def __str__(self) -> str:
        return "\n".join([*self._requester_lines(), "", *self._officer_lines()])

    # ── for people ─────────────────────────────────────────────────────────────────────────────────────────

    def _requester_lines(self) -> Iterator[str]:
        yield f"{self.decision.effect.upper()}  {self.decision.code}"
        yield f"  {self.requester}"
        yield from _listed("advice", (duty.id for duty in self.decision.advice))

    def _officer_lines(self) -> Iterator[str]:
        decision = self.decision
        yield "For the officer"
        yield from self._deciding_lines()
        yield from _listed("cited", decision.citations)
        yield from _listed("obligation", map(_duty, decision.obligations))
        yield from _listed("advice", (_duty(duty) for duty in decision.advice if duty.arguments))
        yield from _listed("unknown", map(str, decision.unknown))
        yield from self._rule_lines("also held", self.standing(Standing.HELD), reasons=False)
        yield from self._rule_lines("undecided", self.standing(Standing.UNDECIDED))
        yield from self._rule_lines("missed by one condition", [r for r in self.standing(Standing.MISSED) if self._near_miss(r)])
        others = [cause for cause in self.unknown if cause not in decision.unknown]
        if others:
            yield "  unknown, but of no consequence"
            yield from (f"    {cause}" for cause in others)
        yield from self._value_lines()
        if self.at is not None:
            yield _labelled("decided at", show_instant(self.at))
        yield _labelled("valid until", show_instant(decision.valid_until) if decision.valid_until else "something that it read changes")
        yield _labelled("policy", decision.digest)

    def _deciding_lines(self) -> Iterator[str]:
        decision, rule = self.decision, self.deciding
        label = "undecided" if decision.effect is Effect.INDETERMINATE else "decided by"
        if rule is not None:
            yield _labelled(label, f"{_headline(rule)}, in {rule.policy}")
            yield from _condition_lines(rule)
        elif decision.code == INVALID_REQUEST:
            yield _labelled(label, "the request does not fit the schema, no rule was looked at")
        elif decision.code == MORE_THAN_ONE_APPLIES or decision.effect is Effect.INDETERMINATE:
            yield _labelled(label, decision.reason)
        else:
            yield _labelled(label, f"the default of {decision.policy}")

    def _near_miss(self, rule: RuleTrace) -> bool:
        """Whether people want to hear of a missed rule: it would have changed the effect, and either permits or all but held."""
        return rule.effect != self.decision.effect and (rule.effect == "permit" or rule.needs > 1)

    def _rule_lines(self, heading: str, rules: Iterable[RuleTrace], *, reasons: bool = True) -> Iterator[str]:
        for index, rule in enumerate(rules):
            if index == 0:
                yield f"  {heading}"
            yield f"    {_headline(rule)}"
            if reasons:
                yield from _condition_lines(rule)

    def _value_lines(self) -> Iterator[str]:
        known = {path: value for path, value in self.values.items() if not isinstance(value, Unknown)}
        if known:
            yield "  values read"
        width = min(44, max((len(path) for path in known), default=0))
        for path, value in known.items():
            origin = self.origins.get(path)
            yield f"    {path:<{width}}  {_shown(value)}{'' if origin is None else f'   ({_shown_origin(origin)})'}"


def _labelled(label: str, text: str) -> str:
    return f"  {label:<12}{text}"


def _listed(label: str, texts: Iterable[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        yield _labelled("" if index else label, text)


def _headline(rule: RuleTrace) -> str:
    return f"{rule.effect} {rule.name}, {rule.place}" + (f", for {rule.witness}" if rule.witness else "")


def _condition_lines(rule: RuleTrace) -> Iterator[str]:
    for each in rule.conditions:
        seen = [f"{path} = {_shown(value)}" for path, value in list(each.values.items())[:_SEEN] if not isinstance(value, Unknown)]
        if isinstance(each.truth, Unknown):
            seen = [*map(str, sorted(each.truth.causes)[:_SEEN]), *seen]
        yield f"      {each.word}: {each.text}" + (f"   ({', '.join(seen)})" if seen else "")


def _duty(duty: Duty) -> str:
    shown = ", ".join(f"{name}: {'(unknown)' if value is None else _shown(value)}" for name, value in duty.arguments.items())
    return f"{duty.id}({shown})"


def _shown(value: Value | Unknown | Absence) -> str:
    """A value as text, in which an empty collection is not taken for an absent one."""
    return "(empty)" if isinstance(value, ListValue | SetValue) and not value.elements else show(value)


def _wire(values: Values) -> dict[str, object]:
    """Values in wire form; an unknown one as its causes, so that it is not taken for absent."""
    return {
        path: {"unknown": _causes(value.causes)} if isinstance(value, Unknown) else None if value is ABSENT else to_wire(value)
        for path, value in values.items()
    }


def _shown_origin(origin: Origin) -> str:
    version = "" if origin.version is None else f", version {show(origin.version)}"
    return f"{show(origin.source)}, {show_instant(origin.fetched_at)}{version}"


def _wire_origin(origin: Origin) -> dict[str, object]:
    return {"source": origin.source, "fetched_at": to_wire(origin.fetched_at), "version": origin.version}


def _causes(causes: Iterable[Cause]) -> list[dict[str, str]]:
    return [{"path": cause.path, "cause": str(cause.kind)} for cause in sorted(causes)]
