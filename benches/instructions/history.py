"""Benches: whether counts on record rose only in commits of their own, as git has them.

`python -m benches.instructions.history` looks through the history of the record: exit code 1 if a commit raised a count and touched
anything else, or gave no reason.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benches.instructions.baseline import Baseline, Malformed, read, rises

ROOT = Path(__file__).parents[2]
FILE = "benches/instructions/baseline.json"
Git = Callable[..., str]
"""Runs git with arguments and gives what it says; raises OSError or CalledProcessError."""


def git_in(folder: Path) -> Git:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout

    return git


def unreadable(git: Git) -> str | None:
    """Why there is no history to look through."""
    try:
        git("rev-parse", "HEAD")
    except OSError:
        return "git is not installed"
    except subprocess.CalledProcessError:
        return "this is no clone of the repository"
    return "the clone is shallow" if git("rev-parse", "--is-shallow-repository").strip() == "true" else None


def complaints(git: Git, file: str = FILE) -> Iterator[str]:
    """One for each commit that raised a count as it should not; newest first."""
    for commit in git("log", "--full-history", "--format=%H", "--", file).split():
        after = _at(git, commit, file)
        parents = git("rev-list", "--parents", "-n", "1", commit).split()[1:]
        before = [found for parent in parents if (found := _at(git, parent, file)) is not None]
        if after is None or len(before) < len(parents) or not before:
            continue  # it came, or it went
        risen = _risen(before, after)
        if not risen:
            continue
        told = f"{commit[:12]} raises {', '.join(risen)}"
        others = [name for name in git("diff", "--name-only", parents[0], commit).splitlines() if name != file]
        if len(parents) > 1:
            yield f"{told} above those of all that it merges: counts rise in a commit of their own"
        elif others:
            yield f"{told} and touches {len(others)} more ({others[0]}…): counts rise in a commit of their own"
        if not after.reason or after.reason in {each.reason for each in before}:
            yield f"{told} and gives no reason of its own"


def _risen(before: list[Baseline], after: Baseline) -> list[str]:
    """Of a merge: the counts that are higher than in each of its parents."""
    found: list[Mapping[str, tuple[int, int]]] = [rises(each.instructions, after.instructions) for each in before]
    return [name for name in found[0] if all(name in each for each in found)]


def _at(git: Git, commit: str, file: str) -> Baseline | None:
    try:
        return read(git("show", f"{commit}:{file}"))
    except (subprocess.CalledProcessError, Malformed):  # not there yet, or not yet such a file: nothing that could have risen
        return None


def main() -> int:
    git = git_in(ROOT)
    why = unreadable(git)
    if why is not None:
        print(f"whether counts rose in commits of their own cannot be seen: {why}")
        return 0
    found = list(complaints(git))
    for each in found:
        print(f"error: {each}", file=sys.stderr)
    if not found:
        print("counts on record rose in commits of their own, if at all")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
