"""Every command line that the users' own document prints, typed as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack

import pytest

from shared.processes import process
from tests.hosts import closed, needs
from tests.stories.operator import Operator
from tests.stories.workshop import HELLO, clean, quiet, succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]

SEE_EVERYTHING = "python enterprise-validator.py"
BRIEFLY = "python enterprise-validator.py --quiet"
REPORTED = "python enterprise-validator.py --output system_report.json"
INSTALL = "python 04_Scripts/install.py"
INSTALL_BY_SHELL = "bash 04_Scripts/install.sh"
DIAGNOSED = "python enterprise-validator.py --output diagnosis.json"
REPAIRED = "python recovery-assistant.py --diagnosis diagnosis.json"
BUILT = (
    "python create-enterprise-offline.py",
    "python create-enterprise-offline.py --project-root . --output-dir ./packages",
    "python create-enterprise-offline.py --verbose",
)
ROOT = "RAG-Mini-Enterprise-Offline"  # RAGTrace-Enterprise-Offline of RAGTrace
VERIFICATION = "06_Verification"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Give a host on which nothing is installed, where python is what the document calls it."""
    with ExitStack() as stack:
        with needs.or_skip():
            host = stack.enter_context(closed.closed_host("bookworm", tmp_path_factory.mktemp("host")))
        host.path("/usr/local/bin/python").symlink_to("/usr/bin/python3")
        yield host


@pytest.fixture(scope="module")
def site(workshop, host):
    """Give an operator who has copied the medium to his home, checked it, and unpacked the archive there."""
    operator = Operator(host, "operator")
    folder = operator.copy_in(workshop.bundle("0.1.0", host.python), "매체 1")
    archive = next(path.name for path in host.path(folder).glob("*.tar.gz"))
    succeeded(operator.run("tar", "-xf", archive, cwd=folder))
    host.path(f"{folder}/{archive}").unlink()
    return operator, f"{folder}/{ROOT}"


def typed(site, line, folder=".", **options):
    """Type a line into a shell in a folder of the unpacked bundle."""
    operator, root = site
    return operator.run("sh", "-c", line, cwd=os.path.normpath(f"{root}/{folder}"), timeout=300, **options)


@pytest.fixture(scope="module")
def unasked(site):
    """Type every line before anybody has vouched for the installer; return line → how it ended."""
    lines = (SEE_EVERYTHING, BRIEFLY, REPORTED, DIAGNOSED, REPAIRED, INSTALL, INSTALL_BY_SHELL)
    return {line: typed(site, line) for line in lines}


@pytest.fixture(scope="module")
def vouched(site, unasked):
    """Vouch for the installer by the first row of its digest, as the slip has it, before anything is installed."""
    operator, root = site
    digest = succeeded(operator.run("sha256sum", f"{root}/04_Scripts/ragtrace-install.pyz")).stdout
    row = " ".join(re.findall("....", digest[:16]))
    looked = typed(site, f'{BRIEFLY} --digest "{row}"', VERIFICATION)
    assert looked.returncode in (0, 1), looked.stderr  # of a host on which nothing is installed yet
    return site


@pytest.fixture(scope="module")
def installed(vouched):
    succeeded(typed(vouched, INSTALL))
    vouched[0].configure(RAG_MINI_API_KEY="any")
    return vouched


def test_nothing_runs_before_somebody_vouches_for_it(site, unasked):
    operator, root = site
    for line, ended in unasked.items():
        assert ended.returncode == 3, line
        assert "--digest" in ended.stderr
        assert ended.stdout == ""
    assert not operator.exists(operator.prefix)
    assert not operator.host.path(f"{root}/diagnosis.json").exists()


def test_it_is_installed_by_the_line_for_it_and_by_the_wrapper(installed):
    operator, _root = installed
    assert succeeded(operator.app("--help")).stdout
    succeeded(typed(installed, INSTALL_BY_SHELL))


