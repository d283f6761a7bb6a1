# SPDX-License-Identifier: MIT
"""list, show and export of a real archive, read back by other programs: tar, tarfile, mailbox, gzip."""
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile

import archive
import rig
from test_cli import on_terminal

NASTY = [
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nFrom: =?iso-8859-1?Q?Andr=E9?= <andre@example.org>\r\n"
    b"Message-ID: <nasty@example.org>\r\n\r\nFrom here\r\n>From there\r\n>>From everywhere\r\n",
    b"Subject: escape \x1b[31m\r\n\r\nbody\x07\r\n",
    b"Subject: no end of line\r\n\r\nFrom",
    b"Subject: 8-bit \xff\xfe\r\n\r\n" + bytes(range(1, 256)) + b"\r\n",
    b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 300000,
]


def decode(text):
    return re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), text.encode()).decode("utf-8", "surrogateescape")


def manifest(text):
    """[(sha256, size, date, {flag}, uidvalidity, uid, folder, place)]"""
    lines = text.splitlines()
    assert lines[0] == "imapsync-manifest 3" and lines[1].startswith("# sha256 size date "), lines[:2]
    above, end = text.rsplit("# end ", 1)
    assert end == hashlib.sha256(above.encode()).hexdigest() + "\n", lines[-1]
    out, folder = [], None
    for line in lines[2:-1]:
        if line.startswith("# folder "):
            folder = line.split(" ")[2]
        if line.startswith(("# delimiter ", "# folder ")):
            continue
        f = line.split(" ")
        assert len(f) == 8 and f[6] == folder, line
        flags = set() if f[3] == "-" else {decode(x) for x in f[3].split(",")}
        out.append((f[0], int(f[1]), f[2], flags, int(f[4]), int(f[5]), decode(f[6]), decode(f[7])))
    return out


def wire_of(data, size, sha):
    """The message as it was on the wire: as it is, with CRs, or without the line end an mbox has to add."""
    for form in (data, data.replace(b"\n", b"\r\n")):
        if len(form) == size and hashlib.sha256(form).hexdigest() == sha:
            return form
    raise AssertionError(f"{data[:60]!r}: is not the message of the manifest")


def check_against(server_view, lines, read):
    """Every message of the server is in the manifest, and what read(place) gives is its bytes."""
    seen = 0
    by_key = {(x[6], x[5]): x for x in lines}
    assert len(by_key) == len(lines)
    for folder, (validity, messages) in server_view.items():
        for uid, (data, flags, _) in messages.items():
            sha, size, _, have, v, _, _, place = by_key[folder, uid]
            assert v == validity and size == len(data) and sha == hashlib.sha256(data).hexdigest()
            assert have == flags, (folder, uid, have, flags)
            assert wire_of(read(place), size, sha) == data
            seen += 1
    assert seen == len(lines), (seen, len(lines))


def filled(server):
    c = server.client("me")
    for name in ("Entw&APw-rfe", "Entw&APw-rfe/Archiv.eml", "Empty", "x" * 120, "x" * 120 + "/" + "y" * 120):
        c.create(rig.quote(name))
    for i, m in enumerate(NASTY):
        rig.append(c, "INBOX", m, ["\\Seen", "work", "$Label1"] if i % 2 else ["\\Flagged"], " 1-Mar-2024 10:00:00 +0200")
    rig.fill(c, "Entw&APw-rfe/Archiv.eml", 3)
    rig.fill(c, "x" * 120 + "/" + "y" * 120, 2)
    rig.fill(c, "INBOX", 30, first=10)
    c.logout()


