"""Tests: policies over requests of several types, with records, references, lists, chains and hierarchies, read where they stand."""

from __future__ import annotations

from functools import cache

from abac.language import checked as c
from tests.generate.packages import DrawnPackage, load_package

SCHEMA = """package placed
record Point { x: Int, name: String?, tags: Set<String> }
record Share { user: User? = absent, team: Team? = absent, level: "view" | "edit", points: List<Point> }
entity Tenant key id { id: String, open: Bool, seats: Int, partners: Set<String> }
entity Team in Team, Tenant key id { id: String, tenant: Tenant }
entity User in Team key id { id: String, n: Int, tenant: Tenant, behind: User?, price: Decimal, shares: List<Share> }
entity Token key code { code: String, n: Int, tenant: Tenant, made_from: Token?, scopes: Set<String> }
entity Folder in Folder key id { id: String, n: Int, owner: User, tenant: Tenant, shares: List<Share>, parent: Folder?, point: Point? }
entity Page key number { number: Int, n: Int, owner: User, point: Point }
context { clock at: Instant, seen: Instant, flag: Bool, points: List<Point>, amount: Decimal, from: IpAddress }
action view, edit: User | Token -> Folder | Page
action share: User -> Folder
action join: User -> User
obligation spend(n: Int)
define asker: Tenant = if subject is User then subject.tenant else if subject is Token then subject.tenant else Tenant::"nobody"
define asked: Tenant = if resource is Folder then resource.tenant else if resource is User then resource.tenant else Tenant::"nobody"
define shares: List<Share> = if resource is Folder then resource.shares else if resource is User then resource.shares else []
define tokens: List<Token> = if subject is Token then chain subject by made_from else []
define owned_by(u: User) = (resource is Folder and resource.owner == u) or (resource is Page and resource.owner == u)
define near(p: Point) = p.x < 3 or p has name == "near"
define reaches(s: Share, u: User) = s.level == "edit" and (s has user == u or (s has team and u in s.team))
"""

POLICIES: dict[str, str] = {
    "a member of a member": "policy main: deny-overrides { permit p when asker.open and asked.seats > asker.seats }",
    "what every type has": "policy main: deny-overrides { permit p when subject.n > 1 and resource.n < 3 }",
    "what one type has": """policy main: deny-overrides {
        permit p when subject is Token and "a" in subject.scopes and not context.flag
        deny q when resource is Folder and resource has point and resource.point.x > 1 }""",
    "types alone": "policy main: first-applicable { permit p when subject is User deny q when resource is Page }",
    "entities that are equal": """policy main: deny-overrides {
        permit p when subject is User and owned_by(subject) deny q when asker == asked }""",
    "some of a list": "policy main: permit-overrides { permit p when some p in context.points: near(p) deny q when context.flag }",
    "every one of a list": "policy main: deny-overrides { permit p when every p in context.points: p.x > 0 and not near(p) }",
    "lists in lists": """policy main: deny-overrides {
        permit p when some s in shares: some p in s.points: near(p) or "a" in p.tags }""",
    "lists joined": """policy main: deny-overrides {
        permit p when resource is Folder and (some p in context.points + context.points: p.x == 2) }""",
    "a witness": """policy main: deny-overrides {
        permit p for some p in context.points when near(p) because "{p.x}" oblige spend(p.x) }""",
    "shares": "policy main: deny-overrides { permit p when subject is User and some s in shares: reaches(s, subject) }",
    "a chain": """policy main: deny-overrides {
        permit p when every t in tokens: t.n > 0 and t.tenant.open permit q when subject.n > 1 }""",
    "the end of a chain": """define furthest = if subject is User then final(chain subject by behind).n else 0
        policy main: deny-overrides { permit p when furthest > 1 deny q when tokens is empty and context.flag }""",
    "a hierarchy": """policy main: deny-overrides {
        permit p when subject is User and subject in Team::"a"
        deny q when subject is User and subject in subject.tenant
        permit r when resource is Folder and resource in Folder::"b" }""",
    "a hierarchy of members": """policy main: deny-overrides {
        permit p when (resource is Folder and resource.owner in Team::"a") or (resource is Page and resource.owner in Team::"b")
        permit q when resource is Folder and resource has parent and resource.parent in Folder::"a" }""",
    "lists that are empty": "policy main: deny-overrides { permit p when context.points is empty deny q when shares is not empty }",
    "numbers": "policy main: deny-overrides { permit p when context.amount > 1.5 and count(context.points) < 3 }",
    "addresses": 'policy main: deny-overrides { permit p when context.from in network("10.0.0.0/8") }',
    "as values": """policy main: deny-overrides {
        permit p when resource is Page and resource.point in context.points
        deny q when resource is Folder and resource has point and resource.point == resource.point }""",
    "many rules": "policy main: deny-overrides {\n"
    + "\n".join(
        f'  permit o{i} when resource is Folder and resource.owner.id == "{"abc"[i % 3]}" and subject.n == {i % 5}\n'
        f'  permit t{i} when subject is Token and subject.code == "{"abc"[i % 3]}" and resource.n == {i % 4}\n'
        f'  permit g{i} when subject is User and subject in Team::"{"abc"[i % 3]}" and resource.n == {i % 4}\n'
        f"  deny f{i} when resource is Folder and resource has parent and "
        f'resource.parent in Folder::"{"abc"[i % 3]}" and subject.n == {i}\n'
        f"  deny p{i} when resource is Folder and resource has point and resource.point.x == {i} and context.flag"
        for i in range(12)
    )
    + " }",
}


@cache
def placed_package(name: str) -> c.Package:
    loaded = load_package(DrawnPackage(SCHEMA + POLICIES[name] + "\n", {}))
    assert loaded is not None, name
    return loaded


@cache
def placed_packages() -> tuple[c.Package, ...]:
    return tuple(map(placed_package, POLICIES))
