"""The ways in which a bundle is checked, brought and installed, and a project without a profile."""

from __future__ import annotations

import json
import os
import re
import shlex
import tarfile

import pytest

from shared.processes import process
from tests.stories.operator import Operator, refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
GUIDE = "05_Documentation/OPERATING.md"
HELLO = "xn--o70b841ad5c9qb763b"  # 안녕하세요 as IDNA 2008 has it


def hello_at(operator, prefix):
    """Return somebody whose installation of the small project has its own folder."""
    return Operator(operator.host, operator.user, prefix)


def greets(operator):
    done = operator.run(f"{operator.prefix}/bin/hello-site", "안녕하세요", cwd="/tmp")
    return done.stdout == f"hello {HELLO}\n"


def test_a_project_without_a_profile_is_installed_and_runs(operator, hello):
    site = hello_at(operator, "/srv/hello")
    outcome = site.install(hello, "--prefix", site.prefix)
    assert outcome["prefix"] == site.prefix
    assert sorted(os.listdir(site.path("bin"))) == ["hello-site", "ragtrace-offline"]
    assert greets(site)
    assert not site.path(".env").exists()
    assert "1.0.0" in succeeded(site.tool("status")).stdout


def test_a_medium_that_cannot_be_written_serves_from_any_folder(operator, hello):
    medium = "/mnt/medium"
    operator.host.put(operator.host.path(hello), medium)
    operator.host.make_readonly(medium)
    site = hello_at(operator, "/srv/from-medium")
    verified = succeeded(operator.run("python3", "ragtrace-install.pyz", "verify", cwd=medium))
    assert "files match their signed digests" in verified.stdout
    planned = succeeded(site.installer(medium, "install", "--dry-run", "--prefix", site.prefix, cwd="/usr"))
    assert "hello-site 1.0.0, 1 package," in planned.stdout
    assert not operator.exists(site.prefix)
    site.install(medium, "--prefix", site.prefix, cwd="/usr")
    operator.host.unmount(medium)
    assert greets(site)


@pytest.fixture(scope="module")
def volumes(workshop, operator):
    """Bring a bundle that was cut for media of 10 MB; return its folder and the paths of its volumes."""
    python = operator.host.python
    folder = operator.copy_in(workshop.hello_in_volumes("10M", python), "volumes")
    return folder, sorted(operator.host.path(folder).glob("*.tar.gz.*"))


def test_a_bundle_in_volumes_is_checked_and_installed_as_a_whole_one(operator, volumes):
    folder, files = volumes
    assert len(files) > 2
    assert {file.stat().st_size for file in files[:-1]} == {10_000_000}
    assert "FAILED" not in succeeded(operator.run("sha256sum", "-c", "SHA256SUMS", cwd=folder)).stdout
    assert "files match their signed digests" in succeeded(operator.installer(folder, "verify")).stdout
    site = hello_at(operator, "/srv/volumes")
    site.install(folder, "--prefix", site.prefix)
    assert greets(site)
    joined = succeeded(operator.run("sh", "-c", "cat *.tar.gz.* | tar -tz", cwd=folder)).stdout
    assert len(joined.splitlines()) == len(json.loads((files[0].parent / "MANIFEST.json").read_bytes())["files"]) + 1


def test_a_volume_that_is_missing_or_of_another_build_is_named(workshop, operator, volumes):
    folder, files = volumes
    others = workshop.hello_in_volumes("10M", operator.host.python, "--counter", "11")
    # the manifest is in one of the volumes; those that hold wheels alone may have the same bytes in both builds
    volume = next(file for file in files if (others / file.name).read_bytes() != file.read_bytes())
    data = volume.read_bytes()
    site = hello_at(operator, "/srv/stale")
    try:
        volume.unlink()
        for command in ("verify", "install"):
            said = refused(
                operator.installer(folder, command, *(["--prefix", site.prefix] if command == "install" else [])),
                3,
                f"these are missing: {volume.name}",
            )
            assert "Copy all volumes" in said
        assert not operator.exists(site.prefix)
        volume.write_bytes((others / volume.name).read_bytes())
        for command in ("verify", "install"):
            refused(
                operator.installer(folder, command, *(["--prefix", site.prefix] if command == "install" else [])),
                3,
                f"{volume.name}: ",
            )
        assert [path.name for path in site.path("").iterdir()] == ["state"]
    finally:
        volume.write_bytes(data)
    site.install(folder, "--prefix", site.prefix)
    assert greets(site)


