# SPDX-License-Identifier: MIT
"""From runs to figures: ratios round by round, medians, and the table of goals.

A run is a dict with group, contender, round, why (None: it counts) and the metrics wall, cpu (seconds) and rss_kb.
"""
import statistics

MET, MISSED, FAILED, SKIPPED = "met", "MISSED", "FAILED", "skipped"


def value(run, metric):
    return run["rss_kb"] / 1024 if metric == "rss" else run[metric]


def by_round(runs, group, contender, metric):
    """{round: value} of the runs that count."""
    return {r["round"]: value(r, metric) for r in runs
            if r["group"] == group and r["contender"] == contender and r["why"] is None}


def best_by_round(runs, group, limits, metric, rounds):
    """The least value of any limit in each round; a limit that is a number is the same in all."""
    best = {}
    for limit in limits:
        found = by_round(runs, group, limit, metric) if isinstance(limit, str) else dict.fromkeys(rounds, limit)
        for no, v in found.items():
            best[no] = min(v, best.get(no, v))
    return best


def median(values):
    values = list(values)
    return statistics.median(values) if values else None


def ratio(ours, theirs):
    """Median of the ratios of those rounds that have both; None when there is none."""
    return median(ours[no] / theirs[no] for no in ours if theirs.get(no))


def judge(figures):
    """figures: [(ratio or None, goal)] of what was asked for."""
    known = [(r, g) for r, g in figures if r is not None]
    if any(r > g for r, g in known):
        return MISSED
    if len(known) < len(figures):
        return SKIPPED
    return MET


def row(goal, runs):
    """Everything there is to say about a goal. group is compared by its text."""
    group = str(goal.group)
    ours = by_round(runs, group, goal.ours, goal.metric)
    theirs = by_round(runs, group, goal.peer, goal.metric) if goal.peer else {}
    limit = best_by_round(runs, group, goal.limits, goal.metric, ours)
    found = {"goal": goal.name, "text": goal.text, "group": group, "contender": goal.ours, "peer": goal.peer,
             "metric": goal.metric, "stand_in": goal.stand_in, "ours": median(ours.values()), "theirs": median(theirs.values()),
             "ratio": ratio(ours, theirs), "peer_goal": goal.peer_goal, "limit": median(limit.values()),
             "limit_ratio": ratio(ours, limit), "limit_goal": goal.limit_goal,
             "rss": median(by_round(runs, group, goal.ours, "rss").values()),
             "cpu": median(by_round(runs, group, goal.ours, "cpu").values()), "rounds": len(ours)}
    asked = [(found["ratio"], goal.peer_goal)] * (goal.peer is not None)
    asked += [(found["limit_ratio"], goal.limit_goal)] * (goal.limit_goal is not None)
    failed = any(r["group"] == group and r["contender"] == goal.ours and r["why"] for r in runs)
    found["verdict"] = FAILED if failed else judge(asked) if ours else SKIPPED
    return found


def number(x, digits=3):
    """Three significant digits, without an exponent."""
    if x is None:
        return "-"
    if x == 0:
        return "0"
    if abs(x) >= 100:
        return f"{x:.0f}"
    places = digits - 1
    while abs(x) < 10 ** (digits - 1 - places) and places < 6:
        places += 1
    return f"{x:.{places if abs(x) < 10 else 1}f}"


def lines(header, rows):
    """Aligned columns: figures to the right, text to the left."""
    def align(no):
        cells = [r[no] for r in (header, *rows)]
        figures = all(c == "-" or c[:1].isdigit() and c.replace(".", "").isdigit() for c in cells[1:] if c)
        width = max(map(len, cells))
        return [c.rjust(width) if figures else c.ljust(width) for c in cells]
    for r in zip(*(align(no) for no in range(len(header)))):
        yield "  ".join(r).rstrip()


def goals_table(found):
    header = ["goal", "what", "ours", "mbsync", "ratio", "goal", "limit", "ratio", "goal", "MB", "cpu s", "verdict"]
    rows = []
    for f in found:
        mark = "*" if f["stand_in"] and f["verdict"] in (MET, MISSED) else ""
        rows.append([f["goal"], f"{f['text']}: {f['group']}", number(f["ours"]), number(f["theirs"]), number(f["ratio"]),
                     number(f["peer_goal"]), number(f["limit"]), number(f["limit_ratio"]), number(f["limit_goal"]),
                     number(f["rss"]), number(f["cpu"]), f["verdict"] + mark])
    return lines(header, rows)


def runs_table(runs):
    """Every contender of every group."""
    header = ["work", "contender", "runs", "wall s", "least", "most", "/ mbsync", "cpu s", "server s", "MB", "note"]
    rows = []
    for group, contender in dict.fromkeys((r["group"], r["contender"]) for r in runs):
        found = {metric: by_round(runs, group, contender, metric) for metric in ("wall", "cpu", "server", "rss")}
        wall = found["wall"]
        against = ratio(wall, by_round(runs, group, "mbsync", "wall"))
        figures = [median(wall.values()), min(wall.values(), default=None), max(wall.values(), default=None), against]
        figures += [median(found[metric].values()) for metric in ("cpu", "server", "rss")]
        bad = [r["why"] for r in runs if (r["group"], r["contender"]) == (group, contender) and r["why"]]
        note = f"{len(bad)} failed: {bad[0]}" if bad else ""
        rows.append([group, contender, str(len(wall)), *map(number, figures), note])
    return lines(header, rows)
