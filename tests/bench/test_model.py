# SPDX-License-Identifier: MIT
"""python3 tests/bench/test_model.py: the arithmetic from one run to a fleet."""
import dataclasses
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import model  # noqa: E402

COSTS = model.Costs(folder=model.Line(0.010, 0.0001), message=model.Line(0.05, 0.0002), message_user=model.Line(0, 0.0001),
                    memory=model.Line(8, 0.01), tls=(0.005, 2), bundle=None, server=0.02, crowd=1, ignored=1, flushes=4,
                    flushes_first=6, sockets=2)
# One run a second: 100 folders are 20 ms, TLS 5 ms, 50 new messages 10 ms.
FLEET = model.Fleet(accounts=3600, folders=100, new=50, hours=1, rtt=100, cores=2, flushes=1_000_000)


class Lines(unittest.TestCase):
    def test_a_line_is_found_again_from_its_points(self):
        found = model.line([(10, 3 + 20), (100, 3 + 200), (1000, 3 + 2000)])
        self.assertAlmostEqual(found.base, 3)
        self.assertAlmostEqual(found.slope, 2)

    def test_noise_on_both_sides_does_not_move_the_slope(self):
        found = model.line([(0, 1), (0, -1), (10, 21), (10, 19)])
        self.assertAlmostEqual(found.base, 0)
        self.assertAlmostEqual(found.slope, 2)


class Prediction(unittest.TestCase):
    def test_each_figure_follows_from_the_costs(self):
        found = model.predict(COSTS, FLEET)
        for what, value in {"cpu": 0.035, "wall": 0.035 + 8 * 0.1, "rate": 1, "at once": 0.835, "busy cores": 0.035, "memory": 11,
                            "sockets": 2, "flushes": 6, "hosts": 1, "server": 0.02}.items():
            self.assertAlmostEqual(found[what], value, msg=what)
        self.assertAlmostEqual(found["runs an hour and core"] * 0.035, 3600)

    def test_a_night_without_new_mail_costs_less(self):
        found = model.predict(COSTS, dataclasses.replace(FLEET, new=0))
        self.assertAlmostEqual(found["cpu"], 0.025)
        self.assertAlmostEqual(found["flushes"], 4)

    def test_authorities_in_one_file_are_reckoned_where_there_is_one(self):
        found = model.predict(dataclasses.replace(COSTS, bundle=(0.040, 6)), FLEET)
        self.assertAlmostEqual(found["cpu"], 0.070)
        self.assertAlmostEqual(found["memory"], 15)

    def test_twice_the_accounts_need_twice_of_everything(self):
        one = model.predict(COSTS, dataclasses.replace(FLEET, accounts=100_000_000))
        two = model.predict(COSTS, dataclasses.replace(FLEET, accounts=200_000_000))
        for what in ("rate", "at once", "busy cores", "flushes", "server"):
            self.assertAlmostEqual(two[what] / one[what], 2, msg=what)
        self.assertAlmostEqual(two["hosts"] / one["hosts"], 2, places=2)
        self.assertEqual(two["accounts a host"], one["accounts a host"])

    def test_hosts_are_as_many_as_half_their_cores_allow(self):
        # Without TLS and new mail, 3,600 accounts keep 0.02 cores busy; a host of two may have one of them busy.
        costs, fleet = dataclasses.replace(COSTS, tls=(0, 0)), dataclasses.replace(FLEET, new=0)
        self.assertEqual(model.predict(costs, fleet)["accounts a host"], 180_000)
        for accounts, hosts in ((179_999, 1), (180_001, 2), (360_001, 3)):
            self.assertEqual(model.predict(costs, dataclasses.replace(fleet, accounts=accounts))["hosts"], hosts)

    def test_hosts_are_as_many_as_half_their_disk_allows(self):
        # Six flushes a run: a disk of 60 a second may do 30, which is five runs a second.
        fleet = dataclasses.replace(FLEET, flushes=60)
        found = model.predict(COSTS, fleet)
        self.assertEqual((found["accounts a host"], found["bound"]), (18_000, "disk"))
        self.assertEqual(model.predict(COSTS, FLEET)["bound"], "cores")
        for accounts, hosts in ((17_999, 1), (18_001, 2)):
            self.assertEqual(model.predict(COSTS, dataclasses.replace(fleet, accounts=accounts))["hosts"], hosts)

    def test_runs_that_cost_more_beside_others_count_as_such(self):
        found = model.predict(dataclasses.replace(COSTS, crowd=2), FLEET)
        self.assertAlmostEqual(found["cpu"], 0.070)

    def test_what_was_not_counted_is_not_invented(self):
        found = model.predict(dataclasses.replace(COSTS, flushes_first=None), FLEET)
        self.assertIsNone(found["flushes"])
        self.assertTrue(any("not counted" in x for x in model.fleet_table(found, FLEET)))


if __name__ == "__main__":
    unittest.main()
