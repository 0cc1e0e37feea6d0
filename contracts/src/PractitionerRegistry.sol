// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Registry} from "./base/Registry.sol";
import {IEventLog} from "./interfaces/IEventLog.sol";
import {IPractitionerRegistry} from "./interfaces/IPractitionerRegistry.sol";
import {Signers} from "./libraries/Signers.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @title The registry of practitioners
/// @notice See `IPractitionerRegistry`, which says what it promises.
contract PractitionerRegistry is IPractitionerRegistry, Registry, Ownable2Step {
    using Signers for bytes;

    struct Practitioner {
        Standing standing;
        uint40 number;
        uint40 reinstatements;
        bytes32 details;
    }

    bytes32 private constant ATTESTATION_TYPE =
        keccak256("Attestation(bytes16 practitioner,bytes32 details,uint40 number,uint40 deadline)");
    bytes32 private constant SUSPENSION_TYPE = keccak256("Suspension(bytes16 practitioner,uint40 reinstatements)");
    bytes32 private constant REINSTATEMENT_TYPE =
        keccak256("Reinstatement(bytes16 practitioner,uint40 number,uint40 deadline)");

    /// @dev What an entry begins with.
    uint8 private constant ATTESTED = 1;
    uint8 private constant SUSPENDED = 2;
    uint8 private constant REINSTATED = 3;
    uint8 private constant APPOINTED = 4;
    uint8 private constant DISMISSED = 5;
    uint8 private constant OWNED = 6;

    mapping(bytes16 practitioner => Practitioner) private _practitioners;
    mapping(address signer => bool) private _registrars;

    /// @param log_ The log, in which it opens a namespace.
    /// @param owner Who appoints registrars.
    constructor(IEventLog log_, address owner) Registry(log_, "Medconnect Practitioners") Ownable(owner) {}

    /// @inheritdoc IPractitionerRegistry
    function appoint(address registrar) external onlyOwner {
        require(registrar != address(0) && !_registrars[registrar], PractitionerRegistry_RegistrarInvalid(registrar));
        _registrars[registrar] = true;
        _record(bytes16(0), abi.encodePacked(APPOINTED, registrar));
    }

    /// @inheritdoc IPractitionerRegistry
    function dismiss(address registrar) external onlyOwner {
        require(_registrars[registrar], PractitionerRegistry_RegistrarInvalid(registrar));
        delete _registrars[registrar];
        _record(bytes16(0), abi.encodePacked(DISMISSED, registrar));
    }

    /// @inheritdoc IPractitionerRegistry
    function attest(
        bytes16 practitioner,
        bytes32 details,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external inTime(deadline) {
        require(details != 0, PractitionerRegistry_DetailsMissing());
        Practitioner storage known = _turn(practitioner, number);
        require(
            known.standing != Standing.Suspended, PractitionerRegistry_StandingInvalid(practitioner, known.standing)
        );
        bytes32 message = keccak256(abi.encode(ATTESTATION_TYPE, practitioner, details, number, deadline));
        address by = _requireRegistrar(message, signer, signature);
        (known.standing, known.details) = (Standing.Attested, details);
        _record(practitioner, abi.encodePacked(ATTESTED, details, by));
    }

    /// @inheritdoc IPractitionerRegistry
    function suspend(bytes16 practitioner, uint40 reinstatements, bytes calldata signer, bytes calldata signature)
        external
    {
        Practitioner storage known = _turn(practitioner, _practitioners[practitioner].number);
        _requireNumber(reinstatements, known.reinstatements);
        require(
            known.standing != Standing.Suspended, PractitionerRegistry_StandingInvalid(practitioner, known.standing)
        );
        bytes32 message = keccak256(abi.encode(SUSPENSION_TYPE, practitioner, reinstatements));
        address by = _requireRegistrar(message, signer, signature);
        known.standing = Standing.Suspended;
        _record(practitioner, abi.encodePacked(SUSPENDED, by));
    }

    /// @inheritdoc IPractitionerRegistry
    function reinstate(
        bytes16 practitioner,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external inTime(deadline) {
        Practitioner storage known = _turn(practitioner, number);
        require(
            known.standing == Standing.Suspended, PractitionerRegistry_StandingInvalid(practitioner, known.standing)
        );
        bytes32 message = keccak256(abi.encode(REINSTATEMENT_TYPE, practitioner, number, deadline));
        address by = _requireRegistrar(message, signer, signature);
        ++known.reinstatements;
        // Who was suspended before anything was attested is nobody yet.
        known.standing = known.details == 0 ? Standing.Unknown : Standing.Attested;
        _record(practitioner, abi.encodePacked(REINSTATED, by));
    }

    /// @inheritdoc IPractitionerRegistry
    function practitionerAt(bytes16 practitioner)
        external
        view
        returns (Standing standing, uint40 number, uint40 reinstatements, bytes32 details)
    {
        Practitioner storage known = _practitioners[practitioner];
        return (known.standing, known.number, known.reinstatements, known.details);
    }

    /// @inheritdoc IPractitionerRegistry
    function isRegistrar(address signer) external view returns (bool) {
        return _registrars[signer];
    }

    /// @notice Somebody always says who the registrars are.
    function renounceOwnership() public pure override {
        revert PractitionerRegistry_OwnerNeeded();
    }

    /// @dev Whose it is stands in the log, too: they say who the registrars are.
    function _transferOwnership(address owner) internal override {
        super._transferOwnership(owner);
        _record(bytes16(0), abi.encodePacked(OWNED, owner));
    }

    /// @dev The practitioner's number goes up.
    function _turn(bytes16 practitioner, uint40 number) private returns (Practitioner storage known) {
        require(practitioner != 0, PractitionerRegistry_NobodyNamed());
        known = _practitioners[practitioner];
        _requireNumber(number, known.number);
        known.number = number + 1;
    }

    function _requireRegistrar(bytes32 message, bytes calldata signer, bytes calldata signature)
        private
        view
        returns (address by)
    {
        by = signer.id();
        require(_registrars[by], PractitionerRegistry_NotARegistrar(by));
        _requireSigned(message, signer, signature);
    }

    /// @dev On the practitioner's stream.
    function _record(bytes16 practitioner, bytes memory payload) private {
        _record(uint128(practitioner), payload);
    }
}