def test_tar_is_read_back_by_tar_and_tarfile(program):
    with rig.Server() as server:
        filled(server)
        want = rig.remote(server, "me")
        with rig.Program(program, server) as p:
            p.run("backup")
            for ending in ("tar", "tar.gz"):
                for form in ("maildir", "eml"):
                    out = f"{p.dir}/{form}.{ending}"
                    p.run("export", "--format", form, "--output", out)
                    assert os.stat(out).st_mode & 0o777 == 0o600
                    with tarfile.open(out) as tar:
                        members = tar.getmembers()
                        assert members[-1].name == "MANIFEST"
                        assert all(m.uid == m.gid == 0 and m.uname == m.gname == "" for m in members)
                        lines = manifest(tar.extractfile("MANIFEST").read().decode())
                        content = {m.name: tar.extractfile(m).read() for m in members if m.isfile()}
                        times = {m.name: m.mtime for m in members}
                    check_against(want, lines, content.__getitem__)
                    for line in lines:
                        folder, uid = line[6], line[5]
                        assert times[line[7]] == want[folder][1][uid][2]
                    target = f"{p.dir}/x-{form}-{ending}"
                    os.mkdir(target)
                    done = subprocess.run(["tar", "-C", target, "-xf", out], capture_output=True, text=True)
                    assert done.returncode == 0 and done.stderr == "", done.stderr
                    check_against(want, lines, lambda place: open(f"{target}/{place}", "rb").read())
                    if form == "maildir":
                        # The same independent reader that reads archives.
                        found = archive.folders(target)
                        assert len(archive.messages(found[("INBOX",)])) == len(want["INBOX"][1])
                        for m in archive.messages(found[("INBOX",)]).values():
                            assert m.wire() == want["INBOX"][1][m.uid][0] and m.flags == want["INBOX"][1][m.uid][1]


def test_an_mbox_gives_back_every_byte(program):
    with rig.Server() as server:
        filled(server)
        want = rig.remote(server, "me")
        with rig.Program(program, server) as p:
            p.run("backup")
            p.run("export", "--output", f"{p.dir}/all.mbox")
            p.run("export", "--output", f"{p.dir}/all.mbox.gz")
            data = open(f"{p.dir}/all.mbox", "rb").read()
            assert gzip.open(f"{p.dir}/all.mbox.gz").read() == data
            text = open(f"{p.dir}/all.mbox.manifest").read()
            assert text == open(f"{p.dir}/all.mbox.gz.manifest").read()
            piped = subprocess.run(p.argv("export", "--format", "mbox", "--output", "-"), capture_output=True)
            assert piped.returncode == 0 and piped.stdout == data

            def read(place):
                at, n = re.fullmatch(r"@(\d+)\+(\d+)", place).groups()
                return re.sub(rb"(?m)^>(>*From )", rb"\1", data[int(at):int(at) + int(n)])

            lines = manifest(text)
            check_against(want, lines, read)
            # Whoever splits at "From " lines alone finds as many messages.
            assert len(re.findall(rb"(?m)^From ", data)) == len(lines)


def test_exports_are_reproducible_and_a_kill_leaves_no_file(program):
    with rig.Server() as server:
        filled(server)
        with rig.Program(program, server) as p:
            p.run("backup")
            for name in ("a.tar", "a.tar.gz", "a.mbox", "a.mbox.gz"):
                p.run("export", "--output", f"{p.dir}/{name}")
                first = open(f"{p.dir}/{name}", "rb").read()
                p.run("export", "--output", f"{p.dir}/{name}", status=64)
                p.run("export", "--force", "--output", f"{p.dir}/{name}")
                assert open(f"{p.dir}/{name}", "rb").read() == first, name
            for delay in ("0.005", "0.02", "0.05"):
                out = f"{p.dir}/killed.tar.gz"
                subprocess.run(["timeout", "-s", "KILL", delay, *p.argv("export", "--output", out)], capture_output=True)
                if os.path.exists(out):
                    with tarfile.open(out) as tar:
                        assert tar.getnames()[-1] == "MANIFEST"
                    os.unlink(out)
            assert subprocess.run(p.argv("export", "--output", "/dev/full"), capture_output=True).returncode == 64
            full = subprocess.run(p.argv("export", "--format", "tar", "--output", "-"), stdout=open("/dev/full", "w"),
                                  stderr=subprocess.PIPE)
            assert full.returncode == 73, full


FORMATS = ("mbox", "mbox.gz", "tar", "tar.gz", "eml.tar", "maildir", "eml")


