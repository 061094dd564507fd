"""Bundles of other inputs than a project with uv.lock: what is in them, and that they are made again byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import pytest
import uv

from builder import cli
from builder.signing.sign import generate_key
from bundle.manifest import parse_manifest
from tests.builder.backends.projects import Project
from tests.builder.backends.projects import lock as lock_project
from tests.builder.evidence.test_evidence import members
from tests.builder.small_project import _quick, made  # noqa: F401 - the stand-in for the zipapp
from tests.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("no_network_settings")
WHEELS = {name: make_wheel(name, "1.0") for name in ("given", "more", "tested")}
DIGESTS = {name: hashlib.sha256(data).hexdigest() for name, data in WHEELS.items()}
SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["given"]
# [tool.uv.sources]
# given = { path = "wheels/given-1.0-py3-none-any.whl" }
# ///
print("hi")
"""


@pytest.fixture
def folder(tmp_path):
    """A folder without a project table: a package that runs with -m, and three wheels."""
    root = tmp_path / "app"
    (root / "wheels").mkdir(parents=True)
    for name, data in WHEELS.items():
        (root / "wheels" / f"{name}-1.0-py3-none-any.whl").write_bytes(data)
    (root / "tool_box").mkdir()
    for name in ("__init__", "__main__"):
        (root / "tool_box" / f"{name}.py").write_text("")
    return root


def pylock(root, name="pylock.toml"):
    """Write a lockfile of all wheels, of which an extra and a group have one each."""
    needed = {"more": "'web' in extras", "tested": "'test' in dependency_groups"}
    lines = ['lock-version = "1.0"', 'created-by = "hand"', 'extras = ["web"]', 'dependency-groups = ["test", "main"]']
    lines += ['default-groups = ["main"]']
    for package in WHEELS:
        file = f"{package}-1.0-py3-none-any.whl"
        lines += ["[[packages]]", f'name = "{package}"', 'version = "1.0"']
        lines += [f'marker = "{needed.get(package, chr(39) + "main" + chr(39) + " in dependency_groups")}"']
        lines += [f'wheels = [{{ path = "wheels/{file}", hashes = {{ sha256 = "{DIGESTS[package]}" }} }}]']
    (root / name).write_text("\n".join(lines) + "\n")
    return root / name


def requirements(root, *packages, name="requirements.txt"):
    lines = ["--no-index", "--find-links wheels  # not the network"]
    lines += [f"{package}==1.0 \\\n    --hash=sha256:{DIGESTS[package]}\n    # via hand" for package in packages]
    (root / name).write_text("\n".join(lines) + "\n")
    return root / name


def script(root):
    (root / "say_hi.py").write_text(SCRIPT)
    subprocess.run([uv.find_uv_bin(), "lock", "--script", "say_hi.py", "--offline", "--quiet"], cwd=root, check=True)
    return root / "say_hi.py"


def build(tmp_path, *more):
    key = tmp_path / "key"
    if not key.exists():
        generate_key(key, None)
    places = ["--output-dir", tmp_path / "out", "--sign-key", key, "--cache-dir", tmp_path / "cache"]
    return cli.main(["build", *map(str, [*places, *more]), "--quiet", "--python", "3.11"])


def contents(tmp_path):
    """Return the manifest of the only bundle and its members by their paths."""
    bundle = made(tmp_path / "out")
    return parse_manifest((bundle / "MANIFEST.json").read_bytes()), members(tmp_path / "out")


def again(tmp_path, root):
    argv = ["--check", made(tmp_path / "out"), "--project-root", root, "--cache-dir", tmp_path / "cache2"]
    return cli.main(["rebuild", *map(str, argv), "--quiet"])


def input_of(files):
    definition = json.loads(files["06_Verification/provenance.json"])["predicate"]["buildDefinition"]
    dependencies = {one["name"]: one.get("digest") for one in definition["resolvedDependencies"]}
    return definition["externalParameters"], dependencies


PRODUCT = ("--name", "Tool.Box", "--product-version", "2.0")


def test_a_pylock_toml_by_itself(folder, tmp_path):
    lock = pylock(folder)
    assert build(tmp_path, "--project-root", folder, *PRODUCT, "--extra", "web") == 0
    manifest, files = contents(tmp_path)
    assert (manifest.product.name, manifest.product.version) == ("tool-box", "2.0")
    assert {package.name for package in manifest.packages} == {"given", "more"}
    assert [launcher.name for launcher in manifest.application.launchers] == ["tool-box"]
    parameters, dependencies = input_of(files)
    assert parameters["lockfile"] == {"lock": "pylock.toml"}
    assert dependencies["pylock.toml"] == {"sha256": hashlib.sha256(lock.read_bytes()).hexdigest()}
    assert manifest.lock_sha256 == dependencies["pylock.toml"]["sha256"]
    assert again(tmp_path, folder) == 0


