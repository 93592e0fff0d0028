#!/usr/bin/env python3
"""Checks the published vectors from their bytes to their verdicts.

A second reading of ../SPEC.md in plain Python. It shares no code with the Rust implementation, nor
a library: the group, the transcript and the proofs are written out below, to be read, and not in
constant time. Of others it takes the syntax of CBOR (cbor2) and Ed25519 (cryptography, which does
not refuse keys of small order).

    check.py [vector.json ...]     all vectors beside this file when none is named

It prints a line for each claim. Each claim is also changed in several places, one at a time, and
every changed copy must be refused with the code of what was changed. The first mismatch ends it
with exit status 1. What the vectors do not exercise is refused (revised pacts, calendar months) or
left out (breaks, gaps, the order of a tally's boots); private aggregates are not checked either.
"""

import base64
import copy
import hashlib
import json
import math
import pathlib
import struct
import sys
from functools import cache, reduce
from operator import getitem
from types import SimpleNamespace

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


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
    """The root that a leaf of a commitment or consent tree has with this path."""
    if index >= count or len(path) != (count - 1).bit_length():
        return None
    top = tagged(kind + "-leaf", leaf)
    for level, sibling in enumerate(path):
        top = tagged(kind + "-node", *((sibling, top) if index >> level & 1 else (top, sibling)))
    return tagged(kind + "-node", b"count", struct.pack(">Q", count), top)


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

BOOT, PACT, TALLY = 1, 2, 3
BODIES = {
    BOOT: "boot boot_key log_key config evidence at",
    PACT: "pact root prior? schema consent count at",
    TALLY: "suite tally root pact schema counters epoch at salt commitments gaps boots previous?"
           " hidden cut padding",
}
ZERO_KNOWLEDGE, SIGNED = 1, 2
BOUNDED, RATIO, PERCENTILE, NEVER, EQUAL, RATE, AGREE = range(1, 8)
THRESHOLDS = {BOUNDED: (1, 2), RATIO: (3, 4, 5), PERCENTILE: (1, 2, 3), RATE: (2, 3)}


def record(value, names):
    """The fields of a map by their names; None for one that may be absent."""
    keys = dict(enumerate(names.split(), 1))
    must = {key for key, name in keys.items() if not name.endswith("?")}
    need(must <= set(value) <= set(keys), "malformed")
    return SimpleNamespace(**{name.rstrip("?"): value.get(key) for key, name in keys.items()})


def pack(value):
    return cbor2.dumps(value, canonical=True)


def unpack(data):
    value = cbor2.loads(data)
    need(pack(value) == data, "non-canonical")
    return value


# Leaves: in the log, opened, signed.

def open_checkpoint(note, origin, key):
    text, _, signatures = note.rpartition("\n\n")
    _, size, root = text.split("\n")
    size, root = int(size), base64.b64decode(root)
    need(text == f"{origin}\n{size}\n{base64.b64encode(root).decode()}", "checkpoint-malformed")
    key_id = hashlib.sha256(origin.encode() + b"\n\1" + key).digest()[:4]
    lines = [line.split(" ") for line in signatures.splitlines()]
    blobs = [base64.b64decode(blob) for dash, name, blob in lines if (dash, name) == ("—", origin)]
    ours = [blob[4:] for blob in blobs if blob[:4] == key_id]
    need(len(ours) == 1, "checkpoint-unsigned")
    check_signature(key, text.encode() + b"\n", ours[0], "checkpoint-bad-signature")
    return size, root


