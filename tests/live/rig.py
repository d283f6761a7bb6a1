# SPDX-License-Identifier: MIT
"""What the live tests share: a private Dovecot, an independent IMAP client (imaplib), the program under test."""
import calendar
import email.utils
import imaplib
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time

import archive

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = os.environ.get("IMAPSYNC_TEST_DATA", os.path.join(ROOT, "..", "shared", "data"))
LONG = bool(os.environ.get("IMAPSYNC_LONG"))  # as make check-all has it: more of everything
imaplib._MAXLINE = 100_000_000
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Server:
    """A private Dovecot; use it in a with statement."""

    def __init__(self, **env):
        self.env = env

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="imapsync-dovecot-")
        os.chmod(self.dir, 0o755)
        self._dovecot("start")
        self.imap = int(open(f"{self.dir}/imap.port").read())
        self.imaps = int(open(f"{self.dir}/imaps.port").read())
        self.ca = f"{self.dir}/ca.pem"
        return self

    def _dovecot(self, verb):
        subprocess.run([f"{ROOT}/tests/support/dovecot", verb, self.dir], check=True, env={**os.environ, **self.env})

    def __exit__(self, *_):
        self._dovecot("stop")
        for _ in range(50):  # its last process may still be writing
            shutil.rmtree(self.dir, ignore_errors=True)
            if not os.path.exists(self.dir):
                break
            time.sleep(0.02)

    def client(self, user):
        c = imaplib.IMAP4("127.0.0.1", self.imap)
        c.login(user, "secret")
        return c


