# SPDX-License-Identifier: MIT
"""The main job against a real server, judged by an independent client and an independent reader."""
import os
import re
import subprocess
import time

import archive
import rig
import runner

TUTORIAL = ["INBOX", "Archive", "Deleted Messages", "Example", "Example.2016"]


def tutorial(server, user="me"):
    c = server.client(user)
    for name in TUTORIAL[1:]:
        c.create(rig.quote(name))
    rig.fill(c, "INBOX", 3)
    rig.fill(c, "Example", 1)
    rig.fill(c, "Example.2016", 5)
    c.logout()


def unchanged_run(p, *args):
    """A run that must find nothing to do: no body, no file touched."""
    before, trace = archive.snapshot(p.path), f"{p.dir}/trace-unchanged"
    if os.path.exists(trace):
        os.unlink(trace)
    out = p.run("--verbose", "--trace", trace, "backup", *args)
    assert rig.fetched_bodies(trace) == 0, open(trace).read()
    assert archive.snapshot(p.path) == before, "a message file changed"
    assert "nothing new" in out.stdout, out.all
    return open(trace).read()


def test_first_and_second_run_over_tls(program):
    with rig.Server(SEPARATOR=".") as s, rig.Program(program, s) as p:
        tutorial(s)
        out = p.run("backup")
        assert out.all == "", "quiet when all is well and nobody watches: " + out.all
        assert rig.compare(s, "me", p.path, separator=".") == 9
        trace = unchanged_run(p)
        assert "EXAMINE" not in trace, "an unchanged mailbox is not opened:\n" + trace
        assert "secret" not in trace.replace("<secret", ""), trace


def test_compressed(program):
    extra = "protocol imap {\n mail_plugins = $mail_plugins imap_zlib\n}"
    with rig.Server(SEPARATOR=".", EXTRA=extra) as s, rig.Program(program, s, compress="yes") as p:
        tutorial(s)
        c = s.client("me")
        rig.fill(c, "Archive", 300)
        assert "compression   yes: always" in p.run("check").stdout
        p.run("--trace", f"{p.dir}/trace", "backup")
        assert "COMPRESS DEFLATE" in open(f"{p.dir}/trace").read()
        assert rig.compare(s, "me", p.path, separator=".") == 309
        p.configure(compress="auto")
        assert "compression   no: the server is on this machine" in p.run("check").stdout
        assert "COMPRESS DEFLATE" not in unchanged_run(p)


def test_starttls(program):
    with rig.Server(SEPARATOR=".") as s, rig.Program(program, s, port=s.imap, tls="starttls") as p:
        tutorial(s)
        p.run("backup")
        assert rig.compare(s, "me", p.path, separator=".") == 9
        unchanged_run(p)


def test_preauth_tunnel(program):
    with rig.Server(SEPARATOR=".") as s:
        tunnel = f"{rig.ROOT}/tests/support/dovecot tunnel {s.dir} me"
        with rig.Program(program, None, tunnel=tunnel, tls="none", user=None, password_command=None) as p:
            tutorial(s)
            p.run("backup")
            assert rig.compare(s, "me", p.path, separator=".") == 9
            unchanged_run(p)


def test_maildirpp_layout_and_crlf(program):
    with rig.Server() as s, rig.Program(program, s, layout="maildir++", newline="crlf") as p:
        c = s.client("me")
        for name in ("Lists", "Lists/c.dev", "Lists/c.dev/2016"):
            c.create(rig.quote(name))
            rig.fill(c, name, 4)
        rig.fill(c, "INBOX", 2)
        c.logout()
        p.run("backup")
        assert rig.compare(s, "me", p.path, layout="maildir++") == 14
        for folder in archive.folders(p.path, "maildir++").values():
            for m in archive.messages(folder).values():
                assert m.size == m.wire_size, m.path
        unchanged_run(p)


