# SPDX-License-Identifier: MIT
"""A private Dovecot that keeps its mail in a store which other runs of the benchmark may use again.

Stores are sdbox: message files never change, so a store can be copied by links. They lie in the cache and are served
through symbolic links in the users' folder, so that the same account can be shown in two states.
"""
import collections
import imaplib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import corpus

PASSWORD = "bench"
FORMAT = 1  # of the stores in the cache
# What a server does otherwise than the first one. COMPRESS is not on everywhere: mbsync takes it whenever it is offered,
# even on loopback, where it only costs.
VARIANTS = ("", "no LIST-STATUS", "COMPRESS")
TICKS = os.sysconf("SC_CLK_TCK")
DOVECOT = "/usr/sbin/dovecot"

CONFIG = """base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap
listen = {listen}
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
disable_plaintext_auth = no
auth_failure_delay = 0
default_login_user = {account}
default_internal_user = {account}
default_internal_group = {group}
mail_uid = {account}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_home = {users}/%u
mail_location = sdbox:~/mail
mail_fsync = optimized
mail_max_userip_connections = 0
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password=bench
}}
userdb {{
  driver = static
  args = uid={account} gid={group} home={users}/%u
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 256
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
protocol imap {{
  {special}
}}
"""


class Failed(Exception):
    """The server cannot be used; the text says why."""


def free_ports():
    socks = [socket.socket() for _ in range(2)]
    for s in socks:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def certificate(folder):
    """A certificate for the names that clients use, signed by itself."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.99.0.1", "-keyout", f"{folder}/server.key",
                    "-out", f"{folder}/server.pem"], check=True, capture_output=True)


class Dovecot:
    """variant: one of VARIANTS. private: alone in a network namespace, may listen everywhere."""

    def __init__(self, folder, users, private, variant=""):
        self.dir, self.users, self.variant = folder, users, variant
        self.listen = "*" if private else "127.0.0.1"
        self.pid = 0
        # Dovecot serves no mail as root.
        self.account = "nobody" if os.getuid() == 0 else subprocess.check_output(["id", "-un"], text=True).strip()
        self.group = subprocess.check_output(["id", "-gn", self.account], text=True).strip()

    def __enter__(self):
        for part in ("", "/run", "/state"):
            os.makedirs(self.dir + part, exist_ok=True)
        os.makedirs(self.users, exist_ok=True)
        self.own(self.users)
        certificate(self.dir)
        self.port, self.tls_port = free_ports()
        self.conf = f"{self.dir}/dovecot.conf"
        self.configure("mail_plugins = $mail_plugins zlib imap_zlib" if self.variant == "COMPRESS" else "")
        try:
            self.start()
            if self.variant == "no LIST-STATUS":
                words = [w for w in self.capabilities() if w != "LIST-STATUS"]
                self.stop()
                self.configure("imap_capability = " + " ".join(words))
                self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def own(self, *paths):
        if os.getuid() == 0:
            for p in paths:
                shutil.chown(p, self.account, self.group)

    def configure(self, special):
        with open(self.conf, "w") as f:
            f.write(CONFIG.format(dir=self.dir, users=self.users, account=self.account, group=self.group, port=self.port,
                                  tls_port=self.tls_port, listen=self.listen, special=special))

    def start(self):
        subprocess.run([DOVECOT, "-c", self.conf], check=True)
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                    if s.recv(100).startswith(b"* OK"):
                        with open(f"{self.dir}/run/master.pid") as f:
                            self.pid = int(f.read())
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failed(f"Dovecot does not answer; see {self.dir}/dovecot.log")

    def stop(self):
        """Ends the master and its children, each by its id."""
        try:
            with open(f"{self.dir}/run/master.pid") as f:
                master = int(f.read())
        except (OSError, ValueError):
            return
        family = alive(master)
        for sig, patience in ((signal.SIGTERM, 40), (signal.SIGKILL, 40)):
            for pid in family if sig == signal.SIGKILL else [master]:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            for _ in range(patience):
                if not alive(master):
                    break
                time.sleep(0.05)
        self.pid = 0

    def client(self, user):
        c = imaplib.IMAP4("127.0.0.1", self.port)
        c.login(user, PASSWORD)
        return c

    def capabilities(self):
        with self.client("nobody-in-particular") as c:
            return c.capability()[1][0].decode().split()

    def doveadm(self, *args):
        p = subprocess.run(["doveadm", "-c", self.conf, *args], capture_output=True, text=True)
        if p.returncode != 0:
            raise Failed(f"doveadm {args[0]} failed: {p.stderr.strip()[-500:]}")
        return p.stdout

    def show(self, user, store):
        """Lets the user's folder be this store; nobody may be logged in."""
        self.idle()
        link = f"{self.users}/{user}"
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(store, link)

    def idle(self):
        """Waits until no session is left, so that no work of one run is paid by the next. Returns the processes. One that
        ended counts as there until its parent has seen to it: only then is its time part of the parent's."""
        for _ in range(250):
            processes = tree(self.pid)
            if not any(name == "imap" for _, name, _ in processes):
                break
            time.sleep(0.02)
        return processes

    def cpu(self):
        """Seconds of processor time of the server so far: its live processes and those that the master waited for."""
        total = 0
        for pid, _, fields in self.idle():
            total += int(fields[11]) + int(fields[12])
            if pid == self.pid:
                total += int(fields[13]) + int(fields[14])
        return total / TICKS


