# SPDX-License-Identifier: MIT
"""The examples of the library (contrib/examples), each run against a real server. What they print is compared with what
Python's imaplib makes of the same server, for the tutorial they follow is written for that."""
import base64
import glob
import os
import re
import subprocess

import rig

SOURCES = os.path.join(rig.ROOT, "contrib", "examples")
FOLDERS = ("Deleted Messages", "Archive", "Example", "Example.2016")
LETTER = (b"From: Doug Hellmann <doug@doughellmann.com>\r\nTo: Doug Hellmann <doug@doughellmann.com>\r\n"
          b"Subject: PyMOTW Example message 2\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
          b"This is the second example message.\r\n")
OLDER = b"From: Doug Hellmann <doug@doughellmann.com>\r\nSubject: PyMOTW Example message 1\r\n\r\nThis is the first.\r\n"
NEW = (b"Subject: subject goes here\r\nFrom: pymotw@example.com\r\nTo: example@example.com\r\n\r\n"
       b"This is the body of the message.\r\n")


class Examples:
    """run("list") runs it as one account of the server; gives what it prints."""

    def __init__(self, program, server, user="example", **keys):
        self.folder = os.path.join(os.path.dirname(os.path.abspath(program)), "contrib", "examples")
        if not os.path.isdir(self.folder):
            raise Skipped("the examples are not built: make examples")  # noqa: F821 (set by tests/live/run)
        self.server, self.conf, self.stderr = server, f"{server.dir}/{user}.conf", ""
        keys = {"hostname": "localhost", "port": server.imaps, "ca-file": server.ca, "username": user, "password": "secret"} | keys
        server_keys, account = ("hostname", "port", "ca-file"), ("username", "password")
        with open(self.conf, "w") as f:
            for section, names in (("server", server_keys), ("account", account)):
                f.write(f"[{section}]\n" + "".join(f"{k} = {keys[k]}\n" for k in names if keys[k] is not None) + "\n")
            f.write("".join(f"{k} = {v}\n" for k, v in keys.items() if k not in server_keys + account))

    def run(self, name, *args, status=0):
        p = subprocess.run([f"{self.folder}/{name}", self.conf, *args], capture_output=True, timeout=30)
        self.stderr = p.stderr.decode()
        assert p.returncode == status, f"{name}: exit status {p.returncode}\n{p.stdout.decode()}{self.stderr}"
        return p.stdout.decode()

    def prints(self, name, *lines, args=()):
        """Exactly these lines."""
        want = "".join(x + "\n" for x in lines)
        out = self.run(name, *args)
        assert out == want, f"{name} printed:\n{out}\nand not:\n{want}"


def fill(server, user="example", prefix=""):
    """The account of the tutorial, and a connection of imaplib to it."""
    c = server.client(user)
    for folder in FOLDERS:
        assert c.create(rig.quote(prefix + folder))[0] == "OK"
    rig.append(c, "INBOX", LETTER)
    rig.append(c, f"{prefix}Example.2016", OLDER, ["\\Seen"])
    return c


def lines_of(octets):
    return octets.decode().replace("\r\n", "\n").split("\n")[:-1]


def names_of(c):
    return [re.match(r'\(.*?\) "(.*)" (.*)', x.decode())[2].strip('"') for x in c.list()[1]]


def without_seconds(text):
    """The server says how long it took."""
    return re.sub(r" \([0-9. +]+ secs\)", "", text)


def looking(e, c):
    """Every example that changes nothing; gives their names."""
    boxes = [x.decode() for x in c.list()[1]]
    names = names_of(c)
    out = e.run("connect").splitlines()
    assert out[:2] == ["Connecting to localhost", "Logging in as example"], out
    assert re.fullmatch(r"Logged in: TLSv1\.[23], \w+, \d\d capabilities", out[2]), out
    e.prints("connect_fail", *out[:2], "ERROR: [AUTHENTICATIONFAILED] Authentication failed.", "The password is wrong.")
    e.prints("list", "Response code: OK", "Response:", *boxes)
    parsed = []
    for line in boxes:
        flags, delimiter, name = re.match(r'\((.*?)\) "(.*)" (.*)', line).groups()
        parsed += [f"Server response: {line}", f"Parsed response: flags {flags}, delimiter {delimiter}, name " + name.strip('"')]
    e.prints("list_parse", *parsed)
    e.prints("list_subfolders", "Response code: OK", *[f"Server response: {x.decode()}" for x in c.list("Example")[1]])
    e.prints("list_pattern", "Response code: OK", *[f"Server response: {x.decode()}" for x in c.list(pattern="*Example*")[1]])
    expected = []
    for name in names:
        line = c.status(rig.quote(name), "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)")[1][0].decode()
        total, unseen = re.search(r"MESSAGES (\d+)", line)[1], re.search(r"UNSEEN (\d+)", line)[1]
        expected += [f"Mailbox: {name}", f"OK {line}", f"{total} messages, {unseen} not read"]
    e.prints("status", *expected)
    e.prints("select", "OK", "There are 1 messages in INBOX")
    assert without_seconds(e.run("select_invalid")) == "NO Mailbox doesn't exist: Does-Not-Exist.\n"
    for example, criteria in (("search_all", "ALL"), ("search_subject", '(SUBJECT "Example message 2")'),
                              ("search_from", '(FROM "Doug" SUBJECT "Example message 2")')):
        expected = []
        for name in names:
            c.select(rig.quote(name), readonly=True)
            expected.append(f"{name} OK [{c.search(None, criteria)[1][0].decode()}]")
        assert any("[1]" in x for x in expected) and any("[]" in x for x in expected), expected
        e.prints(example, *expected)
    header, text = LETTER.split(b"\r\n\r\n")
    e.prints("fetch_raw", "Message 1, flags ()", *lines_of(header + b"\r\n\r\n"))
    e.prints("fetch_separately", "HEADER:", *lines_of(header + b"\r\n\r\n"), "BODY TEXT:", *lines_of(text), "", "FLAGS:", "1 ()")
    e.prints("fetch_whole", "SUBJECT : PyMOTW Example message 2", "   TO   : Doug Hellmann <doug@doughellmann.com>",
             "  FROM  : Doug Hellmann <doug@doughellmann.com>", f"  SIZE  : {len(LETTER)} octets", "", *lines_of(LETTER))
    return {"connect", "connect_fail", "list", "list_parse", "list_subfolders", "list_pattern", "status", "select", "select_invalid",
            "search_all", "search_subject", "search_from", "fetch_raw", "fetch_separately", "fetch_whole"}