@pytest.fixture(scope="module")
def unpacked(operator, hello):
    """Unpack the archive with the host's tar, beside the sums, as an operator does; return its root folder."""
    folder = f"{operator.home}/unpacked"
    operator.host.put(operator.host.path(hello), folder)
    archive = next(operator.host.path(folder).glob("*.tar.gz"))
    succeeded(operator.run("tar", "-xf", archive.name, cwd=folder))
    archive.unlink()
    (root,) = (path.name for path in operator.host.path(folder).iterdir() if path.is_dir())
    return f"{folder}/{root}"


@pytest.mark.parametrize("named", ["its root", "the folder above"])
def test_an_unpacked_folder_is_installed_as_the_archive_is(operator, unpacked, named):
    site = hello_at(operator, f"/srv/unpacked-{named[:3]}")
    above = os.path.dirname(unpacked)
    bundle = unpacked if named == "its root" else above
    site.install(above, bundle, "--prefix", site.prefix, cwd="/usr")
    assert greets(site)


@pytest.mark.parametrize("script", ["install.sh", "install.py"])
def test_the_scripts_run_the_installer_for_one_who_knows_its_digest(workshop, operator, unpacked, script):
    site = hello_at(operator, f"/srv/by-{script}")
    start = (["sh"] if script == "install.sh" else ["python3"]) + [f"{unpacked}/04_Scripts/{script}"]
    digest = succeeded(operator.run("sha256sum", f"{unpacked}/04_Scripts/ragtrace-install.pyz")).stdout[:64]

    first_row = " ".join(re.findall("....", digest[:16]))
    fresh = {"XDG_STATE_HOME": f"/srv/state-of-{script}"}  # where nobody has vouched for anything
    for vague in ((), ("--digest", ""), ("--digest", digest[:15]), ("--prefix", site.prefix)):
        asked = site.run(*start, *vague, env=fresh)
        assert asked.returncode == 3
        assert "ssh-keygen -Y check-novalidate" in asked.stderr
        assert "--digest" in asked.stderr
        assert first_row not in asked.stderr  # who did not check must not be able to copy it from here
    wrong = "0000 0000 0000 0000"
    denied = site.run(*start, "--digest", wrong, "--prefix", site.prefix, env=fresh)
    assert denied.returncode == 3
    assert "does not begin with the digits that you entered" in denied.stderr
    assert not operator.exists(site.prefix)

    succeeded(site.run(*start, "--digest", first_row, "--prefix", site.prefix, "--quiet", env=fresh))
    assert greets(site)


def test_what_the_guide_says_to_check_can_be_checked_with_what_every_system_has(workshop):
    bundle = workshop.hello("3.11")
    with tarfile.open(next(bundle.glob("*.tar.gz"))) as archive:
        member = next(name for name in archive.getnames() if name.endswith(GUIDE))
        guide = archive.extractfile(member).read().decode()
    linux = re.search(r"On Linux.*?```\n(.*?)```", guide, flags=re.DOTALL)[1]
    fingerprint = process.run(["ssh-keygen", "-l", "-f", f"{workshop.key}.pub"], timeout=60).stdout.split()[1]
    checked = succeeded(process.run(["sh", "-c", f"cd {shlex.quote(str(bundle))}\n{linux}"], timeout=60))
    assert fingerprint in checked.stdout
    assert checked.stdout.count(": OK\n") == len((bundle / "SHA256SUMS").read_text().splitlines())

    reported = succeeded(workshop.builder("inspect", str(bundle), "--trust-key", f"{workshop.key}.pub"))
    assert fingerprint in reported.stdout
    stranger = workshop.builder("inspect", str(bundle), "--trust-key", f"{workshop.stranger}.pub")
    refused(stranger, 3)
