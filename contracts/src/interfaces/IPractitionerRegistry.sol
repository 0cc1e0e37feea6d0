// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title The registry of practitioners
/// @notice Registrars say here who is a practitioner, with a signature that anybody may hand in. Whoever serves records takes nothing from a practitioner who is not
/// attested or is suspended.
/// @dev Signers and their ids are those of `IRegistry`. A practitioner is named by a UUID; what an attestation rests on (the number in the register of
/// the profession) is not public, so the attestation names a salted hash of it.
///
/// Each act of a registrar raises the practitioner's number. An attestation and a reinstatement name it, so that none is taken twice, and none that was held back is taken after
/// a later act. A suspension names how many reinstatements there were: no attestation keeps it from being taken, held back or of another registrar.
///
/// Whatever is taken is an entry of the log. Payloads are packed, big-endian, and begin with what was done. On the stream `namespace:4 || zeros:12 || practitioner:16`, with the
/// id of the registrar last:
///
///     attested   = 0x01 details:32 by:20
///     suspended  = 0x02 by:20
///     reinstated = 0x03 by:20
///
/// and on the stream `namespace:4 || zeros:28`:
///
///     appointed  = 0x04 registrar:20
///     dismissed  = 0x05 registrar:20
///     owned      = 0x06 owner:20
interface IPractitionerRegistry is IRegistry {
    /// @notice How a practitioner stands.
    enum Standing {
        Unknown,
        Attested,
        Suspended
    }

    /// @notice The practitioner does not stand so that this could be done.
    error PractitionerRegistry_StandingInvalid(bytes16 practitioner, Standing standing);

    /// @notice The practitioner 0 is nobody.
    error PractitionerRegistry_NobodyNamed();

    /// @notice The registry stays somebody's.
    error PractitionerRegistry_OwnerNeeded();

    /// @notice An attestation names no details.
    error PractitionerRegistry_DetailsMissing();

    /// @notice The signer is no registrar.
    error PractitionerRegistry_NotARegistrar(address signer);

    /// @notice The account is a registrar already, or is none.
    error PractitionerRegistry_RegistrarInvalid(address registrar);

    /// @notice Makes somebody a registrar. The owner alone does.
    /// @param registrar The id of the signer.
    function appoint(address registrar) external;

    /// @notice Makes somebody a registrar no more. What they have attested stands. The owner alone does.
    /// @param registrar The id of the signer.
    function dismiss(address registrar) external;

    /// @notice Says that somebody is a practitioner, or that it rests on other details now.
    /// @param practitioner Who.
    /// @param details A salted hash of what it rests on, never 0.
    /// @param number The practitioner's.
    /// @param deadline Until when it may be handed in.
    /// @param signer The registrar.
    /// @param signature Theirs.
    function attest(
        bytes16 practitioner,
        bytes32 details,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Suspends a practitioner, also one whose attestation was not handed in yet.
    /// @param practitioner Who.
    /// @param reinstatements How often the practitioner was reinstated.
    /// @param signer The registrar.
    /// @param signature Theirs.
    function suspend(bytes16 practitioner, uint40 reinstatements, bytes calldata signer, bytes calldata signature)
        external;

    /// @notice Ends a suspension: the practitioner stands as they were attested.
    /// @param practitioner Who.
    /// @param number The practitioner's.
    /// @param deadline Until when it may be handed in.
    /// @param signer The registrar.
    /// @param signature Theirs.
    function reinstate(
        bytes16 practitioner,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice How a practitioner stands.
    /// @return standing Whether they are attested.
    /// @return number How many acts there were.
    /// @return reinstatements How often they were reinstated.
    /// @return details What the last attestation names; 0 if there was none.
    function practitionerAt(bytes16 practitioner)
        external
        view
        returns (Standing standing, uint40 number, uint40 reinstatements, bytes32 details);

    /// @notice Whether somebody is a registrar.
    function isRegistrar(address signer) external view returns (bool);
}
