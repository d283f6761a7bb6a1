# SPDX-License-Identifier: MIT
"""What the figures were made on."""
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time


def first_line(*argv):
    """Of a program's output, or "not installed"."""
    if not shutil.which(argv[0]):
        return "not installed"
    p = subprocess.run(argv, capture_output=True, text=True)
    return (p.stdout + p.stderr).strip().split("\n")[0]


def processor():
    with open("/proc/cpuinfo") as f:
        m = re.search(r"^(?:model name|Hardware)\s*:\s*(.*)$", f.read(), re.M)
    return m[1] if m else platform.machine()


def memory_mb():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def file_system(path):
    """Type and options of the file system that holds path."""
    found = ("", "unknown")
    with open("/proc/self/mounts") as f:
        for line in f:
            _, at, kind, options = line.split()[:4]
            at = at.encode().decode("unicode_escape")
            if (path + "/").startswith(at.rstrip("/") + "/") and len(at) >= len(found[0]):
                found = (at, f"{kind} ({options})")
    return found[1]


def flush_ms(folder, count=40):
    """Milliseconds that an fsync() of a small new file takes now: tells a quiet disk from one that others use."""
    found = []
    with tempfile.TemporaryDirectory(dir=folder) as d:
        for i in range(count):
            with open(f"{d}/{i}", "wb") as f:
                f.write(b"x" * 4096)
                f.flush()
                start = time.monotonic()
                os.fsync(f.fileno())
                found.append((time.monotonic() - start) * 1000)
    return f"{statistics.median(found):.2f} ms, slowest {max(found):.1f} ms"


def describe(program, folder):
    """{title: text}, in the order to print it."""
    return {
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "memory": f"{memory_mb()} MB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": file_system(os.path.realpath(folder)),
        "load": " ".join(f"{x:.2f}" for x in os.getloadavg()),
        "fsync": flush_ms(folder),
        "imapsync": first_line(program, "--version"),
        "mbsync": first_line("mbsync", "--version"),
        "Dovecot": first_line("/usr/sbin/dovecot", "--version"),
        "OpenSSL": first_line("openssl", "version"),
    }
