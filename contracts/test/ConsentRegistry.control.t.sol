// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IConsentRegistry} from "../src/interfaces/IConsentRegistry.sol";
import {IRegistry} from "../src/interfaces/IRegistry.sol";
import {Grant, Guardians} from "../src/libraries/ConsentTypes.sol";
import {ConsentTest} from "./utils/ConsentTest.sol";
import {TypedData} from "./utils/TypedData.sol";
import {vm} from "./utils/Vm.sol";

/// @title Who speaks for a patient: delegates, guardians, another controller, and wards
contract ConsentRegistryControlTest is ConsentTest {
    uint40 private constant DELAY = 3 days;
    bytes32 private constant WARD_TYPE = keccak256("Ward(address controller,uint40 until,bytes32 salt)");

    function expectNotInControl(address patient, address by) private {
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NotInControl.selector, patient, by));
    }

    function expectNumber(uint40 named, uint40 current) private {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, named, current));
    }

    // Delegates

    function test_a_delegate_grants_and_revokes_until_it_ends() public {
        delegate(ada, ben, NEXT_YEAR, 0, ADA_KEY);
        assertRecorded(ada, 1, abi.encodePacked(uint8(5), ben, NEXT_YEAR));
        bytes32 id = handIn(someGrant(), BEN_KEY);
        vm.assertTrue(isAllowed(), "granted");
        revoke(ada, id, BEN_KEY);
        assertRecorded(ada, 3, abi.encodePacked(uint8(2), id, ben));
        vm.warp(NEXT_YEAR);
        bytes memory signature = sign(BEN_KEY, TypedData.fullRevocation(ada, 0));
        expectNotInControl(ada, ben);
        registry.revokeAll(ada, 0, signer(ben), signature);
    }

    function test_a_delegate_changes_nothing_in_who_speaks() public {
        delegate(ada, ben, NEXT_YEAR, 0, ADA_KEY);
        bytes memory signature = sign(BEN_KEY, TypedData.delegation(ada, cleo, NEXT_YEAR, 0, TOMORROW));
        expectNotInControl(ada, ben);
        registry.delegate(ada, cleo, NEXT_YEAR, 0, TOMORROW, signer(ben), signature);
        signature = sign(BEN_KEY, TypedData.delegationEnd(ada, ben, 0));
        expectNotInControl(ada, ben);
        registry.endDelegation(ada, ben, 0, signer(ben), signature);
        signature = sign(BEN_KEY, TypedData.guardians(ada, keccak256("guardians"), 0, TOMORROW));
        expectNotInControl(ada, ben);
        registry.setGuardians(ada, keccak256("guardians"), 0, TOMORROW, signer(ben), signature);
        signature = sign(BEN_KEY, TypedData.controller(ada, ben, 0, TOMORROW));
        expectNotInControl(ada, ben);
        registry.changeController(ada, 0, TOMORROW, signer(ben), signature, signer(ben), signature);
    }

    function test_a_delegation_ends_before_its_time_and_is_not_taken_again() public {
        bytes memory signature = sign(ADA_KEY, TypedData.delegation(ada, ben, NEXT_YEAR, 0, TOMORROW));
        registry.delegate(ada, ben, NEXT_YEAR, 0, TOMORROW, signer(ada), signature);
        endDelegation(ada, ben, 0, ADA_KEY);
        assertRecorded(ada, 2, abi.encodePacked(uint8(6), ben));
        expectNumber(0, 1);
        registry.delegate(ada, ben, NEXT_YEAR, 0, TOMORROW, signer(ada), signature);
        Grant memory given = someGrant();
        bytes memory byBen = sign(BEN_KEY, TypedData.hash(given));
        expectNotInControl(ada, ben);
        registry.grant(given, signer(ben), byBen);
    }

    function test_a_delegation_that_was_held_back_is_ended_too() public {
        endDelegation(ada, ben, 0, ADA_KEY);
        bytes memory signature = sign(ADA_KEY, TypedData.delegation(ada, ben, NEXT_YEAR, 0, TOMORROW));
        expectNumber(0, 1);
        registry.delegate(ada, ben, NEXT_YEAR, 0, TOMORROW, signer(ada), signature);
    }

    function test_of_two_delegations_to_one_the_longer_counts_in_whichever_order_they_are_handed_in() public {
        bytes memory shorter = sign(ADA_KEY, TypedData.delegation(ada, ben, TOMORROW, 0, TOMORROW));
        delegate(ada, ben, NEXT_YEAR, 0, ADA_KEY);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_PeriodInvalid.selector, NEXT_YEAR, TOMORROW)
        );
        registry.delegate(ada, ben, TOMORROW, 0, TOMORROW, signer(ada), shorter);
        (uint40 until,) = registry.delegationTo(ada, ben);
        vm.assertEq(until, NEXT_YEAR, "until");
    }

    function test_a_delegation_is_handed_in_until_its_deadline() public {
        bytes memory signature = sign(ADA_KEY, TypedData.delegation(ada, ben, NEXT_YEAR, 0, TOMORROW));
        vm.warp(uint256(TOMORROW) + 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_Late.selector, TOMORROW));
        registry.delegate(ada, ben, NEXT_YEAR, 0, TOMORROW, signer(ada), signature);
    }

    // Another controller

    function changeTo(address to, uint40 number, uint256 key, uint256 successorKey) private {
        bytes32 message = TypedData.controller(ada, to, number, TOMORROW);
        bytes memory signature = sign(key, message);
        bytes memory acceptance = sign(successorKey, message);
        registry.changeController(
            ada, number, TOMORROW, signer(vm.addr(key)), signature, signer(vm.addr(successorKey)), acceptance
        );
    }

    function test_the_controller_gives_way_to_another_who_accepts() public {
        handIn(someGrant(), ADA_KEY);
        changeTo(ben, 0, ADA_KEY, BEN_KEY);
        assertRecorded(ada, 2, abi.encodePacked(uint8(10), ben));
        vm.assertTrue(isAllowed(), "grants stand");
        bytes memory signature = sign(ADA_KEY, TypedData.fullRevocation(ada, 0));
        expectNotInControl(ada, ada);
        registry.revokeAll(ada, 0, signer(ada), signature);
        revokeAll(ada, 0, BEN_KEY);
        vm.assertFalse(isAllowed(), "the new one revokes");
    }

    function test_nobody_becomes_the_controller_who_has_not_accepted() public {
        bytes32 message = TypedData.controller(ada, ben, 0, TOMORROW);
        bytes memory signature = sign(ADA_KEY, message);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ben));
        registry.changeController(ada, 0, TOMORROW, signer(ada), signature, signer(ben), signature);
    }

    function test_a_change_is_not_taken_a_second_time() public {
        changeTo(ben, 0, ADA_KEY, BEN_KEY);
        changeTo(ada, 1, BEN_KEY, ADA_KEY);
        bytes32 message = TypedData.controller(ada, ben, 0, TOMORROW);
        (bytes memory signature, bytes memory acceptance) = (sign(ADA_KEY, message), sign(BEN_KEY, message));
        expectNumber(0, 2);
        registry.changeController(ada, 0, TOMORROW, signer(ada), signature, signer(ben), acceptance);
    }

    function test_what_a_controller_has_delegated_ends_with_them() public {
        delegate(ada, cleo, NEXT_YEAR, 0, ADA_KEY);
        changeTo(ben, 0, ADA_KEY, BEN_KEY);
        Grant memory given = someGrant();
        bytes memory signature = sign(CLEO_KEY, TypedData.hash(given));
        expectNotInControl(ada, cleo);
        registry.grant(given, signer(cleo), signature);
    }

    function test_a_controller_who_comes_back_has_to_delegate_again_with_another_message() public {
        bytes memory delegation = sign(ADA_KEY, TypedData.delegation(ada, cleo, NEXT_YEAR, 0, TOMORROW));
        registry.delegate(ada, cleo, NEXT_YEAR, 0, TOMORROW, signer(ada), delegation);
        changeTo(ben, 0, ADA_KEY, BEN_KEY);
        changeTo(ada, 1, BEN_KEY, ADA_KEY);
        bytes memory signature = sign(CLEO_KEY, TypedData.fullRevocation(ada, 0));
        expectNotInControl(ada, cleo);
        registry.revokeAll(ada, 0, signer(cleo), signature);
        expectNumber(0, 2);
        registry.delegate(ada, cleo, NEXT_YEAR, 0, TOMORROW, signer(ada), delegation);
        delegate(ada, cleo, TOMORROW, 2, ADA_KEY);
        registry.revokeAll(ada, 0, signer(cleo), signature);
        assertRecorded(ada, 5, abi.encodePacked(uint8(4), uint40(0), cleo));
    }

    // Guardians

    function guardians() private view returns (Guardians memory made) {
        address[] memory ids = new address[](2);
        (ids[0], ids[1]) = ben < cleo ? (ben, cleo) : (cleo, ben);
        made = Guardians({ids: ids, threshold: 2, delay: DELAY});
    }

    function hashOf(Guardians memory those) private pure returns (bytes32) {
        return keccak256(abi.encode(those.ids, those.threshold, those.delay));
    }

    function setGuardians(Guardians memory those) private {
        bytes memory signature = sign(ADA_KEY, TypedData.guardians(ada, hashOf(those), 0, TOMORROW));
        registry.setGuardians(ada, hashOf(those), 0, TOMORROW, signer(ada), signature);
    }

    function keyOf(address guardian) private view returns (uint256) {
        return guardian == ben ? BEN_KEY : CLEO_KEY;
    }

    /// @dev The first so many of them sign.
    function signedBy(Guardians memory those, uint256 count, bytes32 message)
        private
        view
        returns (bytes[] memory signers, bytes[] memory signatures)
    {
        (signers, signatures) = (new bytes[](count), new bytes[](count));
        for (uint256 i = 0; i < count; ++i) {
            signers[i] = signer(those.ids[i]);
            signatures[i] = sign(keyOf(those.ids[i]), message);
        }
    }

    function recover(Guardians memory those, address to, uint40 number) private {
        bytes32 message = TypedData.recovery(ada, to, number, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(those, 2, message);
        registry.beginRecovery(ada, to, number, TOMORROW, those, signers, signatures);
    }

    address private constant NEW_PHONE = address(0x9E3);

    function test_guardians_give_a_patient_another_controller_after_their_delay() public {
        setGuardians(guardians());
        assertRecorded(ada, 1, abi.encodePacked(uint8(7), hashOf(guardians())));
        recover(guardians(), NEW_PHONE, 1);
        assertRecorded(ada, 2, abi.encodePacked(uint8(8), NEW_PHONE, NOW + DELAY));
        vm.warp(NOW + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NotYetReady.selector, NOW + DELAY));
        registry.completeRecovery(ada);
        vm.warp(NOW + DELAY);
        registry.completeRecovery(ada);
        assertRecorded(ada, 3, abi.encodePacked(uint8(10), NEW_PHONE));
        (address controller,,) = registry.patientAt(ada);
        vm.assertEq(controller, NEW_PHONE, "controller");
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NothingToRecover.selector, ada));
        registry.completeRecovery(ada);
    }

    function test_until_then_the_controller_refuses_it_or_does_whatever_else() public {
        setGuardians(guardians());
        recover(guardians(), NEW_PHONE, 1);
        handIn(someGrant(), ADA_KEY);
        bytes memory signature = sign(ADA_KEY, TypedData.recoveryRefusal(ada, 2));
        registry.refuseRecovery(ada, 2, signer(ada), signature);
        assertRecorded(ada, 4, abi.encodePacked(uint8(9)));
        vm.warp(NOW + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NothingToRecover.selector, ada));
        registry.completeRecovery(ada);
    }

    function test_a_change_of_controller_or_guardians_ends_a_recovery() public {
        setGuardians(guardians());
        recover(guardians(), NEW_PHONE, 1);
        bytes memory signature = sign(ADA_KEY, TypedData.guardians(ada, 0, 2, TOMORROW));
        registry.setGuardians(ada, 0, 2, TOMORROW, signer(ada), signature);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NothingToRecover.selector, ada));
        registry.completeRecovery(ada);
    }

    function test_fewer_guardians_than_it_takes_are_too_few() public {
        setGuardians(guardians());
        bytes32 message = TypedData.recovery(ada, NEW_PHONE, 1, TOMORROW);
        for (uint256 count = 0; count < 2; ++count) {
            (bytes[] memory signers, bytes[] memory signatures) = signedBy(guardians(), count, message);
            vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GuardiansInvalid.selector, ada));
            registry.beginRecovery(ada, NEW_PHONE, 1, TOMORROW, guardians(), signers, signatures);
        }
    }

    function test_one_guardian_who_signs_twice_is_one() public {
        setGuardians(guardians());
        bytes32 message = TypedData.recovery(ada, NEW_PHONE, 1, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(guardians(), 2, message);
        (signers[1], signatures[1]) = (signers[0], signatures[0]);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GuardiansInvalid.selector, ada));
        registry.beginRecovery(ada, NEW_PHONE, 1, TOMORROW, guardians(), signers, signatures);
    }

    function test_a_guardian_who_is_named_twice_is_one() public {
        Guardians memory those = guardians();
        those.ids[1] = those.ids[0];
        setGuardians(those);
        bytes32 message = TypedData.recovery(ada, NEW_PHONE, 1, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(those, 2, message);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GuardiansInvalid.selector, ada));
        registry.beginRecovery(ada, NEW_PHONE, 1, TOMORROW, those, signers, signatures);
    }

    function test_guardians_end_with_the_controller_who_chose_them() public {
        setGuardians(guardians());
        changeTo(ben, 1, ADA_KEY, BEN_KEY);
        (bytes32 known,,,) = registry.controlOf(ada);
        vm.assertEq(known, 0, "guardians");
        bytes32 message = TypedData.recovery(ada, NEW_PHONE, 2, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(guardians(), 2, message);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GuardiansInvalid.selector, ada));
        registry.beginRecovery(ada, NEW_PHONE, 2, TOMORROW, guardians(), signers, signatures);
    }

    function test_nobody_recovers_a_ward_whose_time_is_over() public {
        address child = registry.openWard(ada, TOMORROW, keccak256("child"));
        bytes32 hash = hashOf(guardians());
        bytes memory signature = sign(ADA_KEY, TypedData.guardians(child, hash, 0, TOMORROW));
        registry.setGuardians(child, hash, 0, TOMORROW, signer(ada), signature);
        vm.warp(TOMORROW);
        bytes32 message = TypedData.recovery(child, NEW_PHONE, 1, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(guardians(), 2, message);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_WardInvalid.selector, child));
        registry.beginRecovery(child, NEW_PHONE, 1, TOMORROW, guardians(), signers, signatures);
    }

    function test_guardians_who_were_not_set_are_none() public {
        Guardians memory others = guardians();
        bytes32 message = TypedData.recovery(ada, NEW_PHONE, 0, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(others, 2, message);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GuardiansInvalid.selector, ada));
        registry.beginRecovery(ada, NEW_PHONE, 0, TOMORROW, others, signers, signatures);
        setGuardians(guardians());
        message = TypedData.recovery(ada, NEW_PHONE, 1, TOMORROW);
        (signers, signatures) = signedBy(others, 2, message);
        others.delay = 0;
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GuardiansInvalid.selector, ada));
        registry.beginRecovery(ada, NEW_PHONE, 1, TOMORROW, others, signers, signatures);
    }

    function test_a_guardian_cannot_sign_for_another() public {
        setGuardians(guardians());
        bytes32 message = TypedData.recovery(ada, NEW_PHONE, 1, TOMORROW);
        (bytes[] memory signers, bytes[] memory signatures) = signedBy(guardians(), 2, message);
        signatures[1] = signatures[0];
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, guardians().ids[1]));
        registry.beginRecovery(ada, NEW_PHONE, 1, TOMORROW, guardians(), signers, signatures);
    }

    // Wards

    function test_a_ward_is_its_guardians_until_it_ends_and_then_nothing_is_allowed() public {
        address child = registry.openWard(ada, NEXT_YEAR, keccak256("child"));
        assertRecorded(child, 1, abi.encodePacked(uint8(11), ada, NEXT_YEAR));
        Grant memory given = someGrant();
        (given.patient, given.expiry) = (child, 0);
        handIn(given, ADA_KEY);
        delegate(child, ben, NEXT_YEAR + 1 days, 0, ADA_KEY);
        vm.assertTrue(registry.isAllowed(given, someDetails(), someQuery()), "allowed");
        vm.warp(NEXT_YEAR);
        vm.assertFalse(registry.isAllowed(given, someDetails(), someQuery()), "it has ended");
        bytes memory signature = sign(ADA_KEY, TypedData.fullRevocation(child, 0));
        expectNotInControl(child, ada);
        registry.revokeAll(child, 0, signer(ada), signature);
        signature = sign(BEN_KEY, TypedData.fullRevocation(child, 0));
        expectNotInControl(child, ben);
        registry.revokeAll(child, 0, signer(ben), signature);
    }

    function test_a_ward_stays_one_whoever_controls_it() public {
        address child = registry.openWard(ada, NEXT_YEAR, keccak256("child"));
        bytes32 message = TypedData.controller(child, ben, 0, TOMORROW);
        (bytes memory signature, bytes memory acceptance) = (sign(ADA_KEY, message), sign(BEN_KEY, message));
        registry.changeController(child, 0, TOMORROW, signer(ada), signature, signer(ben), acceptance);
        (address controller, uint40 until,) = registry.patientAt(child);
        vm.assertEq(controller, ben, "controller");
        vm.assertEq(until, NEXT_YEAR, "until");
    }

    function test_a_ward_is_opened_once_with_a_guardian_and_an_end_to_come() public {
        address child = registry.openWard(ada, NEXT_YEAR, keccak256("child"));
        bytes4 invalid = IConsentRegistry.ConsentRegistry_WardInvalid.selector;
        vm.expectRevert(abi.encodeWithSelector(invalid, child));
        registry.openWard(ada, NEXT_YEAR, keccak256("child"));
        vm.expectRevert(abi.encodeWithSelector(invalid, wardOf(ada, NOW)));
        registry.openWard(ada, NOW, 0);
        vm.expectRevert(abi.encodeWithSelector(invalid, wardOf(address(0), NEXT_YEAR)));
        registry.openWard(address(0), NEXT_YEAR, 0);
    }

    function wardOf(address controller, uint40 until) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(WARD_TYPE, controller, until, bytes32(0))))));
    }
}
