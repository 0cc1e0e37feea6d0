// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {vm} from "./Vm.sol";

/// @title The event log as it is deployed
/// @dev From its artifact, because it is compiled for older rules of the chain than what is tested together with it.
library Artifact {
    function deployEventLog() internal returns (IEventLog log) {
        bytes memory code = vm.parseJsonBytes(vm.readFile("artifacts/EventLog.json"), ".bytecode");
        assembly ("memory-safe") {
            log := create(0, add(code, 0x20), mload(code))
        }
        require(address(log) != address(0), "the log was not deployed");
    }
}
