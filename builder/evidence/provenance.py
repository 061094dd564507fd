"""The provenance of a bundle: an in-toto Statement v1 with SLSA provenance v1.

A statement cannot include the digest of the archive that contains it, since that depends on the statement.
Its subjects are therefore all other files of the bundle, including the installer, which is also next to the
archive. SHA256SUMS connects the archive and the statement: its signature covers the manifest, and the manifest
lists this file. The statement records no wall-clock time and no machine, so that builds are reproducible.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.evidence.sbom import model_url, package_url
from builder.fetch.credentials import redact
from bundle import digest, strict
from shared import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.members import Member
    from builder.request.inputs import Inputs
    from builder.request.request import Request

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:ragtrace:offline-bundle:v1"
BUILDER_ID = "urn:ragtrace:builder"


def parameters_of(request: Request) -> dict[str, Any]:
    """Return the options of a build, with paths reduced to names that mean the same on another machine."""
    gate = request.advisories
    return {
        "profile": request.profile and _last(request.profile),
        "lockfile": _placed(request),
        "packages": list(request.lockfile.options().get("packages", ())),
        "name": request.said.name,
        "product_version": request.said.version,
        "extras": sorted(request.parts.extras),
        "groups": sorted(request.parts.groups),
        "all_extras": request.parts.all_extras,
        "all_groups": request.parts.all_groups,
        "exclude": sorted(request.exclude),
        "allow_secrets": sorted(request.allow_secrets),
        **({"run": list(request.run)} if request.run else {}),
        "build_from_source": request.sources,
        **({"wheels": sorted(path.name for path in request.wheels)} if request.wheels else {}),
        "attestations": request.attestations,
        **({"publishers": sorted(request.attesting.publishers)} if request.attesting.publishers else {}),
        "with_python": request.python and _last(request.python),
        "advisories": gate
        and {
            "fail_on": gate.fail_on,
            "severity_table": gate.table,
            **({"ignore_until_fixed": True} if gate.until_fixed else {}),
        },
    }


def _parameters(inputs: Inputs) -> dict[str, Any]:
    """Return the recorded options of one bundle, with only its own wheels among those built elsewhere."""
    found = dict(inputs.common.parameters)
    own = {wheel.locked.filename for wheel in inputs.wheels}
    wheels = [name for name in found.pop("wheels", ()) if name in own]
    return {**found, **({"wheels": wheels} if wheels else {})}


def _placed(request: Request) -> dict[str, Any]:
    """Return the options that choose the lockfile, with paths relative to the project, or else reduced to names."""
    found = {option: value for option, value in request.lockfile.options().items() if option != "packages"}
    for option in ("lock", "script"):
        if option in found:
            path = Path(str(found[option]))
            inside = path.is_relative_to(request.project_root)
            found[option] = path.relative_to(request.project_root).as_posix() if inside else path.name
    return found


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def write_provenance(inputs: Inputs, contents: Sequence[Member], own_lock: Path) -> bytes:
    """Return the statement about all files except itself; ``own_lock`` is the lockfile of the installer."""
    common = inputs.common
    return strict.dumps(
        {
            "_type": STATEMENT,
            "subject": [
                {"name": item.entry.path, "digest": {"sha256": item.entry.sha256}}
                for item in sorted(contents, key=lambda item: item.entry.path)
            ],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        **_parameters(inputs),
                        "product": common.product.to_json(),
                        "target": inputs.target.to_json(),
                        "models": [f"{model.name}={model.repository}@{model.revision}" for _s, model in common.models],
                        "source_date_epoch": common.epoch,
                    },
                    "internalParameters": {},
                    "resolvedDependencies": list(_dependencies(inputs, own_lock)),
                },
                "runDetails": {"builder": {"id": BUILDER_ID, "version": {"ragtrace-offline": __version__}}},
            },
        }
    )


def _dependencies(inputs: Inputs, own_lock: Path) -> Iterator[dict[str, Any]]:
    """Yield the inputs as ResourceDescriptor v1: commit and changed files, lockfiles, wheels, Python and models."""
    common = inputs.common
    if common.state.commit is not None:
        annotations = {"annotations": {"dirty": True}} if common.state.changed else {}
        yield {"name": "source", "digest": {"gitCommit": common.state.commit}, **annotations}
    for path, sha256 in common.state.changed:
        known = {"digest": {"sha256": sha256}} if sha256 else {}
        yield {"name": f"source/{path}", **known, "annotations": {"differs_from_commit": True}}
    yield {"name": common.lock.name, "digest": {"sha256": common.lock.sha256}}
    yield {"name": "ragtrace-offline/uv.lock", "digest": {"sha256": digest.sha256_file(own_lock)[0]}}
    for wheel in inputs.wheels:
        uri = package_url(wheel.locked, common.lock).to_string()
        yield {"name": wheel.locked.filename, "uri": uri, "digest": {"sha256": wheel.locked.sha256}}
    for required in sorted({required for one in inputs.selection.resolutions for required in one.wheels}):
        described = {"name": required.filename, "uri": redact(required.url), "digest": {"sha256": required.sha256}}
        yield {**described, "annotations": {"build_requirement": True}}
    for item in inputs.python:
        yield {"name": item.entry.path, "digest": {"sha256": item.entry.sha256}}
    for _source, model in common.models:
        url = model_url(model)
        for file in model.files:
            origin = {"uri": f"{url.to_string()}#{file.path}"} if url else {}
            yield {"name": f"{model.name}/{file.path}", **origin, "digest": {"sha256": file.sha256}}