def changing(e, c, today):
    """append, archive_read (twice), delete_messages, one after the other, as in the tutorial; gives their names."""
    header, body = LETTER.split(b"\r\n\r\n")[0] + b"\r\n\r\n", NEW.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    e.prints("append", *lines_of(NEW), "", "Uploaded, with the UID 2", "", "1:", *lines_of(header), "", "2:", *lines_of(body))
    c.select("INBOX")
    assert c.fetch("2", "(BODY.PEEK[])")[1][0][1] == NEW
    c.store("2", "+FLAGS", "(\\Seen)")
    first = without_seconds(e.run("archive_read")).splitlines()
    assert first == [f"CREATED {today}: OK Create completed.", "COPYING: 2", "COPIED: 1"], first
    again = without_seconds(e.run("archive_read")).splitlines()
    assert again == [f"CREATED {today}: NO [ALREADYEXISTS] Mailbox already exists.", "COPYING: 2", "COPIED: 1 2"], again
    out = e.run("delete_messages", today).replace(" \\Recent", "").splitlines()
    assert out[:3] == ["Starting messages: 1 2", "Matching messages: 1 2", "Flags before: 1 (\\Seen) 2 (\\Seen)"], out
    assert out[3] == "Flags after: 1 (\\Deleted \\Seen) 2 (\\Deleted \\Seen)", out
    assert out[4] in ("Expunged: 1 1", "Expunged: 2 1") and out[5:] == ["Remaining messages: "], out
    assert c.select(rig.quote(today), readonly=True)[1] == [b"0"]
    assert c.select("INBOX", readonly=True)[1] == [b"2"]
    e.prints("delete_messages", "Starting messages: ", "Matching messages: ", "Remaining messages: ", args=[today])
    return {"append", "archive_read", "delete_messages"}


def test_every_example_prints_what_the_tutorial_shows(program):
    with rig.Server(SEPARATOR=".") as s:
        e = Examples(program, s)
        c = fill(s)
        ran = looking(e, c)
        c.select("INBOX", readonly=True)
        assert c.search(None, "SEEN")[1] == [b""], "an example that only looks marked a message as read"
        ran |= changing(e, c, "Example.Today")
        c.logout()
    there = {os.path.basename(x)[:-2] for x in glob.glob(f"{SOURCES}/*.c")} - {"example"}
    assert ran == there, f"not run, or not there: {ran ^ there}"
    table = set(re.findall(r"^\| `(\w+)\.c` \|", open(f"{SOURCES}/README.md").read(), re.M))
    assert table == there, f"README and folder differ in {table ^ there}"


def test_the_examples_find_the_name_of_a_new_mailbox_on_a_server_with_a_prefix(program):
    with rig.Server(SEPARATOR=".", PREFIX="INBOX.") as s:
        c = fill(s, prefix="INBOX.")
        changing(Examples(program, s), c, "INBOX.Example.Today")
        c.logout()


def test_the_trace_of_an_example_shows_both_sides_and_no_password(program):
    with rig.Server(EXTRA="auth_mechanisms = plain") as s:
        rig.append(s.client("example"), "INBOX", LETTER)
        e = Examples(program, s)
        e.run("fetch_raw")
        for part in (r" S: \* OK .*ready", r" C: \S+ AUTHENTICATE PLAIN", r" C: \S+ EXAMINE INBOX",
                     r" C: \S+ FETCH 1 \(BODY\.PEEK\[HEADER\] FLAGS\)", r" S: \* 1 FETCH \(", r" C: \S+ LOGOUT", r" S: \* BYE"):
            assert re.search(part, e.stderr), f"{part} is missing in\n{e.stderr}"
        for secret in ("secret", base64.b64encode(b"\0example\0secret").decode()):
            assert secret not in e.stderr, e.stderr


def test_an_example_that_cannot_go_on_says_why(program):
    with rig.Server() as s:
        for keys, words in (({"password": "wrong"}, "Authentication failed"), ({"ca-file": None}, "certificate"),
                            ({"hostname": None}, "hostname and username"), ({"colour": "red"}, "colour: no such key"),
                            ({"username": "x" * 300}, "username: too long")):
            e = Examples(program, s, user="example", **keys)
            assert e.run("list", status=1) == "" and words in e.stderr, f"{keys}: {e.stderr}"
        e.conf += ".missing"
        e.run("list", status=1)
        assert "No such file" in e.stderr and e.conf in e.stderr, e.stderr


def test_examples_do_not_hand_control_characters_to_the_terminal(program):
    with rig.Server() as s:
        rig.append(s.client("example"), "INBOX", b"Subject: \x1b[2Jred\r\nFrom: a@b.example\r\n\r\nb\x07ell\r\n")
        e = Examples(program, s)
        for example in ("fetch_whole", "fetch_separately", "fetch_raw"):
            out = e.run(example)
            assert "\\x1b[2Jred" in out and not set(out) & {"\x1b", "\x07", "\r"}, repr(out)
