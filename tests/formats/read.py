"""Reads the formats of the log, to check that their specification suffices: written from docs/formats.md alone.

Every name and every entry of the vectors is opened and compared with what it should say. Then everything is altered
that the page says would be noticed, one thing at a time, to show that this reader does notice.
"""

import argparse
import hashlib
import hmac
import json
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT, EPOCH = 2, 0
PLAIN, PHRASES, ZSTD = 0, 1, 2
SHARED, PERSONAL, WHOLE = b"\x01", b"\x02", b"\x03"
RECORD, ERASURE, CHAPTERS = 1, 8, 10
SHARES_STREAM = 0x80
MAC_LENGTH = SECRET_LENGTH = TAG_LENGTH = 16
MAX_CONTENT = 1 << 20
CATEGORIES = range(1, 11)
TRIED = (4, 2, 1, 3, 5, 6, 7, 8, 9, 10)
DICTIONARY_SHA256 = "9b8dda33bdd63387f7d0f65359b55f5ff48141d744a330ef98fc042fae61ef23"


class Difference(Exception):
    """Something is not as it should be."""


class Foreign(Difference):
    """The stream's name is not the organisation's."""


class Void(Difference):
    """The entry has no effect: its form, its first section, the key of that or its commit's MAC is not right."""


class Waiting(Difference):
    """The entry is in a record whose subject has no root here, and the stream's key does not open it."""


class Malformed(Difference):
    """The bytes are not what the format says."""


class Cursor:
    """Takes fields from the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, length: int) -> bytes:
        self.position += length
        if self.position > len(self.data):
            raise Malformed("the bytes end too early")
        return self.data[self.position - length : self.position]

    def left(self) -> int:
        return len(self.data) - self.position

    def rest(self) -> bytes:
        return self.take(self.left())

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80 and value < 1 << 64:
                return value
        raise Malformed("a varint is too large")

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.take(16)))


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def big_endian(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big")


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


@cache
def expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand to 32 bytes, which is its first block."""
    return hmac_sha256(key, info + b"\x01")


def category_key(root: bytes, chapter: int, category: int) -> bytes:
    return expand(expand(root, b"record" + big_endian(chapter, 2)), big_endian(category, 1))


# Names of streams


class Name(NamedTuple):
    """What a stream's id says to the organisation."""

    type: int
    id: bytes
    number: int


