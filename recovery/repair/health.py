"""The trial of a repaired release after its activation (docs/adr/0010, 0015).

Its files have the digests of a release that worked, except those that remain damaged. So it is enough that it starts
and that its rebuilt parts run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.release import acceptance
from shared.errors import InstallError
from shared.i18n import _
from validator.finding_kinds import INTERPRETER, MODEL

if TYPE_CHECKING:
    from bundle.manifest import Manifest
    from recovery.inspection.inspection import Inspection
    from recovery.repair.remaining import RemainingDamage
    from shared.terminal.progress import Progress


def try_repaired(
    inspection: Inspection, packages: frozenset[str], remaining: RemainingDamage | None, progress: Progress
) -> None:
    """Raise InstallError unless a repaired release works, or at least works no worse than the damaged one.

    A failure is accepted only if something remains damaged and the damaged release fails the same trial.
    """
    tried = to_try(inspection, packages, remaining)
    try:
        acceptance.check_health(inspection.prefix, tried, progress)
    except InstallError as error:
        if remaining is None or not remaining.left or not fails_too(inspection, tried, progress):
            raise
        progress.warn(_("{reason} The damaged release fails too, and files remain damaged.").format(reason=error.what))


def fails_too(inspection: Inspection, tried: Manifest, progress: Progress) -> bool:
    """Return whether the damaged release fails the same imports, commands and probes; nothing is written into it.

    Its commands are started without PREFIX/bin, which leads to the repaired release.
    """
    try:
        acceptance.check_aside(replace(inspection.installation, manifest=tried), progress)
    except InstallError:
        return True
    return False


def to_try(inspection: Inspection, packages: frozenset[str], remaining: RemainingDamage | None) -> Manifest:
    """Return the signed manifest, reduced to the modules, smoke commands and models to try.

    1. With a different Python interpreter than before: all of them.
    2. Otherwise: the core modules of reinstalled packages, one smoke command of each launcher, and the models with a
       replaced file. If there are neither such modules nor smoke commands, all core modules.
    3. Never a model with a file that remains damaged: its results are meaningless.
    """
    manifest = inspection.installation.manifest
    spoiled = remaining.models if remaining else frozenset[str]()
    models = tuple(model for model in manifest.models if model.name not in spoiled)
    if inspection.of_kind(INTERPRETER):
        return replace(manifest, models=models)
    application = manifest.application
    smoke = {command[0]: command for command in reversed(application.smoke)}
    imports = tuple(name for name in application.core_imports if owners_of(inspection, name) & packages)
    replaced = {path.split("/")[1] for finding in inspection.of_kind(MODEL) for path in finding.files if "/" in path}
    chosen = replace(
        application,
        core_imports=imports if imports or smoke else application.core_imports,
        smoke=tuple(command for command in application.smoke if smoke[command[0]] is command),
    )
    return replace(manifest, application=chosen, models=tuple(model for model in models if model.name in replaced))


def owners_of(inspection: Inspection, module: str) -> frozenset[str]:
    """Return the packages that own a module's file or files in its folder."""
    installation = inspection.installation
    assert installation.receipt is not None
    site = installation.site_packages.relative_to(installation.release.path)
    start = f"{site.as_posix()}/{module.replace('.', '/')}"
    found = {
        item.owner
        for item in installation.receipt.items
        if item.path.startswith(start) and item.path[len(start) : len(start) + 1] in ("/", ".")
    }
    return frozenset(map(record.normalised, found))
