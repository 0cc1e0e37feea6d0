// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {Commit, Part} from "./BatchEncoder.sol";
import {Random, Seed} from "./Random.sol";

/// @title The event log in plain words, for the real one to be held against
/// @dev It works on commits rather than bytes, keeps everything in ordinary variables, and makes random commits that hit and miss
/// the heads of a few streams, which stand in two sealed namespaces. It is told who writes in them.
contract EventLogModel {
    using Random for Seed;

    struct Entry {
        bytes32[] topics;
        bytes data;
    }

    uint256 public constant STREAMS = 5;

    /// @dev The namespaces are 1 and 2.
    uint32 public constant NAMESPACES = 2;

    uint256 public position;
    bytes32 public runningHash;
    mapping(bytes32 stream => uint256) public versionOf;
    mapping(bytes32 stream => bytes8) public tagOf;
    mapping(uint32 namespace => mapping(address account => uint32)) public writerOf;

    Entry[] private entries;

    constructor(uint256 chainId, address log) {
        runningHash = keccak256(abi.encode("medconnect.EventLog.v2", chainId, log));
    }

    function streamAt(uint256 i) public pure returns (bytes32) {
        return bytes32(uint256(1 + i % NAMESPACES) << 224) | (keccak256(abi.encode("stream", i)) >> 32);
    }

    function setWriter(uint32 namespace, address account, uint32 writer) external {
        writerOf[namespace][account] = writer;
    }

    /// @dev An entry that is a commit alone, such as one of administration. Gives what the log should have logged.
    function record(bytes32 stream, uint32 writer, bytes memory payload) external returns (Entry[] memory) {
        delete entries;
        appendEvent(stream, 1, 0, writer, payload);
        return entries;
    }

    /// @dev Gives what the log should have logged.
    function append(address sender, Commit[] memory commits) external returns (Entry[] memory) {
        delete entries;
        for (uint256 i = 0; i < commits.length; ++i) {
            (bool refused, bytes32 stream) = refusedStream(sender, commits[i]);
            if (refused) {
                entries.push(
                    Entry(
                        topics(IEventLog.CommitRejected.selector),
                        abi.encode(i, stream, uint64(versionOf[stream]), tagOf[stream])
                    )
                );
            } else {
                appendCommit(sender, commits[i]);
            }
        }
        return entries;
    }

    /// @dev The first stream of a commit that has another head than it names, or in whose namespace the sender does not write.
    function refusedStream(address sender, Commit memory commit) private view returns (bool, bytes32) {
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            bool stale = versionOf[part.stream] != part.version || tagOf[part.stream] != part.tag;
            if (stale || writerOf[namespaceOf(part.stream)][sender] == 0) return (true, part.stream);
        }
        return (false, 0);
    }

    function appendCommit(address sender, Commit memory commit) private {
        uint256 count = 0;
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            count += commit.parts[i].payloads.length;
        }
        uint256 index = 0;
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            for (uint256 j = 0; j < part.payloads.length; ++j) {
                uint32 writer = writerOf[namespaceOf(part.stream)][sender];
                appendEvent(part.stream, count, index++, writer, part.payloads[j]);
            }
        }
    }

    function appendEvent(bytes32 stream, uint256 count, uint256 index, uint32 writer, bytes memory payload) private {
        uint256 version = ++versionOf[stream];
        ++position;
        tagOf[stream] = bytes8(keccak256(payload));
        bytes memory packed =
            abi.encodePacked(uint96(0), uint16(count), uint16(index), writer, uint32(version), uint64(position));
        runningHash = keccak256(abi.encode(runningHash, stream, keccak256(payload), bytes32(packed)));
        entries.push(Entry(topics(IEventLog.Appended.selector, stream), abi.encode(bytes32(packed), payload)));
    }

    function namespaceOf(bytes32 stream) private pure returns (uint32) {
        return uint32(bytes4(stream));
    }

    function topics(bytes32 only) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = only;
    }

    function topics(bytes32 first, bytes32 second) private pure returns (bytes32[] memory list) {
        list = new bytes32[](2);
        (list[0], list[1]) = (first, second);
    }

    /// @dev From 1 to 5 commits. Most are built on the heads that the batch itself would leave behind; the others are stale
    /// by version, by tag, or by both.
    function randomCommits(Seed memory seed) external view returns (Commit[] memory commits) {
        uint256[] memory versions = new uint256[](STREAMS);
        bytes8[] memory tags = new bytes8[](STREAMS);
        for (uint256 i = 0; i < STREAMS; ++i) {
            (versions[i], tags[i]) = (versionOf[streamAt(i)], tagOf[streamAt(i)]);
        }
        commits = new Commit[](1 + seed.below(5));
        for (uint256 i = 0; i < commits.length; ++i) {
            uint256 count = seed.oneIn(3) ? 2 + seed.below(STREAMS - 1) : 1;
            commits[i].parts = new Part[](count);
            uint256 first = seed.below(STREAMS);
            bool stale = seed.oneIn(4);
            uint256 wrong = seed.below(count);
            for (uint256 j = 0; j < count; ++j) {
                uint256 at = (first + j) % STREAMS;
                Part memory part = commits[i].parts[j];
                (part.stream, part.version, part.tag) = (streamAt(at), uint32(versions[at]), tags[at]);
                if (stale && j == wrong) {
                    uint256 how = 1 + seed.below(3);
                    if (how & 1 != 0) part.version += 1;
                    if (how & 2 != 0) part.tag = bytes8(uint64(seed.draw()));
                }
                part.payloads = new bytes[](1 + seed.below(4));
                for (uint256 k = 0; k < part.payloads.length; ++k) {
                    part.payloads[k] = seed.blob(1 + seed.below(seed.oneIn(4) ? 300 : 70));
                }
                if (!stale) {
                    versions[at] += part.payloads.length;
                    tags[at] = bytes8(keccak256(part.payloads[part.payloads.length - 1]));
                }
            }
        }
    }
}
