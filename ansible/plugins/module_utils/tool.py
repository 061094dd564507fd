# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run the installed tool, or the installer of a bundle, and read the JSON that it prints."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys

INSTALLER = "ragtrace-install.pyz"
MANIFEST = "MANIFEST.json"
SUMS = "SHA256SUMS"
LAUNCHER = os.path.join("bin", "ragtrace-offline")
BLOCK = 1 << 20
SMALL = 16 << 20  # bytes of a SHA256SUMS or a manifest, at most
DONE, CHECKS_FAILED = 0, 1
CODES = {
    2: "wrong usage",
    3: "not trusted",
    4: "this host does not fit",
    5: "installation failed",
    6: "a tool failed",
    8: "another run holds the lock",
    70: "a bug of the tool",
    130: "interrupted",
}


class ToolError(Exception):
    """A call of the tool that failed; ``values`` go into the result of the task."""

    def __init__(self, message, **values):
        super().__init__(message)
        self.message = message
        self.values = values


def read_small(path):
    """Return the bytes of a file of at most SMALL bytes. Raises ToolError."""
    try:
        with open(path, "rb") as file:
            data = file.read(SMALL + 1)
    except OSError as error:
        raise ToolError("Cannot read %s: %s." % (path, error.strerror)) from error
    if len(data) > SMALL:
        raise ToolError("%s is too large to be what its name says." % path)
    return data


def sha256_file(path):
    """Return the SHA-256 of a file in hex. Raises ToolError."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
    except OSError as error:
        raise ToolError("Cannot read %s: %s." % (path, error.strerror)) from error
    return digest.hexdigest()


def read_sums(data, name):
    """Return file name to digest from lines of sha256sum. Raises ToolError."""
    found = {}
    for line in data.decode("utf-8", "replace").splitlines():
        matched = re.match(r"([0-9a-f]{64}) [ *]([^/\\\0]+)\Z", line)
        if matched is None or matched.group(2) in (".", "..") or matched.group(2) in found:
            raise ToolError("%s is not a list of SHA-256 digests." % name)
        found[matched.group(2)] = matched.group(1)
    if not found:
        raise ToolError("%s is empty." % name)
    return found


def checked_sums(folder, sums_sha256):
    """Return the digests of a bundle's files if its SHA256SUMS is the one with this digest. Raises ToolError."""
    path = os.path.join(folder, SUMS)
    data = read_small(path)
    if sums_sha256 and hashlib.sha256(data).hexdigest() != sums_sha256:
        raise ToolError(
            "%s is not the one that was verified: the bundle was replaced or altered. Transfer it again." % path
        )
    return read_sums(data, path)


def verified_copy(folder, sums, target):
    """Copy the installer of a bundle to ``target`` while it is hashed, so that what was verified is what runs."""
    source, digest = os.path.join(folder, INSTALLER), hashlib.sha256()
    if INSTALLER not in sums:
        raise ToolError("SHA256SUMS of %s does not name %s." % (folder, INSTALLER))
    try:
        with open(source, "rb") as file, open(target, "xb") as copy:
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
                copy.write(block)
    except OSError as error:
        raise ToolError("Cannot copy %s: %s." % (source, error.strerror)) from error
    if digest.hexdigest() != sums[INSTALLER]:
        raise ToolError("%s does not match SHA256SUMS: nothing of it was run. Transfer the bundle again." % source)
    return target


def release_of(folder, sums):
    """Return the start of the release names of a bundle, ``<counter>-<sha12>``, from its verified manifest."""
    data = read_small(os.path.join(folder, MANIFEST))
    digest = hashlib.sha256(data).hexdigest()
    if sums.get(MANIFEST) != digest:
        raise ToolError("MANIFEST.json of %s does not match SHA256SUMS. Transfer the bundle again." % folder)
    try:
        counter = json.loads(data.decode("utf-8"))["product"]["counter"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError("MANIFEST.json of %s is not a manifest." % folder) from error
    return "%d-%s" % (counter, digest[:12])


def is_of(release, start):
    """Return whether a release was made from the bundle whose releases start so."""
    return bool(release) and release.startswith(start + "-r")


class Tool:
    """The tool for one prefix: its installed command, or the installer of a bundle where there is none."""

    def __init__(self, module, prefix, bundle=None, sums_sha256=None):
        self.module, self.prefix, self.bundle = module, prefix, bundle
        self.sums_sha256 = sums_sha256
        self.launcher = os.path.join(prefix, LAUNCHER)
        self._copy = None

    @property
    def installed(self):
        return os.path.exists(self.launcher)

    @property
    def command(self):
        """The first words of a command line. Raises ToolError."""
        if self.installed:
            return [self.launcher]
        if self.bundle is None:
            raise ToolError("Nothing is installed in %s: run ragtrace.offline.install first." % self.prefix)
        return self.installer

    @property
    def installer(self):
        """The command line of the bundle's own installer, copied and verified. Raises ToolError."""
        if self._copy is None:
            sums = checked_sums(self.bundle, self.sums_sha256)
            self._copy = verified_copy(self.bundle, sums, os.path.join(self.module.tmpdir, INSTALLER))
        return [self.module.params.get("python") or sys.executable, self._copy]

    def call(self, *words, **options):
        """Run a command with ``--json``; return its exit code and the parsed result. Raises ToolError.

        ``accept`` are the exit codes that are a result and no error, ``by`` replaces the first words.
        """
        argv = list(options.get("by") or self.command) + list(words) + ["--prefix", self.prefix, "--json", "--quiet"]
        code, out, err = self.module.run_command(argv, environ_update={"LC_ALL": "C.UTF-8", "RAGTRACE_PREFIX": ""})
        try:
            value = json.loads(out) if out.strip() else {}
        except ValueError:
            value = {}
        if code in options.get("accept", (DONE,)) and value:
            return code, value
        error = value.get("error") or {}
        text = error.get("what") or (err or out).strip()[-2000:] or "%s printed nothing." % argv[0]
        advice = " Next: %s" % error["advice"] if error.get("advice") else ""
        raise ToolError(text + advice, rc=code, reason=CODES.get(code, "exit code %d" % code), command=words[0])

    def status(self):
        """Return what ``status`` prints, or None where nothing is installed. Raises ToolError."""
        if not self.installed:
            return None
        return self.call("status")[1]

    def active(self):
        """Return the name of the active release, or None."""
        status = self.status()
        return status["active"] if status else None


def diff_of(name, before, after):
    """Return the difference of one value as Ansible shows it."""
    return {"before": "%s: %s\n" % (name, before), "after": "%s: %s\n" % (name, after)}


def run(module, work):
    """Call ``work(module)``, and end the module with its result, or with the sentence of its error."""
    try:
        result = work(module)
    except ToolError as error:
        module.fail_json(msg=error.message, **error.values)
    module.exit_json(**result)
