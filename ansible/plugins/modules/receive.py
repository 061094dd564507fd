#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The host's part of a transfer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: receive
short_description: The host's part of M(ragtrace.offline.transfer)
version_added: 0.1.0
description:
  - Says what of a bundle is missing on the host, takes ranges of it, and puts its files together.
  - Use M(ragtrace.offline.transfer), which calls this module.
options:
  step:
    description:
      - V(plan) returns what is missing. V(append) takes ranges from O(chunk). V(fetch) takes them from O(source).
      - V(finish) gives files that another program has copied their names.
    type: str
    choices: [plan, append, fetch, finish]
    required: true
  inbox:
    description:
      - The folder on the host that becomes the bundle's folder.
    type: path
    required: true
  prefix:
    description:
      - The prefix, whose store has files that need not be transferred.
    type: path
    required: true
  files:
    description:
      - The files of the bundle, each with C(name), C(size) and C(sha256).
    type: list
    elements: dict
    required: true
  pieces:
    description:
      - For each archive, where the files of the store lie in it.
    type: dict
    default: {}
  without:
    description:
      - Digests of stored files that turned out to be damaged.
    type: list
    elements: str
    default: []
  source:
    description:
      - An HTTP address or a folder on the host that holds the bundle.
    type: str
  chunk:
    description:
      - A file on the host with the bytes of O(ranges), one after the other.
    type: path
  ranges:
    description:
      - What O(chunk) holds, as lists of name, position and length.
    type: list
    elements: list
    default: []
author:
  - RAGTrace Enterprise Offline (@ragtrace)
attributes:
  check_mode:
    description: Only V(plan) is run in check mode.
    support: full
  diff_mode:
    description: Files of a bundle have no diff.
    support: none
"""

EXAMPLES = r"""
- name: Return what is missing
  ragtrace.offline.receive:
    step: plan
    inbox: /var/lib/ragtrace/inbox/20
    prefix: /opt/ragtrace
    files: "{{ verified.bundles[0].files }}"
    pieces: "{{ verified.bundles[0].pieces }}"
"""

RETURN = r"""
missing:
  description: The ranges that must be transferred, as lists of name, position and length.
  returned: success
  type: list
  elements: list
bytes_needed:
  description: Their bytes.
  returned: success
  type: int
bytes_stored:
  description: The bytes that the host has in its store or from an earlier run.
  returned: success
  type: int
bytes_to_write:
  description: The bytes that will be written on the host to put the bundle together.
  returned: success
  type: int
bytes_free:
  description: The bytes that are free where the bundle is put together.
  returned: success
  type: int
damaged:
  description: Digests of stored files that turned out to be damaged, and of files that did not match theirs.
  returned: success
  type: list
  elements: str
"""

import errno
import os
import shutil
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.ragtrace.offline.plugins.module_utils.pieces import Partial, ReplacedError, locked, store_path
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import ToolError, run

BLOCK = 1 << 20
TRIES = 3
SECONDS = 60


class Inbox:
    """The files of a bundle on their way, in one folder of the host."""

    def __init__(self, params):
        self.folder, self.prefix = params["inbox"], params["prefix"]
        self.bad = set(params["without"])
        self.pieces, self.entries = params["pieces"], params["files"]

    def path_of(self, sha256):
        """Return where the store has a file."""
        return store_path(self.prefix, sha256)

    def here(self, piece):
        """Return whether the store has the file of a piece."""
        try:
            return piece[2] not in self.bad and os.path.getsize(self.path_of(piece[2])) == piece[1]
        except OSError:
            return False

    def partials(self):
        """Return the files that are not there yet."""
        found = []
        for entry in self.entries:
            whole = [0, entry["size"], entry["sha256"], []]
            pieces = [whole] if entry["size"] and self.here(whole) else self.pieces.get(entry["name"], [])
            one = Partial(self.folder, entry, pieces, self.here)
            if not one.done:
                found.append(one)
        return found

    def state(self):
        """Return what is missing."""
        left = self.partials()
        missing = [[one.name, at, length] for one in left for at, length in one.missing()]
        needed = sum(length for _name, _at, length in missing)
        return {
            "missing": missing,
            "complete": not left,
            "bytes_needed": needed,
            "bytes_stored": sum(one.size for one in left) - needed,
            "bytes_free": free(self.folder),
            "bytes_to_write": sum(one.size - one.have for one in left),
            "damaged": sorted(self.bad),
        }

    def close(self, one):
        """Give a file its name if all of it is there; one that does not match its digest is begun anew."""
        if os.path.exists(one.partial) and os.path.getsize(one.partial) == one.size:
            try:
                one.finish()
            except ReplacedError as error:
                self.bad.add(str(error))


def free(folder):
    """Return the bytes that are free where a folder is, or will be."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free


