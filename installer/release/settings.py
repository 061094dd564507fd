"""Check the settings in PREFIX/.env: which are missing, never loaded or overridden; write a new settings file."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.release import launchers
from shared import troubles
from shared.errors import RagtraceError
from shared.files import files
from shared.i18n import _
from shared.programs import app_launcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.installation import Installation
    from shared.terminal.progress import Progress

NEAR = 0.8  # difflib's ratio: one letter missing, added or replaced in a name of ten
_MENTIONED = re.compile(r"^[ \t#]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=", re.MULTILINE)
_PLAIN = re.compile(r"[\w./:@%+,{}-]*")


@dataclass(frozen=True)
class Settings:
    """The result of a survey of the settings, without any value of PREFIX/.env.

    ``missing`` lists the required names that are not set, ``untouched`` those that are set to the template's
    placeholder. ``unread`` maps each name that the application does not load to the name that is probably meant, or ''.
    ``overridden`` lists the names in PREFIX/.env that the release sets to another value, ``wrong`` the numbers of
    lines that set nothing.
    """

    missing: tuple[str, ...]
    untouched: tuple[str, ...]
    unread: dict[str, str]
    overridden: tuple[str, ...]
    wrong: tuple[int, ...]


def survey(installation: Installation) -> Settings:
    """Compare PREFIX/.env and the caller's variables with the names that the application loads.

    Raises OSError if the file cannot be read, ValueError if it is not UTF-8 text.
    """
    manifest, caller = installation.manifest, caller_names()
    run, wanted = launchers.run_of(manifest), manifest.application.environment
    lines, wrong = app_launcher.read_env(app_launcher.text_of(str(installation.prefix.root)))
    written = {name: value for _line, name, value in lines}
    names = app_launcher.loaded(run)
    settings = {name: value for name, value in written.items() if name in names}
    env = app_launcher.environment(str(installation.release.path), run, {}, settings)
    return Settings(
        missing=tuple(name for name in app_launcher.missing(run, env) if name not in caller),
        untouched=tuple(
            name
            for name in wanted.required
            if name not in caller and settings.get(name) and settings[name] == wanted.template.get(name)
        ),
        unread={name: near(name, names) for name in written if name not in names and name not in wanted.values},
        overridden=tuple(
            name for name in written if name in wanted.values and written[name] != env[app_launcher.known_as(name)]
        ),
        wrong=tuple(wrong),
    )


def caller_names() -> set[str]:
    """Return the names of the caller's environment variables, including those that ``bootstrap.launch`` hid."""
    hidden = os.environ.get("RAGTRACE_CALLER_NAMES", "")
    return {*os.environ, *(name for name in hidden.split(",") if name)}


def near(name: str, names: Iterable[str]) -> str:
    """Return the most similar of the known names, or '' if none is similar enough."""
    known = {other.upper(): other for other in names}
    found = difflib.get_close_matches(name.upper(), known, n=1, cutoff=NEAR)
    return known[found[0]] if found else ""


def env_lines(manifest: Manifest) -> Iterator[str]:
    """Yield the lines of a new settings file: every setting, commented out, the required ones first.

    Uncommenting the line of a setting that has a default sets that default.
    """
    said = manifest.application.environment
    heading = _("Settings of {title}: remove the # and set the value; required settings come first.")
    yield f"# {heading.format(title=manifest.product.title)}"
    for name in sorted(_settable(manifest), key=lambda name: (name not in said.required, name)):
        if name not in said.defaults:
            yield f"# {name}="
    if said.defaults:
        yield "# " + _("Defaults of this release; uncomment a line to change it:")
        yield from (f"# {name}={_quoted(said.defaults[name])}" for name in sorted(said.defaults))


def _quoted(value: str) -> str:
    """Return a value, quoted if necessary, for a line of an .env file."""
    return value if _PLAIN.fullmatch(value) else '"' + re.sub(r"([\\\"])", r"\\\1", value) + '"'


def write_env_file(prefix: Prefix, manifest: Manifest, former: Release | None, progress: Progress) -> None:
    """Create a settings file for the user to fill in, or report the new settings if a file exists.

    An existing file is never changed. Errors are only reported as warnings.
    """
    try:
        if os.path.lexists(prefix.env_file):  # a link whose target is not mounted now is still the user's
            report_new(prefix, manifest, former, progress)
        elif app_launcher.loaded(launchers.run_of(manifest)):
            text = "\n".join([*env_lines(manifest), ""])
            files.write_atomic(prefix.env_file, text.encode(), mode=0o600)
    except (OSError, ValueError) as error:
        reason = troubles.reason(error, path=prefix.env_file)
        progress.warn(_("{path}: {reason}.").format(path=prefix.env_file, reason=reason))


def report_new(prefix: Prefix, manifest: Manifest, former: Release | None, progress: Progress) -> None:
    """Warn about settings that a release reads and the previous one did not, unless PREFIX/.env mentions them."""
    known = set(_MENTIONED.findall(app_launcher.text_of(str(prefix.root))))
    with contextlib.suppress(RagtraceError, OSError):  # a damaged release cannot be compared
        known.update(app_launcher.loaded(launchers.run_of(former.manifest())) if former else ())
    new = [name for name in _settable(manifest) if name not in known]
    if new:
        text = _("This release has new settings: {names}. {path} was not changed; add those that you need.")
        progress.warn(text.format(names=", ".join(new), path=prefix.env_file))


def _settable(manifest: Manifest) -> list[str]:
    """Return the names that PREFIX/.env can set, except those for which the release has a fixed value."""
    values = manifest.application.environment.values
    return [name for name in app_launcher.loaded(launchers.run_of(manifest)) if name not in values]
