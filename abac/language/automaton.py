"""Floor 2, language: runs the grammar's LALR tables over tokens, and has a node built whenever a rule is complete.

The steps are lark's: the same tables, the same reductions in the same order, hence the same trees and the same place of an error. What
is spared are the steps that only hand a value on: eight of them stand between a name and the `and` after it. Where they lead depends
on three things alone, the state below, the state, and the terminal that follows; it is worked out once and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abac.language.builder import Builder
from abac.language.lexer import Lexed
from abac.language.tables import Production, Tables
from abac.model.source import Span

END = "$END"
"""The terminal after the last token."""


class Unexpected(Exception):
    """A token that fits nowhere. `at` is its number, or None for the end; `states` are those on the way there, the current one last."""

    def __init__(self, at: int | None, states: list[int]) -> None:
        super().__init__(at)
        self.at, self.states = at, states


class Automaton:
    """Reads start rules from tokens. It keeps nothing of what it reads: any number of threads may use one."""

    def __init__(self, tables: Tables) -> None:
        self._starts, self._actions, self._gotos = tables.starts, tables.actions, tables.gotos
        names = {production.builds for production in tables.productions if production.builds is not None}
        self._builds: Mapping[str, Callable[[Builder, list[Any], Span], Any]] = {name: getattr(Builder, name) for name in names}
        self._landings: dict[tuple[int, int, str], int] = {}

    def read(self, start: str, lexed: Lexed, first: int, last: int, builder: Builder) -> Any:
        """What the builder makes of the tokens from `first` up to but not including `last`.

        Raises:
            Unexpected: they are no whole `start`.
        """
        actions, gotos, builds, landings = self._actions, self._gotos, self._builds, self._landings
        kinds, starts, ends, source = lexed.kinds, lexed.starts, lexed.ends, lexed.source
        state = self._starts[start]
        states = [state]
        values: list[Any] = []
        for at in range(first, last + 1):
            kind = kinds[at] if at < last else END
            while not isinstance(action := actions[state].get(kind), int):
                if action is None:
                    raise Unexpected(at if at < last else None, states)
                size, name = action.size, action.builds
                if size == 1 and name is None and not action.gathers:
                    landing = landings.get((states[-2], state, kind))
                    states[-1] = state = self._land(states[-2], state, kind) if landing is None else landing
                    continue
                parts = values[-size:]
                del values[-size:], states[-size:]
                if name is None:
                    values.append(_gathered(parts))
                else:
                    if action.holds_lists:
                        parts = _spread(parts)
                    head = parts[0]
                    begin = starts[head] if type(head) is int else head.span.start
                    values.append(builds[name](builder, parts, Span(source, begin, ends[at - 1])))
                state = gotos[states[-1]][action.origin]
                states.append(state)
            states.append(action)
            values.append(at)
            state = action
        return values[0]

    def _land(self, below: int, state: int, kind: str) -> int:
        """The state after all steps that hand on the value of `state`, which stands on `below`."""
        landing = state
        while isinstance(action := self._actions[landing].get(kind), Production) and action.builds is None and not action.gathers:
            landing = self._gotos[below][action.origin]
        self._landings[below, state, kind] = landing
        return landing

    def accepts(self, states: list[int]) -> set[str]:
        """The terminals that may follow, `END` among them."""
        return {kind for kind in self._actions[states[-1]] if self._is_shifted(kind, list(states))}

    def _is_shifted(self, kind: str, states: list[int]) -> bool:
        while isinstance(action := self._actions[states[-1]].get(kind), Production):
            del states[-action.size :]
            states.append(self._gotos[states[-1]][action.origin])
        return action is not None


def _gathered(parts: list[Any]) -> list[Any]:
    """A repetition that has come this far. The list grows in place, so that long ones take linear time."""
    gathered = parts[0]
    if type(gathered) is not list:
        return parts
    gathered += parts[1:]
    return gathered


def _spread(parts: list[Any]) -> list[Any]:
    """The parts of a rule, with those of its repetitions in their place."""
    spread: list[Any] = []
    for part in parts:
        if type(part) is list:
            spread += part
        else:
            spread.append(part)
    return spread
