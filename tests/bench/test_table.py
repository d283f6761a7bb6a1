# SPDX-License-Identifier: MIT
"""python3 tests/bench/test_table.py: the arithmetic behind the table, and the plan of a quick and of a full run."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contenders  # noqa: E402
import corpus  # noqa: E402
import goals  # noqa: E402
import table  # noqa: E402

GROUP = goals.Group("initial", "S")


def runs(**walls):
    """runs(imapsync=[1, 2]): a run of one second in round 0, one of two in round 1; None is a run that failed."""
    def run(name, no, w):
        return {"group": str(GROUP), "contender": name.replace("_", " "), "round": no, "wall": w or 9, "cpu": w or 9, "server": 0,
                "rss_kb": 1024 * (w or 9), "why": None if w else "exit 1"}
    return [run(name, no, w) for name, every in walls.items() for no, w in enumerate(every)]


def goal(**changes):
    return goals.Goal(**{"name": "G0", "text": "test", "group": GROUP, "ours": "imapsync", "peer": "mbsync", "peer_goal": 0.5,
                         "limits": ("write 1", "write 4"), "limit_goal": 1.25, **changes})


class Ratios(unittest.TestCase):
    def test_ratio_is_the_median_of_ratios_not_the_ratio_of_medians(self):
        # The third round was slow for both: each pair says 0.5 all the same.
        self.assertEqual(table.ratio({0: 1, 1: 2, 2: 50}, {0: 2, 1: 4, 2: 100}), 0.5)
        self.assertEqual(table.ratio({0: 1, 1: 9, 2: 3}, {0: 2, 1: 3, 2: 3}), 1)

    def test_a_round_counts_only_when_both_ran(self):
        self.assertEqual(table.ratio({0: 1, 1: 2}, {1: 4}), 0.5)
        self.assertIsNone(table.ratio({0: 1}, {1: 1}))
        self.assertIsNone(table.ratio({}, {}))

    def test_best_limit_is_taken_in_each_round(self):
        found = table.best_by_round(runs(write_1=[1, 4], write_4=[2, 3]), str(GROUP), ("write 1", "write 4"), "wall", {0, 1})
        self.assertEqual(found, {0: 1, 1: 3})

    def test_a_number_is_a_limit_in_every_round(self):
        self.assertEqual(table.best_by_round([], str(GROUP), (0.4,), "wall", {0, 2}), {0: 0.4, 2: 0.4})


class Verdicts(unittest.TestCase):
    def verdict(self, g=None, **walls):
        return table.row(g or goal(), runs(**walls))["verdict"]

    def test_met_needs_both_ratios(self):
        self.assertEqual(self.verdict(imapsync=[1, 1], mbsync=[2, 2], write_1=[0.8, 0.8]), table.MET)
        self.assertEqual(self.verdict(imapsync=[1, 1], mbsync=[1.9, 1.9], write_1=[0.8, 0.8]), table.MISSED)
        self.assertEqual(self.verdict(imapsync=[1, 1], mbsync=[2, 2], write_1=[0.7, 0.7]), table.MISSED)

    def test_what_did_not_run_is_never_met(self):
        self.assertEqual(self.verdict(mbsync=[2], write_1=[1]), table.SKIPPED)
        self.assertEqual(self.verdict(imapsync=[1], write_1=[1]), table.SKIPPED)
        self.assertEqual(self.verdict(imapsync=[1], mbsync=[2]), table.SKIPPED)

    def test_one_failed_run_of_ours_fails_the_goal(self):
        self.assertEqual(self.verdict(imapsync=[1, None], mbsync=[2, 2], write_1=[1, 1]), table.FAILED)

    def test_a_failed_run_of_others_is_left_out(self):
        found = table.row(goal(), runs(imapsync=[1, 1], mbsync=[2, None], write_1=[1, 1]))
        self.assertEqual((found["verdict"], found["ratio"]), (table.MET, 0.5))

    def test_memory_is_in_megabytes(self):
        found = table.row(goal(metric="rss", limits=(16.0,), limit_goal=1.0), runs(imapsync=[12], mbsync=[40]))
        self.assertEqual((found["ours"], found["ratio"], found["limit_ratio"], found["verdict"]), (12, 0.3, 0.75, table.MET))


class Text(unittest.TestCase):
    def test_numbers_keep_three_digits(self):
        for x, text in ((None, "-"), (0, "0"), (0.0038, "0.00380"), (0.16, "0.160"), (1.25, "1.25"), (13.41, "13.4"),
                        (103.04, "103")):
            self.assertEqual(table.number(x), text)

    def test_tables_show_what_failed(self):
        out = "\n".join(table.runs_table(runs(imapsync=[None], mbsync=[2])))
        self.assertIn("1 failed: exit 1", out)


class Plans(unittest.TestCase):
    def test_every_contender_of_a_goal_exists(self):
        known = contenders.table("imapsync", "ca.pem")
        for g in goals.ALL:
            for name in g.contenders():
                self.assertIn(name.partition("@")[0], known, g.name)
            self.assertIn(g.group.corpus, corpus.PROFILES)
            self.assertIn(g.group.way, goals.LINKS)

    def test_every_goal_is_there(self):
        self.assertEqual({g.name for g in goals.ALL}, {f"G{n}" for n in range(1, 17)})

    def test_quick_uses_small_corpora_and_no_delay(self):
        found = goals.chosen(set(), True)
        self.assertEqual({g.group.corpus for g in found}, {"S", "BOXES"})
        self.assertEqual({g.group.way for g in found}, {"lo", "tls"})
        self.assertEqual({g.name for g in found}, goals.QUICK_GOALS)

    def test_a_plan_names_each_contender_once(self):
        for names in goals.plan(goals.chosen(set(), False), False).values():
            self.assertEqual(len(names), len(set(names)))

    def test_a_million_messages_only_on_demand(self):
        self.assertNotIn("G14", {g.name for g in goals.chosen(set(), False)})
        self.assertEqual({g.name for g in goals.chosen({"G14"}, False)}, {"G14"})


class Corpus(unittest.TestCase):
    def test_the_same_seed_gives_the_same_bytes(self):
        def some():
            writer = corpus.Writer()
            return [writer.message(r, i, corpus.date_header(secs), "mixed") for i, _, _, secs, r in corpus.messages("S", 1)]
        first = some()
        self.assertEqual(first, some())
        self.assertEqual(len(set(first)), 20)
        for data in first:
            self.assertNotIn(b"\n", data.replace(b"\r\n", b""))
            self.assertTrue(data.endswith(b"\r\n"))


if __name__ == "__main__":
    unittest.main()
