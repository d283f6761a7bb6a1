# SPDX-License-Identifier: MIT
"""imapsync imap: every command against a real server, as text and as JSON; what only looks, and what changes."""
import base64
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
import time

import rig

FEATURES = """
mail_plugins = acl quota
protocol imap {
  mail_plugins = acl imap_acl quota imap_quota
  imap_metadata = yes
}
plugin {
  acl = vfile
  quota = count:User quota
  quota_rule = *:storage=10M
  quota_vsizes = yes
}
mail_attribute_dict = file:%h/attributes
"""
LETTER = (b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nTo: me@example.org\r\nSubject: =?utf-8?b?w4RwZmVs?=\r\n"
          b"Message-ID: <letter@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
          b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
          b"--x\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--x--\r\n")
ANSWER = (b"From: me@example.org\r\nSubject: Re: letter\r\nIn-Reply-To: <letter@example.org>\r\n"
          b"References: <letter@example.org>\r\nMessage-ID: <answer@example.org>\r\n\r\n\x1b[2Jred\r\n")


class Imap(rig.Program):
    """imap("copy", ...) runs imapsync imap test copy ...; as_json() with --json."""

    def imap(self, *args, status=0, **kw):
        return self.run("imap", "test", *args, status=status, **kw)

    def as_json(self, *args, status=0):
        out = self.imap(*args, "--json", status=status)
        document = json.loads(out.stdout)
        assert document["account"] == "test", document
        return document

    def refused(self, *args, words, status=1):
        """Fails with one sentence that has these words."""
        out = self.imap(*args, status=status)
        lines = out.stderr.splitlines()
        assert len(lines) == 1, out.all
        for w in words:
            assert w in lines[0], f"{w!r} is missing in: {lines[0]}"


def fill(s):
    """INBOX: the letter and its answer; Work: three generated messages."""
    c = s.client("me")
    for folder in ("Work", "Work/2016", "&AMQ-pfel"):
        assert c.create(folder)[0] == "OK"
    rig.append(c, "INBOX", LETTER, ["\\Flagged"], "31-Jan-2024 10:00:00 +0100")
    rig.append(c, "INBOX", ANSWER, ["\\Seen", "work"], " 1-Feb-2024 10:00:00 +0100")
    rig.fill(c, "Work", 3)
    c.logout()


def state(s):
    """Everything a dry run must leave alone: messages, flags, dates, folders, subscriptions, rights, annotations."""
    c = s.client("me")
    out = [rig.remote(s, "me"), sorted(c.lsub()[1], key=str)]
    for folder in ("INBOX", "Work"):
        out.append(sorted(c.getacl(folder)[1]))
    tag, lines = c._new_tag(), []
    c.send(tag + b" GETMETADATA Work (/private/comment)\r\n")
    while not (line := c.readline()).startswith(tag):
        lines.append(line)
    c.logout()
    return out + [lines]


