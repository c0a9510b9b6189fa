"""Benches: the export-control pack by hand, on plain dicts."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from benches.packs.baselines.tables import is_true, parts, rows

Json = dict[str, Any]
ZERO = dt.timedelta()
SCREENING_MAX_AGE = dt.timedelta(hours=72)
STATUS_MAX_AGE = dt.timedelta(days=365)
LOCATION_CONFIDENCE = Decimal("0.5")
PROTECTED = frozenset({"us_citizen", "us_national", "lpr", "refugee", "asylee"})
CHECKED = frozenset({"document_checked", "government_verified"})
LISTED = frozenset({"EL", "MEU", "DPL"})
EMBARGOED_COUNTRIES = frozenset({"CU", "IR", "KP", "SY", "RU", "BY"})
EMBARGOED_REGIONS = frozenset({"UA-43", "UA-40", "UA-14", "UA-09"})
UNITED_STATES = frozenset({"US", "PR", "GU", "VI", "AS", "MP", "UM"})
WATCHED = frozenset(
    {"MO"}
    | {
        row["iso2"]
        for row in rows("export_control", "country_groups.csv")
        if "D:5" in parts(row["groups"]) or is_true(row["d5_state_126_1"])
    }
)
NUMBER = re.compile("D[0-9]{6,7}").fullmatch


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.timezone.utc)


SUSPENDED_FROM, SUSPENDED_UNTIL = utc("2025-11-10T05:00:00"), utc("2026-11-10T05:00:00")
ITEMS = frozenset({"mythos-5", "fable-5"})
DERIVATIVES = frozenset({"fine_tune", "merge", "quantisation", "adapter"})
FOREVER = dt.datetime.max.replace(tzinfo=dt.timezone.utc)

# By set: start, end, items, derivatives of each order; start, items, exempt employers of each amendment.
ORDERS = {
    "REPORTED": ((utc("2026-06-12T21:21:00"), utc("2026-06-30T23:30:00"), ITEMS, DERIVATIVES),),
    "TEST": ((utc("2026-06-12T21:21:00"), FOREVER, ITEMS, DERIVATIVES),),
}
AMENDMENTS = {"REPORTED": ((utc("2026-06-26T22:00:00"), frozenset({"mythos-5"}), ("is_vendor", "annex_a")),), "TEST": ()}


def permits(subject: Json, action: str, resource: Json, context: Json, now: dt.datetime) -> bool:
    callers = [subject]
    person = subject
    while (behind := person["on_behalf_of"]) is not None:
        callers.append(behind)
        person = behind
    organisations = [organisation for caller in callers if (organisation := caller["org"]) is not None]
    for listed in (*callers, *organisations):
        if "SDN" in listed["lists"]:
            return False
    location = context["location"]
    if location["country"] in EMBARGOED_COUNTRIES or location["subdivision"] in EMBARGOED_REGIONS:
        return False
    model = resource["model"]
    live = unclear = False
    for start, end, items, derivatives in ORDERS[context["order_set"]]:
        if (model in items or not items.isdisjoint(resource["derived_from"])) and start <= now < end:
            live = True
            unclear = unclear or (model not in items and resource["relation"] not in derivatives)
    if not live:
        return True
    if (
        unclear
        or context["end_use"] != "general"
        or resource["artifact"] == "outputs"
        or not ZERO <= now - context["screening_snapshot_at"] <= SCREENING_MAX_AGE
    ):
        return False
    for listed in (*callers, *organisations):
        if not LISTED.isdisjoint(listed["lists"]):
            return False
    owned = foreign_tenant = False
    for organisation in organisations:
        is_foreign = organisation["incorporated_in"] != "US" or (
            organisation["government"] is not None and organisation["government"] != "US"
        )
        foreign_tenant = foreign_tenant or is_foreign
        if organisation["listed_owner_pct"] >= 50:
            owned = True
            if is_foreign and not SUSPENDED_FROM <= now < SUSPENDED_UNTIL:
                return False
    standing = _standing(person, now)
    if standing == "stale" or (standing == "unverified" and not foreign_tenant):
        return False
    if foreign_tenant or standing == "foreign":
        if _is_exempt(person, organisations, model, AMENDMENTS[context["order_set"]], now):
            return True
    else:
        if resource["hosting_country"] not in UNITED_STATES or context["red_flags"] or owned:
            return False
        if location["country"] is None or location["anonymizer"] is not None or location["confidence"] < LOCATION_CONFIDENCE:
            return False
        profile = context["profile"]
        if profile != "no_hq_overlay" and any(organisation["ultimate_parent_hq"] in WATCHED for organisation in organisations):
            return False
        if profile == "recipient_only" or location["country"] in UNITED_STATES:
            return True
    return any(_covers(license, person, action, model, context, now) for license in context["licenses"])


def _standing(person: Json, now: dt.datetime) -> str:
    if person["type"] != "person":
        return "us" if person["org"] is not None and person["org"]["us_person_only_attested"] else "unverified"
    status = person["us_status"]
    if status is None:
        citizenships = person["citizenships"]
        return "unverified" if not citizenships or any(tie["country"] == "US" for tie in citizenships) else "foreign"
    if status not in PROTECTED:
        return "foreign"
    verified_at = person["status_verified_at"]
    if person["status_assurance"] not in CHECKED or verified_at is None:
        return "unverified"
    return "us" if ZERO <= now - verified_at <= STATUS_MAX_AGE else "stale"


def _is_exempt(person: Json, organisations: list[Json], model: str, amendments: tuple[Any, ...], now: dt.datetime) -> bool:
    employer = person["org"]
    if employer is None or person["employment"] != "employee":
        return False
    for start, items, kinds in amendments:
        if model in items and start <= now and any(employer[kind] for kind in kinds):
            return all(organisation["id"] == employer["id"] for organisation in organisations)
    return False


def _covers(license: Json, person: Json, action: str, model: str, context: Json, now: dt.datetime) -> bool:
    issued_at = license["issued_at"]
    return (
        license["status"] == "approved"
        and issued_at is not None
        and issued_at <= now < license["expires_at"]
        and model in license["items"]
        and action in license["actions"]
        and context["location"]["country"] in license["destinations"]
        and license["quantity"]["used"] < license["quantity"]["authorised"]
        and (person["id"] in license["end_users"] or (person["org"] is not None and person["org"]["id"] in license["end_users"]))
        and NUMBER(license["license_number"]) is not None
        and _covers_ties(license["nationalities"], person, context["regime"])
    )


def _covers_ties(nationalities: list[str], person: Json, regime: str) -> bool:
    if not nationalities:
        return True
    ties = person["citizenships"] + person["permanent_residencies"]
    if not ties:
        return False
    if regime != "ITAR":
        latest = max(tie["since"] for tie in ties)
        ties = [tie for tie in ties if tie["since"] == latest]
    return all(tie["country"] in nationalities for tie in ties)
