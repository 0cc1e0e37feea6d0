// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {Details, Grant, Query} from "../../src/libraries/ConsentTypes.sol";
import {Artifact} from "./Artifact.sol";
import {TypedData} from "./TypedData.sol";
import {Vm, vm} from "./Vm.sol";

/// @title What the tests of consent share: a registry, people with keys, a grant that any test can change, and short ways to sign and to hand in
abstract contract ConsentTest {
    uint256 internal constant ADA_KEY = 0xADA;
    uint256 internal constant BEN_KEY = 0xBE2;
    uint256 internal constant CLEO_KEY = 0xC1E0;

    uint40 internal constant NOW = 1_800_000_000;
    uint40 internal constant TOMORROW = NOW + 1 days;
    uint40 internal constant NEXT_YEAR = NOW + 365 days;

    IEventLog internal log;
    ConsentRegistry internal registry;

    address internal ada;
    address internal ben;
    address internal cleo;

    function setUp() public virtual {
        vm.warp(NOW);
        log = Artifact.deployEventLog();
        registry = new ConsentRegistry(log);
        (ada, ben, cleo) = (vm.addr(ADA_KEY), vm.addr(BEN_KEY), vm.addr(CLEO_KEY));
    }

    // What is granted

    function list() internal pure returns (string[] memory) {
        return new string[](0);
    }

    function list(string memory one) internal pure returns (string[] memory made) {
        made = new string[](1);
        made[0] = one;
    }

    function list(string memory one, string memory other) internal pure returns (string[] memory made) {
        made = new string[](2);
        (made[0], made[1]) = (one, other);
    }

    /// @dev To a doctor, for treatment, of the summary and the results.
    function someDetails() internal pure returns (Details memory) {
        return Details({
            name: "Dr. Grace Hopper",
            grantee: "practitioner/6b1e0c4e-1a4f-4e6e-9a35-0d5a5f9c1d11",
            categories: list("summary", "results"),
            documents: list(),
            from: 0,
            until: 0,
            purpose: "treatment",
            mayWrite: false,
            granteeSalt: keccak256("grantee salt"),
            salt: keccak256("salt")
        });
    }

    /// @dev Ada's, for a year, to be handed in until tomorrow.
    function grantOf(Details memory details) internal view returns (Grant memory) {
        return Grant({
            patient: ada,
            details: TypedData.hash(details),
            granteeTag: TypedData.tag(details),
            notBefore: NOW,
            expiry: NEXT_YEAR,
            epoch: 0,
            granteeEpoch: 0,
            deadline: TOMORROW
        });
    }

    function someGrant() internal view returns (Grant memory) {
        return grantOf(someDetails());
    }

    /// @dev Within the grant above.
    function someQuery() internal pure returns (Query memory) {
        return Query({
            grantee: "practitioner/6b1e0c4e-1a4f-4e6e-9a35-0d5a5f9c1d11",
            category: "summary",
            document: "",
            time: 0,
            purpose: "treatment",
            writes: false
        });
    }

    function isAllowed() internal view returns (bool) {
        return registry.isAllowed(someGrant(), someDetails(), someQuery());
    }

    // Signing

    function signer(address account) internal pure returns (bytes memory) {
        return abi.encodePacked(account);
    }

    function digest(bytes32 message) internal view returns (bytes32) {
        return TypedData.digest(block.chainid, address(registry), message);
    }

    function sign(uint256 key, bytes32 message) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest(message));
        return abi.encodePacked(r, s, v);
    }

    // Handing in. A stranger does, as anybody may.

    function handIn(Grant memory given, uint256 key) internal returns (bytes32) {
        return registry.grant(given, signer(vm.addr(key)), sign(key, TypedData.hash(given)));
    }

    function revoke(address patient, bytes32 id, uint256 key) internal {
        registry.revoke(patient, id, signer(vm.addr(key)), sign(key, TypedData.revocation(patient, id)));
    }

    function revokeGrantee(address patient, bytes32 tag, uint40 epoch, uint256 key) internal {
        bytes memory signature = sign(key, TypedData.granteeRevocation(patient, tag, epoch));
        registry.revokeGrantee(patient, tag, epoch, signer(vm.addr(key)), signature);
    }

    function revokeAll(address patient, uint40 epoch, uint256 key) internal {
        registry.revokeAll(patient, epoch, signer(vm.addr(key)), sign(key, TypedData.fullRevocation(patient, epoch)));
    }

    function delegate(address patient, address to, uint40 until, uint40 epoch, uint256 key) internal {
        bytes memory signature = sign(key, TypedData.delegation(patient, to, until, epoch, TOMORROW));
        registry.delegate(patient, to, until, epoch, TOMORROW, signer(vm.addr(key)), signature);
    }

    function endDelegation(address patient, address to, uint40 epoch, uint256 key) internal {
        bytes memory signature = sign(key, TypedData.delegationEnd(patient, to, epoch));
        registry.endDelegation(patient, to, epoch, signer(vm.addr(key)), signature);
    }

    // What was recorded

    function streamOf(address patient) internal view returns (bytes32) {
        return bytes32(abi.encodePacked(registry.namespace(), uint64(0), patient));
    }

    /// @dev The last entry of the patient's is this one, and there are so many.
    function assertRecorded(address patient, uint64 count, bytes memory payload) internal view {
        (uint64 version, bytes8 tag) = log.headOf(streamOf(patient));
        vm.assertEq(version, count, "entries");
        vm.assertEq(bytes32(tag), bytes32(bytes8(keccak256(payload))), "last entry");
    }

    function assertNothingRecorded(address patient) internal view {
        (uint64 version,) = log.headOf(streamOf(patient));
        vm.assertEq(version, 0, "entries");
    }
}
