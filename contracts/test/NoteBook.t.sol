// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "../src/interfaces/IEventLog.sol";
import {NoteBook} from "./contracts/NoteBook.sol";
import {EventLogTest} from "./utils/EventLogTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// @title How another contract writes to the log
contract NoteBookTest is EventLogTest {
    NoteBook private book;

    function setUp() public override {
        super.setUp();
        book = new NoteBook(log);
    }

    function test_it_owns_its_namespace_of_plain_entries_and_writes_there() public view {
        (address owner, bool isSealed,,,) = log.namespaceAt(book.NAMESPACE());
        vm.assertEq(owner, address(book), "owner");
        require(!isSealed, "sealed");
        vm.assertEq(log.writerOf(book.NAMESPACE(), address(book)), 1, "writer");
        vm.assertEq(log.writerOf(book.NAMESPACE(), address(this)), 0, "whoever deployed it");
    }

    function test_what_is_noted_stands_on_its_page_in_the_order_of_the_log() public {
        book.note("a page", "one");
        append(opening(A, "sealed"));
        book.note("a page", "two");
        bytes32 page = bytes32(abi.encodePacked(book.NAMESPACE(), bytes28("a page")));
        assertHeadOf(page, 2, tagOf("two"));
        assertHeadOf(A, 1, tagOf("sealed"));
    }

    function test_nobody_else_writes_in_its_namespace() public {
        uint32 there = book.NAMESPACE();
        bytes32 page = bytes32(abi.encodePacked(there, bytes28("a page")));
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotAWriter.selector, there, STRANGER));
        vm.prank(STRANGER);
        log.record(page, "junk");
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_NotTheOwner.selector, there, STRANGER));
        vm.prank(STRANGER);
        log.admit(there, STRANGER);
        Vm.Log[] memory logs = appendLogged(opening(page, "sealed"));
        assertRejected(logs[0], 0, page, 0, 0);
    }

    function test_what_it_refuses_leaves_no_trace() public {
        (uint64 position,) = log.head();
        vm.expectRevert(abi.encodeWithSelector(IEventLog.EventLog_PayloadEmpty.selector, 0));
        book.note("a page", "");
        (uint64 after_,) = log.head();
        vm.assertEq(after_, position, "position");
    }
}
