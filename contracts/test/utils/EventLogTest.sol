// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../../src/EventLog.sol";
import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {BatchEncoder, Commit, Part} from "./BatchEncoder.sol";
import {Vm, vm} from "./Vm.sol";

/// @title What the tests of the event log share: a log with one writer, short ways to make commits, and to read the logs back
abstract contract EventLogTest {
    address internal constant ADMIN = address(0xAD);
    address internal constant WRITER = address(0x3417);
    address internal constant STRANGER = address(0x57A6);

    bytes32 internal constant A = keccak256("stream A");
    bytes32 internal constant B = keccak256("stream B");
    bytes32 internal constant C = keccak256("stream C");

    EventLog internal log;

    function setUp() public virtual {
        log = new EventLog(ADMIN);
        bytes32 role = log.WRITER_ROLE();
        vm.prank(ADMIN);
        log.grantRole(role, WRITER);
    }

    function append(bytes memory batch) internal {
        vm.prank(WRITER);
        log.append(batch);
    }

    /// @dev Appends, and gives what was logged.
    function appendLogged(bytes memory batch) internal returns (Vm.Log[] memory) {
        vm.recordLogs();
        append(batch);
        return vm.getRecordedLogs();
    }

    function expectMalformed(bytes memory batch, bytes memory reason) internal {
        vm.expectRevert(reason);
        append(batch);
    }

    // Parts and commits

    function payloads(bytes memory first) internal pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = first;
    }

    function payloads(bytes memory first, bytes memory second) internal pure returns (bytes[] memory list) {
        list = new bytes[](2);
        (list[0], list[1]) = (first, second);
    }

    function part(bytes32 stream, uint256 version, bytes8 tag, bytes[] memory list)
        internal
        pure
        returns (Part memory)
    {
        return Part(stream, uint32(version), tag, list);
    }

    /// @dev The first event of a stream, alone.
    function opening(bytes32 stream, bytes memory payload) internal pure returns (bytes memory) {
        return commit(part(stream, 0, 0, payloads(payload)));
    }

    /// @dev One event on top of the payload `last`, which got `version`.
    function next(bytes32 stream, uint256 version, bytes memory last, bytes memory payload)
        internal
        pure
        returns (bytes memory)
    {
        return commit(part(stream, version, tagOf(last), payloads(payload)));
    }

    function commit(Part memory only) internal pure returns (bytes memory) {
        Commit memory made = Commit(new Part[](1));
        made.parts[0] = only;
        return BatchEncoder.encode(made);
    }

    function commit(Part memory first, Part memory second) internal pure returns (bytes memory) {
        Commit memory made = Commit(new Part[](2));
        (made.parts[0], made.parts[1]) = (first, second);
        return BatchEncoder.encode(made);
    }

    function tagOf(bytes memory payload) internal pure returns (bytes8) {
        return bytes8(keccak256(payload));
    }

    // What the log should answer

    function genesis() internal view returns (bytes32) {
        return keccak256(abi.encode("medconnect.EventLog.v1", block.chainid, address(log)));
    }

    function link(bytes32 hash, bytes32 stream, uint256 version, uint256 position, bytes memory payload)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(hash, stream, uint64(version), uint64(position), keccak256(payload)));
    }

    function assertHead(uint256 position, bytes32 runningHash) internal view {
        (uint64 actualPosition, bytes32 actualHash) = log.head();
        vm.assertEq(actualPosition, position, "position");
        vm.assertEq(actualHash, runningHash, "running hash");
    }

    function assertHeadOf(bytes32 stream, uint256 version, bytes8 tag) internal view {
        (uint64 actualVersion, bytes8 actualTag) = log.headOf(stream);
        vm.assertEq(actualVersion, version, "version");
        vm.assertEq(bytes32(actualTag), bytes32(tag), "tag");
    }

    function assertAppended(
        Vm.Log memory entry,
        bytes32 stream,
        uint256 version,
        uint256 position,
        bytes memory payload
    ) internal view {
        vm.assertEq(entry.emitter, address(log), "emitter");
        vm.assertEq(entry.topics.length, 2, "topics");
        vm.assertEq(entry.topics[0], IEventLog.Appended.selector, "event");
        vm.assertEq(entry.topics[1], stream, "stream");
        // Compared as bytes, so that a dirty padding or a stray word shows.
        vm.assertEq(entry.data, abi.encode(uint64(version), uint64(position), payload), "entry");
    }

    function assertRejected(Vm.Log memory entry, uint256 index, bytes32 stream, uint256 version, bytes8 tag)
        internal
        view
    {
        vm.assertEq(entry.emitter, address(log), "emitter");
        vm.assertEq(entry.topics.length, 1, "topics");
        vm.assertEq(entry.topics[0], IEventLog.CommitRejected.selector, "event");
        vm.assertEq(entry.data, abi.encode(index, stream, uint64(version), tag), "entry");
    }
}
