"""Find how an application without scripts is started, from its requirements and files.

Streamlit, FastAPI, Django and Gradio are known. What is found is the command line that its authors type in the
project's folder.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from builder.project.project import direct_requirements, has_src_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MAIN = ("main.py", "app.py", "run.py", "cli.py", "server.py")  # what authors call the script to start
STARTS = re.compile(r"""^if __name__ == ["']__main__["']""", re.MULTILINE)
BESIDE = {"docs", "examples", "test", "tests", "node_modules", "build", "dist", "venv"}
DEPTH = 4  # parts of a path: src/package/web/app.py
FILES = 2000  # files that are read at most
SIZE = 1 << 20  # bytes of a file that is read
FASTAPI = re.compile(r"^(?P<name>\w+)\s*(?::[^=\n]+)?=\s*(?:fastapi\.)?FastAPI\(", re.MULTILINE)
GRADIO = re.compile(r"^\s*(?:import gradio|from gradio\b)", re.MULTILINE)
LAUNCH = re.compile(r"\.launch\(")
MANAGE = re.compile(r"DJANGO_SETTINGS_MODULE")
_STREAMLIT = re.compile(r"^(?:import streamlit\b|from streamlit\b)", re.MULTILINE)
_DOTTED = re.compile(r"([^\W\d]\w*/)*[^\W\d]\w*\.py")
_SHOWS = re.compile(r"^\s*(?:\w+ = )?(?:with )?(?:st|streamlit)\.(?:\w+\.)*\w+\(", re.MULTILINE)
_PAGE = re.compile(r"\bset_page_config\(|\bst\.navigation\(|^if __name__ ==", re.MULTILINE)


def text_of(path: Path) -> str:
    """Return the text of a source file, or '' if it cannot be read or is larger than any that people write."""
    try:
        return "" if path.stat().st_size > SIZE else path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def proposed(project_root: Path) -> list[str]:
    """Return the command lines that are recognized, else one for the script at the top that is likely the main one."""
    scripts = startable(project_root)
    first = next((name for name in MAIN if name in scripts), scripts[0] if scripts else None)
    return recognized(project_root) or ([f"python {_quoted(first)}"] if first else [])


def startable(project_root: Path) -> list[str]:
    """Return the names of the scripts at the top of a project that do something when started, sorted."""
    return [
        path.name
        for path in sorted(project_root.glob("*.py"))
        if path.is_file() and not path.name.startswith(("test_", "conftest")) and STARTS.search(text_of(path))
    ]


def recognized(project_root: Path) -> list[str]:
    """Return a command line for each way to start the application that is found, the likeliest of each framework."""
    required = direct_requirements(project_root)
    finders = {name: find for name, find in _FINDERS.items() if name in required}
    if not finders:
        return []
    texts = {path.relative_to(project_root).as_posix(): text_of(path) for path in _files(project_root)}
    found = (find(texts, project_root, required) for find in finders.values())
    return [line for line in found if line]


def _files(project_root: Path) -> Iterator[Path]:
    """Yield the Python files of a project near its top, without tests, examples and environments."""
    left, folders = FILES, [project_root]
    while folders and left > 0:
        folder = folders.pop(0)
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or path.name.startswith(".") or path.name in BESIDE:
                continue
            if path.is_dir() and len(path.relative_to(project_root).parts) < DEPTH:
                folders += [] if (path / "pyvenv.cfg").exists() else [path]
            elif path.suffix == ".py" and path.is_file() and left > 0:
                left -= 1
                yield path


def _likeliest(paths: list[str], texts: Mapping[str, str], main: re.Pattern[str]) -> str | None:
    """Return the path that is most likely the main one: it has what only main files have, and is near the top."""

    def rank(path: str) -> tuple[bool, int, bool, str]:
        name = path.rpartition("/")[2]
        usual = name in ("app.py", "main.py", "streamlit_app.py")
        return not main.search(texts[path]), path.count("/"), not usual, path

    return min(paths, key=rank, default=None)


def _streamlit(texts: Mapping[str, str], _root: Path, _required: Mapping[str, set[str]]) -> str | None:
    shows = [path for path, text in texts.items() if _STREAMLIT.search(text) and _SHOWS.search(text)]
    path = _likeliest([path for path in shows if "pages/" not in f"/{path}"], texts, _PAGE)
    return path and f"streamlit run {_quoted(path)}"


def _fastapi(texts: Mapping[str, str], root: Path, required: Mapping[str, set[str]]) -> str | None:
    """Return the uvicorn command of a FastAPI application, if the project requires uvicorn."""
    if "uvicorn" not in required and not required["fastapi"] & {"standard", "all"}:
        return None
    found = [path for path, text in texts.items() if FASTAPI.search(text) and _DOTTED.fullmatch(path)]
    path = _likeliest(found, texts, FASTAPI)
    matched = FASTAPI.search(texts[path]) if path else None
    if not path or not matched:
        return None
    module = path.removeprefix("src/") if has_src_layout(root) else path
    dotted = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"uvicorn {dotted}:{matched['name']}"


def _django(texts: Mapping[str, str], _root: Path, _required: Mapping[str, set[str]]) -> str | None:
    found = [path for path, text in texts.items() if path.endswith("manage.py") and MANAGE.search(text)]
    path = _likeliest(found, texts, MANAGE)
    return path and f"python {_quoted(path)}"


def _gradio(texts: Mapping[str, str], _root: Path, _required: Mapping[str, set[str]]) -> str | None:
    found = [path for path, text in texts.items() if GRADIO.search(text) and LAUNCH.search(text)]
    path = _likeliest(found, texts, LAUNCH)
    return path and f"python {_quoted(path)}"


_FINDERS: dict[str, Callable[[Mapping[str, str], Path, Mapping[str, set[str]]], str | None]] = {
    "streamlit": _streamlit,
    "fastapi": _fastapi,
    "django": _django,
    "gradio": _gradio,
}


def _quoted(path: str) -> str:
    return f"'{path}'" if re.search(r"[^\w./-]", path) else path
