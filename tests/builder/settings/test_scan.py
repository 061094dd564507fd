"""Settings that code reads and no profile has: seen in syntax of every kind, without noise."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from builder.project.default_profile import default_profile
from builder.project.profile import load_profile
from builder.settings import scan as settings_scan
from builder.settings.scan import CODE, DEPENDENCY, UNKNOWN, Unlisted, find_unlisted, note_lines, report
from builder.sources.source import collect_source
from bundle.product.environment import Environment
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path

NONE = Environment()
PYPROJECT = '[project]\nname = "small-app"\nversion = "1"\n'


def found(root: Path, files: dict[str, str], environment: Environment = NONE, packages=()) -> list[Unlisted]:
    for path, text in {"pyproject.toml": PYPROJECT, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text), encoding="utf-8")
    sources = collect_source(root, default_profile(root), NoProgress())
    return list(find_unlisted(root, sources, environment, packages))


def names(root: Path, code: str, environment: Environment = NONE) -> list[str]:
    return [item.name for item in found(root, {"app.py": code}, environment) if item.read_by == CODE]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\nos.environ['A_B']", ["A_B"]),
        ("import os as o\no.environ.get('A_B', 1); o.getenv('C_D')", ["A_B", "C_D"]),
        ("from os import environ as e, getenv as g\ne.get('A_B'); g('C_D'); 'E_F' in e", ["A_B", "C_D", "E_F"]),
        ("import os.path\nos.environ.setdefault('A_B', '1'); os.environ.pop('C_D', None)", ["A_B", "C_D"]),
        ("import os\nenv = os.environ.copy()\nenv.get('A_B')\nenv['C_D'] = '1'", ["A_B"]),
        ("import os\nenv = dict(os.environ)\nenv['A_B']", ["A_B"]),
        ("from dotenv import dotenv_values\nc = {**dotenv_values('.env'), 'X': 1}\nc['A_B']", ["A_B"]),
        ("import dotenv\nc = dotenv.dotenv_values()\nc.get('A_B')", ["A_B"]),
        ("from dotenv import get_key\nget_key('.env', 'A_B')", ["A_B"]),
        ("import os\nKEY = 'A_B'\nos.getenv(KEY)", ["A_B"]),
        ("import os\nfor key in ('A_B', 'C_D'):\n    os.getenv(key)", ["A_B", "C_D"]),
        ("import os\nKEYS = ['A_B', 'C_D']\n[key for key in KEYS if not os.getenv(key)]", ["A_B", "C_D"]),
        ("import click\n@click.option('--x', envvar='A_B')\ndef f(x): pass", ["A_B"]),
        ("import typer\ndef f(x=typer.Option('', envvar=['A_B', 'C_D'])): pass", ["A_B"]),
        ("import argparse, os\np.add_argument('--x', default=os.environ.get('A_B'))", ["A_B"]),
        ("from decouple import config\nDEBUG = config('A_B', default=False, cast=bool)", ["A_B"]),
        ("from decouple import AutoConfig\nconfig = AutoConfig()\nconfig('A_B')", ["A_B"]),
        ("from environs import Env\nenv = Env()\nenv.read_env('x')\nenv('A_B'); env.int('C_D', 3)", ["A_B", "C_D"]),
        (
            "from environs import Env\nenv = Env()\nwith env.prefixed('P_'):\n    env.str('A_B')\nenv('C_D')",
            ["C_D", "P_A_B"],
        ),
        ("from starlette.config import Config\nc = Config('.env')\nc('A_B', cast=str)", ["A_B"]),
        ("import os\nget = os.environ.get\ngetenv = os.getenv\nget('A_B'); getenv(key='C_D')", ["A_B", "C_D"]),
        ("import os\ndef get(name, default=None):\n    return os.environ.get(name, default)\nget('A_B')", ["A_B"]),
        ("import os\ndef get(*, key): return os.environ[key]\nget(key='A_B'); get('C_D')", ["A_B"]),
        ("import os\ndef on(d, name): return name in os.environ\non(1, 'A_B'); on(name='C_D', d=1)", ["A_B", "C_D"]),
        ("import os\ndef get(name): return os.getenv(f'P_{name.upper()}_X')\nget('a_b')", ["P_A_B_X"]),
        ("import os\ndef one(n): return os.getenv('P_' + n)\ndef two(m): return int(one(m))\ntwo('A_B')", ["P_A_B"]),
        (
            "import os\ndef secret(n): return os.getenv(n + '_FILE') or os.getenv(n)\nsecret('A_B')",
            ["A_B", "A_B_FILE"],
        ),
        ("import os\ndef f(n): return f(n + '_X') or os.getenv(n)\nf('A_B')", ["A_B"]),
        ("import os\ndef two(m): return one(m, 1)\ndef one(n, x): return os.getenv(n)\ntwo('A_B')", ["A_B"]),
        ("from decouple import config\ndef flag(name): return config(name, cast=bool)\nflag('A_B')", ["A_B"]),
        (
            """import os
