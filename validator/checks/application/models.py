"""Model files: every one matches the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.release import lacks
from shared.i18n import _, joined, plural
from shared.terminal.console import human_bytes
from validator.check import APPLICATION, NORMAL, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.release.installation import Installation
    from validator.subject import Subject


class Models(Check):
    """Reads every model file of the release, and checks the models that are not part of the bundle."""

    id = "ragtrace.models"
    category = APPLICATION
    time_limit = 600.0
    effort = NORMAL

    def title(self) -> str:
        return _("Model files")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        release, manifest = installation.release, installation.manifest
        entries = list(manifest.of_kind("model"))
        yield from self.apart(installation)
        if not entries and manifest.application.models_apart:
            return
        if not entries:
            raise UncheckedError(SKIP, _("the bundle has no models"))
        found = record.digests_of([release.models / entry.inner for entry in entries], subject.digests)
        missing = [entry.inner for entry, digest in zip(entries, found) if digest is None]
        altered = [entry.inner for entry, digest in zip(entries, found) if digest not in (None, entry.sha256)]
        if missing or altered:
            parts = [
                _("missing: {names}").format(names=some_of(missing)) if missing else "",
                _("altered: {names}").format(names=some_of(altered)) if altered else "",
            ]
            yield self.failed(
                joined("; ", [part for part in parts if part]),
                evidence={"missing": missing, "altered": altered},
                **subject.reinstall(),
            )
            return
        size = human_bytes(sum(entry.size for entry in entries))
        details = plural(
            "{count} file ({size}) matches the manifest",
            "{count} files ({size}) match the manifest",
            len(entries),
        ).format(count=len(entries), size=size)
        yield self.passed(details)

    def apart(self, installation: Installation) -> Iterator[CheckResult]:
        """Yield a result for each model that is not part of the bundle."""
        missing, prefix = lacks.missing_models(installation), installation.prefix
        for model in installation.manifest.application.models_apart:
            name, evidence = _("Model {model}").format(model=model.name), {"model": model.name, "source": model.source}
            place, damaged = lacks.model_folder(prefix, model), lacks.damaged_weights(prefix, model)
            advice = lacks.what_to_copy(prefix, model)
            if model in missing:
                details = _("not part of the bundle, and {folder} has no files").format(folder=place)
                yield self.warned(details, suggestion=advice, name=name, evidence=evidence)
            elif damaged:
                reported = [f"{file} ({fault})" for file, fault in damaged.items()]
                details = _("damaged in {folder}: {files}").format(folder=place, files=some_of(reported))
                yield self.failed(details, suggestion=advice, name=name, evidence={**evidence, "damaged": [*damaged]})
            else:
                details = _("{folder} has files; the bundle does not define which files it must have").format(
                    folder=place
                )
                yield self.passed(details, name=name, evidence=evidence)
