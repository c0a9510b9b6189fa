"""Benches: one source, run under callgrind: every batch is run often enough to be as fast as it gets, then counted twice.

`python -m benches.instructions.child SOURCE` prints one JSON object: how many calls each batch makes.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Sequence

from benches.instructions.client import Callgrind
from benches.instructions.inputs import SOURCES

WARM = 4
"""Rounds before counting: CPython specialises what runs a few times, and what is made on first use is made."""


def main(arguments: Sequence[str]) -> int:
    callgrind = Callgrind()
    if not callgrind.is_there:
        print("error: this is run under valgrind; `make count` does so", file=sys.stderr)
        return 2
    batches = SOURCES[arguments[0]]()
    gc.collect()
    gc.disable()
    gc.freeze()
    for counted in batches.values():
        for _ in range(WARM):
            counted.batch()
    callgrind.start()
    for name, counted in batches.items():
        for _ in range(2):
            callgrind.zero()
            counted.batch()
            callgrind.write(name)
    print(json.dumps({name: counted.calls for name, counted in batches.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
