"""Runs inside a closed host: tells as JSON what is installed in a prefix, what is the user's, and what is others'.

usage: look.py PREFIX FOLDER… where the folders are those in which an installation has no business.
"""

import hashlib
import json
import os
import stat
import sys

OUR_NAME = "ragtrace"  # of our own folders: caches, logs, the memory of what was accepted


def told(path):
    """Return what a file is: kind, rights, owner, and content or target."""
    status = os.lstat(path)
    what = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{what} -> {os.readlink(path)}"
    if stat.S_ISREG(status.st_mode):
        try:
            with open(path, "rb") as file:
                return f"{what} {hashlib.sha256(file.read()).hexdigest()}"
        except OSError as error:
            return f"{what} {error.strerror}"
    return what


def tree(root):
    """Return what lies below a folder, what is ours left out."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(OUR_NAME)]
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            try:
                found[os.path.relpath(path, root)] = told(path)
            except FileNotFoundError:
                continue  # of a process that ends just now
    return found


def release(prefix):
    """Return the name of the active release; None where there is none, or one that is not whole."""
    try:
        target = os.readlink(os.path.join(prefix, "current"))
    except OSError:
        return None
    whole = os.path.isfile(os.path.join(prefix, target, "COMPLETE"))
    return os.path.basename(target) if whole else f"{target}, which is not whole"


def main():
    prefix, *others = sys.argv[1:]
    data = tree(os.path.join(prefix, "data"))
    env = os.path.join(prefix, ".env")
    if os.path.lexists(env):
        data[".env"] = told(env)
    found = {"active": release(prefix), "data": data, "others": {folder: tree(folder) for folder in others}}
    json.dump(found, sys.stdout)


main()
