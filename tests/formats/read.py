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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT, EPOCH = 2, 0
PLAIN, PHRASES, ZSTD = 0, 1, 2
MAC_LENGTH = SECRET_LENGTH = 16
MAX_CONTENT = 1 << 20
CATEGORIES = range(1, 11)
DICTIONARY_SHA256 = "9b8dda33bdd63387f7d0f65359b55f5ff48141d744a330ef98fc042fae61ef23"


class Difference(Exception):
    """Something is not as it should be."""


class Foreign(Difference):
    """The stream's name is not the organisation's."""


class Void(Difference):
    """The entry has no effect: its form, its shared section or its commit's MAC is not right."""


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


@dataclass(frozen=True)
class Parts:
    """A payload taken apart. Without a personal section, that and the reference are empty."""

    header: bytes
    shared_packing: int
    personal_packing: int
    nonce: bytes
    reference: bytes
    sealed_shared: bytes
    sealed_personal: bytes


def take_apart(entry: Entry) -> Parts:
    """Takes a payload apart, or raises Malformed if it is none by its form, or of another format or epoch."""
    has_mac = entry.count > 1 and entry.index == entry.count - 1
    cursor = Cursor(entry.payload[:-MAC_LENGTH] if has_mac else entry.payload)
    first = cursor.take(1)[0]
    has_personal, shared_packing, personal_packing = first >> 5 & 1, first >> 3 & 0b11, first >> 1 & 0b11
    if first >> 6 != FORMAT or cursor.varint() != EPOCH:
        raise Malformed("it is of another format or epoch")
    if len(entry.payload) % 32 != 0 or first & 1 or max(shared_packing, personal_packing) > ZSTD:
        raise Malformed("its length or its first byte is none that there is")
    nonce = cursor.take(12)
    reference = cursor.take(10) if has_personal else b""
    shared_length = cursor.varint() if has_personal else cursor.left()
    header = cursor.data[: cursor.position]
    sealed_shared = cursor.take(shared_length)
    return Parts(header, shared_packing, personal_packing, nonce, reference, sealed_shared, cursor.rest())


def associated_data(log: Log, entry: Entry, parts: Parts, rest: bytes) -> bytes:
    return parts.header + big_endian(log.chain_id, 8) + log.contract + entry.place + rest


def shared_cipher(log: Log, entry: Entry, parts: Parts) -> tuple[AESGCM, bytes]:
    """The cipher and the associated data of a shared section."""
    key = expand(expand(log.key(b"stream sealing"), entry.stream), parts.nonce)
    return AESGCM(key), associated_data(log, entry, parts, b"\x01" + parts.sealed_personal)


def decrypt_shared(log: Log, entry: Entry) -> tuple[Parts, bytes]:
    """An entry's shared section, still packed. Raises Foreign, or Void if it is not authentic."""
    log.open_name(entry.stream)
    try:
        parts = take_apart(entry)
        cipher, associated = shared_cipher(log, entry, parts)
        return parts, cipher.decrypt(parts.nonce, parts.sealed_shared, associated)
    except Malformed as error:
        raise Void(f"it is no payload by its form: {error}") from error
    except InvalidTag as error:
        raise Void("its shared section does not authenticate") from error


def commit_mac(commit: Sequence[Entry], secret: bytes) -> bytes:
    *others, last = commit
    hashed = [each.place + each.payload for each in others] + [last.place + last.payload[:-MAC_LENGTH]]
    return hmac_sha256(secret, b"".join(hashlib.sha256(each).digest() for each in hashed))[:MAC_LENGTH]


def open_shared(log: Log, commit: Sequence[Entry], position: int) -> tuple[Parts, Cursor]:
    """Opens the shared section of one entry of a commit, and checks the commit's MAC with its secret."""
    parts, packed = decrypt_shared(log, commit[position])
    shared = unpack(log, parts.shared_packing, packed)
    if commit[position].count > 1:
        expected = commit_mac(commit, shared.take(SECRET_LENGTH))
        if not hmac.compare_digest(expected, commit[-1].payload[-MAC_LENGTH:]):
            raise Void("its commit's MAC is not right")
    return parts, shared


def open_personal(log: Log, entry: Entry, parts: Parts) -> tuple[dict[str, Any], bytes, Cursor]:
    """Opens a personal section, trying all categories: where its key is from, its subject, and what it says."""
    reference = xor(parts.reference, hmac_sha256(log.key(b"reference blinding"), parts.nonce)[:10])
    key_id, chapter = reference[:8], reference[8:]
    if key_id not in log.roots:
        raise Difference(f"there is no root with the key id {key_id.hex()}")
    subject, root = log.roots[key_id]
    opened: dict[int, bytes] = {}
    for category in CATEGORIES:
        key = expand(expand(expand(root, b"record" + chapter), big_endian(category, 1)), parts.nonce)
        with suppress(InvalidTag):
            associated = associated_data(log, entry, parts, b"\x02")
            opened[category] = AESGCM(key).decrypt(parts.nonce, parts.sealed_personal, associated)
    if len(opened) != 1:
        raise Difference(f"the personal section opens under the categories {list(opened)}, should under one")
    [(category, packed)] = opened.items()
    origin = {"keyId": key_id.hex(), "chapter": int.from_bytes(chapter, "big"), "category": category}
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


