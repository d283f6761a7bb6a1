# SPDX-License-Identifier: MIT
"""From the cost of one run to that of a fleet of accounts: straight lines and multiplications, nothing measured here."""
import dataclasses
import math

# An unchanged account in all: greeting, login with what comes with it, LIST-STATUS, and out (goal G5), over TLS.
ROUND_TRIPS = 8
# Nothing changed needs one connection, where nobody could count; a first sync may open several.
SOCKETS = 1
# So much of a host's processors and disk may be busy in the window; the rest is for bursts, first syncs and `verify`.
BUSY = 0.5


@dataclasses.dataclass
class Line:
    base: float
    slope: float

    def at(self, n):
        return self.base + self.slope * n


@dataclasses.dataclass
class Costs:
    """Seconds of processor time and MB; lines over folders, or over messages."""
    folder: Line      # nothing changed
    message: Line     # first sync
    message_user: Line  # ... without the system's part, which varies with file system and memory
    memory: Line      # MB, nothing changed
    tls: tuple        # seconds and MB that TLS adds to a run, when a few authorities are trusted
    bundle: tuple     # ... when all of the system's are in one file; None: there is no such file
    server: float     # seconds of the server's for a run, nothing changed, 100 folders
    crowd: float      # the same run beside many others, how many times the cost
    ignored: float    # nothing changed: ten times the messages, how many times the cost
    flushes: float = None        # calls that wait for the disk: nothing changed
    flushes_first: float = None  # ... first sync of 1,000 messages in 10 folders
    sockets: int = SOCKETS       # connections of a run, nothing changed


@dataclasses.dataclass
class Fleet:
    accounts: int
    folders: int
    new: int      # messages of an account in a night
    hours: float  # the window
    rtt: float    # ms
    cores: int    # of a host
    flushes: int  # that its disk can do in a second


def line(points):
    """Least squares through [(n, value)]."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    across = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / across
    return Line(mean_y - slope * mean_x, slope)


def predict(c, f):
    """{what: number} for the fleet. Everything but `hosts` is linear in the accounts. What is not known is reckoned too high:
    new mail as that of a first sync, flushes included, and the authorities in one file."""
    tls_cpu, tls_mb = c.bundle or c.tls
    cpu = (max(0, c.folder.at(f.folders)) + max(0, tls_cpu) + max(0, c.message.slope) * f.new) * c.crowd
    wall = cpu + ROUND_TRIPS * f.rtt / 1000
    rate = f.accounts / (f.hours * 3600)
    flushes = c.flushes_first if f.new else c.flushes
    by_cores, by_disk = rate * cpu / (f.cores * BUSY), 0 if flushes is None else rate * flushes / (f.flushes * BUSY)
    return {
        "cpu": cpu, "wall": wall, "rate": rate, "at once": rate * wall,
        "busy cores": rate * cpu,
        "runs an hour and core": 3600 / cpu,
        "memory": math.ceil(rate * wall) * (c.memory.at(f.folders) + max(0, tls_mb)),
        "sockets": math.ceil(rate * wall) * c.sockets,
        "flushes": None if flushes is None else rate * flushes,
        "hosts": max(1, math.ceil(max(by_cores, by_disk))),
        "accounts a host": int(f.accounts / max(by_cores, by_disk)),
        "bound": "disk" if by_disk > by_cores else "cores",
        "server": rate * c.server,
    }


def number(x):
    if x is None:
        return "not counted (strace is not installed, or may not trace)"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def costs_table(c, beside):
    rows = [
        ("an unchanged account, whatever its folders",
         f"{c.folder.base * 1000:.1f} ms of processor time, {c.memory.base:.1f} MB"),
        ("... and each folder", f"{c.folder.slope * 1e6:.1f} us, {c.memory.slope * 1024:.2f} KB"),
        ("... and TLS", f"{c.tls[0] * 1000:.1f} ms, {c.tls[1]:.1f} MB"),
        ("... when all authorities of the system are in one file",
         f"{c.bundle[0] * 1000:.1f} ms, {c.bundle[1]:.1f} MB" if c.bundle else "there is no such file"),
        ("... for ten times the messages", f"{c.ignored:.2f} times the processor time"),
        ("a first sync, each message of 3 KB",
         f"{c.message.slope * 1e6:.1f} us, of which {c.message_user.slope * 1e6:.1f} us are the program's own"),
        ("the server, an unchanged account of 100 folders", f"{c.server * 1000:.1f} ms"),
        ("connections, nothing changed", number(c.sockets)),
        ("waits for the disk, nothing changed", number(c.flushes)),
        ("waits for the disk, first sync (1,000 messages, 10 folders)", number(c.flushes_first)),
    ]
    rows += [(f"{p['count']} runs, {p['width']} at a time", f"{p['a second']:.1f} a second, the server's share included")
             for p in beside]
    rows.append((f"... a run beside {beside[-1]['width'] - 1} others" if beside else "a run beside others",
                 f"{c.crowd:.2f} times the processor time"))
    return [f"{what:60} {value}" for what, value in rows]


def fleet_table(found, f):
    rows = [
        ("a run", f"{found['cpu'] * 1000:.1f} ms of processor time, {found['wall']:.2f} s: "
                  f"{ROUND_TRIPS} round trips of {f.rtt:g} ms"),
        ("runs that must end", f"{found['rate'] * 3600:,.0f} an hour, {found['rate']:.2f} a second"),
        ("runs that one core can do", f"{found['runs an hour and core']:,.0f} an hour"),
        ("cores that are busy", number(found["busy cores"])),
        ("runs at a time, and their sockets", f"{found['at once']:.2g}, {found['sockets']}"),
        ("memory of these runs", f"{number(found['memory'])} MB"),
        ("waits for the disk", number(found["flushes"]) + (" a second" if found["flushes"] is not None else "")),
        (f"hosts of {f.cores} cores and {f.flushes} flushes a second, half busy",
         f"{found['hosts']}; one would do {found['accounts a host']:,}, bound by its {found['bound']}"),
        ("cores that the mail servers need meanwhile", number(found["server"])),
    ]
    head = (f"{f.accounts:,} accounts with {f.folders} folders and {f.new} new messages a night, in {f.hours:g} hours:")
    return [head] + [f"  {what:58} {value}" for what, value in rows]
