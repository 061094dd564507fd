"""The collection as ansible-core and ansible-lint see it."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from shared.processes import process
from tests.fleet.control import COLLECTION

pytestmark = [pytest.mark.index]
# the tests of ansible-test that fetch nothing: the others build environments of their own from the package index
SANITY = [
    "action-plugin-docs",
    "compile",
    "empty-init",
    "ignores",
    "line-endings",
    "no-assert",
    "no-get-exception",
    "no-illegal-filenames",
    "no-smart-quotes",
    "replace-urlopen",
    "shebang",
    "symlinks",
    "use-argspec-type-path",
    "use-compat-six",
]
MODULES = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))


def ansible(ansible_bin, home, *argv, **more):
    """Run one of Ansible's commands in an empty home."""
    env = {**os.environ, "HOME": str(home), "PATH": f"{ansible_bin}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    return process.run([str(ansible_bin / argv[0]), *argv[1:]], env={**env, **more.pop("env", {})}, timeout=300, **more)


def test_the_production_profile_of_ansible_lint_finds_nothing(ansible_bin, tmp_path):
    folder = tmp_path / "ansible_collections" / "ragtrace" / "offline"
    shutil.copytree(COLLECTION, folder)
    lint = ("ansible-lint", "--offline", "--profile", "production", "--nocolor")
    done = ansible(ansible_bin, tmp_path, *lint, cwd=folder, env={"ANSIBLE_COLLECTIONS_PATH": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stderr + done.stdout, done


def test_what_ansible_test_checks_without_a_network_is_clean(ansible_bin, tmp_path):
    folder = tmp_path / "ansible_collections" / "ragtrace" / "offline"
    shutil.copytree(COLLECTION, folder)
    for words in (("init", "-q"), ("add", "-A")):  # it looks only at files that git knows
        assert process.run(["git", *words], cwd=folder, timeout=60).ok
    chosen = [word for name in SANITY for word in ("--test", name)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    sanity = ("ansible-test", "sanity", "--python", version, "--color", "no", *chosen)
    done = ansible(ansible_bin, tmp_path, *sanity, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f'Running sanity test "{name}"' in done.stdout + done.stderr for name in SANITY), done


def test_each_module_is_documented_with_every_option_that_it_takes(ansible_bin, collections, tmp_path):
    names = [f"ragtrace.offline.{name}" for name in MODULES]
    env = {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    done = ansible(ansible_bin, tmp_path, "ansible-doc", "--json", *names, env=env)
    assert done.returncode == 0, done.stderr
    documented = json.loads(done.stdout)
    assert sorted(documented) == names
    for name, said in documented.items():
        assert said["doc"]["short_description"], name
        assert said["examples"].strip(), name
        assert {"check_mode", "diff_mode"} <= set(said["doc"]["attributes"]), name
