// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLogTest} from "./utils/EventLogTest.sol";
import {vm} from "./utils/Vm.sol";

/// @title What an append costs, as whole transactions, against the least that it could cost
/// @dev Every call is a transaction of its own here (`isolate`): it pays the 21000 and its calldata, its storage is cold, and
/// what it used is what a node would write into the receipt. The figures go to snapshots/EventLog.json.
///
/// The floor of a transaction is the larger of the two that the rules of the chain give:
///   - EIP-7623: 21000 + 10 gas per token of calldata (a zero byte is one token, another byte four);
///   - 21000 + 4 gas per token of calldata + the log entries + one storage write for each stream.
/// It leaves out all that the log does beyond that: looking up the writer, position and running hash, the hashing, the loop.
/// forge-config: default.isolate = true
contract EventLogGasTest is EventLogTest {
    uint256 private constant PAYLOAD_SIZE = 160;
    uint256 private constant WRITE_NEW = 22_100;
    uint256 private constant WRITE_EXISTING = 5000;

    /// @dev Appended first, so that what follows does not pay for the very first write of the position.
    function setUp() public override {
        super.setUp();
        append(opening("the very first", payload(0)));
    }

    function test_gas_of_one_event_that_opens_a_stream() public {
        measure("1 event, new stream", openings(1), 1, 1, WRITE_NEW);
    }

    function test_gas_of_one_event_on_an_existing_stream() public {
        append(openings(1));
        measure("1 event, existing stream", continuations(1), 1, 1, WRITE_EXISTING);
    }

    function test_gas_of_50_commits_that_open_streams() public {
        measure("50 events, 50 new streams", openings(50), 50, 50, WRITE_NEW);
    }

    function test_gas_of_50_commits_on_existing_streams() public {
        append(openings(50));
        measure("50 events, 50 existing streams", continuations(50), 50, 50, WRITE_EXISTING);
    }

    function test_gas_of_300_commits_that_open_streams() public {
        measure("300 events, 300 new streams", openings(300), 300, 300, WRITE_NEW);
    }

    function test_gas_of_300_commits_on_existing_streams() public {
        append(openings(300));
        measure("300 events, 300 existing streams", continuations(300), 300, 300, WRITE_EXISTING);
    }

    function test_gas_of_150_commits_of_two_events() public {
        append(openings(150));
        bytes memory batch;
        for (uint256 i = 0; i < 150; ++i) {
            bytes[] memory list = payloads(payload(1000 + i), payload(2000 + i));
            batch = bytes.concat(batch, commit(part(streamOf(i), 1, tagOf(payload(i)), list)));
        }
        measure("300 events, 150 existing streams", batch, 300, 150, WRITE_EXISTING);
    }

    function test_gas_of_150_commits_of_two_streams() public {
        append(openings(300));
        bytes memory batch;
        for (uint256 i = 0; i < 300; i += 2) {
            batch = bytes.concat(
                batch,
                commit(
                    part(streamOf(i), 1, tagOf(payload(i)), payloads(payload(1000 + i))),
                    part(streamOf(i + 1), 1, tagOf(payload(i + 1)), payloads(payload(1001 + i)))
                )
            );
        }
        measure("300 events, commits of two existing streams", batch, 300, 300, WRITE_EXISTING);
    }

    function test_gas_of_one_commit_of_300_events() public {
        append(openings(1));
        bytes[] memory list = new bytes[](300);
        for (uint256 i = 0; i < 300; ++i) {
            list[i] = payload(1000 + i);
        }
        bytes memory batch = commit(part(streamOf(0), 1, tagOf(payload(0)), list));
        measure("300 events, 1 existing stream", batch, 300, 1, WRITE_EXISTING);
    }

    /// @dev What losing every race costs; there is no floor to hold it against.
    function test_gas_of_50_rejected_commits() public {
        append(openings(50));
        append(openings(50));
        vm.snapshotGasLastCall("EventLog", "50 rejected commits: gas");
    }

    function measure(string memory name, bytes memory batch, uint256 events, uint256 writes, uint256 gasPerWrite)
        private
    {
        (uint64 before,) = log.head();
        append(batch);
        uint256 used = vm.snapshotGasLastCall("EventLog", string.concat(name, ": gas"));
        (uint64 position,) = log.head();
        vm.assertEq(position, before + events, "all of it was appended");

        uint256 tokens = tokensOf(abi.encodeCall(log.append, (batch)));
        uint256 needed = 21_000 + 4 * tokens + events * gasOfEntry() + writes * gasPerWrite;
        uint256 floor = 21_000 + 10 * tokens;
        if (needed > floor) floor = needed;
        vm.snapshotValue("EventLog", string.concat(name, ": gas per event"), used / events);
        vm.snapshotValue("EventLog", string.concat(name, ": per mille of the floor"), used * 1000 / floor);
    }

    /// @dev One log entry with two topics and 3 words beside the payload.
    function gasOfEntry() private pure returns (uint256) {
        return 375 + 2 * 375 + 8 * (96 + PAYLOAD_SIZE);
    }

    function tokensOf(bytes memory data) private pure returns (uint256 tokens) {
        for (uint256 i = 0; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
    }

    function openings(uint256 count) private pure returns (bytes memory batch) {
        for (uint256 i = 0; i < count; ++i) {
            batch = bytes.concat(batch, opening(streamOf(i), payload(i)));
        }
    }

    function continuations(uint256 count) private pure returns (bytes memory batch) {
        for (uint256 i = 0; i < count; ++i) {
            batch = bytes.concat(batch, next(streamOf(i), 1, payload(i), payload(1000 + i)));
        }
    }

    function streamOf(uint256 i) private pure returns (bytes32) {
        return streamIn(HERE, abi.encode("stream", i));
    }

    /// @dev Looks like ciphertext: no pattern, hardly a zero byte.
    function payload(uint256 i) private pure returns (bytes memory made) {
        for (uint256 word = 0; word < PAYLOAD_SIZE / 32; ++word) {
            made = bytes.concat(made, keccak256(abi.encode("payload", i, word)));
        }
    }
}