def append(inbox, chunk, ranges):
    """Write the ranges of a chunk, and between them what the store has."""
    offsets, offset = {}, 0
    for name, at, length in ranges:
        offsets[name, at] = offset
        offset += length
    with open(chunk, "rb") as source:
        for one in inbox.partials():
            mine = [(at, length) for name, at, length in ranges if name == one.name]
            if mine:
                take(inbox, one, mine, In(source, {at: offsets[one.name, at] for at, _length in mine}).read)


class In:
    """Ranges that lie one after the other in a file; ``offsets`` says where each begins there."""

    def __init__(self, source, offsets):
        self.source, self.offsets = source, offsets

    def read(self, at, length):
        """Return bytes of a range, from its start or from where the last call ended."""
        if at in self.offsets:
            self.source.seek(self.offsets[at])
        return self.source.read(length)


class Folder:
    """A file in a folder of the host, for example on a share."""

    def __init__(self, path):
        self.file = open(path, "rb")  # noqa: SIM115

    def read(self, at, length):
        """Return bytes of the file."""
        self.file.seek(at)
        return self.file.read(length)


class Web:
    """A file on an HTTP server, each range of which takes one request."""

    def __init__(self, address, ranges):
        self.address, self.ranges, self.answer = address, dict(ranges), None

    def read(self, at, length):
        """Return bytes of a range, from its start or from where the last call ended."""
        if at in self.ranges:
            headers = {"Range": "bytes=%d-%d" % (at, at + self.ranges[at] - 1)}
            self.answer = open_url(self.address, headers=headers, timeout=SECONDS, use_proxy=False)
            if self.answer.getcode() != 206:
                skip(self.answer, at)
        return self.answer.read(length)


def take(inbox, one, ranges, read):
    """Write ranges of one file, in order. Raises ToolError where they come to an early end."""
    with one.opened() as file:
        try:
            one.fill(file, inbox.path_of)
            for at, length in ranges:
                if at != file.tell():
                    return  # another controller was here: what it wrote counts, and the next plan goes on there
                copy(file, at, length, read)
                one.fill(file, inbox.path_of)
        except ReplacedError as error:
            inbox.bad.add(str(error))
    inbox.close(one)


def copy(file, at, length, read):
    """Write one range block by block. Raises ToolError where its source is too short."""
    end = at + length
    while at < end:
        data = read(at, min(BLOCK, end - at))
        if not data:
            raise ToolError("%s is shorter at its source than SHA256SUMS says: the bundle was replaced." % file.name)
        file.write(data)
        at += len(data)


def fetch(inbox, source):
    """Take what is missing from an HTTP server or from a folder; a connection that breaks is tried again."""
    for number in range(TRIES):
        try:
            for one in inbox.partials():
                _fetch(inbox, one, source)
        except OSError as error:
            if error.errno == errno.ENOSPC or number == TRIES - 1:
                raise ToolError(
                    "The transfer from %s failed: %s. Run this again to go on." % (source, error)
                ) from error


def _fetch(inbox, one, source):
    """Take what is missing of one file."""
    ranges = one.missing()
    if "://" in source:
        reader = Web(source.rstrip("/") + "/" + quote(one.name), ranges)
    else:
        reader = Folder(os.path.join(source, one.name))
    take(inbox, one, ranges, reader.read)


def skip(answer, length):
    """Read over the start of an answer of a server that knows no ranges."""
    while length:
        data = answer.read(min(BLOCK, length))
        if not data:
            return
        length -= len(data)


def finish(inbox):
    """Give the files that another program has copied their names, and put together those that the store has whole."""
    for one in inbox.partials():
        if not one.missing():
            take(inbox, one, [], None)


def work(module):
    """Do what the task asks for."""
    params = module.params
    inbox = Inbox(params)
    if params["step"] == "plan" or module.check_mode:
        return {"changed": False, **inbox.state()}
    os.makedirs(inbox.folder, mode=0o755, exist_ok=True)
    try:
        with locked(inbox.folder):
            if params["step"] == "append":
                append(inbox, params["chunk"], params["ranges"])
            elif params["step"] == "fetch":
                fetch(inbox, params["source"])
            else:
                finish(inbox)
    except OSError as error:
        raise ToolError("Cannot write to %s: %s." % (inbox.folder, error.strerror or error)) from error
    return {"changed": True, **inbox.state()}


def main():
    """Run the module."""
    spec = {
        "step": {"type": "str", "choices": ["plan", "append", "fetch", "finish"], "required": True},
        "inbox": {"type": "path", "required": True},
        "prefix": {"type": "path", "required": True},
        "files": {"type": "list", "elements": "dict", "required": True},
        "pieces": {"type": "dict", "default": {}},
        "without": {"type": "list", "elements": "str", "default": []},
        "source": {"type": "str"},
        "chunk": {"type": "path"},
        "ranges": {"type": "list", "elements": "list", "default": []},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
