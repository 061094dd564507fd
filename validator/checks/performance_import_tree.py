"""Import tree: what the slowest core module spends its time on, from the disk and from the cache."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bootstrap import trees
from bootstrap.i18n import _
from validator import trial
from validator.check import ERROR, FULL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.measured import judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from validator.subject import Subject

MODULE_LIMIT = 120.0  # seconds
MARK = "import time:"
SHOWN = 12  # modules whose own time is the longest
BRANCHES = 400  # lines of the tree that evidence keeps


class ImportTree(Check):
    """Imports each core module from the cache and from the disk, and runs ``-X importtime`` on the slowest."""

    id = "performance.import_tree"
    category = PERFORMANCE
    time_limit = 900.0
    measures = True
    effort = FULL

    def title(self) -> str:
        return _("Slowest import")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release, manifest = subject.need_release(), subject.need_manifest()
        modules = manifest.application.core_imports
        if not modules:
            raise UncheckedError(SKIP, _("the profile names no core imports"))
        warm = {module: self.seconds_of(subject, module) for module in modules}
        slowest = max(warm, key=lambda module: warm[module])
        metric = {f"{module} warm": (round(seconds, 4), "s") for module, seconds in warm.items()}
        for module in modules:
            if forget(release.site_packages(manifest.target.python)):
                metric[f"{module} cold"] = (round(self.seconds_of(subject, module), 4), "s")
        bounds = dict.fromkeys(metric, "import_seconds")
        limit = self.left(MODULE_LIMIT)
        # importlib.import_module would leave the module itself out of the tree
        argv = ["-X", "importtime", "-c", "import sys; __import__(sys.argv[1])", slowest]
        ended = trial.run_python(release, manifest, argv, timeout=limit)
        tree = parse(ended.stderr)
        if not ended.ok or not tree:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        heavy = sorted(tree, key=lambda line: -line[1])[:SHOWN]
        metric.update({name: (round(own / 1e6, 4), "s") for name, own, _whole, _depth in heavy})
        details = _("{module}: {count} modules, the most by {heaviest} with {seconds:.2f} s of its own").format(
            module=slowest, count=len(tree), heaviest=heavy[0][0], seconds=heavy[0][1] / 1e6
        )
        evidence = {"module": slowest, "tree": [list(line) for line in tree[-BRANCHES:]]}
        yield judged(self, subject, details, metric, bounds, evidence=evidence)

    def seconds_of(self, subject: Subject, module: str) -> float:
        """Return how long a module takes to import now; raises UncheckedError when it does not."""
        release, manifest = subject.need_release(), subject.need_manifest()
        imported = trial.try_import(release, manifest, module, timeout=self.left(MODULE_LIMIT))
        if imported.seconds is None:
            reason = _("{module} does not import: {reason}").format(module=module, reason=imported.reason)
            raise UncheckedError(ERROR, reason)
        return imported.seconds


def forget(folder: Path) -> bool:
    """Ask the system to drop a folder's files from its cache; tell whether that can be asked here."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for entry in trees.entries(str(folder)):
        if not entry.is_file(follow_symlinks=False):
            continue
        try:
            handle = os.open(entry.path, os.O_RDONLY)
        except OSError:
            continue
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return True


def parse(text: str) -> list[tuple[str, int, int, int]]:
    """Return (module, own microseconds, microseconds with what it imports, depth), in the order of the output."""
    found = []
    for line in text.splitlines():
        parts = line[len(MARK) :].split("|") if line.startswith(MARK) else []
        if len(parts) == 3 and parts[0].strip().isdigit() and parts[1].strip().isdigit():
            name = parts[2].strip()
            depth = (len(parts[2]) - len(parts[2].lstrip()) - 1) // 2
            found.append((name, int(parts[0]), int(parts[1]), depth))
    return found
