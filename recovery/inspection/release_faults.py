"""Faults inside a release: files that differ from the receipt, and a missing or changed Python interpreter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.digest import sha256_file
from installer.release import receipt as receipts
from installer.release.receipt import ADDED, APP, MODELS, RELEASE, VENV
from installer.release.sealing import finish
from recovery.inspection.finding import Finding
from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _
from validator.finding_kinds import APPLICATION, ENVIRONMENT, INTERPRETER, MODEL, PACKAGE, RUN_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.release.receipt import Deviation, Receipt
    from recovery.inspection.proof import Proof

KIND_OF_AREA = {APP: APPLICATION, MODELS: MODEL, VENV: ENVIRONMENT, RELEASE: RUN_FILES}


def grouped(deviations: tuple[Deviation, ...]) -> Iterator[Finding]:
    """Yield a finding for each package or other part of the release that differs from the receipt."""
    owners: dict[str, list[Deviation]] = {}
    for deviation in deviations:
        owners.setdefault(deviation.owner, []).append(deviation)
    for owner, found in owners.items():
        parts = []
        for kind, text in (
            (receipts.MISSING, _("missing: {count}")),
            (receipts.ALTERED, _("altered: {count}")),
            (ADDED, _("added: {count}")),
        ):
            count = sum(deviation.kind == kind for deviation in found)
            if count:
                parts.append(text.format(count=count))
        kind = KIND_OF_AREA.get(owner, PACKAGE)
        yield Finding(kind, owner, ", ".join(parts), tuple(deviation.path for deviation in found))


def needed_python(proof: Proof | None) -> str:
    """Return the Python version that must run this tool to build a release, for example 3.11, or '' if this one can."""
    manifest = proof.manifest if proof else None
    if manifest is None or manifest.own_python or manifest.target.python_tuple == sys.version_info[:2]:
        return ""
    return manifest.target.python


def _minor_of(python: Path) -> str:
    try:
        return finish.reported_version(python).rpartition(".")[0]
    except RagtraceError:  # it is missing, or does not start
        return ""


def interpreter(receipt: Receipt | None, proof: Proof | None) -> Iterator[Finding]:
    """Yield a finding if the Python interpreter that the receipt records cannot be read or has changed."""
    if receipt is None:
        return
    path = Path(receipt.interpreter)
    try:
        same = sha256_file(path)[0] == receipt.interpreter_sha256
        details = _("{path} is not the Python interpreter that the installation was built with").format(path=path)
        wanted = proof.manifest.target.python if proof and not same else ""
        if wanted and (minor := _minor_of(path)) not in ("", wanted):
            details = _("{path} is now Python {found}, but this installation needs Python {wanted}").format(
                path=path, found=minor, wanted=wanted
            )
    except OSError as error:
        same = False
        details = _("the installation's Python interpreter cannot be read: {path}: {reason}").format(
            path=path, reason=troubles.reason(error, troubles.READING, path=path)
        )
    if not same:
        yield Finding(INTERPRETER, str(path), details)
