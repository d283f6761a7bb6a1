# SPDX-License-Identifier: MIT
"""Seeded mail: the same profile gives the same bytes on every machine.

A corpus is a folder in the cache: tree/ (one Maildir for each mailbox) and corpus.json (what is in it). It is written
once; a half-written one has no corpus.json and is made again.
"""
import base64
import json
import math
import os
import random
import shutil
import statistics
import time

VERSION = 1  # of the generator; another one makes the cache useless
SEED = 41_713
START = 1_500_000_000  # seconds; the first message
STEP = 977
EXTRA_AFTER = 50_000_000

# name: (folders, messages, kind). Sizes of "mixed" follow what large mailboxes look like: median near 5.7 KB, mean near
# 60 KB, one message in a hundred above 1 MB.
PROFILES = {
    "S": (20, 2_000, "mixed"),
    "M": (200, 20_000, "mixed"),
    "MANY": (1_000, 20_000, "small"),
    "BOXES": (300, 1_800, "small"),
    "BIG": (1, 100_000, "small"),
    "HUGE": (1, 1, "huge"),
    "FEW": (2_000, 20_000, "tiny"),
    "LOTS": (2_000, 1_000_000, "tiny"),
}
ROUGH_BYTES = {"mixed": 65_000, "small": 3_300, "huge": 540_000_000, "tiny": 500}
HUGE_BYTES = 512 * 1024 * 1024

GROUPS = ("Lists", "Archive", "Projects", "Clients")
PEOPLE = ("Jürgen Weiß", "Ana Gonçalves", "Émile Bérard", "王小明", "Мария Петрова", "Peter Brown", "Siobhán O'Brien",
          "Kåre Øverland", "Νίκος Ιωάννου", "鈴木花子", "Paul Example", "María Peña")
WORDS = ("about after again agenda archive attached backup before board branch budget build change client close code "
         "commit contract customer date delay delivery draft error file first folder forward friday invoice kernel later "
         "letter list meeting message minutes monday network number offer open order patch payment please project "
         "question read release reply report review room schedule second server sign sketch start team thanks ticket "
         "travel update version visit week within work write").split()
FOREIGN = ("größere Änderung — naïve Lösung", "déjà reçu, merci", "日本語の文章です", "сообщение получено")
# letters of Maildir, as often as they occur
LETTERS = ("S",) * 14 + ("",) * 4 + ("RS",) * 3 + ("FS", "FRS")