def test_changes_between_runs(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        c.create("Work")
        rig.fill(c, "Work", 30)
        rig.fill(c, "INBOX", 4)
        p.run("backup")
        old = archive.messages(f"{p.path}/mail/Work")
        # New mail, flags and keywords, deletions, a new folder and one that goes away.
        rig.fill(c, "Work", 7, first=30)
        c.select("Work")
        c.store("1:5", "+FLAGS", r"(\Flagged \Answered)")
        c.store("6", "+FLAGS", "($Forwarded project-x $Label1)")
        c.store("7", "FLAGS", "()")
        c.store("10:14", "+FLAGS", r"(\Deleted)")
        c.expunge()
        c.create("New")
        rig.fill(c, "New", 3)
        p.run("backup")
        gone = {("Work", u) for u in range(10, 15)}
        assert rig.compare(s, "me", p.path, gone=gone) == 30 - 5 + 7 + 4 + 3
        # Tombstones: what the server deleted is still there, the same bytes.
        now = archive.messages(f"{p.path}/mail/Work")
        assert {k for k in old} <= {k for k in now}
        for _, uid in gone:
            assert [m for (v, u), m in now.items() if u == uid][0].wire()
        unchanged_run(p)
        c.delete("New")
        out = p.run("--verbose", "backup")
        assert "folder gone from the server (kept here)" in out.stdout, out.all
        assert len(archive.messages(f"{p.path}/mail/New")) == 3
        c.logout()


def test_new_uidvalidity_keeps_the_old_and_fetches_nothing_twice(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        c.create("Box")
        rig.fill(c, "Box", 40)
        p.run("backup")
        old = archive.messages(f"{p.path}/mail/Box")
        c.delete("Box")
        c.create("Box")
        rig.fill(c, "Box", 40)
        rig.fill(c, "Box", 2, first=40)
        c.logout()
        trace = f"{p.dir}/trace"
        p.run("--trace", trace, "backup")
        assert rig.compare(s, "me", p.path) == 42
        now = archive.messages(f"{p.path}/mail/Box")
        assert len(now) == 82 and set(old) <= set(now)
        fetched = rig.fetched_bodies(trace)
        assert fetched <= 2 + 3, f"{fetched} bodies fetched: 2 are new, 3 at most are a sample"
        assert len({m.inode for m in now.values()}) < 82, "matched messages are hard links"
        unchanged_run(p)


def test_server_without_extensions(program):
    bare = "IMAP4rev1 AUTH=PLAIN"
    with rig.Server(CAPABILITY=bare) as s, rig.Program(program, s) as p:
        c = s.client("me")
        for n in ("A", "B", "A/sub"):
            c.create(n)
            rig.fill(c, n, 6)
        p.run("backup")
        assert rig.compare(s, "me", p.path) == 18
        unchanged_run(p)
        c.select("B")
        c.store("2", "+FLAGS", r"(\Deleted)")
        c.store("3", "+FLAGS", r"(\Flagged)")
        c.expunge()
        rig.fill(c, "A", 2, first=6)
        p.run("backup")
        assert rig.compare(s, "me", p.path, gone={("B", 2)}) == 19
        unchanged_run(p)
        c.logout()


def test_inbox_prefix_namespace(program):
    with rig.Server(SEPARATOR=".", PREFIX="INBOX.") as s, rig.Program(program, s) as p:
        c = s.client("me")
        c.create("INBOX.Sent")
        rig.fill(c, "INBOX", 3)
        rig.fill(c, "INBOX.Sent", 3)
        c.logout()
        p.run("backup")
        assert rig.compare(s, "me", p.path, separator=".") == 6
        assert ("INBOX", "Sent") in archive.folders(p.path)


def test_folder_selection(program):
    with rig.Server() as s, rig.Program(program, s, exclude="Trash Lists/* \\Junk") as p:
        c = s.client("me")
        for n in ("Trash", "Lists", "Lists/a", "Junk", "Deleted Messages", "Work"):
            c.create(rig.quote(n))
            rig.fill(c, n, 1)
        c.logout()
        p.run("backup")
        assert set(archive.folders(p.path)) == {("INBOX",), ("Lists",), ("Deleted Messages",), ("Work",)}
        p.run("backup", "--folder", "Lists/*", "--exclude", "nothing")
        assert ("Lists", "a") in archive.folders(p.path)


def test_several_connections(program):
    with rig.Server() as s, rig.Program(program, s, connections=3) as p:
        c = s.client("me")
        for i in range(12):
            c.create(f"F{i}")
            rig.fill(c, f"F{i}", 20)
        c.logout()
        p.run("backup")
        assert rig.compare(s, "me", p.path) == 240
        unchanged_run(p)


def test_real_messages_twice(program):
    real = rig.real_messages("spamassassin-easy-ham-1.tar.gz", "spamassassin-hard-ham-1.tar.gz", "spamassassin-spam-1.tar.gz")
    if real is None:
        raise Skipped("no test data; set IMAPSYNC_TEST_DATA")
    if not rig.LONG:  # some of each kind
        real = real[::10]
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        for i, (name, data) in enumerate(real):
            folder = name.split("/")[0].replace(".", "_") if i % 3 else "INBOX"
            if i < 3 or i % 500 == 1:
                c.create(rig.quote(folder))
            try:
                rig.append(c, folder, data, ["\\Seen", "$Label%d" % (i % 7)] if i % 2 else ["\\Flagged"], "14-Jul-2002 22:17:%02d +0530" % (i % 60))
            except AssertionError:
                c.create(rig.quote(folder))
                rig.append(c, folder, data)
        c.logout()
        p.run("backup")
        assert rig.compare(s, "me", p.path) == len(real) == (3250 if rig.LONG else 325)
        unchanged_run(p)
        assert rig.compare(s, "me", p.path) == len(real)


def torture():
    """Messages that break writers of Maildirs and parsers of literals."""
    yield b"\r\n", "only an empty line"
    yield b"\r\nno header at all\r\n", "no header"
    yield b"Subject: no final newline\r\n\r\nend", "no final newline"
    yield b"Subject: bare LF\n\nline\nline\r\n", "bare LF"
    yield b"Subject: lone CR\r\n\r\na\rb\r\r\nc\r\n", "lone CR"
    yield b"Subject: mixed\r\n\r\na\nb\r\nc\n\r\n\r", "mixed line ends"
    yield b"x" * 70000, "one long line"
    yield b"Subject: fake\r\n\r\na1 OK FETCH completed\r\n* 1 FETCH (UID 99 BODY[] {3}\r\nabc)\r\n) {5}\r\n", "fake protocol"
    yield b"Subject: 8bit \xff\xfe\x80\r\n\r\n\x01\x02\x7f\xe2\x80\xae\r\n", "8-bit"
    yield b"From: a\r\n\r\n" + b"\r\n" * 5000, "many empty lines"
    yield b"From: a\r\n\r\n" + b"ab\r\n" * 40000 + b"\n", "bare LF at the very end of a long message"


def test_torture_messages(program):
    for newline in ("lf", "crlf"):
        with rig.Server() as s, rig.Program(program, s, newline=newline) as p:
            c = s.client("me")
            n = 0
            for data, what in torture():
                rig.append(c, "INBOX", data)
                n += 1
            c.logout()
            p.run("backup")
            assert rig.compare(s, "me", p.path) == n
            unchanged_run(p)


def peak_rss_kb(argv):
    """Runs a program; its peak resident set in kilobytes. (wait4() would count this interpreter before the exec.)"""
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = 0
    while p.poll() is None:
        try:
            m = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{p.pid}/status").read())
            peak = max(peak, int(m[1])) if m else peak
        except OSError:
            pass
        time.sleep(0.005)
    assert p.returncode == 0, p.stdout.read()
    assert peak > 1000, "the peak was not seen"
    return peak


def test_memory_does_not_grow_with_a_message(program):
    if "san" in program or "address" in program:
        raise Skipped("sanitizers change memory")
    mb = 512 if rig.LONG else 64
    with rig.Server() as s, rig.Program(program, s, max_message_size="2G") as p:
        c = s.client("me")
        block = b"0123456789abcdef" * 4 + b"\r\n"
        size = mb << 20
        head = b"Subject: huge\r\n\r\n"
        lines = (size - len(head)) // len(block)
        tag = c._new_tag()
        c.send(tag + b" APPEND INBOX {%d+}\r\n" % (len(head) + lines * len(block)) + head)
        for _ in range(lines // 4096):
            c.send(block * 4096)
        c.send(block * (lines % 4096) + b"\r\n")
        assert c._command_complete("APPEND", tag)[0] == "OK"
        c.logout()
        rss = peak_rss_kb(p.argv("backup"))
        assert rss < 32 << 10, f"peak resident set {rss} kB with a message of {mb} MB"
        assert rig.compare(s, "me", p.path) == 1


@runner.early
def test_memory_does_not_grow_with_a_mailbox(program):
    if "san" in program or "address" in program:
        raise Skipped("sanitizers change memory")
    rounds, most = (10, 32 << 10) if rig.LONG else (4, 16 << 10)
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        # One command, many small messages.
        for _ in range(rounds):
            tag = c._new_tag()
            m = b"Subject: small\r\n\r\nx\r\n"
            c.send(tag + b" APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(m), m) for _ in range(2000)) + b"\r\n")
            assert c._command_complete("APPEND", tag)[0] == "OK"
        c.logout()
        rss = peak_rss_kb(p.argv("backup"))
        assert rss < most, f"peak resident set {rss} kB with {rounds * 2000} messages"
        assert len(archive.messages(f"{p.path}/mail/INBOX")) == rounds * 2000
