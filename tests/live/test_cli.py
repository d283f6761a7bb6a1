# SPDX-License-Identifier: MIT
"""What a person sees: summaries, folders, check, status, the password prompt, dry runs."""
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time

import archive
import rig
from test_backup import tutorial


def on_terminal(argv, answers=(), timeout=30, cwd=None, env=None):
    """Runs a program on a terminal of its own; answers: (prompt, text) pairs. Returns (status, output)."""
    pid, fd = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, which a program respects
        if cwd:
            os.chdir(cwd)
        os.execvpe(argv[0], argv, {**os.environ, "TERM": "xterm", **(env or {})})
    out, todo, end = b"", list(answers), time.monotonic() + timeout
    while time.monotonic() < end:
        ready, _, _ = select.select([fd], [], [], 0.2)
        if not ready:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
        if todo and todo[0][0].encode() in out:
            os.write(fd, todo.pop(0)[1].encode())
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), out.decode()


def test_url_with_a_password_asked_on_the_terminal(program):
    with rig.Server(SEPARATOR=".") as s, rig.Program(program, s) as p:
        tutorial(s)
        # The system's trust store does not know the test authority.
        env = {"SSL_CERT_FILE": s.ca, "HOME": p.dir}
        url = f"imaps://me@localhost:{s.imaps}"
        status, out = on_terminal([os.path.abspath(program), "backup", "--path", p.path, url], [("Password", "secret\n")], env=env)
        assert status == 0, out
        assert "secret" not in out, "the password must not be echoed"
        assert "9 new messages" in out, out
        assert rig.compare(s, "me", p.path, separator=".") == 9
        status, out = on_terminal([os.path.abspath(program), "backup", "--path", p.path, url], [("Password", "secret\n")], env=env)
        assert status == 0 and "nothing new" in out, out
        out = subprocess.run([program, "backup", "--path", p.path, url], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             env={**os.environ, **env}, start_new_session=True)
        assert out.returncode == 77 and "terminal" in out.stderr, out


