"""The places of an installation where damage can be done, and what is told of each."""

from __future__ import annotations

from installer.change import retention
from tests.reliability import world as worlds
from tests.reliability.spoil_kinds import require


def _site(prefix):
    return worlds.damaged_file(prefix.active())


def _signed(name):
    return lambda prefix: prefix.active().bundle / name


def _signature(prefix):
    return next(prefix.active().bundle.glob("SHA256SUMS.*.sig"))


def _second(name):
    return lambda prefix: next((prefix.state / "proofs").glob(f"*/{name}"))


def _object(kind):
    def find(prefix):
        entry = next(entry for entry in prefix.active().manifest().of_kind(kind) if entry.size)
        return prefix.store / entry.sha256[:2] / entry.sha256

    return find


def _of_root(name):
    return lambda prefix: prefix.root / name


def _of_release(name):
    return lambda prefix: prefix.active().path / name


def _former(name):
    def find(prefix):
        release = retention.previous(prefix)
        require(release)
        return worlds.damaged_file(release) if name == "a module" else release.path / name

    return find


PLACES = {
    **{name: _of_root(name) for name in ("state", "releases", "store", "store/sha256", "bin", "backups", "data")},
    **{
        f"state/{name}": _of_root(f"state/{name}")
        for name in (
            *("lock", "journal.json", "previous", "unfinished", "measurements.json", "identity.json"),
            *("logs", "audit", "proofs"),
        )
    },
    **{f"state/{name}": _of_root(f"state/{name}") for name in ("audit/audit.jsonl", "advisories", "trust")},
    "state/advisories/advisories.zip": _of_root("state/advisories/advisories.zip"),
    "state/trust/memory.json": _of_root("state/trust/memory.json"),
    ".env": _of_root(".env"),
    "current": lambda prefix: prefix.current,
    "bin/tiny": _of_root("bin/tiny"),
    **{f"the former {name or 'release'}": _former(name) for name in ("", "COMPLETE", "receipt.json", "a module")},
    "a backup": lambda prefix: next(prefix.backups.glob("*/index.json")).parent,
    "the index of a backup": lambda prefix: next(prefix.backups.glob("*/index.json")),
    "the release": _of_release(""),
    **{name: _of_release(name) for name in ("receipt.json", "COMPLETE", "run.json", "launch.py", "venv/pyvenv.cfg")},
    **{name: _of_release(name) for name in ("venv", "venv/bin/python", "app", "app/app.py", "models", "bundle")},
    "models/tiny/weights.json": _of_release("models/tiny/weights.json"),
    "a module": _site,
    "a RECORD": lambda prefix: next(_site(prefix).parents[1].glob("tiny_lib-*.dist-info/RECORD")),
    "MANIFEST.json": _signed("MANIFEST.json"),
    "SHA256SUMS": _signed("SHA256SUMS"),
    "the kept zipapp": _signed("ragtrace-install.pyz"),
    "a signature": _signature,
    "the second MANIFEST.json": _second("MANIFEST.json"),
    "the second signature": _second("SHA256SUMS.*.sig"),
    "a kept wheel": _object("wheel"),
    "a kept source": _object("source"),
    "a kept model": _object("model"),
    "a folder of the store": lambda prefix: _object("wheel")(prefix).parent,
}
# what may be there and need not: nothing is damaged where it is missing or another's bytes
OPTIONAL = {
    *("state/unfinished", "state/measurements.json", "state/identity.json", "state/advisories", "state/trust"),
    *("state/advisories/advisories.zip", "state/trust/memory.json"),
}
WRITTEN_ANEW = {"state/lock", "state/logs", "state/previous", "state/journal.json"}  # by the next command
FOLDERS_MAY_BE_LINKS = {
    *("state/logs", "state/audit", "state/proofs", "store", "store/sha256", "backups", "data", ".env"),
}
OWN_FOLDERS = {"state", "releases", "store", "store/sha256", "bin", "backups", "state/logs", "state/audit"}
PRIVATE = ("state/", "the second ", "a backup", "the index of")  # in folders that are their owner's alone
EMPTY_FITS = {"backups", "state/logs"}  # a new folder is as good
THE_USERS = {".env", "data", "a backup", "the index of a backup"}
# no repair rewrites what was logged or accepted, or makes up advisories: the advice is what to compare, or to bring
EVIDENCE = {
    *("state/audit", "state/audit/audit.jsonl", "state/trust/memory.json", "state/advisories/advisories.zip"),
}
