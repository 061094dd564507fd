"""A small complete installation, made by the product's own steps from hand-made wheels, with no network.

``make_prefix(tmp_path)`` gives a prefix with one active release of an application that needs a key,
imports its packages, reads a model and writes into its own tree. Every change gets an installation
of its own, built once for a run of the tests and copied for each test.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundle.digest import write_sums
from bundle.manifest import Product
from bundle.opening import SUMS
from bundle.product.application import Application, Launcher
from bundle.product.environment import Environment
from bundle.product.model import Probe
from bundle.signing.policy import RELEASE_NAMESPACE
from bundle.signing.signature import ED25519
from installer.layout import journal, seal
from installer.layout.journal import Entry
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import installation, launchers, settings, stage
from installer.release.digests import Digests
from installer.release.sealing.finish import Origin, accept, finish
from installer.userdata import persist
from shared.programs.uv import base_interpreter
from shared.terminal.progress import NoProgress
from tests.keys import SoftKey
from tests.packed import Packed
from tests.wheels import Wheel

KEY = SoftKey(ED25519)
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
APP = b"""\
import json, os, pathlib, sys
if not os.environ.get("DEMO_API_KEY"):
    sys.exit("DEMO_API_KEY is not set")
import demo_lib
if sys.argv[1] == "embed":
    weights = json.loads((pathlib.Path(os.environ["DEMO_MODEL"]) / "weights.json").read_text())
    print("loading")
    print(json.dumps(demo_lib.embed(sys.argv[2], weights)))
elif sys.argv[1] == "note":
    (pathlib.Path(__file__).parent / "data" / "notes.txt").write_text(sys.argv[2])
else:
    print("usage: demo embed TEXT | note TEXT")
"""
SENTENCE = "hello"
PROBE = Probe(("demo", "embed"), SENTENCE, (2.5, -1.25), 0.001)


LIB = Wheel(
    "demo-lib",
    "1.2.0",
    {
        "demo_lib/__init__.py": "import demo_base\n\nembed = lambda text, weights: [len(text) * w for w in weights]\n",
        "demo_lib/table.txt": "one\n",
    },
    ("demo-base>=2",),
)
BASE = Wheel("demo-base", "2.0.1", {"demo_base.py": "NAME = 'base'\n"})
PRODUCT = Product("demo-app", "Demo-App", "1.0.0", 1_700_000_000)
APPLICATION = Application(
    launchers=(Launcher("demo", "script", "app.py"),),
    environment=Environment(
        {"DEMO_API_KEY": "your-key", "DEMO_COLOUR": ""}, ("DEMO_API_KEY",), {"DEMO_MODEL": "{models}/tiny"}
    ),
    core_imports=("demo_lib", "demo_base"),
    persist=("data",),
    smoke=(("demo", "--help"),),
)


@dataclass(frozen=True, kw_only=True)
class Installation(Packed):
    """What is installed; ``make_prefix`` takes its fields as changes."""

    product: Product = PRODUCT
    wheels: tuple[Wheel, ...] = (LIB, BASE)
    source: dict[str, bytes] = field(default_factory=lambda: {"app.py": APP, "data/질문.csv": "질문,답\n".encode()})
    model: dict[str, bytes] = field(default_factory=lambda: {"weights.json": b"[0.5, -0.25]\n", "config.json": b"{}\n"})
    probe: Probe | None = PROBE
    application: Application = APPLICATION


_built: dict[str, tuple[tempfile.TemporaryDirectory[str], Path]] = {}


def make_prefix(tmp_path: Path, **changes: Any) -> Prefix:
    """Return a new installation in ``tmp_path/prefix``; ``changes`` replace fields of Installation."""
    made = Installation(**changes)
    key = repr(made)
    if key not in _built:
        folder = tempfile.TemporaryDirectory(prefix="ragtrace-tests-", ignore_cleanup_errors=True)
        root = Path(folder.name, "prefix")
        install_made(Prefix(root), made)
        _built[key] = folder, root
    shutil.copytree(_built[key][1], tmp_path / "prefix", symlinks=True)
    return Prefix(tmp_path / "prefix")


def install_made(prefix: Prefix, made: Installation) -> None:
    """Make an installation as a new active release, as the product installs an opened bundle."""
    manifest = made.manifest()
    data, store, python = manifest.to_bytes(), Store(prefix.store), base_interpreter()
    digest = hashlib.sha256(data).hexdigest()
    prefix.make()
    release = prefix.new_release(made.product.counter, digest)
    sums = write_sums({"MANIFEST.json": digest})
    release.bundle.mkdir(parents=True)
    (release.bundle / "MANIFEST.json").write_bytes(data)
    (release.bundle / SUMS).write_bytes(sums)
    (release.bundle / f"{SUMS}.{KEY.key.keyid}.sig").write_bytes(KEY.sign(sums, RELEASE_NAMESPACE))
    contents = made.contents()
    for item in manifest.files:
        if item.is_stored:
            store.add(item, iter([contents[item.path][1]]))
    progress = NoProgress()
    built = installation.Installation(prefix, release, manifest)
    stage.stage_files(built, python)
    stage.stage_environment(built, python, progress)
    digests = Digests()
    accept(built, digests, progress)
    finish(built, Origin(python, (KEY.key.fingerprint,), digests), progress)
    persist.write(prefix, manifest, store, Entry("install", release.id, None))
    launchers.write(prefix, manifest)
    prefix.set_current(release)
    settings.write_env_file(prefix, manifest, None, progress)
    journal.write(prefix, None)
    audit_log.append(prefix, "install", "done", release=release.id, receipt_sha256=seal.receipt_sha256(release))
