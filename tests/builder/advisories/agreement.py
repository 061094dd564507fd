"""Compare matcher, specifiers and the product's literal evaluator with the specification, for every live advisory of an
export, on every processor.

Prints the counts, what is undecided and every difference as JSON; ``test_agreement`` runs it in a process of its own,
where nothing measures coverage.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from builder.advisories.osv import advisories_of
from builder.advisories.records import parse_record, read_members
from bundle.advisories.matcher import AFFECTED, CLEAR, POSSIBLE, UNDECIDED, judge
from bundle.advisories.raw import literal as product
from bundle.advisories.raw.lines import read_record, write_record
from bundle.advisories.specifiers import specifiers
from tests.builder.advisories.osv_literal import UndecidableError, interesting_versions, is_vulnerable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# what the matcher may say to each answer of the specification; None: it has none
VERDICTS = {True: product.AFFECTED, False: product.CLEAR, None: product.UNDECIDED}
ALLOWED = {True: {AFFECTED}, False: {CLEAR, POSSIBLE}, None: {UNDECIDED, POSSIBLE}}


def compare(path: Path, part: int, parts: int) -> tuple[dict[str, int], list[str], list[tuple]]:
    """Return counts, undecided advisories and differences of every ``parts``-th record."""
    counts: Counter[str] = Counter()
    differences: list[tuple] = []
    undecided: set[str] = set()
    for number, (_name, data) in enumerate(read_members(path)):
        record = parse_record(data)
        if number % parts != part or record.get("withdrawn"):
            continue
        counts["advisories"] += 1
        versions = interesting_versions(record)
        for package, advisory in advisories_of(record).items():
            own = by_record(record, package, versions)
            sets = [SpecifierSet(text) for text in specifiers(advisory)]
            for text in versions:
                answer, verdict = literal(record, package, text), judge(advisory, text)
                counts[verdict] += 1
                if verdict not in ALLOWED[answer]:
                    differences.append((record["id"], package, text, answer, verdict))
                if own(text) != VERDICTS[answer]:
                    differences.append((record["id"], package, text, "literal", own(text)))
                version = parsed(text)
                if version is None:
                    continue
                if verdict == UNDECIDED:
                    undecided.add(record["id"])
                if any(one.contains(version) for one in sets) != (verdict == AFFECTED):
                    differences.append((record["id"], package, text, "specifiers", verdict))
    return dict(counts), sorted(undecided), differences


def by_record(record: dict, package: str, versions: Iterable[str]) -> Callable[[str], str]:
    """Return the judgement of the product's literal evaluator on the record as a snapshot has it."""
    published = read_record(write_record(record), "record")
    question = product.Question([(package, text) for text in versions], "2099")
    judged = product.evaluate([published], question)
    return lambda text: judged.get((package, text, record["id"]), product.CLEAR)


def literal(record: dict, package: str, text: str) -> bool | None:
    try:
        return is_vulnerable(record, package, text)
    except UndecidableError:
        return None


def parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def main(path: Path) -> None:
    parts = os.cpu_count() or 1
    counts: Counter[str] = Counter()
    undecided, differences = [], []
    with ProcessPoolExecutor(parts) as pool:
        for some, open_ones, wrong in pool.map(partial(compare, path, parts=parts), range(parts)):
            counts.update(some)
            undecided += open_ones
            differences += wrong
    found = {"counts": counts, "undecided": sorted(undecided), "differences": differences}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
