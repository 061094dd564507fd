"""Whom attestations are believed: the sigstore trust root, and the publishers that a build allows."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared import reading, troubles
from shared.errors import BuildError, RagtraceError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sigstore.models import TrustedRoot

ROOT_LIMIT = 4 << 20  # bytes; sigstore's own has about 10 kB
PARTS = ("certificateAuthorities", "tlogs", "ctlogs")
# the kinds of publishers that the certificate proves, and the key that names each
KINDS = {"github": "repository", "gitlab": "repository", "google": "email"}


@dataclass(frozen=True)
class Terms:
    """What a user requires: a trust root from a file, and publishers as ``github:owner/repo``; empty: any."""

    root: Path | None = None
    publishers: tuple[str, ...] = ()


ANYONE = Terms()


@dataclass(frozen=True)
class Root:
    """A trust root: the bytes that a bundle includes, and sigstore's reading of them."""

    data: bytes
    trusted: TrustedRoot


def read_root(path: Path | None) -> Root:
    """Return the trust root in a file, or the one of this user, without network access.

    Raises UsageError if the file cannot be read or is no trust root, BuildError if the user's own cannot be read.
    """
    logging.getLogger("sigstore").setLevel(logging.ERROR)  # it warns about the offline mode
    return _own_root() if path is None else _root_in(path)


def _own_root() -> Root:
    from sigstore.models import ClientTrustConfig

    try:
        root = ClientTrustConfig.production(offline=True).trusted_root
        data = json.loads(root._inner.to_json())  # noqa: SLF001 - its API cannot write what it has read
        return _usable(Root((json.dumps(data, indent=1, sort_keys=True) + "\n").encode(), root))
    except Exception as error:
        raise BuildError(
            _("Cannot read the sigstore trust root of this user: {reason}.").format(reason=_reason(error)),
            advice=_(
                "Remove sigstore-python from this user's cache, specify a file (--trust-root), or build with "
                "--attestations off."
            ),
        ) from error


def _root_in(path: Path) -> Root:
    from sigstore.models import TrustedRoot

    try:
        data = reading.read(path, ROOT_LIMIT, follow=True)
        return _usable(Root(data, TrustedRoot.from_file(str(path))))
    except RagtraceError as error:
        raise UsageError(error.what, advice=_advice()) from error
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError) from error
    except Exception as error:  # whatever the library raises on what is no trust root
        raise UsageError(
            _("{path} is not a sigstore trust root: {reason}.").format(path=path, reason=_reason(error)),
            advice=_advice(),
        ) from error


def _usable(root: Root) -> Root:
    """Return a root that has authorities and the keys of both logs. Raises ValueError or an error of sigstore."""
    from sigstore.verify import Verifier

    Verifier(trusted_root=root.trusted)
    stated = json.loads(root.data)
    for key in PARTS:
        if not stated.get(key):
            raise ValueError(_("{key} is empty").format(key=key))
    return root


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300].rstrip(".")


def _advice() -> str:
    return _("Use --trust-root to specify a trusted_root.json that sigstore published.")


def require_known_kinds(publishers: Iterable[str]) -> None:
    """Raise UsageError unless each publisher is of the form KIND:NAME, with a kind whose certificates name it."""
    for text in publishers:
        kind, _colon, name = text.partition(":")
        if kind.casefold() not in KINDS or not name.strip("/"):
            raise UsageError(
                _("{text} does not name a publisher.").format(text=ascii(text)),
                advice=_("Specify KIND:NAME, for example github:owner/repository; kinds: {kinds}.").format(
                    kinds=", ".join(sorted(KINDS))
                ),
            )


def named(publisher: Mapping[str, Any]) -> str:
    """Return a publisher as ``--publisher`` takes it, or only its kind if no name of it is known."""
    kind = str(publisher.get("kind", "?")).casefold()
    name = publisher.get(KINDS.get(kind, ""), "")
    return f"{kind}:{name}" if isinstance(name, str) and name else kind


def unlisted(publishers: Iterable[Mapping[str, Any]], allowed: Iterable[str]) -> list[str]:
    """Return the publishers that are not allowed; names are compared without regard to case, as their hosts do."""
    known = {text.casefold() for text in allowed}
    found = [named(publisher) for publisher in publishers]
    return sorted({name for name in found if name.casefold() not in known}) if known else []
