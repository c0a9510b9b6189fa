"""Tests: the export-control procedure stated a second time, in plain Python, to hold the pack against.

It answers complete, well-typed requests whose places and nationalities are in the table of country groups; `None` is an attribute
that is absent. It shares nothing with the engine, and is written from the procedure, not from the policy.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

PACK = Path(__file__).parents[2] / "policies" / "export_control"

Json = Mapping[str, Any]
Standing = Literal["us", "foreign", "unknown", "stale"]


@dataclass(frozen=True, slots=True)
class Answer:
    effect: str
    code: str
    license_number: str | None
    obligations: frozenset[str]
    advice: frozenset[str]


def decide(request: Json) -> Answer:
    """The first step that holds decides."""
    facts = Facts.of(request)
    for step in STEPS:
        outcome = step(facts)
        if outcome is not None:
            obligations = frozenset(obligations_of(facts, outcome))
            return Answer(outcome.effect, outcome.code, outcome.license_number, obligations, frozenset(outcome.advice))
    raise AssertionError("the last step always decides")


# ── the law's constants ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    order_set: str
    items: frozenset[str]
    derivatives: frozenset[str]
    effective_at: dt.datetime
    ends_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    order_set: str
    items: frozenset[str]
    effective_at: dt.datetime


def utc(year: int, month: int, day: int, hour: int, minute: int) -> dt.datetime:
    return dt.datetime(year, month, day, hour, minute, tzinfo=dt.UTC)


LETTER = utc(2026, 6, 12, 21, 21)
AMENDED = utc(2026, 6, 26, 22, 0)
LIFTED = utc(2026, 6, 30, 23, 30)

FRONTIER = frozenset({"mythos-5", "fable-5"})
COUNTED_RELATIONS = frozenset({"fine_tune", "merge", "quantisation", "adapter"})
ORDERS = (
    Order(order_set="REPORTED", items=FRONTIER, derivatives=COUNTED_RELATIONS, effective_at=LETTER, ends_at=LIFTED),
    Order(order_set="TEST", items=FRONTIER, derivatives=COUNTED_RELATIONS, effective_at=LETTER, ends_at=None),
)
# It exempts foreign employees of the vendor and of Annex A entities.
AMENDMENTS = (Amendment(order_set="REPORTED", items=frozenset({"mythos-5"}), effective_at=AMENDED),)

RULE_SUSPENDED_FROM = utc(2025, 11, 10, 5, 0)  # the Affiliates Rule
RULE_SUSPENDED_UNTIL = utc(2026, 11, 10, 5, 0)

PROTECTED = frozenset({"us_citizen", "us_national", "lpr", "refugee", "asylee"})
ASSURANCES = ("self_attested", "document_checked", "government_verified")
ASSURANCE_FLOOR = "document_checked"
STATUS_MAX_AGE = dt.timedelta(days=365)
SCREENING_MAX_AGE = dt.timedelta(hours=72)
LOCATION_MIN_CONFIDENCE = Decimal("0.5")
OWNERSHIP_LIMIT = 50
EMBARGOED_COUNTRIES = frozenset({"CU", "IR", "KP", "SY", "RU", "BY"})
EMBARGOED_REGIONS = frozenset({"UA-43", "UA-40", "UA-14", "UA-09"})
US_AND_TERRITORIES = frozenset({"US", "PR", "GU", "VI", "AS", "MP", "UM"})
LICENSE_NUMBER = re.compile(r"D[0-9]{6,7}")


def read_watched_countries() -> dict[str, bool]:
    """Of every territory, whether it is watched as a headquarters: in D:5, on the State Department's list, or Macau."""
    with (PACK / "country_groups.csv").open(encoding="utf-8", newline="") as table:
        return {row["iso2"]: row["D5"] == "1" or row["d5_state_126_1"] == "1" or row["iso2"] == "MO" for row in csv.DictReader(table)}


WATCHED = read_watched_countries()


# ── the facts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    parties: Sequence[Json]  # the subject and everyone along `on_behalf_of`
    organisations: Sequence[Json]
    resource: Json
    action: str
    context: Json
    at: dt.datetime

    @classmethod
    def of(cls, request: Json) -> Facts:
        parties = [request["subject"]]
        while parties[-1]["on_behalf_of"] is not None:
            parties.append(parties[-1]["on_behalf_of"])
        return cls(
            parties=parties,
            organisations=[party["org"] for party in parties if party["org"] is not None],
            resource=request["resource"],
            action=request["action"],
            context=request["context"],
            at=instant(request["context"]["at"]),
        )

    @property
    def person(self) -> Json:
        return self.parties[-1]

    @property
    def orders(self) -> list[Order]:
        """Those that name the model or one that it derives from."""
        named = {self.resource["model"], *self.resource["derived_from"]}
        return [order for order in ORDERS if order.order_set == self.context["order_set"] and named & order.items]

    @property
    def live_orders(self) -> list[Order]:
        return [order for order in self.orders if order.effective_at <= self.at and (order.ends_at is None or self.at < order.ends_at)]

    @property
    def standing(self) -> Standing:
        return standing(self.person, self.at)

    @property
    def has_foreign_organisation(self) -> bool:
        return any(is_foreign(organisation) for organisation in self.organisations)

    @property
    def is_foreign_side(self) -> bool:
        return self.has_foreign_organisation or self.standing in {"foreign", "unknown"}

    def is_listed(self, *codes: str) -> bool:
        return any(not set(codes).isdisjoint(one["lists"]) for one in (*self.parties, *self.organisations))


