"""Benches: the pack of a service with many customers by hand, on validated values."""

from __future__ import annotations

import datetime as dt
from typing import Any

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
    kind = resource._type
    if kind == "Page":
        return _page(subject, resource, context)
    is_user = subject._type == "User"
    tenant = subject.tenant
    asked = resource if kind == "Tenant" else resource.tenant
    if tenant._key != asked._key and not (kind == "Document" and _linked(resource, action, context, now)):
        if not is_user or kind in ADMINISTERED or tenant._key not in asked.partners:
            return False
        if not _shared(resource.shares, subject, action, now):
            return False
    state = asked.state
    if action != "change_plan":
        if state == "suspended" or tenant.state == "suspended":
            return False
        if state == "trial" and asked.trial_ends is not None and asked.trial_ends <= now:
            return False
    if state == "closing" and action != "view":
        return False
    if is_user and subject.locked:
        return False
    if not is_user and not _token_holds(subject, action, resource, kind, context, now):
        return False
    plan = PLANS[tenant.plan]
    if context.requests_this_minute >= plan.requests or not (is_user or plan.api):
        return False
    if context.link is not None and not (asked.link_sharing and PLANS[asked.plan].link_sharing):
        return False
    if kind in ADMINISTERED:
        return _administration(subject, action, resource, kind, asked, context, now)
    return _content(subject, is_user, action, resource, kind, asked, context, now)


# ── documents and folders ────────────────────────────────────────────────────────────────────────────────────────────


def _content(
    subject: Values, is_user: bool, action: str, resource: Values, kind: str, asked: Values, context: Values, now: dt.datetime
) -> bool:
    if action != "view" and _lies_in(resource, kind, "system"):
        return False
    if kind == "Document":
        if resource.legal_hold and action in HELD:
            return False
        residency = resource.residency
        if residency:
            kept = KEPT_IN[next(iter(residency))]
            if len(residency) > 1 or resource.region not in kept or context.region not in kept:
                return False
    elif action == "upload":
        size = context.upload_gb
        if size is None or asked.storage_used_gb + size > PLANS[asked.plan].storage:
            return False
    if action == "share" and len(resource.shares) >= PLANS[asked.plan].max_shares:
        return False
    if is_user:
        if _open_to(subject, resource, kind, action, now):
            return True
        if subject.role == "owner" and action in HANDED_OVER and subject.tenant._key in resource.in_Tenant:
            return True
    elif subject.acts_for is None:
        if subject.tenant._key in resource.in_Tenant:
            return True
    elif _open_to(subject.acts_for, resource, kind, action, now):
        return True
    return kind == "Document" and _linked(resource, action, context, now)


def _open_to(user: Values, resource: Values, kind: str, action: str, now: dt.datetime) -> bool:
    if resource.owner._key == user._key or _shared(resource.shares, user, action, now):
        return True
    folder = resource.folder if kind == "Document" else resource
    while folder is not None:
        if _shared(folder.shares, user, action, now):
            return True
        folder = folder.parent
    return False


def _shared(shares: tuple[Any, ...], user: Values, action: str, now: dt.datetime) -> bool:
    enough = ENOUGH.get(action, MANAGING)
    for share in shares:
        if share.level in enough and (share.until is None or now < share.until):
            if share.user is not None and share.user._key == user._key:
                return True
            if share.team is not None and share.team._key in user.in_Team:
                return True
    return False


def _linked(document: Values, action: str, context: Values, now: dt.datetime) -> bool:
    if context.link is None:
        return False
    code, enough = context.link.upper(), ENOUGH.get(action, MANAGING)
    return any(code == link.code and now < link.expires and link.level in enough for link in document.links)


def _token_holds(token: Values, action: str, resource: Values, kind: str, context: Values, now: dt.datetime) -> bool:
    while True:
        if not CLOCK_SKEW <= now - token.issued_at < TOKEN_MAX_AGE or now >= token.expires_at or action not in token.scopes:
            return False
        if token.networks and not any(context.hops[0] in network for network in token.networks):
            return False
        root = token.root
        if root is not None and not _lies_in(resource, kind, root._key):
            return False
        above = token.made_from
        if above is None:
            return True
        if not all(scope in above.scopes for scope in token.scopes):
            return False
        token = above


def _lies_in(resource: Values, kind: str, folder: str) -> bool:
    return (kind == "Folder" and resource._key == folder) or folder in resource.in_Folder


# ── people, invitations, plan ────────────────────────────────────────────────────────────────────────────────────────


def _administration(subject: Values, action: str, resource: Values, kind: str, asked: Values, context: Values, now: dt.datetime) -> bool:
    if action == "invite":
        seats = PLANS[asked.plan].seats
        if seats is not None and seats <= asked.seats_used - asked.seats_extra:
            return False
    if now < ADMINISTRATION_BEGINS:
        return False
    signed_in = context.signed_in_with_2fa
    if signed_in is None or not ZERO <= now - signed_in <= SECOND_FACTOR_MAX_AGE:
        return False
    if action == "change_plan":
        today = now.astimezone(asked.zone).date()
        if any(start <= today < end for start, end in FREEZES):
            return False
    if action == "invite" and asked.domains and (context.invitee is None or not context.invitee.lower().endswith(tuple(asked.domains))):
        return False
    if subject.role == "owner":
        return True
    if action in BY_DAY:
        local = now.astimezone(asked.zone)
        if local.weekday() >= SATURDAY or not OFFICE_OPENS <= local.time() < OFFICE_CLOSES:
            return False
    return any(_delegated(grant, action, resource, kind, now) for grant in subject.grants)


def _delegated(grant: Values, action: str, resource: Values, kind: str, now: dt.datetime) -> bool:
    while grant is not None:
        if action not in grant.tasks or (grant.ends is not None and now >= grant.ends):
            return False
        if kind == "User":
            if grant.scope._key not in resource.in_Team:
                return False
        elif grant.scope.tenant._key != resource._key:
            return False
        grant = grant.delegated_from
    return True


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(subject: Values, resource: Values, context: Values) -> bool:
    path = resource.path
    return (
        resource.published
        and (resource.audience == "everyone" or subject._type != "Visitor")
        and path.startswith("/")
        and ".." not in path
        and not path.endswith(".bak")
        and context.hops[0] not in ABUSIVE
    )
