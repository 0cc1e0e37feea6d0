// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Details} from "../src/libraries/ConsentTypes.sol";
import {ConsentTest} from "./utils/ConsentTest.sol";
import {TypedData} from "./utils/TypedData.sol";
import {vm} from "./utils/Vm.sol";

/// @title What consent costs, as whole transactions
/// @dev Every call is a transaction of its own here. The figures go to snapshots/ConsentRegistry.json; the aims are 105,000 for a patient's first grant,
/// 85,000 for another one, and 65,000 for a revocation.
/// forge-config: default.isolate = true
contract ConsentRegistryGasTest is ConsentTest {
    uint256 private salt;

    /// @dev Somebody else was here before, so that nobody pays for the very first write of the log.
    function setUp() public override {
        super.setUp();
        revokeAll(ben, 0, BEN_KEY);
    }

    function grantAnother() private returns (bytes32) {
        Details memory details = someDetails();
        details.salt = keccak256(abi.encode(++salt));
        return handIn(grantOf(details), ADA_KEY);
    }

    function atMost(string memory name, uint256 aim) private {
        uint256 used = vm.snapshotGasLastCall("ConsentRegistry", name);
        vm.assertLe(used, aim, name);
    }

    function test_gas_of_a_patients_first_grant() public {
        grantAnother();
        atMost("a patient's first grant", 105_000);
    }

    function test_gas_of_another_grant() public {
        grantAnother();
        grantAnother();
        atMost("another grant", 85_000);
    }

    function test_gas_of_a_revocation() public {
        revoke(ada, grantAnother(), ADA_KEY);
        atMost("a revocation", 65_000);
    }

    function test_gas_of_revoking_all() public {
        grantAnother();
        revokeAll(ada, 0, ADA_KEY);
        atMost("a patient's first revocation of all", 85_000);
    }

    function test_gas_of_revoking_a_grantee() public {
        grantAnother();
        revokeGrantee(ada, TypedData.tag(someDetails()), 0, ADA_KEY);
        atMost("a patient's first revocation of a grantee", 85_000);
    }
}
