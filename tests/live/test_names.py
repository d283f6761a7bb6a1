# SPDX-License-Identifier: MIT
"""Folder names that no file system likes."""
import base64
import os

import archive
import rig


def mutf7(name):
    out, run = "", ""

    def flush():
        nonlocal run
        if not run:
            return ""
        b = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        run = ""
        return f"&{b}-"

    for ch in name:
        if 0x20 <= ord(ch) <= 0x7E:
            out += flush() + ("&-" if ch == "&" else ch)
        else:
            run += ch
    return out + flush()


NASTY = ["cur", "new", "tmp", "..", ".", ".hidden", "a%2Fb", "50%", "Entwürfe", "日本語/メール", "party \U0001f389", "tab\tname",
         'quote"and\\back', "ends with space ", " begins", "a b  c", "CON", "x" * 250, "y" * 199 + "ü", "&", "R&D", "~", "*star", "{5}",
         "dovecot-keywords", "index.db", "a.b.c", "\u202egnp.exe", "..%2F..", "-rf", "inbox2"]


def create(s, separator, names):
    c, made = s.client("me"), []
    for name in names:
        wire = mutf7(name)
        typ, why = c.create(rig.quote(wire))
        if typ == "OK":
            rig.fill(c, wire, 2)
            made.append(name)
        else:
            print(f"     (Dovecot refuses {name!r}: {why[0].decode()})")
    c.logout()
    return made


def check(program, separator, names, layout):
    with rig.Server(SEPARATOR=separator) as s, rig.Program(program, s, layout=layout) as p:
        made = create(s, separator, names)
        assert len(made) > len(names) * 2 // 3, made
        p.run("backup")
        inside = os.path.realpath(p.path)
        for top, dirs, files in os.walk(p.dir):
            for n in dirs + files:
                where = os.path.realpath(os.path.join(top, n))
                assert where.startswith(inside) or top == p.dir, f"{where} is outside"
        want, have = rig.remote(s, "me"), archive.folders(p.path, layout)
        total = 0
        for name, (validity, messages) in want.items():
            levels = tuple(archive.decode_mutf7(x) for x in name.split(separator))
            folder = have.get(levels)
            if folder is None:
                # A level over 200 bytes is cut; its side file has the true name.
                match = [f for f in have.values() if archive.side_file(f)["name"] == name]
                assert len(match) == 1 and max(len(os.fsencode(x)) for x in levels) > 180, (name, sorted(have))
                folder = match[0]
            stored = {uid: m for (v, uid), m in archive.messages(folder).items() if v == validity}
            assert set(stored) == set(messages), name
            for uid, (data, _, _) in messages.items():
                assert stored[uid].wire() == data
                total += 1
        assert total == 2 * len(made), (total, len(made))


def test_nasty_names_nested(program):
    check(program, "/", [n for n in NASTY], "nested")


def test_nasty_names_maildirpp(program):
    check(program, "/", [n for n in NASTY], "maildir++")


def test_slashes_under_another_delimiter(program):
    check(program, ".", ["a/b", "../up", "a/b.c/d", "/abs", "//", "..", "cur", "cur.new.tmp", "é/ü.ö"], "nested")
