"""The application's folders below its pyproject.toml, made when this is imported."""

from pathlib import Path

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
DATA = ROOT / "data"
for folder in (DATA, DATA / "db", DATA / "temp"):
    folder.mkdir(parents=True, exist_ok=True)


def available_datasets():
    return sorted(path.name for path in DATA.glob("*.json"))
