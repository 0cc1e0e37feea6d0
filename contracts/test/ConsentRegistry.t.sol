// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IConsentRegistry} from "../src/interfaces/IConsentRegistry.sol";
import {IEventLog} from "../src/interfaces/IEventLog.sol";
import {IRegistry} from "../src/interfaces/IRegistry.sol";
import {Details, Grant} from "../src/libraries/ConsentTypes.sol";
import {ConsentTest} from "./utils/ConsentTest.sol";
import {TypedData} from "./utils/TypedData.sol";
import {vm} from "./utils/Vm.sol";

/// @title Giving and revoking grants
contract ConsentRegistryTest is ConsentTest {
    function test_it_alone_writes_in_its_namespace() public {
        (address owner, bool isSealed,, address candidate,) = log.namespaceAt(registry.namespace());
        vm.assertEq(owner, address(registry), "owner");
        vm.assertFalse(isSealed, "its entries are public");
        vm.assertEq(candidate, address(0), "candidate");
        vm.assertEq(log.writerOf(registry.namespace(), address(registry)), 1, "writer");
        bytes32 stream = streamOf(ada);
        vm.expectRevert(
            abi.encodeWithSelector(IEventLog.EventLog_NotAWriter.selector, registry.namespace(), address(this))
        );
        log.record(stream, "a forged grant");
    }

    // Grants

    function test_a_grant_allows_and_is_an_entry_of_the_patients_stream() public {
        Grant memory given = someGrant();
        bytes32 id = handIn(given, ADA_KEY);
        vm.assertEq(id, TypedData.hash(given), "id");
        vm.assertTrue(isAllowed(), "allowed");
        assertRecorded(ada, 1, abi.encodePacked(uint8(1), id, given.granteeTag, NOW, NEXT_YEAR, ada));
    }

    function test_nothing_is_allowed_that_nobody_granted() public view {
        vm.assertFalse(isAllowed(), "not handed in");
    }

    function test_a_grant_is_given_once() public {
        bytes32 id = handIn(someGrant(), ADA_KEY);
        Grant memory again = someGrant();
        bytes memory signature = sign(ADA_KEY, TypedData.hash(again));
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GrantKnown.selector, id));
        registry.grant(again, signer(ada), signature);
    }

    function test_nobody_else_gives_a_grant_of_the_patients() public {
        Grant memory given = someGrant();
        bytes memory signature = sign(BEN_KEY, TypedData.hash(given));
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NotInControl.selector, ada, ben));
        registry.grant(given, signer(ben), signature);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
        registry.grant(given, signer(ada), signature);
        assertNothingRecorded(ada);
    }

    function test_each_field_of_a_grant_is_signed() public {
        for (uint256 field = 0; field < 8; ++field) {
            Grant memory given = someGrant();
            bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
            if (field == 0) given.details = keccak256("other details");
            if (field == 1) given.granteeTag = keccak256("another grantee");
            if (field == 2) given.notBefore += 1;
            if (field == 3) given.expiry += 1;
            if (field == 4) given.deadline += 1;
            if (field == 5) given.expiry = 0;
            if (field == 6) given.deadline -= 1;
            if (field == 7) given.notBefore = 0;
            vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
            registry.grant(given, signer(ada), signature);
        }
        assertNothingRecorded(ada);
    }

    function test_each_byte_of_a_signature_counts() public {
        Grant memory given = someGrant();
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        for (uint256 at = 0; at < signature.length; ++at) {
            bytes memory changed = bytes.concat(signature);
            changed[at] ^= 0x01;
            vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
            registry.grant(given, signer(ada), changed);
        }
        assertNothingRecorded(ada);
    }

    function test_a_signature_with_a_high_s_is_none() public {
        Grant memory given = someGrant();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ADA_KEY, digest(TypedData.hash(given)));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory high = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
        registry.grant(given, signer(ada), high);
    }

    function test_what_is_signed_for_another_chain_or_contract_is_not_signed_for_this_one() public {
        Grant memory given = someGrant();
        bytes32[2] memory digests = [
            TypedData.digest(block.chainid + 1, address(registry), TypedData.hash(given)),
            TypedData.digest(block.chainid, address(log), TypedData.hash(given))
        ];
        for (uint256 i = 0; i < digests.length; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(ADA_KEY, digests[i]);
            vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
            registry.grant(given, signer(ada), abi.encodePacked(r, s, v));
        }
    }

    function test_after_a_fork_of_the_chain_a_signature_is_good_on_one_of_both() public {
        Grant memory given = someGrant();
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
        registry.grant(given, signer(ada), signature);
    }

    function test_a_grant_is_handed_in_until_its_deadline() public {
        Grant memory given = someGrant();
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        vm.warp(uint256(TOMORROW) + 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_Late.selector, TOMORROW));
        registry.grant(given, signer(ada), signature);
        vm.warp(TOMORROW);
        registry.grant(given, signer(ada), signature);
    }

    function test_a_grant_ends_after_it_begins_and_not_before_it_is_given() public {
        uint40[2][3] memory periods = [[NEXT_YEAR, NEXT_YEAR], [NEXT_YEAR, TOMORROW], [NOW - 2, NOW]];
        for (uint256 i = 0; i < periods.length; ++i) {
            Grant memory given = someGrant();
            (given.notBefore, given.expiry) = (periods[i][0], periods[i][1]);
            bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
            vm.expectRevert(
                abi.encodeWithSelector(
                    IConsentRegistry.ConsentRegistry_PeriodInvalid.selector, given.notBefore, given.expiry
                )
            );
            registry.grant(given, signer(ada), signature);
        }
    }

    function test_a_grant_holds_from_its_beginning_until_its_end() public {
        Grant memory given = someGrant();
        (given.notBefore, given.expiry) = (TOMORROW, NEXT_YEAR);
        handIn(given, ADA_KEY);
        uint40[4] memory times = [TOMORROW - 1, TOMORROW, NEXT_YEAR - 1, NEXT_YEAR];
        bool[4] memory holds = [false, true, true, false];
        for (uint256 i = 0; i < times.length; ++i) {
            vm.warp(times[i]);
            require(registry.isAllowed(given, someDetails(), someQuery()) == holds[i], "in its time alone");
        }
    }

    function test_a_grant_without_an_end_has_none() public {
        Grant memory given = someGrant();
        given.expiry = 0;
        handIn(given, ADA_KEY);
        vm.warp(type(uint40).max);
        vm.assertTrue(registry.isAllowed(given, someDetails(), someQuery()), "allowed");
    }

    function test_a_grant_names_the_epochs_that_hold() public {
        Grant memory given = someGrant();
        given.epoch = 1;
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 1, 0));
        registry.grant(given, signer(ada), signature);
        (given.epoch, given.granteeEpoch) = (0, 7);
        signature = sign(ADA_KEY, TypedData.hash(given));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 7, 0));
        registry.grant(given, signer(ada), signature);
    }

    // Revocations

    function test_what_is_revoked_is_not_allowed_and_cannot_be_granted_again() public {
        Grant memory given = someGrant();
        bytes32 id = handIn(given, ADA_KEY);
        revoke(ada, id, ADA_KEY);
        vm.assertFalse(isAllowed(), "revoked");
        assertRecorded(ada, 2, abi.encodePacked(uint8(2), id, ada));
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GrantKnown.selector, id));
        registry.grant(given, signer(ada), signature);
    }

    function test_a_grant_is_revoked_before_it_is_handed_in() public {
        Grant memory heldBack = someGrant();
        bytes memory signature = sign(ADA_KEY, TypedData.hash(heldBack));
        bytes32 id = TypedData.hash(heldBack);
        revoke(ada, id, ADA_KEY);
        (bool isGiven, bool isRevoked) = registry.grantAt(ada, id);
        vm.assertFalse(isGiven, "given");
        vm.assertTrue(isRevoked, "revoked");
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_GrantKnown.selector, id));
        registry.grant(heldBack, signer(ada), signature);
    }

    function test_revoked_again_it_stays_revoked_and_makes_no_entry() public {
        bytes32 id = handIn(someGrant(), ADA_KEY);
        revoke(ada, id, ADA_KEY);
        revoke(ada, id, ADA_KEY);
        assertRecorded(ada, 2, abi.encodePacked(uint8(2), id, ada));
    }

    function test_nobody_revokes_what_is_another_patients() public {
        bytes32 id = handIn(someGrant(), ADA_KEY);
        revoke(ben, id, BEN_KEY);
        vm.assertTrue(isAllowed(), "it is Ada's");
        bytes memory signature = sign(BEN_KEY, TypedData.revocation(ada, id));
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NotInControl.selector, ada, ben));
        registry.revoke(ada, id, signer(ben), signature);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, ada));
        registry.revoke(ada, id, signer(ada), signature);
    }

    function test_all_grants_to_a_grantee_are_revoked_and_those_that_were_held_back() public {
        Details memory another = someDetails();
        another.salt = keccak256("another salt");
        Details memory elsewhere = someDetails();
        elsewhere.grantee = "organisation/7";
        elsewhere.granteeSalt = keccak256("another grantee salt");
        handIn(someGrant(), ADA_KEY);
        handIn(grantOf(elsewhere), ADA_KEY);
        Grant memory heldBack = grantOf(another);
        bytes memory signature = sign(ADA_KEY, TypedData.hash(heldBack));
        bytes32 tag = TypedData.tag(another);

        revokeGrantee(ada, tag, 0, ADA_KEY);
        vm.assertFalse(isAllowed(), "revoked");
        assertRecorded(ada, 3, abi.encodePacked(uint8(3), tag, uint40(0), ada));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 0, 1));
        registry.grant(heldBack, signer(ada), signature);
        (bool isGiven, bool isRevoked) = registry.grantAt(ada, TypedData.hash(grantOf(elsewhere)));
        vm.assertTrue(isGiven && !isRevoked, "that to somebody else stands");
        heldBack.granteeEpoch = 1;
        handIn(heldBack, ADA_KEY);
        vm.assertTrue(registry.isAllowed(heldBack, another, someQuery()), "granted anew");
    }

    function test_all_grants_are_revoked_and_those_that_were_held_back() public {
        handIn(someGrant(), ADA_KEY);
        Details memory another = someDetails();
        another.salt = keccak256("another salt");
        Grant memory heldBack = grantOf(another);
        bytes memory signature = sign(ADA_KEY, TypedData.hash(heldBack));
        revokeAll(ada, 0, ADA_KEY);
        vm.assertFalse(isAllowed(), "revoked");
        assertRecorded(ada, 2, abi.encodePacked(uint8(4), uint40(0), ada));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 0, 1));
        registry.grant(heldBack, signer(ada), signature);
    }

    function test_a_revocation_of_all_is_not_taken_a_second_time() public {
        revokeAll(ada, 0, ADA_KEY);
        Grant memory given = someGrant();
        given.epoch = 1;
        handIn(given, ADA_KEY);
        bytes memory replayed = sign(ADA_KEY, TypedData.fullRevocation(ada, 0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_NumberInvalid.selector, 0, 1));
        registry.revokeAll(ada, 0, signer(ada), replayed);
        vm.assertTrue(registry.isAllowed(given, someDetails(), someQuery()), "what came after it stands");
    }

    function test_a_grant_that_is_held_back_or_handed_in_keeps_no_revocation_from_being_taken() public {
        bytes memory ofAll = sign(ADA_KEY, TypedData.fullRevocation(ada, 0));
        bytes memory ofGrantee = sign(ADA_KEY, TypedData.granteeRevocation(ada, TypedData.tag(someDetails()), 0));
        bytes memory ofOne = sign(ADA_KEY, TypedData.revocation(ada, TypedData.hash(someGrant())));
        handIn(someGrant(), ADA_KEY);
        registry.revoke(ada, TypedData.hash(someGrant()), signer(ada), ofOne);
        registry.revokeGrantee(ada, TypedData.tag(someDetails()), 0, signer(ada), ofGrantee);
        registry.revokeAll(ada, 0, signer(ada), ofAll);
        vm.assertFalse(isAllowed(), "revoked");
    }
}