@dataclass(frozen=True)
class Log:
    """Which log it is, and what it is read with. `roots` has (subject, root) by key id."""

    master_secret: bytes
    chain_id: int
    contract: bytes
    namespace: int
    roots: dict[bytes, tuple[bytes, bytes]]
    phrases: list[bytes]

    @cached_property
    def zstd(self) -> zstandard.ZstdDecompressor:
        raw = zstandard.ZstdCompressionDict(dictionary(self.phrases), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        return zstandard.ZstdDecompressor(raw, format=zstandard.FORMAT_ZSTD1_MAGICLESS)

    def key(self, label: bytes) -> bytes:
        return expand(hmac_sha256(b"medconnect.v1", self.master_secret), label)

    def stream_key(self, stream: bytes) -> bytes:
        return expand(self.key(b"stream sealing"), stream)

    def roots_of(self, subject: bytes) -> list[bytes]:
        return [root for owner, root in self.roots.values() if owner == subject]

    def seal_name(self, name: Name) -> bytes:
        namespace = big_endian(self.namespace, 4)
        identity = big_endian(name.type, 1) + name.id + big_endian(name.number, 2)
        tag = hmac_sha256(self.key(b"stream name tag"), namespace + identity)[:9]
        mask = hmac_sha256(self.key(b"stream name mask"), namespace + tag)[:19]
        return namespace + tag + xor(identity, mask)

    def open_name(self, stream: bytes) -> Name:
        mask = hmac_sha256(self.key(b"stream name mask"), stream[:13])[:19]
        identity = xor(stream[13:], mask)
        name = Name(identity[0], identity[1:17], int.from_bytes(identity[17:], "big"))
        if self.seal_name(name) != stream:
            raise Foreign("the stream's name is not the organisation's")
        return name


# Payloads


@dataclass(frozen=True)
class Entry:
    """An entry, with what the contract says about it."""

    stream: bytes
    version: int
    count: int
    index: int
    before: bytes
    payload: bytes

    @property
    def place(self) -> bytes:
        numbers = big_endian(self.count, 2) + big_endian(self.index, 2)
        return self.stream + big_endian(self.version, 8) + self.before + numbers


class Beginning(NamedTuple):
    """What a header says where a record begins."""

    reference: bytes
    commitment: bytes
    tag: bytes


@dataclass(frozen=True)
class Parts:
    """A payload taken apart; its main section is the shared or the whole one. No personal section has no reference."""

    header: bytes
    main_packing: int
    personal_packing: int
    nonce: bytes
    reference: bytes
    beginning: Beginning | None
    sealed_main: bytes
    sealed_personal: bytes

    @property
    def bound(self) -> bytes:
        """The header as it is bound: the tag of a beginning, which is made of the rest, is zeros in it."""
        return self.header[:-TAG_LENGTH] + bytes(TAG_LENGTH) if self.beginning else self.header


def take_apart(entry: Entry) -> Parts:
    """Takes a payload apart, or raises Malformed if it is none by its form, or of another format or epoch."""
    has_mac = entry.count > 1 and entry.index == entry.count - 1
    cursor = Cursor(entry.payload[:-MAC_LENGTH] if has_mac else entry.payload)
    first = cursor.take(1)[0]
    has_personal, main_packing, personal_packing = first >> 5 & 1, first >> 3 & 0b11, first >> 1 & 0b11
    begins = first & 1
    if first >> 6 != FORMAT or cursor.varint() != EPOCH:
        raise Malformed("it is of another format or epoch")
    if len(entry.payload) % 32 != 0 or has_personal & begins or max(main_packing, personal_packing) > ZSTD:
        raise Malformed("its length or its first byte is none that there is")
    nonce = cursor.take(12)
    reference = cursor.take(10) if has_personal else b""
    main_length = cursor.varint() if has_personal else None
    beginning = Beginning(cursor.take(10), cursor.take(32), cursor.take(TAG_LENGTH)) if begins else None
    header = cursor.data[: cursor.position]
    sealed_main = cursor.take(cursor.left() if main_length is None else main_length)
    return Parts(header, main_packing, personal_packing, nonce, reference, beginning, sealed_main, cursor.rest())


# Where records begin


def commitment_leaf(category: int, key: bytes) -> bytes:
    return hashlib.sha256(bytes([0, category]) + expand(key, b"commitment")).digest()


def commitment_parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def commitment_levels(root: bytes, chapter: int) -> list[list[bytes]]:
    """The tree of hashes over the keys of all categories of a chapter, from its 16 leaves up to its root."""
    leaves = [bytes(32)] * 16
    for category in CATEGORIES:
        leaves[category] = commitment_leaf(category, category_key(root, chapter, category))
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([commitment_parent(*below[at : at + 2]) for at in range(0, len(below), 2)])
    return levels


def meets_commitment(commitment: bytes, category: int, key: bytes, beside: Sequence[bytes]) -> bool:
    """Whether a key that was handed over is the one with which the record began."""
    node = commitment_leaf(category, key)
    for level, other in enumerate(beside):
        node = commitment_parent(other, node) if category >> level & 1 else commitment_parent(node, other)
    return node == commitment


def has_right_tag(log: Log, entry: Entry, parts: Parts, beginning: Beginning) -> bool:
    place = big_endian(log.chain_id, 8) + log.contract + entry.place
    bound = parts.bound + place + b"\x04" + parts.sealed_main
    expected = hmac_sha256(expand(log.stream_key(entry.stream), b"beginning"), bound)[:TAG_LENGTH]
    return hmac.compare_digest(expected, beginning.tag)


def root_of_beginning(log: Log, entry: Entry, parts: Parts, beginning: Beginning) -> list[bytes]:
    """The root that a record's beginning names, if it is here. Raises Void if it cannot be the record's."""
    key_id, chapter = read_reference(log, beginning.reference, parts.nonce)
    subject, root = log.roots.get(key_id, (b"", b""))
    name = log.open_name(entry.stream)
    if chapter != name.number or (root and subject != name.id):
        raise Void("the beginning names a root of another subject, or another chapter")
    if root and commitment_levels(root, chapter)[-1] != [beginning.commitment]:
        raise Void("the beginning commits to other keys than its root's")
    return [root] if root else []


def read_reference(log: Log, reference: bytes, nonce: bytes) -> tuple[bytes, int]:
    """A key id and a chapter."""
    plain = xor(reference, hmac_sha256(log.key(b"reference blinding"), nonce)[:10])
    return plain[:8], int.from_bytes(plain[8:], "big")


# What sections are under


class Lock(NamedTuple):
    """What a section may be under: an event key, and the kind of section. The stream's key has no chapter and no category."""

    chapter: int | None
    category: int | None
    event_key: bytes
    kind: bytes


Locks = Callable[["Log", Entry, Parts], Iterable[Lock]]


def category_locks(root: bytes, chapter: int, parts: Parts, kind: bytes) -> list[Lock]:
    keys = ((category, category_key(root, chapter, category)) for category in TRIED)
    return [Lock(chapter, category, expand(key, parts.nonce), kind) for category, key in keys]


def stream_lock(log: Log, entry: Entry, parts: Parts) -> Lock:
    return Lock(None, None, expand(log.stream_key(entry.stream), parts.nonce), SHARED)


def main_locks(log: Log, entry: Entry, parts: Parts) -> Iterator[Lock]:
    """All that a main section in the stream may be under. Raises Waiting where the subject's keys should follow."""
    name, beginning = log.open_name(entry.stream), parts.beginning
    if parts.reference if name.type == RECORD else beginning:
        return
    if beginning and not has_right_tag(log, entry, parts, beginning):
        return
    if name.type == RECORD:
        roots = root_of_beginning(log, entry, parts, beginning) if beginning else log.roots_of(name.id)
        for root in roots:
            yield from category_locks(root, name.number, parts, WHOLE)
    if not beginning:
        yield stream_lock(log, entry, parts)
    if name.type == RECORD and not roots:
        raise Waiting("no root of the record's subject is here")


def cipher(log: Log, entry: Entry, parts: Parts, lock: Lock) -> tuple[AESGCM, bytes]:
    """The cipher and the associated data of a section."""
    chain = big_endian(log.chain_id, 8) + log.contract
    rest = parts.sealed_personal if lock.kind == SHARED else b""
    return AESGCM(lock.event_key), parts.bound + chain + entry.place + lock.kind + rest


def decrypt_main(log: Log, entry: Entry, locks: Locks) -> tuple[Parts, Lock, bytes]:
    """An entry's main section, still packed, and what it is under. Raises Foreign, Waiting, or Void."""
    try:
        parts = take_apart(entry)
    except Malformed as error:
        raise Void(f"it is no payload by its form: {error}") from error
    for lock in locks(log, entry, parts):
        with suppress(InvalidTag):
            aes, associated = cipher(log, entry, parts, lock)
            return parts, lock, aes.decrypt(parts.nonce, parts.sealed_main, associated)
    raise Void("it does not authenticate under any key that it may be under")


def commit_mac(commit: Sequence[Entry], secret: bytes) -> bytes:
    *others, last = commit
    hashed = [each.place + each.payload for each in others] + [last.place + last.payload[:-MAC_LENGTH]]
    return hmac_sha256(secret, b"".join(hashlib.sha256(each).digest() for each in hashed))[:MAC_LENGTH]


def open_main(log: Log, commit: Sequence[Entry], position: int, locks: Locks) -> tuple[Parts, Lock, Cursor]:
    """Opens the main section of one entry of a commit, and checks the commit's MAC with its secret."""
    parts, lock, packed = decrypt_main(log, commit[position], locks)
    main = unpack(log, parts.main_packing, packed)
    if commit[position].count > 1:
        expected = commit_mac(commit, main.take(SECRET_LENGTH))
        if not hmac.compare_digest(expected, commit[-1].payload[-MAC_LENGTH:]):
            raise Void("its commit's MAC is not right")
    return parts, lock, main


def open_personal(log: Log, entry: Entry, parts: Parts) -> tuple[dict[str, Any], bytes, Cursor]:
    """Opens a personal section, trying all categories: where its key is from, its subject, and what it says."""
    key_id, chapter = read_reference(log, parts.reference, parts.nonce)
    if key_id not in log.roots:
        raise Difference(f"there is no root with the key id {key_id.hex()}")
    subject, root = log.roots[key_id]
    opened: dict[int | None, bytes] = {}
    for lock in category_locks(root, chapter, parts, PERSONAL):
        with suppress(InvalidTag):
            aes, associated = cipher(log, entry, parts, lock)
            opened[lock.category] = aes.decrypt(parts.nonce, parts.sealed_personal, associated)
    if len(opened) != 1:
        raise Difference(f"the personal section opens under the categories {list(opened)}, should under one")
    [(category, packed)] = opened.items()
    origin = {"keyId": key_id.hex(), "chapter": chapter, "category": category}
    return origin, subject, unpack(log, parts.personal_packing, packed)


# What sections say


def read_phrases(vocabulary: bytes) -> list[bytes]:
    """The phrases by their numbers; 0 is the empty one."""
    phrases = [b""]
    for line in vocabulary.split(b"\n"):
        if not line or line.startswith(b"#"):
            continue
        system, phrase = line.split(b"|", 1)
        if system:
            # Each length fits in one byte of a varint, or the digest below would not be right.
            code, display = phrase.split(b"|", 1)
            phrase = bytes([1, int(system), len(code), *code, len(display), *display])
        phrases.append(phrase)
    if len(phrases) != 322 or hashlib.sha256(dictionary(phrases)).hexdigest() != DICTIONARY_SHA256:
        raise Difference("the vocabulary's phrases are not the 321 that there are")
    return phrases


def dictionary(phrases: list[bytes]) -> bytes:
    return b"".join(reversed(phrases))


def unpack(log: Log, packing: int, packed: bytes) -> Cursor:
    if packing == PLAIN:
        return Cursor(packed)
    return Cursor((unpack_phrases if packing == PHRASES else unpack_zstd)(log, Cursor(packed)))


def unpack_phrases(log: Log, cursor: Cursor) -> bytes:
    content = b""
    while cursor.left():
        content += cursor.take(cursor.varint())
        number = cursor.varint() if cursor.left() else 0
        if number >= len(log.phrases):
            raise Malformed(f"there is no phrase {number}")
        content += log.phrases[number]
    return content


def unpack_zstd(log: Log, cursor: Cursor) -> bytes:
    length = cursor.varint()
    frame = cursor.take(cursor.varint())
    if length > MAX_CONTENT or any(cursor.rest()):
        raise Malformed("the content is too long, or the padding is not zero")
    try:
        content = log.zstd.stream_reader(frame).read(length + 1)
    except zstandard.ZstdError as error:
        raise Malformed(f"zstd: {error}") from error
    if len(content) != length:
        raise Malformed("the content has another length than is said")
    return content


def ends_or_closes(schema: int, shared: bytes) -> bool:
    return schema & SHARES_STREAM != 0 and shared[:1] in (big_endian(ERASURE, 1), big_endian(CHAPTERS, 1))


def read_envelope(cursor: Cursor, flags: int) -> dict[str, Any]:
    fields = ((1, "account"), (2, "correlation"), (4, "cause"))
    return {name: cursor.uuid() if flags & flag else None for flag, name in fields}


def read_entry(log: Log, commit: Sequence[Entry], position: int, locks: Locks = main_locks) -> dict[str, Any]:
    """What an entry says, in the shape of the vectors."""
    entry = commit[position]
    parts, lock, main = open_main(log, commit, position, locks)
    says: dict[str, Any] = {"schema": main.take(1)[0], "at": main.varint(), "command": main.uuid()}
    origin, subject, enveloped = None, b"", main
    if parts.reference:
        origin, subject, enveloped = open_personal(log, entry, parts)
    flags = enveloped.take(1)[0]
    if flags > (0b1111 if parts.reference else 0b0111):
        raise Malformed(f"the envelope's flags are {flags}")
    says |= read_envelope(enveloped, flags)
    if lock.kind == WHOLE:
        origin = {"keyId": None, "chapter": lock.chapter, "category": lock.category}
        shared = main.take(main.varint())
    else:
        shared = main.rest()
        if log.open_name(entry.stream).type == RECORD and not ends_or_closes(says["schema"], shared):
            raise Void("it is in a record under the stream's key, and neither an erasure nor a closing")
    if origin:
        origin["bytes"] = ((subject if flags & 8 else b"") + enveloped.rest()).hex()
    return says | {"shared": shared.hex(), "personal": origin}


# What must be noticed


def flips(data: bytes) -> Iterator[bytes]:
    """The same bytes with each bit altered, one at a time."""
    return (xor(data, big_endian(1 << bit, len(data))) for bit in range(len(data) * 8))


def number_flips(value: int, bits: int) -> Iterator[int]:
    return (value ^ 1 << bit for bit in range(bits))


def with_roots_of(log: Log, subject: bytes, other: bytes) -> Log:
    """The log where another subject has the same roots too, under other key ids."""
    roots = {xor(key_id, b"\xff" * 8): (other, root) for key_id, (owner, root) in log.roots.items() if owner == subject}
    return replace(log, roots=log.roots | roots)


def other_entries(log: Log, entry: Entry) -> Iterator[tuple[str, Log, Entry]]:
    """The entry with each bit of its payload and its place altered; its stream stays one of ours."""
    yield from (("payload bits", log, replace(entry, payload=other)) for other in flips(entry.payload))
    yield from (("befores", log, replace(entry, before=other)) for other in flips(entry.before))
    yield from (("versions", log, replace(entry, version=other)) for other in number_flips(entry.version, 64))
    yield from (("counts", log, replace(entry, count=other)) for other in number_flips(entry.count, 16))
    yield from (("indexes", log, replace(entry, index=other)) for other in number_flips(entry.index, 16))
    name = log.open_name(entry.stream)
    for other in flips(name.id):
        stream = log.seal_name(name._replace(id=other))
        yield "streams", with_roots_of(log, name.id, other), replace(entry, stream=stream)


def seal_again(log: Log, entry: Entry) -> Iterator[Entry]:
    """Other authentic entries for the same place, with the same secret: under another nonce, and each possible key."""
    parts, _, packed = decrypt_main(log, entry, main_locks)
    nonce = next(flips(parts.nonce))
    parts = replace(parts, header=parts.header.replace(parts.nonce, nonce, 1), nonce=nonce)
    for lock in main_locks(log, entry, parts):
        aes, associated = cipher(log, entry, parts, lock)
        sealed = parts.header + aes.encrypt(nonce, packed, associated) + parts.sealed_personal
        again = replace(entry, payload=sealed + entry.payload[len(sealed) :])
        if decrypt_main(log, again, main_locks)[1] != lock:
            raise Difference("what was sealed again opens under another key")
        yield again


def altered_commits(log: Log, commit: list[Entry]) -> Iterator[tuple[str, Log, list[Entry]]]:
    """Everything that makes all entries void that are there."""
    yield from (("chain ids", replace(log, chain_id=other), commit) for other in number_flips(log.chain_id, 64))
    yield from (("contracts", replace(log, contract=other), commit) for other in flips(log.contract))
    for index, entry in enumerate(commit):
        start, end = commit[:index], commit[index + 1 :]
        for what, other_log, altered in other_entries(log, entry):
            yield what, other_log, [*start, altered, *end]
        if len(commit) > 1:
            yield "entries left out", log, [*start, *end]
            yield from (("entries exchanged", log, [*start, again, *end]) for again in seal_again(log, entry))
        for further in range(len(end)):
            yield "entries swapped", log, [*start, end[further], *end[:further], entry, *end[further + 1 :]]


# Keys that must not open it


def main_bytes(says: dict[str, Any], *, whole: bool) -> bytes:
    """What a main section says that has all of an event, without a secret."""
    ids = [says[name] for name in ("account", "correlation", "cause")]
    flags = sum(1 << bit for bit, value in enumerate(ids) if value is not None)
    envelope = bytes([flags]) + b"".join(uuid.UUID(value).bytes for value in ids if value is not None)
    shared = bytes.fromhex(says["shared"])
    personal = bytes.fromhex(says["personal"]["bytes"]) if says["personal"] else b""
    event = (varint(len(shared)) if whole else b"") + shared + personal
    return bytes([says["schema"]]) + varint(says["at"]) + uuid.UUID(says["command"]).bytes + envelope + event


def seal_alone(log: Log, entry: Entry, parts: Parts, lock: Lock, content: bytes) -> list[Entry]:
    """A commit that has only the entry, with another content and under any key; it is packed as one literal."""
    header = bytes([FORMAT << 6 | PHRASES << 3, EPOCH]) + parts.nonce
    packed = varint(len(content)) + content
    packed += bytes(-(len(header) + len(packed) + TAG_LENGTH) % 32)
    alone = replace(entry, count=1, index=0)
    aes, associated = cipher(log, alone, replace(parts, header=header, beginning=None), lock)
    return [replace(alone, payload=header + aes.encrypt(parts.nonce, packed, associated))]


def wrong_locks(log: Log, entry: Entry, parts: Parts) -> Iterator[Lock]:
    """All that a main section may not be under: a key for another kind of section, stream or chapter."""
    name = log.open_name(entry.stream)
    for kind in (PERSONAL, WHOLE):
        yield stream_lock(log, entry, parts)._replace(kind=kind)
    for owner, root in log.roots.values():
        for chapter, kind in product((0, 1), (SHARED, PERSONAL, WHOLE)):
            if name.type != RECORD or (owner, chapter, kind) != (name.id, name.number, WHOLE):
                yield from category_locks(root, chapter, parts, kind)


def check_keys(log: Log, entry: Entry, says: dict[str, Any]) -> Counter[str]:
    """An entry without a personal section beside opens under its own key, and is void under those that are wrong."""
    parts, own, _ = decrypt_main(log, entry, main_locks)
    if parts.reference:
        return Counter()
    content = main_bytes(says, whole=own.kind == WHOLE)
    compare(read_entry(log, seal_alone(log, entry, parts, own, content), 0), says)
    wrong = [(lock, content) for lock in wrong_locks(log, entry, parts)]
    if own.kind == WHOLE:
        wrong.append((stream_lock(log, entry, parts), main_bytes(says, whole=False)))
    for lock, other in wrong:
        check_void(log, seal_alone(log, entry, parts, lock, other), 0)
    return Counter({"wrong keys": len(wrong)})


def check_without_root(log: Log, commit: list[Entry], position: int, says: dict[str, Any]) -> Counter[str]:
    """Without the subject's root an entry of a record waits, and only an erasure or a closing opens."""
    rootless = replace(log, roots={})
    if log.open_name(commit[position].stream).type != RECORD:
        return Counter()
    if says["personal"] is None:
        compare(read_entry(rootless, commit, position), says)
        return Counter({"erasures and closings without the root": 1})
    with suppress(Waiting):
        read_entry(rootless, commit, position)
        raise Difference("it opens without the subject's root")
    return Counter({"entries that wait": 1})


def check_beginning(log: Log, commit: list[Entry], position: int) -> Counter[str]:
    """Where a record begins it commits to its keys, and the organisation tells it from junk without any of them."""
    entry = commit[position]
    parts = take_apart(entry)
    if parts.beginning is None:
        return Counter()
    [root] = root_of_beginning(log, entry, parts, parts.beginning)
    chapter = log.open_name(entry.stream).number
    *levels, [committed] = commitment_levels(root, chapter)
    if committed != parts.beginning.commitment:
        raise Difference("the commitment is not that of the record's keys")
    for of, category in product(CATEGORIES, CATEGORIES):
        beside = [hashes[of >> level ^ 1] for level, hashes in enumerate(levels)]
        if meets_commitment(committed, of, category_key(root, chapter, category), beside) != (of == category):
            raise Difference(f"the key of category {category} in the place of {of} is not told from the right one")
    rootless = replace(log, roots={})
    # Without its lowest bit the first byte tells of no beginning, and then nobody can tell without the root.
    altered = [payload for payload in flips(entry.payload) if payload[0] & 1]
    for payload in altered:
        other = replace(entry, payload=payload)
        check_void(rootless, [*commit[:position], other, *commit[position + 1 :]], position)
    counts = {"beginnings": 1, "keys committed to": len(CATEGORIES), "beginnings altered": len(altered)}
    return Counter(counts)


class Case(NamedTuple):
    """An entry that keys alone are tried on, and what the vectors say of it."""

    commit: list[Entry]
    position: int
    says: dict[str, Any] | None

    @property
    def entry(self) -> Entry:
        return self.commit[self.position]

    def is_whole(self) -> bool:
        personal = self.says["personal"] if self.says else None
        return personal is not None and personal["keyId"] is None


LockOf = Callable[[Parts], Lock]


def lock_of_category(root: bytes, chapter: int, category: int) -> LockOf:
    key = category_key(root, chapter, category)
    return lambda parts: Lock(chapter, category, expand(key, parts.nonce), WHOLE)


def lock_of_event(lock: Lock) -> LockOf:
    return lambda _: lock


def open_alone(log: Log, case: Case, lock_of: LockOf) -> dict[str, Any] | None:
    """What an entry says to whoever has one key only, and neither the organisation's secret nor a root."""

    def locks(_log: Log, _entry: Entry, parts: Parts) -> list[Lock]:
        return [] if parts.reference else [lock_of(parts)]

    with suppress(Void):
        return read_entry(replace(log, master_secret=b"", roots={}), case.commit, case.position, locks)
    return None


def check_key_alone(log: Log, cases: Sequence[Case], lock_of: LockOf, what: str) -> Counter[str]:
    """The key alone opens the entries whose whole sections are under it, as they say, and no others."""
    counts: Counter[str] = Counter()
    for case in cases:
        opened = open_alone(log, case, lock_of)
        with located(f"version {case.entry.version}"):
            if case.is_whole() and decrypt_main(log, case.entry, main_locks)[1] == lock_of(take_apart(case.entry)):
                compare(opened or {}, case.says or {})
                counts[f"entries that {what} alone opens"] += 1
            elif opened is None:
                counts[f"entries that {what} alone does not open"] += 1
            else:
                raise Difference("it opens, should not")
    return counts


def check_keys_alone(log: Log, cases: Sequence[Case]) -> Counter[str]:
    """Each key of one category of a chapter, and each event key, opens exactly its entries of records."""
    counts: Counter[str] = Counter()
    # Whoever is given a key is told which streams are the record, and for a category's key which is the chapter.
    cases = [case for case in cases if log.open_name(case.entry.stream).type == RECORD]
    chapters = {log.open_name(case.entry.stream).number for case in cases}
    for _, root in log.roots.values():
        for chapter, category in product(chapters, CATEGORIES):
            with located(f"with the key of the category {category} of the chapter {chapter} alone"):
                lock_of = lock_of_category(root, chapter, category)
                of_chapter = [case for case in cases if log.open_name(case.entry.stream).number == chapter]
                counts += check_key_alone(log, of_chapter, lock_of, "a category's key")
    wholes = [case for case in cases if case.is_whole()]
    for case in wholes:
        lock = decrypt_main(log, case.entry, main_locks)[1]
        with located(f"with the event key of version {case.entry.version} alone"):
            counts += check_key_alone(log, cases, lock_of_event(lock), "an event key")
    for what in ("a category's key", "an event key"):
        if counts[f"entries that {what} alone opens"] != len(wholes):
            raise Difference(f"not each of the {len(wholes)} whole sections opens under {what} alone, once")
    return counts


# The checks

NEEDED = (
    "names",
    "commits",
    "entries that open",
    "void entries",
    "other categories",
    "entries left out",
    "entries exchanged",
    "wrong keys",
    "entries that wait",
    "erasures and closings without the root",
    "beginnings",
    "entries that a category's key alone opens",
    "entries that an event key alone opens",
)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Says of a difference where it is."""
    try:
        yield
    except KeyError as error:
        raise Difference(f"{where}: the field {error} is missing") from error
    except (Difference, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise Difference(f"{where}: {error}") from error


def check_name(log: Log, vector: dict[str, Any]) -> Counter[str]:
    name = Name(vector["type"], uuid.UUID(vector["id"]).bytes, vector["number"])
    stream = bytes.fromhex(vector["stream"])
    if (sealed := log.seal_name(name)) != stream:
        raise Difference(f"it is sealed as {sealed.hex()}, should be {stream.hex()}")
    if (opened := log.open_name(stream)) != name:
        raise Difference(f"it opens as {opened}, should be {name}")
    for altered in flips(stream):
        with suppress(Foreign):
            log.open_name(altered)
            raise Difference(f"{altered.hex()} opens, should be foreign")
    return Counter({"names": 1, "foreign names": len(stream) * 8})


def compare(opened: dict[str, Any], says: dict[str, Any]) -> None:
    for name in sorted(opened.keys() | says.keys()):
        if name not in opened:
            raise Difference(f"there is no such field as {name!r}")
        if isinstance(opened[name], dict) and isinstance(says[name], dict):
            compare(opened[name], says[name])
        elif opened[name] != says[name]:
            raise Difference(f"{name} is {opened[name]!r}, should be {says[name]!r}")


def check_void(log: Log, commit: Sequence[Entry], position: int) -> None:
    with suppress(Void):
        read_entry(log, commit, position)
        raise Difference("it opens, should be void")


def read_vector(vector: dict[str, Any]) -> Entry:
    stream, before, payload = (bytes.fromhex(vector[field]) for field in ("stream", "before", "payload"))
    return Entry(stream, vector["version"], vector["count"], vector["index"], before, payload)


def read_commit(vectors: list[dict[str, Any]]) -> list[Case]:
    commit = [read_vector(vector) for vector in vectors]
    return [Case(commit, position, vector["says"]) for position, vector in enumerate(vectors)]


def check_entry(log: Log, commit: list[Entry], position: int, says: dict[str, Any] | None) -> Counter[str]:
    if (commit[position].count, commit[position].index) != (len(commit), position):
        raise Difference("its count or its index is not that of the commit")
    if says is None:
        check_void(log, commit, position)
        return Counter({"void entries": 1})
    opened = read_entry(log, commit, position)
    compare(opened, says)
    counts = Counter({"entries that open": 1})
    if opened["personal"] and opened["personal"]["keyId"]:
        # To read a personal section, all categories were tried. The keys of whole ones are tried each alone.
        counts["other categories"] = len(CATEGORIES) - 1
    counts += check_keys(log, commit[position], says) + check_without_root(log, commit, position, says)
    return counts + check_beginning(log, commit, position)


def check_commit(log: Log, cases: Sequence[Case]) -> Counter[str]:
    """All entries of a commit say what they should, and if they open, none does with anything altered."""
    commit = [case.entry for case in cases]
    counts = Counter({"commits": 1})
    for case in cases:
        with located(f"entry {case.position}"):
            counts += check_entry(log, commit, case.position, case.says)
    if not commit or counts["entries that open"] not in (0, len(commit)):
        raise Difference("all of its entries should open, or none, and there should be one")
    if counts["void entries"]:
        return counts
    for what, other_log, altered in altered_commits(log, commit):
        counts[what] += 1
        for position in range(len(altered)):
            with located(f"among altered {what}, entry {position}"):
                check_void(other_log, altered, position)
    return counts


def check(vectors: dict[str, Any], phrases: list[bytes]) -> Counter[str]:
    """Checks all the vectors. Raises Difference at the first that is not as it says."""
    roots = {
        bytes.fromhex(root["keyId"]): (uuid.UUID(root["subject"]).bytes, bytes.fromhex(root["root"]))
        for root in vectors["roots"]
    }
    secret, contract = bytes.fromhex(vectors["masterSecret"]), bytes.fromhex(vectors["contract"])
    log = Log(secret, vectors["chainId"], contract, vectors["namespace"], roots, phrases)
    counts: Counter[str] = Counter()
    for number, vector in enumerate(vectors["names"]):
        with located(f"name {number}"):
            counts += check_name(log, vector)
    cases: list[Case] = []
    for number, vector in enumerate(vectors["commits"]):
        with located(f"commit {number}"), located(vector["what"]):
            commit = read_commit(vector["entries"])
            counts += check_commit(log, commit)
            cases += commit
    counts += check_keys_alone(log, cases)
    for kind in NEEDED:
        if counts[kind] == 0:
            raise Difference(f"there are no {kind} to check")
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description="Opens the examples of the log's formats and checks what they say.")
    parser.add_argument("vectors", type=Path, help="the examples, vectors.json")
    parser.add_argument("vocabulary", type=Path, help="the phrases, vocabulary_v1.txt")
    arguments = parser.parse_args()
    try:
        with located(str(arguments.vocabulary)):
            phrases = read_phrases(arguments.vocabulary.read_bytes())
        with located(str(arguments.vectors)):
            counts = check(json.loads(arguments.vectors.read_bytes()), phrases)
    except (Difference, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print("as they say: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
