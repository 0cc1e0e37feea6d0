// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {Grant} from "../../src/libraries/ConsentTypes.sol";
import {Artifact} from "../utils/Artifact.sol";
import {ConsentCopy} from "../utils/ConsentCopy.sol";
import {TypedData} from "../utils/TypedData.sol";
import {vm} from "../utils/Vm.sol";
import {ConsentHandler} from "./ConsentHandler.sol";

/// @title The invariants of consent, numbered as they are in README.md
contract ConsentRegistryInvariantTest {
    ConsentRegistry private registry;
    ConsentHandler private handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        registry = new ConsentRegistry(Artifact.deployEventLog());
        handler = new ConsentHandler(registry);
    }

    /// @dev Foundry asks for it: nothing but the handler is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev 1, 2 and 4 are the handler's.
    function invariant_3_the_entries_alone_give_all_that_the_registry_reports() external view {
        ConsentCopy copy = handler.COPY();
        for (uint256 i = 0; i < handler.patientCount(); ++i) {
            checkPatient(copy, handler.patientAt(i));
        }
        for (uint256 i = 0; i < handler.grantCount(); ++i) {
            checkGrant(copy, handler.grantAt(i));
        }
    }

    function checkPatient(ConsentCopy copy, address patient) private view {
        ConsentCopy.Patient memory known = copy.patientAt(patient);
        (address controller, uint40 until, uint40 epoch) = registry.patientAt(patient);
        vm.assertEq(controller, copy.controllerOf(patient), "controller");
        vm.assertEq(until, known.until, "until");
        vm.assertEq(epoch, known.epoch, "epoch");
        (bytes32 guardians, uint40 number, address candidate, uint40 readyAt) = registry.controlOf(patient);
        vm.assertEq(number, known.number, "number of the control");
        vm.assertEq(guardians, known.guardians, "guardians");
        vm.assertEq(candidate, known.candidate, "candidate");
        vm.assertEq(readyAt, known.readyAt, "readyAt");
        for (uint256 i = 0; i < 4; ++i) {
            address person = handler.personAt(i);
            (uint40 copiedUntil, uint40 copiedEpoch) = copy.delegationTo(patient, person);
            (uint40 delegatedUntil, uint40 delegateEpoch) = registry.delegationTo(patient, person);
            vm.assertEq(delegatedUntil, copiedUntil, "delegated until");
            vm.assertEq(delegateEpoch, copiedEpoch, "delegate's epoch");
        }
    }

    function checkGrant(ConsentCopy copy, Grant memory given) private view {
        ConsentCopy.Given memory known = copy.grantAt(given.patient, TypedData.hash(given));
        (bool isGiven, bool isRevoked) = registry.grantAt(given.patient, TypedData.hash(given));
        vm.assertTrue(isGiven == known.isGiven && isRevoked == known.isRevoked, "grant");
        uint40 epoch = registry.granteeEpoch(given.patient, given.granteeTag);
        vm.assertEq(epoch, copy.granteeEpoch(given.patient, given.granteeTag), "grantee's epoch");
    }

    /// @dev Invariants over calls that do nothing would prove nothing.
    function test_what_the_handler_does_is_of_every_kind() external {
        for (uint256 i = 0; i < 40; ++i) {
            (uint256 person, bool isRight) = (i % 4, i % 5 != 0);
            handler.grant(person, i % 4 == 0 ? person + 1 : person, i, isRight);
            handler.ask(i, i);
            handler.wait(i % 2);
            if (i % 3 == 0) handler.revoke(person, i, isRight);
            handler.delegate(person, person, i + 1, i * 7, isRight);
            if (i % 4 == 1) handler.endDelegation(person, person, i, isRight);
            handler.setGuardians(person, person, i, isRight);
            handler.beginRecovery(person, i, i, i + 2, isRight);
            if (i % 4 == 2) handler.refuseRecovery(person, person, isRight);
            if (i % 10 == 9) handler.wait(49);
            handler.completeRecovery(person);
            if (i % 6 == 5) handler.changeController(person, person, i, isRight, i % 4 != 0);
            if (i % 7 == 6) handler.revokeGrantee(person, person, i, isRight);
            if (i % 9 == 8) handler.revokeAll(person, person, isRight);
            handler.openWard(person, i * 11);
        }
        (
            uint256 granted,
            uint256 revoked,
            uint256 delegated,
            uint256 changed,
            uint256 recovered,
            uint256 refused,
            uint256 allowed,
            uint256 notAllowed
        ) = handler.tally();
        vm.assertTrue(granted >= 5, "grants are given");
        vm.assertTrue(revoked >= 2, "grants are revoked");
        vm.assertTrue(delegated >= 5, "it is delegated");
        vm.assertTrue(changed != 0, "controllers change");
        vm.assertTrue(recovered >= 2, "recoveries begin");
        vm.assertTrue(refused >= 20, "what may not be is refused");
        vm.assertTrue(allowed != 0, "something is allowed");
        vm.assertTrue(notAllowed >= 10, "most is not");
        vm.assertTrue(handler.patientCount() > 4, "wards are opened");
    }
}
