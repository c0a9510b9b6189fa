"""Tests: small policies, each of which turns on one thing that drawn ones seldom turn on."""

from __future__ import annotations

from functools import cache

from abac.language import checked as c
from tests.generate.packages import DrawnPackage, load_package

SCHEMA = """package pointed
type Rank = "low" < "mid" < "high"
record Item { n: Int, ok: Bool, at: Instant, price: Decimal }
entity Group in Group key id { id: String }
entity User in Group key id {
  id: String, n: Int, born: Date, rank: Rank, tags: Set<String>, items: List<Item>, boss: User?, nick: String?, home: Group,
  marks: Set<Item>
}
context { clock time: Instant, seen: Instant, colour: "red" | "green" | "blue" | "black", flag: Bool, limit: Decimal }
action read, write: User -> User
obligation spend(n: Int)
obligation audit.record()
advice hint(text: String)
"""

POLICIES: dict[str, str] = {
    "excluded middle": "policy main: deny-unless-permit { permit p when subject.n == 1 or subject.n != 1 }",
    "the same either way": """policy main: deny-unless-permit {
        permit p when (if context.flag then resource.n else resource.n) > 1 }""",
    "a definition that is the same either way": """define same = if context.flag then subject.n > 1 else subject.n > 1
        policy main: deny-overrides { permit p when same }""",
    "a negative about a set": "policy main: permit-overrides { permit p unless \"a\" in subject.tags }",
    "two sets that do not meet": "policy main: permit-overrides { permit p unless subject.tags intersects { \"a\", \"ab\" } }",
    "a set inside another": "policy main: permit-overrides { permit p when subject.tags subset of resource.tags }",
    "a set of records inside another": "policy main: permit-overrides { permit p unless subject.marks subset of resource.marks }",
    "sets of records that do not meet": "policy main: permit-overrides { permit p unless subject.marks intersects resource.marks }",
    "the first witness": """policy main: first-applicable {
        permit p for some i in subject.items when i.ok because "by {i.n}" oblige spend(i.n) }""",
    "two constants of one type": """policy main: first-applicable {
        permit p when context.limit > 1.5 deny q when context.limit < 0.5
        deny r when subject.born == 2026-01-01 permit s when subject.born > 2026-06-14 }""",
    "defaults": """policy main: first-applicable {
        policy one: deny-unless-permit { target subject.n > 2 permit p when context.flag }
        policy two: permit-unless-deny { deny q when context.flag } }""",
    "doubt weighs as both": """policy main: deny-overrides {
        permit p when context.flag
        policy one: first-applicable { permit q when subject.n == 1 } }""",
    "doubt weighs as both where a permit is strong": """policy main: permit-overrides {
        deny p when context.flag
        policy one: first-applicable { deny q when subject.n == 1 } }""",
    "a permit that waits": """policy main: deny-overrides {
        permit p when context.flag
        policy one: permit-overrides {
            deny q when subject.n > 1  permit r when context.colour != "black" oblige spend(resource.n + 1) } }""",
    "a permit that waits, and would be a deny": """policy main: deny-overrides {
        permit p when context.flag
        policy one: deny-unless-permit { permit r when context.colour != "black" oblige audit.record() if subject.n > 1 } }""",
    "read in one branch": """policy main: deny-overrides {
        permit p when context.flag or subject.n > 1
        permit q when subject.n == 1 or context.colour == "red"
        deny r when (if context.flag then resource.n > 1 else context.colour == "red") and resource.n < 3 }""",
    "filed by a value": """policy main: deny-overrides {
        permit p when context.colour == "red" and subject.n > 1  permit q when context.colour == "green" oblige spend(subject.n)
        permit r when context.colour in { "blue", "green" } and context.flag  permit s when context.colour == "black" and subject.n == 1
        deny t when subject.n == 2 }""",
    "filed by a value, first one first": """policy main: first-applicable {
        permit p when context.colour == "red" and subject.n > 1  deny q when context.colour == "green"
        permit r when context.colour in { "blue", "green" }  deny s when context.colour == "black"  permit t otherwise }""",
    "not to be filed": """policy main: first-applicable {
        permit p when context.colour == "red" or subject.n > 1  deny q when context.colour == "green" or context.flag
        permit r when context.colour == "blue" or context.flag  deny s when context.colour == "black" or subject.n > 0 }""",
    "filed by a number, the rest in its place": """policy main: permit-overrides {
        permit p when subject.n == 0  permit q when subject.n in { 1, 2 }  permit r when subject.n == 3
        permit s when subject.n == 7 and context.flag
        deny t when context.flag  permit u when subject.rank >= "mid" }""",
    "more than one applies": """policy main: only-one-applicable {
        policy one: deny-overrides { target subject.n > 1 permit p when context.flag }
        policy two: deny-overrides { target context.colour == "red" deny q when context.flag }
        policy three: permit-overrides { target resource.n == 1 permit r otherwise } }""",
    "freshness": """policy main: deny-unless-permit {
        permit p when context.seen within last 72 hours
        permit q when now - context.seen < 400 days and subject.n > 1 advise hint(subject.id) }""",
    "opening hours": """policy main: deny-overrides {
        permit p when time_of_day(now at "Europe/Berlin") in (08:30 until 17:00)
        deny q when weekday(now at "Europe/Berlin") == "sunday" because "closed at {now}" }""",
    "how old it is": """policy main: first-applicable {
        permit p when age of subject.n <= 1 day and subject.n > 1
        permit q when age of resource.boss > 8 hours advise hint("{age of resource.boss}")
        deny r when subject.n == 1 or age of subject.nick < age of resource.nick + 1 second
        permit s when some u in [subject, resource]: now - age of u.born < context.seen }""",
    "known since now": """policy main: first-applicable {
        permit p when age of subject.n == 0 seconds deny q when age of resource.n < age of subject.n }""",
    "groups": """policy main: permit-unless-deny {
        deny p unless subject in resource.home  deny q when subject has boss and subject.boss.n > 1 }""",
    "everybody above": """policy main: deny-unless-permit {
        permit p when subject has boss and every b in (chain subject by boss): b.n > 0 oblige spend(subject.n)
        permit q when some i in (latest subject.items by at): i.ok }""",
}  # fmt: skip


def package(text: str) -> c.Package:
    """A package of one policy over the schema above."""
    loaded = load_package(DrawnPackage(SCHEMA + text + "\n", {}))
    assert loaded is not None, text
    return loaded


@cache
def pointed_packages() -> tuple[c.Package, ...]:
    return tuple(package(text) for text in POLICIES.values())
