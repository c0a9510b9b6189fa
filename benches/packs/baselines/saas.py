"""Benches: the pack of a service with many customers by hand, on plain dicts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

from benches.packs.baselines.tables import is_true, parts, rows

Json = dict[str, Any]
ZERO = dt.timedelta()
CLOCK_SKEW = dt.timedelta(seconds=-30)
TOKEN_MAX_AGE = dt.timedelta(weeks=52)
SECOND_FACTOR_MAX_AGE = dt.timedelta(minutes=15)
STORAGE_GRACE = Decimal("1.05")
OFFICE_OPENS, OFFICE_CLOSES = dt.time(7), dt.time(19)
SATURDAY = 5
FREEZES = ((dt.date(2026, 12, 19), dt.date(2027, 1, 4)), (dt.date(2027, 12, 18), dt.date(2028, 1, 3)))
ADMINISTRATION_BEGINS = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
ABUSIVE = ip_network("203.0.113.0/24")
ADMINISTERED = frozenset({"Tenant", "User"})
HELD = frozenset({"edit", "delete"})
HANDED_OVER = frozenset({"share", "delete"})
BY_DAY = frozenset({"reset_password", "deactivate"})

# Levels that include what an operation asks for.
MANAGING = frozenset({"manage"})
ENOUGH = {
    "view": frozenset({"view", "comment", "edit", "manage"}),
    "comment": frozenset({"comment", "edit", "manage"}),
    "edit": frozenset({"edit", "manage"}),
    "upload": frozenset({"edit", "manage"}),
}


@dataclass(frozen=True, slots=True)
class Plan:
    seats: int | None
    storage: Decimal
    max_shares: int
    link_sharing: bool
    api: bool
    requests: int


def _plans() -> dict[str, Plan]:
    limits = {row["class"]: int(row["per_minute"]) * int(row["burst"]) for row in rows("saas", "rates.csv")}
    return {
        row["plan"]: Plan(
            int(row["seats"]) if row["seats"] else None,
            Decimal(row["storage_gb"]) * STORAGE_GRACE,
            int(row["max_shares"]),
            is_true(row["link_sharing"]),
            is_true(row["api"]),
            limits[row["rate_class"]],
        )
        for row in rows("saas", "plans.csv")
    }


PLANS = _plans()
KEPT_IN = {
    group: frozenset(row["region"] for row in rows("saas", "regions.csv") if row["group"] == group or group in parts(row["certified"]))
    for group in ("eu", "us")
}


def permits(subject: Json, action: str, resource: Json, context: Json, now: dt.datetime) -> bool:
    kind = resource["entity_type"]
    if kind == "Page":
        return _page(subject, resource, context)
    is_user = subject["entity_type"] == "User"
    tenant = subject["tenant"]
    asked = resource if kind == "Tenant" else resource["tenant"]
    if tenant["id"] != asked["id"] and not (kind == "Document" and _linked(resource, action, context, now)):
        if not is_user or kind in ADMINISTERED or tenant["id"] not in asked["partners"]:
            return False
        if not _shared(resource["shares"], subject, action, now):
            return False
    state = asked["state"]
    if action != "change_plan":
        if state == "suspended" or tenant["state"] == "suspended":
            return False
        if state == "trial" and asked["trial_ends"] is not None and asked["trial_ends"] <= now:
            return False
    if state == "closing" and action != "view":
        return False
    if is_user and subject["locked"]:
        return False
    if not is_user and not _token_holds(subject, action, resource, kind, context, now):
        return False
    plan = PLANS[tenant["plan"]]
    if context["requests_this_minute"] >= plan.requests or not (is_user or plan.api):
        return False
    if context["link"] is not None and not (asked["link_sharing"] and PLANS[asked["plan"]].link_sharing):
        return False
    if kind in ADMINISTERED:
        return _administration(subject, action, resource, kind, asked, context, now)
    return _content(subject, is_user, action, resource, kind, asked, context, now)


# ── documents and folders ────────────────────────────────────────────────────────────────────────────────────────────


def _content(subject: Json, is_user: bool, action: str, resource: Json, kind: str, asked: Json, context: Json, now: dt.datetime) -> bool:
    if action != "view" and _lies_in(resource, kind, "system"):
        return False
    if kind == "Document":
        if resource["legal_hold"] and action in HELD:
            return False
        residency = resource["residency"]
        if residency:
            kept = KEPT_IN[residency[0]]
            if len(residency) > 1 or resource["region"] not in kept or context["region"] not in kept:
                return False
    elif action == "upload":
        size = context["upload_gb"]
        if size is None or asked["storage_used_gb"] + size > PLANS[asked["plan"]].storage:
            return False
    if action == "share" and len(resource["shares"]) >= PLANS[asked["plan"]].max_shares:
        return False
    if is_user:
        if _open_to(subject, resource, kind, action, now):
            return True
        if subject["role"] == "owner" and action in HANDED_OVER and _stands_in(resource, "Tenant", subject["tenant"]["id"]):
            return True
    elif subject["acts_for"] is None:
        if _stands_in(resource, "Tenant", subject["tenant"]["id"]):
            return True
    elif _open_to(subject["acts_for"], resource, kind, action, now):
        return True
    return kind == "Document" and _linked(resource, action, context, now)


def _open_to(user: Json, resource: Json, kind: str, action: str, now: dt.datetime) -> bool:
    if resource["owner"] == user["id"] or _shared(resource["shares"], user, action, now):
        return True
    folder = resource["folder"] if kind == "Document" else resource
    while folder is not None:
        if _shared(folder["shares"], user, action, now):
            return True
        folder = folder["parent"]
    return False


def _shared(shares: list[Json], user: Json, action: str, now: dt.datetime) -> bool:
    enough = ENOUGH.get(action, MANAGING)
    for share in shares:
        if share["level"] in enough and (share["until"] is None or now < share["until"]):
            if share["user"] == user["id"]:
                return True
            if share["team"] is not None and _stands_in(user, "Team", share["team"]):
                return True
    return False


def _linked(document: Json, action: str, context: Json, now: dt.datetime) -> bool:
    if context["link"] is None:
        return False
    code, enough = context["link"].upper(), ENOUGH.get(action, MANAGING)
    return any(code == link["code"] and now < link["expires"] and link["level"] in enough for link in document["links"])


def _token_holds(token: Json, action: str, resource: Json, kind: str, context: Json, now: dt.datetime) -> bool:
    while True:
        if not CLOCK_SKEW <= now - token["issued_at"] < TOKEN_MAX_AGE or now >= token["expires_at"] or action not in token["scopes"]:
            return False
        if token["networks"] and not any(context["hops"][0] in network for network in token["networks"]):
            return False
        root = token["root"]
        if root is not None and not _lies_in(resource, kind, root):
            return False
        above = token["made_from"]
        if above is None:
            return True
        if not all(scope in above["scopes"] for scope in token["scopes"]):
            return False
        token = above


def _lies_in(resource: Json, kind: str, folder: str) -> bool:
    return (kind == "Folder" and resource["id"] == folder) or _stands_in(resource, "Folder", folder)


def _stands_in(entity: Json, kind: str, key: str) -> bool:
    for parent in entity["parents"]:  # noqa: SIM110  # a loop is faster
        if (parent["id"] == key and parent["entity_type"] == kind) or _stands_in(parent, kind, key):
            return True
    return False


# ── people, invitations, plan ────────────────────────────────────────────────────────────────────────────────────────


def _administration(subject: Json, action: str, resource: Json, kind: str, asked: Json, context: Json, now: dt.datetime) -> bool:
    if action == "invite":
        seats = PLANS[asked["plan"]].seats
        if seats is not None and seats <= asked["seats_used"] - asked["seats_extra"]:
            return False
    if now < ADMINISTRATION_BEGINS:
        return False
    signed_in = context["signed_in_with_2fa"]
    if signed_in is None or not ZERO <= now - signed_in <= SECOND_FACTOR_MAX_AGE:
        return False
    if action == "change_plan":
        today = now.astimezone(asked["zone"]).date()
        if any(start <= today < end for start, end in FREEZES):
            return False
    if (
        action == "invite"
        and asked["domains"]
        and (context["invitee"] is None or not context["invitee"].lower().endswith(tuple(asked["domains"])))
    ):
        return False
    if subject["role"] == "owner":
        return True
    if action in BY_DAY:
        local = now.astimezone(asked["zone"])
        if local.weekday() >= SATURDAY or not OFFICE_OPENS <= local.time() < OFFICE_CLOSES:
            return False
    return any(_delegated(grant, action, resource, kind, now) for grant in subject["grants"])


def _delegated(grant: Json | None, action: str, resource: Json, kind: str, now: dt.datetime) -> bool:
    while grant is not None:
        if action not in grant["tasks"] or (grant["ends"] is not None and now >= grant["ends"]):
            return False
        if kind == "User":
            if not _stands_in(resource, "Team", grant["scope"]["id"]):
                return False
        elif grant["scope"]["tenant"] != resource["id"]:
            return False
        grant = grant["delegated_from"]
    return True


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(subject: Json, resource: Json, context: Json) -> bool:
    path = resource["path"]
    return (
        resource["published"]
        and (resource["audience"] == "everyone" or subject["entity_type"] != "Visitor")
        and path.startswith("/")
        and ".." not in path
        and not path.endswith(".bak")
        and context["hops"][0] not in ABUSIVE
    )
