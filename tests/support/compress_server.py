#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server on standard input and output that knows COMPRESS (RFC 4978), for tests: zlib is the other side.

Each STATUS is answered with 1,000 responses in one piece, however it leaves; NOOP tells how many octets came and went on
the wire since the compression began.
"""
import os
import zlib

packer = unpacker = None
pending = b""
wire_in = wire_out = 0


def line():
    global pending, wire_in
    while b"\r\n" not in pending:
        data = os.read(0, 4096)
        if not data:
            raise SystemExit(0)
        if unpacker:
            wire_in += len(data)
            data = unpacker.decompress(data)
        pending += data
    first, pending = pending.split(b"\r\n", 1)
    return first.decode()


def say(text):
    global wire_out
    data = text.encode()
    if packer:
        data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        wire_out += len(data)
    while data:
        data = data[os.write(1, data) :]


say("* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello\r\n")
while True:
    tag, command = line().split(" ", 1)
    if command == "COMPRESS DEFLATE":
        say(f"{tag} OK now\r\n")
        packer, unpacker = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    elif command.startswith("STATUS "):
        name = command.split(" ")[1]
        say(f"* STATUS {name} (MESSAGES 3)\r\n" * 1000 + f"{tag} OK done\r\n")
    elif command == "NOOP":
        say(f"* OK [X-WIRE {wire_in} {wire_out}] so far\r\n{tag} OK done\r\n")
    elif command == "LOGOUT":
        say(f"* BYE\r\n{tag} OK done\r\n")
        break
    else:
        say(f"{tag} BAD what?\r\n")