def content_of(path):
    """The bytes and times of a file, or of everything below a folder."""
    if not os.path.isdir(path):
        return open(path, "rb").read()
    return {os.path.relpath(f, path): (open(f, "rb").read(), int(os.stat(f).st_mtime) if f.endswith(("S", ",", ".eml")) else 0)
            for top, _, files in os.walk(path) for f in (os.path.join(top, n) for n in files)}


def test_two_archives_of_the_same_mail_give_the_same_bytes(program):
    """Also when one of them was made in two runs, with folders in another order."""
    with rig.Server() as server:
        filled(server)
        with rig.Program(program, server) as one, rig.Program(program, server) as two:
            one.run("backup")
            two.run("backup", "--folder", "x*")
            two.run("backup")
            for form in FORMATS:
                got = []
                for p in (one, two, two):
                    out = f"{p.dir}/out{len(got)}-{form}"
                    p.run("export", "--format", form, "--output", out)
                    got.append((content_of(out), content_of(f"{out}.manifest") if form.startswith("mbox") else None))
                assert got[0] == got[1] == got[2], form


def test_what_an_export_meets_at_its_end(program):
    """A pipe that is closed, a disk that is full: it says so, nothing is left, and what was there stays."""
    with rig.Server() as server:
        filled(server)
        with rig.Program(program, server) as p:
            p.run("backup")
            for form in ("mbox", "mbox.gz", "tar", "tar.gz", "eml.tar"):
                reader, writer = os.pipe()
                os.close(reader)
                out = subprocess.run(p.argv("export", "--format", form, "--output", "-"), stdout=writer, stderr=subprocess.PIPE, text=True)
                os.close(writer)
                assert out.returncode == 74 and out.stderr.count("\n") == 1 and "Broken pipe" in out.stderr, (form, out)
            small = f"{p.dir}/small"
            os.makedirs(small)
            if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True).returncode:
                raise Skipped("the full disk: cannot mount a tmpfs here")
            try:
                for form in ("mbox", "tar", "eml.tar", "maildir", "eml"):
                    out = p.run("export", "--format", form, "--output", f"{small}/out", status=73)
                    assert "No space left" in out.stderr and os.listdir(small) == [], (form, out.all, os.listdir(small))
                for form, more in (("tar", []), ("mbox", ["out.manifest"])):
                    names = ["out", *more]
                    p.run("export", "--format", form, "--uid", "1", "--output", f"{small}/out")
                    before = {n: content_of(f"{small}/{n}") for n in names}
                    p.run("export", "--format", form, "--force", "--output", f"{small}/out", status=73)
                    assert {n: content_of(f"{small}/{n}") for n in os.listdir(small)} == before, form
                    for n in names:
                        os.unlink(f"{small}/{n}")
            finally:
                subprocess.run(["umount", small], check=True)


def test_a_damaged_message_is_left_out_and_the_status_says_so(program):
    with rig.Server() as server:
        filled(server)
        with rig.Program(program, server) as p:
            p.run("backup")
            victim = archive.messages(archive.folders(p.path)[("INBOX",)])
            m = next(iter(victim.values()))
            with open(m.path, "r+b") as f:
                f.seek(2)
                f.write(b"#")
            done = p.run("export", "--output", f"{p.dir}/a.tar", status=1)
            assert f"INBOX UID {m.uid} " in done.stderr, done.stderr
            with tarfile.open(f"{p.dir}/a.tar") as tar:
                lines = manifest(tar.extractfile("MANIFEST").read().decode())
            assert len(lines) == 39 and ("INBOX", m.uid) not in {(x[6], x[5]) for x in lines}
            shown = subprocess.run(p.argv("show", "INBOX", str(m.uid)), capture_output=True)
            assert shown.returncode == 65 and b"damaged" in shown.stderr, shown.stderr