class Pool:
    """Text that slices are taken from: much faster than making every line, and beyond the 32 KB that deflate can see."""

    def __init__(self, lines):
        self.data = b"".join(lines)
        self.starts, at = [], 0
        for line in lines[: len(lines) // 2]:
            self.starts.append(at)
            at += len(line)

    def take(self, r, size):
        start = r.choice(self.starts)
        piece = self.data[start:start + size]
        while len(piece) < size:
            piece += self.data[:size - len(piece)]
        return piece[:piece.rfind(b"\r\n") + 2] or b"\r\n"


def text_pool():
    r = random.Random(SEED)
    lines = []
    for _ in range(24_000):
        line = " ".join(r.choices(WORDS, k=r.randint(7, 12)))
        if r.random() < 0.1:
            line = r.choice(FOREIGN) + " " + line
        if r.random() < 0.12:
            line = "> " + line
        lines.append((line + "\r\n").encode())
    return Pool(lines)


def base64_pool():
    packed = base64.b64encode(random.Random(SEED + 1).randbytes(12_000_000))
    return Pool([packed[i:i + 76] + b"\r\n" for i in range(0, len(packed), 76)])


def encoded(name):
    return name if name.isascii() else "=?UTF-8?B?" + base64.b64encode(name.encode()).decode() + "?="


def header(r, number, date):
    lines = [f"Return-Path: <from{number % 89}@example.net>"]
    for hop in range(r.randint(1, 5)):
        lines.append(f"Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{r.randint(1, 254)}])\r\n"
                     f"\tby mx.example.org with ESMTPS id {r.getrandbits(48):012x}\r\n\tfor <me@example.org>; {date}")
    if r.random() < 0.6:
        lines.append("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=one; h=from:to:subject;\r\n\tb="
                     + base64.b64encode(r.randbytes(48)).decode() + "\r\n\t " + base64.b64encode(r.randbytes(48)).decode())
    subject = " ".join(r.choices(WORDS, k=r.randint(2, 8)))
    if r.random() < 0.25:
        subject = encoded(f"{subject}: {r.choice(FOREIGN)}")
    lines += [f"From: {encoded(r.choice(PEOPLE))} <from{number % 997}@example.net>",
              f"To: {encoded(r.choice(PEOPLE))} <me@example.org>", f"Subject: {subject}", f"Date: {date}",
              f"Message-ID: <{r.getrandbits(64):016x}.{number}@example.net>", "MIME-Version: 1.0"]
    return lines


class Writer:
    """Makes messages; holds the pools."""

    def __init__(self):
        self.text, self.packed = text_pool(), base64_pool()

    def message(self, r, number, date, kind):
        if kind == "tiny":
            lines = [f"From: from{number % 997}@example.net", "To: me@example.org", f"Subject: message {number}", f"Date: {date}",
                     f"Message-ID: <{number}@tiny.example.net>", "", ""]
            return "\r\n".join(lines).encode() + self.text.take(r, 300)
        lines = header(r, number, date)
        if kind == "small":
            return self.plain(r, lines, r.randint(1_200, 3_200))
        share = r.random()
        if share < 0.70:
            return self.plain(r, lines, int(min(200_000, r.lognormvariate(math.log(2_600), 1.0))))
        if share < 0.90:
            return self.alternative(r, lines, int(min(400_000, r.lognormvariate(math.log(20_000), 0.8))))
        return self.attachment(r, lines, int(min(25_000_000, max(8_000, r.lognormvariate(math.log(190_000), 1.45)))))

    def plain(self, r, lines, size):
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", ""]
        return "\r\n".join(lines).encode() + self.text.take(r, size)

    def multipart(self, r, lines, subtype, parts):
        mark = f"=_part{r.getrandbits(64):016x}"
        lines += [f'Content-Type: multipart/{subtype}; boundary="{mark}"', "", ""]
        out = ["\r\n".join(lines).encode()]
        for fields, body in parts:
            out += [f"--{mark}\r\n{fields}\r\n\r\n".encode(), body, b"\r\n"]
        out.append(f"--{mark}--\r\n".encode())
        return b"".join(out)

    def alternative(self, r, lines, size):
        plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
        html = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
        paragraphs = self.text.take(r, size * 3 // 4).replace(b"\r\n", b"</p>\r\n<p>")
        return self.multipart(r, lines, "alternative", [(plain, self.text.take(r, size // 4)),
                                                        (html, b"<html><body><p>" + paragraphs + b"</p></body></html>\r\n")])

    def attachment(self, r, lines, size):
        plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
        pdf = ('Content-Type: application/pdf; name="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
               'Content-Disposition: attachment; filename="report.pdf"')
        return self.multipart(r, lines, "mixed", [(plain, self.text.take(r, 900)), (pdf, self.packed.take(r, size))])

    def huge(self, f, r, number, date):
        lines = header(r, number, date)
        lines += ["Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", "", ""]
        f.write("\r\n".join(lines).encode())
        while f.tell() < HUGE_BYTES:
            f.write(self.packed.take(r, 4_000_000))


def folder_names(count):
    """A folder never lies below INBOX or another mailbox: every tool can store these names."""
    return ["INBOX"] + [f"{GROUPS[i % len(GROUPS)]}/folder {i:04d}" for i in range(count - 1)]


def messages(profile, extra_percent=0):
    """(number, folder, letters, seconds, random numbers) of a profile, or of the new mail that comes to it later."""
    folders, count, _ = PROFILES[profile]
    seed, shift, names = SEED * 1_000_003, 0, folder_names(folders)
    if extra_percent:
        count, seed, shift = max(1, round(count * extra_percent / 100)), seed + 500_000_000, EXTRA_AFTER
    for i in range(count):
        r = random.Random(seed + i)
        yield i, names[i % folders], r.choice(LETTERS), START + shift + i * STEP, r


def date_header(secs):
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(secs))


def write_tree(profile, tree):
    folders, _, kind = PROFILES[profile]
    for name in folder_names(folders):
        for part in ("cur", "new", "tmp"):
            os.makedirs(f"{tree}/{name}/{part}")
    writer, sizes = Writer(), []
    for i, folder, letters, secs, r in messages(profile):
        path = f"{tree}/{folder}/cur/{secs}.N{i}.bench:2,{letters}"
        with open(path, "wb") as f:
            if kind == "huge":
                writer.huge(f, r, i, date_header(secs))
            else:
                f.write(writer.message(r, i, date_header(secs), kind))
            sizes.append(f.tell())
        os.utime(path, (secs, secs))
    return sizes


def describe(profile, sizes):
    sizes.sort()
    return {"version": VERSION, "profile": profile, "folders": PROFILES[profile][0], "messages": len(sizes),
            "bytes": sum(sizes), "median": int(statistics.median(sizes)), "mean": sum(sizes) // len(sizes),
            "p99": sizes[len(sizes) * 99 // 100], "max": sizes[-1]}


def make(cache, profile):
    """Makes the corpus unless it is there; returns its description."""
    folder = f"{cache}/{profile}"
    try:
        with open(f"{folder}/corpus.json") as f:
            found = json.load(f)
        if found["version"] == VERSION:
            return found
    except (OSError, ValueError, KeyError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    found = describe(profile, write_tree(profile, f"{folder}/tree"))
    with open(f"{folder}/corpus.json", "w") as f:
        json.dump(found, f)
    return found


def room(profile):
    """Bytes on disk that a corpus, its store on the server and a few copies by the contenders need, roughly."""
    _, count, kind = PROFILES[profile]
    return count * (ROUGH_BYTES[kind] + 4096) * 6
