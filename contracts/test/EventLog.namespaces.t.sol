// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../src/EventLog.sol";
import {IEventLog} from "../src/interfaces/IEventLog.sol";
import {EventLogTest} from "./utils/EventLogTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// @title Who may write where: namespaces, their owners and their writers
contract EventLogNamespacesTest is EventLogTest {
    address private constant NEW_OWNER = address(0x0E0);

    // Who may append

    function test_what_a_stranger_sends_is_rejected_on_the_head_that_it_named() public {
        append(opening(A, "one"));
        Vm.Log[] memory logs = appendLoggedBy(STRANGER, bytes.concat(opening(B, "two"), next(A, 1, "one", "junk")));
        vm.assertEq(logs.length, 2, "entries");
        assertRejected(logs[0], 0, B, 0, 0);
        assertRejected(logs[1], 1, A, 1, tagOf("one"));
        assertHeadOf(A, 1, tagOf("one"));
    }

    function test_the_owner_is_not_a_writer() public {
        assertRejected(appendLoggedBy(OWNER, opening(A, "one"))[0], 0, A, 0, 0);
    }

    function test_a_writer_who_was_dismissed_cannot_append() public {
        append(opening(A, "one"));
        vm.prank(OWNER);
        log.dismiss(HERE, WRITER);
        assertRejected(appendLogged(next(A, 1, "one", "two"))[0], 0, A, 1, tagOf("one"));
        vm.assertEq(log.writerOf(HERE, WRITER), 0, "writer");
    }

    function test_a_writer_of_one_namespace_writes_in_no_other() public {
        uint32 theirs = strangersNamespace(true);
        bytes32 there = streamIn(theirs, "stream A");
        Vm.Log[] memory logs =
            appendLogged(bytes.concat(opening(there, "junk"), opening(A, "one"), opening(there, "junk")));
        vm.assertEq(logs.length, 3, "entries");
        assertRejected(logs[0], 0, there, 0, 0);
        assertAppended(logs[1], A, place(1, 1), "one");
        assertRejected(logs[2], 2, there, 0, 0);
        logs = appendLoggedBy(STRANGER, bytes.concat(opening(B, "junk"), opening(there, "one")));
        assertRejected(logs[0], 0, B, 0, 0);
        assertAppended(logs[1], there, place(1, 2), "one");
    }

    function test_nobody_appends_in_the_namespace_of_administration_or_in_one_that_is_not_open() public {
        bytes32 aboutHere = bytes32(uint256(HERE));
        (uint64 version, bytes8 tag) = log.headOf(aboutHere);
        Vm.Log[] memory logs = appendLogged(
            bytes.concat(
                commit(part(aboutHere, version, tag, payloads("junk"))),
                opening(streamIn(2, "name"), "junk"),
                opening(bytes32(0), "junk")
            )
        );
        assertRejected(logs[0], 0, aboutHere, version, tag);
        assertRejected(logs[1], 1, streamIn(2, "name"), 0, 0);
        assertRejected(logs[2], 2, bytes32(0), 0, 0);
        assertHead(0, beginning());
    }

    function test_nobody_appends_in_a_plain_namespace() public {
        bytes32 stream = streamIn(openAnother(false), "consents");
        assertRejected(appendLogged(opening(stream, "sealed"))[0], 0, stream, 0, 0);
    }

    function test_what_a_stranger_sends_is_malformed_by_its_bytes_alone() public {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_CommitEmpty.selector, 0));
        vm.prank(STRANGER);
        log.append(hex"00");
    }

    function test_a_commit_may_span_namespaces_and_names_its_writer_in_each() public {
        address second = address(0x5EC);
        vm.startPrank(OWNER);
        uint32 there = log.openNamespace(true, 0);
        log.admit(there, second);
        log.admit(there, WRITER);
        vm.stopPrank();
        begin();
        bytes32 other = streamIn(there, "calendar");
        Vm.Log[] memory logs =
            appendLogged(commit(part(A, 0, 0, payloads("a1", "a2")), part(other, 0, 0, payloads("c1"))));
        assertAppended(logs[0], A, place(3, 0, 1, 1, 1), "a1");
        assertAppended(logs[1], A, place(3, 1, 1, 2, 2), "a2");
        assertAppended(logs[2], other, place(3, 2, 2, 1, 3), "c1");
        // Back and forth within a batch.
        logs = appendLogged(bytes.concat(next(other, 1, "c1", "c2"), opening(B, "b1"), next(other, 2, "c2", "c3")));
        assertAppended(logs[0], other, place(1, 0, 2, 2, 4), "c2");
        assertAppended(logs[1], B, place(1, 0, 1, 1, 5), "b1");
        assertAppended(logs[2], other, place(1, 0, 2, 3, 6), "c3");
    }

    function test_a_commit_of_which_one_namespace_is_not_the_senders_is_rejected_as_a_whole() public {
        bytes32 there = streamIn(strangersNamespace(true), "calendar");
        Vm.Log[] memory logs = appendLogged(commit(part(A, 0, 0, payloads("a1")), part(there, 0, 0, payloads("junk"))));
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, there, 0, 0);
        logs = appendLogged(commit(part(there, 0, 0, payloads("junk")), part(A, 0, 0, payloads("a1"))));
        vm.assertEq(logs.length, 1, "entries");
        assertRejected(logs[0], 0, there, 0, 0);
        assertHeadOf(A, 0, 0);
    }

    // What is recorded

    function test_a_writer_of_a_plain_namespace_records_at_whatever_head() public {
        uint32 plain = openAnother(false);
        bytes32 stream = streamIn(plain, "consents");
        Vm.Log[] memory logs = recordLogged(stream, "granted");
        vm.assertEq(logs.length, 1, "entries");
        assertAppended(logs[0], stream, place(1, 1), "granted");
        assertAppended(recordLogged(stream, "revoked")[0], stream, place(2, 2), "revoked");
        assertHeadOf(stream, 2, tagOf("revoked"));
        assertHead(2, link(link(beginning(), stream, place(1, 1), "granted"), stream, place(2, 2), "revoked"));
    }

    function test_what_is_recorded_and_what_is_appended_follow_each_other() public {
        bytes32 stream = streamIn(openAnother(false), "consents");
        append(opening(A, "one"));
        assertAppended(recordLogged(stream, "granted")[0], stream, place(1, 2), "granted");
        assertAppended(appendLogged(next(A, 1, "one", "two"))[0], A, place(2, 3), "two");
    }

    function test_nobody_else_records_and_nobody_in_a_sealed_namespace() public {
        uint32 plain = openAnother(false);
        bytes32 stream = streamIn(plain, "consents");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotAWriter.selector, plain, STRANGER));
        vm.prank(STRANGER);
        log.record(stream, "granted");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotAWriter.selector, plain, OWNER));
        vm.prank(OWNER);
        log.record(stream, "granted");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotAWriter.selector, HERE, WRITER));
        vm.prank(WRITER);
        log.record(A, "plain");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotAWriter.selector, 0, WRITER));
        vm.prank(WRITER);
        log.record(bytes32(uint256(HERE)), "junk");
    }

    function test_nothing_is_recorded_without_a_payload() public {
        bytes32 stream = streamIn(openAnother(false), "consents");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_PayloadEmpty.selector, 0));
        vm.prank(WRITER);
        log.record(stream, "");
    }

    // Opening

    function test_anybody_opens_a_namespace_and_owns_it() public {
        vm.recordLogs();
        vm.prank(STRANGER);
        uint32 namespace = log.openNamespace(false, 77);
        assertAdministered(2, 1, 1, abi.encodePacked(hex"0100", uint32(77), STRANGER));
        vm.assertEq(namespace, 2, "they are counted");
        (address owner, bool isSealed, uint32 delay, address candidate, uint64 acceptableFrom) = log.namespaceAt(2);
        vm.assertEq(owner, STRANGER, "owner");
        vm.assertFalse(isSealed, "sealed");
        vm.assertEq(delay, 77, "delay");
        vm.assertEq(candidate, address(0), "candidate");
        vm.assertEq(acceptableFrom, 0, "acceptable from");
    }

    function test_a_sealed_namespace_is_logged_as_one() public {
        vm.recordLogs();
        vm.prank(STRANGER);
        log.openNamespace(true, 0);
        assertAdministered(2, 1, 1, abi.encodePacked(hex"0101", uint32(0), STRANGER));
    }

    // Writers

    function test_each_admission_gives_a_number_of_its_own() public {
        vm.recordLogs();
        vm.startPrank(OWNER);
        vm.assertEq(log.admit(HERE, STRANGER), 2, "the second");
        assertAdministered(HERE, 3, 1, abi.encodePacked(hex"02", uint32(2), STRANGER));
        log.dismiss(HERE, STRANGER);
        assertAdministered(HERE, 4, 2, abi.encodePacked(hex"03", uint32(2), STRANGER));
        vm.assertEq(log.admit(HERE, STRANGER), 3, "the same account has another number");
        vm.stopPrank();
        vm.assertEq(log.writerOf(HERE, STRANGER), 3, "writer");
        vm.assertEq(log.writerOf(HERE, WRITER), WRITER_NUMBER, "the other one is as before");
    }

    function test_nobody_is_admitted_twice_or_dismissed_without_being_a_writer() public {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_WriterKnown.selector, HERE, WRITER));
        vm.prank(OWNER);
        log.admit(HERE, WRITER);
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_WriterUnknown.selector, HERE, STRANGER));
        vm.prank(OWNER);
        log.dismiss(HERE, STRANGER);
    }

    function test_only_the_owner_says_who_writes_and_what_is_published() public {
        uint32 theirs = strangersNamespace(true);
        for (uint256 i = 0; i < 3; ++i) {
            // A stranger's in ours, ours in the stranger's, and anybody's in one that is not open.
            uint32 namespace = i == 0 ? HERE : i == 1 ? theirs : 99;
            address sender = i == 0 ? STRANGER : OWNER;
            bytes memory reason = abi.encodeWithSelector(IEventLog.EventLog_NotTheOwner.selector, namespace, sender);
            vm.startPrank(sender);
            vm.expectRevert(reason);
            log.admit(namespace, sender);
            vm.expectRevert(reason);
            log.dismiss(namespace, WRITER);
            vm.expectRevert(reason);
            log.transferNamespace(namespace, sender);
            vm.expectRevert(reason);
            log.publish(namespace, "profile");
            vm.stopPrank();
        }
        assertHead(0, beginning());
    }

    // Handing over

    function test_a_namespace_is_handed_over_in_two_steps_once_its_delay_has_passed() public {
        vm.warp(1_000_000);
        vm.recordLogs();
        vm.prank(OWNER);
        log.transferNamespace(HERE, NEW_OWNER);
        assertAdministered(HERE, 3, 1, abi.encodePacked(hex"04", uint64(1_000_000 + DELAY), NEW_OWNER));

        vm.warp(1_000_000 + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotYetAcceptable.selector, HERE, 1_000_000 + DELAY));
        vm.prank(NEW_OWNER);
        log.acceptNamespace(HERE);

        // Until then the owner is who it was.
        vm.prank(OWNER);
        log.publish(HERE, "profile");

        vm.warp(1_000_000 + DELAY);
        vm.recordLogs();
        vm.prank(NEW_OWNER);
        log.acceptNamespace(HERE);
        assertAdministered(HERE, 5, 3, abi.encodePacked(hex"05", NEW_OWNER));

        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotTheOwner.selector, HERE, OWNER));
        vm.prank(OWNER);
        log.admit(HERE, STRANGER);
        vm.prank(NEW_OWNER);
        log.admit(HERE, STRANGER);
        append(opening(A, "the writers are who they were"));
        assertHeadOf(A, 1, tagOf("the writers are who they were"));
    }

    function test_an_offer_is_accepted_by_nobody_else_and_once() public {
        vm.prank(OWNER);
        log.transferNamespace(HERE, NEW_OWNER);
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotOffered.selector, HERE, STRANGER));
        vm.prank(STRANGER);
        log.acceptNamespace(HERE);
        vm.startPrank(NEW_OWNER);
        log.acceptNamespace(HERE);
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotOffered.selector, HERE, NEW_OWNER));
        log.acceptNamespace(HERE);
        vm.stopPrank();
    }

    function test_an_offer_can_be_taken_back_or_made_to_another() public {
        vm.startPrank(OWNER);
        log.transferNamespace(HERE, NEW_OWNER);
        log.transferNamespace(HERE, address(0));
        vm.stopPrank();
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotOffered.selector, HERE, NEW_OWNER));
        vm.prank(NEW_OWNER);
        log.acceptNamespace(HERE);
        // The delay begins anew for whoever it is offered to next.
        uint256 offered = block.timestamp;
        vm.prank(OWNER);
        log.transferNamespace(HERE, STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotYetAcceptable.selector, HERE, offered + DELAY));
        vm.prank(STRANGER);
        log.acceptNamespace(HERE);
    }

    function test_nobody_accepts_a_namespace_that_is_not_open() public {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotOffered.selector, 99, STRANGER));
        vm.prank(STRANGER);
        log.acceptNamespace(99);
    }

    // Profiles

    function test_a_profile_is_an_entry_of_administration() public {
        vm.recordLogs();
        vm.prank(OWNER);
        log.publish(HERE, "epochs and formats");
        assertAdministered(HERE, 3, 1, abi.encodePacked(hex"06", "epochs and formats"));
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_PayloadEmpty.selector, 0));
        vm.prank(OWNER);
        log.publish(HERE, "");
    }

    // Helpers

    function strangersNamespace(bool isSealed) private returns (uint32 namespace) {
        vm.startPrank(STRANGER);
        namespace = log.openNamespace(isSealed, 0);
        log.admit(namespace, STRANGER);
        vm.stopPrank();
        begin();
    }

    function appendLoggedBy(address sender, bytes memory batch) private returns (Vm.Log[] memory) {
        vm.recordLogs();
        vm.prank(sender);
        log.append(batch);
        return vm.getRecordedLogs();
    }

    function recordLogged(bytes32 stream, bytes memory payload) private returns (Vm.Log[] memory) {
        vm.recordLogs();
        vm.prank(WRITER);
        log.record(stream, payload);
        return vm.getRecordedLogs();
    }

    /// @dev The one entry that was just logged is of namespace 0, about a namespace, and by no writer.
    function assertAdministered(uint32 namespace, uint256 version, uint256 position, bytes memory payload) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "entries");
        bytes32 stream = bytes32(uint256(namespace));
        assertAppended(logs[0], stream, place(1, 0, 0, version, position), payload);
        assertHeadOf(stream, version, tagOf(payload));
    }
}
