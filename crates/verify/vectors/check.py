#!/usr/bin/env python3
"""Checks the published vectors from their bytes to their verdicts.

A second reading of ../SPEC.md in plain Python. It shares no code with the Rust implementation, nor
a library: the group, the transcript and the proofs are written out below, to be read, and not in
constant time. Of others it takes the syntax of CBOR (cbor2) and Ed25519 (cryptography, which does
not refuse keys of small order).

    check.py [vector.json ...]     all vectors beside this file when none is named

It prints a line for each claim and each private aggregate, and for the examples of the
specification. In a self-test, on every run, each of them is also changed in several places, one at
a time, and every changed copy must be refused with the code of what was changed. The first mismatch
ends it with exit status 1. What the vectors do not exercise is refused: revised pacts, calendar
months, witnesses and time stamps.
"""

import base64
import copy
import hashlib
import hmac
import json
import math
import pathlib
import re
import struct
import sys
from functools import cache, reduce
from math import isqrt
from operator import getitem
from types import SimpleNamespace

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Refused(Exception):
    """A check failed; the text is its code in the specification."""


def need(holds, code):
    if not holds:
        raise Refused(code)


# The group: Ristretto255 (RFC 9496) on edwards25519 in extended coordinates.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
IDENTITY = (0, 1, 1, 0)


def absolute(x):
    return -x % P if x % P & 1 else x % P


def sqrt_ratio(u, v):
    """Whether u/v is a square; and the non-negative root of u/v, or else of SQRT_M1·u/v."""
    u, r = u % P, u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    if check in (-u % P, -u * SQRT_M1 % P):
        r = r * SQRT_M1 % P
    return check in (u, -u % P), absolute(r)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    m, n = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def combine(*terms):
    """The sum of scalars times points, by buckets (Pippenger)."""
    width = max(2, len(terms).bit_length() - 3)
    result = IDENTITY
    for shift in reversed(range(0, 253, width)):
        for _ in range(width):
            result = add(result, result)
        buckets = [IDENTITY] * (1 << width)
        for scalar, point in terms:
            if digit := scalar % ORDER >> shift & (1 << width) - 1:
                buckets[digit] = add(buckets[digit], point)
        running = IDENTITY
        for bucket in reversed(buckets[1:]):
            running = add(running, bucket)
            result = add(result, running)
    return result


def is_identity(point):
    return point[0] == 0 or point[1] == 0


def decode(data, code, hiding=True):
    """The element of an encoding; not the identity, if it hides something."""
    s = int.from_bytes(data, "little")
    u1, u2 = 1 - s * s, 1 + s * s
    v = -D * u1 * u1 - u2 * u2
    square, inverse = sqrt_ratio(1, v * u2 * u2)
    x, y = absolute(2 * s * inverse * u2), u1 * inverse * inverse * u2 * v % P
    need(s < P and not s & 1 and square and not x * y % P & 1 and y and (s or not hiding), code)
    return x, y, 1, x * y % P


def encode(point):
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y), x * y
    _, inverse = sqrt_ratio(1, u1 * u2 * u2)
    d1, d2 = inverse * u1 % P, inverse * u2 % P
    z_inverse, denominator = d1 * d2 * t % P, d2
    if t * z_inverse % P & 1:
        x, y, denominator = y * SQRT_M1 % P, x * SQRT_M1 % P, d1 * INVSQRT_A_MINUS_D
    if x * z_inverse % P & 1:
        y = -y
    return absolute(denominator * (z - y)).to_bytes(32, "little")


def from_uniform(data):
    """64 uniform bytes mapped to the group."""
    halves = []
    for half in (data[:32], data[32:]):
        t = int.from_bytes(half, "little") % 2**255
        r = SQRT_M1 * t * t % P
        v = (-1 - r * D) * (r + D)
        square, s = sqrt_ratio((r + 1) * (1 - D * D), v)
        s, c = (s, -1) if square else (-absolute(s * t), r)
        n = c * (r - 1) * (D - 1) ** 2 - v
        w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
        halves.append((w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P))
    return add(*halves)


def read_scalar(data, code):
    scalar = int.from_bytes(data, "little")
    need(scalar < ORDER, code)
    return scalar


