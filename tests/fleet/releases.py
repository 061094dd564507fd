"""Releases of the tiny application for each Python of a fleet, with a real installer that trusts their key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.signing.sign import generate_key
from builder.zipapp import pack
from bundle.names import INSTALLER
from bundle.signing.policy import pins
from bundle.signing.signature import parse_public_key
from bundle.target import PYTHONS, host_target, parse_target
from shared.terminal.progress import NoProgress
from tests.hosts import needs
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tiny import Tiny

FLEET_PYTHONS = ("3.9", "3.11", "3.13")  # of bullseye, bookworm and trixie
GATE = """\
import json
import sys

json.load(sys.stdin)
print(json.dumps({"check_name": "Answers", "status": "FAIL", "details": "the answers are worse than before"}))
"""
# a file worth a piece, the same in each release
WEIGHT = "".join(f"{number * 2654435761 % 4294967296:08x}\n" for number in range(60_000))


class Releases:
    """Makes each release once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "signer"
        generate_key(self.key, None)
        self.signer = self.key.with_name("signer.pub").read_text().strip()
        policy = pins([parse_public_key(self.signer)]).to_bytes()
        target = parse_target(str(host_target()), PYTHONS[0])
        fetching = Fetching(Cache(needs.cache_folder() / "builder"), NoProgress())
        zipapp = pack.build_zipapp(folder / INSTALLER, target, fetching, pack.Packing(policy))
        self.installer = zipapp.read_bytes()
        self._made: dict[Any, Tiny] = {}

    def tiny(self, number: int, python: str, *, faulty: bool = False) -> Tiny:
        """Return a release for a Python; the gate fails one that is ``faulty``."""
        key = (number, python, faulty)
        if key not in self._made:
            text = "def words(text: str) -> list[str]:\n    return text.split()\n"
            self._made[key] = tiny_bundle(
                self.folder / f"{number}{'-faulty' * faulty}",
                counter=COUNTER + number,
                version=f"{number}.0.0",
                installer=self.installer,
                key=self.key,
                python=python,
                packages={
                    "tiny-text": (f"0.{number}.0", {"tiny_text/__init__.py": text}),
                    "tiny-unused": ("0.1.0", {"tiny_unused.py": "ANSWER = 42\n", "tiny_weight.txt": WEIGHT}),
                },
                plugins={"answers.py": GATE} if faulty else None,
            )
        return self._made[key]

    def release(self, number: int, **how: bool) -> list[str]:
        """Return the bundle folders of a release for the whole fleet."""
        return [str(self.tiny(number, python, **how).folder) for python in FLEET_PYTHONS]

    def delta(self, number: int, base: int) -> list[str]:
        """Return the delta bundles of a release for the whole fleet."""
        found = []
        for python in FLEET_PYTHONS:
            folder = self.folder / f"{number}-from-{base}" / self.tiny(number, python).folder.name
            if not folder.exists():
                self.tiny(number, python).delta(self.tiny(base, python), folder)
            found.append(str(folder))
        return found
