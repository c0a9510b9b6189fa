"""Benches: the ten rules of a document service by hand, on plain dicts."""

from __future__ import annotations

import datetime as dt
from typing import Any

CHANGING = frozenset({"edit", "delete"})
WRITING = frozenset({"edit", "share"})
READERS_OF_INVOICES = frozenset({"accountant", "auditor"})
READERS_OF_CONTRACTS = frozenset({"lawyer", "auditor"})
TEAMWORK = frozenset({"read", "edit"})


def permits(subject: Any, action: str, resource: Any, context: Any, now: dt.datetime) -> bool:
    if subject["suspended"] or (resource["locked"] and action in CHANGING):
        return False
    return BY_KIND[resource["kind"]](subject, action, resource, context) or resource["owner"] == subject["id"]


def _report(subject: Any, action: str, resource: Any, context: Any) -> bool:
    if action == "read":
        is_cleared: bool = subject["clearance"] >= resource["level"]
        return is_cleared
    return action in WRITING and subject["role"] == "author" and subject["team"] == resource["team"]


def _invoice(subject: Any, action: str, resource: Any, context: Any) -> bool:
    if action == "read":
        return subject["role"] in READERS_OF_INVOICES
    return action == "edit" and subject["role"] == "accountant" and context["managed_device"]


def _contract(subject: Any, action: str, resource: Any, context: Any) -> bool:
    if action == "read":
        return subject["role"] in READERS_OF_CONTRACTS and subject["clearance"] >= resource["level"]
    return action in WRITING and subject["role"] == "lawyer" and context["managed_device"]


def _memo(subject: Any, action: str, resource: Any, context: Any) -> bool:
    return action in TEAMWORK and subject["team"] == resource["team"]


BY_KIND = {"report": _report, "invoice": _invoice, "contract": _contract, "memo": _memo}
