// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../src/EventLog.sol";
import {vm} from "./utils/Vm.sol";

/// @title What is tested is what is shipped
contract ArtifactTest {
    function test_the_committed_event_log_is_the_one_that_these_tests_run() public view {
        string memory artifact = vm.readFile("artifacts/EventLog.json");
        vm.assertEq(vm.parseJsonBytes(artifact, ".bytecode"), type(EventLog).creationCode, "run tools/build-artifacts");
        vm.assertEq(
            vm.parseJsonBytes(artifact, ".deployedBytecode"), type(EventLog).runtimeCode, "run tools/build-artifacts"
        );
    }
}
