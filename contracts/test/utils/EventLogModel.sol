// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {Commit, Part} from "./BatchEncoder.sol";
import {Random, Seed} from "./Random.sol";

/// @title The event log in plain words, for the real one to be held against
/// @dev It works on commits rather than bytes, keeps everything in ordinary variables, and makes random commits that hit and miss
/// the heads of a few streams.
contract EventLogModel {
    using Random for Seed;

    struct Entry {
        bytes32[] topics;
        bytes data;
    }

    uint256 public constant STREAMS = 5;

    uint256 public position;
    bytes32 public runningHash;
    mapping(bytes32 stream => uint256) public versionOf;
    mapping(bytes32 stream => bytes8) public tagOf;

    Entry[] private entries;

    constructor(uint256 chainId, address log) {
        runningHash = keccak256(abi.encode("medconnect.EventLog.v1", chainId, log));
    }

    function streamAt(uint256 i) public pure returns (bytes32) {
        return keccak256(abi.encode("stream", i));
    }

    /// @dev Gives what the log should have logged.
    function append(Commit[] memory commits) external returns (Entry[] memory) {
        delete entries;
        for (uint256 i = 0; i < commits.length; ++i) {
            (bool stale, bytes32 stream) = staleStream(commits[i]);
            if (stale) {
                entries.push(
                    Entry(
                        topics(IEventLog.CommitRejected.selector),
                        abi.encode(i, stream, uint64(versionOf[stream]), tagOf[stream])
                    )
                );
            } else {
                for (uint256 j = 0; j < commits[i].parts.length; ++j) {
                    appendPart(commits[i].parts[j]);
                }
            }
        }
        return entries;
    }

    function staleStream(Commit memory commit) private view returns (bool, bytes32) {
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            if (versionOf[part.stream] != part.version || tagOf[part.stream] != part.tag) return (true, part.stream);
        }
        return (false, 0);
    }

    function appendPart(Part memory part) private {
        for (uint256 i = 0; i < part.payloads.length; ++i) {
            bytes memory payload = part.payloads[i];
            uint64 version = uint64(++versionOf[part.stream]);
            uint64 at = uint64(++position);
            tagOf[part.stream] = bytes8(keccak256(payload));
            runningHash = keccak256(abi.encodePacked(runningHash, part.stream, version, at, keccak256(payload)));
            entries.push(Entry(topics(IEventLog.Appended.selector, part.stream), abi.encode(version, at, payload)));
        }
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
