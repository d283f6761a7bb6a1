# SPDX-License-Identifier: MIT
"""Giving mail back to a real server, judged by an independent client."""
import json
import os
import random
import re
import signal
import subprocess
import time

import archive
import rig

SPECIAL = {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash"}


def add_account(p, server, name, **keys):
    """Another account of the same configuration, with an archive of its own."""
    values = {"user": name, "password-command": "echo secret", "path": f"{p.dir}/archive-{name}", "host": "localhost",
              "port": server.imaps, "tls-ca-file": server.ca} | {k.replace("_", "-"): v for k, v in keys.items()}
    with open(p.conf, "a") as f:
        f.write(f"[account {name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()))


def contents(server, user):
    """{folder: sorted messages without their UIDs}."""
    return {name: sorted((data, sorted(flags), secs) for data, flags, secs in messages.values())
            for name, (_, messages) in rig.remote(server, user).items()}


def special_uses(server, user):
    c = server.client(user)
    typ, data = c._simple_command("LIST", '(SPECIAL-USE)', '""', '"*"')
    lines = c._untagged_response(typ, data, "LIST")[1]
    c.logout()
    return {line.decode().rsplit(" ", 1)[1].strip('"'): set(re.findall(r"\\(?:Drafts|Sent|Trash|Junk|Archive)", line.decode()))
            for line in lines if line}


def fill_account(server, user="me"):
    c = server.client(user)
    for name in ("Work", "Work/2016", "Work/2016/Empty", "Sent", "&AOk-t&AOk-", 'odd "name" [1]'):
        c.create(rig.quote(name))
    c.subscribe(rig.quote("Work/2016"))
    rig.fill(c, "INBOX", 30)
    rig.fill(c, "Work/2016", 120, size=500)
    rig.fill(c, "&AOk-t&AOk-", 3)
    rig.fill(c, 'odd "name" [1]', 2)
    twin = b"Subject: twin\r\n\r\nthe same twice\r\n"
    for _ in range(2):
        rig.append(c, "Sent", twin, ["\\Seen", "$Forwarded", "work"], " 1-Mar-2024 10:00:00 -0330")
    rig.append(c, "Sent", b"Subject: big\r\n\r\n" + b"x" * 70 * 30000 + b"\r\n", ["\\Flagged", "\\Deleted"], "02-Feb-1999 23:59:59 +1200")
    rig.append(c, "INBOX", b"no header at all", [], "31-Dec-2023 23:59:59 -1200")
    c.logout()


def restore(p, *args, **kw):
    return json.loads(p.run("restore", "--json", *args, **kw).stdout)


def check_equal(server, a, b):
    want, have = contents(server, a), contents(server, b)
    assert set(want) == set(have), (sorted(want), sorted(have))
    for name in want:
        assert len(want[name]) == len(have[name]), f"{name}: {len(have[name])} messages, expected {len(want[name])}"
        assert want[name] == have[name], name


def round_trip(program, env, keys, check_fast=None):
    with rig.Server(**env) as s, rig.Program(program, s, **keys) as p:
        add_account(p, s, "you", **keys)
        fill_account(s)
        p.run("backup", "test")
        before = archive.snapshot(p.path)
        plan = restore(p, "--dry-run", "--to", "you", "test")
        assert contents(s, "you").get("INBOX", []) == [] and len(contents(s, "you")) <= 1, "a dry run changes nothing"
        trace = f"{p.dir}/trace"
        done = restore(p, "--verify", "--to", "you", "--trace", trace, "test")
        assert plan["restored"] == done["restored"] == 159 and plan["bytes"] == done["bytes"], (plan, done)
        check_equal(s, "me", "you")
        if check_fast:
            check_fast(open(trace).read())
        assert done["identical"] == 159 and done["different"] == done["normalised"] == done["unverified"] == 0, done
        assert special_uses(s, "me") == special_uses(s, "you")
        c = s.client("you")
        assert any(b"Work/2016" in x for x in c.lsub()[1]), "subscribed as it was"
        c.logout()
        for _ in range(2):
            again = restore(p, "--to", "you", "test")
            assert again["restored"] == 0 and again["present"] == 159, again
        check_equal(s, "me", "you")
        assert archive.snapshot(p.path) == before, "the archive's messages are never changed"
        p.run("backup", "you")
        assert rig.compare(s, "you", f"{p.dir}/archive-you") == 159


def test_round_trip(program):
    def fast(trace):
        assert trace.count(" APPEND ") < 20, "MULTIAPPEND: many messages in one command"
        assert "the same twice" not in trace, "no mail in the trace"
    round_trip(program, {}, {}, fast)


def test_round_trip_to_a_server_without_extensions(program):
    def plain(trace):
        assert trace.count(" APPEND ") == 159 and "+}" not in trace
    round_trip(program, {"CAPABILITY": "IMAP4rev1 UNSELECT AUTH=PLAIN"}, {}, plain)


def test_round_trip_without_uids(program):
    """The UIDs are found by looking, for the journal and for reading back."""
    round_trip(program, {}, {"disable_extensions": "UIDPLUS LITERAL+"}, lambda trace: None)


def test_round_trip_with_single_pipelined_messages(program):
    def piped(trace):
        assert trace.count(" APPEND ") == 159 and "+}" in trace
    round_trip(program, {}, {"disable_extensions": "MULTIAPPEND"}, piped)


def test_the_journal_is_lost(program):
    """What is on the server is recognised all the same."""
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "you")
        fill_account(s)
        p.run("backup", "test")
        restore(p, "--to", "you", "test")
        subprocess.run(["sqlite3", f"{p.path}/index.db", "DELETE FROM restore_journal"], check=True)
        assert restore(p, "--to", "you", "test")["present"] == 159
        check_equal(s, "me", "you")
        # Of two equal messages one is gone: it is the only one that is restored.
        c = s.client("you")
        c.select("Sent")
        c.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        c.uid("EXPUNGE", "1")
        c.logout()
        again = restore(p, "--to", "you", "test")
        assert again["restored"] == 1, again
        check_equal(s, "me", "you")


def test_over_several_connections(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "you", connections=4)
        fill_account(s)
        p.run("backup", "test")
        trace = f"{p.dir}/trace"
        done = restore(p, "--verify", "--to", "you", "--trace", trace, "test")
        assert done["restored"] == done["identical"] == 159, done
        links = set(re.findall(r"^\S+ (\d+) C: ", open(trace).read(), re.M))
        assert len(links) > 1, f"one connection did it all: {links}"
        check_equal(s, "me", "you")
        assert special_uses(s, "me") == special_uses(s, "you")
        again = restore(p, "--to", "you", "test")
        assert again["restored"] == 0 and again["present"] == 159, again


def fill_many(server, folders=8, messages=25):
    c = server.client("me")
    for i in range(folders):
        c.create(f"Box{i}")
        rig.fill(c, f"Box{i}", messages, size=2000)
    c.logout()


def kill_often(program, moments, extra):
    """Killed so many times, at moments spread over the time that a restore takes; then each message is there once."""
    rnd = random.Random(4)
    with rig.Server() as s, rig.Program(program, s) as p:
        fill_many(s)
        p.run("backup", "test")
        want = contents(s, "me")
        add_account(p, s, "timed", connections=4, **extra)
        start = time.monotonic()
        p.run("restore", "--to", "timed", "test")
        takes = time.monotonic() - start
        killed = user = 0
        while killed < moments:
            user += 1
            add_account(p, s, f"you{user}", connections=4, **extra)
            for _ in range(5):
                run = subprocess.Popen(p.argv("restore", "--to", f"you{user}", "test"), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
                time.sleep(rnd.uniform(0.1, 0.9) * takes)
                run.send_signal(rnd.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
                killed += run.wait() != 0
            p.run("restore", "--to", f"you{user}", "test")
            have = contents(s, f"you{user}")
            assert have == want, {n: (len(want[n]), len(have.get(n, []))) for n in want}
            assert user < 3 * moments, "it is never killed"


def test_killed_at_any_moment(program):
    kill_often(program, 25 if rig.LONG else 4, {})


def test_killed_at_any_moment_with_single_messages(program):
    kill_often(program, 25 if rig.LONG else 4, {"disable_extensions": "MULTIAPPEND UIDPLUS"})


def test_a_level_that_was_no_folder_becomes_none(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "you")
        c = s.client("me")
        c.create("Top/Mid/Leaf")
        rig.fill(c, "Top/Mid/Leaf", 2)
        before = {name for name in rig.remote(s, "me")}
        c.logout()
        p.run("backup", "test")
        restore(p, "--to", "you", "test")
        assert {name for name in rig.remote(s, "you")} == before and "Top" not in before, before
        check_equal(s, "me", "you")


def test_as_of_and_deleted(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "then")
        add_account(p, s, "lost")
        c = s.client("me")
        rig.fill(c, "INBOX", 60)
        p.run("backup", "test")
        before = contents(s, "me")
        time.sleep(1.1)
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        time.sleep(1.1)
        c.select("INBOX")
        c.uid("STORE", "1:30", "+FLAGS", "(\\Deleted)")
        c.expunge()
        c.uid("STORE", "31:50", "FLAGS", "(\\Answered later)")
        c.logout()
        p.run("backup", "test")
        restore(p, "--as-of", moment, "--to", "then", "test")
        assert contents(s, "then") == before
        restore(p, "--deleted", "--to", "lost", "test")
        gone = {data for data, _, _ in before["INBOX"]} - {data for data, _, _ in contents(s, "me")["INBOX"]}
        assert {data for data, _, _ in contents(s, "lost")["INBOX"]} == gone and len(gone) == 30
        # Back into the account itself: what was lost comes back, flags are set back, what came later stays.
        c = s.client("me")
        rig.fill(c, "INBOX", 1, first=99)
        c.logout()
        without = restore(p, "--uid", "31:60", "test")
        assert without["present"] == 30 and without["flags_set"] == 0, "without a day, flags are nobody's business"
        plan = restore(p, "--as-of", moment, "--dry-run", "test")
        assert plan["flags_set"] == 20 and plan["plan"][0]["flags"] == 20, plan
        later = contents(s, "me")["INBOX"]
        done = restore(p, "--as-of", moment, "--verify", "test")
        assert done["restored"] == 30 and done["present"] == 30 and done["flags_set"] == 20 and done["identical"] == 60, done
        now = contents(s, "me")["INBOX"]
        assert len(now) == 61 and [m for m in now if m not in before["INBOX"]] == [m for m in later if b"99" in m[0][:30]], now
        again = restore(p, "--as-of", moment, "test")
        assert again["restored"] == again["flags_set"] == 0, again


def test_names_on_the_target(program):
    with rig.Server(SEPARATOR=".") as s, rig.Program(program, s) as p:
        add_account(p, s, "you")
        add_account(p, s, "other")
        c = s.client("me")
        c.create("Work.2016")
        rig.fill(c, "INBOX", 1)
        rig.fill(c, "Work.2016", 2)
        c.logout()
        p.run("backup", "test")
        plan = restore(p, "--folder-prefix", "Back/from me", "--to", "you", "--dry-run", "test")["plan"]
        made = [(x["from"], x["to"], x["make"], x["messages"], x["present"]) for x in plan]
        assert made == [("INBOX", "Back.from me.INBOX", True, 1, 0), ("Work.2016", "Back.from me.Work.2016", True, 2, 0)], plan
        said = p.run("restore", "--folder-prefix", "Back/from me", "--to", "you", "--dry-run", "test").stdout
        assert "  Work.2016 -> Back.from me.Work.2016: 2 messages (" in said and said.count(", to be made") == 2, said
        restore(p, "--folder-prefix", "Back/from me", "--to", "you", "test")
        assert restore(p, "--folder-prefix", "Back/from me", "--to", "you", "--dry-run", "test")["plan"] == []
        assert {n for n, m in contents(s, "you").items() if m} == {"Back.from me.INBOX", "Back.from me.Work.2016"}
        restore(p, "--map", "Work=Old/Jobs", "--map", "INBOX=In", "--to", "other", "test")
        assert {n for n, m in contents(s, "other").items() if m} == {"In", "Old.Jobs.2016"}
        part = restore(p, "--folder", "Work/*", "--uid", "2", "--to", "other", "test")
        assert part["selected"] == 1 and part["restored"] == 1, part


def test_a_damaged_message_is_not_given_back(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        add_account(p, s, "you")
        c = s.client("me")
        rig.fill(c, "INBOX", 3)
        c.logout()
        p.run("backup", "test")
        victim = next(n for n in sorted(archive.snapshot(p.path)) if "U2H" in n)
        data = bytearray(open(victim, "rb").read())
        data[-5] ^= 1
        open(victim, "wb").write(data)
        out = p.run("restore", "--to", "you", "test", status=1)
        assert "UID 2" in out.stderr and "damaged" in out.stderr, out.all
        assert len(contents(s, "you")["INBOX"]) == 2


def test_there_is_no_archive(program):
    """Nor an index: what to do is said, by every command that reads archives."""
    readers = (("restore", "test"), ("list",), ("show", "INBOX", "1"), ("folders",), ("status",), ("export", "--format", "tar", "--output", "-"))
    with rig.Server() as s, rig.Program(program, s) as p:
        for command in readers:
            out = p.run(*command, status=74)
            assert f"there is no archive in {p.path}; imapsync backup makes it" in out.stderr, out.all
            assert not os.path.exists(p.path), "reading makes no archive"
        c = s.client("me")
        rig.fill(c, "INBOX", 1)
        c.logout()
        p.run("backup")
        os.unlink(f"{p.path}/index.db")
        for command in readers:
            out = p.run(*command, status=74)
            assert "there is no index in " in out.stderr and "imapsync repair makes it anew" in out.stderr, out.all


def test_a_folder_that_is_not_there_is_said(program):
    """A name that was written wrong must not look like a success."""
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        c.create("Work")
        rig.fill(c, "Work", 2)
        c.logout()
        p.run("backup", "test")
        for command in (("restore", "--folder", "Wrok"), ("restore", "--folder", "Work", "--folder", "Wrok"), ("list", "Wrok"),
                        ("export", "--folder", "Wrok", "--force", "--output", f"{p.dir}/out.tar")):
            out = p.run(*command, status=1)
            assert 'there is no folder "Wrok" in the archive' in out.stderr, out.all
        p.run("export", "--force", "--output", f"{p.dir}/out.tar")
        out = p.run("restore", "--from", f"{p.dir}/out.tar", "--folder", "Wrok", "--to", "test", status=1)
        assert 'there is no folder "Wrok" in it' in out.stderr, out.all
        # Nothing found is no failure, but is said; and folders without a hit are not in the way.
        for command in (("restore", "--uid", "999"), ("list", "--header", "Subject=nobody")):
            out = p.run(*command)
            assert out.stdout == "" and "no message was found" in out.stderr, out.all
        assert p.run("list", "--header", "Subject=message 1").stdout.startswith("Work\n"), "INBOX has none"
