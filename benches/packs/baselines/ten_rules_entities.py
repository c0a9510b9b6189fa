"""Benches: the ten rules of a document service by hand, on validated values."""

from __future__ import annotations

import datetime as dt
from typing import Any

from benches.packs.baselines.ten_rules import CHANGING, READERS_OF_CONTRACTS, READERS_OF_INVOICES, TEAMWORK, WRITING

Values = Any  # entities and records: what types their attributes have only the schema knows


def permits(subject: Values, action: str, resource: Values, context: Values, now: dt.datetime) -> bool:
    if subject.suspended or (resource.locked and action in CHANGING):
        return False
    return BY_KIND[resource.kind](subject, action, resource, context) or resource.owner == subject.id


def _report(subject: Values, action: str, resource: Values, context: Values) -> bool:
    if action == "read":
        is_cleared: bool = subject.clearance >= resource.level
        return is_cleared
    return action in WRITING and subject.role == "author" and subject.team == resource.team


def _invoice(subject: Values, action: str, resource: Values, context: Values) -> bool:
    if action == "read":
        return subject.role in READERS_OF_INVOICES
    return action == "edit" and subject.role == "accountant" and context.managed_device


def _contract(subject: Values, action: str, resource: Values, context: Values) -> bool:
    if action == "read":
        return subject.role in READERS_OF_CONTRACTS and subject.clearance >= resource.level
    return action in WRITING and subject.role == "lawyer" and context.managed_device


def _memo(subject: Values, action: str, resource: Values, context: Values) -> bool:
    return action in TEAMWORK and subject.team == resource.team


BY_KIND = {"report": _report, "invoice": _invoice, "contract": _contract, "memo": _memo}
