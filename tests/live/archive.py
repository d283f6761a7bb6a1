# SPDX-License-Identifier: MIT
"""Reads an archive by its published format alone (imapsync-archive(5)).

Shares no code with the program: this is what somebody would write who has only the manual page and the disk.
"""
import hashlib
import os
import re
import stat

NAME = re.compile(
    r"^(-?\d+)\.V(\d+)U(\d+)H([0-9a-f]{16})\.imapsync,S=(\d+),W=(\d+):2,([A-Za-z]*)$"
)
FLAG = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}


class Message:
    def __init__(self, path, name, keywords):
        m = NAME.match(name)
        if not m:
            raise ValueError(f"{path}: not a message name")
        self.path = path
        self.secs, self.uidvalidity, self.uid = int(m[1]), int(m[2]), int(m[3])
        self.hash, self.size, self.wire_size, self.letters = m[4], int(m[5]), int(m[6]), m[7]
        if list(self.letters) != sorted(self.letters):
            raise ValueError(f"{path}: letters are not sorted")
        self.flags = {FLAG[c] if c in FLAG else keywords[ord(c) - ord("a")] for c in self.letters}
        st = os.lstat(path)
        if not stat.S_ISREG(st.st_mode):
            raise ValueError(f"{path}: not a regular file")
        self.mode, self.mtime, self.inode, self.ctime_ns = st.st_mode & 0o7777, st.st_mtime, st.st_ino, st.st_ctime_ns

    def wire(self):
        """The bytes as they were on the wire."""
        with open(self.path, "rb") as f:
            data = f.read()
        if len(data) != self.size:
            raise ValueError(f"{self.path}: {len(data)} bytes, its name says {self.size}")
        if self.size < self.wire_size:
            data = data.replace(b"\n", b"\r\n")
        if len(data) != self.wire_size:
            raise ValueError(f"{self.path}: {len(data)} wire bytes, its name says {self.wire_size}")
        if hashlib.sha256(data).hexdigest()[:16] != self.hash:
            raise ValueError(f"{self.path}: the content does not have the hash of its name")
        return data


def decode_level(level):
    return re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), os.fsencode(level)).decode("utf-8", "surrogateescape")


def decode_mutf7(name):
    import base64

    def run(m):
        if not m[1]:
            return "&"
        b64 = m[1].replace(",", "/")
        return base64.b64decode(b64 + "=" * (-len(b64) % 4)).decode("utf-16-be")

    return re.sub(r"&([^-]*)-", run, name)


def folders(path, layout="nested"):
    """{(level, level ...): directory} for every folder that can hold messages."""
    mail = os.path.join(path, "mail")
    found = {}
    if layout == "nested":
        for top, dirs, _ in os.walk(mail, followlinks=False):
            if "cur" in dirs:
                rel = os.path.relpath(top, mail)
                found[tuple(decode_level(x) for x in rel.split("/"))] = top
                dirs[:] = [d for d in dirs if d not in ("cur", "new", "tmp")]
    else:
        if os.path.isdir(os.path.join(mail, "cur")):
            found[("INBOX",)] = mail
        for d in os.listdir(mail):
            if d.startswith(".") and os.path.isdir(os.path.join(mail, d, "cur")):
                found[tuple(decode_level(x) for x in d[1:].split("."))] = os.path.join(mail, d)
    return found


def keywords(folder):
    names = {}
    try:
        with open(os.path.join(folder, "dovecot-keywords"), encoding="utf-8") as f:
            for line in f:
                n, name = line.rstrip("\n").split(" ", 1)
                names[int(n)] = name
    except FileNotFoundError:
        pass
    return names


def messages(folder):
    """{(uidvalidity, uid): Message}; raises for anything that does not belong there."""
    found, words = {}, keywords(folder)
    for sub in ("new", "cur"):
        for name in os.listdir(os.path.join(folder, sub)):
            m = Message(os.path.join(folder, sub, name), name, words)
            if (m.uidvalidity, m.uid) in found:
                raise ValueError(f"{m.path}: UID {m.uid} is stored twice")
            found[m.uidvalidity, m.uid] = m
    return found


def side_file(folder):
    values = {}
    with open(os.path.join(folder, ".mailbox"), encoding="utf-8") as f:
        for line in f:
            key, _, value = line.rstrip("\n").partition(" ")
            values[key] = value
    return values


def check_modes(path):
    """Nothing but private files and directories, no link, no leftovers of a killed run."""
    for top, dirs, files in os.walk(path):
        for n in dirs:
            p = os.path.join(top, n)
            st = os.lstat(p)
            assert stat.S_ISDIR(st.st_mode), f"{p} is no directory"
            assert st.st_mode & 0o7777 == 0o700, f"{p}: mode {st.st_mode & 0o7777:o}"
        for n in files:
            p = os.path.join(top, n)
            st = os.lstat(p)
            assert stat.S_ISREG(st.st_mode), f"{p} is no regular file"
            assert st.st_mode & 0o7777 == 0o600, f"{p}: mode {st.st_mode & 0o7777:o}"
            assert os.path.basename(top) != "tmp", f"{p}: left behind"


def snapshot(path):
    """Everything that a run without changes must leave alone: names, inodes and times of all message files."""
    seen = {}
    for top, _, files in os.walk(os.path.join(path, "mail")):
        for n in files:
            st = os.lstat(os.path.join(top, n))
            seen[os.path.join(top, n)] = (st.st_ino, st.st_mtime_ns, st.st_ctime_ns, st.st_size)
    return seen
