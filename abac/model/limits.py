"""Floor 1, model: every limit of the language, named, with its reason. Reaching one is reported, never silent.

Requests beyond a limit yield an unknown with cause `limit exceeded`; policies beyond one yield an error.
"""

from typing import Final

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
"""One policy file or data file. A policy stands in one file, and 100,000 rules with reasons, citations and duties are below; anything
larger is an accident or an attack."""

MAX_PACKAGE_BYTES: Final = 64 * 1024 * 1024
"""All files of one load, imports and data included: bounds the memory of a load."""

MAX_NESTING: Final = 64
"""Depth of brackets, of expression trees, of JSON and of request values: keeps every recursive walk far from Python's
recursion limit, and is more than any person can read."""

MAX_DEPTH: Final = 100
"""Depth of one expression with its definitions written out: a decision walks it, a few Python frames a level, on top of what
the caller has on the stack."""

MAX_ARMS: Final = 256
"""Arms of one `if … else if … else`: generated code nests them. A table is the better form long before."""

MAX_QUANTIFIERS: Final = 4
"""Quantifiers inside one another, definitions included: cost grows as collection size to this power."""

MAX_COLLECTION: Final = 10_000
"""Elements of one Set or List in a request or constant."""

MAX_COLLIDING: Final = 16
"""Different Decimals with one hash in one Set or List of a request: Python's hash of numbers is known to callers, and what is looked up
among thousands that share one compares with each."""

MAX_VALUES: Final = 1_000_000
"""Values read for one attribute of subject, resource or context: Python objects that hold themselves twice double at every level."""

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""One line of a JSON Lines file: bounds the memory of reading one request."""

MAX_STRING: Final = 1_048_576
"""Characters of one string value in a request."""

MAX_CHAIN: Final = 16
"""Links followed by `chain`: a longer delegation than any reviewed procedure knows."""

MAX_COMBINATIONS: Final = 1_000_000
"""Product of the sizes of the collections that nested quantifiers walk (and of two collections of records that are compared):
bounds the time of one decision, which the limits on collections and nesting alone do not."""

MAX_EXPANSION: Final = 100_000
"""Operations of one expression with its definitions written out: definitions that use others twice grow exponentially."""

MAX_CAUSES: Final = 64
"""Causes that one unknown carries; more are dropped from the list, never from the fact."""

MAX_ENTITIES: Final = 1_000
"""Places of one request at which entities stand that attribute sources supply: groups that share groups multiply."""

MAX_KEY_BYTES: Final = 1_024
"""Ids and context values under which one decision is kept: what is longer is hardly asked for twice, and fills memory."""

MAX_WAITING: Final = 1_000
"""Calls that wait for one attribute source to have a thread free: beyond, it is as good as failed."""

MAX_CLOCK_SKEW: Final = 60
"""Seconds by which an attribute source's clock may run ahead: data from further in the future would never be stale."""

MAX_PATTERN: Final = 1_000
"""Characters of one `like` or `matches` pattern."""

MAX_TEXT: Final = 200
"""Characters of one value shown in a reason; the rest is cut with an ellipsis."""

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
DECIMAL_DIGITS: Final = 34
"""IEEE 754 decimal128."""
DECIMAL_EXPONENT: Final = 6111
"""Greatest adjusted exponent of decimal128, and of its negative: bounds what printing a Decimal can cost."""
