"""Benches: the pack of a service with many customers by hand, on validated values."""

from __future__ import annotations

import datetime as dt
from typing import Any

from abac.model.values import ABSENT
from benches.packs.baselines.saas import (
    ABUSIVE,
    ADMINISTERED,
    ADMINISTRATION_BEGINS,
    BY_DAY,
    CLOCK_SKEW,
    ENOUGH,
    FREEZES,
    HANDED_OVER,
    HELD,
    KEPT_IN,
    MANAGING,
    OFFICE_CLOSES,
    OFFICE_OPENS,
    PLANS,
    SATURDAY,
    SECOND_FACTOR_MAX_AGE,
    TOKEN_MAX_AGE,
    ZERO,
)

Values = Any  # entities and records: what types their fields have only the schema knows


def permits(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    who, what, where = subject.fields, resource.fields, context.fields
    kind = resource.type
    if kind == "Page":
        return _page(subject, resource, context)
    is_user = subject.type == "User"
    tenant = who["tenant"]
    asked = resource if kind == "Tenant" else what["tenant"]
    if tenant.key != asked.key and not (kind == "Document" and _linked(resource, action, context, now)):
        if not is_user or kind in ADMINISTERED or tenant.key not in asked.fields["partners"].elements:
            return False
        if not _shared(what["shares"].elements, subject, action, now):
            return False
    state = asked.fields["state"]
    if action != "change_plan":
        if state == "suspended" or tenant.fields["state"] == "suspended":
            return False
        if state == "trial" and asked.fields["trial_ends"] is not ABSENT and asked.fields["trial_ends"] <= now:
            return False
    if state == "closing" and action != "view":
        return False
    if is_user and who["locked"]:
        return False
    if not is_user and not _token_holds(subject, action, resource, kind, context, now):
        return False
    plan = PLANS[tenant.fields["plan"]]
    if where["requests_this_minute"] >= plan.requests or not (is_user or plan.api):
        return False
    if where["link"] is not ABSENT and not (asked.fields["link_sharing"] and PLANS[asked.fields["plan"]].link_sharing):
        return False
    if kind in ADMINISTERED:
        return _administration(subject, action, resource, kind, asked, context, now)
    return _content(subject, is_user, action, resource, kind, asked, context, now)


# ── documents and folders ────────────────────────────────────────────────────────────────────────────────────────────


def _content(
    subject: Values, is_user: bool, action: str, resource: Values, kind: str, asked: Values, context: Values, now: dt.datetime
) -> bool:
    who, what, where, customer = subject.fields, resource.fields, context.fields, asked.fields
    if action != "view" and _lies_in(resource, kind, "system"):
        return False
    if kind == "Document":
        if what["legal_hold"] and action in HELD:
            return False
        residency = what["residency"].elements
        if residency:
            kept = KEPT_IN[residency[0]]
            if len(residency) > 1 or what["region"] not in kept or where["region"] not in kept:
                return False
    elif action == "upload":
        size = where["upload_gb"]
        if size is ABSENT or customer["storage_used_gb"] + size > PLANS[customer["plan"]].storage:
            return False
    if action == "share" and len(what["shares"].elements) >= PLANS[customer["plan"]].max_shares:
        return False
    if is_user:
        if _open_to(subject, resource, kind, action, now):
            return True
        if who["role"] == "owner" and action in HANDED_OVER and _stands_in(resource, "Tenant", who["tenant"].key):
            return True
    elif who["acts_for"] is ABSENT:
        if _stands_in(resource, "Tenant", who["tenant"].key):
            return True
    elif _open_to(who["acts_for"], resource, kind, action, now):
        return True
    return kind == "Document" and _linked(resource, action, context, now)


def _open_to(user: Values, resource: Values, kind: str, action: str, now: dt.datetime) -> bool:
    what = resource.fields
    if what["owner"].key == user.key or _shared(what["shares"].elements, user, action, now):
        return True
    folder = what["folder"] if kind == "Document" else resource
    while folder is not ABSENT:
        if _shared(folder.fields["shares"].elements, user, action, now):
            return True
        folder = folder.fields["parent"]
    return False


def _shared(shares: tuple[Any, ...], user: Values, action: str, now: dt.datetime) -> bool:
    enough = ENOUGH.get(action, MANAGING)
    for share in shares:
        if share.fields["level"] in enough and (share.fields["until"] is ABSENT or now < share.fields["until"]):
            if share.fields["user"] is not ABSENT and share.fields["user"].key == user.key:
                return True
            if share.fields["team"] is not ABSENT and _stands_in(user, "Team", share.fields["team"].key):
                return True
    return False


def _linked(document: Values, action: str, context: Values, now: dt.datetime) -> bool:
    where = context.fields
    if where["link"] is ABSENT:
        return False
    code, enough = where["link"].upper(), ENOUGH.get(action, MANAGING)
    return any(
        code == link.fields["code"] and now < link.fields["expires"] and link.fields["level"] in enough
        for link in document.fields["links"].elements
    )


def _token_holds(token: Values, action: str, resource: Values, kind: str, context: Values, now: dt.datetime) -> bool:
    while True:
        if (
            not CLOCK_SKEW <= now - token.fields["issued_at"] < TOKEN_MAX_AGE
            or now >= token.fields["expires_at"]
            or action not in token.fields["scopes"].elements
        ):
            return False
        if token.fields["networks"].elements and not any(
            context.fields["hops"].elements[0] in network for network in token.fields["networks"].elements
        ):
            return False
        root = token.fields["root"]
        if root is not ABSENT and not _lies_in(resource, kind, root.key):
            return False
        above = token.fields["made_from"]
        if above is ABSENT:
            return True
        if not all(scope in above.fields["scopes"].elements for scope in token.fields["scopes"].elements):
            return False
        token = above


def _lies_in(resource: Values, kind: str, folder: str) -> bool:
    return (kind == "Folder" and resource.key == folder) or _stands_in(resource, "Folder", folder)


def _stands_in(entity: Values, kind: str, key: str) -> bool:
    for parent in entity.parents.elements:  # noqa: SIM110  # a loop is faster
        if (parent.key == key and parent.type == kind) or _stands_in(parent, kind, key):
            return True
    return False


# ── people, invitations, plan ────────────────────────────────────────────────────────────────────────────────────────


def _administration(subject: Values, action: str, resource: Values, kind: str, asked: Values, context: Values, now: dt.datetime) -> bool:
    who, where, customer = subject.fields, context.fields, asked.fields
    if action == "invite":
        seats = PLANS[customer["plan"]].seats
        if seats is not None and seats <= customer["seats_used"] - customer["seats_extra"]:
            return False
    if now < ADMINISTRATION_BEGINS:
        return False
    signed_in = where["signed_in_with_2fa"]
    if signed_in is ABSENT or not ZERO <= now - signed_in <= SECOND_FACTOR_MAX_AGE:
        return False
    if action == "change_plan":
        today = now.astimezone(customer["zone"]).date()
        if any(start <= today < end for start, end in FREEZES):
            return False
    if (
        action == "invite"
        and customer["domains"].elements
        and (where["invitee"] is ABSENT or not where["invitee"].lower().endswith(tuple(customer["domains"].elements)))
    ):
        return False
    if who["role"] == "owner":
        return True
    if action in BY_DAY:
        local = now.astimezone(customer["zone"])
        if local.weekday() >= SATURDAY or not OFFICE_OPENS <= local.time() < OFFICE_CLOSES:
            return False
    return any(_delegated(grant, action, resource, kind, now) for grant in who["grants"].elements)


def _delegated(grant: Values, action: str, resource: Values, kind: str, now: dt.datetime) -> bool:
    while grant is not ABSENT:
        if action not in grant.fields["tasks"].elements or (grant.fields["ends"] is not ABSENT and now >= grant.fields["ends"]):
            return False
        if kind == "User":
            if not _stands_in(resource, "Team", grant.fields["scope"].key):
                return False
        elif grant.fields["scope"].fields["tenant"].key != resource.key:
            return False
        grant = grant.fields["delegated_from"]
    return True


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(subject: Values, resource: Values, context: Values) -> bool:
    what = resource.fields
    path = what["path"]
    return (
        what["published"]
        and (what["audience"] == "everyone" or subject.type != "Visitor")
        and path.startswith("/")
        and ".." not in path
        and not path.endswith(".bak")
        and context.fields["hops"].elements[0] not in ABUSIVE
    )
