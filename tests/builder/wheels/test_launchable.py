"""A launcher of a module that nothing provides stops the build, not the host."""

from __future__ import annotations

import pytest

from builder.wheels.launchable import require_launchable
from bundle.product.application import Application, Launcher
from shared.errors import BuildError
from tests.builder.small_project import _quick, build, make_project  # noqa: F401 - a fixture
from tests.wheels import make_wheel


def starting(*targets: str, import_paths: tuple[str, ...] = ()) -> Application:
    """Return an application with a launcher for each module or entry point."""
    kinds = [("entry" if ":" in target else "module", target) for target in targets]
    launchers = (Launcher(f"c{number}", kind, target) for number, (kind, target) in enumerate(kinds))
    return Application(launchers=tuple(launchers), import_paths=import_paths)


@pytest.mark.parametrize("member", ["web/__main__.py", "web.py", "web.cpython-311-x86_64-linux-gnu.so", "web.pyd"])
def test_a_module_of_a_wheel_is_found_by_any_name_that_imports_it(tmp_path, member) -> None:
    (wheel := tmp_path / "x.whl").write_bytes(make_wheel("some-web", "1.0", {member: ""}))
    require_launchable(starting("web.cli:main", "web"), [], [wheel])


def test_a_module_may_lie_in_the_data_of_a_wheel(tmp_path) -> None:
    files = {"some_web-1.0.data/purelib/web/__init__.py": ""}
    (wheel := tmp_path / "x.whl").write_bytes(make_wheel("some-web", "1.0", files))
    require_launchable(starting("web"), [], [wheel])


def test_the_source_and_the_standard_library_have_modules_too() -> None:
    application = starting("http.server", "inner", "outer.run:main", import_paths=("src", "."))
    require_launchable(application, ["src/inner/__init__.py", "outer.py"], [])
    with pytest.raises(BuildError, match="the module outer,"):  # the wheel of the project is imported, not its folder
        require_launchable(starting("outer.run:main"), ["outer.py"], [])


def test_every_launcher_without_a_module_is_named(tmp_path) -> None:
    (wheel := tmp_path / "x.whl").write_bytes(make_wheel("some-web", "1.0", {"webs/__init__.py": "", "web.txt": ""}))
    with pytest.raises(BuildError) as refused:
        require_launchable(starting("web", "nowhere.cli:main"), ["docs/nowhere.py"], [wheel])
    assert refused.value.what == (
        "The command c1 starts the module nowhere, which no package of the lockfile has.\n"
        "The command c0 starts the module web, which no package of the lockfile has."
    )
    assert refused.value.advice


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_run_is_compared_with_the_lockfile(tmp_path, key, capsys, more) -> None:
    project = make_project(tmp_path / "project")
    assert build(project, key, tmp_path / "out", "--run", "streamlit run small_app/__init__.py", *more) == 7
    said = capsys.readouterr().err
    assert "starts the module streamlit, which no package of the lockfile has" in said
    assert "Traceback" not in said
