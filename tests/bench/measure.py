# SPDX-License-Identifier: MIT
"""One run: a program from start to end, its cost, and whether it did what it should."""
import json
import os
import shutil
import subprocess
import time


def quiet_disk():
    """What others have written must not be flushed during our run."""
    os.sync()


def run(tools, argv, folder, server, namespace=None, timeout=900):
    """Runs argv; folder gets its output. Returns a dict: wall, user, system, server (seconds), rss_kb, exit, stdout."""
    result = f"{folder}/timed.json"
    prefix = [f"{tools}/timed", "-t", str(timeout)] + (["-n", namespace] if namespace else [])
    quiet_disk()
    before = server.cpu()
    with open(f"{folder}/stdout", "wb") as out, open(f"{folder}/stderr", "wb") as err:
        p = subprocess.run([*prefix, result, *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    if p.returncode != 0:
        raise RuntimeError(f"timed ended with {p.returncode}: {tail(folder)}")
    with open(result) as f:
        found = json.load(f)
    found["server"] = round(server.cpu() - before, 3)
    found["cpu"] = round(found["user"] + found["system"], 6)
    with open(f"{folder}/stdout", errors="replace") as f:
        found["stdout"] = f.read(4096)
    return found


def tail(folder):
    with open(f"{folder}/stderr", errors="replace") as f:
        return f.read()[-600:].strip()


def count_messages(folder):
    """Files below a cur/ or new/."""
    count = 0
    for at, _, files in os.walk(folder):
        if os.path.basename(at) in ("cur", "new"):
            count += sum(not name.startswith(".") for name in files)
    return count


def count_stored(home):
    """Messages in a store of the server."""
    return sum(name.startswith("u.") for _, _, files in os.walk(home) for name in files)


def clone(source, target):
    """A copy of a contender's folder: messages are linked (nobody changes a message file), the rest is copied. Times are
    kept: a program that sees a folder changed in this very second waits for the next one, as mbsync does."""
    os.mkdir(target)
    for entry in os.scandir(source):
        to = f"{target}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            clone(entry.path, to)
        elif os.path.basename(source) in ("cur", "new") and not entry.name.startswith("."):
            os.link(entry.path, to)
        elif entry.is_file(follow_symlinks=False):
            shutil.copy2(entry.path, to)
    shutil.copystat(source, target)


class Park:
    """Where finished trees go. Deleting thousands of files makes the next thousands slow on ext4, whose allocator walks
    past inodes that were freed minutes ago; so trees are emptied of their bytes, moved here, and deleted at the end."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        os.makedirs(folder, exist_ok=True)

    def take(self, tree, shared=False):
        """shared: files of the tree have other names elsewhere, so they must keep their bytes."""
        if not os.path.lexists(tree):
            return
        for at, _, files in os.walk(tree) if not shared else ():
            for name in files:
                path = f"{at}/{name}"
                if not os.path.islink(path) and os.path.getsize(path) > 65536:
                    os.truncate(path, 0)
        self.count += 1
        os.rename(tree, f"{self.folder}/{self.count}")


def remove(tree):
    """At the very end. A server that is just leaving may still write."""
    for _ in range(50):
        shutil.rmtree(tree, ignore_errors=True)
        if not os.path.exists(tree):
            return
        time.sleep(0.05)
