// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A contract of the tests that calls whatever it is told
contract Caller {
    /// @notice Calls, and fails if that does.
    function run(address target, bytes calldata data) external {
        (bool done,) = target.call(data);
        require(done, "it was refused");
    }
}
