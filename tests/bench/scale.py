#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run costs by folders, by messages and beside other runs, and what that means for many accounts. See README.md here;
usually run by make bench-scale."""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bench  # noqa: E402
import corpus  # noqa: E402
import link  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import model  # noqa: E402
import server  # noqa: E402

# The same thousand messages in more and more folders, so that only the folders differ; then ten times the messages.
FOLDERS = {"SCALE-F10": 10, "SCALE-F100": 100, "SCALE-F1000": 1000}
MESSAGES = {"SCALE-F10": 1_000, "SCALE-L10": 10_000}
AT_ONCE = (20, 100)
corpus.PROFILES.update({name: (n, 1_000, "small") for name, n in FOLDERS.items()})
corpus.PROFILES["SCALE-L10"] = (10, 10_000, "small")
FLUSHES = ("fsync", "fdatasync", "syncfs", "sync", "msync")
# The authorities of the system in one file, which OpenSSL reads whole; from a folder of single files it reads what it needs.
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("program")
    p.add_argument("--tools", required=True, help="folder of the compiled helpers")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--out", default="", help="JSON with every run")
    p.add_argument("--accounts", type=int, default=10_000)
    p.add_argument("--folders", type=int, default=100, help="of an account")
    p.add_argument("--new", type=int, default=50, help="new messages of an account in a night")
    p.add_argument("--hours", type=float, default=6, help="the window")
    p.add_argument("--rtt", type=float, default=50, help="milliseconds to the servers")
    p.add_argument("--cores", type=int, default=8, help="of a host")
    p.add_argument("--flushes", type=int, default=200, help="that the disk of a host can do in a second, one after the other")
    a = p.parse_args()
    a.program, a.tools = os.path.abspath(a.program), os.path.abspath(a.tools)
    return a


class Scale:
    def __init__(self, b, rounds):
        self.b, self.rounds, self.runs = b, rounds, {}
        self.plain = self.way = link.Way("127.0.0.1", b.server().port)
        self.tls = link.Way("localhost", b.server().tls_port, tls=True)
        self.contender = b.contenders["imapsync"]

    def note(self, kind, profile, found):
        self.runs[f"{kind} {profile}"] = found
        cost = self.cost(kind, profile)
        bench.say(f"   {kind:16} {profile:12} {cost['cpu'] * 1000:8.1f} ms cpu  {cost['wall'] * 1000:8.1f} ms wall  "
                  f"{cost['server'] * 1000:7.0f} ms server  {cost['rss_kb'] / 1024:5.1f} MB")

    def cost(self, kind, profile):
        found = self.runs[f"{kind} {profile}"]
        cost = {k: statistics.median(r[k] for r in found) for k in ("wall", "server", "rss_kb")}
        # Whatever else runs on the machine only ever adds to it.
        return {**cost, "cpu": min(r["cpu"] for r in found), "user": min(r["user"] for r in found)}

    def typical(self, kind, profile):
        return statistics.median(r["cpu"] for r in self.runs[f"{kind} {profile}"])

    def points(self, kind, profiles, what):
        return [(n, self.cost(kind, p)[what]) for p, n in profiles.items()]

    def one(self, kind, profile, folder):
        result = self.b.execute(self.contender, self.b.job(kind, profile, self.way, folder))
        if result["why"]:
            raise server.Failed(result["why"])
        return result

    def clone(self, profile):
        base, folder = self.b.base(self.contender, profile, self.way), self.b.fresh()
        os.rmdir(folder)
        measure.clone(base, folder)
        return folder

    def unchanged(self, profile, name="nothing changed"):
        folder = self.clone(profile)
        self.one("nochange", profile, folder)
        self.note(name, profile, [self.one("nochange", profile, folder) for _ in range(self.rounds)])

    def over_tls(self, profile, authorities):
        """What TLS adds to a run: seconds of processor time, MB. authorities: a file to trust besides the server's own."""
        name, own = "... with all" if authorities else "... over TLS", self.contender.ca
        self.way = self.tls
        if authorities:
            self.contender.ca = self.bundle(own, authorities)
        self.unchanged(profile, name)
        self.way, self.contender.ca = self.plain, own
        tls, plain = self.cost(name, profile), self.cost("nothing changed", profile)
        return tls["cpu"] - plain["cpu"], (tls["rss_kb"] - plain["rss_kb"]) / 1024

    def bundle(self, *names):
        path = f"{self.b.folder}/authorities.pem"
        with open(path, "w") as out:
            for name in names:
                with open(name) as f:
                    out.write(f.read() + "\n")
        return path

    def first(self, profile):
        self.one("initial", profile, self.b.fresh())
        self.note("first sync", profile, [self.one("initial", profile, self.b.fresh()) for _ in range(self.rounds)])

    def parallel(self, profile, count):
        """`count` archives of one account, two runs for each core at a time. Costs of a run, wall time of all."""
        jobs = [self.b.job("nochange", profile, self.way, self.clone(profile)) for _ in range(count)]
        dovecot, width = self.b.server(), 2 * os.cpu_count()
        measure.quiet_disk()
        before, started = dovecot.cpu(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            found = list(pool.map(self.timed, jobs))
        wall, served = time.monotonic() - started, (dovecot.cpu() - before) / count
        found = [{**r, "cpu": r["user"] + r["system"], "server": served} for r in found]
        if any(r["exit"] for r in found):
            raise server.Failed(f"{sum(r['exit'] != 0 for r in found)} of {count} runs failed")
        self.note(f"{count} by {width}", profile, found)
        return {"count": count, "width": width, "wall": wall, "a second": count / wall}

    def timed(self, job):
        result = f"{job.dir}/timed.json"
        subprocess.run([f"{self.b.tools}/timed", "-t", "900", result, *self.contender.argv(job)], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
        with open(result) as f:
            return json.load(f)

    def calls(self, kind, profile):
        """Calls of a run that wait for the disk, and connections that it makes; (None, None) where nobody can look."""
        job = self.b.job(kind, profile, self.way, self.clone(profile) if kind == "nochange" else self.b.fresh())
        seen = f"{job.dir}/strace"
        strace = ["strace", "-f", "-e", "trace=connect," + ",".join(FLUSHES), "-o", seen]
        if not shutil.which("strace") or subprocess.run([*strace, *self.contender.argv(job)], stdin=subprocess.DEVNULL,
                                                        capture_output=True).returncode != 0:
            return None, None
        with open(seen) as f:
            text = f.read()
        return (len(re.findall(rf"^\d+ +(?:{'|'.join(FLUSHES)})\(", text, re.M)),
                len(re.findall(rf"^\d+ +connect\(.*htons\({self.way.port}\)", text, re.M)))


def measured(s):
    """Everything that the model is made of."""
    for profile in sorted({*FOLDERS, *MESSAGES}):
        s.b.prepare(profile)
    for profile in FOLDERS:
        s.unchanged(profile)
    s.unchanged("SCALE-L10")
    for profile in MESSAGES:
        s.first(profile)
    beside = [s.parallel("SCALE-F100", n) for n in AT_ONCE]
    bundle = next((name for name in AUTHORITIES if os.path.exists(name)), None)
    crowd = f"{AT_ONCE[-1]} by {beside[-1]['width']}"
    flushes, sockets = s.calls("nochange", "SCALE-F100")
    return model.Costs(
        folder=model.line(s.points("nothing changed", FOLDERS, "cpu")),
        message=model.line(s.points("first sync", MESSAGES, "cpu")),
        message_user=model.line(s.points("first sync", MESSAGES, "user")),
        memory=model.line([(n, kb / 1024) for n, kb in s.points("nothing changed", FOLDERS, "rss_kb")]),
        tls=s.over_tls("SCALE-F100", None), bundle=s.over_tls("SCALE-F100", bundle) if bundle else None,
        server=s.cost(crowd, "SCALE-F100")["server"],
        crowd=max(1, s.typical(crowd, "SCALE-F100") / s.typical("nothing changed", "SCALE-F100")),
        ignored=s.cost("nothing changed", "SCALE-L10")["cpu"] / s.cost("nothing changed", "SCALE-F10")["cpu"],
        flushes=flushes, flushes_first=s.calls("initial", "SCALE-F10")[0], sockets=sockets or model.SOCKETS), beside


def interrupted(*_):
    raise KeyboardInterrupt


def work_folders():
    """(working folder, cache), as `run` has them."""
    above = os.environ.get("BENCH_DIR") or f"{os.path.dirname(os.path.dirname(HERE))}/build"
    cache = os.path.join(above, "bench-corpus")
    os.makedirs(cache, exist_ok=True)
    work = tempfile.mkdtemp(prefix="bench-", dir=above)
    os.chmod(work, 0o755)  # the server has an account of its own
    return work, cache


def main():
    a = arguments()
    if not os.access(server.DOVECOT, os.X_OK) or not shutil.which("doveadm"):
        print("SKIPPED: the scale model needs Dovecot (packages dovecot-imapd, dovecot-core)")
        return 1
    private = link.enter_private_network()
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(sig, interrupted)
    work, cache = work_folders()
    try:
        about = machine.describe(a.program, work)
        with bench.Bench(a.program, a.tools, work, cache, private, a.rounds) as b:
            s = Scale(b, a.rounds)
            costs, beside = measured(s)
        fleet = model.Fleet(a.accounts, a.folders, a.new, a.hours, a.rtt, a.cores, a.flushes)
        print("\n" + "\n".join(model.costs_table(costs, beside)))
        print("\n" + "\n".join(model.fleet_table(model.predict(costs, fleet), fleet)))
        print("\n" + "\n".join(f"{k:12} {v}" for k, v in about.items()))
        if a.out:
            with open(a.out, "w") as f:
                json.dump({"machine": about, "runs": s.runs, "parallel": beside, "costs": dataclasses.asdict(costs),
                           "fleet": dataclasses.asdict(fleet)}, f, indent=1)
    except (server.Failed, RuntimeError, OSError, subprocess.CalledProcessError) as why:
        print(f"FAILED: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    finally:
        for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(sig, signal.SIG_IGN)
        measure.remove(work)
    return 0


sys.exit(main())
