"""The example application with its real model, in an environment made from its lock."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "rag-mini"
ENVIRONMENT = ROOT / ".cache" / "rag-mini-venv"
# sentence-transformers' first components for "This is an example sentence", rounded as published
PUBLISHED = (0.0677, 0.0635, 0.0487, 0.0793, 0.0374, 0.0027, 0.0394, -0.0071)

pytestmark = pytest.mark.index


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with exactly what the example's lock names."""
    uv = ["uv", "sync", "--project", str(EXAMPLE), "--locked", "--quiet", "--python", sys.executable]
    env = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT)}
    subprocess.run([sys.executable, "-m", *uv], env=env, check=True)
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture(scope="module")
def model() -> Path:
    tool = [sys.executable, str(ROOT / "tools" / "example_model.py")]
    return Path(subprocess.run(tool, check=True, capture_output=True, text=True).stdout.strip())


class App:
    """A copy of the application, run as its launchers run it."""

    def __init__(self, folder: Path, python: Path, model: Path) -> None:
        self.folder, self.python = folder, python
        for name in ("cli.py", "run_dashboard.py", "pyproject.toml"):
            shutil.copy(EXAMPLE / name, folder)
        shutil.copytree(EXAMPLE / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(EXAMPLE / "data", folder / "data", ignore=shutil.ignore_patterns("db"))
        stored = {name: value for name, value in os.environ.items() if not name.startswith("RAG_MINI_")}
        more = {"RAG_MINI_API_KEY": "any", "RAG_MINI_MODEL_PATH": str(model), "PYTHONIOENCODING": "utf-8"}
        self.env = {**stored, **more, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.python), str(self.folder / "cli.py"), *arguments]
        env = {**self.env, **env}
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", timeout=60, check=False)

    def embed(self, text: str) -> list[float]:
        done = self.run("embed", "--json", text, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def app(tmp_path: Path, python: Path, model: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    return App(folder, python, model)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def closeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_gives_the_published_embedding(app: App) -> None:
    vector = app.embed("This is an example sentence")
    assert len(vector) == 384
    assert vector[:8] == pytest.approx(PUBLISHED, abs=6e-5)
    assert closeness(vector, vector) == pytest.approx(1, abs=1e-5)


def test_gives_the_probe_of_its_profile(app: App) -> None:
    probe = json.loads((EXAMPLE / "probe-minilm.json").read_text())
    assert app.embed("The crane lifts the steel beam onto the second floor.") == pytest.approx(probe, abs=1e-5)


def test_similar_sentences_are_closer(app: App) -> None:
    cat, kitten, tax = (app.embed(text) for text in ("A cat sleeps.", "The kitten is napping.", "Taxes rise."))
    assert closeness(cat, kitten) > closeness(cat, tax) + 0.3


def test_does_not_even_print_its_help_without_the_key(app: App, elsewhere: Path) -> None:
    refused = app.run("--help", cwd=elsewhere, RAG_MINI_API_KEY="")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "RAG_MINI_API_KEY: field required" in refused.stderr
    assert app.run("--help", cwd=elsewhere).returncode == 0
    (elsewhere / ".env").write_text("RAG_MINI_API_KEY=any\n")
    del app.env["RAG_MINI_API_KEY"]
    assert app.run("--help", cwd=elsewhere).returncode == 0


def test_evaluates_a_file_of_the_caller_and_writes_into_its_own_tree(app: App, elsewhere: Path) -> None:
    shutil.copy(EXAMPLE / "data" / "questions.json", elsewhere / "mine.json")
    done = app.run("evaluate", "mine.json", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert "hit@3 1.000" in done.stdout
    with sqlite3.connect(app.folder / "data" / "db" / "evaluations.db") as database:
        ((k, hit, mrr),) = database.execute("SELECT k, hit_at_k, mrr FROM evaluations").fetchall()
    database.close()
    assert (k, hit) == (3, 1.0)
    assert 0.9 < mrr <= 1
    export = (app.folder / "exports" / "evaluation-1.csv").read_text(encoding="utf-8").splitlines()
    assert (export[0], len(export)) == ("question,answer,rank", 9)
    assert [path.name for path in elsewhere.iterdir()] == ["mine.json"]
    assert "site-handbook\thit@3 1.000" in app.run("history", cwd=elsewhere).stdout


def test_evaluates_korean_files_into_a_named_database(app: App, elsewhere: Path) -> None:
    url = f"sqlite:///{elsewhere / 'runs.db'}"
    done = app.run("evaluate", "data/현장_질문.json", cwd=app.folder, RAG_MINI_DATABASE_URL=url, RAG_MINI_TOP_K="2")
    assert done.returncode == 0, done.stderr
    assert "현장 안내서: 3 questions, 4 documents" in done.stdout
    assert "hit@2" in done.stdout
    assert (elsewhere / "runs.db").is_file()
    assert not (app.folder / "data" / "db").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "missing.json"),
        ('{"name": "x", "questions": []}', "questions"),
        ('{"name": "x", "documents": {"a": "b"}, "questions": [{"text": "t", "answer": "c"}]}', "no document 'c'"),
    ],
)
def test_says_what_is_wrong_with_a_dataset(app: App, elsewhere: Path, content: str | None, said: str) -> None:
    if content is not None:
        (elsewhere / "missing.json").write_text(content)
    done = app.run("evaluate", "missing.json", cwd=elsewhere)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_says_where_a_model_is_missing(app: App, elsewhere: Path) -> None:
    done = app.run("embed", "text", cwd=elsewhere, RAG_MINI_MODEL_PATH=str(elsewhere))
    assert done.returncode == 1
    assert f"{elsewhere} holds no model" in done.stderr


def test_the_page_shows_the_runs_and_starts_in_its_own_folder_only(app: App, elsewhere: Path) -> None:
    app.run("evaluate", "data/현장_질문.json", cwd=app.folder)
    command = [str(app.python), str(app.folder / "run_dashboard.py"), "--port", "0"]
    refused = subprocess.run(
        command, cwd=elsewhere, env=app.env, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert refused.returncode == 1
    assert "from the application's folder" in refused.stderr
    with subprocess.Popen(command, cwd=app.folder, env=app.env, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(address, timeout=10) as answer:
                page = answer.read().decode()
        finally:
            server.terminate()
    assert "<td>현장 안내서<td>hit@3 1.000" in page
