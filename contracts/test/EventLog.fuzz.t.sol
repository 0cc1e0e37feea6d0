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
        model.record(bytes32(uint256(1)), 0, abi.encodePacked(hex"0101", DELAY, OWNER));
        model.record(bytes32(uint256(1)), 0, abi.encodePacked(hex"02", uint32(1), WRITER));
        model.setWriter(1, WRITER, 1);
        // The second namespace, of which WRITER is a writer or not.
        vm.prank(STRANGER);
        log.openNamespace(true, 0);
        model.record(bytes32(uint256(2)), 0, abi.encodePacked(hex"0101", uint32(0), STRANGER));
        begin();
    }

    function changeWriter(bool isWriter) private {
        uint32 known = log.writerOf(2, WRITER);
        if (isWriter == (known != 0)) return;
        vm.prank(STRANGER);
        if (isWriter) {
            uint32 writer = log.admit(2, WRITER);
            model.record(bytes32(uint256(2)), 0, abi.encodePacked(hex"02", writer, WRITER));
            model.setWriter(2, WRITER, writer);
        } else {
            log.dismiss(2, WRITER);
            model.record(bytes32(uint256(2)), 0, abi.encodePacked(hex"03", known, WRITER));
            model.setWriter(2, WRITER, 0);
        }
    }

    function testFuzz_a_random_batch_does_what_the_model_does(uint256 entropy) public {
        Seed memory seed = Seed(entropy);
        // Several batches, so that later ones meet streams with a history.
        for (uint256 round = 0; round < 3; ++round) {
            changeWriter(!seed.oneIn(3));
            Commit[] memory commits = model.randomCommits(seed);
            Vm.Log[] memory actual = appendLogged(BatchEncoder.encode(commits));
            EventLogModel.Entry[] memory expected = model.append(WRITER, commits);
            vm.assertEq(actual.length, expected.length, "entries");
            for (uint256 i = 0; i < actual.length; ++i) {
                vm.assertEq(actual[i].emitter, address(log), "emitter");
                vm.assertEq(abi.encode(actual[i].topics), abi.encode(expected[i].topics), "topics");
                vm.assertEq(actual[i].data, expected[i].data, "data");
            }
            (uint64 position, bytes32 runningHash) = log.head();
            vm.assertEq(position, model.position(), "position");
            vm.assertEq(runningHash, model.runningHash(), "running hash");
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
        if (!taken) assertHead(0, beginning());
    }

    /// @dev Bytes without meaning are refused; should they have one by chance, the log still moves by whole events only.
    function testFuzz_noise_never_leaves_half_a_batch(bytes calldata noise) public {
        (uint64 before,) = log.head();
        vm.recordLogs();
        vm.prank(WRITER);
        (bool taken,) = address(log).call(abi.encodeCall(log.append, (noise)));
        uint256 entries = vm.getRecordedLogs().length;
        (uint64 position,) = log.head();
        if (taken) vm.assertLe(position, before + entries, "position");
        else assertHead(0, beginning());
    }

    function testFuzz_nobody_but_a_writer_appends(address sender, bytes calldata payload) public {
        vm.assume(sender != WRITER && payload.length != 0);
        vm.recordLogs();
        vm.prank(sender);
        log.append(opening(A, payload));
        assertRejected(vm.getRecordedLogs()[0], 0, A, 0, 0);
        assertHead(0, beginning());
    }

    /// @dev Whether a batch is malformed depends on its bytes alone: it is for a stranger as for a writer, and for both whatever was appended.
    function testFuzz_a_batch_is_malformed_for_everybody_or_for_nobody(uint256 entropy, bytes calldata noise) public {
        Seed memory seed = Seed(entropy);
        bytes memory batch = BatchEncoder.encode(model.randomCommits(seed));
        batch = seed.oneIn(2) ? noise : bytes.concat(batch, seed.oneIn(2) ? noise : bytes(""));
        bytes memory call = abi.encodeCall(log.append, (batch));
        vm.prank(STRANGER);
        (bool byStranger, bytes memory why) = address(log).call(call);
        vm.prank(WRITER);
        (bool byWriter, bytes memory whyToo) = address(log).call(call);
        vm.prank(WRITER);
        (bool again, bytes memory whyAgain) = address(log).call(call);
        vm.assertTrue(byStranger == byWriter && byWriter == again, "taken");
        vm.assertEq(why, whyToo, "reason");
        vm.assertEq(why, whyAgain, "reason");
    }
}
