// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "./interfaces/IEventLog.sol";

/// @title The event log
/// @notice See `IEventLog`, which says what it promises.
contract EventLog is IEventLog {
    /// @dev Whose a namespace is, and to whom it is offered.
    struct Namespace {
        address owner;
        bool isSealed;
        uint32 delay;
        uint32 admissions;
        address candidate;
        uint64 acceptableFrom;
    }

    /// @dev stream:32 version:u32 tag:8 eventCount:u16.
    uint256 private constant PART_HEADER_SIZE = 46;

    /// @dev length:u24.
    uint256 private constant EVENT_HEADER_SIZE = 3;

    // Topics and selectors of the events and errors of `IEventLog`: assembly knows literals only. The tests compare them.
    uint256 private constant APPENDED = 0x6255b4cfd6525e85fdbb56ea74d4b8cd56795cbbb2d6e27a5d9e223db0c412ac;
    uint256 private constant COMMIT_REJECTED = 0x1c1058016b6d3845ba7540c48ef38cae51c25a4297cb12520246b1eb1a026d7e;
    uint256 private constant BATCH_TRUNCATED = 0x1d17095d;
    uint256 private constant COMMIT_EMPTY = 0xa557e18f;
    uint256 private constant COMMIT_TOO_LONG = 0x7c98baab;
    uint256 private constant PART_EMPTY = 0xa90bd9f1;
    uint256 private constant PAYLOAD_EMPTY = 0x600cd510;
    uint256 private constant STREAM_REPEATED = 0x56c85b67;
    uint256 private constant VERSION_TOO_HIGH = 0xb8203517;

    /// @dev What an administrative entry begins with.
    uint8 private constant OPENED = 1;
    uint8 private constant ADMITTED = 2;
    uint8 private constant DISMISSED = 3;
    uint8 private constant OFFERED = 4;
    uint8 private constant ACCEPTED = 5;
    uint8 private constant PUBLISHED = 6;

    // Where the numbers of a place begin: count:16 index:16 writer:32 version:32 position:64.
    uint256 private constant PLACE_COUNT = 144;
    uint256 private constant PLACE_INDEX = 128;
    uint256 private constant PLACE_WRITER = 96;
    uint256 private constant PLACE_VERSION = 64;

    /// @dev What the place of a commit's only entry has for count and index.
    uint256 private constant PLACE_OF_ONE = 0x1_0000_0000_0000_0000_0000_0000_0000_0000_0000;

    /// @dev From the place of an event of a part to the next one's.
    uint256 private constant NEXT_PLACE = 0x1_0000_0000_0000_0001_0000_0000_0000_0001;

    /// @dev From a version and a position to the next ones.
    uint256 private constant NEXT_NUMBERS = 0x1_0000_0000_0000_0001;

    /// @dev The version within a place: it stands where a head has it.
    uint256 private constant VERSION_OF_PLACE = 0xffff_ffff_0000_0000_0000_0000;

    /// @dev The number of events within the header of a part: it stands where a place has the count.
    uint256 private constant COUNT_OF_HEADER = 0x00_ffff_0000_0000_0000_0000_0000_0000_0000_0000_0000;

    // Where things lie in memory while a batch is appended. `_appendCommits` says what for.
    uint256 private constant LINK = 0x80;
    uint256 private constant LINK_STREAM = 0xa0;
    uint256 private constant LINK_PAYLOAD_HASH = 0xc0;
    uint256 private constant LINK_SIZE = 0x80;
    uint256 private constant ENTRY = 0xe0;
    uint256 private constant ENTRY_PAYLOAD_OFFSET = 0x100;
    uint256 private constant ENTRY_LENGTH = 0x120;
    uint256 private constant ENTRY_PAYLOAD = 0x140;
    uint256 private constant SCRATCH = 0x140;

    /// @dev version << 64 | tag: the order in which a part names them, so that comparing the two is one `==`, and a whole
    /// word, so that a write needs no read before it.
    mapping(bytes32 stream => uint256 head) private _heads;

    /// @dev The numbers of those who may append to a sealed namespace, by namespace:4 zero:8 account:20.
    // slither-disable-next-line uninitialized-state : written through `_writers`
    mapping(bytes32 namespaceAndAccount => uint256 writer) private _appenders;

    /// @dev The numbers of those who may record in a plain namespace, by the same. With two tables neither way to write asks of which kind
    /// a namespace is.
    // slither-disable-next-line uninitialized-state : written through `_writers`
    mapping(bytes32 namespaceAndAccount => uint256 writer) private _recorders;

    mapping(uint32 namespace => Namespace) private _namespaces;

    uint256 private _position;
    bytes32 private _runningHash;
    uint32 private _namespaceCount;

    modifier onlyOwnerOf(uint32 namespace) {
        require(_namespaces[namespace].owner == msg.sender, EventLog_NotTheOwner(namespace, msg.sender));
        _;
    }

    constructor() {
        _runningHash = keccak256(abi.encode("medconnect.EventLog.v2", block.chainid, address(this)));
    }

    /// @inheritdoc IEventLog
    function append(bytes calldata batch) external {
        require(batch.length != 0, EventLog_BatchEmpty());
        uint256 first = _position;
        (uint256 position, bytes32 runningHash) = _appendCommits(batch, first, _runningHash);
        if (position != first) {
            _position = position;
            _runningHash = runningHash;
        }
    }

    /// @inheritdoc IEventLog
    function record(bytes32 stream, bytes calldata payload) external {
        uint32 namespace = uint32(bytes4(stream));
        uint256 writer = _recorders[_member(namespace, msg.sender)];
        require(writer != 0, EventLog_NotAWriter(namespace, msg.sender));
        require(payload.length != 0, EventLog_PayloadEmpty(0));
        _record(stream, writer, payload);
    }

    /// @inheritdoc IEventLog
    function openNamespace(bool isSealed, uint32 delay) external returns (uint32 namespace) {
        namespace = ++_namespaceCount;
        Namespace storage opened = _namespaces[namespace];
        (opened.owner, opened.isSealed, opened.delay) = (msg.sender, isSealed, delay);
        _administer(namespace, abi.encodePacked(OPENED, isSealed, delay, msg.sender));
    }

    /// @inheritdoc IEventLog
    function admit(uint32 namespace, address account) external onlyOwnerOf(namespace) returns (uint32 writer) {
        require(writerOf(namespace, account) == 0, EventLog_WriterKnown(namespace, account));
        Namespace storage known = _namespaces[namespace];
        writer = ++known.admissions;
        _writers(known.isSealed)[_member(namespace, account)] = writer;
        _administer(namespace, abi.encodePacked(ADMITTED, writer, account));
    }

    /// @inheritdoc IEventLog
    function dismiss(uint32 namespace, address account) external onlyOwnerOf(namespace) {
        uint32 writer = writerOf(namespace, account);
        require(writer != 0, EventLog_WriterUnknown(namespace, account));
        delete _writers(_namespaces[namespace].isSealed)[_member(namespace, account)];
        _administer(namespace, abi.encodePacked(DISMISSED, writer, account));
    }

    /// @inheritdoc IEventLog
    function transferNamespace(uint32 namespace, address candidate) external onlyOwnerOf(namespace) {
        Namespace storage known = _namespaces[namespace];
        uint64 acceptableFrom = uint64(block.timestamp) + known.delay;
        (known.candidate, known.acceptableFrom) = (candidate, acceptableFrom);
        _administer(namespace, abi.encodePacked(OFFERED, acceptableFrom, candidate));
    }

    /// @inheritdoc IEventLog
    // slither-disable-next-line timestamp : see there
    function acceptNamespace(uint32 namespace) external {
        Namespace storage known = _namespaces[namespace];
        require(known.candidate == msg.sender, EventLog_NotOffered(namespace, msg.sender));
        // A validator may shift the time by seconds; delays are of hours.
        // forge-lint: disable-next-line(block-timestamp)
        require(block.timestamp >= known.acceptableFrom, EventLog_NotYetAcceptable(namespace, known.acceptableFrom));
        (known.owner, known.candidate, known.acceptableFrom) = (msg.sender, address(0), 0);
        _administer(namespace, abi.encodePacked(ACCEPTED, msg.sender));
    }

    /// @inheritdoc IEventLog
    function publish(uint32 namespace, bytes calldata profile) external onlyOwnerOf(namespace) {
        require(profile.length != 0, EventLog_PayloadEmpty(0));
        _administer(namespace, bytes.concat(bytes1(PUBLISHED), profile));
    }

    /// @inheritdoc IEventLog
    function head() external view returns (uint64 position, bytes32 runningHash) {
        return (uint64(_position), _runningHash);
    }

    /// @inheritdoc IEventLog
    function headOf(bytes32 stream) external view returns (uint64 version, bytes8 tag) {
        uint256 packed = _heads[stream];
        return (uint64(packed >> 64), bytes8(uint64(packed)));
    }

    /// @inheritdoc IEventLog
    function namespaceAt(uint32 namespace)
        external
        view
        returns (address owner, bool isSealed, uint32 delay, address candidate, uint64 acceptableFrom)
    {
        Namespace storage known = _namespaces[namespace];
        return (known.owner, known.isSealed, known.delay, known.candidate, known.acceptableFrom);
    }

    /// @inheritdoc IEventLog
    function writerOf(uint32 namespace, address account) public view returns (uint32 writer) {
        return uint32(_writers(_namespaces[namespace].isSealed)[_member(namespace, account)]);
    }

    function _writers(bool isSealed) private view returns (mapping(bytes32 => uint256) storage) {
        return isSealed ? _appenders : _recorders;
    }

    function _member(uint32 namespace, address account) private pure returns (bytes32) {
        return bytes32(uint256(namespace) << 224 | uint160(account));
    }

    /// @dev An entry of namespace 0, on the stream of the namespace that it is about.
    function _administer(uint32 namespace, bytes memory payload) private {
        _record(bytes32(uint256(namespace)), 0, payload);
    }

    /// @dev A commit of one entry, at whatever head.
    // slither-disable-next-line timestamp : a version is none; the payload of one entry has a time
    function _record(bytes32 stream, uint256 writer, bytes memory payload) private {
        uint256 version = (_heads[stream] >> 64) + 1;
        require(version <= type(uint32).max, EventLog_VersionTooHigh(0, stream));
        uint256 position = _position + 1;
        uint256 place = PLACE_OF_ONE | writer << PLACE_WRITER | version << PLACE_VERSION | position;
        bytes32 payloadHash = keccak256(payload);
        _heads[stream] = version << 64 | uint64(bytes8(payloadHash));
        _position = position;
        _runningHash = keccak256(abi.encode(_runningHash, stream, payloadHash, place));
        emit Appended(stream, place, payload);
    }

    /// @dev By hand, because this is what an append costs beside the least that it could cost: the same in Solidity takes 10%
    /// more for each event (contracts/README.md has the figures). The compiler would copy each payload to memory twice, to
    /// hash it and to log it, and would move its variables about. Here it is copied once, to its place in the log entry.
    ///
    /// A commit of one part, as almost all are, is compared with its stream's head and appended as it is read. One of several
    /// parts is read to its end first, because its last part decides whether the first is appended. A stale commit is
    /// read to its end as well: the next one begins there, and a malformed batch must not pass for a stale one.
    ///
    /// Memory, all at fixed places and used again for each event:
    ///
    ///     LINK     runningHash:32 stream:32 keccak256(payload):32 place:32    the next running hash's preimage, of which the place is
    ///     ENTRY    place:32 0x40:32 length:32 payload padding                 `Appended`'s as well, which the ABI encodes so
    ///     SCRATCH  where the payload will be: the streams of a commit while it is checked, or a rejection
    ///
    /// The sender's number in a namespace is looked up where the namespace is another than that of the part before.
    ///
    /// So the block is not memory-safe in the compiler's sense. It does no harm: nothing is allocated before it, nothing after,
    /// and the compiler keeps none of its own variables in memory unless all assembly is marked memory-safe.
    ///
    /// Nothing overflows: a cursor passes the end of the calldata by 2^24 at most, versions are checked against 2^32, and
    /// a position of 2^64 is out of reach (at a thousand events a block it takes 10^16 blocks).
    // slither-disable-start assembly : for the reasons above
    // slither-disable-next-line cyclomatic-complexity : the encoding's three levels, and the two ways to read a commit
    function _appendCommits(bytes calldata batch, uint256 position, bytes32 runningHash)
        private
        returns (uint256 newPosition, bytes32 newRunningHash)
    {
        assembly {
            function refuse(reason, offset) {
                mstore(SCRATCH, shl(224, reason))
                mstore(add(SCRATCH, 0x04), offset)
                revert(SCRATCH, 0x24)
            }

            function refuseStream(reason, offset, stream) {
                mstore(SCRATCH, shl(224, reason))
                mstore(add(SCRATCH, 0x04), offset)
                mstore(add(SCRATCH, 0x24), stream)
                revert(SCRATCH, 0x44)
            }

            /// Where Solidity keeps _heads[stream]; the second word is there already.
            function headSlot(stream) -> slot {
                mstore(0x00, stream)
                slot := keccak256(0x00, 0x40)
            }

            /// Version and position of the first event of a part, as a place has them, after so many entries of the log.
            function placeAfter(header, entries) -> place {
                place := add(or(shl(PLACE_VERSION, shr(224, header)), entries), NEXT_NUMBERS)
            }

            /// The number of the sender as a writer of a namespace, where a place has it; 0 if it is none.
            function writerIn(namespace) -> writer {
                mstore(0x00, or(shl(224, namespace), caller()))
                mstore(0x20, _appenders.slot)
                writer := shl(PLACE_WRITER, sload(keccak256(0x00, 0x40)))
                mstore(0x20, _heads.slot)
            }

            /// The header of the part at `cursor`: version:u32 tag:8 eventCount:u16, and what follows.
            function readPart(cursor, start, end) -> stream, header {
                if gt(add(cursor, PART_HEADER_SIZE), end) { refuse(BATCH_TRUNCATED, sub(cursor, start)) }
                stream := calldataload(cursor)
                header := calldataload(add(cursor, 0x20))
                let eventCount := and(shr(144, header), 0xffff)
                if iszero(eventCount) { refuse(PART_EMPTY, sub(cursor, start)) }
                if shr(32, add(shr(224, header), eventCount)) {
                    refuseStream(VERSION_TOO_HIGH, sub(cursor, start), stream)
                }
            }

            /// Checks the form of a part's events, from `cursor` on, and says where they end.
            function skipEvents(cursor, header, start, end) -> next {
                next := cursor
                for { let left := and(shr(144, header), 0xffff) } left { left := sub(left, 1) } {
                    let payload := add(next, EVENT_HEADER_SIZE)
                    let length := shr(232, calldataload(next))
                    if gt(add(payload, length), end) { refuse(BATCH_TRUNCATED, sub(next, start)) }
                    if iszero(length) { refuse(PAYLOAD_EMPTY, sub(next, start)) }
                    next := add(payload, length)
                }
            }

            /// Appends a part's events, from `cursor` on. `place` is the one of the first of them. It checks what
            /// `skipEvents` checks, as it goes: the batch is undone as a whole if it turns out to be malformed.
            function appendEvents(cursor, stream, eventCount, place, start, end) -> next, newHead {
                next := cursor
                mstore(LINK_STREAM, stream)
                // There is one event at least, so whether there is another is asked at the end.
                for {} 1 {} {
                    let payload := add(next, EVENT_HEADER_SIZE)
                    let length := shr(232, calldataload(next))
                    if gt(add(payload, length), end) { refuse(BATCH_TRUNCATED, sub(next, start)) }
                    if iszero(length) { refuse(PAYLOAD_EMPTY, sub(next, start)) }
                    next := add(payload, length)
                    calldatacopy(ENTRY_PAYLOAD, payload, length)
                    // A longer payload before this one may have left bytes where this one is padded with zeros.
                    mstore(add(ENTRY_PAYLOAD, length), 0)

                    let payloadHash := keccak256(ENTRY_PAYLOAD, length)
                    mstore(LINK_PAYLOAD_HASH, payloadHash)
                    mstore(ENTRY, place)
                    mstore(LINK, keccak256(LINK, LINK_SIZE))

                    mstore(ENTRY_LENGTH, length)
                    log2(ENTRY, add(0x60, and(add(length, 31), not(31))), APPENDED, stream)

                    eventCount := sub(eventCount, 1)
                    if iszero(eventCount) {
                        newHead := or(and(place, VERSION_OF_PLACE), shr(192, payloadHash))
                        break
                    }
                    place := add(place, NEXT_PLACE)
                }
            }

            function reject(index, stream, actual) {
                mstore(SCRATCH, index)
                mstore(add(SCRATCH, 0x20), stream)
                mstore(add(SCRATCH, 0x40), shr(64, actual))
                mstore(add(SCRATCH, 0x60), shl(192, actual))
                log1(SCRATCH, 0x80, COMMIT_REJECTED)
            }

            mstore(0x20, _heads.slot)
            mstore(LINK, runningHash)
            mstore(ENTRY_PAYLOAD_OFFSET, 0x40)
            newPosition := position

            // Nobody writes in namespace 0.
            let namespace := 0
            let writer := 0
            let start := batch.offset
            let end := add(start, batch.length)
            let cursor := start
            for { let index := 0 } lt(cursor, end) { index := add(index, 1) } {
                let partCount := byte(0, calldataload(cursor))

                if eq(partCount, 1) {
                    cursor := add(cursor, 1)
                    let stream, header := readPart(cursor, start, end)
                    cursor := add(cursor, PART_HEADER_SIZE)
                    let slot := headSlot(stream)
                    let actual := sload(slot)
                    if xor(shr(224, stream), namespace) {
                        namespace := shr(224, stream)
                        writer := writerIn(namespace)
                    }
                    if mul(eq(actual, shr(160, header)), writer) {
                        let count := and(header, COUNT_OF_HEADER)
                        let eventCount := shr(PLACE_COUNT, count)
                        let place := add(or(count, writer), placeAfter(header, newPosition))
                        let newHead
                        cursor, newHead := appendEvents(cursor, stream, eventCount, place, start, end)
                        newPosition := add(newPosition, eventCount)
                        sstore(slot, newHead)
                        continue
                    }
                    cursor := skipEvents(cursor, header, start, end)
                    reject(index, stream, actual)
                    continue
                }

                if iszero(partCount) { refuse(COMMIT_EMPTY, sub(cursor, start)) }
                cursor := add(cursor, 1)
                let parts := cursor
                let total := 0
                let refused := 0
                for { let part := 0 } lt(part, partCount) { part := add(part, 1) } {
                    let stream, header := readPart(cursor, start, end)
                    let seenEnd := add(SCRATCH, shl(5, part))
                    for { let seen := SCRATCH } lt(seen, seenEnd) { seen := add(seen, 0x20) } {
                        if eq(mload(seen), stream) { refuseStream(STREAM_REPEATED, sub(cursor, start), stream) }
                    }
                    mstore(seenEnd, stream)
                    total := add(total, and(shr(144, header), 0xffff))
                    if iszero(refused) {
                        if xor(shr(224, stream), namespace) {
                            namespace := shr(224, stream)
                            writer := writerIn(namespace)
                        }
                        if iszero(mul(eq(sload(headSlot(stream)), shr(160, header)), writer)) {
                            refused := cursor
                        }
                    }
                    cursor := skipEvents(add(cursor, PART_HEADER_SIZE), header, start, end)
                }
                if gt(total, 0xffff) { refuse(COMMIT_TOO_LONG, sub(sub(parts, 1), start)) }

                if refused {
                    let stream := calldataload(refused)
                    reject(index, stream, sload(headSlot(stream)))
                    continue
                }

                cursor := parts
                for { let before := 0 } partCount { partCount := sub(partCount, 1) } {
                    let stream := calldataload(cursor)
                    let header := calldataload(add(cursor, 0x20))
                    let eventCount := shr(PLACE_COUNT, and(header, COUNT_OF_HEADER))
                    if xor(shr(224, stream), namespace) {
                        namespace := shr(224, stream)
                        writer := writerIn(namespace)
                    }
                    let inCommit := or(shl(PLACE_COUNT, total), shl(PLACE_INDEX, before))
                    let place := add(or(inCommit, writer), placeAfter(header, newPosition))
                    let newHead
                    cursor, newHead :=
                        appendEvents(add(cursor, PART_HEADER_SIZE), stream, eventCount, place, start, end)
                    before := add(before, eventCount)
                    newPosition := add(newPosition, eventCount)
                    sstore(headSlot(stream), newHead)
                }
            }
            newRunningHash := mload(LINK)
        }
    }
    // slither-disable-end assembly
}
