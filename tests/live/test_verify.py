# SPDX-License-Identifier: MIT
"""verify finds what was done to the archive, exactly; repair mends what the server still has."""
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import sqlite3
import time

import archive
import rig


class Filled:
    """A server with mail, and an archive of it."""

    def __init__(self, program, count=200):
        self.program, self.count, self.stack = program, count, contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            s = stack.enter_context(rig.Server())
            p = stack.enter_context(rig.Program(self.program, s))
            c = s.client("me")
            c.create("Work")
            c.create("Work/Entw&APw-rfe")
            rig.fill(c, "INBOX", self.count)
            rig.fill(c, "Work", 20)
            rig.fill(c, "Work/Entw&APw-rfe", 10)
            c.select("INBOX")
            c.store("2:9", "+FLAGS", "($Forwarded project-x)")
            c.logout()
            p.run("backup")
            self.stack = stack.pop_all()
        return s, p

    def __exit__(self, *_):
        self.stack.close()


def inbox(p):
    return {uid: m.path for (_, uid), m in archive.messages(f"{p.path}/mail/INBOX").items()}


def flip(path, at=None):
    st = os.stat(path)
    with open(path, "r+b") as f:
        f.seek(st.st_size // 2 if at is None else at)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 4]))
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def verify(p, *args, status=65):
    """[(class, folder, uid)] and the summary."""
    lines = [json.loads(x) for x in p.run("--json", "verify", *args, status=status).stdout.splitlines()]
    return sorted((x["class"], x["folder"], x["uid"]) for x in lines[:-1]), lines[-1]


def unchanged(p):
    """The next backup has nothing to do."""
    trace = f"{p.dir}/trace-{time.monotonic_ns()}"
    p.run("--trace", trace, "backup")
    assert rig.fetched_bodies(trace) == 0, open(trace).read()[-4000:]


def test_a_sound_archive_is_sound_and_verifying_changes_nothing(program):
    with Filled(program, 30) as (s, p):
        before = archive.snapshot(p.path)
        index = open(f"{p.path}/index.db", "rb").read()
        assert p.run("verify").all == "", "quiet when all is well"
        out = p.run("--verbose", "verify")
        assert "60 messages, 60 read" in out.stdout and "no damage" in out.stdout, out.all
        for server in ("--server", "--server=full"):
            out = p.run("--verbose", "verify", server)
            assert "60 compared with the server: 0 differences" in out.stdout, out.all
        assert archive.snapshot(p.path) == before
        assert open(f"{p.path}/index.db", "rb").read() == index
        assert "nothing to repair" in p.run("--verbose", "repair").stdout
        assert archive.snapshot(p.path) == before
        unchanged(p)


def test_damage_is_found_exactly_and_mended(program):
    with Filled(program) as (s, p):
        files = inbox(p)
        want = set()
        for uid in range(1, 101):
            flip(files[uid])
            want.add(("changed", "INBOX", uid))
        for uid in range(101, 111):
            os.unlink(files[uid])
            want.add(("missing", "INBOX", uid))
        for uid in range(111, 116):
            with open(files[uid], "r+b") as f:
                f.truncate(100)
            want.add(("size", "INBOX", uid))
        for i in range(5):
            with open(f"{p.path}/mail/Work/cur/{i}.stray:2,S", "w") as f:
                os.fchmod(f.fileno(), 0o600)
                f.write("hello")
        found, summary = verify(p)
        extra = [("extra", "Work", 0)] * 5
        assert found == sorted(list(want) + extra), set(found) ^ want
        assert summary["damaged"] == 120 and summary["status"] == 65
        out = p.run("verify", status=65)
        for kind, folder, uid in want:
            assert re.search(rf"{kind}: {folder} UID {uid}: .*mail/INBOX/cur/.*; mend with: imapsync repair test", out.stdout)
        out = p.run("--verbose", "repair")
        assert "120 damages found, 110 files moved to damaged/, 115 fetched" in out.stdout, out.all
        assert len(os.listdir(f"{p.path}/damaged/INBOX")) == 105
        assert len(os.listdir(f"{p.path}/damaged/Work")) == 5
        assert verify(p, status=0)[0] == []
        assert rig.compare(s, "me", p.path) == 230
        unchanged(p)


def test_what_the_server_no_longer_has_is_named(program):
    with Filled(program, 10) as (s, p):
        files = inbox(p)
        for uid in (2, 3, 4):
            flip(files[uid])
        c = s.client("me")
        c.select("INBOX")
        c.store("3", "+FLAGS", r"(\Deleted)")
        c.expunge()
        c.logout()
        out = p.run("repair", status=1)
        assert "NOT SAFE: INBOX UID 3: the server does not have it any more" in out.stdout, out.all
        assert "1 NOT SAFE" in out.stdout and "2 fetched" in out.stdout, out.all
        assert rig.compare(s, "me", p.path) == 39
        assert verify(p, status=0)[0] == []


def test_repair_offline_fetches_nothing_and_the_next_backup_does(program):
    with Filled(program, 10) as (s, p):
        flip(inbox(p)[5])
        trace = f"{p.dir}/trace"
        out = p.run("--trace", trace, "repair", "--offline", status=1)
        assert "INBOX UID 5" in out.stdout, out.all
        assert open(trace).read() == ""
        p.run("status", status=1)
        p.run("backup")
        assert rig.compare(s, "me", p.path) == 40


def test_a_lost_or_damaged_index_is_made_anew_without_fetching(program):
    with Filled(program, 40) as (s, p):
        index = f"{p.path}/index.db"
        whole = open(index, "rb").read()

        def overwrite(at):
            def do():
                with open(index, "r+b") as f:
                    f.seek(at)
                    f.write(b"\xa5" * 4096)
            return do

        ways = {
            "deleted": lambda: os.unlink(index),
            "emptied": lambda: os.truncate(index, 0),
            "cut": lambda: os.truncate(index, len(whole) // 2),
            "header": overwrite(0),
            "page": overwrite(len(whole) // 2 // 4096 * 4096),
            "last page": overwrite(len(whole) - 4096),
        }
        for name, damage in ways.items():
            damage()
            if name != "emptied":
                out = p.run("verify", status=65)
                assert "index" in out.stdout and "imapsync repair test" in out.stdout, f"{name}: {out.all}"
            out = p.run("repair")
            assert "70 message files, without fetching" in out.all and "flag history" in out.all, f"{name}: {out.all}"
            aside = glob.glob(f"{p.path}/index.db.damaged-*[0-9]")
            assert len(aside) == (name not in ("deleted", "emptied")), f"{name}: {aside}"
            for x in glob.glob(f"{p.path}/index.db.damaged-*"):
                os.unlink(x)
            assert verify(p, status=0)[0] == [], name
            unchanged(p)
            assert rig.compare(s, "me", p.path) == 70, name
        # Adoption when a backup opens the archive does the same.
        os.unlink(index)
        unchanged(p)
        assert verify(p, "--server=full", status=0)[1]["compared"] == 70


def test_an_index_that_contradicts_itself_is_found(program):
    with Filled(program, 10) as (s, p):
        with sqlite3.connect(f"{p.path}/index.db") as db:
            db.execute("UPDATE generation SET stored = stored + 1")
        assert ("index", "", 0) in verify(p)[0]
        p.run("repair")
        assert verify(p, status=0)[0] == []
        unchanged(p)


def test_samples_in_turn_find_everything_once(program):
    with Filled(program, 60) as (s, p):
        files = inbox(p)
        for path in files.values():
            flip(path)
        found, read = [], 0
        for _ in range(7):
            part, summary = verify(p, "--sample", "1/7", status=None)
            found += part
            read += summary["read"]
            assert 0 < summary["read"] < 60
        assert sorted(found) == sorted(("changed", "INBOX", uid) for uid in files), len(found)
        assert read == 90
        for bad in ("0/7", "8/7", "1/0", "7", "101%", "0%", "x", "1/7x", "5%%"):
            assert "--sample expects" in p.run("verify", "--sample", bad, status=64).all, bad


def test_the_server_is_compared_by_list_and_by_content(program):
    with Filled(program, 10) as (s, p):
        c = s.client("me")
        rig.fill(c, "INBOX", 2, first=10)
        c.select("INBOX")
        c.store("4", "+FLAGS", r"(\Deleted)")
        c.expunge()
        c.create("Newest")
        c.logout()
        found, summary = verify(p, "--server", status=1)
        assert found == [("not-here", "INBOX", 11), ("not-here", "INBOX", 12), ("not-there", "INBOX", 4),
                         ("server-folder", "Newest", 0)], found
        out = p.run("verify", "--server", status=1)
        assert "not-here: INBOX UID 11: on the server, but not in the archive; mend with: imapsync backup test" in out.stdout
        # A copy that was replaced so well that only the server can tell.
        path = inbox(p)[7]
        data = open(path, "rb").read().replace(b"Subject: message", b"Subject: massage")
        digest = hashlib.sha256(data.replace(b"\n", b"\r\n")).hexdigest()
        new = re.sub(r"H[0-9a-f]{16}", "H" + digest[:16], path)
        st = os.stat(path)
        os.unlink(path)
        with open(new, "wb") as f:
            f.write(data)
        os.utime(new, ns=(st.st_atime_ns, st.st_mtime_ns))
        with sqlite3.connect(f"{p.path}/index.db") as db:
            db.execute("UPDATE message SET base = ?, sha256 = ? WHERE uid = 7 AND base = ?",
                       (os.path.basename(new).split(":")[0], bytes.fromhex(digest), os.path.basename(path).split(":")[0]))
        assert verify(p, status=0)[0] == []
        assert ("server-content", "INBOX", 7) in verify(p, "--server=full")[0]


def test_an_archive_that_is_locked_missing_or_of_another_program(program):
    with Filled(program, 10) as (s, p):
        with open(f"{p.path}/lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            p.run("verify", status=75)
            p.run("repair", status=75)
        with sqlite3.connect(f"{p.path}/index.db") as db:
            db.execute("PRAGMA user_version = 1000")
        p.run("repair", status=65)
        assert not glob.glob(f"{p.path}/index.db.damaged*")
        shutil.rmtree(p.path)
        assert p.run("verify", status=None).returncode != 0
        out = p.run("repair", status=None)
        assert out.returncode != 0 and "nothing to repair" in out.all
        assert not os.path.exists(p.path)