def standing(person: Json, at: dt.datetime) -> Standing:
    if person["type"] != "person":
        return "us" if person["org"] is not None and person["org"]["us_person_only_attested"] else "unknown"
    status = person["us_status"]
    if status is None:
        claimed = {tie["country"] for tie in person["citizenships"]}
        return "unknown" if not claimed or "US" in claimed else "foreign"
    if status not in PROTECTED:
        return "foreign"
    assurance, proof = person["status_assurance"], person["status_verified_at"]
    if assurance is None or ASSURANCES.index(assurance) < ASSURANCES.index(ASSURANCE_FLOOR):
        return "unknown"
    if proof is None:
        return "unknown"
    return "us" if is_fresh(instant(proof), at, STATUS_MAX_AGE) else "stale"


def is_foreign(organisation: Json) -> bool:
    return organisation["incorporated_in"] != "US" or organisation["government"] not in {None, "US"}


def is_fresh(evidence: dt.datetime, at: dt.datetime, limit: dt.timedelta) -> bool:
    return dt.timedelta(0) <= at - evidence <= limit


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


# ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Outcome:
    effect: Literal["permit", "deny"]
    code: str
    advice: tuple[str, ...] = ()
    license_number: str | None = None


def deny(code: str, *advice: str) -> Outcome:
    return Outcome("deny", code, advice)


def permit(code: str, license_number: str | None = None) -> Outcome:
    return Outcome("permit", code, license_number=license_number)


def blocked_party(facts: Facts) -> Outcome | None:
    return deny("restricted_party", "escalate_compliance") if facts.is_listed("SDN") else None


def embargo(facts: Facts) -> Outcome | None:
    place = facts.context["location"]
    if place["country"] not in EMBARGOED_COUNTRIES and place["subdivision"] not in EMBARGOED_REGIONS:
        return None
    return deny("embargoed_destination", *(["retry_from_us"] if facts.standing == "us" else []))


def no_live_order(facts: Facts) -> Outcome | None:
    if not facts.orders:
        return permit("not_controlled")
    return None if facts.live_orders else permit("order_not_in_effect")


def old_screening(facts: Facts) -> Outcome | None:
    screened = instant(facts.context["screening_snapshot_at"])
    return None if is_fresh(screened, facts.at, SCREENING_MAX_AGE) else deny("stale_evidence", "refresh_screening")


def end_use(facts: Facts) -> Outcome | None:
    return deny("prohibited_end_use", "escalate_compliance") if facts.context["end_use"] != "general" else None


def unclear_scope(facts: Facts) -> Outcome | None:
    """A model that an order names itself is in its scope whatever it derives from."""
    model, relation = facts.resource["model"], facts.resource["relation"]
    uncounted = any(model not in order.items and relation not in order.derivatives for order in facts.live_orders)
    return deny("red_flag_hold", "escalate_compliance") if facts.resource["artifact"] == "outputs" or uncounted else None


def restricted_party(facts: Facts) -> Outcome | None:
    suspended = RULE_SUSPENDED_FROM <= facts.at < RULE_SUSPENDED_UNTIL
    affiliated = any(is_foreign(one) and one["listed_owner_pct"] >= OWNERSHIP_LIMIT for one in facts.organisations)
    if facts.is_listed("EL", "MEU", "DPL") or (affiliated and not suspended):
        return deny("restricted_party", "escalate_compliance")
    return None


def unproven_standing(facts: Facts) -> Outcome | None:
    if facts.standing == "unknown" and not facts.has_foreign_organisation:
        if facts.person["type"] != "person":
            return deny("unverified_status", "tenant_attest_us_persons")
        fallback = ["offer_fallback_model"] if facts.person["us_status"] is None else []
        return deny("unverified_status", "verify_status", *fallback)
    return deny("stale_evidence", "verify_status") if facts.standing == "stale" else None


def foreign_side(facts: Facts) -> Outcome | None:
    if not facts.is_foreign_side:
        return None
    return permit("order_exempt") if is_exempt(facts) else check_licenses(facts)


def is_exempt(facts: Facts) -> bool:
    """As an employee of the vendor or of an Annex A entity, with no other organisation in between."""
    amended = any(
        amendment.order_set == facts.context["order_set"]
        and facts.resource["model"] in amendment.items
        and amendment.effective_at <= facts.at
        for amendment in AMENDMENTS
    )
    own = facts.person["org"]
    return (
        amended
        and own is not None
        and facts.person["employment"] == "employee"
        and (own["is_vendor"] or own["annex_a"])
        and all(one["id"] == own["id"] for one in facts.organisations)
    )


