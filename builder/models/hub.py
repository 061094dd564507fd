"""The files of a model hub's repository at one commit."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from builder.fetch.cache import Digest, sha256
from builder.fetch.client import ANSWERS, ATTEMPTS, Client, RedirectError, TransientError, require_ready, retried
from builder.fetch.credentials import Bearer
from builder.fetch.partial import Remote
from bundle.digest import sha256_bytes
from shared.errors import BuildError
from shared.files.files import write_atomic
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from huggingface_hub import HfApi, RepoFile

    from builder.fetch.cache import Cache

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T")


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: its path there, and its download (URL, size and digest as the hub lists them)."""

    path: str
    remote: Remote


@dataclass(frozen=True)
class HubListing:
    """The files of a repository at a commit, and the credentials, if any, for downloading them."""

    commit: str
    files: tuple[HubFile, ...]
    logins: tuple[Bearer, ...]


@dataclass(frozen=True)
class _Revision:
    """A revision of a repository as errors name it, and the host of the hub."""

    repository: str
    revision: str
    host: str


def list_repository(repository: str, revision: str, *, pause: Callable[[float], object]) -> HubListing:
    """Return the files of a model repository at a revision; a branch or tag is resolved to its commit.

    HF_ENDPOINT and HF_TOKEN are honoured. Raises BuildError if the hub cannot be reached, has no such
    repository or revision, or denies access to it.
    """
    import huggingface_hub
    from huggingface_hub import constants  # loaded lazily: not an attribute of the package before this import

    endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    if huggingface_hub.is_offline_mode():
        raise BuildError(
            _("Cannot list {repository}: HF_HUB_OFFLINE is set.").format(repository=repository),
            advice=_("Unset HF_HUB_OFFLINE, or provide the model as path:FOLDER."),
        )
    token = huggingface_hub.get_token()
    logins = (Bearer(endpoint, token),) if token else ()
    huggingface_hub.set_client_factory(lambda: Client(logins, timeout=ANSWERS))
    api = huggingface_hub.HfApi(endpoint=endpoint, token=False)  # the client adds the token, for the endpoint only
    asked = _Revision(repository, revision, urlsplit(endpoint).hostname or endpoint)
    files, commit = _asking(lambda: _listing(api, repository, revision), asked, pause)
    listed = []
    for file in files:
        url = huggingface_hub.hf_hub_url(repository, file.path, revision=commit, endpoint=endpoint)
        listed.append(HubFile(file.path, _remote(file, url, repository)))
    return HubListing(commit, tuple(listed), logins)


def keep_listing(cache: Cache, repository: str, listing: HubListing) -> None:
    """Cache the file list of a repository at a commit, so that a later build can run offline."""
    place = _stored(cache, repository, listing.commit)
    remotes = {file.path: file.remote for file in listing.files}
    rows = [[path, remote.digest.algorithm, remote.digest.value, remote.size] for path, remote in remotes.items()]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, json.dumps(rows).encode())
    except OSError as error:
        raise cache.unwritable(error) from error


def stored_listing(cache: Cache, repository: str, commit: str) -> HubListing:
    """Return the cached file list of a repository at a commit. Raises BuildError if it is missing or unusable."""
    try:
        rows = json.loads(_stored(cache, repository, commit).read_bytes())
        files = [
            HubFile(str(path), Remote(f"{repository}: {path}", "", Digest(str(algorithm), str(value)), int(size)))
            for path, algorithm, value, size in rows
        ]
    except (OSError, ValueError, TypeError) as error:
        raise BuildError(
            _("The file list of {repository} at {commit} is not in the cache {folder}.").format(
                repository=repository, commit=commit, folder=cache.root
            ),
            advice=_("Specify the full commit, and build once without --offline, with the same --cache-dir."),
        ) from error
    return HubListing(commit, tuple(files), ())


def _stored(cache: Cache, repository: str, commit: str) -> Path:
    return cache.root / "hub" / f"{sha256_bytes(f'{repository}@{commit}'.encode())}.json"


def _listing(api: HfApi, repository: str, revision: str) -> tuple[list[RepoFile], str]:
    from huggingface_hub import RepoFile

    commit = api.model_info(repository, revision=revision).sha or ""
    if not _COMMIT.fullmatch(commit):
        raise BuildError(
            _("The hub returned no commit for {repository} at {revision}.").format(
                repository=repository, revision=revision
            ),
            advice=_("Specify the commit itself: hf:{repository}@COMMIT.").format(repository=repository),
        )
    tree = api.list_repo_tree(repository, recursive=True, revision=commit)
    return [entry for entry in tree if isinstance(entry, RepoFile)], commit


def _remote(file: RepoFile, url: str, repository: str) -> Remote:
    size = file.lfs.size if file.lfs else file.size
    digest = sha256(file.lfs.sha256) if file.lfs else Digest("git", file.blob_id)
    form = _SHA256 if file.lfs else _COMMIT
    if not form.fullmatch(digest.value) or size < 0:
        raise BuildError(
            _("The hub returned no usable digest for {file} of {repository}.").format(
                file=file.path, repository=repository
            )
        )
    return Remote(f"{repository}: {file.path}", url, digest, size)


def _asking(question: Callable[[], T], asked: _Revision, pause: Callable[[float], object]) -> T:
    """Query the hub, retry transient failures, and convert its errors to BuildError."""
    from huggingface_hub import errors

    repository, host = asked.repository, asked.host
    try:
        return retried(lambda: _answered(question, asked), ATTEMPTS, pause)
    except errors.HFValidationError as error:
        raise BuildError(_("{repository} is not a repository name.").format(repository=repository)) from error
    except RedirectError as error:
        raise error.explained(repository) from error
    except TransientError as error:
        raise BuildError(
            _("Cannot reach the model hub {host} for {repository}: {reason}.").format(
                host=host, repository=repository, reason=error
            ),
            advice=_("Check the network, HTTPS_PROXY and HF_ENDPOINT, or provide the model as path:FOLDER."),
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BuildError(
            _("The response from {host} for {repository} is not that of a model hub.").format(
                host=host, repository=repository
            ),
            advice=_("Check HF_ENDPOINT."),
        ) from error


def _answered(question: Callable[[], T], asked: _Revision) -> T:
    """Return the hub's answer. Raises TransientError if a retry may succeed, BuildError if the hub refuses."""
    from huggingface_hub import errors

    try:
        return question()
    except errors.HfHubHTTPError as error:
        require_ready(error.response)
        raise _refusal(error, asked) from error


def _refusal(error: Any, asked: _Revision) -> BuildError:
    from huggingface_hub import errors

    repository, host = asked.repository, asked.host
    if isinstance(error, errors.RevisionNotFoundError):
        return BuildError(
            _("{repository} has no revision {revision} on {host}.").format(
                repository=repository, revision=asked.revision, host=host
            ),
            advice=_("Specify a commit, a tag or a branch that the hub shows: hf:{repository}@REVISION.").format(
                repository=repository
            ),
        )
    return BuildError(
        _("{host} has no model repository {repository}, or denies access to it ({status}).").format(
            host=host, repository=repository, status=error.response.status_code
        ),
        advice=_("Check its name; for a private or gated model accept its terms and set HF_TOKEN."),
    )
