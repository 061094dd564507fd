"""Does every kind of damage at every place: ``python -m tests.reliability.spoiling --help``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import datetime, timezone
from pathlib import Path

from shared.terminal.console import show, show_lines
from tests.reliability import matrix, spoil
from tests.reliability import world as worlds
from tests.reliability.spoil_kinds import KINDS, NotThereError
from tests.reliability.spoil_places import PLACES

SEED = 14  # of the order, so that a run that was stopped has seen some of all


def chosen(only=(), kinds=()):
    """Return the cases in the order in which they are done."""
    found = [case for case in spoil.cases() if (not only or case.place in only) and (not kinds or case.kind in kinds)]
    random.Random(SEED).shuffle(found)
    return found


_place = None


def _begin(folder):
    global _place  # noqa: PLW0603 - each worker process has its own
    _place = Path(tempfile.mkdtemp(prefix="worker-", dir=folder)) / "place"


def _work(case, world):
    try:
        return spoil.judge(world, _place, case)
    except NotThereError:
        return None
    except Exception:  # noqa: BLE001 - whatever breaks is the result
        return spoil.Outcome(case, {}, [traceback.format_exc(limit=-3)])


def read_log(path):
    """Return the rows of a log, the last of each case."""
    if path is None or not path.is_file():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {spoil.Case(row["kind"], row["place"], row["tool"]): row for row in rows}


def table(rows):
    """Return what was done with each kind of damage, as a table."""
    counts: Counter[tuple[str, str]] = Counter()
    for case, row in rows.items():
        found = ["done", *(["wrong"] if row["wrong"] else [])]
        if case.tool == "recover":
            found += ["seen" if row["seen"] else "unseen", row["repaired"] or "wrong"]
        counts.update((case.kind, name) for name in {*found, "others" if case.tool != "recover" else "recover"})
    columns = ("recover", "seen", "unseen", "here", "bundle", "advice", "others", "wrong")
    names = ("damage", "recovered", "noticed", "of no weight", "mended from the host", "from the bundle", "advice")
    lines = [f"| {' | '.join((*names, 'other commands', 'wrong'))} |", "|---" * (len(names) + 2) + "|"]
    for kind in [*KINDS, "all"]:
        numbers = [
            sum(count for (of, name), count in counts.items() if name == column and kind in (of, "all"))
            for column in columns
        ]
        lines.append(f"| {kind} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


def write(rows, path):
    """Put the table between the two marks of a document, with the day."""
    before, mark, rest = path.read_text("utf-8").partition("<!-- damage -->\n")
    _old, end, after = rest.partition("<!-- end of damage -->")
    assert mark, path
    assert end, path
    day = datetime.now(timezone.utc).date().isoformat()
    places = len({case.place for case in rows})
    damages = len({(case.kind, case.place) for case in rows})
    said = f"{len(rows)} cases on {day}: {damages} different kinds of damage (kind and place) in {places} places."
    path.write_text(f"{before}{mark}{said}\n\n{table(rows)}\n{end}{after}", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", action="append", choices=PLACES)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--log", type=Path, help="a line of JSON for each case; what ended well is not done again")
    parser.add_argument("--workers", type=int, default=matrix.WORKERS)
    parser.add_argument("--most", type=int, help="cases")
    parser.add_argument("--table", action="store_true", help="show what the log holds, and do nothing")
    parser.add_argument("--write", type=Path, help="put that table into this document, and do nothing")
    options = parser.parse_args()
    done = read_log(options.log)
    if options.table:
        show_lines(table(done))
        return 0
    if options.write:
        write(done, options.write)
        return 0
    todo = [case for case in chosen(options.place, options.kind) if not (case in done and not done[case]["wrong"])]
    began, bad, count = time.monotonic(), 0, 0
    context = multiprocessing.get_context("spawn")
    with matrix.scratch() as folder:
        world = worlds.make(folder / "world")
        require_clean(world, folder / "clean")
        with ProcessPoolExecutor(options.workers, mp_context=context, initializer=_begin, initargs=(folder,)) as pool:
            for future in as_completed([pool.submit(_work, case, world) for case in todo[: options.most]]):
                outcome = future.result()
                if outcome is None:
                    continue
                count, bad = count + 1, bad + bool(outcome.wrong)
                note(outcome, options.log)
    show(f"{count} cases, {bad} bad, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


def require_clean(world, place):
    """Raise unless nothing is told of what nobody damaged."""
    prefix = spoil.begin(world, worlds.ROLLBACK, place)
    said = spoil.bounded(["validate", *spoil.LOOKED_AT, "--prefix", str(prefix.root)])
    assert not spoil.noticed(said), said.out


def note(outcome, path):
    """Tell what is wrong, and add a line to the log."""
    if outcome.wrong:
        show_lines("\n    ".join([f"BAD {outcome.case} {outcome.codes}", *outcome.wrong]))
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(outcome.row(), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