G = decode(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"), "")
H = from_uniform(hashlib.sha3_512(encode(G)).digest())


@cache
def chain(letter, party):
    """The 64 generators of one vector of one party of a range proof."""
    seed = b"GeneratorsChain" + letter + struct.pack("<I", party)
    stream = hashlib.shake_256(seed).digest(64 * 64)
    return [from_uniform(stream[at : at + 64]) for at in range(0, len(stream), 64)]


# The transcript: merlin over STROBE-128 over Keccak-f[1600].

def rotate(lane, by):
    return (lane << by | lane >> 64 - by) % 2**64


def keccak(state):
    lanes, lfsr = list(struct.unpack("<25Q", state)), 1
    for _ in range(24):
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
                  for x in range(5)]
        mix = [column[x - 1] ^ rotate(column[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ mix[at % 5] for at, lane in enumerate(lanes)]
        x, y, moved = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            turned = rotate(moved, (step + 1) * (step + 2) // 2 % 64)
            moved, lanes[x + 5 * y] = lanes[x + 5 * y], turned
        for row in range(0, 25, 5):
            r = lanes[row : row + 5]
            lanes[row : row + 5] = [r[i] ^ ~r[(i + 1) % 5] & r[(i + 2) % 5] for i in range(5)]
        for j in range(7):
            lfsr = (lfsr << 1 ^ (lfsr >> 7) * 0x71) % 256
            lanes[0] ^= (lfsr >> 1 & 1) << (1 << j) - 1
    return bytearray(struct.pack("<25Q", *lanes))


class Transcript:
    RATE, META, DATA, SQUEEZE = 166, 0x12, 0x02, 0x07

    def __init__(self, label):
        start = bytes([1, self.RATE + 2, 1, 0, 1, 96]) + b"STROBEv1.0.2"
        self.state, self.at, self.begun = keccak(start.ljust(200, b"\0")), 0, 0
        self.operate(self.META, b"Merlin v1.0")
        self.append(("dom-sep", label))

    def permute(self):
        for at, byte in (self.at, self.begun), (self.at + 1, 0x04), (self.RATE + 1, 0x80):
            self.state[at] ^= byte
        self.state, self.at, self.begun = keccak(self.state), 0, 0

    def move(self, data, keep):
        """Puts bytes in, over what is there or in its place; returns what was there."""
        out = bytearray()
        for byte in data:
            out.append(self.state[self.at])
            self.state[self.at] = keep * out[-1] ^ byte
            self.at += 1
            if self.at == self.RATE:
                self.permute()
        return bytes(out)

    def operate(self, flags, data):
        old, self.begun = self.begun, self.at + 1
        self.move([old, flags], keep=True)
        if flags == self.SQUEEZE and self.at:
            self.permute()
        return self.move(data, keep=flags != self.SQUEEZE)

    def append(self, *messages):
        for label, message in messages:
            message = struct.pack("<Q", message) if isinstance(message, int) else message
            self.operate(self.META, label.encode() + struct.pack("<I", len(message)))
            self.operate(self.DATA, message)

    def squeeze(self, label, length):
        self.operate(self.META, label.encode() + struct.pack("<I", length))
        return self.operate(self.SQUEEZE, bytes(length))

    def challenge(self, label):
        return int.from_bytes(self.squeeze(label, 64), "little") % ORDER


# Hashes, trees, signatures.

def tagged(name, *parts):
    framed = b"".join(struct.pack(">Q", len(part)) + part for part in parts)
    return hashlib.sha256(f"cloister/{name}/v1\0".encode() + framed).digest()


def tree_root(kind, leaf, index, count, path):
    """The root that a leaf of a commitment, consent or opening tree has with this path."""
    if index >= count or len(path) != (count - 1).bit_length():
        return None
    top = tagged(kind + "-leaf", leaf)
    for level, sibling in enumerate(path):
        top = tagged(kind + "-node", *((sibling, top) if index >> level & 1 else (top, sibling)))
    return tagged(kind + "-node", b"count", struct.pack(">Q", count), top)


def whole_tree(kind, values):
    """The root of such a tree over all its values."""
    level = [tagged(kind + "-leaf", value) for value in values]
    level += [tagged(kind + "-leaf")] * ((1 << (len(values) - 1).bit_length()) - len(values))
    while len(level) > 1:
        level = [tagged(kind + "-node", *pair) for pair in zip(level[::2], level[1::2])]
    return tagged(kind + "-node", b"count", struct.pack(">Q", len(values)), level[0])


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + pack(leaf)).digest()


def log_root(top, index, size, path):
    """The root that a leaf of the log has with this path (RFC 9162, section 2.1.3.2)."""
    last = size - 1
    for sibling in path:
        if not last:
            return None
        left = index & 1 or index == last
        top = hashlib.sha256(b"\1" + (sibling + top if left else top + sibling)).digest()
        while left and index and not index & 1:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return None if last else top


def check_signature(key, message, signature, code):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise Refused(code) from None


# Encodings: a map has the keys 1, 2, … in the order of its fields' names, an array its items in it.

BOOT, PACT, TALLY, BREAK, RESERVE, AGGREGATE = 1, 2, 3, 4, 5, 7
BODIES = {
    BOOT: "boot boot_key log_key config evidence at",
    PACT: "pact root prior? schema consent count at rules",
    TALLY: "suite tally root pact schema counters epoch at salt commitments gaps boots previous?"
           " hidden cut kappa padding",
    BREAK: "tally last cause at",
    RESERVE: "sequence dataset day debits spent cap committed?",
    AGGREGATE: "sequence reserved query noise values at proven?",
}
QUERY = "dataset day statistic cells price mechanism total? clamp? coins?"
DEBIT = "query price"
DAYS = "first horizon"
COMMITMENTS, DEALER, NUMBER = "dealers numbers", "key link since", "statistic counter bits"
PROVEN, DEALT = "blinding words deals", "value size root signature path"
NOISE = "mechanism scale sensitivity half_width sessions cells unit?"
ZERO_KNOWLEDGE, SIGNED = 1, 2
BOUNDED, RATIO, PERCENTILE, NEVER, EQUAL, RATE, AGREE = range(1, 8)
THRESHOLDS = {BOUNDED: (1, 2), RATIO: (3, 4, 5), PERCENTILE: (1, 2, 3), RATE: (2, 3)}
LAPLACE, GAUSSIAN, TOEPLITZ, BINOMIAL, PERMUTE = 1, 2, 3, 4, 5
EDGES = 50, 100, 200, 500, 1000, 2000, 5000
CHECKPOINT = 3


def record(value, names):
    """The fields of a map by their names; None for one that may be absent."""
    keys = dict(enumerate(names.split(), 1))
    must = {key for key, name in keys.items() if not name.endswith("?")}
    need(must <= set(value) <= set(keys), "malformed")
    return SimpleNamespace(**{name.rstrip("?"): value.get(key) for key, name in keys.items()})


def fields(value, count):
    """All fields of a map that has this many."""
    need(list(value) == list(range(1, count + 1)), "malformed")
    return value.values()


def pack(value):
    return cbor2.dumps(value, canonical=True)


def unpack(data, code="non-canonical"):
    value = cbor2.loads(data)
    need(pack(value) == data and is_plain(value), code)
    return value


def is_plain(value):
    """Null stands in no map and at the end of no array; of what CBOR has, only this much occurs."""
    if isinstance(value, dict):
        return None not in value.values() and all(map(is_plain, value.values()))
    if isinstance(value, list):
        return value[-1:] != [None] and all(map(is_plain, value))
    return value is None or type(value) in (int, str, bytes)


def read_body(kind, data):
    need(kind in BODIES, "body-malformed")
    body = record(unpack(data, "body-malformed"), BODIES[kind])
    if kind == TALLY:
        need(len(data) == 616 and not any(body.padding), "body-malformed")
    if kind == AGGREGATE:
        body.id = tagged("query", pack(body.query))
        body.query, body.noise = record(body.query, QUERY), record(body.noise, NOISE)
        total = body.query.total
        body.query.total = total if total is None else record(total, DAYS)
        if body.proven is not None:
            body.proven = record(body.proven, PROVEN)
            body.proven.deals = [record(deal, DEALT) for deal in body.proven.deals]
    if kind == RESERVE:
        body.debits = [record(debit, DEBIT) for debit in body.debits]
        if body.committed is not None:
            body.committed = record(body.committed, COMMITMENTS)
            body.committed.dealers = [record(of, DEALER) for of in body.committed.dealers]
            body.committed.numbers = [record(of, NUMBER) for of in body.committed.numbers]
    return body


# Anchors: of a vector, and of the document that people keep.

def read_digest(text):
    digits = re.fullmatch("sha256:([0-9a-f]{64})", text)
    need(digits, "anchors-malformed")
    return digits[1]


def read_key(did):
    """The Ed25519 key of a did:key."""
    alphabet, number = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 0
    need(did.startswith("did:key:z"), "anchors-malformed")
    for letter in did.removeprefix("did:key:z"):
        number = number * 58 + alphabet.index(letter)
    need(number >> 256 == 0xed01, "anchors-malformed")
    return f"{number % 2**256:064x}"


def check_document(document, anchors):
    """The anchors document says what the vector's anchors say."""
    need(set(document) == {"pacts", "audience", "monitors"}, "witnesses-not-checked-here")
    monitors = [(of["origin"], read_key(of["log_key"]), list(map(read_digest, of["configs"])))
                for of in document["monitors"]]
    logs = [(log["origin"], log["log_key"], log["configs"]) for log in anchors["logs"]]
    audience = {"did": anchors["audience"], "nonce": anchors["nonce"]}
    same = list(map(read_digest, document["pacts"])) == anchors["pacts"]
    need(same and monitors == logs and document["audience"] == audience, "anchors-malformed")


# Leaves: in the log, opened, signed.

# What a boot says of itself: 32 bytes in base64 end in a digit whose last two bits are zero.
LEASE = re.compile("cloister-lease H H N N(?: H)?".replace("N", "(?:0|[1-9][0-9]*)")
                   .replace("H", "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="))


def open_checkpoint(note, origin, key):
    text, _, signatures = note.rpartition("\n\n")
    need(text and signatures and note.endswith("\n"), "checkpoint-truncated")
    need(text.count("\n") >= 2, "checkpoint-malformed")
    name, size, root, *more = text.split("\n")
    need(name == origin, "checkpoint-wrong-origin")
    need(not more or [LEASE.fullmatch(line) is not None for line in more] == [True], "checkpoint-extension")
    size, root = int(size), base64.b64decode(root)
    plain = [origin, str(size), base64.b64encode(root).decode(), *more]
    need(text == "\n".join(plain), "checkpoint-non-canonical")
    key_id = hashlib.sha256(origin.encode() + b"\n\1" + key).digest()[:4]
    lines = [line.split(" ") for line in signatures.splitlines()]
    blobs = [base64.b64decode(blob) for dash, name, blob in lines if (dash, name) == ("—", origin)]
    ours = [blob[4:] for blob in blobs if blob[:4] == key_id]
    need(len(ours) == 1, "checkpoint-wrong-key")
    check_signature(key, text.encode() + b"\n", ours[0], "checkpoint-bad-signature")
    return size, root


def open_log(view, anchor):
    _, checkpoint, leaves = fields(view, 3)
    log = SimpleNamespace(anchor=anchor, leaves={}, boots={})
    log.key = bytes.fromhex(anchor["log_key"])
    log.size, root = open_checkpoint(checkpoint, anchor["origin"], log.key)
    for disclosed, path in (fields(leaf, 2) for leaf in leaves):
        index, leaf, salt, body = fields(disclosed, 4)
        need(max(log.leaves, default=-1) < index, "leaf-order")
        need(index < log.size, "leaf-beyond-checkpoint")
        need(log_root(leaf_hash(leaf), index, log.size, path) == root, "not-included")
        kind, digest, signer, signature = leaf
        need(tagged("leaf-body", bytes([kind]), salt, body) == digest, "body-digest")
        message = b"cloister/leaf-signature/v1\0" + bytes([kind]) + digest + signer
        opened = log.leaves[index] = SimpleNamespace(
            index=index, hash=leaf_hash(leaf), kind=kind, body=read_body(kind, body), signer=signer,
            signature=signature, message=message)
        if kind == BOOT:
            need(opened.body.boot == signer, "boot-id-mismatch")
            need(opened.body.log_key == log.key, "boot-log-key")
            media_type, opened.value, _ = unpack(opened.body.evidence, "evidence-malformed")
            opened.evidence = tagged("evidence-id", media_type.encode(), opened.value)
            need(signer not in log.boots, "boot-repeated")
            log.boots[signer] = opened
    for opened in log.leaves.values():
        if boot := log.boots.get(opened.signer):
            later = [other.index for other in log.boots.values() if other.index > boot.index]
            need(boot.index <= opened.index, "leaf-before-boot")
            need(opened.index < min(later, default=log.size), "boot-superseded")
            check_signature(boot.body.boot_key, opened.message, opened.signature, "leaf-signature")
    tallies = [opened for opened in log.leaves.values() if opened.kind == TALLY]
    epochs = {(opened.body.tally, opened.body.epoch): opened.hash for opened in tallies}
    need(len(epochs) == len(tallies), "equivocation")
    for body in (opened.body for opened in tallies):
        before = epochs.get((body.tally, body.epoch - 1), body.previous)
        need(before == body.previous and bool(body.epoch) == bool(body.previous), "previous-leaf")
    return log


def accept(log, boot):
    """The boot leaf of a boot whose evidence and configuration the verifier accepts."""
    need(boot in log.boots, "boot")
    opened = log.boots[boot]
    body, anchor = opened.body, log.anchor
    need(opened.evidence.hex() in anchor["appraised_evidence"], "evidence")
    due = {1: CHECKPOINT, 2: anchor["origin"], 3: body.boot_key, 4: body.log_key,
           10: body.config, 11: body.boot}
    need(unpack(opened.value) == due, "evidence-binding")
    need(body.config.hex() in anchor["configs"], "config-not-anchored")
    return opened


# What a claim stands on over one range.

def program(predicate):
    """The identity of a statement without its thresholds, and these."""
    (number, terms), thresholds = copy.deepcopy(predicate), []
    for place in THRESHOLDS.get(number, ()):
        if place < len(terms) and terms[place] is not None:
            thresholds.append(terms[place])
            terms[place] = 0
    return tagged("claim-program", pack([number, terms])), thresholds


def check_consent(claim, predicate, consent, pact, ends):
    entry, index, path = fields(consent, 3)
    root, (identity, thresholds) = pact.consent, program(predicate)
    need(tree_root("consent", pack(entry), index, pact.count, path) == root, "not-consented")
    entry = record(entry, "id program grid audience per? salt")
    need(entry.program == identity, "not-consented-program")
    need(thresholds in entry.grid and len(entry.grid) <= 64, "not-consented-threshold")
    listed = not entry.audience or claim.audience[1][:1] in [[did] for did in entry.audience]
    need(listed, "not-consented-audience")
    for earliest, latest, _ in (end.at for end in ends if entry.per and end.epoch):
        need(entry.per[0] == 1, "months-not-checked-here")
        every, width = entry.per[1][0], latest - earliest
        need(latest % every <= width < every, "not-consented-calendar")


def find_stand(bundle, logs, claim, stretch, stand):
    need(stretch.origin in logs, "log-missing")
    log = logs[stretch.origin]
    *places, consents, opened = fields(stand, 5)
    leaves = [log.leaves.get(index) for index in places]
    need(all(leaves), "leaf-missing")
    codes = "before-not-tally", "after-not-tally", "pact-not-pact"
    for leaf, kind, code in zip(leaves, (TALLY, TALLY, PACT), codes):
        need(leaf.kind == kind, code)
    before, after, registered = leaves
    start, end, pact = (leaf.body for leaf in leaves)
    need(1 <= stretch.first <= stretch.last, "range-empty")
    need(start.tally == stretch.tally, "tally-before")
    need(end.tally == stretch.tally, "tally-after")
    need(start.epoch == stretch.first - 1, "epoch-before")
    need(end.epoch == stretch.last, "epoch-after")
    need(start.root == end.root == pact.root, "pact-root")
    need(pact.root == stretch.root, "range-pact-root")
    need(end.pact == pact.pact, "pact-not-in-force")
    need(end.schema == pact.schema, "pact-schema")
    need(before.index < after.index, "range-reversed-in-log")
    (from_0, from_1, _), (to_0, to_1, _) = start.at, end.at
    need(from_0 <= from_1 and to_0 <= to_1 and from_0 <= to_0 and from_1 <= to_1, "time-reversed")
    need(registered.index <= after.index, "pact-order")
    breaks = [leaf.body for leaf in log.leaves.values() if leaf.kind == BREAK]
    crossed = any(of.tally == stretch.tally and of.last < stretch.last for of in breaks)
    need(not crossed, "crosses-break")
    gaps = [end.gaps[owner] - start.gaps[owner] for owner in (1, 2, 3, 4)]
    need(min(gaps) >= 0, "gaps-fell")
    need(len(consents) == len(claim.statements), "consent-count")
    for predicate, consent in zip(claim.statements, consents):
        check_consent(claim, predicate, consent, pact, (start, end))
    need(start.pact == pact.pact, "revisions-not-checked-here")
    need((pact.pact == pact.root) == (pact.prior is None), "pact-chain")
    need(registered.index <= before.index, "pact-order")
    need(start.schema == pact.schema, "pact-schema")
    schemas = {tagged("schema", pack(schema)): schema[0] for schema in bundle.schemas}
    need(pact.schema in schemas, "schema-missing")
    counters = [record(counter, "name unit max bucket?") for counter in schemas[pact.schema]]
    return SimpleNamespace(
        log=log, range=stretch, before=before, after=after, registered=registered, pact=pact,
        gaps=gaps, longest=to_1 - from_0, shortest=max(0, to_0 - from_1),
        opened=[record(of, "counter before before_path after after_path") for of in opened],
        declared=len(counters),
        counters={counter.name: (place, counter) for place, counter in enumerate(counters)})


def find_life(bundle, leaf):
    """The boots of a tally's life up to the one that signed this leaf."""
    for entries, in bundle.boots:
        boots = [entry[1] for entry in entries]
        life = entries[: boots.index(leaf.signer) + 1] if leaf.signer in boots else None
        if life and tagged("boots", pack([life])) == leaf.body.boots:
            return [record(entry, "boot evidence config first") for entry in life]
    raise Refused("boots-missing")


def check_boots(bundle, stand):
    """Every boot that had a part in the range is accepted; the last of them signed its end."""
    log = stand.log
    early, life = (find_life(bundle, leaf) for leaf in (stand.before, stand.after))
    boots, firsts = [entry.boot for entry in life], [entry.first for entry in life]
    need(len(set(boots)) == len(boots) and firsts == sorted(firsts), "boots-order")
    need(life[: len(early)] == early, "boots-diverge")
    accept(log, stand.registered.signer)
    begun = [at for at, first in enumerate(firsts) if first <= stand.before.body.epoch]
    for entry in life[min(len(early) - 1, max(begun, default=0)):]:
        stand.boot = accept(log, entry.boot)
        named = entry.evidence, entry.config
        need(named == (stand.boot.evidence, stand.boot.body.config), "boot-evidence")


def check_commitments(stand, used):
    start, end = stand.before.body, stand.after.body
    need(start.counters == end.counters == stand.declared, "counter-count")
    need([opened.counter for opened in stand.opened] == used, "commitment-set")
    for o in stand.opened:
        root = tree_root("commitment", o.before, o.counter, start.counters, o.before_path)
        need(root == start.commitments, "commitment-path-before")
        root = tree_root("commitment", o.after, o.counter, end.counters, o.after_path)
        need(root == end.commitments, "commitment-path-after")


# Statements: linear forms over the growth of counters.

def form(is_zero, constant, *terms):
    """A constant and coefficients by (range, place): zero, or else not negative."""
    coefficients, most = {}, {}
    for coefficient, counters in terms:
        for at, (place, counter) in counters:
            coefficients[at, place] = coefficients.get((at, place), 0) + coefficient
            most[at, place] = counter.max
    coefficients = {key: a for key, a in coefficients.items() if a}
    need(coefficients, "no-counters")
    reach = [a * most[key] for key, a in coefficients.items()]
    lowest, highest = (constant + sum(r for r in reach if r * sign > 0) for sign in (-1, 1))
    need(-(2**127) <= lowest and highest < 2**127, "too-wide")
    need(highest >= 0 and not (is_zero and lowest > 0), "never-true")
    width = next(bits for bits in (8, 16, 32, 64, 128) if highest < 1 << bits)
    return SimpleNamespace(
        is_zero=is_zero, constant=constant, coefficients=coefficients, width=width)


def allowed(length, count, per, up):
    """So many in every so much time of this length, rounded so that the statement is no weaker."""
    need(per, "rate-of-no-time")
    bound = -(-count * length // per) if up else count * length // per
    need(count * length < 2**128 and bound < 2**127, "too-wide")
    return bound


def find_buckets(histogram, edge, stands):
    """All buckets of a histogram in all ranges, and those of them that are not above the edge."""
    whole, low = [], []
    for at, stand in enumerate(stands):
        found = [(at, of) for of in stand.counters.values()
                 if of[1].bucket and of[1].bucket[1] == histogram]
        edges = [counter.bucket.get(2) for _, (_, counter) in found]
        need(edges, "unknown-histogram")
        need(len(set(edges)) == len(edges), "bucket-repeated")
        need(None in edges, "no-overflow-bucket")
        need(edge in edges, "not-a-bucket-edge")
        whole += found
        low += [of for of, upper in zip(found, edges) if upper is not None and upper <= edge]
    need(len({counter.unit for _, (_, counter) in whole}) == 1, "units-differ")
    return whole, low


def read_forms(predicate, stands):
    def find(names):
        need(names, "no-counters")
        need(all(a < b for a, b in zip(names, names[1:])), "sum-order")
        need(all(name in stand.counters for stand in stands for name in names), "unknown-counter")
        found = [(at, stand.counters[name]) for at, stand in enumerate(stands) for name in names]
        need(len({counter.unit for _, (_, counter) in found}) == 1, "units-differ")
        return found

    number, terms = predicate
    for stand in stands:
        need(stand.declared <= 512, "schema-too-long")
        need(len(stand.counters) == stand.declared, "counter-name-repeated")
    if number == BOUNDED:
        names, lower, upper = (*terms, None)[:3]
        need(lower is not None or upper is not None, "states-nothing")
        need(None in (lower, upper) or lower <= upper, "empty-interval")
        sides = [(a, bound) for a, bound in ((1, lower), (-1, upper)) if bound is not None]
        return [form(False, -a * bound, (a, find(names))) for a, bound in sides]
    if number == RATIO:
        part, whole, side, numerator, denominator, least = terms
        fraction = numerator and denominator and math.gcd(numerator, denominator) == 1
        need(fraction, "ratio-not-a-fraction")
        need(least, "ratio-without-minimum")
        need(max(numerator, denominator) < 2**63, "too-wide")
        part, whole, a = find(part), find(whole), {1: 1, 2: -1}[side]
        return [form(False, 0, (a * denominator, part), (-a * numerator, whole)),
                form(False, -least, (1, whole))]
    if number == PERCENTILE:
        histogram, percent, edge, least = terms
        need(1 <= percent <= 99, "percent-out-of-range")
        need(least, "ratio-without-minimum")
        whole, low = find_buckets(histogram, edge, stands)
        return [form(False, 0, (100, low), (-percent, whole)), form(False, -least, (1, whole))]
    if number == NEVER:
        return [form(True, 0, (1, find(*terms)))]
    if number == EQUAL:
        need(not set(terms[0]) & set(terms[1]), "counter-twice")
        return [form(True, 0, *zip((1, -1), map(find, terms)))]
    if number == RATE:
        names, side, count, per = terms
        if side == 1:
            least = allowed(sum(stand.longest for stand in stands), count, per, up=True)
            return [form(False, -least, (1, find(names)))]
        most = allowed(sum(stand.shortest for stand in stands), count, per, up=False)
        return [form(False, most, (-1, find(names)))]
    need(number == AGREE, "malformed")
    need(len(stands) == 2, "agree-of-two")
    first, second = (stand.range for stand in stands)
    same = (first.root, first.tally) == (second.root, second.tally)
    need(same and first.origin != second.origin, "agree-logs")
    return [form(True, 0, *((1 - 2 * found[0], [found]) for found in find(*terms)))]


# Proofs.

def begin(claim, value, stands, kind):
    """The transcript of a claim, up to what its kind of proof adds."""
    t = Transcript(b"cloister/claim/v1")
    t.append(("suite", b"bp-ristretto255-merlin3"), ("kind", kind), ("G", encode(G)),
             ("H", encode(H)), ("ranges", len(stands)))
    for stand in stands:
        stretch, pact, boot = stand.range, stand.pact, stand.boot.body
        t.append(("origin", stretch.origin.encode()), ("root-pact", stretch.root),
                 ("party", stretch.party.encode()), ("tally", stretch.tally),
                 ("first", stretch.first), ("last", stretch.last),
                 ("log-key", stand.log.key), ("pact", pact.pact), ("schema", pact.schema),
                 ("before", stand.before.hash), ("after", stand.after.hash), ("boot", boot.boot),
                 ("boot-key", boot.boot_key), ("evidence", stand.boot.evidence),
                 ("commitments", len(stand.opened)))
        for o in stand.opened:
            t.append(("counter", o.counter), ("S-before", o.before), ("S-after", o.after))
    did, nonce = claim.audience[1] or ("", bytes(32))
    t.append(("claim", pack(value)), ("audience", did.encode()), ("nonce", nonce),
             ("expiry", claim.expiry))
    return t


def check_signed(t, stands, proof):
    log, (signer, size, signature) = stands[0].log, fields(proof, 3)
    need(all(stand.log is log for stand in stands), "signed-logs")
    need(signer in log.boots, "boot")
    boot = log.boots[signer]
    replaced = any(boot.index < other.index < size for other in log.boots.values())
    knew = all(stand.after.index < size for stand in stands)
    need(boot.index < size <= log.size and not replaced and knew, "signed-order")
    accept(log, signer)
    t.append(("signer", signer), ("size", size))
    message = b"cloister/signed-claim/v1\0" + t.squeeze("message", 64)
    check_signature(boot.body.boot_key, message, signature, "signed-proof")


def find_points(claim, stands, statements):
    """V of every equality; and of every inequality, with its width."""
    growth, zeros, ranged = {}, [], []
    for at, stand in enumerate(stands):
        for opened in stand.opened:
            ends = [decode(s, "commitment-encoding") for s in (opened.after, opened.before)]
            growth[at, opened.counter] = combine(*zip((1, -1), ends))
    for (number, _), forms in zip(claim.statements, statements):
        for one in forms:
            terms = [(a, growth[key]) for key, a in one.coefficients.items()]
            v = combine((one.constant, G), *terms)
            if one.is_zero:
                zeros.append(v)
            else:
                ranged.append((one.width, v))
        for end in ("before", "after") if number == AGREE else ():
            cuts = [getattr(stand, end).body.cut for stand in stands]
            points = [decode(cut, "commitment-encoding", hiding=False) for cut in cuts]
            zeros.append(combine(*zip((1, -1), points)))
    return zeros, ranged


def check_linear(t, zeros, ranged, proof, steps):
    equalities, high, range_proof = fields(proof, 3)
    widths, points = [width for width, _ in ranged], [*zeros, *(v for _, v in ranged)]
    need(not any(map(is_identity, points)), "statement-identity")
    need(len(equalities) == len(zeros), "equality-count")
    need(bool(range_proof) == bool(ranged), "range-unexpected")
    need(len(high) == widths.count(128), "high-count")
    halves = iter([decode(half, "high-encoding", hiding=False) for half in high])
    parties, bits = [], min(64, max(widths, default=0))
    for width, v in ranged:
        upper = [next(halves)] if width == 128 else []
        parties += [combine((1, v), *((-(2**64), u) for u in upper)), *upper]
    pads = (1 << (len(parties) - 1).bit_length()) - len(parties) if parties else 0
    parties += [IDENTITY] * pads
    need(len(parties) <= 64, "too-many-parties")
    t.append(("n", bits), ("m", len(parties)), ("pads", pads), ("forms", len(points)),
             *(("V", encode(v)) for v in points), *(("V-high", half) for half in high))
    test = copy.deepcopy(t).squeeze("test", 32)
    steps.update(width=bits, V=encode(points[0]), challenge_after_V_with_label_test=test)
    for v, (nonce, response) in zip(zeros, equalities):
        s, k = read_scalar(response, "equality-encoding"), decode(nonce, "equality-encoding")
        t.append(("dom-sep", b"equality"), ("K", nonce))
        difference = combine((s, H), (-1, k), (-t.challenge("c"), v))
        need(is_identity(difference), "equality-proof")
        t.append(("s", response))
    if parties:
        check_range(t, parties, bits, range_proof)
        steps.update(range_proof=range_proof)


def check_range(t, parties, bits, proof):
    """One aggregated range proof (Bünz et al. 2018, sections 4.2 and 4.3)."""
    length = len(parties) * bits
    words = split(proof, 9, length, "range-encoding")
    t.append(("dom-sep", b"rangeproof v1"), ("n", bits), ("m", len(parties)),
             *(("V", encode(v)) for v in parties))
    t.append(("A", word := next(words)))
    a_point = decode(word, "range-encoding")
    weights = [(j, 2**k) for j in range(len(parties)) for k in range(bits)]
    places = [divmod(i, bits) for i in range(length)]
    finish(t, a_point, parties, weights, places, words, "range")


def split(proof, first, length, code):
    """The words of a proof for so many bits."""
    need(len(proof) == 32 * (first + 2 * (length.bit_length() - 1)), code)
    return iter([proof[at : at + 32] for at in range(0, len(proof), 32)])


def finish(t, a_point, parties, weights, places, words, kind):
    """What comes after A: of each bit its party and its weight, and the place of its generators."""
    length = len(weights)

    def take(read, *labels):
        for label in labels:
            t.append((label, word := next(words)))
            yield read(word, kind + "-encoding")

    s_point, = take(decode, "S")
    y, z = t.challenge("y"), t.challenge("z")
    t_1, t_2 = take(decode, "T_1", "T_2")
    x = t.challenge("x")
    t_x, t_x_blinding, e_blinding = take(read_scalar, "t_x", "t_x_blinding", "e_blinding")
    w = t.challenge("w")
    t.append(("dom-sep", b"ipp v1"), ("n", length))
    folds, s = [], [1]
    for _ in range(length.bit_length() - 1):
        left, right = take(decode, "L", "R")
        u = t.challenge("u")
        inverse = pow(u, -1, ORDER)
        folds += [(u * u, left), (inverse * inverse, right)]
        s = [product * one % ORDER for product in s for one in (inverse, u)]
    a, b = (read_scalar(word, kind + "-encoding") for word in words)

    z_powers = [pow(z, j + 2, ORDER) for j in range(len(parties))]
    delta = ((z - z * z) * sum(pow(y, i, ORDER) for i in range(length))
             - z * sum(z_powers[party] * weight for party, weight in weights))
    value = combine((t_x - delta, G), (t_x_blinding, H), (-x, t_1), (-x * x, t_2),
                    *((-power, v) for power, v in zip(z_powers, parties)))
    need(is_identity(value), kind + "-proof")
    terms = [(1, a_point), (x, s_point), *folds, (w * (t_x - a * b), G), (-e_blinding, H)]
    inverse, scale = pow(y, -1, ORDER), 1
    for i, ((party, weight), (j, k)) in enumerate(zip(weights, places)):
        terms.append((-z - a * s[i], chain(b"G", j)[k]))
        terms.append((z + scale * (z_powers[party] * weight - b * s[-1 - i]), chain(b"H", j)[k]))
        scale = scale * inverse % ORDER
    need(is_identity(combine(*terms)), kind + "-proof")


# Private aggregates.

def check_ledger(log):
    last, days, caps, totals, skips = {}, {}, {}, {}, False
    committed, answered, unproven = set(), set(), set()
    for leaf in log.leaves.values():
        body = leaf.body
        if leaf.kind == RESERVE:
            dataset, day = body.dataset, (body.dataset, body.day)
            due = sum(debit.price for debit in body.debits)
            count = len({debit.query for debit in body.debits})
            need(1 <= count == len(body.debits) <= 64, "budget-inconsistent")
            need(body.spent <= body.cap, "budget-exceeded")
            cap = caps.setdefault(dataset, body.cap)
            due += days.get(day, 0)
            need(due <= body.spent and cap == body.cap, "budget-inconsistent")
            days[day] = body.spent
            for number in body.committed.numbers if body.committed else ():
                need((*day, number.statistic) not in committed, "second-commitment")
                committed.add((*day, number.statistic))
        elif leaf.kind == AGGREGATE:
            dataset, query = body.query.dataset, body.query
            statistic = dataset, query.day, query.statistic
            need(statistic not in answered, "second-draw")
            answered.add(statistic)
            if body.proven is None:
                unproven.add(statistic)
            if query.total is not None:
                noise = {**vars(body.noise), "half_width": 0, "price": query.price}
                before, told, bought = totals.get((dataset, query.statistic), (None, -1, noise))
                same = before == query.total
                need(told < query.day, "totals-overlap")
                need(same or told < query.total.first, "totals-overlap")
                need(not same or bought == noise, "total-noise")
                skips = skips or query.day != (told + 1 if same else query.total.first)
                totals[dataset, query.statistic] = query.total, query.day, noise
        else:
            continue
        need(last.get(dataset, -1) < body.sequence, "sequence-repeated")
        last[dataset] = body.sequence
    need(not unproven & committed, "coins-committed")
    return skips


def lattice(horizon):
    """The first column of the square root of prefix sums, in steps of 2^-20, rounded."""
    exact, column = 1 << 80, []
    for k in range(1, horizon + 1):
        column.append((exact + (1 << 59)) >> 60)
        exact = exact * (2 * k - 1) // (2 * k)
    return column


def total_width(scale, column, days):
    """1.96 deviations of the noise of a total after so many days, and one for rounding."""
    steps = []
    for _ in range(days):
        known = sum(g * c for g, c in zip(reversed(steps), column[1:]))
        steps.append((((1 << 80) - known) >> 20) + 1)
    deviation = isqrt(sum(((g >> 20) + 1) ** 2 for g in steps)) + 1
    return -(-deviation * scale * 1960 // (1_000_000 << 60)) + 1


def check_noise(body):
    query, noise = body.query, body.noise
    kinds = len(set(query.cells))
    need(kinds and kinds == len(query.cells) == len(body.values), "cells-mismatch")
    need(noise.mechanism == query.mechanism, "noise-mechanism")
    sessions, cells, coins = noise.sessions, noise.cells, noise.mechanism == BINOMIAL
    need(coins == (query.coins is not None), "noise-mechanism")
    need(not coins or kinds == 1, "cells-mismatch")
    laplace = noise.mechanism == LAPLACE
    total, days, column = query.total, 0, []
    need((total is None) == (query.mechanism != TOEPLITZ), "total-days")
    if total is not None:
        days = query.day - total.first + 1
        need(1 <= days <= total.horizon <= 1024, "total-days")
        column = lattice(total.horizon)
    norm = sum(c * c for c in column)
    moved = {("sessions.count", LAPLACE): sessions, ("violations.count", LAPLACE): sessions,
             ("sessions.count", BINOMIAL): sessions, ("violations.count", BINOMIAL): sessions,
             ("sessions.outcome", LAPLACE): sessions, ("latency_ms", LAPLACE): sessions,
             ("tools", LAPLACE): sessions * cells,
             ("sessions.outcome", GAUSSIAN): sessions**2, ("latency_ms", GAUSSIAN): sessions**2,
             ("tools", GAUSSIAN): sessions**2 * cells, ("sessions.total", TOEPLITZ): sessions**2 * norm}
    moved.update({(f"latency_ms.p{p}", PERMUTE): sessions * max(p, 100 - p) for p in (50, 95, 99)})
    kind = query.statistic, noise.mechanism
    if (laplace or coins) and query.statistic not in {name for name, _ in moved}:
        moved[kind] = sessions * (query.clamp or 0)
    else:
        need(query.clamp is None and kind in moved, "statistic-unknown")
    if noise.mechanism == PERMUTE:
        need(len(body.values) == 1 and body.values[0] in EDGES, "cells-mismatch")
    need(noise.unit in (None, 1) and (noise.unit is None or sessions == 1), "noise-sensitivity")
    need(cells and noise.sensitivity and moved[kind] == noise.sensitivity, "noise-sensitivity")
    if coins:
        n, squared = query.coins, noise.sensitivity**2
        need(1024 <= n <= 32_768 and n & n - 1 == 0 and squared <= n, "noise-scale")
        price = -(-2 * 10**9 * squared * (129 * n + 8192) // (128 * n * n))
        scale = isqrt(250_000 * n - 1) + 1
        need(price <= query.price and scale == noise.scale, "noise-scale")
        return need(noise.half_width >= -(-1960 * scale // 10**6) + 1, "noise-width")
    # The scale is in thousandths, the price in billionths, a width in tenths of the scale.
    permute = noise.mechanism == PERMUTE
    squared = noise.sensitivity**2 if laplace else noise.sensitivity
    squared = 4 * noise.sensitivity**2 if permute else squared
    need(squared * 10**15 <= 2 * noise.scale**2 * query.price, "noise-scale")
    if total is not None:
        need(noise.half_width >= total_width(noise.scale, column, days), "noise-width")
    elif permute:
        need((noise.half_width + 1) * 1_000_000 >= noise.scale * 49, "noise-width")
    else:
        least = noise.scale * (29 if laplace else 19)
        need((noise.half_width + 1) * 10_000 >= least, "noise-width")


def check_coins(log, leaf, reservation):
    """The noise of coins: promised before, dealt after the commitment, and proven."""
    body, committed, proven = leaf.body, reservation.body.committed, leaf.body.proven
    coins = body.query.mechanism == BINOMIAL
    need((committed is not None) == (proven is not None) == coins, "coins-committed")
    if not coins:
        return
    numbers, debits, day = committed.numbers, reservation.body.debits, body.query.day
    paid = zip(debits, numbers)
    number = next((number for debit, number in paid if debit.query == body.id), None)
    need(1 <= len(committed.dealers) <= 8 and len(numbers) == len(debits), "coins-committed")
    need(number and number.statistic == body.query.statistic, "coins-committed")
    need(len(proven.deals) == len(committed.dealers), "coins-dealt")
    for dealer, deal in zip(committed.dealers, proven.deals):
        need(dealer.since <= day <= 65_535, "coins-dealt")
        link = deal.value
        for _ in range(dealer.since, day + 1):
            link = tagged("coin-link", link)
        need(link == dealer.link, "coins-dealt")
        told = pack({1: log.anchor["origin"], 2: day, 3: deal.value, 4: deal.size, 5: deal.root})
        check_signature(dealer.key, b"cloister/coin-deal/v1\0" + told, deal.signature,
                        "coins-signature")
        met = log_root(reservation.hash, reservation.index, deal.size, deal.path)
        need(met == deal.root, "coins-early")
    seed, n = tagged("coin-seed", *(deal.value for deal in proven.deals)), body.query.coins
    counter, bits = (decode(point, "commitment-encoding") for point in (number.counter, number.bits))
    blinding = read_scalar(proven.blinding, "noise-encoding")
    drawn = (b"cloister/noise-coins/v1\0" + seed + body.id + struct.pack("<Q", n)
             + number.counter + number.bits)
    drawn = hashlib.shake_256(drawn).digest(n // 8)
    flips = [byte >> bit & 1 for byte in drawn for bit in range(8)]
    value, = body.values
    v = combine((value + n // 2 - sum(flips), G), (blinding, H), (-1, counter))
    t = Transcript(b"cloister/noise-proof/v1")
    t.append(("suite", b"bp-ristretto255-merlin3"), ("G", encode(G)), ("H", encode(H)),
             ("context", body.id), ("counter", number.counter), ("A", number.bits),
             ("seed", seed), ("coins", bytes(flips)), ("y", struct.pack("<q", value)),
             ("s", proven.blinding), ("V", encode(v)))
    words = split(proven.words, 8, n, "noise-encoding")
    weights, places = [(0, 1 - 2 * flip) for flip in flips], [divmod(i, 64) for i in range(n)]
    finish(t, bits, [v], weights, places, words, "noise")


def audit(value, vector):
    """What a whole ledger comes to: every entry of the log is there, and what is spent adds up."""
    form, origin, note, leaves, opened = fields(value, 5)
    need(form == "cloister-ledger/1", "format")
    anchor = anchors_of(vector).get(origin)
    need(anchor, "log-not-anchored")
    root, paths = log_tree([leaf_hash(leaf) for leaf in leaves])
    head = open_checkpoint(note, origin, bytes.fromhex(anchor["log_key"]))
    need(head == (len(leaves), root), "ledger-not-the-log")
    shown = [{1: leaf, 2: paths[leaf[1]]} for leaf in opened]
    log = open_log({1: origin, 2: note, 3: shown}, anchor)
    for at, leaf in enumerate(leaves):
        need(leaf[0] not in (BOOT, RESERVE, AGGREGATE) or at in log.leaves, "ledger-hidden")
    skips = check_ledger(log)
    numbers, days = {}, {}
    for leaf in log.leaves.values():
        body = leaf.body
        if leaf.kind == RESERVE:
            numbers.setdefault(body.dataset, []).append(body.sequence)
            day = days.setdefault((body.dataset, body.day), [0, body.spent, body.cap, 0, 0])
            day[0] += sum(debit.price for debit in body.debits)
            day[1] = body.spent
            day[3] += len(body.debits)
        elif leaf.kind == AGGREGATE:
            numbers.setdefault(body.query.dataset, []).append(body.sequence)
    need(all(of == list(range(len(of))) for of in numbers.values()), "ledger-gap")
    need(not skips, "total-gap")
    need(all(due == spent for due, spent, *_ in days.values()), "budget-inconsistent")
    for leaf in log.leaves.values():
        for deal in leaf.body.proven.deals if leaf.kind == AGGREGATE and leaf.body.proven else ():
            part = log_tree([leaf_hash(leaf) for leaf in leaves[:deal.size]])[0]
            need(deal.size <= len(leaves) and part == deal.root, "coins-elsewhere")
    for leaf in log.leaves.values():
        if leaf.kind in (BOOT, RESERVE):
            accept(log, leaf.signer)
    for leaf in log.leaves.values():
        if leaf.kind == AGGREGATE:
            check_aggregate({origin: log}, {1: origin, 2: leaf.index})
            days[leaf.body.query.dataset, leaf.body.query.day][4] += 1
    return days


def check_aggregate(logs, place):
    origin, index = fields(place, 2)
    need(origin in logs, "log-missing")
    log = logs[origin]
    need(index in log.leaves, "leaf-missing")
    leaf = log.leaves[index]
    need(leaf.kind == AGGREGATE, "aggregate-kind")
    check_ledger(log)
    body = leaf.body
    check_noise(body)
    need(body.at[1] >= (body.query.day + 1) * 86_400_000, "aggregate-early")
    ledger = [of for of in log.leaves.values()
              if of.kind == RESERVE and of.body.dataset == body.query.dataset
              or of.kind == AGGREGATE and of.body.query.dataset == body.query.dataset]
    paid = [of for of in ledger if of.kind == RESERVE and of.body.sequence == body.reserved]
    need(paid, "reservation-missing")
    reserve = paid[0].body
    prices = {debit.query: debit.price for debit in reserve.debits}
    need(body.id in prices, "reservation-query")
    need(reserve.day == body.query.day, "reservation-day")
    need(prices[body.id] == body.query.price, "reservation-debit")
    need(paid[0].index < index and body.reserved < body.sequence, "reservation-order")
    need(paid[0].signer == leaf.signer, "reservation-boot")
    shown = [of for of in ledger if body.reserved <= of.body.sequence <= body.sequence]
    need(len(shown) == body.sequence - body.reserved + 1, "sequence-gap")
    check_coins(log, leaf, paid[0])
    accept(log, paid[0].signer)
    accept(log, leaf.signer)


# Verdicts.

def open_bundle(value, vector):
    names = "format logs schemas boots claims aggregates stamps missing"
    bundle = record(unpack(pack(value)), names)
    need(bundle.format == "cloister-bundle/1", "format")
    anchors, origins = anchors_of(vector), [view[1] for view in bundle.logs]
    need(all(a < b for a, b in zip(origins, origins[1:])), "log-order")
    need(set(origins) <= set(anchors), "log-not-anchored")
    return bundle, {view[1]: open_log(view, anchors[view[1]]) for view in bundle.logs}


def anchors_of(vector):
    return {anchor["origin"]: anchor for anchor in vector["anchors"]["logs"]}


def same_sessions(one, other):
    """Whether two ranges count the same sessions: only a tally after one that broke does not."""
    same_party = (one.origin, one.party) == (other.origin, other.party)
    return one.root == other.root and not (same_party and one.generation != other.generation)


def check_claim(bundle, logs, proven, vector, steps):
    value, stands, (kind, (proof,)) = fields(proven, 3)
    claim, anchors = record(value, "statements ranges audience expiry gaps"), vector["anchors"]
    need(1 <= len(claim.statements) <= 64 and 1 <= len(claim.ranges) <= 16, "statement-count")
    ranges = [record(of, "origin root party generation first last") for of in claim.ranges]
    for of in ranges:
        need(re.fullmatch("did:[a-z0-9]+:[!-~]+", of.party) and len(of.party) <= 256, "malformed")
        need(of.generation < 2**32, "malformed")
        number = [struct.pack(">I", of.generation)] if of.generation else []
        of.tally = tagged("tally", of.root, of.party.encode(), *number)
    order = [list(of.values()) for of in claim.ranges]
    need(all(a < b for a, b in zip(order, order[1:])), "range-order")
    twice = any(same_sessions(a, b) for at, a in enumerate(ranges) for b in ranges[:at])
    need(not twice or all(of[0] == AGREE for of in claim.statements), "range-twice")
    need(len(stands) == len(ranges), "stand-count")
    stands = [find_stand(bundle, logs, claim, *pair) for pair in zip(ranges, stands)]
    statements = [read_forms(predicate, stands) for predicate in claim.statements]
    terms = [place for forms in statements for one in forms for place in one.coefficients]
    need(len(terms) <= 16384, "too-many-terms")
    signed = kind == SIGNED
    need(not signed or not any(stand.opened for stand in stands), "signed-commitments")
    for at, stand in enumerate(stands):
        used = {counter for of, counter in terms if of == at and not signed}
        check_commitments(stand, sorted(used))
    for stand in stands:
        check_boots(bundle, stand)
    first = stands[0]
    steps.update(G=encode(G), H=encode(H), program=program(claim.statements[0])[0],
                 schema=first.pact.schema, leaf_before=first.before.hash,
                 leaf_after=first.after.hash, evidence=first.boot.evidence)
    if signed:
        check_signed(begin(claim, value, stands, b"signed"), stands, proof)
    else:
        t = begin(claim, value, stands, b"zero-knowledge")
        check_linear(t, *find_points(claim, stands, statements), proof, steps)
    need(all(of.root.hex() in anchors["pacts"] for of in ranges), "pact-not-anchored")
    need(vector["now_ms"] < claim.expiry, "expired")
    did, nonce = claim.audience[1] or (anchors["audience"], None)
    need(did == anchors["audience"], "audience")
    need((nonce and nonce.hex()) == anchors["nonce"], "nonce")
    need(not any(stand.gaps[3] for stand in stands), "tail-open")
    need(sum(sum(stand.gaps) for stand in stands) <= claim.gaps, "gap")


def verdict(value, vector, check):
    """The code of one check of a decoded bundle, or of the bundle when it is unusable."""
    try:
        check(*open_bundle(value, vector))
    except Refused as refused:
        return str(refused)
    return "verified"


def claim_verdict(value, vector, at, steps=None):
    def check(bundle, logs):
        check_claim(bundle, logs, bundle.claims[at], vector, {} if steps is None else steps)
    return verdict(value, vector, check)


def aggregate_verdict(value, vector, at, change=lambda logs: None):
    def check(bundle, logs):
        change(logs)
        check_aggregate(logs, bundle.aggregates[at])
    return verdict(value, vector, check)


# Accusations.

FORKED_HEAD, FORKED_LEAF, TWO_TOTALS, WRONG_OPENING = range(1, 5)


def instead(code, check, *arguments):
    """What a check returns; when it refuses, under this code."""
    try:
        return check(*arguments)
    except Refused:
        raise Refused(code) from None


def judge(data, anchors):
    """What an accusation convicts the log of."""
    accusation = record(unpack(data, "accusation-non-canonical"), "format origin charge")
    need(accusation.format == "cloister-accusation/1", "accusation-format")
    need(accusation.origin in anchors, "accusation-log-not-anchored")
    anchor, (number, shown) = anchors[accusation.origin], accusation.charge
    key = bytes.fromhex(anchor["log_key"])

    def head(note):
        return instead("accusation-checkpoint", open_checkpoint, note, accusation.origin, key)

    def included(note, opened):
        (size, root), (disclosed, path) = head(note), fields(opened, 2)
        index, leaf, _, _ = fields(disclosed, 4)
        found = index < size and log_root(leaf_hash(leaf), index, size, path) == root
        need(found, "accusation-not-included")
        return index, leaf_hash(leaf)

    if number == FORKED_HEAD:
        (size, root), (other_size, other_root) = map(head, shown)
        need(size == other_size and root != other_root, "accusation-heads-agree")
        return "fork"
    if number == FORKED_LEAF:
        (index, leaf), (other_index, other_leaf) = included(*shown[:2]), included(*shown[2:])
        need(index == other_index and leaf != other_leaf, "accusation-leaves-agree")
        return "fork"
    if number == TWO_TOTALS:
        try:
            open_log(shown[0], anchor)
        except Refused as refused:
            need(str(refused) == "equivocation" and shown[0][1] == accusation.origin,
                 "accusation-view")
            leaves = [opened[1][2] for opened in shown[0][3]]
            boots = [leaf[2] for leaf in leaves if leaf[0] == BOOT]
            need(all(leaf[2] in boots for leaf in leaves if leaf[0] == TALLY), "accusation-view")
            return "two-totals"
        raise Refused("accusation-totals-agree")
    need(number == WRONG_OPENING, "accusation-malformed")
    view, place, signed, commitment, path = shown
    signed = record(signed, "opening index count path boot signature")
    opening = record(signed.opening, "counter value blinding")
    log = instead("accusation-view", open_log, view, anchor)
    need(view[1] == accusation.origin, "accusation-view")
    leaf = log.leaves.get(place)
    need(leaf and leaf.kind == TALLY, "accusation-view")
    root = tree_root("commitment", commitment, opening.counter, leaf.body.counters, path)
    need(root == leaf.body.commitments, "accusation-commitment-path")
    root = tree_root("opening", pack(signed.opening), signed.index, signed.count, signed.path)
    need(root, "accusation-opening-path")
    need(signed.boot in log.boots and leaf.signer in log.boots, "accusation-view")
    earlier = log.boots[signed.boot].index < log.boots[leaf.signer].index
    need(not earlier, "accusation-opening-signature")
    check_signature(log.boots[signed.boot].body.boot_key,
                    b"cloister/openings-signature/v1\0" + leaf.hash + root, signed.signature,
                    "accusation-opening-signature")
    blinding = int.from_bytes(opening.blinding, "little")
    opens = blinding < ORDER and commitment == commit(opening.value, blinding)
    need(not opens, "accusation-opening-right")
    return "wrong-opening"


def commit(value, blinding):
    return encode(combine((value, G), (blinding, H)))


# Self-test: changed copies, and accusations that are made here.

def flip(value):
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + 1


def flipped(value, way, change=flip):
    """A copy of which one place is changed."""
    *way, last = way
    other = copy.deepcopy(value)
    place = reduce(getitem, way, other)
    place[last] = change(place[last])
    return other


def flip_scalar(proof):
    # A bit of t_x: of a point it would be another code.
    return proof[:128] + flip(proof[128:])


def changed_claims(value, at):
    """(what, a copy of a bundle where a claim is changed, the code that is due)."""
    claim, _, (kind, (proof,)) = value[5][at].values()
    due = "signed-proof" if kind == SIGNED else "equality-proof" if proof[1] else "range-proof"
    ways = [("nonce", [1, 3, 1, 1], due), ("expiry", [1, 4], due), ("gaps", [1, 5], due),
            ("party", [1, 2, 0, 3], "tally-before"), ("generation", [1, 2, 0, 4], "tally-before"),
            ("last epoch", [1, 2, 0, 6], "epoch-after"), ("pact leaf", [2, 0, 3], "pact-not-pact"),
            ("consent path", [2, 0, 4, 0, 3, 0], "not-consented"),
            ("consent salt", [2, 0, 4, 0, 1, 6], "not-consented")]
    again = flipped(value, [5, at, 1, 2], lambda ranges: [*ranges, {**ranges[-1], 6: 3}])
    alike = all(number == AGREE for number, _ in claim[1])
    yield "second range", again, "stand-count" if alike else "range-twice"
    none = flipped(value, [5, at, 1, 1], lambda _: [])
    yield "list of statements", none, "statement-count"
    if claim[1][0][0] in THRESHOLDS:
        ways.append(("threshold", [1, 1, 0, 1, -1], "not-consented-threshold"))
    if kind == SIGNED:
        ways += [("signature", [3, 1, 0, 3], due), ("size", [3, 1, 0, 2], due)]
        yield "earlier size", flipped(value, [5, at, 3, 1, 0, 2], lambda _: 7), "signed-order"
    else:
        ways += [("commitment", [2, 0, 5, 0, 4], "commitment-path-after"),
                 ("path before", [2, 0, 5, 0, 3, 0], "commitment-path-before"),
                 ("path after", [2, 0, 5, 0, 5, 0], "commitment-path-after")]
    if kind == ZERO_KNOWLEDGE and proof[1]:
        ways.append(("response", [3, 1, 0, 1, 0, 1], "equality-proof"))
    if kind == ZERO_KNOWLEDGE and proof[3]:
        yield "range proof", flipped(value, [5, at, 3, 1, 0, 3], flip_scalar), "range-proof"
    for what, way, code in ways:
        yield what, flipped(value, [5, at, *way]), code


def changed_bundles(value):
    """(what, a copy of a bundle where what claim 0 stands on is changed, the code due)."""
    log = [2, 0, 3, 2]
    yield "life", flipped(value, [4, 0, 0, 0, 3]), "boots-missing"
    yield "schema", flipped(value, [3, 0, 0, 0, 3]), "schema-missing"
    yield "path in the log", flipped(value, [*log, 2, 0]), "not-included"
    yield "leaf", flipped(value, [*log, 1, 2, 3]), "not-included"
    yield "body", flipped(value, [*log, 1, 4]), "body-digest"
    yield "salt of a body", flipped(value, [*log, 1, 3]), "body-digest"
    resized = flipped(value, [2, 0, 2], lambda note: re.sub(r"\n(\d+)\n", r"\n1\1\n", note))
    yield "checkpoint", resized, "checkpoint-bad-signature"


def changed_anchors(vector):
    """(what, a copy of a vector where its anchors are changed, the code of claim 0)."""
    log = ["anchors", "logs", 0]
    yield "nonce", flipped(vector, ["anchors", "nonce"]), "nonce"
    yield "audience", flipped(vector, ["anchors", "audience"]), "audience"
    yield "pact", flipped(vector, ["anchors", "pacts", 0]), "pact-not-anchored"
    yield "time", flipped(vector, ["now_ms"], lambda _: 1_000_000), "expired"
    yield "log", flipped(vector, [*log, "origin"]), "log-not-anchored"
    yield "log key", flipped(vector, [*log, "log_key"]), "checkpoint-wrong-key"
    yield "evidence", flipped(vector, [*log, "appraised_evidence", 0]), "evidence"
    yield "config", flipped(vector, [*log, "configs", 0]), "config-not-anchored"


def statistic(value, origin, index):
    view = next(view for view in value[2] if view[1] == origin)
    body = next(leaf[1][4] for leaf in view[3] if leaf[1][1] == index)
    return unpack(body)[3][3]


def changed_aggregates(value, vector, at):
    """(what, the code of a changed aggregate, the code due)."""
    origin, index = value[6][at].values()

    def altered(*way):
        def change(logs):
            *path, last = way
            place = reduce(getattr, path, logs[origin].leaves[index].body)
            setattr(place, last, getattr(place, last) + 1)
        return aggregate_verdict(value, vector, at, change)

    yield "place", aggregate_verdict(flipped(value, [6, at, 2], lambda n: 9), vector, at), \
        "aggregate-kind"
    withheld = copy.deepcopy(value)
    leaves = next(view[3] for view in withheld[2] if view[1] == origin)
    leaves.remove([of for of in leaves if of[1][2][0] == RESERVE][-1])
    yield "ledger", aggregate_verdict(withheld, vector, at), "reservation-missing"
    if "count" in statistic(value, origin, index):
        yield from changed_coins(altered, value, vector, at)
        return
    yield "reservation", altered("reserved"), "reservation-missing"
    if "total" in statistic(value, origin, index):
        yield "days", altered("query", "total", "horizon"), "noise-sensitivity"
        yield "number", altered("sequence"), "sequence-gap"
    else:
        yield "query", altered("query", "day"), "aggregate-early"
        yield "number", altered("sequence"), "sequence-repeated"
    yield "price", altered("query", "price"), "reservation-debit"
    yield "mechanism", altered("noise", "mechanism"), "noise-mechanism"
    yield "sensitivity", altered("noise", "sensitivity"), "noise-sensitivity"

    def sharpen(logs):
        logs[origin].leaves[index].body.noise.scale //= 2
    yield "scale", aggregate_verdict(value, vector, at, sharpen), "noise-scale"

    def narrow(logs):
        logs[origin].leaves[index].body.noise.half_width //= 2
    yield "width", aggregate_verdict(value, vector, at, narrow), "noise-width"

    def drop(logs):
        logs[origin].leaves[index].body.values.pop()
    yield "values", aggregate_verdict(value, vector, at, drop), "cells-mismatch"


def changed_coins(altered, value, vector, at):
    """The same of a number with the noise of coins."""
    origin, index = value[6][at].values()

    def with_coins(change):
        def both(logs):
            body = logs[origin].leaves[index].body
            paid = next(of.body for of in logs[origin].leaves.values()
                        if of.kind == RESERVE and of.body.sequence == body.reserved)
            change(body, paid)
        return aggregate_verdict(value, vector, at, both)

    def put(part, name, change=flip):
        setattr(part, name, change(getattr(part, name)))

    def shift(body, _):
        body.values[0] += 1

    yield "reservation", altered("reserved"), "reservation-missing"
    yield "coins", altered("query", "coins"), "noise-scale"
    yield "number", with_coins(shift), "noise-proof"
    yield "proof", with_coins(lambda body, _: put(body.proven, "words", lambda of: of[:-32])), \
        "noise-encoding"
    yield "blinding", with_coins(lambda body, _: put(body.proven, "blinding", lambda of: b"\1" + of[1:])), \
        "noise-proof"
    yield "statistic", with_coins(lambda _, paid: put(paid.committed.numbers[0], "statistic",
                                                      lambda _: "x")), "coins-committed"
    yield "bits", with_coins(lambda _, paid: put(paid.committed.numbers[0], "bits",
                                                 lambda _: encode(G))), "noise-proof"
    yield "set of dealers", with_coins(lambda _, paid: paid.committed.dealers.pop()), "coins-dealt"
    yield "dealer", with_coins(lambda _, paid: put(paid.committed.dealers[0], "key",
                                                   lambda _: log_key(vector))), "coins-signature"
    yield "promise", with_coins(lambda _, paid: put(paid.committed.dealers[1], "link")), "coins-dealt"
    for name, code in (("value", "coins-dealt"), ("signature", "coins-signature"),
                       ("root", "coins-signature")):
        yield name, with_coins(lambda body, _: put(body.proven.deals[0], name)), code
    yield "path", with_coins(lambda body, _: put(body.proven.deals[0], "path",
                                                 lambda of: of[:-1])), "coins-early"


def log_key(vector):
    return bytes.fromhex(vector["anchors"]["logs"][0]["log_key"])


def log_tree(hashes):
    """The RFC 6962 root over leaf hashes, and the audit path of each."""
    if len(hashes) == 1:
        return hashes[0], [[]]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    (left, first), (right, second) = log_tree(hashes[:split]), log_tree(hashes[split:])
    top = hashlib.sha256(b"\1" + left + right).digest()
    return top, [path + [right] for path in first] + [path + [left] for path in second]


def private_key(seed):
    """A key of the vectors: its seed is one byte, repeated."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def publish(origin, disclosed, key):
    """A view of a log of these leaves."""
    root, paths = log_tree([leaf_hash(leaf[2]) for leaf in disclosed])
    text = f"{origin}\n{len(disclosed)}\n{base64.b64encode(root).decode()}\n"
    public = key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(origin.encode() + b"\n\1" + public).digest()[:4]
    line = base64.b64encode(key_id + key.sign(text.encode())).decode()
    leaves = [{1: {**leaf, 1: at}, 2: paths[at]} for at, leaf in enumerate(disclosed)]
    return {1: origin, 2: f"{text}\n— {origin} {line}\n", 3: leaves}


def accusations(view, stand):
    """(a charge, the outcome due) against the log of a vector, with keys that it gives away."""
    origin, note, leaves = view.values()
    disclosed, key = [leaf[1] for leaf in leaves], private_key(1)
    short = publish(origin, disclosed[2:3], key)
    twice = publish(origin, [disclosed[0], disclosed[2], disclosed[2]], key)
    expect(publish(origin, disclosed, key) == view, "the log cannot be made again")
    counter, _, _, commitment, path = stand[5][0].values()
    tally, boot = disclosed[stand[2]], disclosed[stand[2]][2][2]
    secret, = blindings(read_body(TALLY, tally[4]), [counter])

    def opened(value):
        opening = {1: counter, 2: value, 3: secret.to_bytes(32, "little")}
        root = whole_tree("opening", [pack(opening)])
        message = b"cloister/openings-signature/v1\0" + leaf_hash(tally[2]) + root
        signed = {1: opening, 2: 0, 3: 1, 4: [], 5: boot, 6: private_key(3).sign(message)}
        return [view, stand[2], signed, commitment, path]

    yield [FORKED_HEAD, [note, note]], "accusation-heads-agree"
    yield [FORKED_HEAD, [note, short[2]]], "accusation-heads-agree"
    yield [FORKED_HEAD, [note, flip(note)]], "accusation-checkpoint"
    yield [FORKED_LEAF, [note, leaves[0], short[2], short[3][0]]], "fork"
    yield [FORKED_LEAF, [note, leaves[0], note, leaves[0]]], "accusation-leaves-agree"
    yield [FORKED_LEAF, [note, leaves[0], note, leaves[1]]], "accusation-leaves-agree"
    yield [FORKED_LEAF, [note, leaves[0], note, short[3][0]]], "accusation-not-included"
    yield [TWO_TOTALS, [twice]], "two-totals"
    yield [TWO_TOTALS, [view]], "accusation-totals-agree"
    yield [TWO_TOTALS, [flipped(twice, [3, 0, 1, 4])]], "accusation-view"
    yield [WRONG_OPENING, opened(6)], "wrong-opening"
    yield [WRONG_OPENING, opened(5)], "accusation-opening-right"
    yield [WRONG_OPENING, flipped(opened(6), [1])], "accusation-commitment-path"
    yield [WRONG_OPENING, flipped(opened(6), [1], lambda _: 1)], "accusation-view"
    yield [WRONG_OPENING, flipped(opened(6), [2, 1, 2])], "accusation-opening-signature"
    yield [WRONG_OPENING, flipped(opened(6), [2, 2])], "accusation-opening-path"
    yield [WRONG_OPENING, flipped(opened(6), [2, 5])], "accusation-view"
    yield [WRONG_OPENING, flipped(opened(6), [3])], "accusation-commitment-path"


# Examples of the specification.

def blinding(*of):
    """The scalar of a place."""
    return int.from_bytes(expanded(*of), "little") % ORDER


def expanded(root, tally, epoch, salt, boot_key, place, secret=bytes([0x32]) * 32):
    """HKDF-SHA-512 (RFC 5869), of which one block is needed."""
    info = (b"cloister/blinding/v1\0" + root + tally + struct.pack(">Q", epoch) + boot_key
            + struct.pack(">H", place))
    key = hmac.digest(salt, secret, "sha512")
    return hmac.digest(key, info + b"\1", "sha512")


def blindings(body, places, of=blinding):
    """Those of a tally leaf that the second boot signed."""
    boot_key = private_key(3).public_key().public_bytes_raw()
    return [of(body.root, body.tally, body.epoch, body.salt, boot_key, place) for place in places]


# Poseidon over the scalar field of BN254 (eprint 2019/458), of ten lanes.

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
LANES, FULL, PARTIAL = 10, 8, 60


@cache
def rounds():
    """Round constants and matrix, from the Grain LFSR of the paper's supplementary material."""
    state = [int(bit) for bit in f"{1:02b}{0:04b}{254:012b}{LANES:012b}{FULL:010b}{PARTIAL:010b}"]
    state += [1] * 30

    def step():
        state.append(state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0])
        del state[0]
        return state[-1]

    def bit():
        while not step():
            step()
        return step()

    def number():
        return reduce(lambda n, _: 2 * n + bit(), range(254), 0)

    def below():
        return next(n for n in iter(number, None) if n < FIELD)

    for _ in range(160):
        step()
    constants = [[below() for _ in range(LANES)] for _ in range(FULL + PARTIAL)]
    rows, columns = ([number() % FIELD for _ in range(LANES)] for _ in range(2))
    return constants, [[pow(x + y, -1, FIELD) for y in columns] for x in rows]


def poseidon(numbers):
    """Hash of up to nine numbers."""
    constants, matrix = rounds()
    lanes = [0, *numbers] + [0] * (LANES - 1 - len(numbers))
    for at, adds in enumerate(constants):
        lanes = [lane + add for lane, add in zip(lanes, adds)]
        whole = at < FULL // 2 or at >= FULL // 2 + PARTIAL
        lanes = [pow(lane, 5, FIELD) if whole or not n else lane for n, lane in enumerate(lanes)]
        lanes = [sum(a * b for a, b in zip(row, lanes)) % FIELD for row in matrix]
    return lanes[0]


def hashed_list(label, numbers):
    """Running hash of a list under a label."""
    hashed = int.from_bytes(tagged(label)[1:], "big")
    for at in range(0, len(numbers), 8):
        hashed = poseidon([hashed, *numbers[at:at + 8]])
    return hashed


def remake(body):
    """Commitments' root, cut and kappa of the leaf with index 7, from what its holder knows."""
    values = 200, 195, 5, 0, 190, 9, 1, 2**63, 8
    *of, cut = blindings(body, [*range(len(values)), 65535])
    sessions = combine((cut, H))
    for n in (1, 2):
        numbers = struct.pack(">Q", 3), struct.pack(">Q", 2)
        session = tagged("cut", bytes([n]) * 32, *numbers, bytes([n]) * 32, bytes([n + 1]) * 32)
        sessions = add(sessions, from_uniform(hashlib.sha512(session).digest()))
    # No entry was logged, and the schema has none of the counters of calls and sums.
    moved = [*values, *[0] * (94 - len(values))]
    start = int.from_bytes(tagged("segment-log")[1:], "big")
    hiding = int.from_bytes(blindings(body, [65533], expanded)[0], "big") % FIELD
    kappa = hashed_list("segment-counters", [hiding, start, *moved]).to_bytes(32, "big")
    return whole_tree("commitment", list(map(commit, values, of))), encode(sessions), kappa


def check_examples(text, vector):
    """Every example of the specification is met in the vector, or made again; counts them."""
    data, anchors = bytes.fromhex(vector["bundle"]), anchors_of(vector)
    value = unpack(data)
    view, (claim, (stand,), _) = value[2][0], value[5][0].values()
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.S | re.M)
    notes = [block for block in blocks if "\n\n— " in block]
    expect(notes[0] == view[2], "the checkpoint is another")
    accusation = pack({1: "cloister-accusation/1", 2: view[1], 3: [FORKED_HEAD, notes]})
    expect(judge(accusation, anchors) == "fork", "the accusation is unfounded")
    document, told = [json.loads(block) for block in blocks if block.startswith("{")]
    expect(document == vector["anchors_document"], "the anchors document is another")
    items = [{"verdict": item["verdict"], "words": item["statement"]} for item in told["items"]]
    expect(items == vector["items"] and told["at_ms"] == vector["now_ms"], "the verdict is another")
    expect(told["claims"] == list(told_claims(value, vector)), "the verdict is of other claims")
    expect([log["origin"] for log in told["logs"]] == [view[1]], "the verdict is of another log")

    shown = f"{data.hex()} {accusation.hex()}"
    digits = [re.sub(r"#.*|\s", "", block) for block in blocks]
    encoded = [of for of in digits if re.fullmatch("[0-9a-f…]+", of)]
    for of in encoded:
        expect(re.search(of.replace("…", "[0-9a-f]*"), shown), f"{of} is not in the vector")
    length, start = re.search(r"the (\d+) bytes of its bundle from byte (\d+) on", text).groups()
    there = data[int(start) : int(start) + int(length)]
    expect(there == pack(claim), f"the claim is not at byte {start}")
    preimage = bytes.fromhex(re.search("is the hash of `([0-9a-f ]+)`", text)[1])
    expect(tagged("claim-program", preimage) == program(claim[1][0])[0], "the program is another")

    _, root, party, *_ = claim[2][0].values()
    first = next(leaf[1][2] for leaf in view[3] if leaf[1][2][0] == TALLY)
    one, two, four, five, nine = (bytes([n]) * 32 for n in (1, 2, 4, 5, 9))
    alone = blinding(one, two, 3, four, five, 0, nine).to_bytes(32, "little")
    made = [encode(G), encode(H), leaf_hash(first), alone,
            tagged("tally", root, party.encode())]
    words = re.findall(r"\b[0-9a-f]{64}\b", text)
    for word in words:
        expect(word in shown or bytes.fromhex(word) in made, f"{word} is nowhere met")
    body = read_body(TALLY, view[3][7][1][4])
    known = 13589767895268936107593642967621470491511464502761040466226072462545218539640
    expect(poseidon(range(1, 10)) == known, "Poseidon is another")
    due = body.commitments, body.cut, body.kappa
    expect(remake(body) == due, "leaf 7 cannot be made again")
    return len(notes) + len(items) + len(encoded) + len(words)


def told_claims(value, vector):
    """What a verdict says of each claim, whatever comes of it."""
    bundle, logs = open_bundle(value, vector)
    for proven in bundle.claims:
        value, stands, (kind, _) = fields(proven, 3)
        claim = record(value, "statements ranges audience expiry gaps")
        ranges = []
        for of, stand in zip(claim.ranges, stands):
            stretch = record(of, "origin root party generation first last")
            before, after = (logs[stretch.origin].leaves[stand[end]].body.at for end in (1, 2))
            ranges.append({
                "origin": stretch.origin, "pact": f"sha256:{stretch.root.hex()}",
                "party": stretch.party, "first": stretch.first, "last": stretch.last,
                "began_ms": before[0], "ended_ms": after[1]})
        did, _ = claim.audience[1] or (None, None)
        yield {"proof": "signed" if kind == SIGNED else "zero-knowledge", "audience": did,
               "expiry_ms": claim.expiry, "admitted_gaps": claim.gaps, "ranges": ranges}


def expect(holds, otherwise):
    if not holds:
        sys.exit(otherwise)


def check_vector(path):
    vector = json.loads(path.read_text())
    if "accusations" in vector:
        return check_judgements(path.name, vector)
    if "ledger" in vector:
        return check_whole(path.name, vector)
    value, items = unpack(bytes.fromhex(vector["bundle"])), iter(vector["items"])
    check_document(vector["anchors_document"], vector["anchors"])
    for at, proven in enumerate(value[5]):
        name, steps = f"{path.name} claim {at}", {}
        code = claim_verdict(value, vector, at, steps)
        due = {next(items)["verdict"] for _ in proven[1][1]}
        expect(due == {code}, f"{name}: {code}, but the vector says {due}")
        for step, due in vector.get("steps", {}).items() if at == 0 else ():
            met = steps[step].hex() if isinstance(steps[step], bytes) else steps[step]
            expect(met == due, f"{name}: {step} is {met}, but the vector says {due}")
        copies = [(what, claim_verdict(other, vector, at), due)
                  for what, other, due in changed_claims(value, at)]
        if at == 0:
            copies += [(what, claim_verdict(other, vector, at), due)
                       for what, other, due in changed_bundles(value)]
            copies += [(f"anchored {what}", claim_verdict(value, other, at), due)
                       for what, other, due in changed_anchors(vector)]
        report(name, code, copies)
    for at, _ in enumerate(value[6]):
        name, code = f"{path.name} aggregate {at}", aggregate_verdict(value, vector, at)
        due = next(items)["verdict"]
        expect(code == due, f"{name}: {code}, but the vector says {due}")
        report(name, code, list(changed_aggregates(value, vector, at)))
    expect(next(items, None) is None and not value[8], f"{path.name}: another number of items")


def check_judgements(name, vector):
    for shown in vector["accusations"]:
        try:
            met = judge(bytes.fromhex(shown["accusation"]), anchors_of(vector))
        except Refused as refused:
            met = str(refused)
        expect(met == shown["outcome"], f"{name}, {shown['what']}: {met}, not {shown['outcome']}")
    print(f"{name}: {len(vector['accusations'])} judged as the vector says")


def check_accusations(vector):
    bundle, anchors = unpack(bytes.fromhex(vector["bundle"])), anchors_of(vector)
    view, stand, count = bundle[2][0], bundle[5][0][2][0], 0
    for count, (charge, due) in enumerate(accusations(view, stand), 1):
        accusation = pack({1: "cloister-accusation/1", 2: view[1], 3: charge})
        try:
            met = judge(accusation, anchors)
        except Refused as refused:
            met = str(refused)
        expect(met == due, f"accusation {count}: {met}, but {due} is due")
    return count


def check_whole(name, vector):
    def met(value):
        try:
            return audit(value, vector) and "verified"
        except Refused as refused:
            return str(refused)

    value = unpack(bytes.fromhex(vector["ledger"]))
    expect(met(value) == vector["verdict"], f"{name}: {met(value)}, not {vector['verdict']}")
    names = "spent_nano_rho", "cap_nano_rho", "paid", "answered"
    days = {(bytes.fromhex(day["dataset"]), day["day"]): [day[name] for name in names]
            for day in vector["days"]}
    added = {day: of[1:] for day, of in audit(value, vector).items()}
    expect(days == added, f"{name}: the days come to {added}")
    copies = [("length", met({**value, 4: value[4][:-1]}), "ledger-not-the-log"),
              ("leaf", met(flipped(value, [4, 0, 1])), "ledger-not-the-log"),
              ("order", met({**value, 5: value[5][1:2] + value[5][:1]}), "leaf-order"),
              ("body", met(flipped(value, [5, 2, 4])), "body-digest"),
              ("origin", met({**value, 2: "x"}), "log-not-anchored"),
              ("format", met({**value, 1: "x"}), "format")]
    copies += [(f"number of entries, without {at}",
                met({**value, 5: value[5][:at] + value[5][at + 1:]}), "ledger-hidden")
               for at, leaf in enumerate(value[5]) if leaf[2][0] != BOOT]
    report(name, vector["verdict"], copies)


def report(name, code, copies):
    for what, met, due in copies:
        expect(met == due, f"{name} with another {what}: {met}, but {due} is due")
    print(f"{name}: {code}; {len(copies)} changed copies refused")


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for path in [pathlib.Path(name) for name in sys.argv[1:]] or sorted(here.glob("*.json")):
        try:
            check_vector(path)
        except Refused as refused:
            sys.exit(f"{path.name}: unusable, {refused}")
    single = json.loads((here / "single.json").read_text())
    examples = check_examples((here.parent / "SPEC.md").read_text(), single)
    print(f"SPEC.md: {examples} examples are as the vectors have them")
    print(f"accusations: {check_accusations(single)} judged as they are due")
