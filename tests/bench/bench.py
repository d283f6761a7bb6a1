# SPDX-License-Identifier: MIT
"""Runs a plan: prepares accounts and states, then lets the contenders of each group take turns."""
import os
import shutil
import subprocess
import sys
import time

import contenders
import corpus
import goals
import link
import measure
import server


def say(text):
    print(text, flush=True)


class Bench:
    """Everything below `folder`, but corpora and stores, which are in `cache`."""

    def __init__(self, program, tools, folder, cache, private, rounds):
        self.program, self.tools, self.folder, self.cache = program, tools, folder, cache
        self.private, self.rounds, self.users = private, rounds, f"{folder}/users"
        self.runs, self.servers, self.counts, self.bases = [], {}, {}, {}
        self.number = 0
        self.park = measure.Park(f"{folder}/park")
        os.makedirs(f"{folder}/work")
        # Folders directly below are spread over the disk (ext4), so that one run does not fill up another's neighbourhood.
        subprocess.run(["chattr", "+T", f"{folder}/work"], capture_output=True)

    def __enter__(self):
        self.server()
        self.contenders = contenders.table(self.program, f"{self.folder}/server0/server.pem")
        return self

    def __exit__(self, *_):
        for s in self.servers.values():
            s.stop()

    def server(self, variant=""):
        if variant not in self.servers:
            found = server.Dovecot(f"{self.folder}/server{len(self.servers)}", self.users, self.private, variant)
            self.servers[variant] = found
            found.__enter__()
        return self.servers[variant]

    # ---- accounts ------------------------------------------------------------------------------------------------

    def prepare(self, profile):
        """The account of a corpus, in its first state, read once so that the server's caches are warm."""
        if profile in self.counts:
            return
        free, need = shutil.disk_usage(self.cache).free, corpus.room(profile)
        if free < need:
            raise server.Failed(f"needs about {need >> 20} MB of disk, {free >> 20} MB are free")
        start = time.monotonic()
        found = corpus.make(self.cache, profile)
        store = server.load(self.server(), self.cache, profile)
        self.show(profile, store)
        self.warm(profile)
        self.counts[profile] = found["messages"]
        say(f"   corpus {profile}: {found['messages']} messages, {found['folders']} folders, {found['bytes'] / 1e6:.1f} MB; "
            f"median {found['median']}, mean {found['mean']}, p99 {found['p99']}, largest {found['max']} bytes "
            f"({time.monotonic() - start:.1f} s to have it)")

    def show(self, profile, store):
        for s in self.servers.values():
            s.idle()
        self.server().show(profile.lower(), store)

    def warm(self, profile):
        subprocess.run([f"{self.tools}/raw", "drain", "-p", str(self.server().port), "-u", profile.lower(), "-c", "2",
                        "-L", "131072"], check=True, capture_output=True)

    def prepare_changes(self, profile):
        """The raw client's memory of the first state, and the second state. Returns (state file, later store, messages)."""
        s = self.server()
        state = f"{self.folder}/state-{profile}"
        subprocess.run([f"{self.tools}/raw", "list-status", "-p", str(s.port), "-u", profile.lower(), "-s", state], check=True,
                       capture_output=True)
        later = server.load_changed(s, self.cache, profile, goals.NEW_PERCENT, goals.FLAGS_PERCENT)
        self.show(profile, later)
        self.warm(profile)
        self.show(profile, f"{self.cache}/store/{profile.lower()}")
        return state, later, self.counts[profile] + max(1, round(self.counts[profile] * goals.NEW_PERCENT / 100))

    # ---- states --------------------------------------------------------------------------------------------------

    def base(self, contender, profile, way):
        """The folder of a contender that has backed up the account. way must not be slow to build over."""
        key = (contender.keep, profile, way.host if contender.by_host else None)
        if key not in self.bases:
            job = self.job("initial", profile, way, self.fresh())
            result = self.execute(contender, job)
            if result["why"]:
                raise server.Failed(f"no state to begin with: {result['why']}")
            self.bases[key] = job.dir
            # mbsync waits for the next second when a folder changed in this one, and would do so in the first run only.
            time.sleep(2)
        return self.bases[key]

    def fresh(self):
        self.number += 1
        path = f"{self.folder}/work/{self.number}"
        os.mkdir(path, 0o700)
        return path

    def job(self, kind, profile, way, folder, **more):
        user = profile.lower()
        return contenders.Job(kind=kind, dir=folder, way=way, user=user, home=f"{self.users}/{user}", tools=self.tools,
                              tree=f"{self.cache}/{profile}/tree", before=self.counts[profile],
                              **{"expected": self.counts[profile], **more})

    def execute(self, contender, job, variant=""):
        argv = contender.argv(job)
        result = measure.run(self.tools, argv, job.dir, self.server(variant), job.way.namespace)
        result["why"] = contender.done(job, result)
        if result["why"]:
            result["why"] += f": {measure.tail(job.dir)}".rstrip(": ")
        return result

    # ---- groups --------------------------------------------------------------------------------------------------

    def group(self, group, names):
        """All rounds of a group. Contenders that cannot run are left out with the reason."""
        say(f"\n== {group}")
        present = []
        for name in names:
            why = self.contenders[name.partition("@")[0]].missing()
            if why:
                say(f"   SKIPPED {name}: {why}")
            else:
                present.append(name)
        try:
            for profile in sorted({name.partition("@")[2] or group.corpus for name in present}):
                self.prepare(profile)
            self.on_link(group, present)
        except (server.Failed, RuntimeError, OSError, subprocess.CalledProcessError) as why:
            say(f"   SKIPPED {group}: {why}")

    def on_link(self, group, names):
        s = self.server(group.server)
        if goals.LINKS[group.way]:
            rtt, mbit = goals.LINKS[group.way]
            with link.Slow(self.tools, s.port, rtt, mbit, self.private) as slow:
                say(f"   link: {slow.way.kind}, {rtt} ms" + (f", {mbit} Mbit/s" if mbit else ""))
                self.take_turns(group, names, slow.way, slow.builder)
        else:
            way = link.Way("localhost", s.tls_port, tls=True) if group.way == "tls" else link.Way("127.0.0.1", s.port)
            self.take_turns(group, names, way, way)

    def take_turns(self, group, names, way, builder):
        """The first one after files were made, corpus or archive, pays for what the system still has to do about them,
        so it does not count."""
        changed = self.prepare_changes(group.corpus) if group.kind == "incr" else None
        if group.kind in ("initial", "push", "verify", "export") and not way.slow:
            self.turn(group, names[0], way, builder, changed)
        for no in range(self.rounds):
            for name in names:
                self.record(group, name, no, self.turn(group, name, way, builder, changed))

    def turn(self, group, name, way, builder, changed):
        """One run of one contender. changed: what prepare_changes() returned, or None."""
        contender, more = self.contenders[name.partition("@")[0]], {}
        profile = name.partition("@")[2] or group.corpus
        if changed:
            more = {"state": changed[0], "expected": changed[2]}
        job = self.ready(group, contender, profile, way, builder, **more)
        if changed:
            self.show(profile, changed[1])
        result = self.execute(contender, job, group.server)
        if changed:
            self.show(profile, f"{self.cache}/store/{profile.lower()}")
        self.clear(group, job)
        return result

    def ready(self, group, contender, profile, way, builder, **more):
        """The job of one run, its folder as it has to be before."""
        # mbsync pushes the corpus itself; we restore an archive.
        needs = group.kind != "initial" if contender.keep == "imapsync" else group.kind in ("nochange", "incr")
        base = self.base(contender, profile, builder) if contender.keep and needs else None
        folder = self.fresh()
        if base and group.kind in ("nochange", "incr"):
            os.rmdir(folder)
            measure.clone(base, folder)
        job = self.job(group.kind, profile, way, folder, base=base, **more)
        if group.kind == "push":
            job.user = f"push{self.number}"
            job.home = f"{self.users}/{job.user}"
        return job

    def clear(self, group, job):
        for s in self.servers.values():
            s.idle()
        self.park.take(job.dir, shared=group.kind in ("nochange", "incr", "push"))
        if group.kind == "push":
            self.park.take(job.home)

    def record(self, group, name, no, result):
        self.runs.append({"group": str(group), "contender": name, "round": no, **result})
        note = f"   FAILED: {result['why']}" if result["why"] else ""
        say(f"   {no + 1} {name:20} {result['wall']:9.3f} s   cpu {result['cpu']:7.3f}   server {result['server']:6.2f}   "
            f"{result['rss_kb'] / 1024:7.1f} MB{note}")