def open_log(view, anchors):
    origin, checkpoint, leaves = view.values()
    anchor = anchors[origin]
    log = SimpleNamespace(key=bytes.fromhex(anchor["log_key"]), leaves={}, boots={})
    log.size, root = open_checkpoint(checkpoint, origin, log.key)
    for disclosed, path in map(dict.values, leaves):
        index, leaf, salt, body = disclosed.values()
        need(max(log.leaves, default=-1) < index < log.size, "leaf-order")
        hash = hashlib.sha256(b"\0" + pack(leaf)).digest()
        need(log_root(hash, index, log.size, path) == root, "not-included")
        kind, digest, signer, signature = leaf
        need(tagged("leaf-body", bytes([kind]), salt, body) == digest, "body-digest")
        body = record(unpack(body), BODIES[kind]) if kind in BODIES else None
        opened = log.leaves[index] = SimpleNamespace(
            index=index, hash=hash, kind=kind, body=body, signer=signer, signature=signature,
            message=b"cloister/leaf-signature/v1\0" + bytes([kind]) + digest + signer)
        if kind == BOOT:
            need(body.boot == signer and signer not in log.boots, "boot-repeated")
            need(body.log_key == log.key, "boot-log-key")
            media_type, value, _ = unpack(body.evidence)
            opened.evidence = tagged("evidence-id", media_type.encode(), value)
            opened.anchored = (opened.evidence.hex() in anchor["appraised_evidence"]
                               and body.config.hex() in anchor["configs"])
            log.boots[signer] = opened
    for opened in log.leaves.values():
        boot = log.boots[opened.signer]
        later = [other.index for other in log.boots.values() if other.index > boot.index]
        need(boot.index <= opened.index < min(later, default=log.size), "boot-superseded")
        check_signature(boot.body.boot_key, opened.message, opened.signature, "leaf-signature")
    tallies = [opened for opened in log.leaves.values() if opened.kind == TALLY]
    epochs = {(opened.body.tally, opened.body.epoch): opened.hash for opened in tallies}
    need(len(epochs) == len(tallies), "equivocation")
    for body in (opened.body for opened in tallies):
        before = epochs.get((body.tally, body.epoch - 1), body.previous)
        need(before == body.previous and bool(body.epoch) == bool(body.previous), "previous-leaf")
    return log


# What a claim stands on over one range.

def program(predicate):
    """The identity of a statement without its thresholds, and these."""
    (number, fields), thresholds = copy.deepcopy(predicate), []
    for place in THRESHOLDS.get(number, ()):
        if place < len(fields) and fields[place] is not None:
            thresholds.append(fields[place])
            fields[place] = 0
    return tagged("claim-program", pack([number, fields])), thresholds


def check_consent(claim, predicate, consent, pact, ends):
    entry, index, path = consent.values()
    root, (identity, thresholds) = pact.consent, program(predicate)
    need(tree_root("consent", pack(entry), index, pact.count, path) == root, "not-consented")
    entry = record(entry, "id program grid audience per? salt")
    need(entry.program == identity, "not-consented-program")
    need(thresholds in entry.grid, "not-consented-threshold")
    listed = not entry.audience or claim.audience[1][:1] in [[did] for did in entry.audience]
    need(listed, "not-consented-audience")
    for earliest, latest, _ in (end.at for end in ends if entry.per and end.epoch):
        need(entry.per[0] == 1, "months-not-checked-here")
        every, width = entry.per[1][0], latest - earliest
        need(latest % every <= width < every, "not-consented-calendar")


def find_stand(bundle, log, claim, stretch, stand):
    *places, consents, opened = stand.values()
    leaves = [log.leaves.get(index) for index in places]
    need(all(leaves), "leaf-missing")
    need([leaf.kind for leaf in leaves] == [TALLY, TALLY, PACT], "before-not-tally")
    start, end, pact = (leaf.body for leaf in leaves)
    need(1 <= stretch.first <= stretch.last, "range-empty")
    need(start.tally == end.tally == stretch.tally, "tally-after")
    need((start.epoch, end.epoch) == (stretch.first - 1, stretch.last), "epoch-after")
    need(start.root == end.root == pact.root == stretch.root, "range-pact-root")
    need(start.pact == end.pact == pact.pact, "revisions-not-checked-here")
    need(start.schema == end.schema == pact.schema, "pact-schema")
    need(leaves[0].index < leaves[1].index, "range-reversed-in-log")
    need(all(log.boots[leaf.signer].anchored for leaf in leaves), "evidence")
    need(len(consents) == len(claim.statements), "consent-count")
    for predicate, consent in zip(claim.statements, consents):
        check_consent(claim, predicate, consent, pact, (start, end))
    schema = {tagged("schema", pack(schema)): schema[0] for schema in bundle.schemas}[pact.schema]
    need(start.counters == end.counters == len(schema), "counter-count")
    counters = [record(counter, "name unit max bucket?") for counter in schema]
    return SimpleNamespace(
        log=log, range=stretch, before=leaves[0], after=leaves[1], pact=pact,
        boot=log.boots[leaves[1].signer], longest=end.at[1] - start.at[0],
        shortest=max(0, end.at[0] - start.at[1]),
        opened=[record(of, "counter before before_path after after_path") for of in opened],
        counters={counter.name: (place, counter) for place, counter in enumerate(counters)})


