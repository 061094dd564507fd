"""The members of a bundle that are evidence for auditors: licenses, bill of materials, provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.evidence import licenses
from builder.evidence.provenance import write_provenance
from builder.evidence.sbom import write_sbom
from builder.members import Member, member
from builder.zipapp import pack
from bundle.manifest import DOCUMENTATION, VERIFICATION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from builder.request.inputs import Inputs

LICENSES = f"{DOCUMENTATION}/LICENCES.txt"
SBOM = f"{VERIFICATION}/sbom.cdx.json"
PROVENANCE = f"{VERIFICATION}/provenance.json"


def evidence_members(inputs: Inputs, contents: Sequence[Member], zipapp: Path) -> list[Member]:
    """Return the evidence about all other members of a bundle; each document also covers those before it."""
    common = inputs.common
    packages = [licenses.of_wheel(wheel) for wheel in inputs.wheels]
    models = [licenses.of_model(model) for _source, model in common.models]
    licensed = {f"package:{one.name}": one for one in packages} | {f"model:{one.name}": one for one in models}
    python = list(licenses.of_python(inputs.python, inputs.target.python))
    found = [member(LICENSES, "document", licenses.inventory(common.product, [*python, *packages], models))]
    found.append(member(SBOM, "verification", write_sbom(inputs, [*contents, *found], zipapp, licensed)))
    provenance = write_provenance(inputs, [*contents, *found], pack.ROOT / "uv.lock")
    return [*found, member(PROVENANCE, "verification", provenance)]