def quote(name):
    """A mailbox name as a quoted string."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def append(c, folder, message, flags=(), date=None):
    """APPEND exactly these bytes (imaplib's own append() rewrites line ends)."""
    tag = c._new_tag()
    date = f' "{date}"' if date else ""
    c.send(tag + f" APPEND {quote(folder)} ({' '.join(flags)}){date} {{{len(message)}+}}\r\n".encode() + message + b"\r\n")
    typ, data = c._command_complete("APPEND", tag)
    assert typ == "OK", data


def fill(c, folder, count, size=2000, first=0):
    """Generated messages, each different."""
    for i in range(first, first + count):
        body = f"Subject: message {i}\r\nMessage-ID: <{folder}.{i}@example.org>\r\n\r\n".encode()
        body += (f"{folder} {i} ".encode() * (1 + size // 10))[: size - 2] + b"\r\n"
        append(c, folder, body, ["\\Seen"] if i % 2 else [], f"{1 + i % 28:2d}-Mar-2024 10:{i % 60:02d}:00 +0200")


def internaldate_secs(text):
    m = re.match(r" ?(\d+)-(\w+)-(\d+) (\d+):(\d+):(\d+) ([+-])(\d\d)(\d\d)", text)
    secs = calendar.timegm((int(m[3]), MONTHS.index(m[2]) + 1, int(m[1]), int(m[4]), int(m[5]), int(m[6])))
    zone = (int(m[8]) * 60 + int(m[9])) * 60
    return secs - zone if m[7] == "+" else secs + zone


def remote(server, user):
    """{folder name on the wire: (uidvalidity, {uid: (bytes, flags, secs)})} by imaplib."""
    c = server.client(user)
    out = {}
    for line in c.list()[1]:
        if isinstance(line, tuple):
            attributes, name = line[0].decode(), line[1].decode()
        else:
            m = re.match(r'(\(.*?\)) (?:"(?:\\.|[^"])"|NIL) (.*)', line.decode())
            attributes, name = m[1], m[2]
            if name.startswith('"'):
                name = re.sub(r"\\(.)", r"\1", name[1:-1])
        if "\\noselect" in attributes.lower():
            continue
        typ, _ = c.select(quote(name), readonly=True)
        assert typ == "OK", name
        validity = int(c.response("UIDVALIDITY")[1][0])
        found = {}
        typ, data = c.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
        for part in data:
            if not isinstance(part, tuple):
                continue
            head = part[0].decode()
            uid = int(re.search(r"UID (\d+)", head)[1])
            flags = set(re.search(r"FLAGS \((.*?)\)", head)[1].split()) - {"\\Recent"}
            found[uid] = (part[1], flags, internaldate_secs(re.search(r'INTERNALDATE "(.*?)"', head)[1]))
        out[name] = (validity, found)
    c.logout()
    return out


def compare(server, user, path, layout="nested", separator="/", gone=()):
    """Server and archive hold the same messages: bytes, flags, dates. Returns how many were compared.
    gone: {(folder, uid)} that only the archive may have."""
    want, have, count = remote(server, user), archive.folders(path, layout), 0
    archive.check_modes(path)
    seen = set()
    for name, (validity, messages) in want.items():
        levels = tuple(archive.decode_mutf7(x) for x in name.split(separator))
        folder = have.get(levels)
        assert folder, f"{name}: no folder {levels} among {sorted(have)}"
        seen.add(levels)
        side = archive.side_file(folder)
        assert int(side["uidvalidity"]) == validity, f"{name}: side file {side}"
        stored = {uid: m for (v, uid), m in archive.messages(folder).items() if v == validity}
        extra = {uid for uid in stored if uid not in messages and (name, uid) not in gone}
        assert not extra, f"{name}: the server does not have UIDs {sorted(extra)}"
        missing = set(messages) - set(stored)
        assert not missing, f"{name}: UIDs {sorted(missing)[:10]} are missing in the archive"
        for uid, (data, flags, secs) in messages.items():
            m = stored[uid]
            assert m.wire() == data, f"{name} UID {uid}: bytes differ"
            assert m.flags == flags, f"{name} UID {uid}: flags {m.flags}, server {flags}"
            assert m.secs == secs and m.mtime == secs, f"{name} UID {uid}: date {m.secs}, {m.mtime}, server {secs}"
            count += 1
    return count


def real_messages(*patterns):
    """[(name, bytes with CRLF)] from the test data, or None when they are not there."""
    folder = os.path.join(DATA, "messages")
    if not os.path.isdir(folder):
        return None
    out = []
    for p in patterns:
        with tarfile.open(os.path.join(folder, p)) as tar:
            for member in tar:
                if member.isfile():
                    data = tar.extractfile(member).read()
                    out.append((member.name, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
    return out


class Program:
    """imapsync with a configuration of its own in a scratch folder."""

    def __init__(self, binary, server=None, user="me", **keys):
        self.binary, self.server, self.user = os.path.abspath(binary), server, user
        self.dir = tempfile.mkdtemp(prefix="imapsync-live-")
        self.path = f"{self.dir}/archive"
        self.conf = f"{self.dir}/imapsync.conf"
        self.configure(**keys)

    def configure(self, **keys):
        values = {"user": self.user, "password-command": "echo secret", "path": self.path}
        if self.server:
            values |= {"host": "localhost", "port": self.server.imaps, "tls-ca-file": self.server.ca}
        values |= {k.replace("_", "-"): v for k, v in keys.items()}
        with open(self.conf, "w") as f:
            f.write("[account test]\n" + "".join(f"{k} = {v}\n" for k, v in values.items() if v is not None))
        os.chmod(self.conf, 0o600)

    def argv(self, *args):
        return [self.binary, "--config", self.conf, *args]

    def run(self, *args, status=0, timeout=120, prefix=(), **kw):
        """Runs it to its end; asserts the exit status (None = any). Returns the completed process."""
        p = subprocess.run([*prefix, *self.argv(*args)], capture_output=True, text=True, timeout=timeout,
                           stdin=subprocess.DEVNULL, **kw)
        p.all = p.stdout + p.stderr
        assert "ERROR: AddressSanitizer" not in p.all and "runtime error" not in p.all, p.all
        if status is not None:
            assert p.returncode == status, f"exit {p.returncode}, expected {status}:\n{p.all}"
        return p

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_for_handler(run, signum):
    """Until a program that was just started catches the signal (or has ended)."""
    while run.poll() is None:
        with open(f"/proc/{run.pid}/status") as f:
            caught = int(re.search(r"^SigCgt:\s+(\w+)", f.read(), re.M)[1], 16)
        if caught >> (signum - 1) & 1:
            return
        time.sleep(0.005)


def fetched_bodies(trace):
    """How many messages the trace of a run shows as received."""
    return len(re.findall(r"BODY\[\] \{\d+\}|BODY\[\] \"", open(trace).read()))
