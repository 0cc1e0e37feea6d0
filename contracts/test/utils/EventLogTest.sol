// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../../src/EventLog.sol";
import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {BatchEncoder, Commit, Part} from "./BatchEncoder.sol";
import {Vm, vm} from "./Vm.sol";

/// @title What the tests of the event log share: a log with a namespace and one writer, short ways to make commits, and to read the logs back
/// @dev Positions are counted from the end of `setUp` on, so that a test does not depend on how many entries that makes.
abstract contract EventLogTest {
    address internal constant OWNER = address(0xAD);
    address internal constant WRITER = address(0x3417);
    address internal constant STRANGER = address(0x57A6);
    uint32 internal constant DELAY = 3600;

    /// @dev The first namespace of the log, and the number of WRITER in it.
    uint32 internal constant HERE = 1;
    uint256 internal constant WRITER_NUMBER = 1;

    bytes32 internal constant A = HERE_PREFIX | (keccak256("stream A") >> 32);
    bytes32 internal constant B = HERE_PREFIX | (keccak256("stream B") >> 32);
    bytes32 internal constant C = HERE_PREFIX | (keccak256("stream C") >> 32);
    bytes32 private constant HERE_PREFIX = bytes32(uint256(HERE) << 224);

    EventLog internal log;
    uint256 private entriesBefore;
    bytes32 private hashBefore;

    function setUp() public virtual {
        log = new EventLog();
        vm.startPrank(OWNER);
        log.openNamespace(true, DELAY);
        log.admit(HERE, WRITER);
        vm.stopPrank();
        begin();
    }

    /// @dev Positions are counted from here on.
    function begin() internal {
        (entriesBefore, hashBefore) = log.head();
    }

    /// @dev A stream of a namespace.
    function streamIn(uint32 namespace, bytes memory name) internal pure returns (bytes32) {
        return bytes32(uint256(namespace) << 224) | (keccak256(name) >> 32);
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

    /// @dev Another namespace of OWNER, in which WRITER and nobody else writes.
    function openAnother(bool isSealed) internal returns (uint32 namespace) {
        vm.startPrank(OWNER);
        namespace = log.openNamespace(isSealed, 0);
        log.admit(namespace, WRITER);
        vm.stopPrank();
        begin();
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

    /// @dev The running hash where the test begins.
    function beginning() internal view returns (bytes32) {
        return hashBefore;
    }

    /// @dev The place of an event that WRITER appended alone.
    function place(uint256 version, uint256 position) internal view returns (uint256) {
        return place(1, 0, version, position);
    }

    function place(uint256 count, uint256 index, uint256 version, uint256 position) internal view returns (uint256) {
        return place(count, index, WRITER_NUMBER, version, position);
    }

    function place(uint256 count, uint256 index, uint256 writer, uint256 version, uint256 position)
        internal
        view
        returns (uint256)
    {
        bytes memory packed = abi.encodePacked(
            uint96(0), uint16(count), uint16(index), uint32(writer), uint32(version), uint64(entriesBefore + position)
        );
        return uint256(bytes32(packed));
    }

    function link(bytes32 hash, bytes32 stream, uint256 at, bytes memory payload) internal pure returns (bytes32) {
        return keccak256(abi.encode(hash, stream, keccak256(payload), at));
    }

    function assertHead(uint256 position, bytes32 runningHash) internal view {
        (uint64 actualPosition, bytes32 actualHash) = log.head();
        vm.assertEq(actualPosition, entriesBefore + position, "position");
        vm.assertEq(actualHash, runningHash, "running hash");
    }

    function assertHeadOf(bytes32 stream, uint256 version, bytes8 tag) internal view {
        (uint64 actualVersion, bytes8 actualTag) = log.headOf(stream);
        vm.assertEq(actualVersion, version, "version");
        vm.assertEq(bytes32(actualTag), bytes32(tag), "tag");
    }

    function assertAppended(Vm.Log memory entry, bytes32 stream, uint256 at, bytes memory payload) internal view {
        vm.assertEq(entry.emitter, address(log), "emitter");
        vm.assertEq(entry.topics.length, 2, "topics");
        vm.assertEq(entry.topics[0], IEventLog.Appended.selector, "event");
        vm.assertEq(entry.topics[1], stream, "stream");
        // Compared as bytes, so that a dirty padding or a stray word shows.
        vm.assertEq(entry.data, abi.encode(at, payload), "entry");
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