def check_commitments(stand, used):
    need([opened.counter for opened in stand.opened] == used, "commitment-set")
    start, end = stand.before.body, stand.after.body
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
    reach = [a * most[key] for key, a in coefficients.items()]
    lowest, highest = (constant + sum(r for r in reach if r * sign > 0) for sign in (-1, 1))
    need(reach and -(2**127) <= lowest and highest < 2**127, "too-wide")
    need(highest >= 0 and not (is_zero and lowest > 0), "never-true")
    width = next(bits for bits in (8, 16, 32, 64, 128) if highest < 1 << bits)
    return SimpleNamespace(
        is_zero=is_zero, constant=constant, coefficients=coefficients, width=width)


def read_forms(predicate, stands):
    def find(names):
        need(names and all(a < b for a, b in zip(names, names[1:])), "sum-order")
        need(all(name in stand.counters for stand in stands for name in names), "unknown-counter")
        found = [(at, stand.counters[name]) for at, stand in enumerate(stands) for name in names]
        need(len({counter.unit for _, (_, counter) in found}) == 1, "units-differ")
        return found

    number, fields = predicate
    if number == BOUNDED:
        names, lower, upper = (*fields, None)[:3]
        sides = [(a, bound) for a, bound in ((1, lower), (-1, upper)) if bound is not None]
        return [form(False, -a * bound, (a, find(names))) for a, bound in sides]
    if number == RATIO:
        part, whole, side, numerator, denominator, least = fields
        need(least and math.gcd(numerator, denominator) == 1, "ratio-not-a-fraction")
        part, whole, a = find(part), find(whole), {1: 1, 2: -1}[side]
        return [form(False, 0, (a * denominator, part), (-a * numerator, whole)),
                form(False, -least, (1, whole))]
    if number == PERCENTILE:
        (histogram, percent, limit, least), whole, low = fields, [], []
        need(least and 1 <= percent <= 99, "percent-out-of-range")
        for at, stand in enumerate(stands):
            buckets = [(at, found) for found in stand.counters.values()
                       if found[1].bucket and found[1].bucket[1] == histogram]
            edges = [counter.bucket.get(2) for _, (_, counter) in buckets]
            need(None in edges and limit in edges, "not-a-bucket-edge")
            whole += buckets
            low += [found for found, edge in zip(buckets, edges) if edge in range(limit + 1)]
        return [form(False, 0, (100, low), (-percent, whole)), form(False, -least, (1, whole))]
    if number == NEVER:
        return [form(True, 0, (1, find(*fields)))]
    if number == EQUAL:
        return [form(True, 0, *zip((1, -1), map(find, fields)))]
    if number == RATE:
        names, side, count, per = fields
        if side == 1:
            least = -(-count * sum(stand.longest for stand in stands) // per)
            return [form(False, -least, (1, find(names)))]
        most = count * sum(stand.shortest for stand in stands) // per
        return [form(False, most, (-1, find(names)))]
    first, second = (stand.range for stand in stands)
    same = (first.root, first.tally) == (second.root, second.tally)
    need(number == AGREE and same and first.origin != second.origin, "agree-logs")
    return [form(True, 0, *((1 - 2 * found[0], [found]) for found in find(*fields)))]


# Proofs.

def begin(claim, value, stands, kind):
    """The transcript of a claim, up to what its kind of proof adds."""
    t = Transcript(b"cloister/claim/v1")
    t.append(("suite", b"bp-ristretto255-merlin3"), ("kind", kind), ("G", encode(G)),
             ("H", encode(H)), ("ranges", len(stands)))
    for stand in stands:
        stretch, pact, boot = stand.range, stand.pact, stand.boot.body
        t.append(("origin", stretch.origin.encode()), ("root-pact", stretch.root),
                 ("tally", stretch.tally), ("first", stretch.first), ("last", stretch.last),
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
    log, (signer, size, signature) = stands[0].log, proof.values()
    need(all(stand.log is log for stand in stands), "signed-logs")
    boot = log.boots[signer]
    replaced = any(boot.index < other.index < size for other in log.boots.values())
    need(boot.index < size <= log.size and not replaced, "signed-order")
    need(boot.anchored, "evidence")
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
    equalities, high, range_proof = proof.values()
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
    rounds = length.bit_length() - 1
    need(len(proof) == 32 * (9 + 2 * rounds), "range-encoding")
    words = iter([proof[at : at + 32] for at in range(0, len(proof), 32)])

    def take(read, *labels):
        for label in labels:
            t.append((label, word := next(words)))
            yield read(word, "range-encoding")

    t.append(("dom-sep", b"rangeproof v1"), ("n", bits), ("m", len(parties)),
             *(("V", encode(v)) for v in parties))
    a_point, s_point = take(decode, "A", "S")
    y, z = t.challenge("y"), t.challenge("z")
    t_1, t_2 = take(decode, "T_1", "T_2")
    x = t.challenge("x")
    t_x, t_x_blinding, e_blinding = take(read_scalar, "t_x", "t_x_blinding", "e_blinding")
    w = t.challenge("w")
    t.append(("dom-sep", b"ipp v1"), ("n", length))
    folds, s = [], [1]
    for _ in range(rounds):
        left, right = take(decode, "L", "R")
        u = t.challenge("u")
        inverse = pow(u, -1, ORDER)
        folds += [(u * u, left), (inverse * inverse, right)]
        s = [product * one % ORDER for product in s for one in (inverse, u)]
    a, b = (read_scalar(word, "range-encoding") for word in words)

    z_powers = [pow(z, j + 2, ORDER) for j in range(len(parties))]
    delta = ((z - z * z) * sum(pow(y, i, ORDER) for i in range(length))
             - z * sum(z_powers) * (2**bits - 1))
    value = combine((t_x - delta, G), (t_x_blinding, H), (-x, t_1), (-x * x, t_2),
                    *((-power, v) for power, v in zip(z_powers, parties)))
    need(is_identity(value), "range-proof")
    terms = [(1, a_point), (x, s_point), *folds, (w * (t_x - a * b), G), (-e_blinding, H)]
    for i in range(length):
        (j, k), scale = divmod(i, bits), pow(y, -i, ORDER)
        terms.append((-z - a * s[i], chain(b"G", j)[k]))
        terms.append((z + scale * (z_powers[j] * 2**k - b * s[-1 - i]), chain(b"H", j)[k]))
    need(is_identity(combine(*terms)), "range-proof")


# Verdicts.

def check_claim(bundle, logs, proven, vector, steps):
    value, stands, (kind, (proof,)) = proven.values()
    claim, anchors = record(value, "statements ranges audience expiry gaps"), vector["anchors"]
    ranges = [record(stretch, "origin root tally first last") for stretch in claim.ranges]
    order = [list(stretch.values()) for stretch in claim.ranges]
    need(claim.statements and ranges, "statement-count")
    need(order == sorted(order), "range-order")
    need(len({(of.origin, of.tally) for of in ranges}) == len(ranges), "range-order")
    need(len(stands) == len(ranges), "stand-count")
    stands = [find_stand(bundle, logs[stretch.origin], claim, stretch, stand)
              for stretch, stand in zip(ranges, stands)]
    statements = [read_forms(predicate, stands) for predicate in claim.statements]
    used = {place for forms in statements for one in forms for place in one.coefficients
            if kind == ZERO_KNOWLEDGE}
    for at, stand in enumerate(stands):
        check_commitments(stand, sorted(counter for of, counter in used if of == at))
    first = stands[0]
    steps.update(G=encode(G), H=encode(H), program=program(claim.statements[0])[0],
                 schema=first.pact.schema, leaf_before=first.before.hash,
                 leaf_after=first.after.hash, evidence=first.boot.evidence)
    if kind == ZERO_KNOWLEDGE:
        t = begin(claim, value, stands, b"zero-knowledge")
        check_linear(t, *find_points(claim, stands, statements), proof, steps)
    else:
        check_signed(begin(claim, value, stands, b"signed"), stands, proof)
    need(all(stretch.root.hex() in anchors["pacts"] for stretch in ranges), "pact-not-anchored")
    need(vector["now_ms"] < claim.expiry, "expired")
    did, nonce = claim.audience[1] or (anchors["audience"], None)
    need(did == anchors["audience"], "audience")
    need((nonce and nonce.hex()) == anchors["nonce"], "nonce")


def verdicts(value, vector, only=slice(None)):
    """The code of each claim of a decoded bundle, and what was met on the way to it."""
    names = "format logs schemas boots claims aggregates stamps missing"
    bundle, found = record(unpack(pack(value)), names), []
    need(bundle.format == "cloister-bundle/1", "format")
    anchors = {anchor["origin"]: anchor for anchor in vector["anchors"]["logs"]}
    logs = {view[1]: open_log(view, anchors) for view in bundle.logs}
    for proven in bundle.claims[only]:
        code, steps = "verified", {}
        try:
            check_claim(bundle, logs, proven, vector, steps)
        except Refused as refused:
            code = str(refused)
        found.append((code, steps))
    return found


# Changed copies.

def changed(value, at):
    """(what, a copy of a bundle where it is changed in a claim, the code that is due)."""
    claim, _, (kind, (proof,)) = value[5][at].values()
    due = "signed-proof" if kind == SIGNED else "equality-proof" if proof[1] else "range-proof"
    ways = [("nonce", [1, 3, 1, 1], due), ("expiry", [1, 4], due)]
    if claim[1][0][0] in THRESHOLDS:
        ways.append(("threshold", [1, 1, 0, 1, -1], "not-consented-threshold"))
    if kind == SIGNED:
        ways.append(("signature", [3, 1, 0, 3], due))
    else:
        ways.append(("commitment", [2, 0, 5, 0, 4], "commitment-path-after"))
    if kind == ZERO_KNOWLEDGE and proof[1]:
        ways.append(("response", [3, 1, 0, 1, 0, 1], "equality-proof"))
    if kind == ZERO_KNOWLEDGE and proof[3]:
        ways.append(("range proof", [3, 1, 0, 3], "range-proof"))
    for what, (*way, last), code in ways:
        other = copy.deepcopy(value)
        fields = reduce(getitem, way, other[5][at])
        if isinstance(fields[last], int):
            fields[last] += 1
        else:
            # In a range proof, a bit of t_x: of a point it would be another code.
            byte = 4 * 32 if what == "range proof" else 0
            fields[last] = bytes(b ^ (place == byte) for place, b in enumerate(fields[last]))
        yield what, other, code


def expect(holds, otherwise):
    if not holds:
        sys.exit(otherwise)


def check_vector(path):
    vector = json.loads(path.read_text())
    value, items = unpack(bytes.fromhex(vector["bundle"])), iter(vector["items"])
    for at, (code, steps) in enumerate(verdicts(value, vector)):
        name, copies = f"{path.name} claim {at}", 0
        due = {next(items)["verdict"] for _ in value[5][at][1][1]}
        expect(due == {code}, f"{name}: {code}, but the vector says {due}")
        for step, due in vector.get("steps", {}).items() if at == 0 else ():
            met = steps[step].hex() if isinstance(steps[step], bytes) else steps[step]
            expect(met == due, f"{name}: {step} is {met}, but the vector says {due}")
        for copies, (what, other, due) in enumerate(changed(value, at), 1):
            (met, _), = verdicts(other, vector, slice(at, at + 1))
            expect(met == due, f"{name} with another {what}: {met}, but {due} is due")
        print(f"{name}: {code}; {copies} changed copies refused")
    for at, _ in enumerate(value[6]):
        print(f"{path.name} aggregate {at}: not checked here")


if __name__ == "__main__":
    beside = sorted(pathlib.Path(__file__).parent.glob("*.json"))
    for path in [pathlib.Path(name) for name in sys.argv[1:]] or beside:
        try:
            check_vector(path)
        except Refused as refused:
            sys.exit(f"{path.name}: unusable, {refused}")
