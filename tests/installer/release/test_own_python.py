"""A bundle that brings its own Python: what its manifest must hold, and how a release gets it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import pytest

from bundle.manifest import parse_manifest
from bundle.target import host_target
from installer.install import preflight
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.release import stage
from installer.release.installation import Installation
from shared.errors import TrustError
from shared.programs.uv import base_interpreter
from tests.bundles import entry, make_manifest

FILES = {"bin/python3.11": b"program", "lib/python3.11/os.py": b"library"}


def own(**files):
    """Return a manifest that brings these files as its Python."""
    entries = [entry(f"01_Prerequisites/python/{name}", "interpreter", data) for name, data in files.items()]
    manifest = make_manifest()
    return replace(manifest, files=tuple(sorted([*entries, *manifest.files], key=lambda item: item.path)))


def test_the_manifest_knows_the_program_and_refuses_a_python_without_one():
    assert parse_manifest(own(**FILES).to_bytes()).own_python == "bin/python3.11"
    assert make_manifest().own_python is None
    with pytest.raises(TrustError, match=r"the embedded Python has no bin/python3\.11"):
        parse_manifest(own(**{"lib/python3.11/os.py": b""}).to_bytes())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("01_Prerequisites/python/bin/python3.11", "prerequisite"),
        ("01_Prerequisites/bin/python3.11", "interpreter"),
    ],
)
def test_only_a_python_lies_in_its_folder(path, kind):
    manifest = make_manifest()
    with pytest.raises(TrustError, match="not a valid location"):
        parse_manifest(replace(manifest, files=(entry(path, kind, b""), *manifest.files)).to_bytes())


def test_a_release_gets_it_with_its_program_to_run_and_environments_are_made_from_it(tmp_path):
    prefix, manifest = Prefix(tmp_path), own(**FILES)
    prefix.make()
    release, store = prefix.new_release(1, "0" * 64), Store(prefix.store)
    for item in manifest.of_kind("interpreter"):
        store.add(item, iter([FILES[item.inner]]))
    installation = Installation(prefix, release, manifest)
    stage.write_python(installation)
    program = stage.python_for(installation)
    assert program == release.path / "python" / "bin" / "python3.11"
    assert program.read_bytes() == b"program"
    assert os.access(program, os.X_OK)
    assert (release.path / "python/lib/python3.11/os.py").read_bytes() == b"library"
    stored = store.path(hashlib.sha256(b"program").hexdigest())
    assert stored.stat().st_mode & 0o777 == 0o444  # another release's mode is not this one's
    assert stage.python_for(replace(installation, manifest=make_manifest())) == base_interpreter()


def test_any_python_installs_what_brings_its_own():
    other = replace(host_target(), python="3.9" if host_target().python != "3.9" else "3.10")
    wanted = own(**{f"bin/python{other.python}": b"program"})

    def python(manifest):
        return next(item for item in preflight.runtime(manifest) if item.name == "Python")

    assert not python(replace(make_manifest(), target=other)).fits
    assert python(replace(wanted, target=other)).fits