def tree(root):
    """[(pid, name, fields of /proc/PID/stat from the state on)] of a process and everything below it."""
    found, below = {}, collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    stat = f.read()
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            found[int(entry)] = (stat[stat.index("(") + 1:stat.rindex(")")], fields)
            below[int(fields[1])].append(int(entry))
    out, todo = [], [root]
    while todo:
        pid = todo.pop()
        if pid in found:
            out.append((pid, *found[pid]))
        todo += below[pid]
    return out


def alive(root):
    return [pid for pid, _, fields in tree(root) if fields[0] != "Z"]


# ---- stores ------------------------------------------------------------------------------------------------------


def stamp(store, want=None):
    """With want: marks the store as whole. Without: what it was marked with, or None."""
    path = store + ".json"
    if want is not None:
        with open(path, "w") as f:
            json.dump(want, f)
        return want
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def version():
    return subprocess.check_output([DOVECOT, "--version"], text=True).split()[0]


def load(server, cache, profile):
    """The corpus as a store in the cache, its index and cache files built. Returns the store's folder."""
    store = f"{cache}/store/{profile.lower()}"
    want = {"format": FORMAT, "corpus": corpus.VERSION, "dovecot": version()}
    if stamp(store) == want:
        return store
    shutil.rmtree(store, ignore_errors=True)
    os.makedirs(store)
    server.own(store)
    user = f"load-{profile.lower()}"
    server.show(user, store)
    tree_of_mail, control = f"{cache}/{profile}/tree", f"{server.dir}/control-{profile}"
    os.makedirs(control)
    server.own(control)
    # Through dsync straight into the store: no protocol, no sync for each message. Its own files stay out of the tree.
    server.doveadm("-o", "mail_fsync=never", "backup", "-u", user, "-R",
                   f"maildir:{tree_of_mail}:LAYOUT=fs:INBOX={tree_of_mail}/INBOX:INDEX={control}:CONTROL={control}")
    server.doveadm("index", "-u", user, "*")
    stamp(store, want)
    return store


def load_changed(server, cache, profile, new_percent, flags_percent):
    """A copy of the store some days later: new mail, changed flags. Returns its folder."""
    before = load(server, cache, profile)
    store, want = before + "-later", {**stamp(before), "new": new_percent, "flags": flags_percent}
    if stamp(store) == want:
        return store
    shutil.rmtree(store, ignore_errors=True)
    server.idle()
    copy_store(server, before, store)
    server.show("change", store)
    with server.client("change") as c:
        change_flags(c, flags_percent)
        append_new(c, profile, new_percent)
    server.doveadm("index", "-u", "change", "*")
    stamp(store, want)
    return store


def copy_store(server, source, target):
    """Message files are linked; what the server rewrites is copied."""
    for folder, _, files in os.walk(source):
        to = target + folder[len(source):]
        os.mkdir(to)
        server.own(to)
        for name in files:
            if name.startswith("u."):
                os.link(f"{folder}/{name}", f"{to}/{name}")
            else:
                shutil.copy2(f"{folder}/{name}", f"{to}/{name}")
                server.own(f"{to}/{name}")


def mailboxes(c):
    for line in c.list()[1]:
        m = re.match(rb'\((.*?)\) "/" "?(.*?)"?$', line)
        if b"\\noselect" not in m[1].lower():
            yield m[2].decode()


def change_flags(c, percent):
    r = random.Random(corpus.SEED)
    for name in list(mailboxes(c)):
        count = int(c.select(f'"{name}"')[1][0])
        some = sorted(r.sample(range(1, count + 1), max(1, round(count * percent / 100)))) if count else []
        if some:
            c.store(",".join(map(str, some)), "+FLAGS.SILENT", "(\\Flagged $Label1)")


def append_new(c, profile, percent):
    writer, kind = corpus.Writer(), corpus.PROFILES[profile][2]
    for i, folder, _, secs, r in corpus.messages(profile, percent):
        data = writer.message(r, i, corpus.date_header(secs), kind)
        typ, answer = c.append(f'"{folder}"', None, imaplib.Time2Internaldate(secs), data)
        if typ != "OK":
            raise Failed(f"APPEND: {answer}")
