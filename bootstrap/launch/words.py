# mypy: disable-error-code="no-untyped-def,no-untyped-call,attr-defined,name-defined,union-attr"
"""The launcher's error messages, in the operator's language.

This file keeps the syntax of Python 2.7, so that an interpreter that is too old prints a readable error.
"""

import os

HOST, DAMAGED = 4, 3  # exit codes


class Refusal(Exception):  # noqa: N818 - not an error of this tool: the host is unsuitable
    """The reason why the launcher refuses to start, the advice, and the exit code."""

    def __init__(self, what, advice, code=HOST):
        Exception.__init__(self, what)
        self.what, self.advice, self.code = what, advice, code


def _(message):
    """Translate a message into the operator's language with the catalogue inside the zipapp."""
    try:
        import gettext
        import io

        path = os.path.join("site-packages", "shared", "locale", language(), "LC_MESSAGES", "ragtrace.mo")
        return gettext.GNUTranslations(io.BytesIO(__loader__.get_data(path))).gettext(message)
    except Exception:  # noqa: BLE001 - no such catalogue, or Python is too old or incomplete: English
        return message


def sentence(text):
    """Return a string as one line without control characters, because a folder on a medium may have any name."""
    old = not hasattr(text, "isprintable")  # Python 2, in which str is bytes: only the version message is printed
    return "".join(part if old or part.isprintable() else part.encode("unicode_escape").decode() for part in text)


def language():
    """Return the code of the operator's language, determined as in shared/i18n.py."""
    for name in ("RAGTRACE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].partition(".")[0].partition("_")[0]
    if os.name == "nt":
        import ctypes
        import locale

        code = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return locale.windows_locale.get(code, "en").partition("_")[0]
    return "en"


def broken(zipapp, reason):
    """Return the refusal for a zipapp that is damaged or cannot be read."""
    if isinstance(reason, EnvironmentError) and reason.errno:  # those raised by zipimport itself have none
        return Refusal(
            _("{path} cannot be read: {reason}.").format(path=zipapp, reason=reason.strerror),
            _("Check the file's permissions and its medium; if the medium is failing, use another one."),
        )
    return Refusal(
        _("{path} is damaged: {reason}.").format(path=zipapp, reason=reason),
        _("Copy the file again and compare its SHA-256 with one received out of band."),
        DAMAGED,
    )
