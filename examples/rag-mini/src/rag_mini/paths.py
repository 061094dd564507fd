"""The application's own folders, found from this file up to the one that holds pyproject.toml."""

from pathlib import Path


def project_root():
    for folder in Path(__file__).resolve().parents:
        if (folder / "pyproject.toml").is_file():
            return folder
    raise FileNotFoundError("no pyproject.toml above " + __file__)


def database_file(url=None):
    """Return the SQLite file; a relative one lies in the working directory."""
    if url is None:
        return project_root() / "data" / "db" / "evaluations.db"
    if not url.startswith("sqlite:///"):
        raise ValueError(f"{url} is not of the form sqlite:///FILE")
    return Path(url.removeprefix("sqlite:///"))


def exports_folder():
    return project_root() / "exports"
