"""Tests: seeded requests for the export-control pack, complete and well typed, among which every step of the procedure decides some.

A scenario of the pack is taken, some of its facts are changed, licences that nearly or wholly fit are added, clocks are put on their
limits, and instants are rewritten with other offsets.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from tests.packs.export_control_oracle import (
    AMENDED,
    LETTER,
    LIFTED,
    PACK,
    RULE_SUSPENDED_UNTIL,
    SCREENING_MAX_AGE,
    STATUS_MAX_AGE,
    decide,
    instant,
)

Request = dict[str, Any]


def requests(seed: int, count: int) -> list[Request]:
    """Numbers are int or Decimal, never float."""
    rng = random.Random(seed)
    scenarios = read_requests()
    return [draw_request(rng, scenarios) for _ in range(count)]


def shares(drawn: Iterable[Request]) -> Counter[str]:
    """How many of the requests each reason code decides."""
    return Counter(decide(request).code for request in drawn)


def as_json(request: Request) -> str:
    return json.dumps(request, default=float)  # of a Decimal of few digits: the same number comes back


def read_requests() -> list[Request]:
    lines = (PACK / "scenarios.jsonl").read_text(encoding="utf-8").splitlines()
    scenarios = [json.loads(line, parse_float=Decimal) for line in lines]
    return [{part: scenario[part] for part in ("subject", "resource", "action", "context")} for scenario in scenarios]


def draw_request(rng: random.Random, scenarios: list[Request]) -> Request:
    request = copy.deepcopy(rng.choice(scenarios))
    for change in rng.choices(CHANGES, weights=WEIGHTS, k=rng.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        change(rng, request)
    if rng.random() < 0.35:
        rng.choice(SITUATIONS)(rng, request)
    if rng.random() < 0.4:
        change_licenses(rng, request)
    if rng.random() < 0.5:
        rewrite_offsets(rng, request)
    return request


# ── what values are drawn from ───────────────────────────────────────────────────────────────────────────────────────

SECOND = dt.timedelta(seconds=1)
OFFSETS = [dt.timezone(dt.timedelta(minutes=minutes)) for minutes in (0, -240, -300, -660, 120, 330, 345, 840)]
COUNTRIES = ["US", "US", "CN", "IN", "DE", "JP", "SG", "BR", "GB", "MO", "ET", "IR", "CU", "PR"]
PLACES = ["US", "US", "US", "US", "PR", "GU", "UM", "DE", "JP", "SG", "CN", "MX", "UA", "IR", "RU", None]
HEADQUARTERS = ["US", "US", "JP", "CN", "HK", "MO", "ET", "VE", "XX"]
STATUSES = [
    "us_citizen", "us_citizen", "us_national", "lpr", "refugee", "asylee",
    "asylum_pending", "none", "tps", "daca", "parole", "h1b", "visa:f1",
]  # fmt: skip
ASSURANCES = [None, "self_attested", "document_checked", "document_checked", "government_verified"]
LISTS = ["SDN", "EL", "MEU", "DPL", "UVL", "CMIC"]
MOMENTS = [LETTER, AMENDED, LIFTED, RULE_SUSPENDED_UNTIL]
LICENSE_STATUSES = [
    "approved", "draft", "pending", "returned_without_action", "withdrawn", "denied",
    "suspended", "revoked", "expired", "exhausted", "superseded",
]  # fmt: skip
ACTION_OF_ARTIFACT = {"inference": "inference", "weights": "download_weights", "fine_tune": "fine_tune", "outputs": "read_output"}
ACTIONS = [*ACTION_OF_ARTIFACT.values(), "evaluate", "admin_access"]


def draw_organisation(rng: random.Random) -> dict[str, Any]:
    name, incorporated_in, government, is_vendor, annex_a = rng.choice(
        [
            ("org:acme-us", "US", None, False, False),
            ("org:us-agency", "US", "US", False, False),
            ("org:vendor", "US", None, True, False),
            ("org:annex-us", "US", None, False, True),
            ("org:annex-de", "DE", None, False, True),
            ("org:sg", "SG", None, False, False),
            ("org:pr", "PR", None, False, False),
            ("org:fr-consulate", "US", "FR", False, False),
            ("org:intl", "XX", "INTL", False, False),
        ]
    )
    home = incorporated_in if incorporated_in != "XX" else "US"
    return {
        "id": name,
        "incorporated_in": incorporated_in,
        "hq_country": home,
        "ultimate_parent_hq": home,
        "government": government,
        "lists": [],
        "listed_owner_pct": 0,
        "is_vendor": is_vendor,
        "annex_a": annex_a,
        "us_person_only_attested": rng.random() < 0.4,
    }


def draw_ties(rng: random.Random) -> list[dict[str, str]]:
    dates = ["1990-01-01", "2015-06-01", "2015-06-01", "2020-02-29"]
    return [{"country": rng.choice(COUNTRIES), "since": rng.choice(dates)} for _ in range(rng.choice((0, 1, 1, 2)))]


# ── changes: who asks ────────────────────────────────────────────────────────────────────────────────────────────────


def parties_of(request: Request) -> list[dict[str, Any]]:
    parties = [request["subject"]]
    while parties[-1]["on_behalf_of"] is not None:
        parties.append(parties[-1]["on_behalf_of"])
    return parties


def organisations_of(request: Request) -> list[dict[str, Any]]:
    return [party["org"] for party in parties_of(request) if party["org"] is not None]


def change_lists(rng: random.Random, request: Request) -> None:
    listed = rng.choice([*parties_of(request), *organisations_of(request)])
    listed["lists"] = rng.sample(LISTS, k=rng.choice((1, 1, 2)))


def change_chain(rng: random.Random, request: Request) -> None:
    """One more party in front, up to three."""
    if len(parties_of(request)) >= 3:
        return
    behind = request["subject"]
    front = copy.deepcopy(behind)
    front |= {"id": f"front:{len(parties_of(request))}", "type": rng.choice(("service", "agent", "person")), "on_behalf_of": behind}
    front["org"] = rng.choice((None, behind["org"], draw_organisation(rng)))
    request["subject"] = copy.deepcopy(front)


def change_last_party(rng: random.Random, request: Request) -> None:
    parties_of(request)[-1]["type"] = rng.choice(("person", "person", "service", "agent"))


def change_organisation(rng: random.Random, request: Request) -> None:
    party = rng.choice(parties_of(request))
    party["org"] = rng.choice((None, *(draw_organisation(rng) for _ in range(5))))


def change_ownership(rng: random.Random, request: Request) -> None:
    for organisation in organisations_of(request):
        organisation["listed_owner_pct"] = rng.choice((0, Decimal("49.9"), 50, 100))


def change_headquarters(rng: random.Random, request: Request) -> None:
    for organisation in organisations_of(request):
        organisation["ultimate_parent_hq"] = rng.choice(HEADQUARTERS)


def change_status(rng: random.Random, request: Request) -> None:
    parties_of(request)[-1]["us_status"] = rng.choice([None, *STATUSES])


def change_assurance(rng: random.Random, request: Request) -> None:
    parties_of(request)[-1]["status_assurance"] = rng.choice(ASSURANCES)


def change_ties(rng: random.Random, request: Request) -> None:
    person = parties_of(request)[-1]
    person["citizenships"], person["permanent_residencies"] = draw_ties(rng), draw_ties(rng)


def change_employment(rng: random.Random, request: Request) -> None:
    parties_of(request)[-1]["employment"] = rng.choice((None, "employee", "employee", "contractor"))


# ── changes: what is asked for, and where ────────────────────────────────────────────────────────────────────────────


def change_model(rng: random.Random, request: Request) -> None:
    model, parents = rng.choice(
        [
            ("mythos-5", []),
            ("fable-5", []),
            ("mythos-5", ["fable-5"]),
            ("acme-legal-7", ["fable-5"]),
            ("mixed-1", ["base-2", "mythos-5"]),
            ("base-2", []),
        ]
    )
    relations = [None, "distillation", "rebrand", "fine_tune", "merge", "quantisation", "adapter"]
    request["resource"] |= {"model": model, "derived_from": list(parents), "relation": rng.choice(relations) if parents else None}


def change_artifact(rng: random.Random, request: Request) -> None:
    artifact = rng.choice(("inference", "inference", "weights", "weights", "fine_tune", "telemetry", "outputs"))
    request["resource"]["artifact"] = artifact
    request["action"] = ACTION_OF_ARTIFACT.get(artifact, "evaluate")


def change_action(rng: random.Random, request: Request) -> None:
    request["action"] = rng.choice(ACTIONS)


def change_hosting(rng: random.Random, request: Request) -> None:
    request["resource"]["hosting_country"] = rng.choice(("US", "PR", "DE", "IE", "SG"))


def change_place(rng: random.Random, request: Request) -> None:
    country = rng.choice(PLACES)
    subdivision = rng.choice(("UA-43", "UA-40", "UA-14", "UA-09", "UA-30", "UA-23")) if country == "UA" else None
    request["context"]["location"] |= {
        "country": country,
        "subdivision": subdivision,
        "represented_country": rng.choice((None, "US", "RU")),
    }


def change_place_quality(rng: random.Random, request: Request) -> None:
    request["context"]["location"] |= {
        "anonymizer": rng.choice((None, None, "vpn", "tor")),
        "confidence": rng.choice((Decimal("0.49"), Decimal("0.5"), Decimal("0.95"), 0, 1)),
    }


# ── changes: the circumstances ───────────────────────────────────────────────────────────────────────────────────────


def change_end_use(rng: random.Random, request: Request) -> None:
    request["context"]["end_use"] = rng.choice(("general", "military", "military_intelligence:CN"))


def change_red_flags(rng: random.Random, request: Request) -> None:
    request["context"]["red_flags"] = rng.sample(["unusual_volume", "evasive_answers", "shared_key"], k=rng.choice((0, 1, 2)))


def change_configuration(rng: random.Random, request: Request) -> None:
    request["context"] |= {"profile": rng.choice(("strict", "recipient_only", "no_hq_overlay")), "regime": rng.choice(("EAR", "ITAR"))}


def change_operation(rng: random.Random, request: Request) -> None:
    started = (instant(request["context"]["at"]) - dt.timedelta(minutes=30)).isoformat()
    request["context"] |= {"break_glass": rng.random() < 0.5, "session_started_at": rng.choice((None, started))}


def change_order_set(rng: random.Random, request: Request) -> None:
    request["context"]["order_set"] = rng.choice(("REPORTED", "TEST"))


def change_time(rng: random.Random, request: Request, moments: Sequence[dt.datetime] = MOMENTS) -> None:
    """To a moment at or near which the law changes; evidence keeps its age."""
    before = instant(request["context"]["at"])
    moment = rng.choice(moments) + rng.choice((-SECOND, dt.timedelta(0), SECOND, dt.timedelta(hours=20)))
    shift = moment - before
    request["context"] |= {"at": moment.isoformat(), "order_set": rng.choice(("REPORTED", "REPORTED", "TEST"))}
    move(request["context"], "screening_snapshot_at", shift)
    move(request["context"], "session_started_at", shift)
    for party in parties_of(request):
        move(party, "status_verified_at", shift)


def move(holder: dict[str, Any], name: str, shift: dt.timedelta) -> None:
    if holder[name] is not None:
        holder[name] = (instant(holder[name]) + shift).isoformat()


def change_screening(rng: random.Random, request: Request) -> None:
    request["context"]["screening_snapshot_at"] = draw_evidence(rng, request, SCREENING_MAX_AGE)


def change_proof(rng: random.Random, request: Request) -> None:
    proof = draw_evidence(rng, request, STATUS_MAX_AGE)
    parties_of(request)[-1]["status_verified_at"] = rng.choice((proof, proof, proof, proof, None))


def draw_evidence(rng: random.Random, request: Request, limit: dt.timedelta) -> str:
    age = rng.choice((-SECOND, dt.timedelta(0), limit, limit + SECOND))
    return (instant(request["context"]["at"]) - age).isoformat()


Change = Callable[[random.Random, Request], None]
WEIGHED: dict[Change, int] = {
    change_lists: 2,
    change_chain: 2,
    change_last_party: 2,
    change_organisation: 3,
    change_ownership: 2,
    change_headquarters: 2,
    change_status: 2,
    change_assurance: 2,
    change_ties: 2,
    change_employment: 2,
    change_model: 2,
    change_artifact: 2,
    change_action: 1,
    change_hosting: 4,
    change_place: 3,
    change_place_quality: 4,
    change_end_use: 2,
    change_red_flags: 2,
    change_configuration: 4,
    change_operation: 2,
    change_order_set: 1,
    change_time: 5,
    change_screening: 2,
    change_proof: 4,
}
CHANGES, WEIGHTS = list(WEIGHED), list(WEIGHED.values())


# ── situations: facts that decide only together ──────────────────────────────────────────────────────────────────────


def become_affiliate(rng: random.Random, request: Request) -> None:
    """About when the Affiliates Rule returns."""
    change_time(rng, request, [RULE_SUSPENDED_UNTIL])
    request["context"]["order_set"] = "TEST"
    request["subject"]["org"] = draw_organisation(rng)
    change_ownership(rng, request)


def become_exempt(rng: random.Random, request: Request) -> None:
    """An employee of the vendor or of an Annex A entity, about when the order is amended and lifted."""
    change_time(rng, request, [AMENDED, LIFTED - dt.timedelta(days=1)])
    request["context"]["order_set"] = "REPORTED"
    person = parties_of(request)[-1]
    person |= {"us_status": rng.choice((None, "h1b", "lpr")), "employment": "employee"}
    person["org"] = draw_organisation(rng) | rng.choice(({"is_vendor": True}, {"annex_a": True}))
    if rng.random() < 0.5:
        change_model(rng, request)
    if rng.random() < 0.5:
        change_chain(rng, request)


def become_us_tenant(rng: random.Random, request: Request) -> None:
    """A protected person at a company of the US, perhaps abroad or under a watched parent."""
    become_proven(rng, request, rng.choice(("us_citizen", "lpr", "asylee")))
    request["subject"]["org"] = draw_organisation(rng) | {"incorporated_in": "US", "government": None}
    place = {"country": rng.choice(PLACES), "subdivision": None, "anonymizer": None, "confidence": Decimal("0.9")}
    request["context"]["location"] |= place
    change_configuration(rng, request)
    if rng.random() < 0.5:
        change_headquarters(rng, request)


def become_multinational(rng: random.Random, request: Request) -> None:
    """Someone with several nationalities, for whom the regime and the dates of the ties matter."""
    become_proven(rng, request, rng.choice((None, "h1b", "h1b")))
    request["subject"] |= {"citizenships": draw_ties(rng), "permanent_residencies": draw_ties(rng)}
    change_configuration(rng, request)
    change_licenses(rng, request)


def become_proven(rng: random.Random, request: Request, status: str | None) -> None:
    """The subject is a natural person, acts for nobody else, and nothing is held against anyone."""
    proof = draw_evidence(rng, request, STATUS_MAX_AGE) if rng.random() < 0.2 else request["context"]["at"]
    request["subject"] |= {"type": "person", "on_behalf_of": None, "lists": []}
    request["subject"] |= {"us_status": status, "status_assurance": "document_checked", "status_verified_at": proof}
    request["resource"] |= {"model": rng.choice(("mythos-5", "fable-5")), "derived_from": [], "relation": None, "artifact": "inference"}
    request["context"] |= {"end_use": "general", "red_flags": []}


SITUATIONS: list[Change] = [become_affiliate, become_exempt, become_us_tenant, become_multinational]


# ── licences, after everything else: they are drawn to fit ───────────────────────────────────────────────────────────


def change_licenses(rng: random.Random, request: Request) -> None:
    licenses = []
    for number in range(rng.choice((0, 1, 1, 2, 2, 3))):
        license = fitting_license(rng, request, number)
        for defect in rng.sample(DEFECTS, k=rng.choice((0, 0, 1, 1, 2))):
            defect(rng, request, license)
        licenses.append(license)
    request["context"]["licenses"] = licenses


def fitting_license(rng: random.Random, request: Request, number: int) -> dict[str, Any]:
    person, at = parties_of(request)[-1], instant(request["context"]["at"])
    ties = [tie["country"] for tie in (*person["citizenships"], *person["permanent_residencies"])]
    users = [person["id"]] if person["org"] is None else [rng.choice((person["id"], person["org"]["id"]))]
    return {
        "license_number": f"D{rng.choice((123456, 1234567)) + number}",
        "kind": rng.choice(("individual_validated", "deemed_export")),
        "status": "approved",
        "issued_at": (at - rng.choice((dt.timedelta(0), dt.timedelta(days=20)))).isoformat(),
        "expires_at": (at + rng.choice((SECOND, dt.timedelta(days=1400)))).isoformat(),
        "suspended_at": None,
        "licensee": "vendor",
        "end_users": users,
        "consignees": [],
        "nationalities": rng.choice(([], ties, ties, ties[:1], ties[-1:])),
        "destinations": [request["context"]["location"]["country"] or "US"],
        "items": [request["resource"]["model"]],
        "actions": [request["action"]],
        "quantity": {"unit": "transactions", "authorised": 1000, "used": rng.choice((0, 999))},
        "conditions": [],
    }


def spoil_status(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    license["status"] = rng.choice(LICENSE_STATUSES)
    if license["status"] in {"draft", "pending"}:
        license["issued_at"] = None


def spoil_number(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    license["license_number"] = rng.choice(
        ("Z123456", "D12345", "D12345678", "d1234567", "D1234567\n", "D\u0661\u0662\u0663\u0664\u0665\u0666")
    )


def spoil_dates(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    at = instant(request["context"]["at"])
    license["issued_at"] = rng.choice((None, at.isoformat(), (at + SECOND).isoformat()))
    license["expires_at"] = rng.choice((at, at - SECOND, at + SECOND)).isoformat()


def spoil_user(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    license["consignees"], license["end_users"] = license["end_users"], rng.choice(([], ["org:other"]))


def spoil_nationalities(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    license["nationalities"] = rng.sample(COUNTRIES, k=2)


def spoil_scope(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    name, value = rng.choice([("items", "fable-5"), ("actions", "evaluate"), ("destinations", "DE"), ("destinations", "US")])
    license[name] = [value]


def spoil_quantity(rng: random.Random, request: Request, license: dict[str, Any]) -> None:
    license["quantity"]["used"] = rng.choice((1000, 1001))


DEFECTS = [spoil_status, spoil_number, spoil_dates, spoil_user, spoil_nationalities, spoil_scope, spoil_quantity]


# ── the same instants in other words ─────────────────────────────────────────────────────────────────────────────────


def rewrite_offsets(rng: random.Random, request: Request) -> None:
    holders: list[tuple[dict[str, Any], tuple[str, ...]]] = [(request["context"], ("at", "screening_snapshot_at", "session_started_at"))]
    holders += [(party, ("status_verified_at",)) for party in parties_of(request)]
    holders += [(license, ("issued_at", "expires_at")) for license in request["context"]["licenses"]]
    for holder, names in holders:
        for name in names:
            if holder[name] is not None:
                holder[name] = instant(holder[name]).astimezone(rng.choice(OFFSETS)).isoformat()
