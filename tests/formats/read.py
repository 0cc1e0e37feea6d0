"""Reads the formats of the log, to check that their specification suffices: written from docs/formats.md alone.

Every profile, every name and every entry of the vectors is opened and compared with what it should say. Then everything
is altered that the page says would be noticed, one thing at a time, to show that this reader does notice.
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
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT, EPOCH = 2, 0
PROFILE_VERSION, EPOCH_FIELD, FORMAT_FIELD, ENDPOINT_FIELD = 1, 1, 2, 3
PLAIN, PHRASES, ZSTD = 0, 1, 2
SHARED, PERSONAL, WHOLE = b"\x01", b"\x02", b"\x03"
RECORD, CALENDAR, ERASURE, CHAPTERS = 1, 3, 8, 10
SHARED_ID, SHARED_SCHEMA = bytes.fromhex("6d638ca1"), 1
SHARES_STREAM = 0x80
MAC_LENGTH = SECRET_LENGTH = TAG_LENGTH = 16
MAX_CONTENT = 1 << 20
# The last millisecond of the year 9999.
LAST_INSTANT = 253_402_300_799_999
CATEGORIES = range(1, 11)
TRIED = (4, 2, 1, 3, 5, 6, 7, 8, 9, 10)
DICTIONARY_SHA256 = "9b8dda33bdd63387f7d0f65359b55f5ff48141d744a330ef98fc042fae61ef23"


class Difference(Exception):
    """Something is not as it should be."""


class Foreign(Difference):
    """The stream's name is not the organisation's."""


class Void(Difference):
    """The entry has no effect: its form, its first section, the key of that or its commit's MAC is not right."""


class Unpublished(Void):
    """Some entry of the commit is of a format or an epoch that its namespace has not published before."""


class Overruled(Void):
    """The entry is authentic, and against the rules that all hold to who share its namespace."""


class Stopped(Difference):
    """The entry is of a published format or epoch that cannot be read here, though somebody can read it."""


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


def longer(number: bytes) -> bytes:
    """A varint with a byte more than it has."""
    return number[:-1] + bytes([number[-1] | 0x80, 0])


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


def extract(secret: bytes) -> bytes:
    """HKDF-Extract."""
    return hmac_sha256(b"medconnect.v1", secret)


def epoch_commitment(secret: bytes) -> bytes:
    return expand(extract(secret), b"epoch commitment")


def category_key(root: bytes, chapter: int, category: int) -> bytes:
    return expand(expand(root, b"record" + big_endian(chapter, 2)), big_endian(category, 1))


# Profiles


Field = tuple[int, bytes]


def read_field(cursor: Cursor) -> Field:
    """A field of a profile: its kind and its value."""
    return cursor.take(1)[0], cursor.take(cursor.varint())


def read_epoch_field(value: bytes) -> tuple[int, bytes]:
    cursor = Cursor(value)
    number, commitment = cursor.varint(), cursor.take(32)
    if cursor.left():
        raise Malformed("an epoch is too long")
    return number, commitment


def read_format_field(value: bytes) -> int:
    if len(value) != 1 or value[0] > 0b11:
        raise Malformed("a format is not two bits")
    return value[0]


class Profile(NamedTuple):
    """What the owner of a namespace publishes about it."""

    epochs: list[tuple[int, bytes]]
    formats: list[int]
    endpoint: str | None

    def says(self) -> dict[str, Any]:
        """The same in the shape of the vectors."""
        epochs = [{"number": number, "commitment": commitment.hex()} for number, commitment in self.epochs]
        return {"epochs": epochs, "formats": self.formats, "endpoint": self.endpoint}


def read_profile(profile: bytes) -> Profile:
    """Reads a profile, or raises Malformed if the bytes are none."""
    cursor = Cursor(profile)
    if cursor.take(1)[0] != PROFILE_VERSION:
        raise Malformed("the profile is of another version")
    epochs, formats, endpoints = [], [], []
    while cursor.left():
        kind, value = read_field(cursor)
        if kind == EPOCH_FIELD:
            epochs.append(read_epoch_field(value))
        elif kind == FORMAT_FIELD:
            formats.append(read_format_field(value))
        elif kind == ENDPOINT_FIELD:
            try:
                endpoints.append(value.decode())
            except UnicodeDecodeError as error:
                raise Malformed("the endpoint is not UTF-8") from error
    if len(endpoints) > 1:
        raise Malformed("there are two endpoints")
    return Profile(epochs, formats, endpoints[0] if endpoints else None)


def make_profile(*fields: Field) -> bytes:
    made = (bytes([kind]) + varint(len(value)) + value for kind, value in fields)
    return bytes([PROFILE_VERSION]) + b"".join(made)