class S:
    def _get(self, name): return os.getenv(name)
    @staticmethod
    def env(name): return os.getenv(name)
    def level(self): return self._get('A_B')
s = S()
s._get('C_D')
S.env('E_F')""",
            ["A_B", "C_D", "E_F"],
        ),
        ("import os\nclass S:\n    def __call__(self, name): return os.getenv(name)\ns = S()\ns('A_B')", ["A_B"]),
        ("import os\nif not os.getenv('A_B'):\n    os.environ['A_B'] = 'x'", ["A_B"]),
    ],
)
def test_reads_of_every_kind_are_seen(tmp_path: Path, code: str, expected: list[str]) -> None:
    assert names(tmp_path, code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.environ['A_B'] = '1'\ndel os.environ['C_D']",
        "import os\nenv = {}\nenv['A_B']; env.get('C_D')",
        "import os\nos.getenv('PATH'); os.environ['HOME'], os.environ.get('XDG_CACHE_HOME'), os.getenv('PYTHONPATH')",
        "import os\ndef f(name): return os.getenv(name)",
        "import os\nkey = 'A_B'\nkey = input()\nos.getenv(key)",
        "import os\nos.getenv(f'{x}_B'); os.getenv('not a name')",
        "environ = {}\nenviron['A_B']",
        "import os\ndef f():\n    old = os.environ.get('A_B', '')\n    os.environ['A_B'] = '1'",
        "from pydantic import BaseModel\nclass Row(BaseModel):\n    column: str",
        "def config(x): ...\nconfig('A_B')",
        "import os\ndef get(name):\n    name = name + input()\n    return os.getenv(name)\nget('A_B')",
        "import os\ndef get(name): return os.getenv(name)\nget(input()); get(*['A_B'])\n{}.get('A_B')",
        "import os\nclass S:\n    def get(self, name): return os.getenv(name)\nrow = {}\nrow.get('A_B')",
        "print 'Python 2'",
    ],
)
def test_what_nobody_can_set_or_only_the_code_sets_is_left_out(tmp_path: Path, code: str) -> None:
    assert names(tmp_path, code) == []


def test_functions_around_a_lookup_are_followed_into_other_files(tmp_path: Path) -> None:
    files = {
        "pkg/config.py": """
            import os
            def setting(name, default=None): return os.environ.get("PKG_" + name, default)
            class Env:
                def text(self, name): return os.getenv(name)
            env = Env()
        """,
        "pkg/__init__.py": "from .config import setting as public\n",
        "pkg/a.py": "from .config import setting, env\nsetting('A'); env.text('B_B'); {}.get('NO_NO')\n",
        "pkg/b.py": "from . import config\nfrom pkg import public\nconfig.setting('C'); public('D')\n",
        "pkg/c.py": "import pkg.config as c\nimport pkg.config\nc.env.text('E_E'); pkg.config.setting('F')\n",
    }
    reported = {(item.name, item.file) for item in found(tmp_path, files) if item.read_by == CODE}
    assert reported == {
        ("PKG_A", "pkg/a.py"),
        ("B_B", "pkg/a.py"),
        ("PKG_C", "pkg/b.py"),
        ("PKG_D", "pkg/b.py"),
        ("E_E", "pkg/c.py"),
        ("PKG_F", "pkg/c.py"),
    }


SETTINGS = """
from typing import Annotated, ClassVar, Optional
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

