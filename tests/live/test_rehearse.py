# SPDX-License-Identifier: MIT
"""verify --restore-test against a real server: it proves what it says and leaves nothing behind."""
import hashlib
import json
import os
import re
import signal
import subprocess
import time

import archive
import rig

FOLDERS = ("Work", "Work/2016", "Sent", "&AOk-t&AOk-", 'odd "name" [1]', "it's")


def add_account(p, server, name, **keys):
    values = {"user": name, "password-command": "echo secret", "path": f"{p.dir}/archive-{name}", "host": "localhost",
              "port": server.imaps, "tls-ca-file": server.ca} | {k.replace("_", "-"): v for k, v in keys.items()}
    with open(p.conf, "a") as f:
        f.write(f"[account {name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()))


def fill(server, count=20):
    c = server.client("me")
    for name in FOLDERS:
        c.create(rig.quote(name))
        c.subscribe(rig.quote(name))
        rig.fill(c, name, 3)
    rig.fill(c, "INBOX", count)
    rig.append(c, "Sent", b"Subject: bare\r\n\r\nline\nline\r\n", ["\\Flagged", "$Forwarded", "work"], "02-Feb-1999 23:59:59 +1200")
    c.logout()


def state(server, user):
    """Everything a rehearsal must leave as it was."""
    c = server.client(user)
    subscribed = sorted(line.decode() for line in c.lsub()[1] if line)
    c.logout()
    return rig.remote(server, user), subscribed


def index_hash(p):
    with open(f"{p.path}/index.db", "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_a_rehearsal_proves_and_leaves_nothing(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "you")
        fill(s)
        p.run("backup", "test")
        files, index = archive.snapshot(p.path), index_hash(p)
        for target in ("you", "test"):
            before = state(s, "me"), state(s, "you")
            done = json.loads(p.run("verify", "--restore-test", target, "--json", "test").stdout)
            assert done["proven"] and done["status"] == 0 and done["error"] is None, done
            assert done["messages"] == 20 + 3 * len(FOLDERS) + 1 and done["sampled"] == done["messages"], done
            assert done["folders"] == 1 + len(FOLDERS), done
            assert done["identical"] + done["normalised"] == done["sampled"] == done["restored"], done
            assert re.fullmatch(r"imapsync-restore-test-\d{8}-\d{6}-[0-9a-f]{8}", done["scratch"]), done
            assert (state(s, "me"), state(s, "you")) == before, "the server is as it was"
            assert archive.snapshot(p.path) == files and index_hash(p) == index, "the archive is as it was"
        # Without a name behind it, the target's own archive.
        done = json.loads(p.run("verify", "--restore-test", "test", "--json", "--sample", "1/13").stdout)
        assert done["account"] == "test" and done["sampled"] == 3 and done["proven"], done
        # A person reads one line, and cron nothing.
        text = p.run("--verbose", "verify", "--restore-test", "you", "test").stdout
        assert re.search(r"^test: restore test to you: 39 of 39 messages chosen, from 7 folders .*: proven$", text, re.M), text
        assert p.run("verify", "--restore-test", "you", "test").all == ""
        # What comes next is not misled.
        done = json.loads(p.run("restore", "--to", "you", "--json", "test").stdout)
        assert done["restored"] == 39 and done["present"] == 0, done


def test_a_sample_has_a_message_of_every_folder(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        fill(s, count=300)
        p.run("backup")
        trace = f"{p.dir}/trace"
        done = json.loads(p.run("verify", "--restore-test", "test", "--json", "--trace", trace).stdout)
        assert done["sampled"] == 50 and done["folders"] == 7 and done["proven"], done
        made = re.findall(r"CREATE .*", open(trace).read())
        assert len(made) == 8, made  # the scratch folder, and seven below it; Work comes before Work/2016


def test_damage_is_named_and_the_rest_proven(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        fill(s)
        p.run("backup")
        inbox = {uid: m.path for (_, uid), m in archive.messages(f"{p.path}/mail/INBOX").items()}
        os.unlink(inbox[3])
        with open(inbox[5], "r+b") as f:
            f.seek(100)
            f.write(b"#")
        with open(inbox[7], "ab") as f:
            f.write(b"more\n")
        before = state(s, "me")
        p.run("verify", "--restore-test", "test", "--server", status=64)
        out = p.run("verify", "--restore-test", "test", "--json", status=65).stdout.splitlines()
        found, done = [json.loads(x) for x in out[:-1]], json.loads(out[-1])
        assert [(f["class"], f["folder"], f["uid"], f["mend"]) for f in found] == [
            ("missing", "INBOX", 3, "imapsync repair test"), ("changed", "INBOX", 5, "imapsync repair test"),
            ("size", "INBOX", 7, "imapsync repair test")], found
        assert done["damaged"] == 3 and not done["proven"] and done["identical"] + done["normalised"] == 36, done
        text = p.run("verify", "--restore-test", "test", status=65).stdout
        assert "test: missing: INBOX UID 3: " in text and "mend with: imapsync repair test" in text, text
        assert "NOT PROVEN" in text, text
        assert state(s, "me") == before


def test_a_signal_leaves_nothing(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        fill(s, count=1000)
        p.run("backup")
        before, stopped = state(s, "me"), 0
        for step in range(4):
            with subprocess.Popen(p.argv("verify", "--restore-test", "test", "--sample", "100%"), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
                rig.wait_for_handler(run, signal.SIGTERM)
                time.sleep(0.1 * step)
                run.send_signal(signal.SIGTERM)
                said = run.communicate(timeout=60)[0].decode()
            assert run.returncode in (0, 128 + signal.SIGTERM), (run.returncode, said)
            stopped += run.returncode != 0
            assert state(s, "me") == before, said
        assert stopped > 0, "every run was over before its signal"


def test_it_says_what_is_missing(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "you")
        add_account(p, s, "wrong", password_command="echo nonsense")
        fill(s)
        p.run("backup", "test")
        p.run("verify", "--restore-test", "nobody", "test", status=64)
        p.run("verify", "--restore-test", "you", "test", "you", status=64)
        assert "whose archive" in p.run("verify", "--restore-test", "imaps://you@localhost", status=64).all
        p.run("verify", "--restore-test", "wrong", "test", status=77)
        assert p.run("verify", "--restore-test", "you", status=None).returncode in (73, 74), "there is no such archive"
        done = json.loads(p.run("verify", "--restore-test", "you", "--path", p.path, "--json").stdout)
        assert done["proven"] and done["sampled"] == 39, done