@dataclass(frozen=True)
class Published:
    """How entries of a namespace may be written, with the commitments of later epochs by their numbers."""

    formats: frozenset[int] = frozenset({FORMAT})
    epochs: dict[int, bytes] = field(default_factory=dict)

    def behind(self, profile: bytes) -> "Published":
        """What is published behind a profile, too; of epochs the next one alone is."""
        try:
            adds = read_profile(profile)
        except Malformed:
            return self
        epochs = dict(self.epochs)
        for number, commitment in adds.epochs:
            if number == max(epochs, default=EPOCH) + 1:
                epochs[number] = commitment
        return Published(self.formats | frozenset(adds.formats), epochs)

    def allows(self, payload: bytes) -> bool:
        """Whether a payload's format and epoch are published. One that names none says nothing."""
        cursor = Cursor(payload)
        try:
            written = cursor.take(1)[0] >> 6
            if written != FORMAT:
                return written in self.formats
            return cursor.varint() in {EPOCH, *self.epochs}
        except Malformed:
            return True


# The log, and names of streams


class Name(NamedTuple):
    """What a stream's id says to the organisation."""

    type: int
    id: bytes
    number: int


def shared_id(start: bytes) -> bytes:
    """The id of the owner of a shared calendar, from its first 14 bytes: they are followed by a check."""
    return start + uuid.uuid5(uuid.UUID(bytes=start + bytes(2)), "").bytes[:2]


def shared_in(id: bytes) -> int | None:
    """The number of the namespace in which the calendars of an owner with this id are shared, if they are."""
    is_shared = id[4:8] == SHARED_ID and id[8] >> 6 == 0b10 and shared_id(id[:14]) == id
    return int.from_bytes(id[:4], "big") if is_shared else None


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