def test_it_is_validated(installed):
    succeeded(typed(installed, BRIEFLY, VERIFICATION))  # the folder of the tools for it, as the document's tree has it
    whole, brief = (typed(installed, line) for line in (SEE_EVERYTHING, BRIEFLY))
    assert "EXCELLENT" in succeeded(whole).stdout or "GOOD" in whole.stdout
    assert 0 < len(succeeded(brief).stdout) < len(whole.stdout)
    succeeded(typed(installed, REPORTED))
    operator, root = installed
    report = json.loads(operator.host.path(f"{root}/system_report.json").read_text())
    shown = ("timestamp", "system_info", "validation_results", "overall_status", "recommendations")
    assert set(shown) <= set(report)
    assert {"platform", "python_version", "memory_gb", "cpu_count"} <= set(report["system_info"])


def test_the_last_step_is_what_the_launcher_does(installed):
    operator, root = installed
    assert operator.host.path(f"{root}/03_Source/cli.py").is_file()
    bare = operator.host.run("sh", "-c", "python cli.py --help", user=operator.user, cwd=f"{root}/03_Source")
    assert bare.returncode != 0  # a bare Python has none of its packages
    assert "usage" in succeeded(operator.app("--help", cwd=f"{root}/03_Source")).stdout


def test_a_diagnosis_leads_to_a_repair(installed):
    operator, _root = installed
    active = os.path.basename(os.readlink(operator.path("current")))
    (site_packages,) = operator.path(f"releases/{active}").glob("venv/lib/python3*/site-packages")
    (site_packages / "tokenizers" / "__init__.py").unlink()
    diagnosed = typed(installed, DIAGNOSED)
    assert diagnosed.returncode == 1
    assert "ragtrace-install.pyz' recover" in diagnosed.stdout  # a command that can be typed: the medium's own
    assert "/tmp/" not in diagnosed.stdout
    proposed = typed(installed, REPAIRED)
    assert proposed.returncode == 2  # nobody at a terminal could say yes
    assert "tokenizers" in proposed.stdout
    repaired = typed(installed, f"script -qec '{REPAIRED}' /dev/null", stdin=b"yes\n")
    assert repaired.returncode == 0, repaired.stdout
    succeeded(typed(installed, SEE_EVERYTHING))
    # what the lines above wrote beside the scripts keeps nobody from installing again
    succeeded(typed(installed, INSTALL))


def test_the_medium_holds_what_it_held(site, installed):
    operator, root = site
    top = operator.host.path(root)
    manifest = json.loads((top / "MANIFEST.json").read_text())
    there = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
    more = {
        path for path in there - {entry["path"] for entry in manifest["files"]} if not path.startswith("03_Source/")
    }
    assert more == {"MANIFEST.json", "system_report.json", "diagnosis.json"}


def test_bundles_are_built_on_the_connected_machine_alone(installed):
    for line in BUILT:
        said = typed(installed, line)
        assert (said.returncode, "on the connected machine" in said.stderr) == (2, True)


@pytest.mark.parametrize("line", BUILT)
def test_a_bundle_is_built_from_the_project_folder(workshop, tmp_path, line):
    project = tmp_path / "프로젝트"
    shutil.copytree(workshop.project("hello", HELLO), project)
    os.symlink(needs.CHECKOUT / "create-enterprise-offline.py", project / "create-enterprise-offline.py")
    programs = tmp_path / "programs"
    programs.mkdir()
    os.symlink(sys.executable, programs / "python")
    settings = tmp_path / "settings"
    environment = {**clean(), "XDG_CONFIG_HOME": str(settings), "XDG_CACHE_HOME": str(needs.cache_folder())}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    refused = process.run(["sh", "-c", line], cwd=project, env=environment, timeout=600)
    assert (refused.returncode, "python -m builder keygen" in quiet(refused).stderr) == (2, True)
    keygen = [sys.executable, "-m", "builder", "keygen", "--no-passphrase"]
    succeeded(process.run(keygen, cwd=needs.CHECKOUT, env=environment, timeout=60))
    built = succeeded(process.run(["sh", "-c", line], cwd=project, env=environment, timeout=900))
    (sums,) = (project / "packages").glob("*/SHA256SUMS")
    assert str(sums.parent.name) in built.stdout
    checked = subprocess.run(["sha256sum", "-c", sums.name], cwd=sums.parent, capture_output=True, check=False)
    assert checked.returncode == 0
