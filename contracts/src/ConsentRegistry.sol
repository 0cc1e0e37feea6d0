// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Registry} from "./base/Registry.sol";
import {IConsentRegistry} from "./interfaces/IConsentRegistry.sol";
import {IEventLog} from "./interfaces/IEventLog.sol";
import {ConsentTypes, Details, Grant, Guardians, Query} from "./libraries/ConsentTypes.sol";
import {Scope} from "./libraries/Scope.sol";
import {Signers} from "./libraries/Signers.sol";

/// @title The registry of consents
/// @notice See `IConsentRegistry`, which says what it promises.
// slither-disable-start timestamp : see `_now`
contract ConsentRegistry is IConsentRegistry, Registry {
    using ConsentTypes for *;
    using Scope for Details;
    using Signers for bytes;

    /// @dev One word: a grant reads it. Without a controller the patient is their own. The tenure counts the changes of the controller; nobody makes 2^16.
    struct Patient {
        address controller;
        uint40 until;
        uint40 epoch;
        uint16 tenure;
    }

    /// @dev It ends with the tenure in which it was made.
    struct Delegation {
        uint40 until;
        uint40 epoch;
        uint16 tenure;
    }

    struct Control {
        bytes32 guardians;
        address candidate;
        uint40 readyAt;
        uint40 number;
    }

    /// @dev What an entry begins with.
    uint8 private constant GRANTED = 1;
    uint8 private constant REVOKED = 2;
    uint8 private constant GRANTEE_REVOKED = 3;
    uint8 private constant ALL_REVOKED = 4;
    uint8 private constant DELEGATED = 5;
    uint8 private constant DELEGATION_ENDED = 6;
    uint8 private constant GUARDIANS_SET = 7;
    uint8 private constant RECOVERY_BEGAN = 8;
    uint8 private constant RECOVERY_REFUSED = 9;
    uint8 private constant CONTROLLER_CHANGED = 10;
    uint8 private constant WARD_OPENED = 11;

    /// @dev What a ward's id begins with before it is hashed, so that it is the id of no signer: nobody has a verifier at the address that this begins with.
    bytes32 private constant WARD_TYPE = keccak256("Ward(address controller,uint40 until,bytes32 salt)");

    /// @dev What is known of a grant.
    uint256 private constant IS_GIVEN = 1;
    uint256 private constant IS_REVOKED = 2;

    mapping(address patient => Patient) private _patients;
    mapping(address patient => mapping(bytes32 id => uint256 state)) private _grants;
    mapping(address patient => mapping(bytes32 granteeTag => uint40 epoch)) private _granteeEpochs;
    mapping(address patient => mapping(address to => Delegation)) private _delegations;
    mapping(address patient => Control) private _controls;

    /// @param log_ The log, in which it opens a namespace.
    constructor(IEventLog log_) Registry(log_, "Medconnect Consent") {}

    /// @inheritdoc IConsentRegistry
    function grant(Grant calldata given, bytes calldata signer, bytes calldata signature)
        external
        inTime(given.deadline)
        returns (bytes32 id)
    {
        address patient = given.patient;
        require(
            given.expiry == 0 || (given.notBefore < given.expiry && _now() < given.expiry),
            ConsentRegistry_PeriodInvalid(given.notBefore, given.expiry)
        );
        _requireNumber(given.epoch, _patients[patient].epoch);
        _requireNumber(given.granteeEpoch, _granteeEpochs[patient][given.granteeTag]);
        id = given.hash();
        mapping(bytes32 => uint256) storage grants = _grants[patient];
        require(grants[id] == 0, ConsentRegistry_GrantKnown(id));
        address by = _requireSpeaker(patient, id, signer, signature);
        grants[id] = IS_GIVEN;
        _record(patient, abi.encodePacked(GRANTED, id, given.granteeTag, given.notBefore, given.expiry, by));
    }

    /// @inheritdoc IConsentRegistry
    function revoke(address patient, bytes32 id, bytes calldata signer, bytes calldata signature) external {
        address by = _requireSpeaker(patient, patient.revocation(id), signer, signature);
        uint256 state = _grants[patient][id];
        if (state & IS_REVOKED == 0) {
            _grants[patient][id] = state | IS_REVOKED;
            _record(patient, abi.encodePacked(REVOKED, id, by));
        }
    }

    /// @inheritdoc IConsentRegistry
    function revokeGrantee(
        address patient,
        bytes32 granteeTag,
        uint40 epoch,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        _requireNumber(epoch, _granteeEpochs[patient][granteeTag]);
        address by = _requireSpeaker(patient, patient.granteeRevocation(granteeTag, epoch), signer, signature);
        _granteeEpochs[patient][granteeTag] = epoch + 1;
        _record(patient, abi.encodePacked(GRANTEE_REVOKED, granteeTag, epoch, by));
    }

    /// @inheritdoc IConsentRegistry
    function revokeAll(address patient, uint40 epoch, bytes calldata signer, bytes calldata signature) external {
        _requireNumber(epoch, _patients[patient].epoch);
        address by = _requireSpeaker(patient, patient.fullRevocation(epoch), signer, signature);
        _patients[patient].epoch = epoch + 1;
        _record(patient, abi.encodePacked(ALL_REVOKED, epoch, by));
    }

    /// @inheritdoc IConsentRegistry
    function delegate(
        address patient,
        address to,
        uint40 until,
        uint40 epoch,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external inTime(deadline) {
        (uint40 known, uint40 current) = delegationTo(patient, to);
        _requireNumber(epoch, current);
        require(until > known, ConsentRegistry_PeriodInvalid(known, until));
        _requireController(patient, patient.delegation(to, until, epoch, deadline), signer, signature);
        Delegation storage made = _delegations[patient][to];
        (made.until, made.tenure) = (until, _patients[patient].tenure);
        _record(patient, abi.encodePacked(DELEGATED, to, until));
    }

    /// @inheritdoc IConsentRegistry
    function endDelegation(address patient, address to, uint40 epoch, bytes calldata signer, bytes calldata signature)
        external
    {
        (, uint40 current) = delegationTo(patient, to);
        _requireNumber(epoch, current);
        _requireController(patient, patient.delegationEnd(to, epoch), signer, signature);
        Delegation storage ended = _delegations[patient][to];
        (ended.until, ended.epoch) = (0, ended.epoch + 1);
        _record(patient, abi.encodePacked(DELEGATION_ENDED, to));
    }

    /// @inheritdoc IConsentRegistry
    function setGuardians(
        address patient,
        bytes32 guardians,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external inTime(deadline) {
        Control storage control = _turn(patient, number);
        _requireController(patient, patient.guardians(guardians, number, deadline), signer, signature);
        (control.guardians, control.candidate, control.readyAt) = (guardians, address(0), 0);
        _record(patient, abi.encodePacked(GUARDIANS_SET, guardians));
    }

    /// @inheritdoc IConsentRegistry
    function changeController(
        address patient,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature,
        bytes calldata successor,
        bytes calldata acceptance
    ) external inTime(deadline) {
        _turn(patient, number);
        bytes32 message = patient.controller(successor.id(), number, deadline);
        _requireController(patient, message, signer, signature);
        _requireSigned(message, successor, acceptance);
        _change(patient, successor.id());
    }

    /// @inheritdoc IConsentRegistry
    function beginRecovery(
        address patient,
        address to,
        uint40 number,
        uint40 deadline,
        Guardians calldata guardians,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) external inTime(deadline) {
        Control storage control = _turn(patient, number);
        _requireOpen(patient);
        require(
            to != address(0)
                && keccak256(abi.encode(guardians.ids, guardians.threshold, guardians.delay)) == control.guardians,
            ConsentRegistry_GuardiansInvalid(patient)
        );
        _requireGuardians(patient, patient.recovery(to, number, deadline), guardians, signers, signatures);
        (control.candidate, control.readyAt) = (to, _now() + guardians.delay);
        _record(patient, abi.encodePacked(RECOVERY_BEGAN, to, control.readyAt));
    }

    /// @inheritdoc IConsentRegistry
    function refuseRecovery(address patient, uint40 number, bytes calldata signer, bytes calldata signature) external {
        Control storage control = _turn(patient, number);
        require(control.candidate != address(0), ConsentRegistry_NothingToRecover(patient));
        _requireController(patient, patient.recoveryRefusal(number), signer, signature);
        (control.candidate, control.readyAt) = (address(0), 0);
        _record(patient, abi.encodePacked(RECOVERY_REFUSED));
    }

    /// @inheritdoc IConsentRegistry
    function completeRecovery(address patient) external {
        Control storage control = _controls[patient];
        address candidate = control.candidate;
        require(candidate != address(0), ConsentRegistry_NothingToRecover(patient));
        require(_now() >= control.readyAt, ConsentRegistry_NotYetReady(control.readyAt));
        _requireOpen(patient);
        ++control.number;
        _change(patient, candidate);
    }

    /// @inheritdoc IConsentRegistry
    function openWard(address controller, uint40 until, bytes32 salt) external returns (address ward) {
        ward = address(uint160(uint256(keccak256(abi.encode(WARD_TYPE, controller, until, salt)))));
        Patient storage opened = _patients[ward];
        require(
            controller != address(0) && opened.controller == address(0) && until > _now(),
            ConsentRegistry_WardInvalid(ward)
        );
        (opened.controller, opened.until) = (controller, until);
        _record(ward, abi.encodePacked(WARD_OPENED, controller, until));
    }

    /// @inheritdoc IConsentRegistry
    function isAllowed(Grant calldata given, Details calldata details, Query calldata query)
        external
        view
        returns (bool)
    {
        address patient = given.patient;
        return _grants[patient][given.hash()] == IS_GIVEN && given.details == details.hash()
            && given.granteeTag == details.tag() && given.epoch == _patients[patient].epoch
            && given.granteeEpoch == _granteeEpochs[patient][given.granteeTag] && given.notBefore <= _now()
            && (given.expiry == 0 || _now() < given.expiry) && !_hasEnded(_patients[patient].until)
            && details.covers(query);
    }

    /// @inheritdoc IConsentRegistry
    function grantAt(address patient, bytes32 id) external view returns (bool isGiven, bool isRevoked) {
        uint256 state = _grants[patient][id];
        return (state & IS_GIVEN != 0, state & IS_REVOKED != 0);
    }

    /// @inheritdoc IConsentRegistry
    function patientAt(address patient) external view returns (address controller, uint40 until, uint40 epoch) {
        (controller, until) = _controlOver(patient);
        epoch = _patients[patient].epoch;
    }

    /// @inheritdoc IConsentRegistry
    function granteeEpoch(address patient, bytes32 granteeTag) external view returns (uint40 epoch) {
        return _granteeEpochs[patient][granteeTag];
    }

    /// @inheritdoc IConsentRegistry
    /// @dev The number goes up with the delegate's own and with each change of the controller, so that no message can be taken after either.
    function delegationTo(address patient, address to) public view returns (uint40 until, uint40 epoch) {
        Delegation storage known = _delegations[patient][to];
        uint16 tenure = _patients[patient].tenure;
        return (known.tenure == tenure ? known.until : 0, known.epoch + tenure);
    }

    /// @inheritdoc IConsentRegistry
    function controlOf(address patient)
        external
        view
        returns (bytes32 guardians, uint40 number, address candidate, uint40 readyAt)
    {
        Control storage control = _controls[patient];
        return (control.guardians, control.number, control.candidate, control.readyAt);
    }

    /// @dev Who controls a patient, and until when: a ward ends.
    function _controlOver(address patient) private view returns (address controller, uint40 until) {
        Patient memory known = _patients[patient];
        return (known.controller == address(0) ? patient : known.controller, known.until);
    }

    function _isDelegate(address patient, address by) private view returns (bool) {
        (uint40 until,) = delegationTo(patient, by);
        return _now() < until;
    }

    /// @dev Of a ward, whether its time is over. Nobody speaks for it then, and nothing is allowed.
    function _hasEnded(uint40 until) private view returns (bool) {
        return until != 0 && _now() >= until;
    }

    /// @dev Nobody speaks for a ward whose time is over, its guardians included.
    function _requireOpen(address patient) private view {
        require(!_hasEnded(_patients[patient].until), ConsentRegistry_WardInvalid(patient));
    }

    function _requireController(address patient, bytes32 message, bytes calldata signer, bytes calldata signature)
        private
        view
    {
        address by = signer.id();
        (address controller, uint40 until) = _controlOver(patient);
        require(by == controller && !_hasEnded(until), ConsentRegistry_NotInControl(patient, by));
        _requireSigned(message, signer, signature);
    }

    /// @dev The controller or a delegate.
    function _requireSpeaker(address patient, bytes32 message, bytes calldata signer, bytes calldata signature)
        private
        view
        returns (address by)
    {
        by = signer.id();
        (address controller, uint40 until) = _controlOver(patient);
        require(
            (by == controller || _isDelegate(patient, by)) && !_hasEnded(until),
            ConsentRegistry_NotInControl(patient, by)
        );
        _requireSigned(message, signer, signature);
    }

    /// @dev As many as it takes, each one of the guardians, and nobody twice.
    function _requireGuardians(
        address patient,
        bytes32 message,
        Guardians calldata guardians,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) private view {
        require(
            signers.length != 0 && signers.length >= guardians.threshold && signers.length == signatures.length,
            ConsentRegistry_GuardiansInvalid(patient)
        );
        uint256 next = 0;
        for (uint256 index = 0; index < signers.length; ++index) {
            address by = signers[index].id();
            while (next < guardians.ids.length && guardians.ids[next] < by) {
                ++next;
            }
            require(next < guardians.ids.length && guardians.ids[next] == by, ConsentRegistry_GuardiansInvalid(patient));
            require(index == 0 || by > signers[index - 1].id(), ConsentRegistry_GuardiansInvalid(patient));
            ++next;
            _requireSigned(message, signers[index], signatures[index]);
        }
    }

    /// @dev The number of the control goes up.
    function _turn(address patient, uint40 number) private returns (Control storage control) {
        control = _controls[patient];
        _requireNumber(number, control.number);
        control.number = number + 1;
    }

    /// @dev Whom a controller has delegated to, and their guardians, end with them: the new one has not chosen them.
    function _change(address patient, address controller) private {
        Control storage control = _controls[patient];
        (control.guardians, control.candidate, control.readyAt) = (0, address(0), 0);
        Patient storage changed = _patients[patient];
        (changed.controller, changed.tenure) = (controller, changed.tenure + 1);
        _record(patient, abi.encodePacked(CONTROLLER_CHANGED, controller));
    }

    /// @dev On the patient's stream.
    function _record(address patient, bytes memory payload) private {
        _record(uint160(patient), payload);
    }
}
// slither-disable-end timestamp