@dataclass(frozen=True)
class Log:
    """Which log it is, and what one of its namespaces is read with. `roots` has (subject, root) by key id.

    `published` is what the namespace has published, and `secrets` has those of later epochs by their numbers. Of a
    namespace that is shared, `master_secret` is that of its first epoch, and `organisation` the reader's own one.
    """

    master_secret: bytes
    chain_id: int
    contract: bytes
    namespace: int
    roots: dict[bytes, tuple[bytes, bytes]]
    phrases: list[bytes]
    published: Published = field(default_factory=Published)
    secrets: dict[int, bytes] = field(default_factory=dict)
    organisation: bytes | None = None

    @property
    def is_shared(self) -> bool:
        return self.organisation is not None

    @cached_property
    def zstd(self) -> zstandard.ZstdDecompressor:
        raw = zstandard.ZstdCompressionDict(dictionary(self.phrases), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        return zstandard.ZstdDecompressor(raw, format=zstandard.FORMAT_ZSTD1_MAGICLESS)

    def key(self, label: bytes) -> bytes:
        return expand(extract(self.master_secret), label)

    def stream_key(self, stream: bytes, epoch: int) -> bytes:
        secret = self.master_secret if epoch == EPOCH else self.secrets[epoch]
        return expand(expand(extract(secret), b"stream sealing"), stream)

    def has_secret(self, epoch: int) -> bool:
        """Whether the secret of a published epoch is here: the one with the commitment that is published."""
        if epoch == EPOCH:
            return True
        return epoch in self.secrets and epoch_commitment(self.secrets[epoch]) == self.published.epochs.get(epoch)

    def allows(self, entry: Entry) -> bool:
        """Whether how an entry is written is published in its own namespace; here only one has published anything."""
        is_ours = entry.stream[:4] == big_endian(self.namespace, 4)
        return (self.published if is_ours else Published()).allows(entry.payload)

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
        shared = shared_in(name.id) if name.type == CALENDAR else None
        if shared != (self.namespace if self.is_shared else None):
            raise Foreign("what the stream is named after stands in another namespace")
        return name


# Payloads


class Beginning(NamedTuple):
    """What a header says where a record begins."""

    reference: bytes
    commitment: bytes
    tag: bytes


@dataclass(frozen=True)
class Parts:
    """A payload taken apart; its main section is the shared or the whole one. No personal section has no reference."""

    header: bytes
    epoch: int
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
    """Takes a payload apart, or raises Malformed if it is none by its form."""
    has_mac = entry.count > 1 and entry.index == entry.count - 1
    cursor = Cursor(entry.payload[:-MAC_LENGTH] if has_mac else entry.payload)
    first, epoch = cursor.take(1)[0], cursor.varint()
    has_personal, main_packing, personal_packing = first >> 5 & 1, first >> 3 & 0b11, first >> 1 & 0b11
    begins = first & 1
    if len(entry.payload) % 32 != 0 or has_personal & begins or max(main_packing, personal_packing) > ZSTD:
        raise Malformed("its length or its first byte is none that there is")
    nonce = cursor.take(12)
    reference = cursor.take(10) if has_personal else b""
    main_length = cursor.varint() if has_personal else None
    beginning = Beginning(cursor.take(10), cursor.take(32), cursor.take(TAG_LENGTH)) if begins else None
    header = cursor.data[: cursor.position]
    sealed_main = cursor.take(cursor.left() if main_length is None else main_length)
    packings = main_packing, personal_packing
    return Parts(header, epoch, *packings, nonce, reference, beginning, sealed_main, cursor.rest())


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
    expected = hmac_sha256(expand(log.stream_key(entry.stream, parts.epoch), b"beginning"), bound)[:TAG_LENGTH]
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
    # Each organisation blinds under its own key, also in a namespace that it shares.
    own = log if log.organisation is None else replace(log, master_secret=log.organisation)
    plain = xor(reference, hmac_sha256(own.key(b"reference blinding"), nonce)[:10])
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
    return Lock(None, None, expand(log.stream_key(entry.stream, parts.epoch), parts.nonce), SHARED)


def main_locks(log: Log, entry: Entry, parts: Parts) -> Iterator[Lock]:
    """All that a main section in the stream may be under. Raises Waiting where the subject's keys should follow.

    Raises Stopped if the epoch's secret is not here, also where only a tag or nothing at all would be under it.
    """
    name, beginning = log.open_name(entry.stream), parts.beginning
    if parts.reference if name.type == RECORD else beginning:
        return
    if not log.has_secret(parts.epoch):
        raise Stopped(f"the secret of the epoch {parts.epoch} is not here")
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
    """An entry's main section, still packed, and what it is under. Raises Foreign, Stopped, Waiting, or Void."""
    if entry.payload and entry.payload[0] >> 6 != FORMAT:
        raise Stopped("it is of a format that this reader does not know")
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
    if not all(log.allows(entry) for entry in commit):
        raise Unpublished("an entry of its commit is of a format or an epoch that is not published")
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
    if len(content) > MAX_CONTENT:
        raise Malformed("the content is too long")
    return content


def check_frame(cursor: Cursor) -> None:
    """One frame (RFC 8878, 3.1.1), whose header has a window of at most 8 MiB and nothing else."""
    descriptor, window = cursor.take(2)
    is_last = False
    while not is_last:
        header = int.from_bytes(cursor.take(3), "little")
        is_last, kind = bool(header & 1), header >> 1 & 0b11
        cursor.take(1 if kind == 1 else header >> 3)
    if descriptor or window > (23 - 10) << 3 or cursor.left():
        raise Malformed("the frame has more than a window in its header, or something behind it")


def unpack_zstd(log: Log, cursor: Cursor) -> bytes:
    length = cursor.varint()
    frame = cursor.take(cursor.varint())
    if length > MAX_CONTENT or any(cursor.rest()):
        raise Malformed("the content is too long, or the padding is not zero")
    check_frame(Cursor(frame))
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
    if says["at"] > LAST_INSTANT:
        raise Malformed("the time is after the year 9999")
    if log.is_shared and says["schema"] != SHARED_SCHEMA:
        raise Overruled("in a shared namespace there is no other schema")
    origin, subject, enveloped = None, b"", main
    if parts.reference:
        if log.is_shared and read_reference(log, parts.reference, parts.nonce)[0] not in log.roots:
            # What the vectors have of ours has a root here.
            nobody = {"account": None, "correlation": None, "cause": None}
            return says | nobody | {"shared": main.rest().hex(), "personal": None}
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


def other_ids(log: Log, name: Name) -> Iterator[bytes]:
    """The id in a name with each bit altered that may be another one."""
    if not log.is_shared:
        return flips(name.id)
    # What says that it is shared, and in which namespace, is the same for all; and the check follows from the rest.
    random = (each for each in flips(name.id[:14]) if each[:8] == name.id[:8] and each[8] >> 6 == 0b10)
    return map(shared_id, random)


def other_entries(log: Log, entry: Entry) -> Iterator[tuple[str, Log, Entry]]:
    """The entry with each bit of its payload and its place altered; its stream stays one of ours."""
    yield from (("payload bits", log, replace(entry, payload=other)) for other in flips(entry.payload))
    yield from (("befores", log, replace(entry, before=other)) for other in flips(entry.before))
    yield from (("versions", log, replace(entry, version=other)) for other in number_flips(entry.version, 64))
    yield from (("counts", log, replace(entry, count=other)) for other in number_flips(entry.count, 16))
    yield from (("indexes", log, replace(entry, index=other)) for other in number_flips(entry.index, 16))
    name = log.open_name(entry.stream)
    for other in other_ids(log, name):
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


def seal(log: Log, entry: Entry, parts: Parts, lock: Lock, content: bytes) -> Entry:
    """The entry with another content, in the epoch of `parts` and under any key; it is packed as one literal.

    In a commit of several it is the last one, with zeros in the place of the MAC.
    """
    mac = bytes(MAC_LENGTH if entry.count > 1 else 0)
    header = bytes([FORMAT << 6 | PHRASES << 3]) + varint(parts.epoch) + parts.nonce
    packed = varint(len(content)) + content
    packed += bytes(-(len(header) + len(packed) + TAG_LENGTH + len(mac)) % 32)
    aes, associated = cipher(log, entry, replace(parts, header=header, beginning=None), lock)
    return replace(entry, payload=header + aes.encrypt(parts.nonce, packed, associated) + mac)


def seal_alone(log: Log, entry: Entry, parts: Parts, lock: Lock, content: bytes) -> list[Entry]:
    return [seal(log, replace(entry, count=1, index=0), parts, lock, content)]


def with_mac(commit: Sequence[Entry], secret: bytes) -> list[Entry]:
    """The commit with the right MAC in the place of the last one's."""
    *others, last = commit
    return [*others, replace(last, payload=last.payload[:-MAC_LENGTH] + commit_mac(commit, secret))]


def wrong_locks(log: Log, entry: Entry, parts: Parts) -> Iterator[Lock]:
    """All that a main section may not be under: a key for another kind of section, stream, chapter or epoch."""
    name = log.open_name(entry.stream)
    for epoch in {EPOCH, *log.secrets} - {parts.epoch}:
        yield stream_lock(log, entry, replace(parts, epoch=epoch))
    for kind in (PERSONAL, WHOLE):
        yield stream_lock(log, entry, parts)._replace(kind=kind)
    for owner, root in log.roots.values():
        for chapter, kind in product((0, 1), (SHARED, PERSONAL, WHOLE)):
            if name.type != RECORD or (owner, chapter, kind) != (name.id, name.number, WHOLE):
                yield from category_locks(root, chapter, parts, kind)


def lock_in(log: Log, entry: Entry, parts: Parts, own: Lock) -> Lock:
    """What an entry's main section is under in the epoch of `parts`: the keys of data subjects have no epoch."""
    return own if own.kind == WHOLE else stream_lock(log, entry, parts)


def check_keys(log: Log, entry: Entry, says: dict[str, Any]) -> Counter[str]:
    """An entry without a personal section beside opens under its own key, and is void under those that are wrong."""
    in_its_epoch, own, _ = decrypt_main(log, entry, main_locks)
    counts: Counter[str] = Counter()
    if in_its_epoch.reference:
        return counts
    content = main_bytes(says, whole=own.kind == WHOLE)
    for epoch in (EPOCH, *log.secrets):
        parts = replace(in_its_epoch, epoch=epoch)
        right = seal_alone(log, entry, parts, lock_in(log, entry, parts, own), content)
        compare(read_entry(log, right, 0), says)
        counts["entries sealed in another epoch"] += epoch != in_its_epoch.epoch
        wrong = [(lock, content) for lock in wrong_locks(log, entry, parts)]
        if own.kind == WHOLE:
            wrong.append((stream_lock(log, entry, parts), main_bytes(says, whole=False)))
        for lock, other in wrong:
            check_void(log, seal_alone(log, entry, parts, lock, other), 0)
        counts["wrong keys"] += len(wrong)
        if epoch != EPOCH:
            check_stops(replace(log, secrets={}), right, 0)
            check_unpublished(replace(log, published=Published()), right)
        counts += check_beside(log, entry, parts, own, says)
    return counts


# How entries are written

HIGHEST = (1 << 64) - 1


def naming(epoch: bytes) -> bytes:
    """The beginning of a payload that names an epoch by these bytes."""
    return bytes([FORMAT << 6]) + epoch


def beside(log: Log, entry: Entry) -> Iterator[tuple[str, bytes, bytes]]:
    """What may be in a commit beside an entry: how it is written, its stream, and its payload."""
    name = entry.stream[4:]
    foreign, elsewhere = entry.stream[:-1] + bytes([name[-1] ^ 1]), big_endian(log.namespace + 1, 4) + name
    for stream, epoch in product((foreign, elsewhere, entry.stream), log.published.epochs):
        what = "not published" if stream == elsewhere else "published"
        yield what, stream, naming(varint(epoch))
        yield what, stream, naming(longer(varint(epoch)))
    unpublished = min(set(range(1, 0x80)) - {*log.published.epochs})
    for stream in (foreign, elsewhere, entry.stream):
        for epoch in (unpublished, 1 << 32, HIGHEST):
            yield "not published", stream, naming(varint(epoch)) + bytes(30)
        yield "not published", stream, naming(longer(longer(varint(unpublished))))
        for other in {0, 1, 2, 3} - log.published.formats:
            yield "not published", stream, bytes([other << 6])
        for first in (b"\x00", b"\x80\x00", b"\x80" * 9 + b"\x00"):
            yield "published", stream, naming(first)
        for too_early in (b"", b"\x80", bytes([0x80 | unpublished]), b"\xff" * 9):
            yield "not named", stream, naming(too_early)
        for too_large in (b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x00", b"\xff" * 31):
            yield "not named", stream, naming(too_large)


def check_beside(log: Log, entry: Entry, parts: Parts, own: Lock, says: dict[str, Any]) -> Counter[str]:
    """An entry is void beside one whose format or epoch is not published, and it opens beside all others."""
    secret, counts = bytes(range(SECRET_LENGTH)), Counter[str]()
    content = secret + main_bytes(says, whole=own.kind == WHOLE)
    last = seal(log, replace(entry, count=2, index=1), parts, lock_in(log, entry, parts, own), content)
    for what, stream, payload in beside(log, entry):
        other = replace(last, stream=stream, index=0, payload=payload)
        commit = with_mac([other, last], secret)
        with located(f"beside {payload.hex()} in {stream.hex()}"):
            if what == "not published":
                check_unpublished(log, commit)
            else:
                compare(read_entry(log, commit, 1), says)
        counts[f"entries beside one whose epoch or format is {what}"] += 1
    return counts


def check_unpublished(log: Log, commit: Sequence[Entry]) -> None:
    """All entries of the commit are void because of how one is written, with the subjects' roots and without."""
    for reader, position in product((log, replace(log, roots={})), range(len(commit))):
        with suppress(Unpublished):
            read_entry(reader, commit, position)
            raise Difference("it opens, though how its commit is written is not published")


def check_stops(log: Log, commit: Sequence[Entry], position: int) -> None:
    """The entry stops a reader, with the subjects' roots and without."""
    for reader in (log, replace(log, roots={})):
        with suppress(Stopped):
            read_entry(reader, commit, position)
            raise Difference("it opens, should stop the reader")


def in_epoch(payload: bytes, epoch: int) -> bytes:
    """A payload with another epoch in its header; it keeps the form of a payload."""
    cursor = Cursor(payload[1:])
    cursor.varint()
    named = payload[:1] + varint(epoch) + cursor.rest()
    return named + bytes(-len(named) % 32)


def written_otherwise(log: Log, payload: bytes) -> Iterator[tuple[str, list[Field], bytes]]:
    """A payload in each way that is not published, and what would publish that."""
    for other in {0, 1, 2, 3} - log.published.formats:
        yield "formats", [(FORMAT_FIELD, bytes([other]))], bytes([payload[0] & 0x3F | other << 6]) + payload[1:]
    for epoch in {1, 2, 0x7F, 0x80, 300} - log.published.epochs.keys():
        # Each epoch is published behind the one before it.
        yield "epochs", [(EPOCH_FIELD, varint(each) + bytes(32)) for each in range(1, epoch + 1)], in_epoch(payload, epoch)


def check_written(log: Log, commit: Sequence[Entry]) -> Counter[str]:
    """One entry written as nobody has published voids the commit. Published, it stops a reader without the secret."""
    counts: Counter[str] = Counter()
    for index, entry in enumerate(commit):
        for what, publishes, payload in written_otherwise(log, entry.payload):
            altered = [*commit[:index], replace(entry, payload=payload), *commit[index + 1 :]]
            published = log.published.behind(make_profile(*publishes))
            with located(f"entry {index} as {payload[:12].hex()}"):
                check_unpublished(log, altered)
                check_stops(replace(log, published=published), altered, index)
                for position in {*range(len(altered))} - {index}:
                    check_void(replace(log, published=published), altered, position, published=True)
            counts[f"{what} that are not published"] += 1
    return counts


def check_secrets(log: Log, commit: Sequence[Entry], position: int, says: dict[str, Any]) -> Counter[str]:
    """Without the secret of its epoch an entry stops a reader; one of the first epoch needs no later secret."""
    epoch, unread = take_apart(commit[position]).epoch, replace(log, secrets={})
    if epoch == EPOCH:
        compare(read_entry(unread, commit, position), says)
        return Counter({"entries without later secrets": 1})
    check_stops(unread, commit, position)
    check_unpublished(replace(log, published=Published()), commit)
    for other in flips(log.secrets[epoch]):
        check_stops(replace(log, secrets=log.secrets | {epoch: other}), commit, position)
    for other in flips(log.published.epochs[epoch]):
        published = Published().behind(make_profile((EPOCH_FIELD, varint(epoch) + other)))
        check_stops(replace(log, published=published), commit, position)
        # What is published behind the first commitment changes nothing.
        later = log.published.behind(make_profile((EPOCH_FIELD, varint(epoch) + other)))
        compare(read_entry(replace(log, published=later), commit, position), says)
    return Counter({"entries of a later epoch": 1})


def opens_in_another_epoch(log: Log, entry: Entry) -> bool:
    """Whether the first section of a void entry would open if its header named another epoch."""
    for epoch in (EPOCH, *log.secrets):
        with suppress(Malformed, Void, Waiting):
            decrypt_main(log, replace(entry, payload=in_epoch(entry.payload, epoch)), main_locks)
            return epoch != take_apart(entry).epoch
    return False


def check_epoch(vector: dict[str, Any], known: dict[int, bytes]) -> Field:
    """Checks the commitment of a later epoch's secret, and gives the field that publishes it."""
    number, commitment = vector["number"], bytes.fromhex(vector["commitment"])
    secret = bytes.fromhex(vector["secret"])
    if number == EPOCH or number in known or len(secret) != 32:
        raise Difference("it is not the number of a later epoch, or there are two, or the secret has not 32 bytes")
    if (own := epoch_commitment(secret)) != commitment:
        raise Difference(f"its commitment is {own.hex()}, should be {commitment.hex()}")
    known[number] = secret
    return EPOCH_FIELD, varint(number) + commitment


# What profiles publish


def check_none(profile: bytes) -> None:
    """The bytes are no profile, and publish nothing at all."""
    if Published().behind(profile) != Published():
        raise Difference(f"{profile.hex()} publishes something")
    with suppress(Malformed):
        read_profile(profile)
        raise Difference(f"{profile.hex()} is read, should be no profile")


def profile_fields(profile: bytes) -> list[tuple[int, Field]]:
    """The fields of a profile, each with where it begins."""
    cursor, fields = Cursor(profile), []
    cursor.take(1)
    while cursor.left():
        fields.append((cursor.position, read_field(cursor)))
    return fields


def cut_profile(says: dict[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """What of a profile the first of its fields say."""
    kinds = Counter(kind for kind, _ in fields)
    endpoint = says["endpoint"] if kinds[ENDPOINT_FIELD] else None
    epochs, formats = says["epochs"][: kinds[EPOCH_FIELD]], says["formats"][: kinds[FORMAT_FIELD]]
    return {"epochs": epochs, "formats": formats, "endpoint": endpoint}


def check_truncations(profile: bytes, says: dict[str, Any]) -> Counter[str]:
    """A profile that ends early is none, but between two fields it is one that says less."""
    counts: Counter[str] = Counter()
    fields = profile_fields(profile)
    begins = {at: number for number, (at, _) in enumerate(fields)}
    for length in range(len(profile)):
        if length in begins:
            before = [each for _, each in fields[: begins[length]]]
            compare(read_profile(profile[:length]).says(), cut_profile(says, before))
            counts["profiles with fewer fields"] += 1
        else:
            check_none(profile[:length])
            counts["profiles that end early"] += 1
    return counts


def wrong_values(kind: int, value: bytes) -> Iterator[bytes]:
    """Values that a field of the kind cannot have."""
    if kind in (EPOCH_FIELD, FORMAT_FIELD):
        yield from (value[:length] for length in range(len(value)))
        yield from (value + bytes(more) for more in range(1, 33))
    if kind == EPOCH_FIELD:
        yield from (large + value[-32:] for large in (b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x00"))
    if kind == FORMAT_FIELD:
        yield from (bytes([number]) for number in range(4, 256))
    if kind == ENDPOINT_FIELD:
        yield from (value + other for other in (b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80"))


def no_profiles(profile: bytes) -> Iterator[tuple[str, bytes]]:
    """A profile with one thing altered so that it is none."""
    yield from (("versions", bytes([version]) + profile[1:]) for version in range(256) if version != PROFILE_VERSION)
    fields = profile_fields(profile)
    for at, (kind, value) in fields:
        end = at + len(make_profile((kind, value))) - 1
        for other in wrong_values(kind, value):
            yield f"values of kind {kind}", profile[:at] + make_profile((kind, other))[1:] + profile[end:]
        left = len(profile) - (end - len(value))
        for length in (left + 1, left + 0x80, HIGHEST):
            yield "lengths", profile[:at] + bytes([kind]) + varint(length) + value + profile[end:]
        for too_large in (b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x00"):
            yield "lengths", profile[:at] + bytes([kind]) + too_large + value + profile[end:]
        if kind == ENDPOINT_FIELD:
            for again, _ in fields:
                yield "second endpoints", profile[:again] + profile[at:end] + profile[again:]


def same_profiles(profile: bytes) -> Iterator[tuple[str, bytes]]:
    """A profile with one thing altered that makes no difference."""
    fields = profile_fields(profile)
    for at in [*(at for at, _ in fields), len(profile)]:
        for kind in {*range(256)} - {EPOCH_FIELD, FORMAT_FIELD, ENDPOINT_FIELD}:
            # As a field of another kind the value would be wrong, or two endpoints.
            for value in (b"", b"\xff", profile):
                yield "fields skipped", profile[:at] + make_profile((kind, value))[1:] + profile[at:]
    for at, (kind, value) in fields:
        end = at + len(make_profile((kind, value))) - 1
        yield "long lengths", profile[:at] + bytes([kind]) + longer(varint(len(value))) + value + profile[end:]
        if kind == EPOCH_FIELD:
            other = make_profile((kind, longer(value[:-32]) + value[-32:]))[1:]
            yield "long numbers", profile[:at] + other + profile[end:]


def other_profiles(profile: bytes, says: dict[str, Any]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """A profile with a field more, and what it publishes then."""
    commitment = bytes(range(32))
    for number in (1, 0x7F, 0x80, HIGHEST):
        epochs = [*says["epochs"], {"number": number, "commitment": commitment.hex()}]
        more = EPOCH_FIELD, varint(number) + commitment
        yield profile + make_profile(more)[1:], says | {"epochs": epochs}
    for number in range(4):
        more = FORMAT_FIELD, bytes([number])
        yield profile + make_profile(more)[1:], says | {"formats": [*says["formats"], number]}
    if says["endpoint"] is None:
        more = ENDPOINT_FIELD, "https://h\u00f4pital.example".encode()
        yield profile + make_profile(more)[1:], says | {"endpoint": "https://h\u00f4pital.example"}


def check_publishes(log: Log, profile: bytes, says: dict[str, Any]) -> Counter[str]:
    """What a profile publishes may be used behind it, and what was published before is still as it was."""
    for before in (Published(), log.published):
        behind = before.behind(profile)
        epochs: dict[int, bytes] = dict(before.epochs)
        for epoch in says["epochs"]:
            if epoch["number"] == len(epochs) + 1:
                epochs[epoch["number"]] = bytes.fromhex(epoch["commitment"])
        if (behind.epochs, behind.formats) != (epochs, before.formats.union(says["formats"])):
            raise Difference("behind the profile something else is published")
        for number in epochs:
            if not behind.allows(naming(varint(number))):
                raise Difference(f"behind the profile the epoch {number} may not be used")
        for number in (EPOCH, *epochs, len(epochs) + 2, HIGHEST):
            other = make_profile((EPOCH_FIELD, varint(number) + bytes(32)))
            if behind.behind(other) != behind:
                raise Difference(f"a profile that names the epoch {number} says something by it")
    counts = Counter({f"published {what}": len(says[what]) for what in ("epochs", "formats")})
    return counts + Counter({"published endpoints": int(says["endpoint"] is not None)})


def check_profile(log: Log, vector: dict[str, Any]) -> Counter[str]:
    """A profile publishes what it should, and with anything altered what the page says."""
    profile, says = bytes.fromhex(vector["profile"]), vector["publishes"]
    if says is None:
        check_none(profile)
        return Counter({"bytes that are no profile": 1})
    compare(read_profile(profile).says(), says)
    counts = Counter({"profiles": 1}) + check_publishes(log, profile, says) + check_truncations(profile, says)
    for what, other in no_profiles(profile):
        check_none(other)
        counts[f"profiles with wrong {what}"] += 1
    for what, other in same_profiles(profile):
        compare(read_profile(other).says(), says)
        counts[f"profiles with {what}"] += 1
    for other, publishes in other_profiles(profile, says):
        compare(read_profile(other).says(), publishes)
        check_publishes(log, other, publishes)
        counts["profiles with a field more"] += 1
    return counts


# What is needed without a root, and without more than one key


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
        return read_entry(replace(log, master_secret=b"", roots={}, secrets={}), case.commit, case.position, locks)
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
    "epochs",
    "profiles",
    "bytes that are no profile",
    "published epochs",
    "published formats",
    "published endpoints",
    "profiles with fewer fields",
    "profiles that end early",
    "profiles with wrong versions",
    "profiles with wrong lengths",
    "profiles with wrong values of kind 1",
    "profiles with wrong values of kind 2",
    "profiles with wrong values of kind 3",
    "profiles with wrong second endpoints",
    "profiles with fields skipped",
    "profiles with long lengths",
    "profiles with long numbers",
    "profiles with a field more",
    "names",
    "commits",
    "entries that open",
    "void entries",
    "other categories",
    "entries left out",
    "entries exchanged",
    "wrong keys",
    "entries sealed in another epoch",
    "entries beside one whose epoch or format is published",
    "entries beside one whose epoch or format is not published",
    "entries beside one whose epoch or format is not named",
    "formats that are not published",
    "epochs that are not published",
    "entries without later secrets",
    "entries of a later epoch",
    "beginnings in a later epoch",
    "shared sections in a later epoch",
    "whole sections in a later epoch",
    "personal sections in a later epoch",
    "void entries whose epoch is not published",
    "void entries of another epoch than they name",
    "entries that wait",
    "erasures and closings without the root",
    "beginnings",
    "entries that a category's key alone opens",
    "entries that an event key alone opens",
    "epochs of a shared namespace",
    "shared ids",
    "names that are none in their namespace",
    "commits of a shared namespace",
    "entries of another organisation",
    "overruled entries",
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


def check_void(log: Log, commit: Sequence[Entry], position: int, *, published: bool = False) -> None:
    """The entry is void, and if so told, not for want of something published."""
    try:
        read_entry(log, commit, position)
    except Void as void:
        if published and isinstance(void, Unpublished):
            raise Difference(f"though all is published: {void}") from void
    else:
        raise Difference("it opens, should be void")


def read_vector(vector: dict[str, Any]) -> Entry:
    stream, before, payload = (bytes.fromhex(vector[field]) for field in ("stream", "before", "payload"))
    return Entry(stream, vector["version"], vector["count"], vector["index"], before, payload)


def read_commit(vectors: list[dict[str, Any]]) -> list[Case]:
    commit = [read_vector(vector) for vector in vectors]
    return [Case(commit, position, vector["says"]) for position, vector in enumerate(vectors)]


def check_void_entry(log: Log, commit: Sequence[Entry], position: int) -> Counter[str]:
    check_void(log, commit, position)
    counts = Counter({"void entries": 1})
    if not all(log.allows(entry) for entry in commit):
        counts["void entries whose epoch is not published"] = 1
    elif opens_in_another_epoch(log, commit[position]):
        counts["void entries of another epoch than they name"] = 1
    return counts


def check_entry(log: Log, commit: list[Entry], position: int, says: dict[str, Any] | None) -> Counter[str]:
    if (commit[position].count, commit[position].index) != (len(commit), position):
        raise Difference("its count or its index is not that of the commit")
    if says is None:
        return check_void_entry(log, commit, position)
    opened = read_entry(log, commit, position)
    compare(opened, says)
    counts = Counter({"entries that open": 1})
    if opened["personal"] and opened["personal"]["keyId"]:
        # To read a personal section, all categories were tried. The keys of whole ones are tried each alone.
        counts["other categories"] = len(CATEGORIES) - 1
    counts += check_keys(log, commit[position], says) + check_without_root(log, commit, position, says)
    counts += check_secrets(log, commit, position, says)
    of_beginning = check_beginning(log, commit, position)
    parts, lock, _ = decrypt_main(log, commit[position], main_locks)
    if parts.epoch != EPOCH:
        # What a beginning's tag and a shared section are under differs from epoch to epoch, the others are the same.
        counts["beginnings in a later epoch"] = of_beginning["beginnings"]
        counts["shared sections in a later epoch"] = int(lock.kind == SHARED)
        counts["whole sections in a later epoch"] = int(lock.kind == WHOLE and not parts.beginning)
        counts["personal sections in a later epoch"] = int(parts.reference != b"")
    return counts + of_beginning


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
    counts += check_written(log, commit)
    for what, other_log, altered in altered_commits(log, commit):
        counts[what] += 1
        for position in range(len(altered)):
            with located(f"among altered {what}, entry {position}"):
                check_void(other_log, altered, position)
    return counts


def check_shared_id(vector: dict[str, Any], namespace: int) -> Counter[str]:
    """An id says in which namespace it is shared, and with any bit altered that it is shared in none."""
    start, own = uuid.UUID(vector["from"]).bytes, uuid.UUID(vector["id"]).bytes
    variant = start[8] & 0b0011_1111 | 0b1000_0000
    made = shared_id(big_endian(namespace, 4) + SHARED_ID + bytes([variant]) + start[9:14])
    if made != own or shared_in(own) != namespace:
        raise Difference(f"it is {made.hex()}, should be {own.hex()}")
    for other in flips(own):
        if shared_in(other) is not None:
            raise Difference(f"{other.hex()} is shared, should not be")
    return Counter({"shared ids": 1})


def check_foreign_name(log: Log, name: Name) -> Counter[str]:
    with suppress(Foreign):
        log.open_name(log.seal_name(name))
        raise Difference(f"{name} has a stream there, should have none")
    return Counter({"names that are none in their namespace": 1})


def check_shared(own: Log, vector: dict[str, Any]) -> Counter[str]:
    """Checks the vectors of a namespace that the organisation shares with another one."""
    number, secret = vector["namespace"], bytes.fromhex(vector["secret"])
    secrets: dict[int, bytes] = {}
    publishes = [check_epoch(epoch, secrets) for epoch in vector["epochs"]]
    published = Published().behind(make_profile(*publishes))
    log = replace(
        own,
        master_secret=secret,
        namespace=number,
        published=published,
        secrets=secrets,
        organisation=own.master_secret,
    )
    counts = Counter({"epochs of a shared namespace": len(publishes)})
    for each in vector["ids"]:
        with located(each["id"]):
            counts += check_shared_id(each, number)
    for each in vector["names"]:
        with located(f"the name {each['stream']}"):
            counts += check_name(log, each)
            name = log.open_name(bytes.fromhex(each["stream"]))
            elsewhere = shared_id(big_endian(number + 1, 4) + name.id[4:14])
            for other in (name._replace(id=elsewhere), name._replace(id=bytes(16)), name._replace(type=2, number=0)):
                counts += check_foreign_name(log, other)
            counts += check_foreign_name(own, name)
    for each in vector["commits"]:
        with located(each["what"]):
            counts += check_shared_commit(log, each)
    return counts


def check_shared_commit(log: Log, vector: dict[str, Any]) -> Counter[str]:
    cases = read_commit(vector["entries"])
    counts = check_commit(log, cases) + Counter({"commits of a shared namespace": 1})
    for case in cases:
        if case.says is None:
            try:
                read_entry(log, case.commit, case.position)
            except Overruled:
                counts["overruled entries"] += 1
            except Void:
                pass
        elif vector["byAnother"] and take_apart(case.entry).reference:
            if case.says["personal"]:
                raise Difference("the personal section of another organisation should not open here")
            counts["entries of another organisation"] += 1
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
    for number, vector in enumerate(vectors["epochs"]):
        with located(f"epoch {number}"):
            publishes = check_epoch(vector, log.secrets)
            log = replace(log, published=log.published.behind(make_profile(publishes)))
            counts["epochs"] += 1
    for number, vector in enumerate(vectors["profiles"]):
        with located(f"profile {number}"), located(vector["what"]):
            counts += check_profile(log, vector)
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
    with located("what is shared"):
        counts += check_shared(log, vectors["shared"])
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
