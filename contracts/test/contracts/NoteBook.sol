// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "../../src/interfaces/IEventLog.sol";

/// @title A contract of the tests that writes plain entries to the log, as registries do
/// @dev Anybody notes anything, in a namespace that is the book's alone: it opens the namespace, owns it and admits itself.
contract NoteBook {
    IEventLog public immutable LOG;
    uint32 public immutable NAMESPACE;

    constructor(IEventLog log) {
        LOG = log;
        NAMESPACE = log.openNamespace(false, 0);
        log.admit(NAMESPACE, address(this));
    }

    /// @notice Writes a note on a page.
    /// @param page Which page: the name of a stream.
    /// @param text What is noted, of one byte or more.
    function note(bytes28 page, bytes calldata text) external {
        LOG.record(bytes32(abi.encodePacked(NAMESPACE, page)), text);
    }

    /// @notice Lets somebody else write in the book's namespace, as a registry never would.
    /// @param account Who.
    function letIn(address account) external {
        LOG.admit(NAMESPACE, account);
    }
}
