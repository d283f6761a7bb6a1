# SPDX-License-Identifier: MIT
"""verify FILE: every format of an export is sound as it was written, and damage in any of them is found and named."""
import contextlib
import glob
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile

import rig

FILES = ("a.mbox", "a.mbox.gz", "a.tar", "a.tar.gz", "eml.tar", "eml.tar.gz")
FOLDERS = ("maildir", "eml")
MARK = b"needle in the middle"


@contextlib.contextmanager
def exported(program):
    """The exports of an archive with all that is special, in p.dir."""
    with rig.Server() as server:
        c = server.client("me")
        c.create(rig.quote("Entw&APw-rfe/Archiv.eml"))
        c.create(rig.quote("x" * 120 + "/" + "y" * 120))
        for m in (b"Subject: quotes\r\n\r\nFrom here\r\n>From there\r\n>>>From everywhere\r\n> From\r\n>Fro\r\n",
                  b"Subject: no end of line\r\n\r\nFrom", b"Subject: marked\r\n\r\n" + MARK + b"\r\n",
                  b"Subject: 8-bit \xff\r\n\r\n" + bytes(range(1, 256)) + b"\r\n",
                  b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 300000):
            rig.append(c, "INBOX", m, ["\\Seen", "work"], " 1-Mar-2024 10:00:00 +0200")
        rig.fill(c, "Entw&APw-rfe/Archiv.eml", 3)
        rig.fill(c, "x" * 120 + "/" + "y" * 120, 2)
        c.logout()
        with rig.Program(program, server) as p:
            p.run("backup")
            for name in FILES:
                form = ("--format", "eml") if name.startswith("eml") else ()
                p.run("export", *form, "--output", f"{p.dir}/{name}")
            for name in FOLDERS:
                p.run("export", "--format", name, "--output", f"{p.dir}/{name}")
            yield p


