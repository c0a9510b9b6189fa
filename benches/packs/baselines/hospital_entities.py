"""Benches: the hospital pack by hand, on validated values."""

from __future__ import annotations

import datetime as dt
from typing import Any

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
    is_staff = subject._type == "Staff"
    if is_staff and not subject.active:
        return False
    if not ZERO <= now - context.signed_in_at <= SESSION_MAX_AGE:
        return False
    ip = context.ip
    for network in QUARANTINED:
        if ip in network:
            return False
    if not is_staff:
        return _portal(subject, resource, context, now)
    if ip == KIOSK:
        return False
    if subject.role in CLINICAL:
        licence_until = subject.licence_until
        if licence_until is None or licence_until < now.astimezone(subject.home.zone).date():
            return False
    return (_care if resource._type == "Record" else _research)(subject, action, resource, context, now)


# ── staff and records ────────────────────────────────────────────────────────────────────────────────────────────────


def _care(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    purpose = context.purpose
    if purpose == "payment" and resource.paid_by_patient:
        return False
    if subject.patient_number == resource.patient.number:
        return False
    if action in INSIDE_ONLY:
        ip = context.ip
        if not any(ip in network for network in resource.site.networks):
            return False
    role = subject.role
    is_author = subject._key == resource.author._key
    emergency = context.break_glass and purpose == "treatment" and action != "print" and role in EMERGENCY_ROLES
    sensitivity, roles = PARTS[resource.part]
    if resource.part == "psychotherapy_notes" and not (is_author and purpose == "treatment") and not _consented(resource, purpose, now):
        return False
    if not emergency:
        if sensitivity != "ordinary" and not is_author and _withdrawn(resource, now):
            return False
        if sensitivity == "sensitive" and not _consented(resource, purpose, now):
            return False
        for restriction in resource.restrictions:
            if restriction.agreed and restriction.purpose == purpose:
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
    if purpose == "treatment":
        if role in CLINICAL and _treats(subject._key, resource.care_team, now):
            return True
        if role == "nurse" and resource.ward._key in subject.in_Ward and _on_shift(subject.shifts, resource.ward._key, now):
            return True
        if role == "physician" and action == "read" and resource.site._key in subject.in_Site:
            local = now.astimezone(resource.site.zone)
            if local.weekday() >= SATURDAY or local.time() >= NIGHT_BEGINS or local.time() < NIGHT_ENDS:
                return True
        return emergency and context.justification is not None and len(context.justification) >= 20
    if action != "read":
        return False
    if purpose == "payment":
        return role == "billing"
    if purpose == "operations" and role == "privacy_officer":
        return context.review_case is not None and REVIEW_CASE(context.review_case) is not None
    return False


def _in_force(consent: Values, now: dt.datetime) -> bool:
    return consent.given <= now and (consent.withdrawn is None or now < consent.withdrawn)


def _consented(resource: Values, purpose: str, now: dt.datetime) -> bool:
    return any(purpose in consent.purposes and _in_force(consent, now) for consent in resource.consents)


def _withdrawn(resource: Values, now: dt.datetime) -> bool:
    consents = resource.consents
    if not consents:
        return False
    latest = max(consent.given for consent in consents)
    return any(consent.given == latest and consent.withdrawn is not None and consent.withdrawn <= now for consent in consents)


def _treats(staff: str, care_team: tuple[Any, ...], now: dt.datetime) -> bool:
    for relation in care_team:
        if relation.staff._key == staff and relation.since <= now and (relation.ended is None or now < relation.ended):
            return True
    return False


def _on_shift(shifts: tuple[Any, ...], ward: str, now: dt.datetime) -> bool:
    for shift in shifts:  # noqa: SIM110  # a loop is faster
        if shift.ward._key == ward and shift.starts - HANDOVER <= now < shift.starts + shift.length + HANDOVER:
            return True
    return False


# ── patients and those who act for them ──────────────────────────────────────────────────────────────────────────────


def _portal(subject: Values, resource: Values, context: Values, now: dt.datetime) -> bool:
    if context.purpose == "payment" and resource.paid_by_patient:
        return False
    if resource.part == "psychotherapy_notes" or resource.release_hold or subject.identity != "document":
        return False
    patient = resource.patient
    today = now.astimezone(resource.site.zone).date()
    minor = today < patient.majority
    if subject.patient_number == patient._key and (not minor or resource.minor_consented):
        return True
    if patient.endangered or (minor and resource.minor_consented):
        return False
    kinds = FOR_CHILDREN if minor else FOR_ADULTS
    for guardian in patient.guardians:
        if (
            guardian.person._key == subject._key
            and guardian.kind in kinds
            and guardian.since <= today
            and (guardian.ended is None or today < guardian.ended)
        ):
            return True
    return False


# ── research ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _research(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    form, study = resource.form, context.study
    if context.purpose != "research" or (form != "identified" and resource.smallest_group < 11):
        return False
    if study is not None and study not in resource.studies:
        return False
    if form in NO_PERSONS:
        return subject.role in RESEARCH_ROLES
    if study is None:
        return False
    today = now.astimezone(resource.home.zone).date()
    start, end, waiver = STUDIES[study]
    if not start <= today < end or not _approved(subject.approvals, study, today):
        return False
    if form == "limited":
        return resource.agreement_until is not None and resource.agreement_until > today
    return action == "query" and waiver


def _approved(approvals: tuple[Any, ...], study: str, today: dt.date) -> bool:
    for approval in approvals:
        if approval.study == study and approval.approved_on <= today and (approval.expires_on is None or today < approval.expires_on):
            return True
    return False
