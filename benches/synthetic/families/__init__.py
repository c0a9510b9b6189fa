"""Benches: policies made to hurt, by name, each with what it is meant to hurt. None has code by hand: no code is fast for these.

`indexes.py` holds those against an index's choice of key, `values.py` those against its data structures, `searches.py` those against
stopping early.
"""

from __future__ import annotations

from benches.synthetic.families import indexes, searches, values
from benches.synthetic.shape import Shape

FAMILIES: dict[str, Shape] = {family.name: family for family in (*indexes.FAMILIES, *values.FAMILIES, *searches.FAMILIES)}
