# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Transfer to a host the bundle that fits it: the control node's part."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile

from ansible.errors import AnsibleActionFail

from ansible.plugins.action import ActionBase

RECEIVE = "ragtrace.offline.receive"
INBOX = "/var/lib/ragtrace/inbox"
METHODS = ("auto", "share", "http", "rsync", "sftp")
CHUNK = 32 << 20  # bytes of one upload
BLOCK = 1 << 20
OPTIONS = frozenset(("bundles", "host", "inbox", "method", "share", "url"))


def fitting(bundles, host):
    """Return the bundle for a host: a delta bundle whose base it has, else a full one. Raises AnsibleActionFail."""
    mine = [one for one in bundles if (one["platform"], one["python"]) == (host["platform"], host["python"])]
    if not mine:
        there = ", ".join(sorted("%s Python %s" % (one["platform"], one["python"]) for one in bundles))
        raise AnsibleActionFail(
            "No bundle is for this host (%s, Python %s), only for: %s." % (host["platform"], host["python"], there)
        )
    highest = max(one["counter"] for one in mine)
    newest = [one for one in mine if one["counter"] == highest]
    full = [one for one in newest if one["base"] is None]
    deltas = [one for one in newest if one["base"] and any(has(release, one["base"]) for release in host["releases"])]
    if deltas or full:
        return (deltas + full)[0]
    raise AnsibleActionFail(
        "Every bundle for this host is a delta bundle, and it has none of their base releases: %s. Add the full bundle."
        % ", ".join(one["base"] for one in newest)
    )


def has(release, start):
    """Return whether a release was made from the bundle whose releases start so."""
    return bool(release) and release.startswith(start + "-r")


def chunks(missing):
    """Yield lists of ranges of at most CHUNK bytes, in order, each range cut where it is longer."""
    batch, size = [], 0
    for name, start, count in missing:
        at, left = start, count
        while left:
            taken = min(left, CHUNK - size)
            batch.append([name, at, taken])
            at, left, size = at + taken, left - taken, size + taken
            if size == CHUNK:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


