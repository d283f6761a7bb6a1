# SPDX-License-Identifier: MIT
"""Ways to the server: loopback, TLS on loopback, and a slow link."""
import dataclasses
import fcntl
import os
import socket
import struct
import subprocess
import sys

SERVER_ADDRESS = "10.99.0.1"  # of tunlink.c


@dataclasses.dataclass
class Way:
    """How a client reaches the server. namespace: the network namespace to run it in, or None."""
    host: str
    port: int
    tls: bool = False
    namespace: str = None
    slow: bool = False
    kind: str = "loopback"


def enter_private_network():
    """Starts the process again in a network namespace of its own, if that is allowed. Returns whether we are in one."""
    if os.environ.get("IMAPSYNC_BENCH_NETWORK") == "private":
        loopback_up()
        return True
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        return False
    os.environ["IMAPSYNC_BENCH_NETWORK"] = "private"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(s, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))  # SIOCSIFFLAGS, IFF_UP


class Slow:
    """A link with a delay and perhaps a rate; use it in a with statement. way: how to use it; builder: the same address
    without the delay, for what has to be prepared."""

    def __init__(self, tools, port, rtt_ms, mbit, private):
        self.tools, self.port, self.rtt, self.mbit, self.private = tools, port, rtt_ms, mbit, private
        self.process = None

    def __enter__(self):
        why = self.tun() if self.private else "no network namespace of our own (not root?)"
        if why is None:
            self.way = Way(SERVER_ADDRESS, self.port, namespace=f"/proc/{self.number}/ns/net", slow=True,
                           kind="TUN devices, TCP of the kernel at both ends")
            self.builder = Way(SERVER_ADDRESS, self.port, slow=True)
        else:
            print(f"NOTE: no TUN link: {why}. A relay delays instead; it knows no slow start.", flush=True)
            self.begin("relay", str(self.port))
            if self.number is None:
                raise RuntimeError(f"no relay: {self.complaint}")
            self.way = Way("127.0.0.1", self.number, slow=True, kind="delaying relay on loopback")
            self.builder = Way("127.0.0.1", self.port, slow=True)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None

    def begin(self, tool, *first):
        argv = [f"{self.tools}/{tool}", *first, str(self.rtt), str(self.mbit)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        self.number = int(words[1]) if words[:1] == ["ready"] else None
        if self.number is None:
            self.complaint = self.process.stderr.read().strip()
            self.__exit__()

    def tun(self):
        """None when the link is up, else why not."""
        self.begin("tunlink")
        return None if self.number is not None else self.complaint
