# SPDX-License-Identifier: MIT
"""seal.py - seal the claims of a payload (src/guest/tap.c), to prove that it printed them.

A payload's lines reach a test through the console, on which the hypervisor under test can print as well.
So each run uses a copy of the payload with a new key, and lines without a seal made with this key are ignored.

    seal.py put PAYLOAD COPY            write the copy and print its key
    seal.py check KEY <CONSOLE          print the sealed claims, without their seals, and the plan

check prints each sealed claim once, in ascending order of the claims' numbers, and the plan if it is sealed. Tests
need no other output of the run (tests/lib/lab.sh).
"""
import re
import secrets
import sys

NAME = b"hyperscope seal\0"
MASK = (1 << 64) - 1
FAILED, HELD, SKIPPED, PLAN = range(4)
LINE = re.compile(r"(?P<text>(?P<not>not )?ok (?P<number>\d+) - .*?|1\.\.(?P<plan>\d+)) \[(?P<seal>[0-9a-f]{16})\]\r?")


def _rotate(x, by):
    return (x << by | x >> (64 - by)) & MASK


def _round(v):
    v[0] = (v[0] + v[1]) & MASK
    v[2] = (v[2] + v[3]) & MASK
    v[1] = _rotate(v[1], 13) ^ v[0]
    v[3] = _rotate(v[3], 16) ^ v[2]
    v[0] = _rotate(v[0], 32)
    v[2] = (v[2] + v[1]) & MASK
    v[0] = (v[0] + v[3]) & MASK
    v[1] = _rotate(v[1], 17) ^ v[2]
    v[3] = _rotate(v[3], 21) ^ v[0]
    v[2] = _rotate(v[2], 32)


def sip_hash(key, data):
    """Return the SipHash-2-4 of DATA."""
    k0, k1 = (int.from_bytes(key[at:at + 8], "little") for at in (0, 8))
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
         k1 ^ 0x7465646279746573]
    whole = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xff])
    for at in range(0, len(whole), 8):
        word = int.from_bytes(whole[at:at + 8], "little")
        v[3] ^= word
        _round(v)
        _round(v)
        v[0] ^= word
    v[2] ^= 0xff
    for _ in range(4):
        _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def put(image, copy):
    """Write a copy of the payload with a new key, and return the key."""
    with open(image, "rb") as file:
        data = file.read()
    at = data.find(NAME)
    if at < 0 or data.find(NAME, at + 1) >= 0:
        raise SystemExit("seal.py: %s: not a payload with room for one key" % image)
    key = secrets.token_bytes(16)
    at += len(NAME)
    with open(copy, "wb") as file:
        file.write(data[:at] + key + data[at + len(key):])
    return key


def check(key, text):
    """Return a dict from a claim's number to its line without the seal, and the plan or None."""
    claims, plan = {}, None
    for line in text.split("\n"):
        found = LINE.fullmatch(line)
        if not found:
            continue
        number = int(found.group("number") or found.group("plan"))
        verdict = PLAN if found.group("plan") else FAILED if found.group("not") else \
            SKIPPED if " # SKIP " in found.group("text") else HELD
        if number > MASK >> 8 or sip_hash(key, (number << 8 | verdict).to_bytes(8, "little")) != int(found.group("seal"), 16):
            continue
        if verdict == PLAN:
            plan = number
        elif verdict == FAILED or number not in claims:
            claims[number] = found.group("text")
    return claims, plan


def main(words):
    if len(words) == 3 and words[0] == "put":
        print(put(words[1], words[2]).hex())
    elif len(words) == 2 and words[0] == "check":
        claims, plan = check(bytes.fromhex(words[1]), sys.stdin.buffer.read().decode("utf-8", "replace"))
        for number in sorted(claims):
            print(claims[number])
        if plan is not None:
            print("1..%d" % plan)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
