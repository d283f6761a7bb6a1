# SPDX-License-Identifier: MIT
"""Killed at any moment: the next run completes, fetches no finished message again, stores none twice."""
import os
import random
import shutil
import signal
import subprocess
import time

import archive
import rig
import runner

MESSAGES = 300


def kill_rounds(program, rounds, seed):
    rnd = random.Random(seed)
    killed = 0
    with rig.Server() as s:
        c = s.client("me")
        c.create("Work")
        rig.fill(c, "INBOX", MESSAGES // 2, size=6000)
        rig.fill(c, "Work", MESSAGES // 2, size=6000)
        for i in range(4 * rounds):
            if i >= rounds and killed:
                break
            with rig.Program(program, s) as p:
                start = time.monotonic()
                p.run("backup")
                whole = time.monotonic() - start
            with rig.Program(program, s) as p:
                run = subprocess.Popen(p.argv("backup"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(rnd.random() * whole)
                run.kill()
                killed += run.wait() == -signal.SIGKILL
                folders = archive.folders(p.path).values() if os.path.isdir(f"{p.path}/mail") else []
                kept = {m.path.split("/mail/")[1]: m for f in folders for m in archive.messages(f).values()}
                for m in kept.values():
                    m.wire()  # raises for anything that is not whole
                trace = f"{p.dir}/trace"
                p.run("--trace", trace, "backup")
                assert rig.compare(s, "me", p.path) == MESSAGES
                fetched = rig.fetched_bodies(trace)
                assert fetched == MESSAGES - len(kept), f"round {i}: {len(kept)} were whole, {fetched} fetched"
                p.run("backup")
    assert killed > 0, "no run was killed in time"
    print(f"     ({killed} runs killed, seed {seed})")


@runner.early
def test_sigkill_at_random_moments(program):
    seed = int(os.environ.get("SEED", "20"))
    kill_rounds(program, 60 if rig.LONG else 4, seed)


@runner.early
def test_sigkill_at_every_state_changing_system_call(program):
    """strace stops the program at the n-th call of a kind; needs ptrace."""
    if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
        raise Skipped("strace is not usable here")
    if "san" in program or "address" in program:
        raise Skipped("sanitizers and ptrace do not mix")
    kinds = ("renameat2", "fsync,fdatasync,syncfs", "pwrite64", "mkdirat", "openat,openat2")
    step = 1 if rig.LONG else 13
    with rig.Server() as s:
        c = s.client("me")
        rig.fill(c, "INBOX", 12, size=500)
        killed = 0
        for kind in kinds:
            n = 1
            while True:
                with rig.Program(program, s) as p:
                    out = p.run("backup", status=None, prefix=["strace", "-f", "-o", "/dev/null", "-e", f"trace={kind}", "-e", f"inject={kind}:signal=KILL:when={n}"])
                    if out.returncode == 0:
                        break
                    killed += 1
                    folders = archive.folders(p.path).values() if os.path.isdir(f"{p.path}/mail") else []
                    whole = sum(len(archive.messages(f)) for f in folders if os.path.isdir(f"{f}/new"))
                    trace = f"{p.dir}/trace"
                    p.run("--trace", trace, "backup")
                    assert rig.compare(s, "me", p.path) == 12, (kind, n)
                    assert rig.fetched_bodies(trace) == 12 - whole, (kind, n)
                n += step
        assert killed > 10, killed
        print(f"     ({killed} kill points)")


def test_sigterm_commits_what_is_complete(program):
    with rig.Server() as s, rig.Program(program, s) as p:
        c = s.client("me")
        rig.fill(c, "INBOX", 600, size=40000)
        run = subprocess.Popen(p.argv("backup"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2000):
            tmp = f"{p.path}/mail/INBOX/tmp"
            if os.path.isdir(tmp) and len(os.listdir(tmp)) > 20:
                break
            time.sleep(0.002)
        run.send_signal(signal.SIGTERM)
        start = time.monotonic()
        out = run.communicate(timeout=30)[0]
        if run.returncode == 0:
            raise Skipped("the run was too quick to meet")
        assert run.returncode == 128 + signal.SIGTERM, out
        assert time.monotonic() - start < 5
        archive.check_modes(p.path)
        kept = len(archive.messages(f"{p.path}/mail/INBOX"))
        assert kept > 0, "what was complete is committed"
        trace = f"{p.dir}/trace"
        p.run("--trace", trace, "backup")
        assert rig.fetched_bodies(trace) == 600 - kept
        assert rig.compare(s, "me", p.path) == 600
