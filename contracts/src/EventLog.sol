// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "./interfaces/IEventLog.sol";
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title The event log
/// @notice See `IEventLog`, which says what it promises.
contract EventLog is IEventLog, AccessControl {
    /// @inheritdoc IEventLog
    bytes32 public constant WRITER_ROLE = keccak256("WRITER_ROLE");

    /// @dev stream:32 version:u32 tag:8 eventCount:u16.
    uint256 private constant PART_HEADER_SIZE = 46;

    /// @dev length:u24.
    uint256 private constant EVENT_HEADER_SIZE = 3;

    // Topics and selectors of the events and errors of `IEventLog`: assembly knows literals only. The tests compare them.
    uint256 private constant APPENDED = 0x901b97de7689da7a12c72884c9f2b89f0a6c4a3db562668d6bd0ecabecf41041;
    uint256 private constant COMMIT_REJECTED = 0x1c1058016b6d3845ba7540c48ef38cae51c25a4297cb12520246b1eb1a026d7e;
    uint256 private constant BATCH_TRUNCATED = 0x1d17095d;
    uint256 private constant COMMIT_EMPTY = 0xa557e18f;
    uint256 private constant PART_EMPTY = 0xa90bd9f1;
    uint256 private constant PAYLOAD_EMPTY = 0x600cd510;
    uint256 private constant STREAM_REPEATED = 0x56c85b67;
    uint256 private constant VERSION_TOO_HIGH = 0xb8203517;

    // Where things lie in memory while a batch is appended. `_appendCommits` says what for.
    uint256 private constant LINK = 0x80;
    uint256 private constant LINK_STREAM = 0xa0;
    uint256 private constant LINK_NUMBERS = 0xc0;
    uint256 private constant LINK_PAYLOAD_HASH = 0xd0;
    uint256 private constant LINK_SIZE = 0x70;
    uint256 private constant ENTRY = 0x100;
    uint256 private constant ENTRY_POSITION = 0x120;
    uint256 private constant ENTRY_PAYLOAD_OFFSET = 0x140;
    uint256 private constant ENTRY_LENGTH = 0x160;
    uint256 private constant ENTRY_PAYLOAD = 0x180;
    uint256 private constant SCRATCH = 0x180;

    /// @dev version << 64 | tag: the order in which a part names them, so that comparing the two is one `==`, and a whole
    /// word, so that a write needs no read before it.
    // slither-disable-next-line uninitialized-state : written in assembly, by `sstore` at the slots of its entries
    mapping(bytes32 stream => uint256 head) private _heads;

    uint256 private _position;
    bytes32 private _runningHash;

    /// @param admin Who appoints writers and further administrators.
    constructor(address admin) {
        require(admin != address(0), EventLog_AdminMissing());
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _runningHash = keccak256(abi.encode("medconnect.EventLog.v1", block.chainid, address(this)));
    }

    /// @inheritdoc IEventLog
    function append(bytes calldata batch) external onlyRole(WRITER_ROLE) {
        require(batch.length != 0, EventLog_BatchEmpty());
        uint256 first = _position;
        (uint256 position, bytes32 runningHash) = _appendCommits(batch, first, _runningHash);
        if (position != first) {
            _position = position;
            _runningHash = runningHash;
        }
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
    ///     LINK     runningHash:32 stream:32 version:8 position:8 keccak256(payload):32    the next running hash's preimage
    ///     ENTRY    version:32 position:32 0x60:32 length:32 payload padding               `Appended` as the ABI encodes it
    ///     SCRATCH  where the payload will be: the streams of a commit while it is checked, or a rejection
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

            /// Appends a part's events, from `cursor` on, after as many events of the log as `before`. It checks what
            /// `skipEvents` checks, as it goes: the batch is undone as a whole if it turns out to be malformed.
            function appendEvents(cursor, stream, header, before, start, end) -> next, after, newHead {
                next := cursor
                after := before
                mstore(LINK_STREAM, stream)
                let version := shr(224, header)
                // There is one event at least, so whether there is another is asked at the end.
                for { let last := add(version, and(shr(144, header), 0xffff)) } 1 {} {
                    version := add(version, 1)
                    after := add(after, 1)

                    let payload := add(next, EVENT_HEADER_SIZE)
                    let length := shr(232, calldataload(next))
                    if gt(add(payload, length), end) { refuse(BATCH_TRUNCATED, sub(next, start)) }
                    if iszero(length) { refuse(PAYLOAD_EMPTY, sub(next, start)) }
                    next := add(payload, length)
                    calldatacopy(ENTRY_PAYLOAD, payload, length)
                    // A longer payload before this one may have left bytes where this one is padded with zeros.
                    mstore(add(ENTRY_PAYLOAD, length), 0)

                    let payloadHash := keccak256(ENTRY_PAYLOAD, length)
                    mstore(LINK_NUMBERS, or(shl(192, version), shl(128, after)))
                    mstore(LINK_PAYLOAD_HASH, payloadHash)
                    mstore(LINK, keccak256(LINK, LINK_SIZE))

                    mstore(ENTRY, version)
                    mstore(ENTRY_POSITION, after)
                    mstore(ENTRY_LENGTH, length)
                    log2(ENTRY, add(0x80, and(add(length, 31), not(31))), APPENDED, stream)

                    if eq(version, last) {
                        newHead := or(shl(64, version), shr(192, payloadHash))
                        break
                    }
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
            mstore(ENTRY_PAYLOAD_OFFSET, 0x60)
            newPosition := position

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
                    if eq(actual, shr(160, header)) {
                        let newHead
                        cursor, newPosition, newHead := appendEvents(cursor, stream, header, newPosition, start, end)
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
                let stale := 0
                for { let part := 0 } lt(part, partCount) { part := add(part, 1) } {
                    let stream, header := readPart(cursor, start, end)
                    let seenEnd := add(SCRATCH, shl(5, part))
                    for { let seen := SCRATCH } lt(seen, seenEnd) { seen := add(seen, 0x20) } {
                        if eq(mload(seen), stream) { refuseStream(STREAM_REPEATED, sub(cursor, start), stream) }
                    }
                    mstore(seenEnd, stream)
                    if iszero(stale) {
                        if xor(sload(headSlot(stream)), shr(160, header)) { stale := cursor }
                    }
                    cursor := skipEvents(add(cursor, PART_HEADER_SIZE), header, start, end)
                }

                if stale {
                    let stream := calldataload(stale)
                    reject(index, stream, sload(headSlot(stream)))
                    continue
                }

                cursor := parts
                for {} partCount { partCount := sub(partCount, 1) } {
                    let stream := calldataload(cursor)
                    let header := calldataload(add(cursor, 0x20))
                    let newHead
                    cursor := add(cursor, PART_HEADER_SIZE)
                    cursor, newPosition, newHead := appendEvents(cursor, stream, header, newPosition, start, end)
                    sstore(headSlot(stream), newHead)
                }
            }
            newRunningHash := mload(LINK)
        }
    }
    // slither-disable-end assembly
}
