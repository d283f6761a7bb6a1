# SPDX-License-Identifier: MIT
"""Runs live tests side by side, each in a process of its own, and leaves nothing of them behind.

Above each test is its keeper, to which everything comes that loses its parent, daemons as well. What is below the keeper
belongs to this test and to no other, so that it can be ended without looking for names.
"""
import ctypes
import os
import signal
import sys
import tempfile
import time
import traceback

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE = 30  # seconds for a test to clean up behind itself when its time is up
SKIPPED = 77
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
prctl = ctypes.CDLL(None).prctl


class Skipped(Exception):
    pass


class TimeIsUp(BaseException):
    """Not an Exception: no test may take it for a failure that it expects."""


def alone(test):
    """Marks a test that measures the machine: it runs when all others are through."""
    test.alone = True
    return test


def early(test):
    """Marks a test that takes long by itself: it begins before the others, or all would wait for it at the end."""
    test.early = True
    return test


# ---- the keeper ------------------------------------------------------------------------------------------


def below(pid):
    """All processes that descend from this one."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", errors="replace") as f:
                parents.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(name))
        except OSError:
            pass  # it has just ended
    found, todo = [], [pid]
    while todo:
        more = parents.get(todo.pop(), [])
        found += more
        todo += more
    return found


def end_below(pid):
    """Kills what a test left, again until there is nothing: each death may bring up more."""
    for _ in range(200):
        for p in below(pid):
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def keep(test, program, seconds):
    """The keeper of one test; returns its exit status."""
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        os._exit(call(test, program, seconds))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the test has it too
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(seconds + GRACE)
    ended = None
    while ended != pid:
        ended, status = os.waitpid(-1, 0)
    signal.alarm(0)
    end_below(os.getpid())
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.write(1, f"the test itself was ended by {signal.Signals(-code).name}\n".encode())
    return code if code in (0, SKIPPED) else 1


# ---- the test --------------------------------------------------------------------------------------------


def stop(signum, _):
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(s, signal.SIG_IGN)  # cleaning up is not interrupted
    raise TimeIsUp(signal.Signals(signum).name)


def call(test, program, seconds):
    """Calls the function; returns the exit status."""
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(s, stop)
    status = 1
    try:
        signal.alarm(seconds)
        test(program)
        status = 0
    except Skipped as why:
        print(f"SKIPPED {why}")
        status = SKIPPED
    except BaseException as why:
        traceback.print_exc()
        if str(why) == "SIGALRM":
            print(f"ended, for it was not done after {seconds} s")
    signal.alarm(0)
    sys.stdout.flush()
    sys.stderr.flush()
    return status


# ---- side by side ----------------------------------------------------------------------------------------


class Running:
    """One test that was started."""

    def __init__(self, module, name, test, program, seconds):
        self.title = f"live/{module[5:]}: {name[5:].replace('_', ' ')}"
        self.output = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.start = time.monotonic()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
                os.dup2(self.output.fileno(), 1)
                os.dup2(self.output.fileno(), 2)
                status = keep(test, program, seconds)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)

    def report(self, status):
        """Prints its line, after what it had to say. Returns the verdict."""
        ms = (time.monotonic() - self.start) * 1000
        self.output.seek(0)
        said = self.output.read()
        self.output.close()
        code = os.waitstatus_to_exitcode(status)
        verdict = {0: "ok", SKIPPED: "SKIPPED"}.get(code, "FAIL")
        shown = verdict
        if verdict == "SKIPPED":
            said, _, why = said.rpartition("SKIPPED ")
            shown = f"SKIPPED ({why.strip()})"
        elif code < 0:
            said += f"its keeper was ended by {signal.Signals(-code).name}\n"
        print(f"{said}{shown:4} {self.title} ({ms:.0f} ms)", flush=True)
        return verdict


def run_some(tests, program, workers, seconds):
    todo, running, verdicts = list(reversed(tests)), {}, []
    try:
        while todo or running:
            while todo and len(running) < workers:
                r = Running(*todo.pop(), program, seconds)
                running[r.pid] = r
            pid, status = os.waitpid(-1, 0)
            if pid in running:
                verdicts.append(running.pop(pid).report(status))
    finally:
        for pid in running:  # interrupted
            os.kill(pid, signal.SIGTERM)
        for pid in running:
            os.waitpid(pid, 0)
    return verdicts


def run(tests, program, workers, seconds):
    """Runs [(module, name, function)], those that want the machine for themselves at the end. Returns the verdicts."""
    signal.signal(signal.SIGTERM, stop)
    single = [t for t in tests if getattr(t[2], "alone", False)]
    together = sorted((t for t in tests if t not in single), key=lambda t: not getattr(t[2], "early", False))
    return run_some(together, program, workers, seconds) + run_some(single, program, 1, seconds)
