// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IConsentRegistry} from "../src/interfaces/IConsentRegistry.sol";
import {IRegistry} from "../src/interfaces/IRegistry.sol";
import {Grant} from "../src/libraries/ConsentTypes.sol";
import {Wallet} from "./contracts/Wallet.sol";
import {ConsentTest} from "./utils/ConsentTest.sol";
import {TypedData} from "./utils/TypedData.sol";
import {vm} from "./utils/Vm.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {
    ERC7913WebAuthnVerifier
} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";

/// @title Who can sign: wallets that are contracts, accounts with code, passkeys
contract ConsentRegistrySignersTest is ConsentTest {
    uint256 private constant PASSKEY = 0xFACE;
    uint256 private constant P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551;

    ERC7913WebAuthnVerifier private verifier;

    function setUp() public override {
        super.setUp();
        verifier = new ERC7913WebAuthnVerifier();
    }

    function refused(Grant memory given, bytes memory by, bytes memory signature, address id) private {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.Registry_SignatureInvalid.selector, id));
        registry.grant(given, by, signature);
    }

    // Contracts

    function test_a_wallet_that_is_a_contract_signs() public {
        Wallet wallet = new Wallet(ada);
        Grant memory given = someGrant();
        given.patient = address(wallet);
        registry.grant(given, signer(address(wallet)), sign(ADA_KEY, TypedData.hash(given)));
        vm.assertTrue(registry.isAllowed(given, someDetails(), someQuery()), "allowed");
    }

    function test_a_wallet_that_approves_digests_signs_with_an_empty_signature() public {
        Wallet wallet = new Wallet(ada);
        Grant memory given = someGrant();
        given.patient = address(wallet);
        refused(given, signer(address(wallet)), "", address(wallet));
        bytes32 approved = digest(TypedData.hash(given));
        vm.prank(ada);
        wallet.approve(approved);
        registry.grant(given, signer(address(wallet)), "");
    }

    function test_what_is_signed_for_one_wallet_is_not_signed_for_another_of_the_same_owner() public {
        Wallet one = new Wallet(ada);
        Wallet other = new Wallet(ada);
        Grant memory given = someGrant();
        given.patient = address(one);
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        given.patient = address(other);
        refused(given, signer(address(other)), signature, address(other));
        given.patient = address(one);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NotInControl.selector, address(one), address(other))
        );
        registry.grant(given, signer(address(other)), signature);
    }

    function test_a_contract_that_answers_anything_else_has_not_signed() public {
        Grant memory given = someGrant();
        // An account without code, a contract without the function, and this one, which answers nothing.
        address[3] memory nobody = [address(0x1234), address(log), address(this)];
        for (uint256 i = 0; i < nobody.length; ++i) {
            given.patient = nobody[i];
            refused(given, signer(nobody[i]), sign(ADA_KEY, TypedData.hash(given)), nobody[i]);
        }
    }

    function test_a_precompile_verifies_nothing() public {
        Grant memory given = someGrant();
        // What the precompile of the identity answers begins with what stands for yes.
        for (uint160 precompile = 1; precompile < 10; ++precompile) {
            bytes memory mine = abi.encodePacked(address(precompile), "a key");
            given.patient = address(uint160(uint256(keccak256(mine))));
            refused(given, mine, hex"00", given.patient);
        }
    }

    // Accounts with code (EIP-7702)

    function test_an_account_with_code_signs_with_its_own_key_whatever_its_code_says() public {
        vm.etch(ada, abi.encodePacked(hex"ef0100", address(log)));
        handIn(someGrant(), ADA_KEY);
        vm.assertTrue(isAllowed(), "allowed");
    }

    function test_an_account_with_code_signs_as_its_code_says() public {
        Wallet code = new Wallet(ben);
        vm.etch(ada, abi.encodePacked(hex"ef0100", address(code)));
        Grant memory given = someGrant();
        registry.grant(given, signer(ada), sign(BEN_KEY, TypedData.hash(given)));
        vm.assertTrue(isAllowed(), "allowed");
    }

    // Passkeys

    function passkey() private view returns (bytes memory) {
        (uint256 x, uint256 y) = vm.publicKeyP256(PASSKEY);
        return abi.encodePacked(address(verifier), x, y);
    }

    function idOf(bytes memory by) private pure returns (address) {
        return address(uint160(uint256(keccak256(by))));
    }

    /// @dev As an authenticator signs; its flags say that somebody was there and was verified.
    function assertion(uint256 key, bytes32 message, bytes1 flags) private view returns (bytes memory) {
        bytes memory authenticator = abi.encodePacked(sha256("clinic.example"), flags, uint32(1));
        string memory client = string.concat(
            '{"type":"webauthn.get","challenge":"',
            Base64.encodeURL(abi.encodePacked(digest(message))),
            '","origin":"https://clinic.example","crossOrigin":false}'
        );
        (bytes32 r, bytes32 s) = vm.signP256(key, sha256(abi.encodePacked(authenticator, sha256(bytes(client)))));
        if (uint256(s) > P256_ORDER / 2) s = bytes32(P256_ORDER - uint256(s));
        return abi.encode(r, s, uint256(23), uint256(1), authenticator, client);
    }

    function grantOfPasskey() private view returns (Grant memory given) {
        given = someGrant();
        given.patient = idOf(passkey());
    }

    function test_a_passkey_signs() public {
        Grant memory given = grantOfPasskey();
        registry.grant(given, passkey(), assertion(PASSKEY, TypedData.hash(given), 0x05));
        vm.assertTrue(registry.isAllowed(given, someDetails(), someQuery()), "allowed");
    }

    function test_a_passkey_of_somebody_who_was_not_verified_does_not_sign() public {
        Grant memory given = grantOfPasskey();
        bytes1[3] memory flags = [bytes1(0x00), 0x01, 0x04];
        for (uint256 i = 0; i < flags.length; ++i) {
            refused(given, passkey(), assertion(PASSKEY, TypedData.hash(given), flags[i]), given.patient);
        }
    }

    function test_another_passkey_or_message_is_not_signed() public {
        Grant memory given = grantOfPasskey();
        refused(given, passkey(), assertion(PASSKEY + 1, TypedData.hash(given), 0x05), given.patient);
        refused(given, passkey(), assertion(PASSKEY, keccak256("another message"), 0x05), given.patient);
        refused(given, passkey(), "", given.patient);
        refused(given, passkey(), new bytes(192), given.patient);
    }

    function test_a_passkey_under_another_verifier_is_another_patient() public {
        Grant memory given = grantOfPasskey();
        (uint256 x, uint256 y) = vm.publicKeyP256(PASSKEY);
        // The precompile that gives back what it is given: it seems to verify anything.
        bytes memory other = abi.encodePacked(address(4), x, y);
        bytes memory signature = assertion(PASSKEY, TypedData.hash(given), 0x05);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.ConsentRegistry_NotInControl.selector, given.patient, idOf(other))
        );
        registry.grant(given, other, signature);
    }

    function testFuzz_each_byte_of_an_assertion_counts(uint256 at, uint8 bit) public {
        Grant memory given = grantOfPasskey();
        bytes memory signature = assertion(PASSKEY, TypedData.hash(given), 0x05);
        at = at % signature.length;
        bytes memory changed = bytes.concat(signature);
        changed[at] ^= bytes1(uint8(1 << (bit % 8)));
        try registry.grant(given, passkey(), changed) {
            // The words of padding say nothing, and are the only ones that may be changed.
            vm.assertTrue(isPadding(signature, at), "a byte that counts was changed");
        } catch {}
    }

    /// @dev Behind the authenticator's 37 bytes and the client's text.
    function isPadding(bytes memory signature, uint256 at) private pure returns (bool) {
        uint256 client = uint256(word(signature, 0xa0));
        uint256 clientEnd = client + 0x20 + uint256(word(signature, client));
        return (at >= 0xe0 + 37 && at < client) || at >= clientEnd;
    }

    function word(bytes memory data, uint256 at) private pure returns (bytes32 read) {
        assembly ("memory-safe") {
            read := mload(add(add(data, 0x20), at))
        }
    }

    // What is no signer

    function test_fewer_bytes_than_an_address_are_nobody() public {
        Grant memory given = someGrant();
        given.patient = address(0);
        bytes memory signature = sign(ADA_KEY, TypedData.hash(given));
        refused(given, "", signature, address(0));
        refused(given, new bytes(19), signature, address(0));
        refused(given, new bytes(20), signature, address(0));
    }
}
