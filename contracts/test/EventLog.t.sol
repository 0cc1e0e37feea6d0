// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../src/EventLog.sol";
import {IEventLog} from "../src/interfaces/IEventLog.sol";
import {BatchEncoder, Commit, Part} from "./utils/BatchEncoder.sol";
import {EventLogTest} from "./utils/EventLogTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// @title One behaviour of the event log per test
contract EventLogUnitTest is EventLogTest {
    // A new log

    function test_a_new_log_is_empty_and_its_hash_names_chain_and_contract() public {
        EventLog made = new EventLog();
        (uint64 position, bytes32 hash) = made.head();
        vm.assertEq(position, 0, "position");
        vm.assertEq(hash, keccak256(abi.encode("medconnect.EventLog.v2", block.chainid, address(made))), "running hash");
        assertHeadOf(A, 0, 0);
    }

    function test_two_logs_start_from_different_hashes() public {
        (, bytes32 one) = new EventLog().head();
        (, bytes32 other) = new EventLog().head();
        vm.assertNotEq(one, other, "running hash");
    }

    // Appending

    function test_the_first_event_of_a_stream_gets_version_one() public {
        Vm.Log[] memory logs = appendLogged(opening(A, "one"));
        vm.assertEq(logs.length, 1, "entries");
        assertAppended(logs[0], A, place(1, 1), "one");
        assertHead(1, link(beginning(), A, place(1, 1), "one"));
        assertHeadOf(A, 1, tagOf("one"));
    }

    function test_the_events_of_a_commit_follow_each_other() public {
        Vm.Log[] memory logs = appendLogged(commit(part(A, 0, 0, payloads("one", "two"))));
        vm.assertEq(logs.length, 2, "entries");
        assertAppended(logs[0], A, place(2, 0, 1, 1), "one");
        assertAppended(logs[1], A, place(2, 1, 2, 2), "two");
        assertHead(2, link(link(beginning(), A, place(2, 0, 1, 1), "one"), A, place(2, 1, 2, 2), "two"));
        assertHeadOf(A, 2, tagOf("two"));
    }

    function test_a_commit_on_the_head_of_its_stream_is_taken() public {
        append(opening(A, "one"));
        Vm.Log[] memory logs = appendLogged(next(A, 1, "one", "two"));
        vm.assertEq(logs.length, 1, "entries");
        assertAppended(logs[0], A, place(2, 2), "two");
        assertHeadOf(A, 2, tagOf("two"));
    }

    function test_versions_count_per_stream_and_positions_over_all() public {
        append(opening(A, "a1"));
        append(opening(B, "b1"));
        Vm.Log[] memory logs = appendLogged(next(A, 1, "a1", "a2"));
        assertAppended(logs[0], A, place(2, 3), "a2");
        bytes32 hash = link(link(link(beginning(), A, place(1, 1), "a1"), B, place(1, 2), "b1"), A, place(2, 3), "a2");
        assertHead(3, hash);
    }

    function test_a_later_commit_of_a_batch_sees_the_earlier_ones() public {
        Vm.Log[] memory logs = appendLogged(bytes.concat(opening(A, "one"), next(A, 1, "one", "two")));
        vm.assertEq(logs.length, 2, "entries");
        assertAppended(logs[0], A, place(1, 1), "one");
        assertAppended(logs[1], A, place(2, 2), "two");
        assertHeadOf(A, 2, tagOf("two"));
    }

    function test_how_commits_are_cut_into_batches_does_not_change_the_log() public {
        bytes32 hash = link(link(link(beginning(), A, place(1, 1), "a1"), B, place(1, 2), "b1"), A, place(2, 3), "a2");
        append(bytes.concat(opening(A, "a1"), opening(B, "b1")));
        append(next(A, 1, "a1", "a2"));
        assertHead(3, hash);
        setUp();
        hash = link(link(link(beginning(), A, place(1, 1), "a1"), B, place(1, 2), "b1"), A, place(2, 3), "a2");
        append(bytes.concat(opening(A, "a1"), opening(B, "b1"), next(A, 1, "a1", "a2")));
        assertHead(3, hash);
    }

    function test_payloads_of_every_size_around_a_word_are_logged_clean() public {
        // Longest first, so that what follows would show its leftovers.
        bytes32 hash = beginning();
        for (uint256 length = 100; length != 0; --length) {
            bytes memory payload = filled(length);
            bytes32 stream = streamIn(HERE, abi.encode(length));
            Vm.Log[] memory logs = appendLogged(opening(stream, payload));
            uint256 position = 101 - length;
            assertAppended(logs[0], stream, place(1, position), payload);
            hash = link(hash, stream, place(1, position), payload);
        }
        assertHead(100, hash);
    }

    function test_short_payloads_after_long_ones_in_one_commit_are_logged_clean() public {
        bytes[] memory list = new bytes[](100);
        for (uint256 i = 0; i < 100; ++i) {
            list[i] = filled(100 - i);
        }
        Vm.Log[] memory logs = appendLogged(commit(part(A, 0, 0, list)));
        for (uint256 i = 0; i < 100; ++i) {
            assertAppended(logs[i], A, place(100, i, i + 1, i + 1), list[i]);
        }
    }

    function test_a_payload_longer_than_two_bytes_can_count_is_taken() public {
        bytes memory payload = filled(70_000);
        Vm.Log[] memory logs = appendLogged(opening(A, payload));
        assertAppended(logs[0], A, place(1, 1), payload);
    }

    function test_a_part_of_more_events_than_a_byte_can_count_is_taken() public {
        bytes[] memory list = new bytes[](300);
        for (uint256 i = 0; i < 300; ++i) {
            list[i] = abi.encodePacked(uint16(i));
        }
        Vm.Log[] memory logs = appendLogged(commit(part(A, 0, 0, list)));
        vm.assertEq(logs.length, 300, "entries");
        assertAppended(logs[299], A, place(300, 299, 300, 300), list[299]);
        assertHeadOf(A, 300, tagOf(list[299]));
    }

    function test_a_stream_without_a_name_is_a_stream_like_others() public {
        bytes32 stream = bytes32(uint256(HERE) << 224);
        append(opening(stream, "one"));
        assertHeadOf(stream, 1, tagOf("one"));
    }

    // Rejecting

    function test_a_commit_on_an_older_version_is_rejected() public {
        append(bytes.concat(opening(A, "one"), next(A, 1, "one", "two")));
        Vm.Log[] memory logs = appendLogged(next(A, 1, "one", "other"));
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, A, 2, tagOf("two"));
        assertHeadOf(A, 2, tagOf("two"));
    }

    function test_a_commit_on_a_version_yet_to_come_is_rejected() public {
        append(opening(A, "one"));
        Vm.Log[] memory logs = appendLogged(next(A, 2, "one", "three"));
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, A, 1, tagOf("one"));
    }

    function test_a_commit_on_a_strangers_event_of_the_same_version_is_rejected() public {
        append(opening(A, "the stranger's"));
        Vm.Log[] memory logs = appendLogged(next(A, 1, "ours", "two"));
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, A, 1, tagOf("the stranger's"));
    }

    function test_a_commit_that_opens_an_existing_stream_is_rejected() public {
        append(opening(A, "one"));
        Vm.Log[] memory logs = appendLogged(opening(A, "another one"));
        assertRejected(logs[0], 0, A, 1, tagOf("one"));
    }

    function test_a_commit_on_a_stream_that_does_not_exist_is_rejected() public {
        Vm.Log[] memory logs = appendLogged(next(A, 1, "one", "two"));
        assertRejected(logs[0], 0, A, 0, 0);
    }

    function test_the_rest_of_a_batch_goes_through_around_a_rejected_commit() public {
        append(opening(B, "b1"));
        Vm.Log[] memory logs = appendLogged(bytes.concat(opening(A, "a1"), opening(B, "stale"), opening(C, "c1")));
        vm.assertEq(logs.length, 3, "entries");
        assertAppended(logs[0], A, place(1, 2), "a1");
        assertRejected(logs[1], 1, B, 1, tagOf("b1"));
        assertAppended(logs[2], C, place(1, 3), "c1");
        assertHead(3, link(link(link(beginning(), B, place(1, 1), "b1"), A, place(1, 2), "a1"), C, place(1, 3), "c1"));
    }

    function test_what_was_decided_on_a_rejected_commit_is_rejected_with_it() public {
        append(opening(A, "the stranger's"));
        Vm.Log[] memory logs = appendLogged(bytes.concat(opening(A, "ours"), next(A, 1, "ours", "two")));
        vm.assertEq(logs.length, 2, "entries");
        assertRejected(logs[0], 0, A, 1, tagOf("the stranger's"));
        assertRejected(logs[1], 1, A, 1, tagOf("the stranger's"));
    }

    function test_the_same_commit_twice_is_taken_once() public {
        Vm.Log[] memory logs = appendLogged(bytes.concat(opening(A, "one"), opening(A, "one")));
        vm.assertEq(logs.length, 2, "entries");
        assertAppended(logs[0], A, place(1, 1), "one");
        assertRejected(logs[1], 1, A, 1, tagOf("one"));
    }

    function test_a_batch_of_rejected_commits_writes_no_storage() public {
        append(bytes.concat(opening(A, "a1"), opening(B, "b1")));
        begin();
        vm.record();
        append(bytes.concat(opening(A, "x"), opening(B, "y"), next(A, 1, "x", "z")));
        (, bytes32[] memory writes) = vm.accesses(address(log));
        vm.assertEq(writes.length, 0, "writes");
        assertHead(0, beginning());
    }

    function test_a_batch_writes_its_streams_once_and_the_head_once() public {
        bytes memory batch = bytes.concat(commit(part(A, 0, 0, payloads("1", "2"))), opening(B, "1"), opening(C, "1"));
        vm.record();
        append(batch);
        (, bytes32[] memory writes) = vm.accesses(address(log));
        vm.assertEq(writes.length, 3 + 2, "writes");
    }

    // Commits of several streams

    function test_a_commit_of_two_streams_is_taken_as_a_whole() public {
        append(opening(A, "a1"));
        Vm.Log[] memory logs =
            appendLogged(commit(part(A, 1, tagOf("a1"), payloads("a2", "a3")), part(B, 0, 0, payloads("b1"))));
        vm.assertEq(logs.length, 3, "entries");
        assertAppended(logs[0], A, place(3, 0, 2, 2), "a2");
        assertAppended(logs[1], A, place(3, 1, 3, 3), "a3");
        assertAppended(logs[2], B, place(3, 2, 1, 4), "b1");
        assertHeadOf(A, 3, tagOf("a3"));
        assertHeadOf(B, 1, tagOf("b1"));
    }

    function test_a_commit_of_two_streams_is_rejected_as_a_whole_when_the_first_is_stale() public {
        append(opening(A, "a1"));
        bytes memory batch = commit(part(A, 0, 0, payloads("stale")), part(B, 0, 0, payloads("b1")));
        Vm.Log[] memory logs = appendLogged(batch);
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, A, 1, tagOf("a1"));
        assertHeadOf(B, 0, 0);
    }

    function test_a_commit_of_two_streams_is_rejected_as_a_whole_when_the_second_is_stale() public {
        append(opening(B, "b1"));
        bytes memory batch = commit(part(A, 0, 0, payloads("a1")), part(B, 0, 0, payloads("stale")));
        Vm.Log[] memory logs = appendLogged(batch);
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, B, 1, tagOf("b1"));
        assertHeadOf(A, 0, 0);
        assertHead(1, link(beginning(), B, place(1, 1), "b1"));
    }

    function test_a_rejection_names_the_first_of_several_stale_streams() public {
        append(bytes.concat(opening(A, "a1"), opening(B, "b1")));
        Part[] memory parts = new Part[](3);
        parts[0] = part(C, 0, 0, payloads("c1"));
        parts[1] = part(B, 0, 0, payloads("stale"));
        parts[2] = part(A, 0, 0, payloads("stale too"));
        Vm.Log[] memory logs = appendLogged(BatchEncoder.encode(Commit(parts)));
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, B, 1, tagOf("b1"));
    }

    function test_a_commit_of_as_many_streams_as_can_be_named_is_taken() public {
        Part[] memory parts = new Part[](255);
        for (uint256 i = 0; i < 255; ++i) {
            parts[i] = part(streamIn(HERE, abi.encode(i)), 0, 0, payloads(abi.encode(i)));
        }
        Vm.Log[] memory logs = appendLogged(BatchEncoder.encode(Commit(parts)));
        vm.assertEq(logs.length, 255, "entries");
        assertAppended(logs[254], parts[254].stream, place(255, 254, 1, 255), parts[254].payloads[0]);
    }

    function test_a_stream_that_occurs_twice_in_a_commit_is_refused() public {
        bytes memory batch = commit(part(A, 0, 0, payloads("one")), part(A, 1, tagOf("one"), payloads("two")));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_StreamRepeated.selector, 1 + 46 + 3 + 3, A));
    }

    function test_a_stream_that_occurs_twice_in_a_stale_commit_is_refused_too() public {
        append(opening(A, "the stranger's"));
        bytes memory batch = commit(part(A, 0, 0, payloads("one")), part(A, 0, 0, payloads("two")));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_StreamRepeated.selector, 53, A));
    }

    function test_a_stream_may_occur_in_several_commits_of_a_batch() public {
        append(
            bytes.concat(
                commit(part(A, 0, 0, payloads("a1")), part(B, 0, 0, payloads("b1"))),
                commit(part(B, 1, tagOf("b1"), payloads("b2")), part(A, 1, tagOf("a1"), payloads("a2")))
            )
        );
        assertHeadOf(A, 2, tagOf("a2"));
        assertHeadOf(B, 2, tagOf("b2"));
    }

    // Malformed batches

    function test_an_empty_batch_is_refused() public {
        expectMalformed("", abi.encodeWithSelector(IEventLog.EventLog_BatchEmpty.selector));
    }

    function test_a_commit_without_parts_is_refused() public {
        expectMalformed(hex"00", abi.encodeWithSelector(IEventLog.EventLog_CommitEmpty.selector, 0));
    }

    function test_a_part_without_events_is_refused() public {
        bytes memory batch = commit(part(A, 0, 0, new bytes[](0)));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_PartEmpty.selector, 1));
    }

    function test_an_event_without_a_payload_is_refused() public {
        bytes memory batch = commit(part(A, 0, 0, payloads("one", "")));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_PayloadEmpty.selector, 1 + 46 + 3 + 3));
    }

    function test_a_batch_cut_anywhere_is_refused() public {
        bytes memory batch = commit(part(A, 0, 0, payloads("one", "two")), part(B, 0, 0, payloads("three")));
        for (uint256 length = 1; length < batch.length; ++length) {
            // Where the part or event begins that is cut: parts at 1 and 59, events at 47, 53 and 105.
            uint256 offset = length < 47 ? 1 : length < 53 ? 47 : length < 59 ? 53 : length < 105 ? 59 : 105;
            bytes memory cut = firstBytes(batch, length);
            expectMalformed(cut, abi.encodeWithSelector(IEventLog.EventLog_BatchTruncated.selector, offset));
        }
        append(batch);
    }

    function test_a_batch_cut_inside_a_stale_commit_is_refused() public {
        append(opening(A, "the stranger's"));
        bytes memory batch = opening(A, "ours");
        bytes memory cut = firstBytes(batch, batch.length - 1);
        expectMalformed(cut, abi.encodeWithSelector(IEventLog.EventLog_BatchTruncated.selector, 47));
    }

    function test_bytes_after_the_last_commit_are_refused() public {
        bytes memory good = opening(A, "one");
        bytes memory zero = bytes.concat(good, hex"00");
        expectMalformed(zero, abi.encodeWithSelector(IEventLog.EventLog_CommitEmpty.selector, good.length));
        bytes memory other = bytes.concat(good, hex"01020304");
        expectMalformed(other, abi.encodeWithSelector(IEventLog.EventLog_BatchTruncated.selector, good.length + 1));
    }

    function test_a_malformed_commit_takes_the_good_ones_before_it_down() public {
        bytes memory batch = bytes.concat(opening(A, "one"), commit(part(B, 0, 0, new bytes[](0))));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_PartEmpty.selector, 53 + 1));
        assertHead(0, beginning());
        assertHeadOf(A, 0, 0);
    }

    function test_a_length_that_only_bytes_beyond_the_batch_could_fill_is_refused() public {
        // The ABI pads the batch to a word, and the caller may add more; none of it belongs to the batch.
        bytes memory batch = opening(A, "one");
        bytes memory call =
            abi.encodePacked(IEventLog.append.selector, uint256(0x20), batch.length - 1, batch, new bytes(100));
        vm.prank(WRITER);
        (bool done, bytes memory answer) = address(log).call(call);
        vm.assertFalse(done, "taken");
        vm.assertEq(answer, abi.encodeWithSelector(IEventLog.EventLog_BatchTruncated.selector, 47), "reason");
    }

    // The end of the numbers

    function test_a_part_that_passes_the_last_version_is_refused() public {
        uint256 last = type(uint32).max;
        bytes memory batch = commit(part(A, last, bytes8("tag"), payloads("one")));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_VersionTooHigh.selector, 1, A));
        batch = commit(part(A, last - 1, bytes8("tag"), payloads("one", "two")));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_VersionTooHigh.selector, 1, A));
    }

    function test_a_stream_can_be_filled_to_the_last_version() public {
        uint256 last = type(uint32).max;
        putHead(A, last - 1, tagOf("before"));
        assertHeadOf(A, last - 1, tagOf("before"));
        Vm.Log[] memory logs = appendLogged(next(A, last - 1, "before", "the last"));
        assertAppended(logs[0], A, place(last, 1), "the last");
        assertHeadOf(A, last, tagOf("the last"));
    }

    function test_positions_need_more_than_four_bytes() public {
        putPosition(type(uint64).max - 2);
        (, bytes32 hash) = log.head();
        Vm.Log[] memory logs = appendLogged(commit(part(A, 0, 0, payloads("one", "two"))));
        assertAppended(logs[1], A, place(2, 1, 2, 2), "two");
        assertHead(2, link(link(hash, A, place(2, 0, 1, 1), "one"), A, place(2, 1, 2, 2), "two"));
    }

    function test_what_is_recorded_passes_no_last_version() public {
        uint32 plain = openAnother(false);
        bytes32 stream = streamIn(plain, "consents");
        uint256 last = type(uint32).max;
        putHead(stream, last - 1, tagOf("before"));
        record(stream, "the last");
        assertHeadOf(stream, last, tagOf("the last"));
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_VersionTooHigh.selector, 0, stream));
        record(stream, "one more");
    }

    function test_a_commit_of_more_events_than_a_place_can_count_is_refused() public {
        bytes memory good = opening(C, "one");
        bytes memory batch = bytes.concat(good, hex"02", partOfOnes(A, 0x8000), partOfOnes(B, 0x8000));
        expectMalformed(batch, abi.encodeWithSelector(IEventLog.EventLog_CommitTooLong.selector, good.length));
        // With one event less it is well formed, and stale.
        Vm.Log[] memory logs = appendLogged(bytes.concat(hex"02", partOfOnes(A, 0x8000), partOfOnes(B, 0x7fff)));
        assertRejected(logs[0], 0, A, 0, 0);
    }

    // Helpers

    /// @dev A part on the ninth version, with so many events of one byte.
    function partOfOnes(bytes32 stream, uint16 count) private pure returns (bytes memory) {
        bytes memory events = new bytes(4 * uint256(count));
        for (uint256 i = 0; i < events.length; i += 4) {
            (events[i + 2], events[i + 3]) = (0x01, 0x01);
        }
        return abi.encodePacked(stream, uint32(9), bytes8(0), count, events);
    }

    function record(bytes32 stream, bytes memory payload) private {
        vm.prank(WRITER);
        log.record(stream, payload);
    }

    /// @dev Overwrites storage: slot 0 holds the heads.
    function putHead(bytes32 stream, uint256 version, bytes8 tag) private {
        bytes32 slot = keccak256(abi.encode(stream, uint256(0)));
        vm.store(address(log), slot, bytes32(version << 64 | uint64(tag)));
    }

    function putPosition(uint256 position) private {
        vm.store(address(log), bytes32(uint256(4)), bytes32(position));
        begin();
        (uint64 actual,) = log.head();
        vm.assertEq(actual, position, "the position is where the test thinks it is");
    }

    function filled(uint256 length) private pure returns (bytes memory payload) {
        payload = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            payload[i] = 0xff;
        }
    }

    function firstBytes(bytes memory all, uint256 length) private pure returns (bytes memory cut) {
        cut = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            cut[i] = all[i];
        }
    }
}
