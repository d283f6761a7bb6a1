# SPDX-License-Identifier: MIT
"""The goals: what is compared with what, and how small the ratio has to be.

A group is a piece of work that several contenders do in turn. A goal names its group, our contender, the other program
and the limits (the best of them counts, round by round). The plan is: all groups of the chosen goals, each with every
contender that one of them names.
"""
import dataclasses

RTT_MS = 50
LINKS = {"lo": None, "tls": None, "50 ms": (RTT_MS, 0), "50 ms, 100 Mbit/s": (RTT_MS, 100)}
QUICK_CORPUS = {"M": "S", "MANY": "BOXES"}
QUICK_GOALS = {"G1", "G2", "G3", "G4", "G7", "G9", "G11", "G12", "G15", "G16"}
# Takes long and much room (a million files twice): only when asked for by name.
ON_DEMAND = {"G14"}
NEW_PERCENT, FLAGS_PERCENT = 1, 5
WRITES = ("write 1", "write 2", "write 4")


@dataclasses.dataclass(frozen=True)
class Group:
    kind: str
    corpus: str
    way: str = "lo"
    server: str = ""  # one of server.VARIANTS

    def __str__(self):
        return f"{self.kind} {self.corpus} ({self.way}{', ' + self.server if self.server else ''})"


@dataclasses.dataclass(frozen=True)
class Goal:
    """peer_goal and limit_goal: highest ratio. limits: contenders, or one number (in the metric's unit).
    metric: wall or cpu (seconds), rss (MB). A contender "NAME@CORPUS" does the same work on another corpus."""
    name: str
    text: str
    group: Group
    ours: str
    peer: str = None
    peer_goal: float = None
    limits: tuple = ()
    limit_goal: float = None
    metric: str = "wall"
    stand_in: str = None  # the corpus that the goal was set for, when another one is used

    def contenders(self):
        return [x for x in (self.ours, self.peer, *self.limits) if isinstance(x, str)]


def initial(corpus, way="lo"):
    return Group("initial", corpus, way)


