# SPDX-License-Identifier: MIT
"""usage: test_tools.py TOOLS   The compiled helpers against a small scripted server: do they move what they say they move?"""
import hashlib
import json
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
TOOLS = os.path.abspath(sys.argv.pop()) if len(sys.argv) > 1 else None

BOXES = {"INBOX": [b"a\r\n" * 50_000, b"", b"{3}\r\nF0 OK trap\r\n"], '"Archive/one two"': [b"x"], "Empty": []}
UIDNEXT = 100


def brief(data):
    """What an assertion compares: it would look for differences in the bytes themselves for minutes."""
    return f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:12]}"


class Server:
    """Speaks just enough IMAP, one thread a connection. commands: what clients said; appended: what they gave; refuse: the
    command that is answered with NO."""

    def __init__(self):
        self.commands, self.appended, self.refuse = [], [], None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, s):
        box = None
        with s, s.makefile("rb") as f:
            try:
                s.sendall(b"* OK ready\r\n")
                for line in iter(f.readline, b""):
                    tag, verb, rest = re.match(r"(\S+) (UID FETCH|\S+) ?(.*)$", line.rstrip(b"\r\n").decode()).groups()
                    self.commands.append(f"{verb} {rest}".strip())
                    if verb == "EXAMINE":
                        box = rest.partition(" (QRESYNC")[0]
                    out = self.answer(f, verb, rest, box)
                    s.sendall(out + f"{tag} {'NO' if verb == self.refuse else 'OK'} done\r\n".encode())
            except OSError:
                pass  # clients leave without waiting for the last answer

    def status(self, name):
        return (f"* STATUS {name} (MESSAGES {len(BOXES[name])} UIDNEXT {UIDNEXT} UIDVALIDITY 7 "
                f"HIGHESTMODSEQ 9000000000)\r\n").encode()

    def fetch(self, box, first, last):
        out = b""
        for i, data in enumerate(BOXES[box][first - 1:last], first):
            out += b"* %d FETCH (UID %d FLAGS () BODY[] {%d}\r\n" % (i, i, len(data)) + data + b")\r\n"
        return out

    def answer(self, f, verb, rest, box):
        out = b""
        if verb == "LIST":
            for name in BOXES:
                out += f'* LIST (\\HasNoChildren) "/" {name}\r\n'.encode() + (self.status(name) if "STATUS" in rest else b"")
            out += b'* LIST (\\Noselect \\HasChildren) "/" Archive\r\n'
        elif verb == "STATUS":
            out = self.status(rest.rpartition(" (")[0])
        elif verb == "FETCH":
            first, last = rest.split(" ")[0].split(":")
            out = self.fetch(box, int(first), int(last))
        elif verb == "UID FETCH":
            out = self.fetch(box, 1, 1)
        elif verb == "APPEND":
            self.take(f, rest)
        return out

    def take(self, f, rest):
        box = None
        while rest:
            m = re.match(r'("[^"]*")? \((.*?)\) "(.*?)" \{(\d+)\+\}$', rest)
            box = m[1] or box
            self.appended.append((box, m[2], m[3], brief(f.read(int(m[4])))))
            rest = f.readline().rstrip(b"\r\n").decode()


