"""The settings, from the environment and from .env in the working directory."""

import os
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

PREFIX = "RAG_MINI_"


class Settings(BaseModel):
    """What the application needs to start."""

    api_key: str = Field(min_length=1)
    model_path: Path | None = None
    database_url: str | None = None
    top_k: int = Field(default=3, ge=1, le=100)


class SettingsError(Exception):
    """A setting is missing or wrong; the message names each."""


def load_settings(environ=None, env_file=Path(".env")):
    """Return the settings; the environment wins over the file. Raises SettingsError."""
    values = {**_read_env(env_file), **(os.environ if environ is None else environ)}
    known = {name: values.get(PREFIX + name.upper()) for name in Settings.model_fields}
    try:
        return Settings(**{name: value for name, value in known.items() if value})
    except ValidationError as error:
        lines = [f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg'].lower()}" for item in error.errors()]
        raise SettingsError("; ".join(lines)) from error


def _read_env(file):
    if not file.is_file():
        return {}
    lines = (line.strip().removeprefix("export ") for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
