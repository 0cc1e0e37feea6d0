// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../../src/EventLog.sol";
import {vm} from "../utils/Vm.sol";
import {EventLogHandler, Way} from "./EventLogHandler.sol";

/// @title The invariants of README.md, numbered as they are there
contract EventLogInvariantTest {
    /// @dev What the entries of namespace 0 say of a namespace.
    struct Namespace {
        address owner;
        bool isSealed;
        uint32 delay;
        address candidate;
        uint64 acceptableFrom;
    }

    EventLog private log;
    EventLogHandler private handler;

    // Read back from the logs, entry by entry.
    bytes32[] private streams;
    mapping(bytes32 stream => uint64) private versions;
    mapping(bytes32 stream => bytes8) private tags;
    mapping(uint32 namespace => Namespace) private namespaces;
    mapping(uint32 namespace => mapping(uint32 writer => address)) private accounts;
    uint32 private namespaceCount;

    function setUp() public {
        log = new EventLog();
        handler = new EventLogHandler(log);
        handler.open(0, true, 0);
        handler.open(1, true, 50);
        handler.open(2, false, 0);
        handler.admit(0, 1, 0);
        handler.admit(0, 1, 1);
        handler.admit(1, 2, 1);
        handler.admit(2, 3, 1);
    }

    /// @dev Foundry asks for it: nothing but the handler is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One statement for all that is read from the logs, as reading them is what takes time. The rest of 6 and of 9, and 7 and 8, are the
    /// handler's.
    function invariant_1_to_6_and_9_the_logs_alone_give_all_that_the_log_reports() external {
        bytes32 hash = keccak256(abi.encode("medconnect.EventLog.v2", block.chainid, address(log)));
        uint256 count = handler.entryCount();
        uint256 left = 0;
        for (uint256 i = 0; i < count; ++i) {
            EventLogHandler.Entry memory entry = handler.entryAt(i);
            uint64 version = uint32(entry.place >> 64);
            vm.assertEq(entry.place >> 160, 0, "nothing stands before the place");
            vm.assertEq(version, versions[entry.stream] + 1, "1: versions are gapless");
            vm.assertEq(uint64(entry.place), i + 1, "2: positions are gapless");
            left = followCommit(entry.place, left);
            checkWriter(entry);
            bytes32 payloadHash = keccak256(entry.payload);
            hash = keccak256(abi.encode(hash, entry.stream, payloadHash, entry.place));
            if (version == 1) streams.push(entry.stream);
            (versions[entry.stream], tags[entry.stream]) = (version, bytes8(payloadHash));
        }
        vm.assertEq(left, 0, "6: the last commit is whole");
        (uint64 last, bytes32 runningHash) = log.head();
        vm.assertEq(last, count, "2: the log's position is the last entry's");
        vm.assertEq(runningHash, hash, "3: the running hash is that of the logs");
        checkHeads();
        checkNamespaces();
    }

    /// @dev Invariants over calls that do nothing would prove nothing.
    function test_what_the_handler_does_is_of_every_kind() external {
        for (uint256 i = 0; i < 20; ++i) {
            handler.append(i, i);
            handler.appendRefused(i, i);
            handler.appendMalformed(i, i);
            handler.record(i, i);
            handler.open(i, i % 2 == 0, i);
            handler.admit(i, uint32(i / 4), i / 2);
            handler.publish(i, uint32(i / 4), i);
            handler.offer(i, uint32(i / 4), i / 3);
            handler.accept(i / 3, uint32(i / 4), i);
            handler.dismiss(i, uint32(i / 4), i / 5);
        }
        (
            uint256 appended,
            uint256 stale,
            uint256 withoutRight,
            uint256 malformed,
            uint256 recorded,
            uint256 administered,
            uint256 refused
        ) = handler.tally();
        vm.assertTrue(appended >= 5, "commits are appended");
        vm.assertTrue(stale >= 10, "commits are rejected as stale");
        vm.assertTrue(withoutRight >= 10, "commits are rejected for want of the right");
        vm.assertEq(malformed, 20, "malformed batches are refused");
        vm.assertTrue(recorded != 0, "entries are recorded");
        vm.assertTrue(administered >= 30, "namespaces are administered");
        vm.assertTrue(refused >= 10, "what needs a right is refused");
    }

    /// @dev How many entries of the commit are still to come, after the one at this place.
    function followCommit(uint256 place, uint256 left) private pure returns (uint256) {
        (uint256 count, uint256 index) = (uint16(place >> 144), uint16(place >> 128));
        vm.assertTrue(index < count, "6: the index is within the commit");
        if (left == 0) vm.assertEq(index, 0, "6: a commit begins where the one before ended");
        else vm.assertEq(index, count - left, "6: the entries of a commit follow each other");
        return count - index - 1;
    }

    function checkWriter(EventLogHandler.Entry memory entry) private {
        (uint32 namespace, uint32 writer) = (uint32(bytes4(entry.stream)), uint32(entry.place >> 96));
        if (namespace == 0) {
            vm.assertTrue(entry.way == Way.Administered, "9: nothing else stands in namespace 0");
            vm.assertEq(writer, 0, "9: nobody writes in namespace 0");
            followAdministration(uint32(uint256(entry.stream)), entry.payload);
            return;
        }
        vm.assertTrue(writer != 0 && accounts[namespace][writer] == entry.sender, "5: the sender is its writer");
        Way way = namespaces[namespace].isSealed ? Way.Appended : Way.Recorded;
        vm.assertTrue(entry.way == way, "5: it came by the way of its namespace");
    }

    function followAdministration(uint32 namespace, bytes memory payload) private {
        Namespace storage known = namespaces[namespace];
        uint8 what = uint8(payload[0]);
        if (what == 1) {
            vm.assertEq(namespace, ++namespaceCount, "9: namespaces are counted from 1");
            (known.isSealed, known.delay) = (payload[1] == 0x01, uint32(bytes4(cut(payload, 2))));
            known.owner = address(bytes20(cut(payload, 6)));
        } else if (what == 2) {
            accounts[namespace][uint32(bytes4(cut(payload, 1)))] = address(bytes20(cut(payload, 5)));
        } else if (what == 3) {
            uint32 writer = uint32(bytes4(cut(payload, 1)));
            vm.assertEq(accounts[namespace][writer], address(bytes20(cut(payload, 5))), "9: the writer is dismissed");
            delete accounts[namespace][writer];
        } else if (what == 4) {
            known.acceptableFrom = uint64(bytes8(cut(payload, 1)));
            known.candidate = address(bytes20(cut(payload, 9)));
        } else if (what == 5) {
            vm.assertEq(known.candidate, address(bytes20(cut(payload, 1))), "9: it was offered to the new owner");
            (known.owner, known.candidate, known.acceptableFrom) = (known.candidate, address(0), 0);
        } else {
            vm.assertEq(what, 6, "9: an act is one of six");
        }
    }

    function checkHeads() private view {
        for (uint256 i = 0; i < streams.length; ++i) {
            (uint64 version, bytes8 tag) = log.headOf(streams[i]);
            vm.assertEq(version, versions[streams[i]], "4: the head's version is the last entry's");
            vm.assertEq(bytes32(tag), bytes32(tags[streams[i]]), "4: the head's tag is that of the last payload");
        }
    }

    function checkNamespaces() private {
        for (uint32 namespace = 0; namespace <= namespaceCount + 1; ++namespace) {
            Namespace memory known = namespaces[namespace];
            (address owner, bool isSealed, uint32 delay, address candidate, uint64 acceptableFrom) =
                log.namespaceAt(namespace);
            vm.assertEq(
                abi.encode(owner, isSealed, delay, candidate, acceptableFrom),
                abi.encode(known.owner, known.isSealed, known.delay, known.candidate, known.acceptableFrom),
                "9: the entries of namespace 0 say whose it is"
            );
            for (uint256 i = 0; i < 4; ++i) {
                address account = handler.accountAt(i);
                uint32 writer = log.writerOf(namespace, account);
                if (writer == 0) continue;
                vm.assertEq(accounts[namespace][writer], account, "9: the entries of namespace 0 say who writes");
                delete accounts[namespace][writer];
            }
            // No number is admitted that the log does not report.
            for (uint32 writer = 1; writer < 60; ++writer) {
                vm.assertEq(accounts[namespace][writer], address(0), "9: and nobody else does");
            }
        }
    }

    /// @dev What follows from a byte on.
    function cut(bytes memory payload, uint256 from) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(payload, 0x20), from))
        }
    }
}
