"""A user's own checks on their way into a bundle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bootstrap import api
from builder.assemble import documents
from builder.assemble.guide import Facts
from builder.project.profile import load_profile
from bundle.manifest import Product
from bundle.target import parse_target
from shared.errors import UsageError
from tests.builder.small_project import _quick, build, made, make_project  # noqa: F401 - the stand-in for the zipapp

if TYPE_CHECKING:
    from pathlib import Path


def profile(folder: Path, plugins: str) -> Path:
    (folder / "checks").mkdir()
    (folder / "checks" / "gpu_driver.py").write_text("print()\n")
    (folder / "checks" / "Bad-Name.py").write_text("")
    if not (folder / "pyproject.toml").exists():
        (folder / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1.0"\n')
    path = folder / "ragtrace-profile.toml"
    path.write_text(f'name = "App"\nplugins = {plugins}\n')
    return path


def test_they_go_where_hosts_look_for_them(tmp_path: Path) -> None:
    loaded = load_profile(profile(tmp_path, '["checks/gpu_driver.py"]'), tmp_path)
    members = documents.members(Facts(Product("app", "App", "1.0", 1), parse_target("linux-x86_64", "3.11"), loaded))
    (entry,) = [member.entry for member in members if member.entry.kind == "plugin"]
    assert entry.path == "06_Verification/plugins/gpu_driver.py"


@pytest.mark.parametrize(
    "plugins", ['["checks/none.py"]', '["checks/Bad-Name.py"]', '["checks/gpu_driver.py", "checks/gpu_driver.py"]']
)
def test_what_cannot_travel_is_refused_with_its_place(tmp_path: Path, plugins: str) -> None:
    with pytest.raises(UsageError, match=r"ragtrace-profile.toml: plugins\[[01]\]"):
        load_profile(profile(tmp_path, plugins), tmp_path)


def test_one_that_was_built_in_runs_on_the_host(tmp_path: Path, key: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "checks").mkdir()
    result = {"check_name": "GPU driver", "status": "WARN", "details": "an old one", "suggestion": "Renew it."}
    (project / "checks" / "gpu_driver.py").write_text(f"import json\nprint(json.dumps({json.dumps(result)}))\n")
    (project / "ragtrace-profile.toml").write_text('name = "Small"\nplugins = ["checks/gpu_driver.py"]\n')
    assert build(project, key, tmp_path / "out") == 0
    bundle = api.open_bundle(made(tmp_path / "out"), trusted_keys=[str(key.with_suffix(".pub"))])
    api.install(bundle, tmp_path / "prefix")
    report = api.validate(tmp_path / "prefix", checks=["plugin.gpu_driver"])
    assert [(found.status, found.details) for found in report.results] == [("WARN", "an old one")]
    assert report.recommendations == ("Renew it.",)
