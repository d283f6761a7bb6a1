# SPDX-License-Identifier: MIT
"""Restoring from other trees: every export format there and back, and Maildirs as other programs leave them."""
import json
import os
import shutil
import subprocess

import archive
import rig
import runner
from test_restore import add_account, contents, restore, special_uses

FORMATS = {"maildir": "out.d", "eml": "out-eml.d", "mbox": "out.mbox", "mbox.gz": "out.mbox.gz", "tar": "out.tar", "tar.gz": "out.tgz", "eml.tar": "out-eml.tar"}
FLAGS = (["\\Seen"], ["\\Seen", "\\Answered", "work"], [], ["\\Flagged", "$Forwarded"], ["\\Draft", "$Label1", "later", "-"])


def fill_account(server, user, separator):
    c = server.client(user)
    for name in (f"Work{separator}2016", f"Work{separator}Empty", f"None{separator}Below", "&AOk-t&AOk-", "Sent", "Trash"):
        c.create(rig.quote(name))
    for name in (f"Work{separator}2016", "Trash"):
        c.subscribe(rig.quote(name))
    rig.fill(c, "INBOX", 10)
    rig.fill(c, f"Work{separator}2016", 30, size=500)
    bodies = (b"no header at all", b"From me\r\n\r\nFrom you\r\n>From them\r\n", b"A: b\r\n\r\nno end", b"A: bare\r\n\r\nbare\nend\r\n",
              b"A: dots\r\n\r\n.\r\n..\r\n\r\n\r\n", b"A: big\r\n\r\n" + b"From x\r\n" * 200000)
    for i, body in enumerate(bodies):
        rig.append(c, "&AOk-t&AOk-", body, FLAGS[i % len(FLAGS)], f"{1 + i:2d}-Mar-2004 23:59:59 {('+0530', '-0330', '+0000')[i % 3]}")
    twin = b"Subject: twin\r\n\r\nthe same twice\r\n"
    for _ in range(2):
        rig.append(c, "Sent", twin, ["\\Seen"], " 1-Mar-2024 10:00:00 -0330")
    # Same header, size and date: only the bytes tell which is which.
    for n in b"ab":
        rig.append(c, "Sent", b"Subject: alike\r\n\r\n%c\r\n" % n, [], " 1-Mar-2024 11:00:00 +0000")
    c.logout()
    return 10 + 30 + len(bodies) + 4


def fill_real(server, user):
    """Real messages, when they are there."""
    names = ("mimekit-messages.tar.gz", "mime4j-testmsgs.tar.gz", "mikel-mail.tar.gz")
    if rig.real_messages(names[0]) is None:
        print("     SKIPPED: no real messages; set IMAPSYNC_TEST_DATA")
        return 0
    c, n = server.client(user), 0
    c.create("Real")
    for name in names:
        for _, data in rig.real_messages(name):
            if data:
                rig.append(c, "Real", data, FLAGS[n % len(FLAGS)], f"{1 + n % 28:2d}-Jul-{1994 + n % 30} 22:{n % 60:02d}:07 +0530")
                n += 1
    c.logout()
    return n


def all_folders(contents_of, separator):
    """With '/' between levels."""
    return {name.replace(separator, "/"): messages for name, messages in contents_of.items()}


def subscriptions(server, user, separator):
    c = server.client(user)
    found = {x.decode().rsplit(" ", 1)[1].strip('"').replace(separator, "/") for x in c.lsub()[1] if x}
    c.logout()
    return found


def filled(contents_of, separator="."):
    """The folders that have messages, with '/' between levels."""
    return {name.replace(separator, "/"): messages for name, messages in contents_of.items() if messages}