def test_list_and_show(program):
    with rig.Server() as server:
        filled(server)
        want = rig.remote(server, "me")
        with rig.Program(program, server) as p:
            p.run("backup")
            data = json.loads(p.run("list", "--json").stdout)["messages"]
            assert len(data) == sum(len(m) for _, m in want.values())
            first = next(x for x in data if x["folder"] == "INBOX" and x["uid"] == 1)
            assert first["subject"] == "Grüße" and first["from"] == "André <andre@example.org>", first
            assert first["flags"] == ["\\Flagged"] and first["date"] == " 1-Mar-2024 08:00:00 +0000", first
            for x in data:
                folder = x["folder"].replace("ü", "&APw-")
                assert x["sha256"] == hashlib.sha256(want[folder][1][x["uid"]][0]).hexdigest()
            text = p.run("list", "INBOX").stdout
            assert "Grüße" in text and "\x1b" not in text and "Archiv" not in text, text
            assert len(p.run("list", "--header", "Subject=grÜsse", "INBOX").stdout.splitlines()) == 0
            assert len(p.run("list", "--header", "subject=GRü", "INBOX").stdout.splitlines()) == 2
            assert "nasty" not in p.run("list", "--message-id", "nasty@example.org", "--before", "2024-03-01").stdout
            for uid, (body, _, _) in want["INBOX"][1].items():
                if uid > 6:
                    continue
                raw = subprocess.run(p.argv("show", "--raw", "INBOX", str(uid)), capture_output=True)
                assert raw.returncode == 0 and raw.stdout == body
                plain = subprocess.run(p.argv("show", "INBOX", str(uid)), capture_output=True)
                assert plain.stdout == body.replace(b"\r\n", b"\n")
                head = subprocess.run(p.argv("show", "--headers", "INBOX", str(uid)), capture_output=True)
                assert head.stdout == body.replace(b"\r\n", b"\n").split(b"\n\n")[0] + b"\n\n"
            # On a terminal nothing acts on it.
            tty = subprocess.run(["script", "-qec", " ".join(p.argv("show", "INBOX", "2")), "/dev/null"], capture_output=True,
                                 stdin=subprocess.DEVNULL)
            assert b"\\u{1B}[31m" in tty.stdout and b"\x1b[31m" not in tty.stdout and b"\x07" not in tty.stdout, tty.stdout
            # By the folder alone, without a configuration.
            alone = subprocess.run([p.binary, "--path", p.path, "list", "--json"], capture_output=True, text=True,
                                   env={**os.environ, "HOME": p.dir, "XDG_CONFIG_HOME": p.dir})
            assert len(json.loads(alone.stdout)["messages"]) == len(data), alone.stderr
            p.run("show", "INBOX", "999", status=64)
            p.run("show", "Nowhere", "1", status=64)
            p.run("show", "INBOX", status=64)
            p.run("list", "--as-of", "1999-01-01", status=64)
            p.run("list", "--uid", "x", status=64)
            p.run("export", status=64)


def test_what_is_gone_is_found_and_the_past_is_as_it_was(program):
    with rig.Server() as server:
        filled(server)
        before = rig.remote(server, "me")
        with rig.Program(program, server) as p:
            p.run("backup")
            # The past ends here: move the run into it, for the clock is not ours.
            subprocess.run(["sqlite3", f"{p.path}/index.db", "UPDATE run SET started = started - 86400, ended = ended - 86400"],
                           check=True)
            c = server.client("me")
            c.select("INBOX")
            c.uid("STORE", "1:3", "+FLAGS", "(\\Deleted)")
            c.expunge()
            c.uid("STORE", "4:10", "-FLAGS.SILENT", "(\\Seen work)")
            c.delete(rig.quote("Entw&APw-rfe/Archiv.eml"))
            c.logout()
            p.run("backup")
            after = rig.remote(server, "me")
            now = json.loads(p.run("list", "--json").stdout)["messages"]
            assert len(now) == sum(len(m) for _, m in after.values())
            gone = json.loads(p.run("list", "--deleted", "--json").stdout)["messages"]
            assert {(x["folder"], x["uid"]) for x in gone} == {("INBOX", 1), ("INBOX", 2), ("INBOX", 3)} | {
                ("Entwürfe/Archiv.eml", u) for u in (1, 2, 3)}
            assert all(x["gone"] for x in gone)
            when = subprocess.run(["date", "-d", "12 hours ago", "+%Y-%m-%d %H:%M"], capture_output=True, text=True).stdout.strip()
            p.run("export", "--as-of", when, "--output", f"{p.dir}/then.tar")
            with tarfile.open(f"{p.dir}/then.tar") as tar:
                lines = manifest(tar.extractfile("MANIFEST").read().decode())
                content = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
            check_against(before, lines, content.__getitem__)
            p.run("export", "--output", f"{p.dir}/now.mbox")
            assert len(manifest(open(f"{p.dir}/now.mbox.manifest").read())) == len(now)


