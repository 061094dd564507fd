"""Several users on one host: root installs for a service, and nobody does anything in what is another's."""

from __future__ import annotations

import json
import shlex
import stat

import pytest

from tests.hosts.roots import OPERATOR, OPERATOR_ID
from tests.stories.operator import Operator, refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
PREFIX = "/opt/rag-mini"


@pytest.fixture(scope="module")
def bundle(workshop, operator) -> str:
    """Bring the bundle where every user can read it."""
    made = workshop.bundle("0.1.0", operator.host.python)
    operator.host.put(made, f"/srv/medium/{made.name}")
    return f"/srv/medium/{made.name}"


@pytest.fixture(scope="module")
def service(operator, bundle) -> Operator:
    """Give the account under which the application runs that root has installed, as the guide says."""
    root = Operator(operator.host, prefix=PREFIX)
    root.install(bundle, "--prefix", PREFIX)
    succeeded(root.run("chown", "-R", f"{OPERATOR}:", f"{PREFIX}/data", f"{PREFIX}/.env"))
    return Operator(operator.host, OPERATOR, PREFIX)


def test_the_service_runs_what_root_installed(operator, service, bundle):
    service.configure(RAG_MINI_API_KEY="any")
    done = succeeded(service.app("embed", "text", cwd="/tmp"))
    assert done.stderr == ""
    assert "belongs to root" in refused(service.tool("status"), 4)
    root = Operator(operator.host, prefix=PREFIX)
    for words in (("status",), ("backup",), ("validate", "--quick")):
        succeeded(root.tool(*words))
    # the application is tried with the account's rights, in a copy that the account can reach
    checks = [word for name in ("cli", "probe", "dashboard") for word in ("--check", f"ragtrace.{name}")]
    looked = json.loads(succeeded(root.tool("validate", "--json", *checks)).stdout)
    assert {result["status"] for result in looked["validation_results"]} <= {"PASS", "SKIP"}, looked
    assert "PASS" in {result["status"] for result in looked["validation_results"] if result["id"] == "ragtrace.probe"}
    root.install(bundle, "--prefix", PREFIX)
    owners = {path.lstat().st_uid for path in (root.path("data"), *root.path("data").rglob("*"))}
    assert owners == {OPERATOR_ID}
    succeeded(service.app("embed", "text", cwd="/tmp"))


def test_without_its_files_the_service_is_told_in_one_sentence(operator, service):
    root = Operator(operator.host, prefix=PREFIX)
    succeeded(root.run("chown", "root:", f"{PREFIX}/.env"))
    reported = service.app("embed", "text", cwd="/tmp")
    assert reported.returncode == 4
    assert reported.stderr == (
        f"rag-mini: {PREFIX}/.env belongs to root, and operator cannot read it (chown operator {PREFIX}/.env); "
        "the account that runs the application must own both .env and data\n"
    )
    assert f"chown operator {PREFIX}/.env" in root.tool("validate", "--quick").stdout
    succeeded(root.run("chown", f"{OPERATOR}:", f"{PREFIX}/.env"))


@pytest.mark.parametrize("umask", ["000", "077", "777"])
def test_a_user_installs_under_any_umask_and_root_stays_out(operator, bundle, umask):
    prefix = f"/home/{OPERATOR}/own-{umask}"
    own = Operator(operator.host, OPERATOR, prefix)
    line = f"umask {umask}; exec python3 {bundle}/ragtrace-install.pyz install --prefix {prefix}"
    succeeded(own.run("sh", "-c", line, cwd="/tmp"))
    modes = {name: stat.S_IMODE(own.path(name).stat().st_mode) for name in ("", "state", "data", "bin", "releases")}
    assert modes == {"": 0o755, "state": 0o700, "data": 0o700, "bin": 0o755, "releases": 0o755}
    before = own.state()
    root = Operator(operator.host, prefix=prefix)
    for words in ("status", "validate", "uninstall --yes", "backup"):
        reported = refused(root.tool(*shlex.split(words)), 4)
        assert f"{prefix} belongs to operator: root would run" in reported
        assert "sudo -u operator" in reported
    assert "belongs to operator" in refused(root.installer(bundle, "install", "--prefix", prefix), 4)
    assert own.state() == before
    succeeded(own.tool("status"))


def test_root_with_the_home_of_another_leaves_nothing_there(operator, bundle):
    home = operator.host.path(f"/home/{OPERATOR}")
    before = set(home.rglob("*"))
    for words in (("status",), ("install",), ("verify",)):
        operator.installer(bundle, *words, env={"HOME": f"/home/{OPERATOR}"})
    assert set(home.rglob("*")) == before
