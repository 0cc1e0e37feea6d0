// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../../src/EventLog.sol";
import {vm} from "../utils/Vm.sol";
import {EventLogHandler} from "./EventLogHandler.sol";

/// @title The invariants of README.md, numbered as they are there
contract EventLogInvariantTest {
    address private constant ADMIN = address(0xAD);

    EventLog private log;
    EventLogHandler private handler;

    /// @dev Read back from the logs, entry by entry.
    mapping(bytes32 stream => uint64) private versions;
    mapping(bytes32 stream => bytes8) private tags;

    function setUp() public {
        log = new EventLog(ADMIN);
        handler = new EventLogHandler(log, ADMIN);
        handler.changeRole(0, true);
        handler.changeRole(1, true);
    }

    /// @dev Foundry asks for it: nothing but the handler is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One statement for all that is read from the logs, as reading them is what takes time. 5, 6 and 8 are the handler's, and
    /// 7 is its and this.
    function invariant_1_2_3_4_7_the_logs_alone_give_versions_positions_heads_and_the_running_hash() external {
        bytes32 hash = keccak256(abi.encode("medconnect.EventLog.v1", block.chainid, address(log)));
        uint256 count = handler.entryCount();
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 stream, uint64 version, uint64 position, bytes32 payloadHash) = handler.entries(i);
            vm.assertEq(version, versions[stream] + 1, "1: versions are gapless");
            vm.assertEq(position, i + 1, "2: positions are gapless");
            hash = keccak256(abi.encodePacked(hash, stream, version, position, payloadHash));
            (versions[stream], tags[stream]) = (version, bytes8(payloadHash));
        }
        (uint64 last, bytes32 runningHash) = log.head();
        vm.assertEq(last, count, "2: the log's position is the last entry's");
        vm.assertEq(runningHash, hash, "3: the running hash is that of the logs");

        bytes32[] memory streams = handler.streams();
        for (uint256 i = 0; i < streams.length; ++i) {
            (uint64 version, bytes8 tag) = log.headOf(streams[i]);
            vm.assertEq(version, versions[streams[i]], "4: the head's version is the last entry's");
            vm.assertEq(bytes32(tag), bytes32(tags[streams[i]]), "4: the head's tag is that of the last payload");
        }
    }

    /// @dev Invariants over calls that do nothing would prove nothing.
    function test_what_the_handler_does_is_of_every_kind() external {
        for (uint256 i = 0; i < 10; ++i) {
            handler.append(i, i);
            handler.appendStale(i);
            handler.appendMalformed(i);
        }
        (uint256 appended, uint256 rejected, uint256 refused, uint256 malformed) = handler.tally();
        vm.assertTrue(appended >= 5, "commits are appended");
        vm.assertTrue(rejected >= 10, "commits are rejected");
        vm.assertTrue(refused != 0, "accounts without the role are refused");
        vm.assertEq(malformed, 10, "malformed batches are refused");
    }
}