class Direct:
    """A home, a folder for the output and one for temporary files; nothing is configured in any of them."""

    def __init__(self, program, server):
        self.program, self.server = os.path.abspath(program), server
        self.url = f"imaps://me@localhost:{server.imaps}"

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="imapsync-live-")
        self.out, self.tmp = f"{self.dir}/out", f"{self.dir}/tmp"
        for name in ("home", "out", "tmp"):
            os.mkdir(f"{self.dir}/{name}")
        # The system's trust store does not know the test authority.
        self.env = {"SSL_CERT_FILE": self.server.ca, "HOME": f"{self.dir}/home", "XDG_CONFIG_HOME": f"{self.dir}/home",
                    "TMPDIR": self.tmp}
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, *args, password="secret"):
        """(status, what was on the terminal)"""
        return on_terminal([self.program, "export", *args, self.url], [("Password", password + "\n")], env=self.env)

    def nothing_but(self, *names):
        """What is in the output's folder; there must be nothing in the two others."""
        assert sorted(os.listdir(self.out)) == sorted(names), os.listdir(self.out)
        assert os.listdir(self.tmp) == [] and os.listdir(f"{self.dir}/home") == []


def tar_content(path, **kw):
    """(the lines of the manifest, {name: bytes})"""
    with tarfile.open(path, **kw) as tar:
        content = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
    return manifest(content.pop("MANIFEST").decode()), content


def test_straight_from_a_server(program):
    with rig.Server() as server, Direct(program, server) as d:
        filled(server)
        want = rig.remote(server, "me")
        status, said = d.run("--output", f"{d.out}/mail.tar.gz")
        assert status == 0 and "40 messages of " in said, said
        d.nothing_but("mail.tar.gz")
        lines, content = tar_content(f"{d.out}/mail.tar.gz")
        check_against(want, lines, content.__getitem__)
        assert rig.remote(server, "me") == want, "the server must not be changed"
        # The same bytes as by way of an archive.
        with rig.Program(program, server) as p:
            p.run("backup")
            p.run("export", "--output", f"{p.dir}/mail.tar.gz")
            assert open(f"{p.dir}/mail.tar.gz", "rb").read() == open(f"{d.out}/mail.tar.gz", "rb").read()
        # A pipe; the temporary folder is elsewhere then.
        status, said = on_terminal(["sh", "-c", f"'{d.program}' export --format eml.tar --output - {d.url} >{d.out}/pipe.tar"],
                                   [("Password", "secret\n")], env=d.env)
        assert status == 0, said
        lines, content = tar_content(f"{d.out}/pipe.tar")
        check_against(want, lines, content.__getitem__)
        d.nothing_but("mail.tar.gz", "pipe.tar")
        # Only some folders and messages.
        status, said = d.run("--output", f"{d.out}/some.tar", "--exclude", "INBOX", "--folder", "Entw*", "--folder", "INBOX", "--uid", "2")
        assert status == 0, said
        lines, _ = tar_content(f"{d.out}/some.tar")
        assert {(x[6], x[5]) for x in lines} == {("Entw&APw-rfe/Archiv.eml", 2)}, lines
        d.nothing_but("mail.tar.gz", "pipe.tar", "some.tar")


