"""The kinds of findings of recovery, and which of them can explain a check that failed."""

from __future__ import annotations

CRASH, POINTER, SEAL, RECEIPT, MANIFEST, PACKAGE, ENVIRONMENT, INTERPRETER = (
    "crash",
    "current",
    "seal",
    "receipt",
    "manifest",
    "package",
    "environment",
    "interpreter",
)
# files and folders of PREFIX that have the wrong type; owners and modes; the user's data
PLACE, RIGHTS, DATA = "place", "rights", "data"
APPLICATION, MODEL, RUN_FILES, STORE, LAUNCHER, SETTINGS, METADATA, UNLOCKED = (
    "application",
    "model",
    "release",
    "store",
    "launcher",
    "settings",
    "papers",
    "unlocked",
)
# findings of these kinds need a new release
OF_THE_RELEASE = (RECEIPT, MANIFEST, PACKAGE, ENVIRONMENT, INTERPRETER, APPLICATION, MODEL, RUN_FILES)
_RUNS = (*OF_THE_RELEASE, LAUNCHER)
_BUT_MODELS = tuple(kind for kind in OF_THE_RELEASE if kind != MODEL)
# the findings that can explain why a check failed; no repair helps the checks that are not listed
CAUSES: dict[str, tuple[str, ...]] = {
    "packages.conflicts": _BUT_MODELS,
    "packages.entry_points": _BUT_MODELS,
    "packages.imports": _BUT_MODELS,
    "packages.record": _BUT_MODELS,
    "packages.versions": (*_BUT_MODELS, UNLOCKED),
    "performance.matrix": _BUT_MODELS,
    "ragtrace.cli": _RUNS,
    "ragtrace.container": _BUT_MODELS,
    "ragtrace.dashboard": _RUNS,
    "ragtrace.data": (APPLICATION,),
    "ragtrace.places": (PLACE, CRASH, METADATA, POINTER, LAUNCHER, STORE, *OF_THE_RELEASE),
    "ragtrace.models": (MODEL,),
    "ragtrace.probe": _RUNS,
    "ragtrace.release": (POINTER, SEAL, *_BUT_MODELS),
    "ragtrace.store": (STORE,),
    "security.copies": (METADATA, RUN_FILES),
    "security.integrity": (SEAL, *OF_THE_RELEASE, UNLOCKED),
    "security.permissions": (SETTINGS, RIGHTS, STORE, *OF_THE_RELEASE),
    "security.receipt": (RECEIPT, SEAL),
    "security.signed": (STORE, *OF_THE_RELEASE, UNLOCKED),
    "system.python": _BUT_MODELS,
}
PLUGINS = "plugin."  # prefix of the identifiers of custom checks


def causes_of(check: str) -> tuple[str, ...]:
    """Return the kinds of findings that can explain why a check failed, empty if no repair helps."""
    return (RUN_FILES,) if check.startswith(PLUGINS) else CAUSES.get(check, ())