class Relay:
    """Connections to ::1 go on to a server on 127.0.0.1; use it in a with statement."""

    def __init__(self, port):
        self.to = port

    def __enter__(self):
        self.listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        try:
            while True:
                a, b = self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.to))
                for x, y in ((a, b), (b, a)):
                    threading.Thread(target=self.carry, args=(x, y), daemon=True).start()
        except OSError:
            pass

    @staticmethod
    def carry(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_url_with_an_ipv6_address(program):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        print("there is no ::1 here: NOTHING WAS TESTED")
        return
    with rig.Server() as s, rig.Program(program, s) as p, Relay(s.imaps) as relay:
        tutorial(s)
        env = {"SSL_CERT_FILE": s.ca, "HOME": p.dir}
        url = f"imaps://me@[::1]:{relay.port}"
        for args, words in ((("imap", url, "list"), "INBOX"), (("backup", "--path", p.path, url), "9 new messages")):
            status, out = on_terminal([os.path.abspath(program), *args], [("Password", "secret\n")], env=env)
            assert status == 0 and words in out, out


def test_summary_folders_check_and_status(program):
    with rig.Server(SEPARATOR=".") as s, rig.Program(program, s) as p:
        tutorial(s)
        status, out = on_terminal(p.argv("backup"))
        assert status == 0 and "9 new messages" in out, out
        folders = p.run("folders").stdout
        for name in ("INBOX", "Archive", "Deleted Messages", "Example", "Example.2016"):
            assert name in folders, folders
        assert all(len(line) <= 80 for line in folders.splitlines()), folders
        remote = json.loads(p.run("folders", "--remote", "--json").stdout)
        local = json.loads(p.run("folders", "--json").stdout)
        pick = lambda t: {f["name"]: (f["messages"], f["bytes"]) for f in t["folders"]}
        assert pick(remote) == pick(local), (remote, local)
        check = p.run("check").stdout
        for word in ("TLSv1.3", "login OK", "5 folders", "9 messages", "LIST-STATUS"):
            assert word in check, check
        assert all(len(line) <= 100 for line in check.splitlines()), check
        state = p.run("status", "--max-age", "1h").stdout
        assert "last good run" in state and "9 messages" in state, state
        data = json.loads(p.run("status", "--json").stdout)
        assert data["messages"] == 9 and data["failed"] == 0 and data["last_result"] == "OK", data


def test_status_max_age(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        p.run("backup")
        time.sleep(2.1)
        out = p.run("status", "--max-age", "1s", status=1)
        assert "last good run" in out.stderr


def test_dry_run_changes_nothing(program):
    with rig.Server(SEPARATOR=".") as s, rig.Program(program, s) as p:
        tutorial(s)
        out = p.run("--verbose", "backup", "--dry-run")
        assert not os.path.exists(p.path), "not even the folder"
        assert "9 new messages" in out.stdout, out.all
        p.run("backup")
        c = s.client("me")
        rig.fill(c, "Archive", 2)
        before = archive.snapshot(p.path), os.stat(f"{p.path}/index.db").st_mtime_ns
        out = p.run("--verbose", "backup", "--dry-run")
        assert "2 new messages" in out.stdout, out.all
        assert before == (archive.snapshot(p.path), os.stat(f"{p.path}/index.db").st_mtime_ns)


def test_several_accounts_the_worst_status_wins(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        with open(p.conf, "w") as f:
            f.write(f"""
[defaults]
host = localhost
port = {s.imaps}
tls-ca-file = {s.ca}
path = {p.dir}/%a

[account good]
user = good
password-command = echo secret
[account bad]
user = bad
password-command = echo wrong
[account also-good]
user = other
password-command = echo secret
""")
        os.chmod(p.conf, 0o600)
        out = p.run("backup", status=77)
        assert "bad:" in out.stderr and "good:" not in out.stderr.replace("also-good", ""), out.all
        assert os.path.isdir(f"{p.dir}/good/mail/INBOX") and os.path.isdir(f"{p.dir}/also-good/mail/INBOX")
        p.run("backup", "good", "also-good", status=0)


def test_trace_holds_no_secret(program):
    secrets = ("canary-pass-4711", "Y2FuYXJ5LXBhc3MtNDcxM", "AG1lAGNhbmFye")
    with rig.Server() as s, rig.Program(program, s, password_command="echo canary-pass-4711") as p:
        # A static password: log in fails, but everything was sent.
        for n, keys in enumerate(({"auth": "plain"}, {"auth": "login"})):
            p.configure(password_command="echo canary-pass-4711", **keys)
            out = p.run("--verbose", "--trace", f"{p.dir}/t{n}", "check", status=77)
            text = open(f"{p.dir}/t{n}").read() + out.all
            assert "LOGIN" in text or "AUTHENTICATE" in text
            for x in secrets:
                assert x not in text, text
            assert os.stat(f"{p.dir}/t{n}").st_mode & 0o777 == 0o600


def test_every_way_to_log_in(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        for auth in ("auto", "scram-sha-256", "scram-sha-1", "plain", "login", "cram-md5"):
            p.configure(auth=auth)
            trace = f"{p.dir}/{auth}"
            assert "login OK" in p.run("--trace", trace, "check").stdout
            used = re.search(r" C: \S+ (LOGIN|AUTHENTICATE \S+)", open(trace).read())[1]
            want = {"auto": "AUTHENTICATE SCRAM-SHA-256", "login": "LOGIN"}.get(auth, f"AUTHENTICATE {auth.upper()}")
            assert used == want, used
            p.configure(auth=auth, password_command="echo wrong")
            out = p.run("check", status=77)
            assert len(out.stderr.splitlines()) == 1, out.all
        p.configure(auth="external")
        out = p.run("check", status=77)
        assert "EXTERNAL" in out.stderr.upper() and "SCRAM-SHA-256" in out.stderr, out.all


def test_read_only_use_of_the_server(program):
    """No command of a backup changes the server: flags, \\Recent, unseen counts stay."""
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        rig.fill(c, "INBOX", 6)
        before = rig.remote(s, "me")
        trace = f"{p.dir}/trace"
        p.run("--trace", trace, "backup")
        assert rig.remote(s, "me") == before
        verbs = set(re.findall(r" C: \S+ ((?:UID )?[A-Z]+)", open(trace).read()))
        allowed = {"CAPABILITY", "ID", "STARTTLS", "AUTHENTICATE", "LOGIN", "ENABLE", "NAMESPACE", "LIST", "LSUB", "STATUS", "EXAMINE",
                   "UID SEARCH", "UID FETCH", "NOOP", "UNSELECT", "LOGOUT", "COMPRESS"}
        assert verbs <= allowed, verbs - allowed
        assert "BODY[" not in re.sub(r"S: .*", "", open(trace).read()), "only BODY.PEEK"