def state(path):
    """Everything that could change in a file or tree, but the time of the last access."""
    paths = [path] if not os.path.isdir(path) else [os.path.join(top, n) for top, dirs, files in os.walk(path) for n in dirs + files]
    return {p: (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for p in paths for s in [os.lstat(p)]}


@runner.early
def test_there_and_back_through_every_format(program):
    """From a server with '.' between levels to one with '/'."""
    with rig.Server(SEPARATOR=".") as a, rig.Server() as b, rig.Program(program, a, user="a") as p, rig.Program(program, b, user="b0") as q:
        total = fill_account(a, "a", ".") + fill_real(a, "a")
        p.run("backup", "test")
        want = all_folders(contents(a, "a"), ".")
        uses, known = {n.replace(".", "/"): u for n, u in special_uses(a, "a").items()}, subscriptions(a, "a", ".")
        assert "None" not in want and want["None/Below"] == want["Trash"] == [] and known == {"Work/2016", "Trash"}, want
        for i, (form, name) in enumerate(FORMATS.items()):
            source = f"{p.dir}/{name}"
            p.run("export", "--format", form, "--output", source, "test")
            p.run("verify", source)
            before = state(source)
            user = f"b{i}"
            add_account(q, b, user)
            plan = restore(q, "--from", source, "--to", user, "--dry-run")
            assert plan["restored"] == total and not any(contents(b, user).values()), plan
            done = restore(q, "--from", source, "--to", user, "--verify")
            assert done["restored"] == total and done["identical"] == total, (form, done)
            have = all_folders(contents(b, user), "/")
            assert special_uses(b, user) == uses and subscriptions(b, user, "/") == known, (form, special_uses(b, user))
            assert sorted(have) == sorted(want), (form, sorted(have), sorted(want))
            for folder in want:
                assert have[folder] == want[folder], f"{form}: {folder}"
            again = restore(q, "--from", source, "--to", user)
            assert again["restored"] == 0 and again["present"] == total, (form, again)
            assert state(source) == before, f"{form}: the source was changed"
        print(f"     ({total} messages, {len(FORMATS)} formats)")


# ---- other programs' trees -------------------------------------------------------------------------


def write_maildir(top, messages):
    """messages: (file name in cur or new, bytes, seconds)"""
    for part in ("cur", "new", "tmp"):
        os.makedirs(f"{top}/{part}", exist_ok=True)
    for name, data, secs in messages:
        with open(f"{top}/{name}", "wb") as f:
            f.write(data)
        os.utime(f"{top}/{name}", (secs, secs))


def letter(n):
    return f"Subject: {n}\nMessage-ID: <{n}@example.org>\n\nbody {n}\nFrom me\n".encode()


def wire(n):
    return letter(n).replace(b"\n", b"\r\n")


def restore_by_url(program, server, user, source, *args, status=0):
    """Nothing is configured: the target is a URL, and the password comes from the terminal."""
    import pty
    env = {**os.environ, "HOME": "/nonexistent", "SSL_CERT_FILE": server.ca}
    env.pop("XDG_CONFIG_HOME", None)
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(program, [program, "restore", "--from", source, "--to", f"imaps://{user}@localhost:{server.imaps}", *args], env)
    said = b""
    sent = False
    while True:
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
        if not sent and b"assword" in said:
            os.write(fd, b"secret\n")
            sent = True
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status, said
    return said.decode()


def test_a_maildir_of_dovecot_and_a_url(program):
    with rig.Server() as s, rig.Program(program) as p:
        top = f"{p.dir}/Maildir"
        write_maildir(top, [("cur/1.M1.host,S=9,W=11:2,FS", letter(1), 1000000000), ("new/2.M2.host", letter(2), 1000000001)])
        write_maildir(f"{top}/.Work.Entw&APw-rfe", [("cur/3.M3.host:2,a", letter(3), 1000000002), ("cur/4.M4.host:2,ab", wire(4), 1000000003)])
        write_maildir(f"{top}/.Empty", [])
        with open(f"{top}/.Work.Entw&APw-rfe/dovecot-keywords", "w") as f:
            f.write("0 later\n1 $Label1\n")
        with open(f"{top}/subscriptions", "w") as f:
            f.write("V\t2\n\nWork\tEntw&APw-rfe\n")
        before = state(top)
        restore_by_url(os.path.abspath(program), s, "u", top, "--verify")
        want = {"INBOX": [(wire(1), ["\\Flagged", "\\Seen"], 1000000000), (wire(2), [], 1000000001)],
                "Work/Entw&APw-rfe": [(wire(3), ["later"], 1000000002), (wire(4), ["$Label1", "later"], 1000000003)], "Empty": []}
        have = contents(s, "u")
        assert {n: m for n, m in have.items() if m or n == "Empty"} == {n: sorted(m) for n, m in want.items()}, have
        c = s.client("u")
        assert any(b"Work/Entw" in x for x in c.lsub()[1] if x), "subscribed as there"
        c.logout()
        restore_by_url(os.path.abspath(program), s, "u", top)
        assert contents(s, "u") == have
        assert state(top) == before


def test_an_mbox_of_another_program(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        source = f"{p.dir}/Old mail.mbox"
        with open(source, "w") as f:
            f.write("From a@b Fri Mar  1 09:00:00 2024\nStatus: RO\nX-Keywords: work\nSubject: 1\n\n>From me\n\n"
                    "From a@b Fri Mar  1 09:00:01 2024\nSubject: 2\n\nlast\n")
        subprocess.run(["gzip", "-k", source], check=True)
        want = {"Old mail": [(b"Status: RO\r\nX-Keywords: work\r\nSubject: 1\r\n\r\nFrom me\r\n", ["\\Seen", "work"], 1709283600),
                             (b"Subject: 2\r\n\r\nlast\r\n", [], 1709283601)]}
        done = restore(p, "--from", source, "--to", "test")
        assert done["restored"] == 2, done
        assert filled(contents(s, "me"), "/") == want
        again = restore(p, "--from", f"{source}.gz", "--to", "test")
        assert again["present"] == 2 and again["restored"] == 0, again
        # Elsewhere, and a part of it.
        done = restore(p, "--from", source, "--to", "test", "--map", "Old mail=INBOX", "--header", "Subject=2")
        assert done["restored"] == 1 and len(contents(s, "me")["INBOX"]) == 1, done
        done = restore(p, "--from", source, "--to", "test", "--folder-prefix", "Back", "--since", "2024-03-01", "--before", "2024-03-02")
        assert done["restored"] == 2 and len(contents(s, "me")["Back/Old mail"]) == 2, done


def test_of_messages_that_are_alike_the_bytes_decide(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        top = f"{p.dir}/alike"
        write_maildir(top, [(f"cur/{i}:2,", b"Subject: alike\n\n%c\n" % i, 1000000000) for i in b"abc"])
        c = s.client("me")
        for i in b"bd":
            rig.append(c, "INBOX", b"Subject: alike\r\n\r\n%c\r\n" % i, [], "09-Sep-2001 01:46:40 +0000")
        c.logout()
        done = restore(p, "--from", top, "--to", "test")
        assert done["restored"] == 2 and done["present"] == 1, done
        assert [m[0][-3:-2] for m in contents(s, "me")["INBOX"]] == [b"a", b"b", b"c", b"d"]


def test_killed_at_any_moment_without_a_journal(program):
    import signal
    import time
    with rig.Server() as s, rig.Program(program, s) as p:
        top = f"{p.dir}/many"
        write_maildir(top, [(f"cur/{i}:2,S", letter(i) + b"x" * 3000, 1000000000 + i % 7) for i in range(400)])
        for k in range(6):
            run = subprocess.Popen(p.argv("restore", "--from", top, "--to", "test"), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            time.sleep(0.05 + 0.03 * k)
            run.send_signal(signal.SIGKILL)
            run.wait()
        p.run("restore", "--from", top, "--to", "test")
        have = contents(s, "me")["INBOX"]
        assert len(have) == 400 and len({m[0] for m in have}) == 400, len(have)


def test_what_cannot_be_meant_is_said(program):
    with rig.Program(program, host="localhost") as p:
        top = f"{p.dir}/m"
        write_maildir(top, [])
        for args, said in ((("--uid", "1", "--to", "test"), "--uid is about an archive"), (("--deleted", "--to", "test"), "--deleted is about"),
                           (("--as-of", "2024-03-01", "--to", "test"), "--as-of is about"), (("--path", top, "--to", "test"), "--path is about"),
                           ((), "where it goes"), (("--to", "test", "test"), "where it goes")):
            out = p.run("restore", "--from", top, *args, status=64)
            assert said in out.stderr, out.all
        for source, said in ((f"{p.dir}/none", "there is no such file or folder"), (p.dir, "an archive"), (p.conf, "neither as a tar file")):
            if said == "an archive":
                os.makedirs(f"{p.dir}/mail")
                open(f"{p.dir}/index.db", "w").close()
            out = p.run("restore", "--from", source, "--to", "test", status=65 if source == p.conf else 64)
            assert said in out.stderr, out.all
