// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "./interfaces/IEventLog.sol";
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title The event log
/// @notice See `IEventLog`, which says what it promises.
/// @dev Each commit is read twice. `_examine` walks all of it, checks its form, and compares heads; it writes nothing. Only
/// then does `_apply` append it, with no check left to make. That keeps "all or nothing" plain to see for commits of
/// several streams, and costs some 60 gas an event, where an event costs thousands.
///
/// Arithmetic is unchecked throughout: a cursor cannot pass the end of the calldata by more than 2^24, versions are checked
/// against 2^32 by hand, and a position of 2^64 is out of reach (at a thousand events a block it takes 10^16 blocks).
contract EventLog is IEventLog, AccessControl {
    /// @inheritdoc IEventLog
    bytes32 public constant WRITER_ROLE = keccak256("WRITER_ROLE");

    /// @dev stream:32 version:u32 tag:8 eventCount:u16.
    uint256 private constant PART_HEADER_SIZE = 46;

    /// @dev length:u24.
    uint256 private constant EVENT_HEADER_SIZE = 3;

    /// @dev version << 64 | tag: the order in which a part names them, so that comparing the two is one `==`, and a whole
    /// word, so that a write needs no read before it.
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
        uint256 position = first;
        bytes32 runningHash = _runningHash;
        unchecked {
            uint256 cursor = _offsetOf(batch);
            uint256 end = cursor + batch.length;
            for (uint256 index = 0; cursor != end; ++index) {
                (uint256 next, bool stale, bytes32 staleStream) = _examine(batch, cursor);
                if (stale) {
                    (uint64 version, bytes8 tag) = headOf(staleStream);
                    emit CommitRejected(index, staleStream, version, tag);
                } else {
                    (position, runningHash) = _apply(cursor, position, runningHash);
                }
                cursor = next;
            }
        }
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
    function headOf(bytes32 stream) public view returns (uint64 version, bytes8 tag) {
        uint256 packed = _heads[stream];
        return (uint64(packed >> 64), bytes8(uint64(packed)));
    }

    /// @dev Checks the form of the commit at `cursor` and compares the heads that it names. Goes through all of it even if
    /// it is stale: where the next commit begins is known only at its end, and a malformed batch must not pass for a stale one.
    function _examine(bytes calldata batch, uint256 cursor)
        private
        view
        returns (uint256 next, bool stale, bytes32 staleStream)
    {
        unchecked {
            uint256 start = _offsetOf(batch);
            uint256 end = start + batch.length;
            uint256 partCount = _word(cursor) >> 248;
            require(partCount != 0, EventLog_CommitEmpty(cursor - start));
            next = cursor + 1;

            // Almost every commit has one part, and needs no memory of the streams before it.
            bytes32[] memory streams;
            if (partCount != 1) streams = new bytes32[](partCount);

            for (uint256 part = 0; part != partCount; ++part) {
                uint256 offset = next - start;
                require(next + PART_HEADER_SIZE <= end, EventLog_BatchTruncated(offset));
                (bytes32 stream, uint256 expected, uint256 eventCount) = _partHeader(next);
                next += PART_HEADER_SIZE;
                require(eventCount != 0, EventLog_PartEmpty(offset));
                require((expected >> 64) + eventCount <= type(uint32).max, EventLog_VersionTooHigh(offset, stream));
                if (partCount != 1) {
                    for (uint256 i = 0; i != part; ++i) {
                        require(streams[i] != stream, EventLog_StreamRepeated(offset, stream));
                    }
                    streams[part] = stream;
                }
                if (!stale && _heads[stream] != expected) (stale, staleStream) = (true, stream);

                for (; eventCount != 0; --eventCount) {
                    uint256 payload = next + EVENT_HEADER_SIZE;
                    uint256 payloadEnd = payload + (_word(next) >> 232);
                    require(payloadEnd <= end, EventLog_BatchTruncated(next - start));
                    require(payloadEnd != payload, EventLog_PayloadEmpty(next - start));
                    next = payloadEnd;
                }
            }
        }
    }

    /// @dev Appends the commit at `cursor`, which `_examine` has found good.
    function _apply(uint256 cursor, uint256 position, bytes32 runningHash) private returns (uint256, bytes32) {
        unchecked {
            uint256 partCount = _word(cursor) >> 248;
            cursor += 1;
            for (; partCount != 0; --partCount) {
                (bytes32 stream, uint256 expected, uint256 eventCount) = _partHeader(cursor);
                uint256 version = expected >> 64;
                bytes32 payloadHash;
                (cursor, runningHash, payloadHash) =
                    _appendEvents(cursor + PART_HEADER_SIZE, stream, version, eventCount, position, runningHash);
                position += eventCount;
                _heads[stream] = (version + eventCount) << 64 | uint64(bytes8(payloadHash));
            }
            return (position, runningHash);
        }
    }

    /// @dev Logs `eventCount` events that begin at `cursor`, the first of them as `version + 1` and `position + 1`.
    ///
    /// By hand, because the compiler would copy each payload to memory twice (to hash it and to log it) and check bounds
    /// that hold already. Here it is copied once, straight to its place in the log entry, and all memory is used again for
    /// the next event. It lies beyond the free memory pointer, which is not moved, as nothing in it outlives the call:
    ///
    ///     link   runningHash:32 stream:32 version:8 position:8 keccak256(payload):32    what the running hash is taken over
    ///     entry  version:32 position:32 0x60:32 length:32 payload padding               the ABI's encoding of `Appended`
    function _appendEvents(
        uint256 cursor,
        bytes32 stream,
        uint256 version,
        uint256 eventCount,
        uint256 position,
        bytes32 runningHash
    ) private returns (uint256 next, bytes32 newRunningHash, bytes32 payloadHash) {
        bytes32 topic = Appended.selector;
        assembly ("memory-safe") {
            let link := mload(0x40)
            let entry := add(link, 0x80)
            let payload := add(entry, 0x80)
            mstore(link, runningHash)
            mstore(add(link, 0x20), stream)
            mstore(add(entry, 0x40), 0x60)

            for { let last := add(version, eventCount) } lt(version, last) {} {
                version := add(version, 1)
                position := add(position, 1)
                let length := shr(232, calldataload(cursor))
                cursor := add(cursor, EVENT_HEADER_SIZE)
                calldatacopy(payload, cursor, length)
                cursor := add(cursor, length)
                // A longer payload before this one may have left bytes where this one is padded with zeros.
                mstore(add(payload, length), 0)
                payloadHash := keccak256(payload, length)

                mstore(add(link, 0x40), or(shl(192, version), shl(128, position)))
                mstore(add(link, 0x50), payloadHash)
                mstore(link, keccak256(link, 0x70))

                mstore(entry, version)
                mstore(add(entry, 0x20), position)
                mstore(add(entry, 0x60), length)
                log2(entry, add(0x80, and(add(length, 31), not(31))), topic, stream)
            }
            next := cursor
            newRunningHash := mload(link)
        }
    }

    /// @dev The fields of the part at `cursor`; `expected` is packed as in `_heads`.
    function _partHeader(uint256 cursor) private pure returns (bytes32 stream, uint256 expected, uint256 eventCount) {
        stream = bytes32(_word(cursor));
        uint256 word = _word(cursor + 32);
        expected = word >> 160;
        eventCount = uint16(word >> 144);
    }

    /// @dev The 32 bytes of calldata at `cursor`; zeros where it has ended.
    function _word(uint256 cursor) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(cursor)
        }
    }

    /// @dev Where in the calldata the batch begins.
    function _offsetOf(bytes calldata batch) private pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := batch.offset
        }
    }
}