def messages_of(server):
    """The message files of the server itself (sdbox)."""
    for folder, _, names in os.walk(f"{server.dir}/users/me"):
        yield from (f"{folder}/{n}" for n in names if n.startswith("u."))


def test_straight_from_a_server_a_part_is_exported_and_the_status_says_so(program):
    with rig.Server() as server, Direct(program, server) as d:
        filled(server)
        want = rig.remote(server, "me")
        # The server lists the message, and cannot read it.
        victim = next(p for p in messages_of(server) if b"no end of line" in open(p, "rb").read())
        os.chmod(victim, 0)
        status, said = d.run("--output", f"{d.out}/mail.tar")
        assert status == 1 and "message UID 3 is not saved" in said, (status, said)
        assert "the export is not complete: 1 message and 0 folders could not be fetched" in said, said
        d.nothing_but("mail.tar")
        del want["INBOX"][1][3]
        lines, content = tar_content(f"{d.out}/mail.tar")
        check_against(want, lines, content.__getitem__)


def test_straight_from_a_server_failures_leave_nothing(program):
    with rig.Server() as server, Direct(program, server) as d:
        filled(server)
        status, said = d.run("--output", f"{d.out}/mail.tar", password="wrong")
        assert status == 77 and "nothing was exported" in said, said
        d.nothing_but()
        # Known before anybody is asked for a password.
        open(f"{d.out}/mail.tar", "w").close()
        for args in (["--output", f"{d.out}/mail.tar"], ["--output", f"{d.out}/x"], ["--output", f"{d.out}/x.tar", "--deleted"],
                     ["--output", f"{d.out}/x.tar", "--as-of", "2024-01-01"]):
            status, said = d.run(*args)
            assert status == 64 and "Password" not in said, (args, said)
        status, said = d.run("--output", f"{d.out}/nowhere/x.tar")
        assert status == 74 and "Password" not in said, said
        d.nothing_but("mail.tar")
        # With --path the archive is meant, and there is none.
        status, said = d.run("--path", f"{d.dir}/none", "--output", f"{d.out}/x.tar")
        assert status != 0 and "Password" not in said, said
        d.nothing_but("mail.tar")


def test_straight_from_a_server_a_signal_leaves_nothing(program):
    with rig.Server() as server, Direct(program, server) as d:
        rig.fill(server.client("me"), "INBOX", 400, size=100000)
        for sig, output in (("TERM", "mail.tar.gz"), ("INT", "mail.mbox"), ("HUP", "mail")):
            # In the midst of fetching: as soon as there is mail in the temporary archive.
            form = "maildir" if output == "mail" else output.split(".", 1)[1]
            script = f"""(until ls {d.out}/imapsync-export-*/archive/mail/INBOX/cur/* >{d.dir}/seen 2>&1; do
                    kill -0 $$ || exit; done; kill -{sig} $$) &
                exec '{d.program}' export --format {form} --output {d.out}/{output} {d.url}"""
            status, said = on_terminal(["bash", "-c", script], [("Password", "secret\n")], env=d.env)
            assert status == 128 + getattr(signal, f"SIG{sig}") and os.path.getsize(f"{d.dir}/seen"), (sig, status, said)
            d.nothing_but()


def test_real_messages(program):
    messages = rig.real_messages("spamassassin-hard-ham-1.tar.gz", "spamassassin-spam-1.tar.gz", "mikel-mail.tar.gz")
    if not messages:
        raise Skipped("no test data")
    with rig.Server() as server:
        c = server.client("me")
        for m in [m for _, m in messages if m and b"\0" not in m][::4]:
            rig.append(c, "INBOX", m)
        c.logout()
        want = rig.remote(server, "me")
        with rig.Program(program, server) as p:
            p.run("backup")
            p.run("export", "--output", f"{p.dir}/a.tar")
            with tarfile.open(f"{p.dir}/a.tar") as tar:
                lines = manifest(tar.extractfile("MANIFEST").read().decode())
                content = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
            check_against(want, lines, content.__getitem__)
            assert p.run("list", "INBOX").stdout.count("\n") == len(want["INBOX"][1]) + 1