def test_folders(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        out = p.imap("list").stdout
        assert re.search(r"^Äpfel +\\", out, re.M) and re.search(r"^Work/2016 +\\", out, re.M), out
        assert p.imap("list", "Work/%").stdout.split()[0] == "Work/2016"
        names = {f["name"]: f for f in p.as_json("list")["folders"]}
        assert set(names) >= {"INBOX", "Work", "Work/2016", "Äpfel"}, names
        assert names["Äpfel"]["wire"] == "&AMQ-pfel" and names["Äpfel"]["delimiter"] == "/"
        assert "\\HasChildren" in names["Work"]["attributes"]
        assert p.as_json("list", "--subscribed")["folders"] == []
        assert p.imap("subscribe", "Äpfel").stdout == "subscribed to Äpfel\n"
        assert [f["name"] for f in p.as_json("list", "--subscribed")["folders"]] == ["Äpfel"]
        assert p.as_json("unsubscribe", "Äpfel")["folder"] == "Äpfel"
        assert p.imap("list", "--subscribed").stdout == ""
        assert re.search(r"^Work +3 +2 +4 +\d+ ", p.imap("status", "INBOX", "Work").stdout, re.M)
        work = p.as_json("status", "Work")["folders"][0]
        assert (work["messages"], work["unseen"], work["uidnext"]) == (3, 2, 4), work
        assert p.imap("create", "Neu/ä").stdout == "created Neu/ä\n"
        assert p.imap("rename", "Neu/ä", "Neu/ö").stdout == "renamed Neu/ä to Neu/ö\n"
        assert p.as_json("delete", "Neu/ö", "--yes") == {"account": "test", "command": "delete", "dry_run": False,
                                                        "folder": "Neu/ö", "messages": 0}
        assert "Neu/ö" not in p.imap("list").stdout
        assert p.imap("--quiet", "create", "Quiet").stdout == ""


SCRIPTED = """
import sys
answers = {answers!r}
out = sys.stdout.buffer
out.write(b"* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS SORT THREAD=REFERENCES {capability}] hello\\r\\n")
out.flush()
idle = None
for line in sys.stdin.buffer:
    tag, _, command = line.strip().partition(b" ")
    status = b"OK done"
    if tag == b"DONE":
        tag, idle = idle, None
    for start, lines in answers.items():
        if command.startswith(start):
            status = lines[-1]
            out.write(b"".join(x + b"\\r\\n" for x in lines[:-1]))
    if command == b"LOGOUT":
        out.write(b"* BYE bye\\r\\n")
    if status == b"DONE":
        idle = tag
    else:
        out.write(tag + b" " + status + b"\\r\\n")
    out.flush()
"""
OPEN = {b"EXAMINE": [b"* 3 EXISTS", b"OK [READ-ONLY] done"], b"SELECT": [b"* 3 EXISTS", b"OK [READ-WRITE] done"]}


def scripted(p, answers, capability=""):
    """The program talks to a server that answers commands by how they begin: lines, and the last one is the status, which
    may be DONE: not before the client says so. OK without data to all others."""
    with open(f"{p.dir}/server.py", "w") as f:
        f.write(SCRIPTED.format(answers=OPEN | answers, capability=capability))
    p.configure(host=None, tunnel=f"python3 {p.dir}/server.py")


def test_a_server_that_says_OK_and_nothing_else(program):
    with Imap(program, None) as p:
        scripted(p, {})
        p.refused("store", "INBOX", "1:3", "+FLAGS", "deleted", words=["INBOX", "does not say which messages"], status=76)
        p.refused("search", "INBOX", words=["INBOX", "no result"], status=76)
        p.refused("sort", "INBOX", "date", words=["INBOX", "no result"], status=76)
        p.refused("thread", "INBOX", "references", words=["INBOX", "no result"], status=76)
        p.refused("fetch", "INBOX", "1", words=["INBOX", "does not say which messages"], status=76)
        p.refused("status", "INBOX", words=["INBOX", "no status"])
        scripted(p, {b"UID SEARCH": [b"* SEARCH 1 2 3", b"OK done"]})
        p.refused("fetch", "INBOX", "2", words=["INBOX", "has nothing of this for UID 2"])
        assert p.imap("copy", "INBOX", "1:3", "x").stdout == "copied 3 messages of INBOX (UID 1:3) to x\n"


def test_a_part_is_not_taken_for_the_whole(program):
    with Imap(program, None) as p:
        scripted(p, {b"UID SEARCH": [b"* SEARCH 1 2 3", b"OK done"], b"UID COPY": [b"OK [MESSAGELIMIT 1 1] copied one"]})
        p.refused("copy", "INBOX", "1:3", "x", words=["x", "limit of 1 messages"], status=75)


def test_annotations_of_difficult_servers(program):
    with Imap(program, None) as p:
        # Options behind the mailbox; one value is too long.
        scripted(p, {b"GETMETADATA (": [b"BAD no"],
                     b"GETMETADATA x": [b'* METADATA x (/shared/a "1")', b"OK [METADATA LONGENTRIES 70000] done"]}, "METADATA")
        out = p.imap("metadata", "get", "x", "/shared/a", "/shared/b", status=1)
        assert re.match(r"/shared/a +1$", out.stdout) and "70000 octets was left out" in out.stderr, out.all


def test_idle_shows_every_kind_of_news(program):
    news = [b"+ idling", b"* 5 EXISTS", b"* 1 RECENT", b"* 2 EXPUNGE", b"* VANISHED 7:8", b"* 3 FETCH (UID 9 FLAGS (\\Seen x))",
            b"* 4 FETCH (FLAGS ())", b"* OK still here", b"* STATUS Work (MESSAGES 3)", b"DONE"]
    said = ["5 messages", "1 recent", "message 2 removed", "UID 7:8 removed", "UID 9 has flags (\\Seen x)",
            "message 4 has flags ()", "* STATUS Work (MESSAGES 3)"]
    with Imap(program, None) as p:
        scripted(p, {b"IDLE": news}, "IDLE QRESYNC")
        out = p.imap("idle", "INBOX", "--for", "1s").stdout.splitlines()
        assert [x[18:] for x in out] == said, out
        events = [json.loads(x) for x in p.imap("idle", "INBOX", "--for", "1s", "--json").stdout.splitlines()]
        assert [e["event"] for e in events] == ["EXISTS", "RECENT", "EXPUNGE", "VANISHED", "FETCH", "FETCH", "STATUS"], events
        # A server that ends IDLE at once is not asked for ever.
        scripted(p, {b"IDLE": [b"+ idling", b"OK done"]}, "IDLE")
        p.refused("idle", "INBOX", words=["INBOX", "ends IDLE by itself"], status=76)
        assert events[3]["uids"] == [7, 8] and events[4]["uid"] == 9 and events[4]["flags"] == ["\\Seen", "x"], events


def test_what_a_server_says_cannot_move_the_cursor(program):
    evil = b'"a\x1b[2Jb"'
    with Imap(program, None) as p:
        scripted(p, {b"LIST": [b"* LIST (\\x\x1bz) \"/\" " + evil, b"OK done"],
                     b"CREATE": [b"NO \x1b[2J no"],
                     b"UID SEARCH": [b"* SEARCH 1", b"OK done"],
                     b"UID FETCH": [b"* 1 FETCH (UID 1 FLAGS (x\x1by) X-NEW " + evil + b' ENVELOPE (NIL "s\x1b[2J" (("n\x1b" NIL "m" "h")) NIL NIL NIL NIL NIL NIL NIL))',
                                    b"OK done"],
                     b"XNEW": [b"* XNEW " + evil, b"* OK [X\x1b y] z\x1b", b"OK \x1b done"]})
        for args, status in ((("list",), 0), (("create", "x"), 1), (("fetch", "INBOX", "1"), 0),
                             (("fetch", "INBOX", "1", "X-NEW", "ENVELOPE"), 0), (("raw", "XNEW"), 0)):
            for extra in ([], ["--json"]):
                out = p.imap(*args, *extra, status=None)
                assert out.returncode == status and "\x1b" not in out.all, out.all
                assert "1B" in out.all.upper(), out.all


def test_names_follow_the_delimiter(program):
    with rig.Server(SEPARATOR=".") as s, Imap(program, s) as p:
        p.imap("create", "Work/2016/Ä")
        assert "Work.2016.&AMQ-" in str(s.client("me").list()[1])
        assert p.as_json("status", "Work/2016/Ä", "Work.2016.Ä")["folders"][1]["messages"] == 0
        assert p.imap("list", "Work/%").stdout.split()[0] == "Work.2016"
        p.imap("delete", "Work/2016/Ä", "--yes")


def test_search_sort_thread(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        for words, uids in (((), [1, 2]), (("unseen",), [1]), (("from", "joerg"), [1]), (("subject", "Äpfel"), [1]),
                            (("since", "2024-02-01"), [2]), (("keyword", "work"), [2]), (("larger", "1M"), []),
                            (("not", "(", "flagged", "smaller", "1k", ")"), [2]), (("or", "uid", "2", "flagged"), [1, 2]),
                            (("header", "References", "letter"), [2]), (("uid", "2:*"), [2])):
            found = p.as_json("search", "INBOX", *words)
            assert found["uids"] == uids and found["messages"] == len(uids), (words, found)
        assert p.imap("search", "INBOX").stdout == "1:2\n"
        assert p.imap("search", "INBOX", "larger", "1M").stdout == ""
        assert p.imap("sort", "Work", "-arrival", "uid", "2:3").stdout == "3\n2\n"
        assert p.as_json("sort", "INBOX", "reverse date")["uids"] == [2, 1]
        assert p.imap("thread", "INBOX", "references").stdout == "1\n  2\n"
        assert p.as_json("thread", "INBOX", "references", "all")["threads"] == [{"uid": 1, "depth": 0}, {"uid": 2, "depth": 1}]


def test_fetch(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        before = rig.remote(s, "me")
        out = p.imap("fetch", "INBOX", "1:*").stdout.splitlines()
        assert out[0].split() == ["uid", "date", "size", "flags", "from", "subject"], out
        assert re.match(r" +1 2024-01-31 .* F +Jörg +Äpfel$", out[1]), out
        assert re.match(r" +2 2024-02-01 .* S\+ +me@example.org +Re: letter$", out[2]), out
        first, second = p.as_json("fetch", "INBOX", "1,2,77")["messages"]
        assert first["subject"] == "Äpfel" and first["from"] == [{"name": "Jörg", "mailbox": "joerg", "host": "example.org"}]
        assert first["size"] == len(LETTER) and "work" in second["flags"], second
        # octets, as they are
        file = f"{p.dir}/letter.eml"
        p.imap("fetch", "INBOX", "1", "body", "--output", file)
        assert open(file, "rb").read() == LETTER
        assert os.stat(file).st_mode & 0o777 == 0o600
        p.refused("fetch", "INBOX", "1", "body", "-o", file, words=["cannot make", "letter.eml"], status=64)
        out = subprocess.run(p.argv("imap", "test", "fetch", "INBOX", "*", "body"), capture_output=True, check=True)
        assert out.stdout == ANSWER
        assert p.imap("fetch", "INBOX", "1", "1").stdout == "hello"
        assert p.imap("fetch", "INBOX", "1", "2.MIME").stdout.startswith("Content-Type: application/pdf")
        messages = p.as_json("fetch", "INBOX", "1:2", "body", "size")["messages"]
        assert [base64.b64decode(m["sections"][0]["base64"]) for m in messages] == [LETTER, ANSWER]
        assert messages[0]["items"]["RFC822.SIZE"] == len(LETTER)
        p.refused("fetch", "INBOX", "1", "BODY[1", "-o", f"{p.dir}/none", words=["INBOX", "FETCH items"], status=64)
        assert not os.path.exists(f"{p.dir}/none"), "a file that is not whole is removed"
        # items
        out = p.imap("fetch", "INBOX", "1", "structure", "flags").stdout
        assert re.search(r"1 text/plain", out) and re.search(r'2 application/pdf 4 B base64 "a.pdf"', out), out
        assert "FLAGS (\\Flagged" in out, out
        items = p.as_json("fetch", "INBOX", "1", "ENVELOPE", "date")["messages"][0]["items"]
        assert items["ENVELOPE"][9] == "<letter@example.org>" and items["INTERNALDATE"].startswith("31-Jan-2024"), items
        assert rig.remote(s, "me") == before, "fetching marks nothing as read"
        trace = f"{p.dir}/trace"
        p.imap("fetch", "INBOX", "1", "body", "--trace", trace)
        assert " EXAMINE " in open(trace).read() and " SELECT " not in open(trace).read()


def on_terminal(argv, columns):
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.run(argv, stdout=terminal, stderr=subprocess.PIPE)
    os.close(terminal)
    out = b""
    try:
        while part := os.read(controller, 4096):
            out += part
    except OSError:
        pass
    os.close(controller)
    assert done.returncode == 0, done.stderr
    return out


def test_tables_fit_on_a_terminal(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        c = s.client("me")
        rig.append(c, "INBOX", b"From: somebody with quite a long name <a@example.org>\r\n"
                               b"Subject: a subject that goes on and on and does not fit\r\n\r\nx\r\n", [])
        c.logout()
        p.run("backup")
        for args in (("imap", "test", "fetch", "INBOX", "*"), ("list",)):
            for columns in (80, 100):
                out = on_terminal(p.argv(*args), columns).decode().splitlines()
                row = [line for line in out if "a subj" in line]
                assert len(row) == 1 and row[0].endswith("...") and len(row[0]) == columns, out
            assert "and does not fit" in p.run(*args).stdout, "nothing is cut in a file"
        help_text = p.run("imap", "--help").stdout
        assert max(len(line) for line in help_text.splitlines()) <= 80, help_text


def test_octets_on_a_terminal_are_escaped(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        out = on_terminal(p.argv("imap", "test", "fetch", "INBOX", "2", "body"), 80)
        assert b"\x1b" not in out and b"\\u{1B}[2Jred" in out, out


def test_messages(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        file = f"{p.dir}/unix.eml"
        open(file, "wb").write(b"Subject: unix\n\nline\n")
        assert p.imap("append", "Work", file, "--flag", "seen", "--flag", "note", "--date", "31-Jan-2024 10:00:00 +0100"
                      ).stdout == "appended 1 message (23 B) to Work as UID 4\n"
        message, flags, secs = rig.remote(s, "me")["Work"][1][4]
        assert message == b"Subject: unix\r\n\r\nline\r\n" and flags == {"\\Seen", "note"} and secs == 1706691600
        open(file, "wb").write(b"Subject: mixed\r\n\nline\n")
        done = subprocess.run(p.argv("imap", "test", "append", "Work", "-", "--json"), stdin=open(file, "rb"), capture_output=True, check=True)
        assert json.loads(done.stdout)["uid"] == 5
        assert rig.remote(s, "me")["Work"][1][5][0].startswith(b"Subject: mixed\r\n")
        assert p.imap("copy", "INBOX", "1:2", "Äpfel").stdout == "copied 2 messages of INBOX (UID 1:2) to Äpfel (UID 1:2)\n"
        moved = p.as_json("move", "Äpfel", "2,9", "Work")
        assert moved["uids"] == [2] and moved["new_uids"] == [6] and moved["to"] == "Work", moved
        there = rig.remote(s, "me")
        assert list(there["&AMQ-pfel"][1]) == [1] and there["Work"][1][6][0] == ANSWER
        assert p.imap("store", "Work", "1:2", "+FLAGS", "flagged", "\\Deleted", "x").stdout \
            == "stored +FLAGS (\\Flagged \\Deleted x) on 2 messages of Work (UID 1:2)\n"
        now = p.as_json("store", "Work", "1", "-FLAGS", "deleted")["now"]
        assert now[0]["uid"] == 1 and set(now[0]["flags"]) - {"\\Recent"} == {"\\Flagged", "x"}, now
        p.imap("store", "Work", "3", "FLAGS")
        assert rig.remote(s, "me")["Work"][1][3][1] == set()
        p.imap("store", "Work", "3", "+FLAGS", "deleted")
        assert p.imap("expunge", "Work", "1:2", "--yes").stdout == "removed 1 message of Work (UID 2)\n"
        assert p.as_json("expunge", "Work", "--yes")["uids"] == [3]
        assert p.imap("expunge", "Work", "--yes").stdout == "removed 0 messages of Work\n"
        assert list(rig.remote(s, "me")["Work"][1]) == [1, 4, 5, 6]


def test_an_open_set_names_nothing_below_it(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        p.refused("store", "Work", "500:*", "+FLAGS", "deleted", words=["Work has no message with UID 500:*"])
        p.refused("move", "Work", "77", "INBOX", words=["Work has no message with UID 77"])
        p.imap("store", "Work", "2:*", "+FLAGS", "flagged")
        p.imap("store", "Work", "*", "+FLAGS", "deleted")
        flags = {uid: m[1] for uid, m in rig.remote(s, "me")["Work"][1].items()}
        assert flags == {1: set(), 2: {"\\Flagged", "\\Seen"}, 3: {"\\Flagged", "\\Deleted"}}, flags


def test_flags_that_would_be_forgotten_are_refused(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        p.refused("store", "Work", "1", "+FLAGS", "seen", "\\Recent", words=["Work", "does not keep the flag \\Recent"])
        assert rig.remote(s, "me")["Work"][1][1][1] == set(), "nothing was stored"


def test_a_folder_that_is_read_only(program):
    with rig.Server(EXTRA=FEATURES) as s, Imap(program, s) as p:
        fill(s)
        p.imap("acl", "set", "Work", "owner", "lra")
        p.refused("store", "Work", "1", "+FLAGS", "seen", words=["Work", "read only", '"acl myrights"'])
        assert p.imap("fetch", "Work", "1", "flags").stdout


def test_large_messages_in_json(program):
    if not rig.LONG:
        raise Skipped("long")
    with rig.Server() as s, Imap(program, s) as p:
        c, limit = s.client("me"), 64 << 20
        for size in (limit, limit + 1):
            rig.append(c, "INBOX", b"Subject: x\r\n\r\n" + b"a" * (size - 16) + b"\r\n")
        message = p.as_json("fetch", "INBOX", "1", "body")["messages"][0]
        assert len(base64.b64decode(message["sections"][0]["base64"])) == limit
        assert "is longer than" in p.as_json("fetch", "INBOX", "2", "body", status=76)["error"]
        p.imap("fetch", "INBOX", "2", "body", "-o", f"{p.dir}/large")
        assert os.path.getsize(f"{p.dir}/large") == limit + 1


def test_move_without_MOVE(program):
    with rig.Server(CAPABILITY="IMAP4rev1 UIDPLUS") as s, Imap(program, s) as p:
        fill(s)
        # A message that somebody else has marked stays.
        p.imap("store", "Work", "3", "+FLAGS", "deleted")
        assert p.imap("move", "Work", "1", "INBOX").stdout == "moved 1 message of Work (UID 1) to INBOX (UID 3)\n"
        there = rig.remote(s, "me")
        assert list(there["Work"][1]) == [2, 3] and list(there["INBOX"][1]) == [1, 2, 3]
    with rig.Server(CAPABILITY="IMAP4rev1") as s, Imap(program, s) as p:
        fill(s)
        p.refused("move", "Work", "1", "INBOX", words=["neither MOVE nor UIDPLUS"])
        assert len(rig.remote(s, "me")["INBOX"][1]) == 2
        p.imap("store", "Work", "1,3", "+FLAGS", "deleted")
        p.refused("expunge", "Work", "1:2", "--yes", words=["UIDPLUS"])
        assert list(rig.remote(s, "me")["Work"][1]) == [1, 2, 3]
        assert p.imap("expunge", "Work", "--yes").stdout == "removed 2 messages of Work (UID 1,3)\n"
        assert list(rig.remote(s, "me")["Work"][1]) == [2]
        p.refused("sort", "Work", "date", words=["SORT"])
        p.refused("idle", "Work", words=["IDLE"])
        p.refused("id", words=["ID"])


def test_admin(program):
    with rig.Server(EXTRA=FEATURES) as s, Imap(program, s) as p:
        fill(s)
        assert set("lrswi") <= set(p.imap("acl", "myrights", "Work").stdout.strip())
        assert p.imap("acl", "set", "Work", "bob", "lr").stdout == "set the rights of bob on Work: lr\n"
        p.imap("acl", "set", "Work", "bob", "+sw")
        p.imap("acl", "set", "Work", "bob", "-w")
        rights = {a["who"]: a["rights"] for a in p.as_json("acl", "get", "Work")["acl"]}
        assert set(rights["bob"]) == set("lrs"), rights
        assert re.search(r"^bob +\S+$", p.imap("acl", "get", "Work").stdout, re.M)
        assert re.search(r"^always .*\ncan be .*l.*\n$", p.imap("acl", "rights", "Work", "bob").stdout)
        assert {"rights": "l", "always": False} in p.as_json("acl", "rights", "Work", "bob")["rights"]
        assert p.as_json("acl", "myrights", "Work")["rights"]
        assert p.as_json("acl", "delete", "Work", "bob")["who"] == "bob"
        assert "bob" not in p.imap("acl", "get", "Work").stdout
        assert re.search(r"^User quota +STORAGE +\d+ of 10240 KiB$", p.imap("quota", "root", "INBOX").stdout, re.M)
        quota = p.as_json("quota", "get", "User quota")["quota"]
        assert quota[0]["resource"] == "STORAGE" and quota[0]["limit"] == 10240, quota
        p.refused("quota", "set", "User quota", "STORAGE=1", words=["User quota", "SETQUOTA"])
        assert p.imap("metadata", "set", "Work", "/private/comment", 'say "hällo"').stdout == "set /private/comment of Work\n"
        entries = p.as_json("metadata", "get", "Work", "/private/comment", "/shared/x")["metadata"]
        assert {"entry": "/private/comment", "value": 'say "hällo"'} in entries and {"entry": "/shared/x", "value": None} in entries
        assert re.search(r'^/private/comment +say "hällo"$', p.imap("metadata", "get", "Work", "/private/comment").stdout, re.M)
        p.imap("metadata", "set", "", "/private/vendor/x", "1")
        assert re.search(r"^/private/vendor/x +1$", p.imap("metadata", "get", "", "/private/vendor/x").stdout, re.M)
        assert p.imap("metadata", "set", "Work", "/private/comment").stdout == "removed /private/comment of Work\n"
        assert "(none)" in p.imap("metadata", "get", "Work", "/private/comment").stdout


def test_server(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        assert 'personal' in p.imap("namespace").stdout
        assert p.as_json("namespace")["namespaces"] == [{"kind": "personal", "prefix": "", "delimiter": "/"}]
        assert re.search(r"^name +Dovecot$", p.imap("id").stdout, re.M)
        assert {"field": "name", "value": "Dovecot"} in p.as_json("id")["id"]
        assert "UIDPLUS" in p.imap("capability").stdout.split()
        assert "UIDPLUS" in p.as_json("capability")["capabilities"]


def test_raw(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        assert p.imap("raw", "STATUS", "Work", "(", "MESSAGES", ")").stdout.startswith("* STATUS Work (MESSAGES 3)\nOK ")
        out = p.as_json("raw", "LIST", '""', "Work*")
        assert [(r["name"], r["values"][1:]) for r in out["responses"]] == [("LIST", ["/", "Work"]), ("LIST", ["/", "Work/2016"])], out
        out = p.imap("raw", "UID", "STORE", "1:*", "+FLAGS", "(", "\\Flagged", "new-one", ")", "--folder", "Work").stdout
        assert out.count(" FETCH (UID ") == 3 and "* OK [PERMANENTFLAGS (" in out, out
        assert all("new-one" in m[1] for m in rig.remote(s, "me")["Work"][1].values())
        out = p.imap("raw", "UID", "SEARCH", "subject", '"message 2"', "uid", "1,3:*", "--folder", "Work").stdout
        assert out.startswith("* SEARCH 3\n"), out
        assert p.as_json("raw", "SEARCH", "RETURN", "(", "MIN", "COUNT", ")", "ALL", "--folder", "Work")["responses"] == [
            {"name": "ESEARCH", "MIN": 1, "COUNT": 3}]
        # A line end cannot leave inside of an argument.
        p.imap("raw", "CREATE", "a b\r\nx DELETE Work", status=None)
        assert "Work" in rig.remote(s, "me")
        p.refused("raw", "SELECT", "Work", words=["SELECT"], status=64)
        p.refused("raw", "STATUS", "Work", "(", "MESSAGES", words=[], status=64)
        p.refused("raw", "XFROB", words=["XFROB"], status=76)


def test_idle(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        for extra in ([], ["--json"]):
            watcher = subprocess.Popen(p.argv("imap", "test", "idle", "Work", *extra), stdout=subprocess.PIPE)
            c = s.client("me")
            # It is not told when it began to wait: so news come until it has seen one.
            os.set_blocking(watcher.stdout.fileno(), False)
            seen, tries = b"", 0
            while not (lines := [x for x in seen.decode().splitlines() if "EXISTS" in x or "messages" in x]):
                rig.fill(c, "Work", 1, first=100 + tries)
                time.sleep(0.5)
                seen += watcher.stdout.read() or b""
                tries += 1
                assert tries < 60, "nothing was seen"
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(timeout=30) == 128 + signal.SIGINT
            watcher.stdout.close()
            if extra:
                event = json.loads(lines[0])
                assert event["event"] == "EXISTS" and event["number"] > 3, event
            else:
                assert re.match(r"20\d\d-.*  \d+ messages$", lines[0]), lines
            c.logout()
        # Nobody reads any more: it ends with the next news.
        watcher = subprocess.Popen(p.argv("imap", "test", "idle", "Work"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        watcher.stdout.close()
        c = s.client("me")
        for i in range(60):
            if watcher.poll() is not None:
                break
            rig.fill(c, "Work", 1, first=300 + i)
            time.sleep(0.5)
        assert watcher.wait(timeout=30) == 74
        assert b"cannot write the output" in watcher.stderr.read()
        watcher.stderr.close()
        c.logout()
        p.imap("idle", "Work", "--for", "1s")


def test_dry_run_changes_nothing(program):
    with rig.Server(EXTRA=FEATURES) as s, Imap(program, s) as p:
        fill(s)
        p.imap("store", "Work", "1:2", "+FLAGS", "deleted")
        p.imap("metadata", "set", "Work", "/private/comment", "old")
        before = state(s)
        file = f"{p.dir}/letter.eml"
        open(file, "wb").write(LETTER)
        for args, said in (
                (("append", "Work", file), f"would append 1 message ({len(LETTER)} B) to Work"),
                (("copy", "INBOX", "1:9", "Work"), "would copy 2 messages of INBOX (UID 1:2) to Work"),
                (("move", "INBOX", "*", "Work"), "would move 1 message of INBOX (UID 2) to Work"),
                (("store", "INBOX", "1:*", "FLAGS", "seen"), "would store FLAGS (\\Seen) on 2 messages of INBOX (UID 1:2)"),
                (("expunge", "Work"), "would remove 2 messages of Work (UID 1:2)"),
                (("expunge", "Work", "2:3"), "would remove 1 message of Work (UID 2)"),
                (("create", "Neu"), "would create Neu"),
                (("delete", "Work"), "would delete Work with 3 messages"),
                (("rename", "Work", "Neu"), "would rename Work to Neu"),
                (("subscribe", "Work"), "would subscribe to Work"),
                (("unsubscribe", "Work"), "would unsubscribe from Work"),
                (("acl", "set", "Work", "bob", "lr"), "would set the rights of bob on Work: lr"),
                (("acl", "delete", "Work", "me"), "would remove the rights of me on Work"),
                (("quota", "set", "User quota", "STORAGE=1"), 'would set the limits of the quota root "User quota": STORAGE=1'),
                (("metadata", "set", "Work", "/private/comment", "new"), "would set /private/comment of Work"),
                (("metadata", "set", "Work", "/private/comment"), "would remove /private/comment of Work"),
                (("raw", "DELETE", "Work"), "would send DELETE Work")):
            trace = f"{p.dir}/trace"
            out = p.imap(*args, "--dry-run", "--trace", trace)
            assert out.stdout == said + "\n", out.all
            verbs = set(re.findall(r" C: \S+ (?:UID )?([A-Z]+)", open(trace).read()))
            assert verbs <= {"CAPABILITY", "AUTHENTICATE", "LOGIN", "ID", "LIST", "STATUS", "EXAMINE", "SEARCH", "FETCH", "LOGOUT"}, verbs
            os.unlink(trace)
            assert p.as_json(*args, "--dry-run")["dry_run"] is True
        assert state(s) == before
        # What would fail, fails.
        for args in (("copy", "INBOX", "1", "Nope"), ("delete", "Nope"), ("rename", "Nope", "x"), ("rename", "Work", "INBOX"),
                     ("create", "Work"), ("append", "Nope", file), ("acl", "set", "Nope", "bob", "lr"), ("store", "Nope", "1", "FLAGS"),
                     ("copy", "INBOX", "77", "Work")):
            p.imap(*args, "-n", status=1)


def test_what_cannot_be_undone_needs_yes(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        p.imap("store", "Work", "1", "+FLAGS", "deleted")
        for args in (("expunge", "Work"), ("expunge", "Work", "1"), ("delete", "Work")):
            out = p.imap(*args, status=64)
            assert "--yes" in out.stderr and "--dry-run" in out.stderr, out.all
        assert len(rig.remote(s, "me")["Work"][1]) == 3


def test_wrong_usage(program):
    # No server: all of this is found before anything is connected.
    with Imap(program, None, host="localhost", port=1) as p:
        for args, words in (
                ((), "which account"), (("test",), "which account"), (("test", "frob"), '"frob"'), (("test", "acl"), "acl get | set | delete"),
                (("test", "copy", "INBOX", "1"), "copy FOLDER UIDS TO"), (("test", "copy", "INBOX", "1-3", "x"), '"1-3"'),
                (("test", "search", "INBOX", "frm", "bob"), '"frm"'), (("test", "search", "INBOX", "since", "soon"), '"soon"'),
                (("test", "search", "INBOX", "(", "seen"), "not closed"), (("test", "list", "--yes"), "--yes"),
                (("test", "list", "--dry-run"), "--dry-run"), (("test", "copy", "INBOX", "1", "x", "--date", "1"), "--date"),
                (("test", "list", "--remote"), "--remote"), (("nobody", "list"), '"nobody"')):
            out = p.run("imap", *args, status=64)
            assert words in out.stderr and len(out.stderr.splitlines()) == 1, out.all
        p.imap("list", status=75)
        assert "error" in json.loads(p.imap("list", "--json", status=75).stdout)
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        for args, words in (
                (("append", "Work", "/does/not/exist"), "/does/not/exist"), (("append", "Work", "/dev/null"), "empty"),
                (("append", "Work", __file__, "--date", "soon"), "soon"), (("store", "Work", "1", "FLAG", "seen"), '"FLAG"'),
                (("store", "Work", "1", "+FLAGS"), "which flags"), (("sort", "Work", "datum"), '"datum"'),
                (("fetch", "Work", "1:2", "body"), "one UID"), (("fetch", "Work", "1", "body", "size"), "alone"),
                (("fetch", "Work", "1", "flags", "--output", "x"), "--output"), (("fetch", "Work", "1", "fl{ags"), "FETCH items"),
                (("status", ""), "empty"), (("quota", "set", "x", "STORAGE"), "RESOURCE=LIMIT")):
            p.refused(*args, words=[words], status=64)


def test_the_server_refuses(program):
    with rig.Server() as s, Imap(program, s) as p:
        fill(s)
        for args, words in (
                (("status", "Nope"), ["Nope", "refused"]), (("search", "Nope"), ["Nope"]), (("fetch", "Nope", "1"), ["Nope"]),
                (("copy", "Work", "1", "Nope"), ["Nope", '"create" makes the folder']), (("create", "Work"), ["Work"]),
                (("delete", "Nope", "--yes"), ["Nope", '"list"']), (("delete", "INBOX", "--yes"), ["INBOX"]),
                (("rename", "Nope", "x"), ["Nope"]), (("acl", "get", "Work"), ["ACL"]), (("quota", "root", "Work"), ["QUOTA"]),
                (("metadata", "get", "Work", "/private/comment"), ["METADATA"]), (("thread", "Work", "x"), ["THREAD=X"]),
                (("create", "Other", "--special-use", "sent"), ["CREATE-SPECIAL-USE"])):
            p.refused(*args, words=words)
        out = p.imap("status", "Nope", "Work", "Nada", status=1)
        assert re.search(r"^Work +3 ", out.stdout, re.M) and len(out.stderr.splitlines()) == 2, out.all
        folders = json.loads(p.imap("status", "Nope", "Work", "--json", status=1).stdout)["folders"]
        assert "refused" in folders[0]["error"] and folders[1]["messages"] == 3, folders
        # A document is whole also when the command fails in the middle of it.
        assert "ACL" in json.loads(p.imap("acl", "get", "Work", "--json", status=1).stdout)["error"]
        assert json.loads(p.imap("raw", "XFROB", "--json", status=76).stdout)["responses"] == []
        p.configure(password_command="echo wrong")
        out = p.imap("list", "--json", status=77)
        assert "error" in json.loads(out.stdout)