def everyone_else(facts: Facts) -> Outcome:
    place, profile = facts.context["location"], facts.context["profile"]
    if facts.resource["hosting_country"] not in US_AND_TERRITORIES:
        return deny("serving_location", "route_to_us_region")
    if place["country"] is None or place["anonymizer"] is not None or place["confidence"] < LOCATION_MIN_CONFIDENCE:
        return deny("unverified_location", "verify_location")
    owned = any(one["listed_owner_pct"] >= OWNERSHIP_LIMIT for one in facts.organisations)
    watched = any(has_watched_parent(one) is not False for one in facts.organisations)
    if facts.context["red_flags"] or owned or (watched and profile != "no_hq_overlay"):
        return deny("red_flag_hold", "escalate_compliance")
    if place["country"] not in US_AND_TERRITORIES and profile != "recipient_only":
        return check_licenses(facts)
    return permit("us_person")


def has_watched_parent(organisation: Json) -> bool | None:
    """`None` where the ultimate parent's headquarters are not known."""
    return WATCHED.get(organisation["ultimate_parent_hq"])


STEPS: tuple[Callable[[Facts], Outcome | None], ...] = (
    blocked_party,
    embargo,
    no_live_order,
    old_screening,
    end_use,
    unclear_scope,
    restricted_party,
    unproven_standing,
    foreign_side,
    everyone_else,
)


# ── the licence check ────────────────────────────────────────────────────────────────────────────────────────────────


def check_licenses(facts: Facts) -> Outcome:
    licenses = facts.context["licenses"]
    if not licenses:
        return deny("license_required", *advice_without_license(facts))
    good = [license for license in licenses if is_valid(license, facts.at)]
    for license in good:
        if is_in_scope(license, facts):
            return permit("licensed", license["license_number"])
    last = licenses[-1]
    if good:
        return deny("license_scope", *(["apply_for_license", "offer_fallback_model"] if names_user(last, facts) else ["amend_license"]))
    return deny("license_invalid", ADVICE_BY_STATUS[last["status"]])


def is_valid(license: Json, at: dt.datetime) -> bool:
    return (
        LICENSE_NUMBER.fullmatch(license["license_number"]) is not None
        and license["status"] == "approved"
        and license["issued_at"] is not None
        and instant(license["issued_at"]) <= at < instant(license["expires_at"])
    )


def is_in_scope(license: Json, facts: Facts) -> bool:
    return (
        facts.resource["model"] in license["items"]
        and facts.action in license["actions"]
        and facts.context["location"]["country"] in license["destinations"]
        and names_user(license, facts)
        and covers_nationality(license, facts)
        and license["quantity"]["used"] < license["quantity"]["authorised"]
    )


def names_user(license: Json, facts: Facts) -> bool:
    """A consignee is not an end user."""
    own = facts.person["org"]
    return facts.person["id"] in license["end_users"] or (own is not None and own["id"] in license["end_users"])


def covers_nationality(license: Json, facts: Facts) -> bool:
    if not license["nationalities"]:
        return True
    counted = counted_nationalities(facts.person, facts.context["regime"])
    return bool(counted) and counted <= set(license["nationalities"])


def counted_nationalities(person: Json, regime: str) -> set[str]:
    """ITAR counts every tie; the EAR the most recent one, or all of those in a draw."""
    ties = [*person["citizenships"], *person["permanent_residencies"]]
    if regime == "ITAR":
        return {tie["country"] for tie in ties}
    newest = max((tie["since"] for tie in ties), default=None)
    return {tie["country"] for tie in ties if tie["since"] == newest}


# ── duties ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ADVICE_BY_STATUS = {
    "approved": "renew_license",
    "expired": "renew_license",
    "draft": "await_license",
    "pending": "await_license",
    "suspended": "escalate_compliance",
    "revoked": "escalate_compliance",
    "denied": "apply_for_license",
    "withdrawn": "apply_for_license",
    "returned_without_action": "apply_for_license",
    "exhausted": "apply_for_license",
    "superseded": "apply_for_license",
}


def advice_without_license(facts: Facts) -> list[str]:
    advice = ["offer_fallback_model"] if facts.is_foreign_side else ["retry_from_us"]
    watched = {has_watched_parent(one) for one in facts.organisations if is_foreign(one)}
    if True in watched:
        advice.append("hq_d5_parent")
    elif None not in watched:  # where a foreign parent is unknown, neither piece of advice is sound
        advice.append("apply_for_license")
    return advice


def obligations_of(facts: Facts, outcome: Outcome) -> list[str]:
    obligations = ["audit.record"]
    if outcome.effect == "deny":
        obligations.append("retain.5y")
        if facts.context["session_started_at"] is not None:
            obligations.append("session.terminate")
        return obligations
    if outcome.code in {"not_controlled", "order_not_in_effect"}:
        return obligations
    obligations.append("retain.5y")
    if facts.resource["artifact"] == "weights":
        obligations += ["notice.destination_control", "tcp.acknowledge"]
    if facts.context["break_glass"]:
        obligations += ["break_glass.justify", "break_glass.review_24h"]
    if outcome.license_number is not None:
        obligations += ["license.decrement", "license.conditions.notify"]
    return obligations
