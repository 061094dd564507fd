"""Windows hosts and what is installed on them. `make test-windows` runs these tests, `make test` does not."""

from __future__ import annotations

import itertools
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.hosts import needs
from tests.hosts.windows import windows_host
from tests.stories.conftest import workshop  # noqa: F401  - a fixture
from tests.windows import project
from tests.windows.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.hosts.windows import WindowsHost
    from tests.stories.workshop import Workshop


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WindowsHost]:
    """Give a running Windows host that all tests share; each has a prefix of its own."""
    with ExitStack() as stack:
        with needs.or_skip():
            host = stack.enter_context(windows_host(tmp_path_factory.mktemp("windows")))
        yield host


@pytest.fixture(scope="session")
def small(workshop: Workshop) -> Callable[..., Path]:  # noqa: F811
    """Build a version of the small project for a Python on Windows, once."""
    made: dict[tuple[str, str], Path] = {}

    def bundle(version: str = "0.1.0", python: str = project.PYTHON) -> Path:
        if (version, python) not in made:
            made[version, python] = project.small(workshop, version, python)
        return made[version, python]

    return bundle


@pytest.fixture(scope="session")
def example(windows: WindowsHost, workshop: Workshop) -> Operator:  # noqa: F811
    """Install the example once; tests change copies of it, for an installation may be moved."""
    operator = Operator(windows, "C:\\한글 폴더 & 설치\\notes")
    operator.install(operator.copy_in(project.example(workshop)))
    operator.configure(RAG_MINI_API_KEY="any")
    return operator


@pytest.fixture(scope="session")
def jotter(windows: WindowsHost, small: Callable[..., Path]) -> Operator:
    """Install the small project once; tests change copies of it."""
    operator = Operator(windows, "C:\\jotter (하나) & 둘!")
    operator.install(operator.copy_in(small()))
    return operator


@pytest.fixture
def operator(jotter: Operator) -> Operator:
    """Give an installation of the small project that is the test's own."""
    return copy_of(jotter)


def copy_of(installed: Operator) -> Operator:
    """Return a copy of an installation, which may be changed."""
    prefix = next(f"C:\\own\\{n}" for n in itertools.count() if not installed.host.path(f"C:\\own\\{n}").exists())
    target = installed.host.path(prefix)
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(installed.path("")), str(target)], check=True)
    return Operator(installed.host, prefix)
