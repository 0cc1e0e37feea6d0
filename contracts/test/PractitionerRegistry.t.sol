// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PractitionerRegistry} from "../src/PractitionerRegistry.sol";
import {IEventLog} from "../src/interfaces/IEventLog.sol";
import {IPractitionerRegistry} from "../src/interfaces/IPractitionerRegistry.sol";
import {IRegistry} from "../src/interfaces/IRegistry.sol";
import {Artifact} from "./utils/Artifact.sol";
import {vm} from "./utils/Vm.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @title Who attests, suspends and reinstates practitioners
contract PractitionerRegistryTest {
    uint256 private constant REGISTRAR_KEY = 0x2E6;
    uint256 private constant STRANGER_KEY = 0x57A6;
    address private constant OWNER = address(0xAD);
    bytes16 private constant GRACE = hex"6b1e0c4e1a4f4e6e9a350d5a5f9c1d11";
    bytes32 private constant DETAILS = keccak256("a number in a register, salted");
    uint40 private constant NOW = 1_800_000_000;
    uint40 private constant TOMORROW = NOW + 1 days;

    IEventLog private log;
    PractitionerRegistry private registry;
    address private registrar;

    function setUp() public {
        vm.warp(NOW);
        log = Artifact.deployEventLog();
        registry = new PractitionerRegistry(log, OWNER);
        registrar = vm.addr(REGISTRAR_KEY);
        vm.prank(OWNER);
        registry.appoint(registrar);
    }

    function sign(uint256 key, bytes memory message) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Medconnect Practitioners"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, keccak256(message))));
        return abi.encodePacked(r, s, v);
    }

    function attestation(bytes32 details, uint40 number) private pure returns (bytes memory) {
        bytes32 kind = keccak256("Attestation(bytes16 practitioner,bytes32 details,uint40 number,uint40 deadline)");
        return abi.encode(kind, GRACE, details, number, TOMORROW);
    }

    function suspension(uint40 reinstatements) private pure returns (bytes memory) {
        return abi.encode(keccak256("Suspension(bytes16 practitioner,uint40 reinstatements)"), GRACE, reinstatements);
    }

    function reinstatement(uint40 number) private pure returns (bytes memory) {
        bytes32 kind = keccak256("Reinstatement(bytes16 practitioner,uint40 number,uint40 deadline)");
        return abi.encode(kind, GRACE, number, TOMORROW);
    }

    function signer(uint256 key) private pure returns (bytes memory) {
        return abi.encodePacked(vm.addr(key));
    }

    function attest(bytes32 details, uint40 number) private {
        bytes memory signature = sign(REGISTRAR_KEY, attestation(details, number));
        registry.attest(GRACE, details, number, TOMORROW, signer(REGISTRAR_KEY), signature);
    }

    function suspend(uint40 reinstatements) private {
        bytes memory signature = sign(REGISTRAR_KEY, suspension(reinstatements));
        registry.suspend(GRACE, reinstatements, signer(REGISTRAR_KEY), signature);
    }

    function reinstate(uint40 number) private {
        bytes memory signature = sign(REGISTRAR_KEY, reinstatement(number));
        registry.reinstate(GRACE, number, TOMORROW, signer(REGISTRAR_KEY), signature);
    }

    function assertStands(IPractitionerRegistry.Standing expected, uint40 acts) private view {
        (IPractitionerRegistry.Standing standing, uint40 number,,) = registry.practitionerAt(GRACE);
        vm.assertEq(uint256(standing), uint256(expected), "standing");
        vm.assertEq(number, acts, "acts");
    }

    function assertRecorded(uint64 count, bytes memory payload) private view {
        (uint64 version, bytes8 tag) = log.headOf(bytes32(abi.encodePacked(registry.namespace(), uint96(0), GRACE)));
        vm.assertEq(version, count, "entries");
        vm.assertEq(bytes32(tag), bytes32(bytes8(keccak256(payload))), "last entry");
    }

    function test_a_practitioner_is_attested_suspended_and_reinstated() public {
        assertStands(IPractitionerRegistry.Standing.Unknown, 0);
        attest(DETAILS, 0);
        assertStands(IPractitionerRegistry.Standing.Attested, 1);
        assertRecorded(1, abi.encodePacked(uint8(1), DETAILS, registrar));
        suspend(0);
        assertStands(IPractitionerRegistry.Standing.Suspended, 2);
        assertRecorded(2, abi.encodePacked(uint8(2), registrar));
        reinstate(2);
        assertStands(IPractitionerRegistry.Standing.Attested, 3);
        assertRecorded(3, abi.encodePacked(uint8(3), registrar));
    }

    function test_an_attestation_is_renewed_with_other_details() public {
        attest(DETAILS, 0);
        attest(keccak256("another number"), 1);
        (,,, bytes32 details) = registry.practitionerAt(GRACE);
        vm.assertEq(details, keccak256("another number"), "details");
    }

    function test_an_attestation_rests_on_something() public {
        bytes memory signature = sign(REGISTRAR_KEY, attestation(0, 0));
        vm.expectRevert(abi.encodeWithSelector(IPractitionerRegistry.PractitionerRegistry_DetailsMissing.selector));
        registry.attest(GRACE, 0, 0, TOMORROW, signer(REGISTRAR_KEY), signature);
    }

    function test_who_is_suspended_is_attested_only_once_reinstated() public {
        attest(DETAILS, 0);
        suspend(0);
        bytes memory signature = sign(REGISTRAR_KEY, attestation(DETAILS, 2));
        bytes memory invalid = abi.encodeWithSelector(
            IPractitionerRegistry.PractitionerRegistry_StandingInvalid.selector,
            GRACE,
            IPractitionerRegistry.Standing.Suspended
        );
        vm.expectRevert(invalid);
        registry.attest(GRACE, DETAILS, 2, TOMORROW, signer(REGISTRAR_KEY), signature);
        signature = sign(REGISTRAR_KEY, suspension(0));
        vm.expectRevert(invalid);
        registry.suspend(GRACE, 0, signer(REGISTRAR_KEY), signature);
    }

    function test_an_attestation_that_was_held_back_is_not_taken_after_a_suspension() public {
        bytes memory heldBack = sign(REGISTRAR_KEY, attestation(DETAILS, 0));
        suspend(0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 0, 1));
        registry.attest(GRACE, DETAILS, 0, TOMORROW, signer(REGISTRAR_KEY), heldBack);
        reinstate(1);
        assertStands(IPractitionerRegistry.Standing.Unknown, 2);
    }

    function test_no_act_is_taken_twice() public {
        attest(DETAILS, 0);
        suspend(0);
        reinstate(2);
        bytes memory again = sign(REGISTRAR_KEY, suspension(0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 0, 1));
        registry.suspend(GRACE, 0, signer(REGISTRAR_KEY), again);
        suspend(1);
        assertStands(IPractitionerRegistry.Standing.Suspended, 4);
    }

    function test_no_attestation_that_is_held_back_keeps_a_suspension_from_being_taken() public {
        attest(DETAILS, 0);
        bytes memory suspended = sign(REGISTRAR_KEY, suspension(0));
        // Whoever is about to be suspended hands in before it what they have kept.
        attest(keccak256("another number"), 1);
        registry.suspend(GRACE, 0, signer(REGISTRAR_KEY), suspended);
        assertStands(IPractitionerRegistry.Standing.Suspended, 3);
    }

    function test_nobody_is_the_practitioner_0() public {
        bytes32 kind = keccak256("Suspension(bytes16 practitioner,uint40 reinstatements)");
        bytes memory signature = sign(REGISTRAR_KEY, abi.encode(kind, bytes16(0), uint40(0)));
        vm.expectRevert(abi.encodeWithSelector(IPractitionerRegistry.PractitionerRegistry_NobodyNamed.selector));
        registry.suspend(bytes16(0), 0, signer(REGISTRAR_KEY), signature);
    }

    function test_the_registry_stays_somebodys_and_the_log_says_whose() public {
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IPractitionerRegistry.PractitionerRegistry_OwnerNeeded.selector));
        registry.renounceOwnership();
        bytes32 stream = bytes32(abi.encodePacked(registry.namespace(), uint224(0)));
        vm.prank(OWNER);
        registry.transferOwnership(address(this));
        registry.acceptOwnership();
        (uint64 version, bytes8 tag) = log.headOf(stream);
        // Whose it was at first, who was appointed, and whose it is.
        vm.assertEq(version, 3, "entries");
        bytes memory payload = abi.encodePacked(uint8(6), address(this));
        vm.assertEq(bytes32(tag), bytes32(bytes8(keccak256(payload))), "last entry");
    }

    function test_nobody_but_a_registrar_attests() public {
        bytes memory signature = sign(STRANGER_KEY, attestation(DETAILS, 0));
        vm.expectRevert(
            abi.encodeWithSelector(
                IPractitionerRegistry.PractitionerRegistry_NotARegistrar.selector, vm.addr(STRANGER_KEY)
            )
        );
        registry.attest(GRACE, DETAILS, 0, TOMORROW, signer(STRANGER_KEY), signature);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, registrar));
        registry.attest(GRACE, DETAILS, 0, TOMORROW, signer(REGISTRAR_KEY), signature);
    }

    function test_who_is_dismissed_attests_no_more_and_what_they_attested_stands() public {
        attest(DETAILS, 0);
        vm.prank(OWNER);
        registry.dismiss(registrar);
        assertStands(IPractitionerRegistry.Standing.Attested, 1);
        bytes memory signature = sign(REGISTRAR_KEY, suspension(0));
        vm.expectRevert(
            abi.encodeWithSelector(IPractitionerRegistry.PractitionerRegistry_NotARegistrar.selector, registrar)
        );
        registry.suspend(GRACE, 0, signer(REGISTRAR_KEY), signature);
    }

    function test_the_owner_alone_appoints_and_dismisses_and_each_once() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        registry.appoint(address(1));
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        registry.dismiss(registrar);
        bytes4 invalid = IPractitionerRegistry.PractitionerRegistry_RegistrarInvalid.selector;
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(invalid, registrar));
        registry.appoint(registrar);
        vm.expectRevert(abi.encodeWithSelector(invalid, address(0)));
        registry.appoint(address(0));
        vm.expectRevert(abi.encodeWithSelector(invalid, address(1)));
        registry.dismiss(address(1));
        vm.stopPrank();
    }

    function test_an_act_is_handed_in_until_its_deadline_but_for_a_suspension() public {
        attest(DETAILS, 0);
        bytes memory late = sign(REGISTRAR_KEY, attestation(DETAILS, 1));
        vm.warp(uint256(TOMORROW) + 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_Late.selector, TOMORROW));
        registry.attest(GRACE, DETAILS, 1, TOMORROW, signer(REGISTRAR_KEY), late);
        suspend(0);
        late = sign(REGISTRAR_KEY, reinstatement(2));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_Late.selector, TOMORROW));
        registry.reinstate(GRACE, 2, TOMORROW, signer(REGISTRAR_KEY), late);
    }

    function test_what_is_signed_for_another_chain_is_not_signed_for_this_one() public {
        bytes memory signature = sign(REGISTRAR_KEY, attestation(DETAILS, 0));
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, registrar));
        registry.attest(GRACE, DETAILS, 0, TOMORROW, signer(REGISTRAR_KEY), signature);
    }
}
