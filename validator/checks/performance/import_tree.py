"""Import tree: the import costs of the slowest core module and of the application's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.release.bytecode import own_modules
from shared.errors import ToolError
from shared.i18n import _, plural
from validator.check import ERROR, FULL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.checks.performance.import_costs import blamed, costs, parse
from validator.checks.performance.measured import Measured, judged
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.release.installation import Installation
    from validator.subject import Subject

MODULE_LIMIT = 120.0  # seconds
SHOWN = 12  # number of modules shown, those with the longest own time
BRANCHES = 400  # lines of the tree in evidence
PACKAGES = 30  # packages per command in evidence
DEAR = 0.5  # seconds from which deferring a package is suggested


class ImportTree(Check):
    """Imports each core module, cold and warm; runs ``-X importtime`` on the slowest and on a command per launcher."""

    id = "performance.import_tree"
    category = PERFORMANCE
    time_limit = 900.0
    measures = True
    effort = FULL

    def title(self) -> str:
        return _("Slowest import")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        manifest = installation.manifest
        modules = manifest.application.core_imports
        if not modules:
            raise UncheckedError(SKIP, _("the profile defines no core imports"))
        warm = {module: self.seconds_of(subject, module) for module in modules}
        slowest = max(warm, key=lambda module: warm[module])
        metric = {f"{module} warm": (round(seconds, 4), "s") for module, seconds in warm.items()}
        for module in modules:
            if trial.forget(installation.site_packages):
                metric[f"{module} cold"] = (round(self.seconds_of(subject, module), 4), "s")
        bounds = dict.fromkeys(metric, "import_seconds")
        limit = self.left(MODULE_LIMIT)
        # importlib.import_module would omit the module itself from the tree
        argv = ["-X", "importtime", "-c", "import sys; __import__(sys.argv[1])", slowest]
        ended = trial.run_python(installation, argv, timeout=limit)
        tree = parse(ended.stderr)
        if not ended.ok or not tree:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        heavy = sorted(tree, key=lambda line: -line[1])[:SHOWN]
        metric.update({name: (round(own / 1e6, 4), "s") for name, own, _whole, _depth in heavy})
        details = plural(
            "{module}: {count} module, the slowest is {heaviest} with {seconds:.2f} s of its own",
            "{module}: {count} modules, the slowest is {heaviest} with {seconds:.2f} s of its own",
            len(tree),
        ).format(module=slowest, count=len(tree), heaviest=heavy[0][0], seconds=heavy[0][1] / 1e6)
        evidence = {"module": slowest, "tree": [list(line) for line in tree[-BRANCHES:]]}
        yield judged(self, subject, details, Measured(metric, bounds), evidence=evidence)
        for command in {command[0]: command for command in reversed(manifest.application.smoke)}.values():
            yield self.start_of(subject, command)

    def start_of(self, subject: Subject, command: tuple[str, ...]) -> CheckResult:
        """Return the result for the packages that a command imports when it starts: their costs and import chains."""
        line, limit = " ".join(command), self.left(MODULE_LIMIT)
        name = _("Imports of {line}").format(line=line)
        if self.is_over:
            return self.untried(name=name)
        installation = subject.need_installation()
        try:
            ended = trial.run_timing_imports(installation, command, timeout=limit)
        except ToolError as error:
            return self.result(ERROR, error.what, name=name)
        tree = parse(ended.stderr)
        if not ended.ok or not tree:
            return self.result(ERROR, trial.ending(ended, limit), name=name)
        found = costs(tree)
        whole = sum(own for _name, own, _whole, _depth in tree) / 1e6
        dear = [cost for cost in blamed(found, own_names(installation)) if cost.seconds >= DEAR]
        details = plural("{count} module in {seconds:.2f} s", "{count} modules in {seconds:.2f} s", len(tree)).format(
            count=len(tree), seconds=whole
        )
        advice = ""
        if dear:
            through = " → ".join([*dear[0].chain, dear[0].package])
            details = _("{details}; {package} accounts for {seconds:.2f} s, imported through {chain}").format(
                details=details, package=dear[0].package, seconds=dear[0].seconds, chain=through
            )
            advice = _(
                "Move these imports into the functions that use them, or add the names to [imports] lazy in the "
                "profile: {names}."
            )
            advice = advice.format(names=some_of([cost.package for cost in dear]))
        metric = {f"{line} {cost.package}": (round(cost.seconds, 4), "s") for cost in found[:SHOWN]}
        evidence = {
            "command": list(command),
            "packages": [[cost.package, cost.seconds, cost.modules, list(cost.chain)] for cost in found[:PACKAGES]],
        }
        return self.passed(details, name=name, suggestion=advice, metric=metric, evidence=evidence)

    def seconds_of(self, subject: Subject, module: str) -> float:
        """Measure how long a module takes to import, in seconds. Raises UncheckedError if the import fails."""
        imported = trial.try_import(subject.need_installation(), module, timeout=self.left(MODULE_LIMIT))
        if imported.seconds is None:
            reason = _("cannot import {module}: {reason}").format(module=module, reason=imported.reason)
            raise UncheckedError(ERROR, reason)
        return imported.seconds


def own_names(installation: Installation) -> set[str]:
    """Return the top-level names of the application's own modules, and ``__main__``."""
    folders = [installation.release.app / path for path in installation.manifest.application.import_paths]
    names = {entry.name.partition(".")[0] for folder in folders if folder.is_dir() for entry in folder.iterdir()}
    return {*names, *(path.name.partition(".")[0] for path in own_modules(installation)), "__main__"}
