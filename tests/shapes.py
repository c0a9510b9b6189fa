"""Tests: policies of any number of rules, in the shapes that large ones have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

WORLD = """package p
type Role = "viewer" | "editor" | "owner" | "auditor"
entity Group in Group key id { id: String }
entity User in Group key id {
  id: String, role: Role, n: Int, level: Int, tags: Set<String>, dept: String, address: IpAddress, at: Instant, phone: String?
}
entity Doc key id { id: String, owner: User, kind: "report" | "plan" | "mail", n: Int }
context { clock time: Instant, ip: IpAddress, mfa: Bool, region: String }
action read, write, share, delete: User -> Doc
obligation notify(who: String)
advice hint(text: String)
"""
ROLES, ACTIONS = ("viewer", "editor", "owner", "auditor"), ("read", "write", "share", "delete")


def _flat(rule: Callable[[int], str], algorithm: str = "deny-overrides") -> Callable[[int], str]:
    return lambda count: f"{WORLD}policy main: {algorithm} {{\n" + "\n".join(map(rule, range(count))) + "\n}\n"


def _per_resource(i: int) -> str:
    return f'  permit r{i} when resource.id == "doc{i}" and subject.role == "{ROLES[i % 4]}" and action == "{ACTIONS[i // 4 % 4]}"'


def _range(i: int) -> str:
    day = f"{2000 + i // 336}-{i // 28 % 12 + 1:02}-{i % 28 + 1:02}"
    return (
        f"  permit a{i} when subject.n >= {i * 10} and subject.n < {i * 10 + 10}",
        f"  permit b{i} when subject.at >= {day}T08:00:00Z and subject.at < {day}T18:00:00Z",
        f'  permit c{i} when context.ip in network("10.{i >> 8 & 255}.{i & 255}.0/28")',
    )[i % 3]


def _overlap(i: int) -> str:
    return f'  permit r{i} when subject.tags intersects {{ "t{i}", "t{i * 7}", "t{i + 1}" }} and action in {{ "read", "write" }}'


def _first(i: int) -> str:
    """Denies among permits that are all about other things, and all begin alike."""
    return f'  {"deny" if i % 3 == 2 else "permit"} r{i} when action == "read" and resource.id == "doc{i}"'


def _mixed(count: int) -> Iterator[str]:
    yield f"{WORLD}policy main: deny-overrides {{"
    for p in range(count // 10):
        yield f'  policy p{p}: first-applicable {{\n    target subject.dept == "dept{p}"'
        for i in range(p * 10, p * 10 + 10):
            condition = (
                f'resource.id == "doc{i}" and subject.role == "{ROLES[i % 4]}"',
                f'subject in Group::"g{i}" and context.mfa',
                f'subject has phone and subject.phone == "+49{i}"',
                f'resource.owner == subject and resource.n * 2 + {i} > subject.level and resource.kind != "mail"',
                f'(action == "read" or action == "write") and not (context.region in {{ "eu", "us", "r{i}" }})',
            )[i % 5]
            yield f"    {'deny' if i % 7 == 6 else 'permit'} r{i}\n      when    {condition}"
            yield f'      because "Rule {i} of {{subject.id}} on {{resource.id}}."\n      cite    "SOP {i}"'
            yield f'      oblige  notify(subject.id)\n      advise  hint("see {i}")'
        yield "  }"
    yield "}\n"


SHAPES: dict[str, Callable[[int], str]] = {
    "per resource": _flat(_per_resource),
    "ranges": _flat(_range),
    "overlaps of sets": _flat(_overlap),
    "hierarchy": _flat(lambda i: f'  permit r{i} when subject in Group::"g{i}" and action == "{ACTIONS[i % 4]}"'),
    "first applicable": _flat(_first, "first-applicable"),
    "mixture": lambda count: "\n".join(_mixed(count)),
}
