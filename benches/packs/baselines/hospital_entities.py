"""Benches: the hospital pack by hand, on validated values."""

from __future__ import annotations

import datetime as dt
from typing import Any

from abac.model.values import ABSENT
from benches.packs.baselines.hospital import (
    CLINICAL,
    EMERGENCY_ROLES,
    FOR_ADULTS,
    FOR_CHILDREN,
    HANDOVER,
    INSIDE_ONLY,
    KIOSK,
    NIGHT_BEGINS,
    NIGHT_ENDS,
    NO_PERSONS,
    PARTS,
    QUARANTINED,
    RESEARCH_ROLES,
    REVIEW_CASE,
    SATURDAY,
    SESSION_MAX_AGE,
    STUDIES,
    ZERO,
)

Values = Any  # entities and records: what types their fields have only the schema knows


def permits(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    who, where = subject.fields, context.fields
    is_staff = subject.type == "Staff"
    if is_staff and not who["active"]:
        return False
    if not ZERO <= now - where["signed_in_at"] <= SESSION_MAX_AGE:
        return False
    ip = where["ip"]
    for network in QUARANTINED:
        if ip in network:
            return False
    if not is_staff:
        return _portal(subject, resource, context, now)
    if ip == KIOSK:
        return False
    if who["role"] in CLINICAL:
        licence_until = who["licence_until"]
        if licence_until is ABSENT or licence_until < now.astimezone(who["home"].fields["zone"]).date():
            return False
    return (_care if resource.type == "Record" else _research)(subject, action, resource, context, now)


# ── staff and records ────────────────────────────────────────────────────────────────────────────────────────────────


def _care(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    who, what, where = subject.fields, resource.fields, context.fields
    purpose = where["purpose"]
    if purpose == "payment" and what["paid_by_patient"]:
        return False
    if who["patient_number"] == what["patient"].fields["number"]:
        return False
    if action in INSIDE_ONLY:
        ip = where["ip"]
        if not any(ip in network for network in what["site"].fields["networks"].elements):
            return False
    role = who["role"]
    is_author = subject.key == what["author"].key
    emergency = where["break_glass"] and purpose == "treatment" and action != "print" and role in EMERGENCY_ROLES
    sensitivity, roles = PARTS[what["part"]]
    if what["part"] == "psychotherapy_notes" and not (is_author and purpose == "treatment") and not _consented(resource, purpose, now):
        return False
    if not emergency:
        if sensitivity != "ordinary" and not is_author and _withdrawn(resource, now):
            return False
        if sensitivity == "sensitive" and not _consented(resource, purpose, now):
            return False
        for restriction in what["restrictions"].elements:
            if restriction.fields["agreed"] and restriction.fields["purpose"] == purpose:
                return False
        if role not in roles and role != "privacy_officer":
            return False
    return _has_ground(subject, action, resource, context, now, purpose, role, emergency)


def _has_ground(
    subject: Values,
    action: str,
    resource: Values,
    context: Values,
    now: dt.datetime,
    purpose: str,
    role: str,
    emergency: bool,
) -> bool:
    what, where = resource.fields, context.fields
    if purpose == "treatment":
        if role in CLINICAL and _treats(subject.key, what["care_team"].elements, now):
            return True
        if (
            role == "nurse"
            and _stands_in(subject, "Ward", what["ward"].key)
            and _on_shift(subject.fields["shifts"].elements, what["ward"].key, now)
        ):
            return True
        if role == "physician" and action == "read" and _stands_in(subject, "Site", what["site"].key):
            local = now.astimezone(what["site"].fields["zone"])
            if local.weekday() >= SATURDAY or local.time() >= NIGHT_BEGINS or local.time() < NIGHT_ENDS:
                return True
        return emergency and where["justification"] is not ABSENT and len(where["justification"]) >= 20
    if action != "read":
        return False
    if purpose == "payment":
        return role == "billing"
    if purpose == "operations" and role == "privacy_officer":
        return where["review_case"] is not ABSENT and REVIEW_CASE(where["review_case"]) is not None
    return False


def _in_force(consent: Values, now: dt.datetime) -> bool:
    return consent.fields["given"] <= now and (consent.fields["withdrawn"] is ABSENT or now < consent.fields["withdrawn"])


def _consented(resource: Values, purpose: str, now: dt.datetime) -> bool:
    return any(
        purpose in consent.fields["purposes"].elements and _in_force(consent, now) for consent in resource.fields["consents"].elements
    )


def _withdrawn(resource: Values, now: dt.datetime) -> bool:
    consents = resource.fields["consents"].elements
    if not consents:
        return False
    latest = max(consent.fields["given"] for consent in consents)
    return any(
        consent.fields["given"] == latest and consent.fields["withdrawn"] is not ABSENT and consent.fields["withdrawn"] <= now
        for consent in consents
    )


def _treats(staff: str, care_team: tuple[Any, ...], now: dt.datetime) -> bool:
    for relation in care_team:
        if (
            relation.fields["staff"].key == staff
            and relation.fields["since"] <= now
            and (relation.fields["ended"] is ABSENT or now < relation.fields["ended"])
        ):
            return True
    return False


def _on_shift(shifts: tuple[Any, ...], ward: str, now: dt.datetime) -> bool:
    for shift in shifts:
        if (
            shift.fields["ward"].key == ward
            and shift.fields["starts"] - HANDOVER <= now < shift.fields["starts"] + shift.fields["length"] + HANDOVER
        ):
            return True
    return False


def _stands_in(entity: Values, kind: str, key: str) -> bool:
    for parent in entity.parents.elements:  # noqa: SIM110  # a loop is faster
        if (parent.key == key and parent.type == kind) or _stands_in(parent, kind, key):
            return True
    return False


# ── patients and those who act for them ──────────────────────────────────────────────────────────────────────────────


def _portal(subject: Values, resource: Values, context: Values, now: dt.datetime) -> bool:
    who, what = subject.fields, resource.fields
    if context.fields["purpose"] == "payment" and what["paid_by_patient"]:
        return False
    if what["part"] == "psychotherapy_notes" or what["release_hold"] or who["identity"] != "document":
        return False
    patient = what["patient"]
    today = now.astimezone(what["site"].fields["zone"]).date()
    minor = today < patient.fields["majority"]
    if who["patient_number"] == patient.key and (not minor or what["minor_consented"]):
        return True
    if patient.fields["endangered"] or (minor and what["minor_consented"]):
        return False
    kinds = FOR_CHILDREN if minor else FOR_ADULTS
    for guardian in patient.fields["guardians"].elements:
        if (
            guardian.fields["person"].key == subject.key
            and guardian.fields["kind"] in kinds
            and guardian.fields["since"] <= today
            and (guardian.fields["ended"] is ABSENT or today < guardian.fields["ended"])
        ):
            return True
    return False


# ── research ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _research(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    who, what, where = subject.fields, resource.fields, context.fields
    form, study = what["form"], where["study"]
    if where["purpose"] != "research" or (form != "identified" and what["smallest_group"] < 11):
        return False
    if study is not ABSENT and study not in what["studies"].elements:
        return False
    if form in NO_PERSONS:
        return who["role"] in RESEARCH_ROLES
    if study is ABSENT:
        return False
    today = now.astimezone(what["home"].fields["zone"]).date()
    start, end, waiver = STUDIES[study]
    if not start <= today < end or not _approved(who["approvals"].elements, study, today):
        return False
    if form == "limited":
        return what["agreement_until"] is not ABSENT and what["agreement_until"] > today
    return action == "query" and waiver


def _approved(approvals: tuple[Any, ...], study: str, today: dt.date) -> bool:
    for approval in approvals:
        if (
            approval.fields["study"] == study
            and approval.fields["approved_on"] <= today
            and (approval.fields["expires_on"] is ABSENT or today < approval.fields["expires_on"])
        ):
            return True
    return False
