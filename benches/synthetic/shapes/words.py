"""Benches: the words that rules and requests are drawn from."""

from __future__ import annotations

ROLES = ("clerk", "teller", "auditor", "manager", "lawyer", "analyst", "trainee", "contractor")
ACTIONS = ("read", "write", "share", "delete")
KINDS = ("report", "invoice", "contract", "memo", "plan", "ledger", "letter", "minutes", "offer", "order", "permit", "receipt")