class ActionModule(ActionBase):
    """Chooses the bundle and the way, and sends what the host lacks."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Return what M(ragtrace.offline.transfer) documents."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        if set(args) - OPTIONS or "bundles" not in args or "host" not in args:
            raise AnsibleActionFail("transfer needs bundles and host, and takes only: %s." % ", ".join(sorted(OPTIONS)))
        if args.get("method", "auto") not in METHODS:
            raise AnsibleActionFail("method must be one of: %s." % ", ".join(METHODS))
        self.task_vars, self.host = task_vars, args["host"]
        self.bundle = fitting(args["bundles"], self.host)
        result.update({name: self.bundle[name] for name in ("release", "version", "sums_sha256")})
        if has(self.host["active"], self.bundle["release"]):
            return {**result, "changed": False, "folder": None, "bytes_needed": 0, "bytes_stored": 0, "method": "none"}
        name = os.path.basename(self.bundle["folder"])
        if args.get("share"):
            folder = os.path.join(args["share"], name)
            return {
                **result,
                "changed": False,
                "folder": folder,
                "bytes_needed": 0,
                "bytes_stored": 0,
                "method": "share",
            }
        self.inbox = os.path.join(args.get("inbox", INBOX), "%s-%s" % (name, self.bundle["sums_sha256"][:12]))
        self.source = "%s/%s" % (args["url"].rstrip("/"), name) if args.get("url") else None
        return {**result, **self.transfer(args.get("method", "auto")), "folder": self.inbox}

    def transfer(self, method):
        """Transfer what is missing, and return how much that was and how."""
        plan = self.receive("plan")
        told = {name: plan[name] for name in ("bytes_needed", "bytes_stored")}
        if plan["bytes_to_write"] > plan["bytes_free"]:
            raise AnsibleActionFail(
                "The host has %d bytes free at %s, and %d are needed for the bundle. Nothing was transferred."
                % (plan["bytes_free"], self.inbox, plan["bytes_to_write"]),
                result=told,
            )
        if method == "auto":
            method = self.best_method(plan)
        if plan["complete"] or self._task.check_mode:
            return {**told, "changed": not plan["complete"], "method": method}
        spoilt = set()
        for _number in range(3):  # a file that does not match is begun anew once; then it is the source that is wrong
            plan = getattr(self, method)(plan)
            if plan["complete"]:
                return {**told, "changed": True, "method": method}
            names = {entry["name"] for entry in self.bundle["files"]} & set(plan["damaged"])
            if names & spoilt:
                break
            spoilt |= names
        raise AnsibleActionFail(
            "%s does not match SHA256SUMS after its transfer: the bundle was replaced or altered while it was copied. "
            "Verify it again." % (", ".join(sorted(names)) or "The bundle"),
            result=told,
        )

    def receive(self, step, **options):
        """Call the host's part. Raises AnsibleActionFail."""
        fixed = {name: self.bundle[name] for name in ("files", "pieces")}
        options.setdefault("without", getattr(self, "damaged", []))
        done = self._execute_module(
            module_name=RECEIVE,
            module_args={"step": step, "inbox": self.inbox, "prefix": self.host["prefix"], **fixed, **options},
            task_vars=self.task_vars,
        )
        if done.get("failed"):
            raise AnsibleActionFail(done.get("msg", "The transfer failed."), result=done)
        names = {entry["name"] for entry in self.bundle["files"]}
        self.damaged = [digest for digest in done["damaged"] if digest not in names]
        return done

    def best_method(self, plan):
        """Choose how to transfer."""
        if self.source:
            return "http"
        whole = sum(entry["size"] for entry in self.bundle["files"])
        direct = self._connection.transport.endswith("ssh") and not self._play_context.become
        here = plan["bytes_needed"] == whole and direct and shutil.which("rsync")
        there = here and self._low_level_execute_command("command -v rsync").get("rc") == 0
        return "rsync" if there else "sftp"

    def http(self, _plan):
        """Let the host fetch from the HTTP server."""
        if not self.source:
            raise AnsibleActionFail("method http needs url.")
        return self.receive("fetch", source=self.source)

    def sftp(self, plan):
        """Send ranges in uploads of CHUNK bytes at most, until nothing is missing or something does not match."""
        while plan["missing"]:
            before = plan["missing"]
            for batch in chunks(before):
                plan = self.send(batch)
                if plan["damaged"] or plan["missing"] == before:
                    break
            if plan["damaged"] or plan["missing"] == before:
                return plan
        return self.receive("finish")

    def send(self, batch):
        """Upload one chunk and have it written."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "chunk")
            with open(path, "wb") as chunk:
                for name, at, length in batch:
                    self.cut(name, at, length, chunk)
            if self._connection._shell.tmpdir is None:
                self._make_tmp_path()
            remote = self._connection._shell.join_path(self._connection._shell.tmpdir, "chunk")
            self._transfer_file(path, remote)
            self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return self.receive("append", chunk=remote, ranges=batch)

    def cut(self, name, at, length, chunk):
        """Write a range of a file of the bundle to a chunk. Raises AnsibleActionFail."""
        path = os.path.join(self.bundle["folder"], name)
        with open(path, "rb") as file:
            file.seek(at)
            left = length
            while left:
                data = file.read(min(BLOCK, left))
                if not data:
                    raise AnsibleActionFail("%s is shorter than when it was verified: the bundle was replaced." % path)
                chunk.write(data)
                left -= len(data)

    def rsync(self, _plan):
        """Have rsync copy whole files, and go on with those that were cut off."""
        self._low_level_execute_command("mkdir -p -m 755 %s" % shlex.quote(self.inbox))
        option = self._connection.get_option
        ssh = [option("ssh_executable") or "ssh"]
        for name in ("ssh_args", "ssh_common_args", "ssh_extra_args"):
            ssh += shlex.split(option(name) or "")
        ssh += ["-p", str(option("port"))] if option("port") else []
        ssh += ["-i", option("private_key_file")] if option("private_key_file") else []
        user, host = option("remote_user"), option("host")
        for entry in self.bundle["files"]:
            target = "%s%s:%s.partial" % (
                user + "@" if user else "",
                host,
                shlex.quote(os.path.join(self.inbox, entry["name"])),
            )
            argv = ["rsync", "--inplace", "--partial", "-e", shlex.join(ssh)]
            argv += [os.path.join(self.bundle["folder"], entry["name"]), target]
            done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode:
                raise AnsibleActionFail("rsync failed: %s Run this again to go on." % done.stderr.strip()[-500:])
        return self.receive("finish")
