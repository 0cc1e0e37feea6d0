// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchEncoder, Commit, Part} from "./utils/BatchEncoder.sol";
import {EventLogModel} from "./utils/EventLogModel.sol";
import {EventLogTest} from "./utils/EventLogTest.sol";
import {Random, Seed} from "./utils/Random.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// @title Random batches, against the plain model
contract EventLogFuzzTest is EventLogTest {
    using Random for Seed;

    EventLogModel private model;

    function setUp() public override {
        super.setUp();
        model = new EventLogModel(block.chainid, address(log));
    }

    function testFuzz_a_random_batch_does_what_the_model_does(uint256 entropy) public {
        Seed memory seed = Seed(entropy);
        // Several batches, so that later ones meet streams with a history.
        for (uint256 round = 0; round < 3; ++round) {
            Commit[] memory commits = model.randomCommits(seed);
            Vm.Log[] memory actual = appendLogged(BatchEncoder.encode(commits));
            EventLogModel.Entry[] memory expected = model.append(commits);
            vm.assertEq(actual.length, expected.length, "entries");
            for (uint256 i = 0; i < actual.length; ++i) {
                vm.assertEq(actual[i].emitter, address(log), "emitter");
                vm.assertEq(abi.encode(actual[i].topics), abi.encode(expected[i].topics), "topics");
                vm.assertEq(actual[i].data, expected[i].data, "data");
            }
            assertHead(model.position(), model.runningHash());
            for (uint256 i = 0; i < model.STREAMS(); ++i) {
                bytes32 stream = model.streamAt(i);
                assertHeadOf(stream, model.versionOf(stream), model.tagOf(stream));
            }
        }
    }

    function testFuzz_a_batch_that_was_cut_is_refused_or_ends_at_a_commit(uint256 entropy) public {
        Seed memory seed = Seed(entropy);
        Commit[] memory commits = model.randomCommits(seed);
        bytes memory batch = BatchEncoder.encode(commits);
        uint256 length = seed.below(batch.length);
        bool atCommit = false;
        uint256 end = 0;
        for (uint256 i = 0; i < commits.length - 1; ++i) {
            end += BatchEncoder.encode(commits[i]).length;
            if (end == length) atCommit = true;
        }
        bytes memory cut = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            cut[i] = batch[i];
        }
        vm.prank(WRITER);
        (bool taken,) = address(log).call(abi.encodeCall(log.append, (cut)));
        vm.assertTrue(taken == atCommit, "taken");
        if (!taken) assertHead(0, genesis());
    }

    /// @dev Bytes without meaning are refused; should they have one by chance, the log still moves by whole events only.
    function testFuzz_noise_never_leaves_half_a_batch(bytes calldata noise) public {
        vm.recordLogs();
        vm.prank(WRITER);
        (bool taken,) = address(log).call(abi.encodeCall(log.append, (noise)));
        uint256 entries = vm.getRecordedLogs().length;
        (uint64 position,) = log.head();
        if (taken) vm.assertLe(position, entries, "position");
        else assertHead(0, genesis());
    }

    function testFuzz_nobody_without_the_role_appends(address sender, bytes calldata payload) public {
        vm.assume(sender != WRITER && payload.length != 0);
        vm.prank(sender);
        (bool taken,) = address(log).call(abi.encodeCall(log.append, (opening(A, payload))));
        vm.assertFalse(taken, "taken");
        assertHead(0, genesis());
    }
}
