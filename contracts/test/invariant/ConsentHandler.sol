// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {Details, Grant, Guardians, Query} from "../../src/libraries/ConsentTypes.sol";
import {ConsentCopy} from "../utils/ConsentCopy.sol";
import {TypedData} from "../utils/TypedData.sol";
import {Vm, vm} from "../utils/Vm.sol";

/// @title Everything that is done to the registry while invariants are watched
/// @dev Four people act for four patients: themselves, and the wards that are opened. Whoever acts signs with their own key; whether that should
/// count, the copy says, which knows nothing but the entries. Signatures by a wrong key, or over something else, are tried as well.
contract ConsentHandler {
    /// @dev How often each thing happened.
    struct Tally {
        uint256 granted;
        uint256 revoked;
        uint256 delegated;
        uint256 changed;
        uint256 recovered;
        uint256 refused;
        uint256 allowed;
        uint256 notAllowed;
    }

    uint256 private constant PEOPLE = 4;
    uint40 private constant DELAY = 100;
    bytes32 private constant WARD_TYPE = keccak256("Ward(address controller,uint40 until,bytes32 salt)");

    ConsentRegistry private immutable REGISTRY;
    ConsentCopy public immutable COPY;

    address[] private patients;
    Grant[] private grants;
    Tally public tally;

    constructor(ConsentRegistry registry) {
        REGISTRY = registry;
        COPY = new ConsentCopy();
        for (uint256 person = 0; person < PEOPLE; ++person) {
            patients.push(vm.addr(keyOf(person)));
        }
    }

    function keyOf(uint256 person) private pure returns (uint256) {
        return 0xA11CE + person % PEOPLE;
    }

    function personAt(uint256 person) public pure returns (address) {
        return vm.addr(keyOf(person));
    }

    function patientCount() external view returns (uint256) {
        return patients.length;
    }

    function patientAt(uint256 which) public view returns (address) {
        return patients[which % patients.length];
    }

    function grantCount() external view returns (uint256) {
        return grants.length;
    }

    function grantAt(uint256 which) external view returns (Grant memory) {
        return grants[which];
    }

    function details(uint256 which) public pure returns (Details memory) {
        string[] memory categories = new string[](1);
        categories[0] = "record";
        bool isDoctor = which % 2 == 0;
        return Details({
            name: "somebody",
            grantee: isDoctor ? "practitioner/1" : "organisation/1",
            categories: categories,
            documents: new string[](0),
            from: 0,
            until: 0,
            purpose: "treatment",
            mayWrite: false,
            granteeSalt: isDoctor ? bytes32(uint256(1)) : bytes32(uint256(2)),
            salt: bytes32(which % 64)
        });
    }

    // What is done

    function grant(uint256 person, uint256 which, uint256 what, bool isRight) external {
        address patient = patientAt(which);
        person = actor(person, patient);
        Details memory given = details(what);
        (,, uint40 epoch) = REGISTRY.patientAt(patient);
        Grant memory made = Grant({
            patient: patient,
            details: TypedData.hash(given),
            granteeTag: TypedData.tag(given),
            notBefore: uint40(block.timestamp + what % 3),
            expiry: what % 4 == 0 ? 0 : uint40(block.timestamp + what % 5),
            epoch: what % 7 == 0 ? epoch + 1 : epoch,
            granteeEpoch: REGISTRY.granteeEpoch(patient, TypedData.tag(given)),
            deadline: uint40(block.timestamp + 1 - what % 9 / 8 * 2)
        });
        grants.push(made);
        bytes32 message = TypedData.hash(made);
        bytes memory call = abi.encodeCall(REGISTRY.grant, (made, signer(person), sign(person, message, isRight)));
        bool mayBe = COPY.speaks(patient, personAt(person)) && isRight;
        if (act(patient, call, mayBe)) ++tally.granted;
    }

    function revoke(uint256 person, uint256 which, bool isRight) external {
        if (grants.length == 0) return;
        Grant memory given = grants[which % grants.length];
        person = actor(person, given.patient);
        bytes32 id = TypedData.hash(given);
        bytes32 message = TypedData.revocation(given.patient, id);
        bytes memory call =
            abi.encodeCall(REGISTRY.revoke, (given.patient, id, signer(person), sign(person, message, isRight)));
        bool mayBe = COPY.speaks(given.patient, personAt(person)) && isRight;
        bool isDone = act(given.patient, call, mayBe);
        vm.assertTrue(isDone == mayBe, "4: whoever speaks for the patient can always revoke");
        if (isDone) ++tally.revoked;
    }

    function revokeGrantee(uint256 person, uint256 which, uint256 what, bool isRight) external {
        address patient = patientAt(which);
        person = actor(person, patient);
        bytes32 tag = TypedData.tag(details(what));
        uint40 epoch = REGISTRY.granteeEpoch(patient, tag);
        bytes memory signature = sign(person, TypedData.granteeRevocation(patient, tag, epoch), isRight);
        bytes memory call = abi.encodeCall(REGISTRY.revokeGrantee, (patient, tag, epoch, signer(person), signature));
        bool mayBe = COPY.speaks(patient, personAt(person)) && isRight;
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: whoever speaks for the patient can always revoke");
    }

    function revokeAll(uint256 person, uint256 which, bool isRight) external {
        address patient = patientAt(which);
        person = actor(person, patient);
        (,, uint40 epoch) = REGISTRY.patientAt(patient);
        bytes memory signature = sign(person, TypedData.fullRevocation(patient, epoch), isRight);
        bytes memory call = abi.encodeCall(REGISTRY.revokeAll, (patient, epoch, signer(person), signature));
        bool mayBe = COPY.speaks(patient, personAt(person)) && isRight;
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: whoever speaks for the patient can always revoke");
    }

    function delegate(uint256 person, uint256 which, uint256 to, uint256 period, bool isRight) external {
        (address patient, address other) = (patientAt(which), personAt(to));
        person = actor(person, patient);
        (, uint40 epoch) = REGISTRY.delegationTo(patient, other);
        (uint40 until, uint40 deadline) = (uint40(block.timestamp + period % 300), uint40(block.timestamp));
        bytes32 message = TypedData.delegation(patient, other, until, epoch, deadline);
        bytes memory call = abi.encodeCall(
            REGISTRY.delegate, (patient, other, until, epoch, deadline, signer(person), sign(person, message, isRight))
        );
        if (act(patient, call, controls(patient, person) && isRight)) ++tally.delegated;
    }

    function endDelegation(uint256 person, uint256 which, uint256 to, bool isRight) external {
        (address patient, address other) = (patientAt(which), personAt(to));
        person = actor(person, patient);
        (, uint40 epoch) = REGISTRY.delegationTo(patient, other);
        bytes memory signature = sign(person, TypedData.delegationEnd(patient, other, epoch), isRight);
        bytes memory call = abi.encodeCall(REGISTRY.endDelegation, (patient, other, epoch, signer(person), signature));
        bool mayBe = controls(patient, person) && isRight;
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: the controller can always end a delegation");
    }

    function changeController(uint256 person, uint256 which, uint256 to, bool isRight, bool isAccepted) external {
        address patient = patientAt(which);
        person = actor(person, patient);
        (, uint40 number,,) = REGISTRY.controlOf(patient);
        uint40 deadline = uint40(block.timestamp);
        bytes32 message = TypedData.controller(patient, personAt(to), number, deadline);
        bytes memory call = abi.encodeCall(
            REGISTRY.changeController,
            (
                patient,
                number,
                deadline,
                signer(person),
                sign(person, message, isRight),
                signer(to),
                sign(to, message, isAccepted)
            )
        );
        bool mayBe = controls(patient, person) && isRight && isAccepted;
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: the controller can always give way to another");
        if (mayBe) ++tally.changed;
    }

    function setGuardians(uint256 person, uint256 which, uint256 threshold, bool isRight) external {
        address patient = patientAt(which);
        person = actor(person, patient);
        (, uint40 number,,) = REGISTRY.controlOf(patient);
        bytes32 hash = hashOf(guardians(threshold));
        uint40 deadline = uint40(block.timestamp);
        bytes32 message = TypedData.guardians(patient, hash, number, deadline);
        bytes memory call = abi.encodeCall(
            REGISTRY.setGuardians, (patient, hash, number, deadline, signer(person), sign(person, message, isRight))
        );
        bool mayBe = controls(patient, person) && isRight;
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: the controller can always set guardians");
    }

    function beginRecovery(uint256 which, uint256 to, uint256 threshold, uint256 count, bool isRight) external {
        address patient = patientAt(which);
        (bytes32 set, uint40 number,,) = REGISTRY.controlOf(patient);
        uint40 deadline = uint40(block.timestamp);
        bytes32 message = TypedData.recovery(patient, personAt(to), number, deadline);
        Guardians memory those = guardians(threshold);
        count = count % (those.ids.length + 1);
        (bytes[] memory signers, bytes[] memory signatures) = (new bytes[](count), new bytes[](count));
        for (uint256 i = 0; i < count; ++i) {
            uint256 person = personOf(those.ids[i]);
            (signers[i], signatures[i]) = (signer(person), sign(person, message, isRight));
        }
        bytes memory call = abi.encodeCall(
            REGISTRY.beginRecovery, (patient, personAt(to), number, deadline, those, signers, signatures)
        );
        bool mayBe =
            set == hashOf(those) && count != 0 && count >= those.threshold && isRight && !COPY.hasEnded(patient);
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: enough guardians can always begin a recovery");
        if (mayBe) ++tally.recovered;
    }

    function refuseRecovery(uint256 person, uint256 which, bool isRight) external {
        address patient = patientAt(which);
        person = actor(person, patient);
        (, uint40 number, address candidate,) = REGISTRY.controlOf(patient);
        bytes memory signature = sign(person, TypedData.recoveryRefusal(patient, number), isRight);
        bytes memory call = abi.encodeCall(REGISTRY.refuseRecovery, (patient, number, signer(person), signature));
        bool mayBe = controls(patient, person) && isRight && candidate != address(0);
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: the controller can always refuse a recovery");
    }

    function completeRecovery(uint256 which) external {
        address patient = patientAt(which);
        (,, address candidate, uint40 readyAt) = REGISTRY.controlOf(patient);
        bool mayBe = candidate != address(0) && block.timestamp >= readyAt && !COPY.hasEnded(patient);
        bytes memory call = abi.encodeCall(REGISTRY.completeRecovery, (patient));
        vm.assertTrue(act(patient, call, mayBe) == mayBe, "4: a recovery that is ready can always be completed");
    }

    function openWard(uint256 person, uint256 period) external {
        uint40 until = uint40(block.timestamp + period % 500);
        bytes32 salt = bytes32(period % 3);
        address ward = address(uint160(uint256(keccak256(abi.encode(WARD_TYPE, personAt(person), until, salt)))));
        (, uint40 known,) = REGISTRY.patientAt(ward);
        bool mayBe = known == 0 && until > block.timestamp;
        bool isOpen = act(ward, abi.encodeCall(REGISTRY.openWard, (personAt(person), until, salt)), mayBe);
        vm.assertTrue(isOpen == mayBe, "4: a ward can always be opened");
        if (isOpen) patients.push(ward);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + time % 50);
    }

    /// @dev Whether a grant allows what it is for.
    function ask(uint256 which, uint256 what) external {
        if (grants.length == 0) return;
        Grant memory given = grants[which % grants.length];
        Details memory those = details(what);
        Query memory query = Query(those.grantee, "summary", "", 0, those.purpose, false);
        bool isAllowed = REGISTRY.isAllowed(given, those, query);
        bool expected = COPY.holds(given.patient, TypedData.hash(given)) && given.details == TypedData.hash(those);
        vm.assertTrue(isAllowed == expected, "3: what is allowed is what the copy allows");
        if (isAllowed) ++tally.allowed;
        else ++tally.notAllowed;
    }

    // How it is done

    /// @dev Half of the time whoever is in control, so that enough is taken; otherwise anybody.
    function actor(uint256 person, address patient) private view returns (uint256) {
        return person / PEOPLE % 2 == 0 ? personOf(COPY.controllerOf(patient)) : person;
    }

    /// @dev Whether somebody is in control of a patient now.
    function controls(address patient, uint256 person) private view returns (bool) {
        return COPY.controllerOf(patient) == personAt(person) && COPY.speaks(patient, personAt(person));
    }

    /// @dev Hands something in, and follows what it records. It is taken only if it may be; what is not taken records nothing.
    function act(address patient, bytes memory call, bool mayBe) private returns (bool isDone) {
        vm.recordLogs();
        (isDone,) = address(REGISTRY).call(call);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertTrue(mayBe || !isDone, "1: nothing changes that nobody signed who may");
        if (!isDone) ++tally.refused;
        vm.assertTrue(isDone || logs.length == 0, "2: what is refused records nothing");
        for (uint256 i = 0; i < logs.length; ++i) {
            vm.assertEq(logs[i].emitter, address(REGISTRY.log()), "2: entries are the log's");
            bytes32 stream = bytes32(abi.encodePacked(REGISTRY.namespace(), uint64(0), patient));
            vm.assertEq(logs[i].topics[1], stream, "2: an entry stands on the patient's stream");
            (, bytes memory payload) = abi.decode(logs[i].data, (uint256, bytes));
            COPY.apply_(patient, payload);
        }
    }

    function signer(uint256 person) private pure returns (bytes memory) {
        return abi.encodePacked(personAt(person));
    }

    /// @dev Wrong: by somebody else, or over something else.
    function sign(uint256 person, bytes32 message, bool isRight) private view returns (bytes memory) {
        if (!isRight) (person, message) = person % 2 == 0 ? (person + 1, message) : (person, keccak256("else"));
        bytes32 digest = TypedData.digest(block.chainid, address(REGISTRY), message);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf(person), digest);
        return abi.encodePacked(r, s, v);
    }

    function guardians(uint256 threshold) private pure returns (Guardians memory) {
        (address one, address other) = (personAt(2), personAt(3));
        address[] memory ids = new address[](2);
        (ids[0], ids[1]) = one < other ? (one, other) : (other, one);
        return Guardians({ids: ids, threshold: 1 + threshold % 2, delay: DELAY});
    }

    function hashOf(Guardians memory those) private pure returns (bytes32) {
        return keccak256(abi.encode(those.ids, those.threshold, those.delay));
    }

    function personOf(address id) private pure returns (uint256 person) {
        while (personAt(person) != id) ++person;
    }
}
