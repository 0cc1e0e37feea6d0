// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev What a commit appends to one stream, and the head it was decided on.
struct Part {
    bytes32 stream;
    uint32 version;
    bytes8 tag;
    bytes[] payloads;
}

/// @dev What is appended as a whole or not at all.
struct Commit {
    Part[] parts;
}

/// @title The batch encoding as `IEventLog.append` describes it
/// @dev It also encodes what the log refuses (no commits, parts, events or bytes), so that tests can show the refusal.
library BatchEncoder {
    function encode(Commit[] memory commits) internal pure returns (bytes memory batch) {
        for (uint256 i = 0; i < commits.length; ++i) {
            batch = bytes.concat(batch, encode(commits[i]));
        }
    }

    function encode(Commit memory commit) internal pure returns (bytes memory encoded) {
        encoded = abi.encodePacked(uint8(commit.parts.length));
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            encoded = bytes.concat(encoded, encode(commit.parts[i]));
        }
    }

    function encode(Part memory part) internal pure returns (bytes memory encoded) {
        encoded = abi.encodePacked(part.stream, part.version, part.tag, uint16(part.payloads.length));
        for (uint256 i = 0; i < part.payloads.length; ++i) {
            encoded = abi.encodePacked(encoded, uint24(part.payloads[i].length), part.payloads[i]);
        }
    }
}
