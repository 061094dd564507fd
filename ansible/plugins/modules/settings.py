#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Write settings and secrets into the settings file of an installation."""

from __future__ import annotations

DOCUMENTATION = r"""
module: settings
short_description: Write settings and secrets into C(.env) of an installation
version_added: 0.1.0
description:
  - Sets names in C(PREFIX/.env). All other lines, comments included, stay as they are.
  - The file is replaced at once, can be read by its owner alone, and stays its owner's.
  - No value of O(secrets) and no value that was in the file before is in a result, a diff or a log.
options:
  values:
    description:
      - Names and values that anybody may see.
    type: dict
    default: {}
  secrets:
    description:
      - Names and secret values, for example from Ansible Vault.
    type: dict
    default: {}
  absent:
    description:
      - Names that are removed.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ragtrace.offline.tool
attributes:
  check_mode:
    description: Says whether the file would change.
    support: full
  diff_mode:
    description: Shows the names that change, and the new values of O(values).
    support: full
"""

EXAMPLES = r"""
- name: Write the API key from the vault
  ragtrace.offline.settings:
    prefix: /opt/ragtrace
    values:
      LOG_LEVEL: info
    secrets:
      GEMINI_API_KEY: "{{ vault_gemini_api_key }}"
  become: true
  no_log: true
"""

RETURN = r"""
names:
  description: The names that were set or removed, or would be.
  returned: success
  type: list
  elements: str
"""

import os
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import ToolError, run

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
LINE = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)", re.DOTALL)
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,{}-]*\Z")
CLOSED = {"'": re.compile(r"'(?:\\.|[^\\'])*'"), '"': re.compile(r'"(?:\\.|[^\\"])*"')}


def line_of(name, value):
    """Return the line that sets a name, as the tool and python-dotenv read it. Raises ToolError."""
    if NAME.match(name) is None:
        raise ToolError("%r is not a name of a setting." % name)
    text = (
        {True: "true", False: "false", None: ""}.get(value, value) if isinstance(value, (bool, type(None))) else value
    )
    text = str(text)
    if any(character in text for character in "\n\r\0"):
        raise ToolError("The value of %s has several lines: write it into %s by hand." % (name, ".env"))
    if PLAIN.match(text):
        return "%s=%s" % (name, text)
    return "%s='%s'" % (name, text.replace("\\", "\\\\").replace("'", "\\'"))


def changed(text, wanted, absent):
    """Return the text of the file with lines set and names removed, and the names that differ. Raises ToolError."""
    lines, names, done = [], [], set()
    for line in text.removesuffix("\n").split("\n") if text else ():
        matched = LINE.match(line)
        name = matched.group(1) if matched else None
        value = matched.group(2) if matched else ""
        if value[:1] in CLOSED and CLOSED[value[0]].match(value) is None:
            raise ToolError("The value of %s in .env has several lines: change this file by hand." % name)
        if name in absent or (name in done):
            names.append(name)
        elif name in wanted:
            done.add(name)
            lines.append(wanted[name])
            names += [name] if line != wanted[name] else []
        else:
            lines.append(line)
    added = [name for name in wanted if name not in done]
    lines += [wanted[name] for name in added]
    return "".join(line + "\n" for line in lines), sorted({*names, *added})


def read(path):
    """Return the text of the settings file, or an empty one. Raises ToolError."""
    if os.path.islink(path):
        raise ToolError("%s is a link to %s: change that file where it is managed." % (path, os.readlink(path)))
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ToolError("Cannot read %s: %s." % (path, getattr(error, "strerror", "it is not UTF-8"))) from error


def replace(module, path, text):
    """Put a new file in place of the old one, for its owner's eyes alone."""
    prefix = os.path.dirname(path)
    like = next((one for one in (path, os.path.join(prefix, "data"), prefix) if os.path.lexists(one)), prefix)
    owner = os.lstat(like)
    handle, temporary = tempfile.mkstemp(prefix=".env.", dir=prefix)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        if os.geteuid() == 0:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    module.atomic_move(temporary, path)
    os.chmod(path, 0o600)


def work(module):
    """Do what the task asks for."""
    params = module.params
    path = os.path.join(params["prefix"], ".env")
    if not os.path.isdir(params["prefix"]):
        raise ToolError("%s does not exist: run ragtrace.offline.install first." % params["prefix"])
    both = sorted(set(params["values"]) & set(params["secrets"]))
    if both:
        raise ToolError("values and secrets both set %s." % ", ".join(both))
    wanted = {name: line_of(name, value) for name, value in {**params["values"], **params["secrets"]}.items()}
    text, names = changed(read(path), wanted, params["absent"])
    result = {"changed": bool(names), "names": names}
    if names and not module.check_mode:
        replace(module, path, text)
    if module._diff:
        shown = [wanted[name] if name in params["values"] else "%s=(hidden)" % name for name in names if name in wanted]
        result["diff"] = {"before": "", "after": "".join(line + "\n" for line in shown), "after_header": path}
    return result


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "values": {"type": "dict", "default": {}},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
        "absent": {"type": "list", "elements": "str", "default": []},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