ALL = [
    Goal("G1", "first sync", initial("S"), "imapsync", "mbsync", 0.20, WRITES, 1.25),
    Goal("G1", "first sync", initial("M"), "imapsync", "mbsync", 0.20, WRITES, 1.25),
    Goal("G1", "first sync", initial("MANY"), "imapsync", "mbsync", 0.13, WRITES, 1.25),
    Goal("G2", "first sync, TLS", initial("S", "tls"), "imapsync", "mbsync", 0.40, WRITES, 1.15),
    Goal("G2", "first sync, TLS", initial("M", "tls"), "imapsync", "mbsync", 0.40, WRITES, 1.15),
    Goal("G3", "first sync, theirs without fsync", initial("S"), "imapsync", "mbsync nofsync", 0.65),
    Goal("G3", "first sync, theirs without fsync", initial("M"), "imapsync", "mbsync nofsync", 0.55),
    Goal("G3", "first sync, theirs without fsync", initial("MANY"), "imapsync", "mbsync nofsync", 0.50),
    Goal("G4", "nothing changed", Group("nochange", "M"), "imapsync", "mbsync", 0.12, ("LIST-STATUS",), 1.5),
    Goal("G4", "nothing changed", Group("nochange", "MANY"), "imapsync", "mbsync", 0.07, ("LIST-STATUS",), 1.3),
    Goal("G5", "nothing changed; limit: 8 round trips", Group("nochange", "M", "50 ms"), "imapsync", "mbsync", 0.016,
         (8 * RTT_MS / 1000,), 1.0),
    Goal("G5", "nothing changed; limit: 8 round trips", Group("nochange", "MANY", "50 ms"), "imapsync", "mbsync", 0.0045,
         (8 * RTT_MS / 1000,), 1.0),
    Goal("G6", "nothing changed", Group("nochange", "MANY", "50 ms", "no LIST-STATUS"), "imapsync", "mbsync", 0.01,
         ("STATUS",), 1.1),
    Goal("G7", "1 % new, 5 % flags", Group("incr", "M"), "imapsync", "mbsync", 0.28, ("changes",), 2.0),
    Goal("G7", "1 % new, 5 % flags", Group("incr", "M", "50 ms"), "imapsync", "mbsync", 0.03, ("changes",), 1.3),
    Goal("G8", "first sync, 1 connection", initial("S", "50 ms"), "imapsync 1", "mbsync", 0.40, ("drain 1",), 1.1),
    Goal("G8", "first sync, 4 connections", initial("S", "50 ms"), "imapsync 4", "mbsync", 0.36, ("drain 4",), 1.1),
    Goal("G9", "restore, 1 connection", Group("push", "S"), "imapsync 1", "mbsync", 0.45, ("push 1",), 1.15),
    Goal("G9", "restore, 4 connections", Group("push", "S"), "imapsync 4", "mbsync", 0.25, ("push 4",), 1.15),
    Goal("G9", "restore, plain APPEND", Group("push", "S"), "imapsync 1 APPEND", "mbsync", 0.75, ("push 1 APPEND",), 1.15),
    Goal("G10", "one large folder", initial("BIG"), "imapsync", "mbsync", 0.15, WRITES, 1.25),
    Goal("G11", "memory; limit: MB", initial("BIG"), "imapsync", "mbsync", 0.4, (16.0,), 1.0, "rss"),
    Goal("G11", "memory, one message of 512 MB; limit: MB", initial("HUGE"), "imapsync", "mbsync", 0.012, (12.0,), 1.0, "rss"),
    Goal("G11", "memory; limit: MB", initial("M"), "imapsync", "mbsync", 0.35, (20.0,), 1.0, "rss"),
    Goal("G12", "processor time, first sync", initial("M"), "imapsync", "mbsync", 0.30, WRITES, 1.35, "cpu"),
    Goal("G13", "first sync, COMPRESS", Group("initial", "S", "50 ms, 100 Mbit/s", "COMPRESS"), "imapsync", "mbsync", 0.66,
         ("drain 1 deflated",), 1.05),
    Goal("G14", "a million messages, nothing changed; limit: 20,000", Group("nochange", "LOTS"), "imapsync",
         limits=("imapsync@FEW",), limit_goal=1.1),
    Goal("G14", "memory; limit: MB", Group("nochange", "LOTS"), "imapsync", limits=(32.0,), limit_goal=1.0, metric="rss"),
    Goal("G15", "verify", Group("verify", "M"), "imapsync", limits=("hash loop",), limit_goal=1.2),
    Goal("G16", "export to tar", Group("export", "M"), "imapsync", limits=("tar",), limit_goal=1.3),
]

def companions(group):
    """Measured where the group runs anyway: they explain a figure, no goal hangs on them."""
    if group.server == "COMPRESS":
        return ["drain 1", "mbsync uncompressed"]
    if group.server:
        return []
    return {"initial": ["drain 1"], "nochange": ["LIST-STATUS"], "export": ["tar, flushed"]}.get(group.kind, [])


def smaller(goal):
    corpus = QUICK_CORPUS.get(goal.group.corpus)
    if corpus is None:
        return goal
    return dataclasses.replace(goal, group=dataclasses.replace(goal.group, corpus=corpus), stand_in=goal.group.corpus)


def quick(goal):
    """Small corpora and no delay; no single APPENDs, which take endlessly on a disk that others use; of many folders only the
    one case that is about them."""
    small = goal.group.corpus in ("S", *QUICK_CORPUS) and goal.group.way in ("lo", "tls")
    slow = goal.ours.endswith("APPEND") or goal.group.corpus == "MANY" and goal.group.kind == "initial"
    return goal.name in QUICK_GOALS and small and not slow


def chosen(names, is_quick):
    """The goals of these names (none: all but those on demand), made smaller for a quick run, each once."""
    found = []
    for goal in ALL:
        if goal.name not in names if names else goal.name in ON_DEMAND:
            continue
        if is_quick:
            if not quick(goal):
                continue
            goal = smaller(goal)
            if any((g.name, g.group, g.ours, g.metric) == (goal.name, goal.group, goal.ours, goal.metric) for g in found):
                continue
        found.append(goal)
    return found


def plan(goals, is_quick):
    """{group: [contender]} in the order of the goals; ours first, then the others as they come."""
    groups = {}
    for goal in goals:
        names = groups.setdefault(goal.group, [])
        for name in goal.contenders():
            if name not in names and not (is_quick and name == "write 2"):
                names.append(name)
    for group, names in groups.items():
        names += [name for name in companions(group) if name not in names]
    return groups
