# SPDX-License-Identifier: MIT
"""Who is measured, and how each is told to do the same work.

A contender is an object with
    keep      name of the state that it builds up and needs again for "nochange", "incr", "push", "verify" and "export"
              (variants of one program share it), or None when it remembers nothing
    by_host   its state is bound to the server's address
    missing() why it cannot run here, or None
    argv(job) the command of a job; may write files below job.dir
    done(job, result)  why the run does not count, or None
Add a line to table() for another one; goals.py names contenders by the names given there.
"""
import dataclasses
import json
import os
import shutil

import link
import measure
import server


@dataclasses.dataclass
class Job:
    """One run. kind: initial, nochange, incr, push, verify or export. dir is the contender's folder: fresh, or a clone of
    its state. base is its state from before, not to be changed. user is on the server; home is the user's store there."""
    kind: str
    dir: str
    way: link.Way
    user: str
    home: str
    tools: str
    base: str = None
    tree: str = None    # the corpus as a Maildir tree
    state: str = None   # "incr": what the raw client saved of the folders before
    before: int = 0     # messages of the account before
    expected: int = 0   # and after the run


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def counted(found, job):
    return None if found == job.expected else f"{found} messages, expected {job.expected}"


class Imapsync:
    keep, by_host = "imapsync", True

    def __init__(self, program, **keys):
        self.program, self.keys = program, {k.replace("_", "-"): v for k, v in keys.items()}

    def missing(self):
        return None if os.access(self.program, os.X_OK) else f"{self.program} is not built"

    def account(self, job, name, user, path):
        way = job.way
        values = {"host": way.host, "port": way.port, "tls": "implicit" if way.tls else "none", "user": user,
                  "password": server.PASSWORD, "path": path, "max-message-size": "2G", **self.keys}
        if way.tls:
            values["tls-ca-file"] = self.ca
        if way.slow and not way.tls:
            values["allow-cleartext"] = "yes"
        return f"[account {name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items())

    def argv(self, job):
        path = f"{job.base or job.dir}/archive" if job.kind in ("push", "verify", "export") else f"{job.dir}/archive"
        text = self.account(job, "bench", job.user, path)
        if job.kind == "push":
            text += self.account(job, "new", job.user, f"{job.dir}/unused")
        conf = write(f"{job.dir}/imapsync.conf", text)
        command = {"initial": ["backup"], "nochange": ["backup"], "incr": ["backup"], "verify": ["verify"],
                   "export": ["export", "--output", f"{job.dir}/export.tar"], "push": ["restore", "--to", "new"]}[job.kind]
        return [self.program, command[0], "--config", conf, *command[1:], "bench"]

    def done(self, job, result):
        if result["exit"] != 0:
            return f"exit {result['exit']}"
        if job.kind == "push":
            return counted(measure.count_stored(job.home), job)
        if job.kind in ("initial", "incr"):
            return counted(measure.count_messages(f"{job.dir}/archive/mail"), job)
        return None


class Mbsync:
    keep, by_host = "mbsync", False

    def __init__(self, fsync=True, account=""):
        self.fsync, self.extra = fsync, account  # account: a line for that section

    def missing(self):
        return None if shutil.which("mbsync") else "mbsync is not installed (package isync)"

    def argv(self, job):
        way, push = job.way, job.kind == "push"
        mail = f"{job.dir}/mail"
        if push:
            measure.clone(job.tree, mail)
        os.makedirs(mail, exist_ok=True)
        tls = f"IMAPS\nCertificateFile {self.ca}" if way.tls else "None"
        conf = write(f"{job.dir}/mbsyncrc", f"""FSync {'yes' if self.fsync else 'no'}
IMAPAccount bench
Host {way.host}
Port {way.port}
User {job.user}
Pass {server.PASSWORD}
AuthMechs LOGIN
Timeout 120
SSLType {tls}
{self.extra}

IMAPStore there
Account bench

MaildirStore here
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel bench
Far :there:
Near :here:
Patterns *
Create {'Far' if push else 'Near'}
Expunge None
Sync {'Push' if push else 'Pull'}
SyncState *
CopyArrivalDate yes
""")
        return ["mbsync", "-q", "-c", conf, "bench"]

    def done(self, job, result):
        if result["exit"] != 0:
            return f"exit {result['exit']}"
        if job.kind == "push":
            return counted(measure.count_stored(job.home), job)
        if job.kind in ("initial", "incr"):
            return counted(measure.count_messages(f"{job.dir}/mail"), job)
        return None


