"""The env template (``.env.example``): the settings of an application, with placeholders.

Lines are parsed like those of PREFIX/.env. A value that spans several lines is rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder.project.toml_file import fields_with
from bundle import strict
from bundle.product.application import source_path
from bundle.product.environment import PLACEHOLDER
from shared import troubles
from shared.errors import UsageError
from shared.i18n import _
from shared.programs import app_launcher
from shared.secret_patterns import CREDENTIAL

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


_ENVIRONMENT: dict[str, Any] = {"required": [], "values": {}, "also": [], "defaults": {}}


def environment_of(value: Any, path: str, project_root: Path, template: str | None = None) -> dict[str, Any]:
    """Return the table of settings, with the path of the template replaced by its contents.

    ``template`` is the path if the table has none; an empty path in the table stands for no template.
    """
    fields = fields_with(value, path, {**_ENVIRONMENT, "template": template})
    if fields.left["template"] == "":
        fields.left["template"] = None
    name = fields.optional("template", source_path)
    result = dict(fields.left)
    required = fields_with(result, path, _ENVIRONMENT).nested("required", strict.texts)
    result["template"] = {} if name is None else read_template(project_root / name, required)
    return result


def read_template(path: Path, required: Collection[str] = ()) -> dict[str, str]:
    """Return the names of an env template with their placeholders; if a name is repeated, the last one counts.

    An empty one gets PLACEHOLDER if it is a credential or in ``required``, because many applications do not start
    without it; any other stays empty, as it is for a user who copies the template. Raises UsageError, with the file and
    the line, if the template is invalid.
    """
    try:
        settings, wrong = app_launcher.read_env(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        wanted = _("Specify an existing UTF-8 file in the profile's environment.template.")
        if isinstance(error, OSError):
            raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
        what = _("The env template {file} cannot be read: {reason}.").format(file=path, reason=error)
        raise UsageError(what, advice=wanted) from error
    wrong += [line for line, _name, value in settings if "\n" in value]
    if wrong:
        raise UsageError(
            _("{file}, line {number}: not of the form NAME=value on one line.").format(file=path, number=min(wrong)),
            advice=_("Correct the line, or begin it with # to make it a comment."),
        )
    needed = {name for _line, name, _value in settings if name in required or CREDENTIAL.search(name)}
    return {name: value or (PLACEHOLDER if name in needed else "") for _line, name, value in settings}
