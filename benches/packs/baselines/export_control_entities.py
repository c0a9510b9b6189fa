"""Benches: the export-control pack by hand, on validated values."""

from __future__ import annotations

import datetime as dt
from typing import Any

from abac.model.values import ABSENT
from benches.packs.baselines.export_control import (
    AMENDMENTS,
    CHECKED,
    EMBARGOED_COUNTRIES,
    EMBARGOED_REGIONS,
    LISTED,
    LOCATION_CONFIDENCE,
    NUMBER,
    ORDERS,
    PROTECTED,
    SCREENING_MAX_AGE,
    STATUS_MAX_AGE,
    SUSPENDED_FROM,
    SUSPENDED_UNTIL,
    UNITED_STATES,
    WATCHED,
    ZERO,
)

Values = Any  # entities and records: what types their fields have only the schema knows


def permits(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    what, where = resource.fields, context.fields
    callers = [subject]
    person = subject
    while (behind := person.fields["on_behalf_of"]) is not ABSENT:
        callers.append(behind)
        person = behind
    organisations = [organisation for caller in callers if (organisation := caller.fields["org"]) is not ABSENT]
    for listed in (*callers, *organisations):
        if "SDN" in listed.fields["lists"].elements:
            return False
    location = where["location"]
    if location.fields["country"] in EMBARGOED_COUNTRIES or location.fields["subdivision"] in EMBARGOED_REGIONS:
        return False
    model = what["model"]
    live = unclear = False
    for start, end, items, derivatives in ORDERS[where["order_set"]]:
        if (model in items or not items.isdisjoint(what["derived_from"].elements)) and start <= now < end:
            live = True
            unclear = unclear or (model not in items and what["relation"] not in derivatives)
    if not live:
        return True
    if (
        unclear
        or where["end_use"] != "general"
        or what["artifact"] == "outputs"
        or not ZERO <= now - where["screening_snapshot_at"] <= SCREENING_MAX_AGE
    ):
        return False
    for listed in (*callers, *organisations):
        if not LISTED.isdisjoint(listed.fields["lists"].elements):
            return False
    owned = foreign_tenant = False
    for organisation in organisations:
        is_foreign = organisation.fields["incorporated_in"] != "US" or (
            organisation.fields["government"] is not ABSENT and organisation.fields["government"] != "US"
        )
        foreign_tenant = foreign_tenant or is_foreign
        if organisation.fields["listed_owner_pct"] >= 50:
            owned = True
            if is_foreign and not SUSPENDED_FROM <= now < SUSPENDED_UNTIL:
                return False
    standing = _standing(person, now)
    if standing == "stale" or (standing == "unverified" and not foreign_tenant):
        return False
    if foreign_tenant or standing == "foreign":
        if _is_exempt(person, organisations, model, AMENDMENTS[where["order_set"]], now):
            return True
    else:
        if what["hosting_country"] not in UNITED_STATES or where["red_flags"].elements or owned:
            return False
        if (
            location.fields["country"] is ABSENT
            or location.fields["anonymizer"] is not ABSENT
            or location.fields["confidence"] < LOCATION_CONFIDENCE
        ):
            return False
        profile = where["profile"]
        if profile != "no_hq_overlay" and any(organisation.fields["ultimate_parent_hq"] in WATCHED for organisation in organisations):
            return False
        if profile == "recipient_only" or location.fields["country"] in UNITED_STATES:
            return True
    return any(_covers(license, person, action, model, context, now) for license in where["licenses"].elements)


def _standing(person: Values, now: dt.datetime) -> str:
    one = person.fields
    if one["type"] != "person":
        return "us" if one["org"] is not ABSENT and one["org"].fields["us_person_only_attested"] else "unverified"
    status = one["us_status"]
    if status is ABSENT:
        citizenships = one["citizenships"].elements
        return "unverified" if not citizenships or any(tie.fields["country"] == "US" for tie in citizenships) else "foreign"
    if status not in PROTECTED:
        return "foreign"
    verified_at = one["status_verified_at"]
    if one["status_assurance"] not in CHECKED or verified_at is ABSENT:
        return "unverified"
    return "us" if ZERO <= now - verified_at <= STATUS_MAX_AGE else "stale"


def _is_exempt(person: Values, organisations: list[Values], model: str, amendments: tuple[Any, ...], now: dt.datetime) -> bool:
    one = person.fields
    employer = one["org"]
    if employer is ABSENT or one["employment"] != "employee":
        return False
    for start, items, kinds in amendments:
        if model in items and start <= now and any(employer.fields[kind] for kind in kinds):
            return all(organisation.key == employer.key for organisation in organisations)
    return False


def _covers(license: Values, person: Values, action: str, model: str, context: Values, now: dt.datetime) -> bool:
    where, one, terms = context.fields, person.fields, license.fields
    issued_at = terms["issued_at"]
    return (
        terms["status"] == "approved"
        and issued_at is not ABSENT
        and issued_at <= now < terms["expires_at"]
        and model in terms["items"].elements
        and action in terms["actions"].elements
        and where["location"].fields["country"] in terms["destinations"].elements
        and terms["quantity"].fields["used"] < terms["quantity"].fields["authorised"]
        and (person.key in terms["end_users"].elements or (one["org"] is not ABSENT and one["org"].key in terms["end_users"].elements))
        and NUMBER(terms["license_number"]) is not None
        and _covers_ties(terms["nationalities"].elements, person, where["regime"])
    )


def _covers_ties(nationalities: tuple[Any, ...], person: Values, regime: str) -> bool:
    one = person.fields
    if not nationalities:
        return True
    ties = one["citizenships"].elements + one["permanent_residencies"].elements
    if not ties:
        return False
    if regime != "ITAR":
        latest = max(tie.fields["since"] for tie in ties)
        ties = [tie for tie in ties if tie.fields["since"] == latest]
    return all(tie.fields["country"] in nationalities for tie in ties)