class Raw:
    """The limit: raw.c. messages: None, "all" or "new", what it must have moved."""
    keep, by_host = None, False

    def __init__(self, mode, *options, messages=None):
        self.mode, self.options, self.messages = mode, options, messages

    def missing(self):
        return None

    def argv(self, job):
        values = {"DIR": f"{job.dir}/mail", "TREE": job.tree, "STATE": job.state}
        return [f"{job.tools}/raw", self.mode, "-h", job.way.host, "-p", str(job.way.port), "-u", job.user,
                *(["-t"] if job.way.tls else []), *(values.get(o, o) for o in self.options)]

    def done(self, job, result):
        if result["exit"] != 0:
            return f"exit {result['exit']}"
        want = {None: None, "all": job.expected, "new": job.expected - job.before}[self.messages]
        moved = json.loads(result["stdout"])["messages"]
        return None if want in (None, moved) else f"{moved} messages, expected {want}"


class Files:
    """The limit of reading our archive: a plain program over its files. argv holds MAIL and DIR for the folders."""
    keep, by_host = "imapsync", True

    def __init__(self, *argv):
        self.words = argv

    def missing(self):
        return None

    def argv(self, job):
        values = {"MAIL": f"{job.base}/archive/mail", "DIR": job.dir, "HASHLOOP": f"{job.tools}/hashloop"}
        out = []
        for word in self.words:
            for name, value in values.items():
                word = word.replace(name, value)
            out.append(word)
        return out

    def done(self, job, result):
        return None if result["exit"] == 0 else f"exit {result['exit']}"


LOWAT = ("-L", "131072")


def table(program, ca):
    """{name: contender}"""
    found = {
        "imapsync": Imapsync(program),
        "imapsync 1": Imapsync(program, connections=1),
        "imapsync 4": Imapsync(program, connections=4),
        "imapsync 1 APPEND": Imapsync(program, connections=1, disable_extensions="MULTIAPPEND"),
        "mbsync": Mbsync(),
        "mbsync nofsync": Mbsync(fsync=False),
        "mbsync uncompressed": Mbsync(account="DisableExtension COMPRESS=DEFLATE"),
        "LIST-STATUS": Raw("list-status"),
        "STATUS": Raw("status", "-w", "500"),
        "changes": Raw("changes", "-s", "STATE", messages="new"),
        "hash loop": Files("HASHLOOP", "MAIL"),
        "tar": Files("tar", "-cf", "DIR/plain.tar", "-C", "MAIL", "."),
        "tar, flushed": Files("sh", "-c", "tar -cf DIR/plain.tar -C MAIL . && sync -d DIR/plain.tar"),
    }
    for n in (1, 2, 4, 8):
        found[f"drain {n}"] = Raw("drain", "-c", str(n), *LOWAT, messages="all")
        found[f"drain {n} deflated"] = Raw("drain", "-z", "-c", str(n), *LOWAT, messages="all")
        found[f"write {n}"] = Raw("drain", "-c", str(n), "-o", "DIR", *LOWAT, messages="all")
        found[f"push {n}"] = Raw("push", "-m", "-c", str(n), "-i", "TREE", messages="all")
        found[f"push {n} APPEND"] = Raw("push", "-c", str(n), "-i", "TREE", messages="all")
    for c in found.values():
        c.ca = ca
    return found