def test_all_parts_of_a_pylock_toml(folder, tmp_path):
    lock = pylock(folder, "pylock.prod.toml")
    assert build(tmp_path, "--lock", lock, *PRODUCT, "--all-extras", "--all-groups") == 0
    manifest, _files = contents(tmp_path)
    assert {package.name for package in manifest.packages} == set(WHEELS)
    assert again(tmp_path, folder) == 0


def test_a_project_that_its_pylock_toml_lists_is_a_package_like_any_other(tmp_path):
    root = Project(scripts={"thing-run": "thing:main"}).write(tmp_path / "project")
    lock_project(root)
    export = ["export", "--format", "pylock.toml", "--output-file", "pylock.toml", "--offline", "--quiet"]
    subprocess.run([uv.find_uv_bin(), *export], cwd=root, check=True)
    (root / "uv.lock").unlink()
    assert build(tmp_path, "--project-root", root, "--name", "kit", "--product-version", "2.0") == 0
    manifest, _files = contents(tmp_path)
    assert (manifest.product.name, manifest.product.version) == ("kit", "2.0")
    assert [(package.name, package.version) for package in manifest.packages] == [("thing", "1.0")]
    assert [launcher.name for launcher in manifest.application.launchers] == ["thing-run"]
    assert again(tmp_path, root) == 0


def test_a_script_with_its_lockfile(folder, tmp_path, capsys):
    path = script(folder)
    assert build(tmp_path, "--script", path, "--product-version", "3.1") == 0
    manifest, files = contents(tmp_path)
    assert (manifest.product.name, manifest.product.version) == ("say-hi", "3.1")
    (launcher,) = manifest.application.launchers
    assert (launcher.name, launcher.kind, launcher.target) == ("say-hi", "script", "say_hi.py")
    assert [name for name in files if name.startswith("03_Source/")] == ["03_Source/say_hi.py"]
    assert {package.name for package in manifest.packages} == {"given"}
    parameters, dependencies = input_of(files)
    assert parameters["lockfile"] == {"script": "say_hi.py"}
    assert "say_hi.py.lock" in dependencies
    assert again(tmp_path, folder) == 0
    path.write_text(SCRIPT.replace("3.11", "3.10"))
    assert build(tmp_path, "--script", path, "--product-version", "3.1") == 7
    told = capsys.readouterr().err
    assert "say_hi.py.lock is out of date: say_hi.py has changed" in told
    assert "`uv lock --script say_hi.py`" in told


def test_requirements_with_digests(folder, tmp_path, monkeypatch):
    (folder / "ragtrace-profile.toml").write_text('name = "Kit"\nversion = "4.0"\n')
    (folder / "wheels" / "given-1.0-py2.py3-none-any.whl").write_bytes(make_wheel("given", "1.0", files={"x.py": b""}))
    lock = requirements(folder, "given", "tested")
    assert build(tmp_path, "--lock", lock) == 0
    manifest, files = contents(tmp_path)
    assert (manifest.product.name, manifest.product.version) == ("kit", "4.0")
    assert {package.name for package in manifest.packages} == {"given", "tested"}
    assert "02_Dependencies/wheels/given-1.0-py3-none-any.whl" in files  # the other one has no digest in the file
    assert input_of(files)[0]["lockfile"] == {"lock": "requirements.txt"}
    assert again(tmp_path, folder) == 0
    shutil.copy(folder / "wheels/more-1.0-py3-none-any.whl", folder / "wheels/tested-1.0-py3-none-any.whl")
    assert again(tmp_path, folder) == 7


def test_a_frozen_lockfile_is_used_with_a_warning(project, tmp_path, capsys, caplog):
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace("[project.scripts]", 'dependencies = ["absent"]\n[project.scripts]'))
    assert build(tmp_path, "--project-root", project) == 7
    assert "out of date" in capsys.readouterr().err
    assert build(tmp_path, "--project-root", project, "--frozen") == 0
    assert "uv.lock is used as it is, though pyproject.toml may have changed since it was written" in caplog.text
    assert input_of(contents(tmp_path)[1])[0]["lockfile"] == {"frozen": True}
    assert again(tmp_path, project) == 0
