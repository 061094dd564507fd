"""Settings: required settings are set, and every line of PREFIX/.env has an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.release import launchers, settings
from shared import troubles
from shared.i18n import _
from shared.programs import app_launcher
from validator.check import APPLICATION, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.release.settings import Settings as Survey
    from validator.subject import Subject


class Settings(Check):
    """Reads the names that .env and the caller's environment set; values are never shown."""

    id = "ragtrace.settings"
    category = APPLICATION

    def title(self) -> str:
        return _("Settings")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, manifest = subject.need_prefix(), subject.need_manifest()
        if not app_launcher.loaded(launchers.run_of(manifest)) and not prefix.env_file.exists():
            raise UncheckedError(SKIP, _("the application has no settings"))
        try:
            found = settings.survey(subject.need_installation())
        except (OSError, ValueError) as error:
            details = _("{path} cannot be read: {reason}").format(path=prefix.env_file, reason=troubles.reason(error))
            yield self.failed(details, suggestion=_("Make it a text file (UTF-8) that this user can read."))
            return
        path, required = str(prefix.env_file), manifest.application.environment.required
        warnings = [*self._lacking(found, path), *self._in_vain(found, path)]
        yield from warnings
        if not warnings:
            names = some_of(required)
            yield self.passed(_("set: {names}").format(names=names) if names else _("no setting is required"))

    def _lacking(self, found: Survey, path: str) -> Iterator[CheckResult]:
        """Yield warnings about required settings that are not set or still have the example's value."""
        advice = _("Set {names} in {path}, one NAME=value per line.")
        if found.missing:
            names = some_of(found.missing)
            details = _("not set: {names}").format(names=names)
            yield self.warned(
                details, suggestion=advice.format(names=names, path=path), evidence={"missing": list(found.missing)}
            )
        if found.untouched:
            names = some_of(found.untouched)
            details = _("still set to the example value: {names}").format(names=names)
            yield self.warned(
                details, suggestion=advice.format(names=names, path=path), evidence={"untouched": list(found.untouched)}
            )

    def _in_vain(self, found: Survey, path: str) -> Iterator[CheckResult]:
        """Yield warnings about lines of the file that have no effect."""
        if found.unread:
            meant = _("{name} (did you mean {other}?)")
            shown = [meant.format(name=name, other=other) if other else name for name, other in found.unread.items()]
            yield self.warned(
                _("{path} has settings that no launcher reads: {names}").format(path=path, names=some_of(shown)),
                suggestion=_(
                    "Fix or remove {names} in {path}. If the application does read a setting, ask whoever "
                    "built the bundle to add it to environment.also in the profile; until then set it in the "
                    "shell that starts the application."
                ).format(names=some_of(list(found.unread)), path=path),
                evidence={"unread": [{"name": name, "meant": other} for name, other in found.unread.items()]},
            )
        if found.overridden:
            names = some_of(found.overridden)
            yield self.warned(
                _("{path} sets values that the release overrides: {names}").format(path=path, names=names),
                suggestion=_("Remove {names} from {path}: the bundle's profile sets these values.").format(
                    names=names, path=path
                ),
                evidence={"overridden": list(found.overridden)},
            )
        if found.wrong:
            lines = some_of([str(number) for number in found.wrong])
            yield self.warned(
                _("{path} has invalid lines: {numbers}").format(path=path, numbers=lines),
                suggestion=_(
                    "Write each of these lines of {path} as NAME=value with closed quotes, or comment it out "
                    "with #: {numbers}."
                ).format(path=path, numbers=lines),
                evidence={"lines": list(found.wrong)},
            )
