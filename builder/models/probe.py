"""The embedding that hosts must reproduce, computed on the builder with the project's own environment.

The application is started like an installed one: with the same command and settings, with placeholders for the
user's settings, and without access to a model hub. A failure never stops a build: it is reported, and hosts then do
not compare embeddings.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.backends.workshop import last_reason
from bundle.embedding import embedding_in
from shared.errors import ToolError
from shared.files import temp_folders
from shared.i18n import _
from shared.processes import process
from shared.programs import app_launcher

if TYPE_CHECKING:
    from builder.models.models import CollectedModel
    from builder.project.model_source import ModelSource
    from bundle.product.application import Application
    from shared.terminal.progress import Progress

TIME_LIMIT = 900.0  # seconds; a large model loads slowly
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@dataclass(frozen=True)
class LocalApplication:
    """The application as it runs on this machine: its launchers and settings, and the project folder."""

    application: Application
    root: Path

    @property
    def venv(self) -> Path:
        """The project's virtual environment."""
        return self.root / ".venv"


def with_embedding(
    source: ModelSource, model: CollectedModel, local: LocalApplication, progress: Progress
) -> ModelSource:
    """Return the source with its probe's embedding, if the profile requests one and the environment can compute it."""
    if source.probe is None or not source.probe.record:
        return source
    embedding: tuple[float, ...] | None = None
    reason = _("{folder} does not exist").format(folder=local.venv)
    if local.venv.is_dir():
        progress.step(_("Computing the probe embedding of {name}").format(name=source.name))
        embedding, reason = _asked((*source.probe.command, source.probe.sentence), model, local)
    if embedding is None:
        progress.warn(
            _(
                "The probe embedding of {name} could not be recorded ({reason}): hosts will not compare embeddings."
            ).format(name=source.name, reason=reason)
        )
    return replace(source, probe=replace(source.probe, embedding=embedding))


def _asked(
    command: tuple[str, ...], model: CollectedModel, local: LocalApplication
) -> tuple[tuple[float, ...] | None, str]:
    """Return the embedding and '', or None and the reason why there is none."""
    with temp_folders.scratch() as scratch:
        release = Path(scratch, "releases", "probe")  # laid out like an installed release
        for name, target in (("app", local.root), ("venv", local.venv)):
            (release / name).parent.mkdir(parents=True, exist_ok=True)
            (release / name).symlink_to(target, target_is_directory=True)
        for file in model.files:
            place = release / "models" / model.name / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file.source.resolve(), place)
            except OSError:
                shutil.copyfile(file.source, place)
        data = Path(scratch, "data")
        data.mkdir()
        run = local.application.to_json()
        caller = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        settings = local.application.environment.placeholders
        env = {**app_launcher.environment(str(release), run, caller, settings, str(data)), **OFFLINE}
        argv, folder = app_launcher.command(str(release), run, command[0], list(command[1:]), str(data))
        try:
            done = process.run(argv, cwd=Path(folder or data), env=env, timeout=TIME_LIMIT)
        except ToolError as error:
            return None, error.what
    embedding = embedding_in(done.stdout) if done.ok else None
    if embedding is None:
        return None, last_reason(done) if not done.ok else _("its output is not a JSON list of numbers")
    return tuple(embedding), ""
