# SPDX-License-Identifier: MIT
"""Everything that goes wrong has one clear sentence and the right exit status, and loses nothing."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import archive
import rig


def sentence(out, *words):
    """One line on standard error that names the account and holds these words."""
    lines = [x for x in out.stderr.splitlines() if x]
    assert len(lines) == 1, out.all
    for w in words:
        assert w.lower() in lines[0].lower(), f"{w!r} is missing in: {lines[0]}"
    return lines[0]


def test_wrong_password(program):
    with rig.Server() as s, rig.Program(program, s, password_command="echo wrong") as p:
        sentence(p.run("backup", status=77), "test", "localhost")
        assert "wrong" not in p.run("check", status=77).stderr.replace("wrong password", "")


def test_unknown_host(program):
    with rig.Program(program, None, host="no-such-host.invalid") as p:
        sentence(p.run("backup", status=75), "no-such-host.invalid")
        assert not os.path.exists(p.path) or not os.path.exists(f"{p.path}/mail/INBOX")


def test_refused_port(program):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with rig.Program(program, None, host="127.0.0.1", port=closed.getsockname()[1]) as p:
            sentence(p.run("backup", status=75), "127.0.0.1", "refused")


def test_certificate_of_another_host(program):
    with rig.Server(CERT_NAME="mail.example.net") as s, rig.Program(program, s) as p:
        sentence(p.run("backup", status=77), "certificate", "mail.example.net", "localhost")


def test_expired_certificate(program):
    with rig.Server(CERT_DAYS="-3") as s, rig.Program(program, s) as p:
        sentence(p.run("backup", status=77), "certificate", "expired")


def test_unknown_authority_and_pin(program):
    with rig.Server() as s, rig.Program(program, s, tls_ca_file=None) as p:
        line = sentence(p.run("backup", status=77), "certificate", "tls-ca-file")
        p.configure()
        pin = re.search(r"key pin\s+(\S+)", p.run("check").stdout)[1]
        p.configure(tls_ca_file=None, tls_pin_sha256=pin, tls_pin_only="yes")
        p.run("backup")
        p.configure(tls_pin_sha256="A" * 43 + "=")
        sentence(p.run("backup", status=77), "pin")


def test_missing_ca_file(program):
    with rig.Server() as s, rig.Program(program, s, tls_ca_file="/nonexistent/ca.pem") as p:
        sentence(p.run("backup", status=78), "/nonexistent/ca.pem")


def test_credentials_never_leave_in_clear(program):
    """A host that is not loopback, without TLS: refused before anything is sent."""
    with rig.Server() as s, rig.Program(program, s, port=s.imap, tls="none") as p:
        p.run("backup")  # loopback is fine


def test_config_errors(program):
    with rig.Program(program, None, host="localhost") as p:
        p.configure(host="localhost", pasword="x")
        out = p.run("backup", status=78)
        sentence(out, p.conf + ":", "pasword", "password")
        p.configure(host="localhost", password="x", password_command=None)
        os.chmod(p.conf, 0o644)
        sentence(p.run("backup", status=78), "chmod 600")
        os.unlink(p.conf)
        sentence(p.run("backup", status=78), p.conf)
        os.mkdir(p.conf)
        p.run("backup", status=78)


def test_unreadable_config(program):
    if os.getuid() == 0:
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    else:
        prefix = []
    with rig.Program(program, None, host="localhost") as p:
        os.chmod(p.dir, 0o755)
        os.chmod(p.conf, 0)
        copy = shutil.copy(program, f"{p.dir}/imapsync")
        os.chmod(copy, 0o755)
        p.binary = copy
        sentence(p.run("backup", status=78, prefix=prefix), p.conf, "permission denied")


def test_missing_parent_of_the_archive(program):
    with rig.Server() as s, rig.Program(program, s, path="/nonexistent/place/me") as p:
        line = sentence(p.run("backup", status=None), "/nonexistent/place")
        assert p.run("backup", status=None).returncode in (73, 74, 78)


def test_archive_of_another_account_is_refused(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        rig.fill(c, "INBOX", 1)
        p.run("backup")
        p.configure(user="somebody-else")
        sentence(p.run("backup", status=78), "me@localhost")


def test_two_at_once(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        rig.fill(c, "INBOX", 400, size=60000)
        first = subprocess.Popen(p.argv("backup"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        for _ in range(1000):
            if os.path.isdir(f"{p.path}/mail/INBOX/tmp") and os.listdir(f"{p.path}/mail/INBOX/tmp"):
                break
            time.sleep(0.005)
        out = p.run("backup", status=None)
        assert first.wait(60) == 0
        if out.returncode == 0:
            raise Skipped("the first run was too quick to meet")
        assert out.returncode == 75
        sentence(out, "another run")
        assert rig.compare(s, "me", p.path) == 400


def test_disk_full(program):
    """A file system of its own, too small: exit 73, nothing lost, and with space the next run completes."""
    if os.getuid() != 0:
        raise Skipped("needs root to mount a small tmpfs")
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        c.create("Big")
        rig.fill(c, "INBOX", 20, size=1000)
        rig.fill(c, "Big", 60, size=200000)
        os.makedirs(f"{p.dir}/small")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", f"{p.dir}/small"], capture_output=True).returncode:
            raise Skipped("cannot mount a tmpfs here")
        try:
            p.path = f"{p.dir}/small/archive"
            p.configure()
            line = sentence(p.run("backup", status=73), "no space left")
            sentence(p.run("backup", status=73), "no space left")
            kept = sum(len(archive.messages(f)) for f in archive.folders(p.path).values())
            subprocess.run(["mount", "-o", "remount,size=40m", f"{p.dir}/small"], check=True)
            trace = f"{p.dir}/trace"
            p.run("--trace", trace, "backup")
            assert rig.fetched_bodies(trace) == 80 - kept, (kept, rig.fetched_bodies(trace))
            assert rig.compare(s, "me", p.path) == 80
        finally:
            subprocess.run(["umount", f"{p.dir}/small"], check=True)


class Cutter(threading.Thread):
    """A proxy that passes `limit` bytes from the server on each connection, then hangs up. limit None: passes all."""

    def __init__(self, port, limit):
        super().__init__(daemon=True)
        self.to, self.limit, self.count = port, limit, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            b = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self.pump, args=(a, b, None), daemon=True).start()
            threading.Thread(target=self.pump, args=(b, a, self.limit), daemon=True).start()

    @staticmethod
    def pump(src, dst, limit):
        passed = 0
        try:
            while limit is None or passed < limit:
                data = src.recv(65536 if limit is None else min(65536, limit - passed))
                if not data:
                    break
                dst.sendall(data)
                passed += len(data)
        except OSError:
            pass
        for x in (src, dst):
            try:
                x.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            x.close()

    def close(self):
        self.listener.close()


def test_server_hangs_up_in_a_literal(program):
    """Every connection dies after some bytes, in the middle of a message: what is whole is kept, the next run carries on."""
    with rig.Server() as s:
        c = s.client("me")
        rig.fill(c, "INBOX", 30, size=20000)
        cut = Cutter(s.imap, 150000)
        with rig.Program(program, s, port=cut.port, tls="none", host="127.0.0.1", tls_ca_file=None) as p:
            out = p.run("backup", status=None, timeout=300)
            archive.check_modes(p.path)
            kept = archive.messages(f"{p.path}/mail/INBOX")
            if out.returncode == 0:
                assert len(kept) == 30 and cut.count > 1
            else:
                assert out.returncode in (1, 75), out.all
                assert "imapsync: test:" in out.stderr
            cut.limit = None
            trace = f"{p.dir}/trace"
            p.run("--trace", trace, "backup")
            assert rig.fetched_bodies(trace) == 30 - len(kept)
            assert rig.compare(s, "me", p.path) == 30
        cut.close()


def test_hang_up_at_many_places(program):
    """Cut the stream after every few bytes of a small session, then once whole: always the same end."""
    with rig.Server() as s:
        c = s.client("me")
        c.create("A")
        rig.fill(c, "INBOX", 2, size=300)
        rig.fill(c, "A", 2, size=300)
        for limit in range(1, 6000, 97 if rig.LONG else 601):
            cut = Cutter(s.imap, limit)
            with rig.Program(program, s, port=cut.port, tls="none", host="127.0.0.1", tls_ca_file=None) as p:
                out = p.run("backup", status=None)
                assert out.returncode in (0, 1, 75, 76), out.all
                assert out.returncode == 0 or out.stderr, "a failed run must say why"
                cut.limit = None
                p.run("backup")
                assert rig.compare(s, "me", p.path) == 4
            cut.close()


def test_usage_errors(program):
    with rig.Program(program, None, host="localhost") as p:
        for args in (["nonsense"], ["backup", "--nonsense"], ["--config"], [], ["backup", "no-such-account"], ["status", "--remote"],
                     ["backup", "imaps://me:secret@localhost"], ["backup", "imaps://localhost"], ["status", "--max-age", "soon"]):
            out = subprocess.run([p.binary, "--config", p.conf, *args] if args != ["--config"] else [p.binary, *args],
                                 capture_output=True, text=True)
            assert out.returncode == 64, (args, out)
            assert len(out.stderr.splitlines()) == 1 and "secret" not in out.stderr, out.stderr