class Raw(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.dir = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.server.close()
        self.dir.cleanup()

    def raw(self, *argv, status=0):
        p = subprocess.run([f"{TOOLS}/raw", argv[0], "-p", str(self.server.port), *argv[1:]], capture_output=True, text=True,
                           timeout=60)
        self.assertEqual(p.returncode, status, p.stderr)
        return json.loads(p.stdout) if status == 0 else p.stderr

    def test_probes_see_every_folder_that_can_be_opened(self):
        for mode in (["list-status"], ["status", "-w", "1"], ["status", "-w", "2"], ["status"]):
            self.assertEqual(self.raw(*mode)["folders"], 3, mode)

    def test_a_drain_counts_messages_and_bytes_with_any_number_of_connections(self):
        want = {"folders": 3, "messages": 4, "bytes": sum(len(m) for box in BOXES.values() for m in box)}
        for options in ([], ["-c", "2"], ["-c", "8"], ["-L", "131072"]):
            found = self.raw("drain", *options)
            found.pop("wire")
            self.assertEqual(found, want, options)

    def test_written_messages_are_the_ones_that_were_sent(self):
        for n in ("1", "4"):
            out = f"{self.dir.name}/{n}"
            self.raw("drain", "-c", n, "-o", out)
            found = {}
            for at, _, files in os.walk(out):
                self.assertFalse(files and os.path.basename(at) != "cur", f"left behind in {at}")
                for name in files:
                    with open(f"{at}/{name}", "rb") as f:
                        found.setdefault(os.path.relpath(at, out).split("/")[0], []).append(brief(f.read()))
            want = {str(i): sorted(map(brief, box)) for i, box in enumerate(BOXES.values()) if box}
            self.assertEqual({k: sorted(v) for k, v in found.items()}, want)

    def test_changes_asks_only_for_folders_that_changed(self):
        state = f"{self.dir.name}/state"
        self.raw("list-status", "-s", state)
        self.assertEqual(self.raw("changes", "-s", state)["folders"], 0)
        with open(state) as f:
            lines = f.read().split("\n")
        lines[0] = lines[0].replace(f" {UIDNEXT} ", f" {UIDNEXT - 5} ")  # new mail
        lines[1] = lines[1].replace("9000000000", "8999999999")  # flags
        with open(state, "w") as f:
            f.write("\n".join(lines))
        self.server.commands.clear()
        found = self.raw("changes", "-s", state)
        self.assertEqual((found["folders"], found["messages"]), (2, 1))
        self.assertIn("EXAMINE INBOX (QRESYNC (7 9000000000))", self.server.commands)
        self.assertIn('EXAMINE "Archive/one two" (QRESYNC (7 8999999999))', self.server.commands)
        self.assertEqual([c for c in self.server.commands if c.startswith("UID FETCH")],
                         ["UID FETCH 95:* (UID FLAGS INTERNALDATE BODY.PEEK[])"])

    def test_a_push_gives_every_message_with_flags(self):
        tree = f"{self.dir.name}/tree"
        mail = {"INBOX": {"1.a:2,FS": b"one\r\n", "2.b:2,": b""}, "Lists/a b": {"3.c:2,R": b"three" * 70_000}, "Void": {}}
        for box, messages in mail.items():
            os.makedirs(f"{tree}/{box}/cur")
            for name, data in messages.items():
                with open(f"{tree}/{box}/cur/{name}", "wb") as f:
                    f.write(data)
                os.utime(f.name, (1_500_000_000, 1_500_000_000))
        flags = {"1.a:2,FS": "\\Flagged \\Seen", "2.b:2,": "", "3.c:2,R": "\\Answered"}
        want = sorted((f'"{box}"', flags[name], "14-Jul-2017 02:40:00 +0000", brief(data))
                      for box, messages in mail.items() for name, data in messages.items())
        for options in ([], ["-m"], ["-m", "-c", "3"]):
            self.server.appended.clear()
            self.server.commands.clear()
            self.assertEqual(self.raw("push", "-i", tree, *options)["messages"], 3)
            self.assertEqual(sorted(self.server.appended), want, options)
            created = sorted(c for c in self.server.commands if c.startswith("CREATE"))
            self.assertEqual(created, ['CREATE "Lists/a b"', 'CREATE "Void"'])
            self.assertEqual(sum(c.startswith("APPEND") for c in self.server.commands), 2 if options else 3)

    def test_what_the_server_refuses_ends_the_run(self):
        os.makedirs(f"{self.dir.name}/tree/INBOX/cur")
        with open(f"{self.dir.name}/tree/INBOX/cur/1.a:2,", "wb") as f:
            f.write(b"one")
        push = ["push", "-i", f"{self.dir.name}/tree"]
        for verb, argv in (("LIST", ["list-status"]), ("STATUS", ["status"]), ("FETCH", ["drain"]), ("APPEND", push)):
            self.server.refuse = verb
            self.assertIn("NO done", self.raw(*argv, status=1))


class Others(unittest.TestCase):
    def timed(self, *argv, options=()):
        with tempfile.TemporaryDirectory() as d:
            subprocess.run([f"{TOOLS}/timed", *options, f"{d}/result", *argv], check=True, stderr=subprocess.DEVNULL)
            with open(f"{d}/result") as f:
                return json.load(f)

    def test_timed_reports_how_a_program_ended(self):
        self.assertEqual(self.timed("sh", "-c", "exit 7")["exit"], 7)
        self.assertEqual(self.timed("sh", "-c", "kill -TERM $$")["signal"], 15)
        self.assertEqual(self.timed("/nonexistent")["exit"], 127)
        self.assertEqual(self.timed("sleep", "60", options=["-t", "1"])["signal"], 9)

    def test_timed_measures_the_program_alone(self):
        found = self.timed("sleep", "0.2")
        self.assertGreaterEqual(found["wall"], 0.2)
        self.assertLess(found["user"] + found["system"], 0.2)
        # Started by this interpreter itself, the child would never seem smaller than that.
        self.assertLess(self.timed("true")["rss_kb"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 0.7)
        self.assertGreater(self.timed(sys.executable, "-c", "x = b'x' * 50_000_000")["rss_kb"], 50_000)

    def test_hashloop_reads_every_byte(self):
        with tempfile.TemporaryDirectory() as d:
            os.mkdir(f"{d}/cur")
            data = bytes(range(256)) * 4000
            with open(f"{d}/cur/one", "wb") as f:
                f.write(data)
            found = json.loads(subprocess.check_output([f"{TOOLS}/hashloop", d]))
            digest = hashlib.sha256(hashlib.sha256(data).digest()).hexdigest()[:16]
            self.assertEqual(found, {"messages": 1, "bytes": len(data), "digest": digest})

    def relay(self, rtt_ms, mbit, talk):
        server = Server()
        p = subprocess.Popen([f"{TOOLS}/relay", str(server.port), str(rtt_ms), str(mbit)], stdout=subprocess.PIPE, text=True)
        try:
            port = int(p.stdout.readline().split()[1])
            start = time.monotonic()
            with socket.create_connection(("127.0.0.1", port)) as s, s.makefile("rwb") as f:
                talk(f)
            return time.monotonic() - start
        finally:
            p.kill()
            p.wait()
            p.stdout.close()
            server.close()

    def test_relay_delays_a_question_by_a_round_trip_and_the_greeting_by_two(self):
        def greeting(f):
            self.assertEqual(f.readline(), b"* OK ready\r\n")

        def question(f):
            greeting(f)
            f.write(b"a NOOP\r\n")
            f.flush()
            self.assertEqual(f.readline(), b"a OK done\r\n")
        self.assertGreaterEqual(self.relay(100, 0, greeting), 0.2)
        self.assertGreaterEqual(self.relay(100, 0, question), 0.3)

    def test_relay_keeps_bytes_and_rate(self):
        def message(f):
            f.readline()
            f.write(b"a EXAMINE INBOX\r\nb FETCH 1:3 x\r\n")
            f.flush()
            size = len(b"a OK done\r\n* 1 FETCH (UID 1 FLAGS () BODY[] {150000}\r\n")
            self.assertEqual(brief(f.read(size + 150_000)[size:]), brief(BOXES["INBOX"][0]))
        # 150 KB at 4 Mbit/s
        self.assertGreaterEqual(self.relay(0, 4, message), 0.3)


if __name__ == "__main__":
    if TOOLS is None:
        sys.exit(__doc__)
    unittest.main()