def read_entry(log: Log, commit: Sequence[Entry], position: int) -> dict[str, Any]:
    """What an entry says, in the shape of the vectors."""
    parts, shared = open_shared(log, commit, position)
    says: dict[str, Any] = {"schema": shared.take(1)[0], "at": shared.varint(), "command": shared.uuid()}
    origin, subject, enveloped = None, b"", shared
    if parts.reference:
        origin, subject, enveloped = open_personal(log, commit[position], parts)
    flags = enveloped.take(1)[0]
    if flags > (0b1111 if origin else 0b0111):
        raise Malformed(f"the envelope's flags are {flags}")
    for flag, name in ((1, "account"), (2, "correlation"), (4, "cause")):
        says[name] = enveloped.uuid() if flags & flag else None
    if origin:
        origin["bytes"] = ((subject if flags & 8 else b"") + enveloped.rest()).hex()
    return says | {"shared": shared.rest().hex(), "personal": origin}


# What must be noticed


def flips(data: bytes) -> Iterator[bytes]:
    """The same bytes with each bit altered, one at a time."""
    return (xor(data, big_endian(1 << bit, len(data))) for bit in range(len(data) * 8))


def number_flips(value: int, bits: int) -> Iterator[int]:
    return (value ^ 1 << bit for bit in range(bits))


def other_entries(log: Log, entry: Entry) -> Iterator[tuple[str, Entry]]:
    """The entry with each bit of its payload and its place altered; its stream stays one of ours."""
    yield from (("payload bits", replace(entry, payload=other)) for other in flips(entry.payload))
    yield from (("befores", replace(entry, before=other)) for other in flips(entry.before))
    yield from (("versions", replace(entry, version=other)) for other in number_flips(entry.version, 64))
    yield from (("counts", replace(entry, count=other)) for other in number_flips(entry.count, 16))
    yield from (("indexes", replace(entry, index=other)) for other in number_flips(entry.index, 16))
    name = log.open_name(entry.stream)
    streams = (log.seal_name(name._replace(id=other)) for other in flips(name.id))
    yield from (("streams", replace(entry, stream=other)) for other in streams)


def seal_again(log: Log, entry: Entry) -> Entry:
    """Another authentic entry for the same place, with the same secret: its shared section under another nonce."""
    parts, packed = decrypt_shared(log, entry)
    nonce = next(flips(parts.nonce))
    header = parts.header.replace(parts.nonce, nonce, 1)
    parts = replace(parts, header=header, nonce=nonce)
    cipher, associated = shared_cipher(log, entry, parts)
    sealed = header + cipher.encrypt(nonce, packed, associated) + parts.sealed_personal
    again = replace(entry, payload=sealed + entry.payload[len(sealed) :])
    decrypt_shared(log, again)
    return again


def altered_commits(log: Log, commit: list[Entry]) -> Iterator[tuple[str, Log, list[Entry]]]:
    """Everything that makes all entries void that are there."""
    yield from (("chain ids", replace(log, chain_id=other), commit) for other in number_flips(log.chain_id, 64))
    yield from (("contracts", replace(log, contract=other), commit) for other in flips(log.contract))
    for index, entry in enumerate(commit):
        start, end = commit[:index], commit[index + 1 :]
        for what, altered in other_entries(log, entry):
            yield what, log, [*start, altered, *end]
        if len(commit) > 1:
            yield "entries left out", log, [*start, *end]
            yield "entries exchanged", log, [*start, seal_again(log, entry), *end]
        for further in range(len(end)):
            yield "entries swapped", log, [*start, end[further], *end[:further], entry, *end[further + 1 :]]


# The checks


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


def check_void(log: Log, commit: Sequence[Entry], position: int) -> None:
    with suppress(Void):
        open_shared(log, commit, position)
        raise Difference("it opens, should be void")


def compare(opened: dict[str, Any], says: dict[str, Any]) -> None:
    for name in sorted(opened.keys() | says.keys()):
        if name not in opened:
            raise Difference(f"there is no such field as {name!r}")
        if isinstance(opened[name], dict) and isinstance(says[name], dict):
            compare(opened[name], says[name])
        elif opened[name] != says[name]:
            raise Difference(f"{name} is {opened[name]!r}, should be {says[name]!r}")


def read_vector(vector: dict[str, Any]) -> Entry:
    stream, before, payload = (bytes.fromhex(vector[field]) for field in ("stream", "before", "payload"))
    return Entry(stream, vector["version"], vector["count"], vector["index"], before, payload)


def check_entry(log: Log, commit: list[Entry], position: int, says: dict[str, Any] | None) -> Counter[str]:
    if (commit[position].count, commit[position].index) != (len(commit), position):
        raise Difference("its count or its index is not that of the commit")
    if says is None:
        check_void(log, commit, position)
        return Counter({"void entries": 1})
    opened = read_entry(log, commit, position)
    compare(opened, says)
    # To read it, all categories were tried.
    others = Counter({"other categories": len(CATEGORIES) - 1}) if opened["personal"] else Counter()
    return others + Counter({"entries that open": 1})


def check_commit(log: Log, vectors: list[dict[str, Any]]) -> Counter[str]:
    """All entries of a commit say what they should, and if they open, none does with anything altered."""
    commit = [read_vector(vector) for vector in vectors]
    counts = Counter({"commits": 1})
    for position, vector in enumerate(vectors):
        with located(f"entry {position}"):
            counts += check_entry(log, commit, position, vector["says"])
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
    for number, vector in enumerate(vectors["commits"]):
        with located(f"commit {number}"), located(vector["what"]):
            counts += check_commit(log, vector["entries"])
    for kind in ("names", "commits", "entries that open", "void entries", "other categories", "entries left out"):
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
