# SPDX-License-Identifier: MIT
"""Real mail there and back: account A, archive, empty account B, archive again."""
import rig
import runner
from test_restore import add_account, contents

SETS = ("spamassassin-easy-ham-1.tar.gz", "spamassassin-hard-ham-1.tar.gz", "spamassassin-spam-1.tar.gz", "notmuch-corpora.tar.gz",
        "mimekit-messages.tar.gz", "mime4j-testmsgs.tar.gz", "mikel-mail.tar.gz")
FLAGS = (["\\Seen"], ["\\Seen", "\\Answered", "work"], [], ["\\Flagged", "$Forwarded"], ["\\Draft", "$Label1", "later"])


@runner.early
def test_real_mail_there_and_back(program):
    if rig.real_messages(SETS[0]) is None:
        raise Skipped("no test data; set IMAPSYNC_TEST_DATA")
    with rig.Server() as s, rig.Program(program, s, user="a") as p:
        c, loaded = s.client("a"), 0
        c.create("Real")
        for name in SETS:
            folder = "Real/" + name.split(".")[0]
            c.create(rig.quote(folder))
            for i, (_, data) in enumerate(rig.real_messages(name)):
                # Dovecot takes anything but a message of no octets.
                if not data:
                    continue
                rig.append(c, folder, data, FLAGS[i % len(FLAGS)], f"{1 + i % 28:2d}-Jul-{1994 + i % 30} 22:{i % 60:02d}:07 {('+0530', '-0330', '+0000')[i % 3]}")
                loaded += 1
        c.logout()
        add_account(p, s, "b")
        p.run("backup", "test", timeout=300)
        assert rig.compare(s, "a", p.path) == loaded
        p.run("restore", "--to", "b", "--verify", "test", timeout=600)
        a, b = contents(s, "a"), contents(s, "b")
        assert a.keys() == b.keys()
        for folder in a:
            assert a[folder] == b[folder], f"{folder}: the restored messages differ"
        p.run("backup", "b", timeout=300)
        assert rig.compare(s, "b", f"{p.dir}/archive-b") == loaded
        p.run("restore", "--to", "b", "test", timeout=600)
        assert {f: len(m) for f, m in contents(s, "b").items()} == {f: len(m) for f, m in b.items()}, "a second restore adds nothing"
        print(f"     ({loaded} messages)")