class Base(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", case_sensitive=%s)

class Settings(Base):
    api_key: str
    Level: str = "low"
    limit: ClassVar[int] = 3
    _private: int = 1
    url: str = Field("x", alias="SITE_URL")
    token: Optional[str] = Field(None, validation_alias=AliasChoices("APP_TOKEN", "TOKEN"))
    depth: Annotated[int, Field(validation_alias="DEPTH")] = 1

    @property
    def shown(self) -> str:
        local: str = ""
        return local
"""


def test_fields_of_settings_classes_are_settings(tmp_path: Path) -> None:
    expected = ["APP_API_KEY", "APP_LEVEL", "APP_TOKEN", "DEPTH", "SITE_URL"]
    assert names(tmp_path, SETTINGS % "False") == expected
    exact = ["APP_Level", "APP_TOKEN", "APP_api_key", "DEPTH", "SITE_URL"]
    assert names(tmp_path, SETTINGS % "True") == exact


def test_a_name_counts_as_listed_by_any_of_its_aliases_and_in_the_case_that_the_class_takes(tmp_path: Path) -> None:
    listed = Environment({"app_api_key": "x"}, (), {"Site_Url": "x"}, ("TOKEN",), {"APP_LEVEL": "x"})
    assert names(tmp_path, SETTINGS % "False", listed) == ["DEPTH"]
    assert names(tmp_path, SETTINGS % "True", listed) == ["APP_Level", "APP_api_key", "DEPTH", "SITE_URL"]


def test_settings_classes_are_known_across_files_and_old_ways_to_configure_them(tmp_path: Path) -> None:
    files = {
        "base.py": "import pydantic_settings as p\nclass Common(p.BaseSettings):\n class Config: env_prefix = 'MY_'\n",
        "app.py": "from base import Common\nclass Mine(Common, case_sensitive=True):\n    NAME: str\n",
        "old.py": "import pydantic as p\nclass Old(p.BaseSettings):\n\n a: str = p.Field('', env=['A', 'B'])\n",
        "loop.py": "class A(B): x: int\nclass B(A): y: int\n",
    }
    reported = [(item.name, item.place) for item in found(tmp_path, files)]
    assert reported == [("A", "old.py:4"), ("MY_NAME", "app.py:3")]


def test_what_launchers_set_themselves_is_left_out(tmp_path: Path) -> None:
    assert names(tmp_path, "import os\nos.environ['RAGTRACE_PREFIX']; os.getenv('VIRTUAL_ENV')") == []


def test_what_the_profile_or_the_template_has_is_left_out(tmp_path: Path) -> None:
    code = "import os\nfor key in ('IN_TEMPLATE', 'IN_ALSO', 'IN_VALUES', 'IN_DEFAULTS', 'NEW'):\n    os.getenv(key)\n"
    listed = Environment({"IN_TEMPLATE": "x"}, (), {"IN_VALUES": "x"}, ("IN_ALSO",), {"IN_DEFAULTS": "x"})
    assert names(tmp_path, code, listed) == ["NEW"]


def test_code_that_does_not_travel_or_only_tests_is_left_out(tmp_path: Path) -> None:
    reads = "import os\nos.getenv('A_B')\n"
    files = {
        "ragtrace-profile.toml": 'name = "Small"\n[source]\ninclude = ["src"]\n',
        "src/app.py": "",
        **dict.fromkeys(("tools.py", "src/tests/x.py", "src/test_app.py", "src/conftest.py", "src/setup.py"), reads),
    }
    found(tmp_path, files)
    profile = load_profile(tmp_path / "ragtrace-profile.toml", tmp_path)
    sources = collect_source(tmp_path, profile, NoProgress())
    assert find_unlisted(tmp_path, sources, profile.application.environment, ()) == ()


GUIDE = """
    export DEMO_DEVICE="cpu"  # in a shell
    echo 'DEMO_LIMIT=3' >> .env
    docker run -e STREAMLIT_SERVER_PORT=8501 -e DEMO_LIMIT=$DEMO_LIMIT
    HF_HOME=/models OURS_LEVEL=2
    PATH=/bin  UV_OFFLINE=1  PYTHONHASHSEED=0  GREEN=$(tput setaf 2)
    DEMO_SIZES = [1, 2]   DEMO_LIST=[1]   DEMO_PID=$!   if (DEMO_X==1)  -DDEMO_FLAG=1  ${DEMO_Y:-1}
"""


def test_guides_are_read_and_who_reads_what_they_name_is_said(tmp_path: Path) -> None:
    files = {
        "app.py": "import os\nos.getenv('DEMO_DEVICE')\nos.getenv('OURS_' + name.upper())\n",
        "docs/사용법.md": GUIDE,
        ".env.example": "DEMO_TEMPLATE=1\n# DEMO_COMMENTED=2\n",
        "docker-compose.yml": "environment:\n  - POSTGRES_USER=me\n  STREAMLIT_SERVER_ADDRESS: 0.0.0.0\n",
        "CHANGELOG.md": "DEMO_GONE=1\n",
        "tests/README.md": "DEMO_TESTED=1\n",
    }
    reported = found(tmp_path, files, Environment({"DEMO_TEMPLATE": "1"}), ("streamlit", "huggingface-hub"))
    assert {item.name: (item.place, item.read_by) for item in reported} == {
        "DEMO_DEVICE": ("app.py:2", CODE),
        "DEMO_LIMIT": ("docs/사용법.md:3", UNKNOWN),
        "DEMO_COMMENTED": (".env.example:2", UNKNOWN),
        "STREAMLIT_SERVER_PORT": ("docs/사용법.md:4", DEPENDENCY),
        "STREAMLIT_SERVER_ADDRESS": ("docker-compose.yml:3", DEPENDENCY),
        "OURS_LEVEL": ("docs/사용법.md:5", CODE),
        "HF_HOME": ("docs/사용법.md:5", DEPENDENCY),
    }


def test_the_note_gives_the_lines_for_the_profile_and_a_build_tells_what_code_reads() -> None:
    unlisted = [Unlisted("A_B", "app.py", 2, CODE), Unlisted("C_D", "app.py", 3, CODE)]
    named = [Unlisted("ST_X", "README.md", 1, DEPENDENCY), *(Unlisted(f"N_{n}", "a.md", n, UNKNOWN) for n in range(12))]
    lines = list(note_lines([*unlisted, *named]))
    assert "    A_B (app.py:2)" in lines
    assert lines[lines.index("    [environment]") + 1] == '    also = ["A_B", "C_D"]'
    assert lines[-2].endswith("a dependency may read: ST_X (README.md:1)")
    assert lines[-1].endswith("N_9 (a.md:9) (+2)")
    heard: list[str] = []
    progress = NoProgress()
    progress.warn = heard.append  # type: ignore[assignment]
    report([*unlisted, *named], progress)
    report(named, progress)
    assert len(heard) == 1
    assert "A_B, C_D" in heard[0]
    assert list(note_lines([])) == []


@pytest.mark.parametrize(
    "text", ["x = " + "(" * 500 + ")" * 500, "x = a" + ".copy()" * 3000, "x = " + "-" * 100_000 + "1", "x = '\0'", "\\"]
)
def test_no_code_is_too_odd_to_be_looked_at(tmp_path: Path, text: str) -> None:
    assert names(tmp_path, text) == []


def test_a_file_that_is_too_large_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os\nos.getenv('A_B')\n"
    monkeypatch.setattr(settings_scan, "SIZE_LIMIT", len(code) - 1)
    assert names(tmp_path, code) == []