def verify(p, name, status=65):
    """[(class, path)] and the summary."""
    lines = [json.loads(x) for x in p.run("--json", "verify", f"{p.dir}/{name}", status=status).stdout.splitlines()]
    return [(x["class"], x["path"]) for x in lines[:-1]], lines[-1]


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def test_every_format_verifies_without_a_configuration(program):
    with exported(program) as p:
        for name in FILES + FOLDERS:
            assert verify(p, name, 0) == ([], verify(p, name, 0)[1]), name
            assert verify(p, name, 0)[1]["messages"] == 10, name
            assert p.run("verify", f"{p.dir}/{name}").all == "", "quiet when all is well"
            alone = subprocess.run([p.binary, "--verbose", "verify", name], cwd=p.dir, capture_output=True, text=True,
                                   env={**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"})
            assert alone.returncode == 0 and "10 messages" in alone.stdout and "no damage" in alone.stdout, alone
        # Several at once, and an account among them.
        assert p.run("--verbose", "verify", f"{p.dir}/a.tar", "test", f"{p.dir}/eml").stdout.count("no damage") == 3
        # Extracted and packed again by another program, compressed in two parts.
        os.mkdir(f"{p.dir}/out")
        subprocess.run(["tar", "-C", f"{p.dir}/out", "-xf", f"{p.dir}/a.tar.gz"], check=True)
        assert verify(p, "out", 0)[0] == []
        subprocess.run(["tar", "-C", f"{p.dir}/out", "--format=pax", "--sort=name", "-cf", f"{p.dir}/again.tar", "mail", "MANIFEST"],
                       check=True)
        assert verify(p, "again.tar", 0)[0] == []
        data = open(f"{p.dir}/again.tar", "rb").read()
        with open(f"{p.dir}/again.tgz", "wb") as f:
            f.write(gzip.compress(data[:100000]) + gzip.compress(data[100000:]))
        assert verify(p, "again.tgz", 0)[1]["bytes"] == len(data)
        for wrong in (("--sample", "1/7"), ("--server",)):
            p.run("verify", *wrong, f"{p.dir}/a.tar", status=64)
        out = p.run("verify", f"{p.dir}/nothing.tar", status=64)
        assert "no such file" in out.stderr, out.all


def test_a_flipped_bit_is_found_in_every_format(program):
    with exported(program) as p:
        for name in FILES:
            path = f"{p.dir}/{name}"
            whole = open(path, "rb").read()
            plain = not name.endswith("gz")
            flip(path, whole.index(MARK) + 3 if plain else len(whole) // 2)
            found, summary = verify(p, name)
            assert summary["status"] == 65
            if plain:
                assert len(found) == 1 and found[0][0] == "changed", (name, found)
                out = p.run("verify", path, status=65)
                assert f"{name}: changed: INBOX UID 3: " in out.stdout and "1 DAMAGE found" in out.stdout, out.all
            else:
                assert summary["error"] or found, name
            # Anywhere: no bit of an mbox and no header, content or end of a tar file is looked over.
            for at in range(0, len(whole), len(whole) // (25 if rig.LONG else 6)):
                with open(path, "wb") as f:
                    f.write(whole)
                if name.endswith("gz") and at < 10:
                    continue
                flip(path, at)
                found, summary = verify(p, name)
                assert found or summary["error"], f"{name}: bit at {at}"
            with open(path, "wb") as f:
                f.write(whole)
        for name in FOLDERS:
            victim = next(x for x in glob.glob(f"{p.dir}/{name}/mail/INBOX/**", recursive=True)
                          if os.path.isfile(x) and MARK in open(x, "rb").read())
            flip(victim, open(victim, "rb").read().index(MARK))
            assert verify(p, name)[0] == [("changed", os.path.relpath(victim, f"{p.dir}/{name}"))]
        shutil.copy(f"{p.dir}/a.mbox", f"{p.dir}/b.mbox")
        text = open(f"{p.dir}/a.mbox.manifest").read()
        with open(f"{p.dir}/b.mbox.manifest", "w") as f:
            f.write(text.replace(" 1 1 ", " 1 x ", 1) if " 1 1 " in text else text.replace(" INBOX ", " INB%4FX ", 1))
        assert "of the manifest is damaged" in verify(p, "b.mbox")[1]["error"]
        # What nothing else is compared with: a flag that still is one.
        with open(f"{p.dir}/b.mbox.manifest", "w") as f:
            f.write(text.replace("\\Seen", "\\Sean", 1))
        assert "Seen" in text and "the manifest is damaged" in verify(p, "b.mbox")[1]["error"]
        # Without a hash of itself, as older versions wrote it.
        with open(f"{p.dir}/b.mbox.manifest", "w") as f:
            f.write(re.sub("(?m)^# folder .*\n", "", text.rsplit("# end ", 1)[0].replace("manifest 3", "manifest 1", 1)))
        out = p.run("verify", f"{p.dir}/b.mbox")
        assert "cannot be proven" in out.stderr, out.all
        assert json.loads(p.run("verify", "--json", f"{p.dir}/b.mbox").stdout)["manifest_proven"] is False
        assert json.loads(p.run("verify", "--json", f"{p.dir}/a.mbox").stdout)["manifest_proven"] is True


def test_what_was_cut_off_is_found_wherever(program):
    with exported(program) as p:
        for name in FILES:
            path = f"{p.dir}/{name}"
            whole = open(path, "rb").read()
            for keep in [0, 1, 5, 300, 512, 513, len(whole) // 3, len(whole) // 2, len(whole) - 512, len(whole) - 2, len(whole) - 1]:
                with open(path, "wb") as f:
                    f.write(whole[:keep])
                found, summary = verify(p, name)
                assert found or summary["error"], f"{name}: {keep} bytes"
                if name == "a.mbox" and keep == len(whole) // 2:
                    assert [x[0] for x in found][0] == "size" and "missing" in [x[0] for x in found], found
            with open(path, "wb") as f:
                f.write(whole + b"more")
            found, summary = verify(p, name)
            assert found or summary["error"], f"{name}: more"


def test_missing_and_extra_messages_and_manifests_are_named(program):
    with exported(program) as p:
        with tarfile.open(f"{p.dir}/a.tar") as tar:
            members = [(m, tar.extractfile(m).read() if m.isfile() else b"") for m in tar]

        def write(name, entries):
            with tarfile.open(f"{p.dir}/{name}", "w:gz", format=tarfile.PAX_FORMAT) as tar:
                for m, data in entries:
                    tar.addfile(m, io.BytesIO(data))

        files = [m.name for m, _ in members if m.isfile() and "/cur/" in m.name]
        write("less.tar.gz", [(m, d) for m, d in members if m.name != files[4]])
        assert verify(p, "less.tar.gz")[0] == [("missing", files[4])]
        odd = tarfile.TarInfo("../../etc/passwd")
        link = tarfile.TarInfo("mail/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        twice = next((m, d) for m, d in members if m.name == files[2])
        write("more.tar.gz", [(odd, b""), (link, b""), twice] + members)
        assert sorted(verify(p, "more.tar.gz")[0]) == sorted(
            [("extra", "../../etc/passwd"), ("extra", "mail/link"), ("extra", files[2])])
        write("none.tar.gz", members[:-1])
        assert "there is no MANIFEST in it" in verify(p, "none.tar.gz")[1]["error"]
        os.unlink(f"{p.dir}/a.mbox.manifest")
        os.unlink(f"{p.dir}/a.mbox.gz.manifest")
        for name in ("a.mbox", "a.mbox.gz"):
            out = p.run("verify", f"{p.dir}/{name}", status=65)
            assert f"{name}: there is no manifest beside it" in out.stderr, out.all
        for name in FOLDERS:
            top = f"{p.dir}/{name}"
            victim = next(x for x in glob.glob(f"{top}/mail/INBOX/**", recursive=True) if os.path.isfile(x) and "keywords" not in x)
            os.unlink(victim)
            with open(f"{top}/mail/stray", "w") as f:
                f.write("x")
            os.symlink("/etc/passwd", f"{top}/mail/link")
            os.mkfifo(f"{top}/mail/fifo")
            want = [("missing", os.path.relpath(victim, top)), ("extra", "mail/stray"), ("extra", "mail/link"), ("extra", "mail/fifo")]
            assert sorted(verify(p, name)[0]) == sorted(want), name
            os.unlink(f"{top}/MANIFEST")
            assert "there is no MANIFEST in it" in p.run("verify", top, status=65).stderr
