// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Details, Grant, Guardians, Query} from "../libraries/ConsentTypes.sol";
import {IRegistry} from "./IRegistry.sol";

/// @title The registry of consents
/// @notice Patients say here who may read their records, with a signature that anybody may hand in. It decides what is allowed; whoever serves records
/// keeps a copy and follows it.
/// @dev Signers and their ids are those of `IRegistry`.
///
/// A *patient* is the id of a signer, who is the controller until another one becomes it; or a ward, which guardians control until a
/// time (`openWard`). The controller speaks for the patient, and whoever the controller has delegated that to.
///
/// No message has to be taken after another one, so that a grant which is held back keeps no revocation from being taken. Instead each is taken
/// once by what it says: a grant has a salt; what is revoked stays revoked; and what ends other messages names the number that they name, too, and raises it: the
/// patient's and a grantee's *epoch*, a delegate's (which each change of the controller raises, too), and the *number* of the control.
///
/// Whatever is taken is an entry of the log, on the stream `namespace:4 || zeros:8 || patient:20` of the registry's namespace. Payloads are packed,
/// big-endian, and begin with what was done; `by` is the id of who signed:
///
///     granted            = 0x01 grant:32 granteeTag:32 notBefore:u40 expiry:u40 by:20       in the epochs that hold
///     revoked            = 0x02 grant:32 by:20
///     grantee revoked    = 0x03 granteeTag:32 epoch:u40 by:20           the epoch that it ended
///     all revoked        = 0x04 epoch:u40 by:20                        the epoch that it ended
///     delegated          = 0x05 delegate:20 until:u40
///     delegation ended   = 0x06 delegate:20
///     guardians set      = 0x07 guardians:32
///     recovery began     = 0x08 controller:20 readyAt:u40
///     recovery refused   = 0x09
///     controller changed = 0x0a controller:20
///     ward opened        = 0x0b controller:20 until:u40
interface IConsentRegistry is IRegistry {
    /// @notice It ends before it begins, or is over.
    error ConsentRegistry_PeriodInvalid(uint40 notBefore, uint40 expiry);

    /// @notice The grant was given or revoked before.
    error ConsentRegistry_GrantKnown(bytes32 id);

    /// @notice The signer may not say this for the patient.
    error ConsentRegistry_NotInControl(address patient, address signer);

    /// @notice They are not the guardians that were set, or too few have signed, or not in ascending order of their ids.
    error ConsentRegistry_GuardiansInvalid(address patient);

    /// @notice No recovery has begun.
    error ConsentRegistry_NothingToRecover(address patient);

    /// @notice The recovery's delay has not passed.
    error ConsentRegistry_NotYetReady(uint40 readyAt);

    /// @notice The ward is open already, or ends at no time to come, or has no controller; or its time is over.
    error ConsentRegistry_WardInvalid(address ward);

    /// @notice Gives a grant.
    /// @param given The grant.
    /// @param signer Who signed it: the controller or a delegate.
    /// @param signature Over the grant, with the details in it.
    /// @return id The grant's id: its hash as typed data.
    function grant(Grant calldata given, bytes calldata signer, bytes calldata signature) external returns (bytes32 id);

    /// @notice Revokes a grant, also one that was not handed in yet. Revoked again it stays revoked.
    function revoke(address patient, bytes32 id, bytes calldata signer, bytes calldata signature) external;

    /// @notice Revokes all grants to a grantee, also those that were not handed in yet.
    /// @param patient Whose.
    /// @param granteeTag As the grants have it.
    /// @param epoch The grantee's. It ends.
    /// @param signer Who signed it: the controller or a delegate.
    /// @param signature Theirs.
    function revokeGrantee(
        address patient,
        bytes32 granteeTag,
        uint40 epoch,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Revokes all grants, also those that were not handed in yet.
    /// @param patient Whose.
    /// @param epoch The patient's. It ends.
    /// @param signer Who signed it: the controller or a delegate.
    /// @param signature Theirs.
    function revokeAll(address patient, uint40 epoch, bytes calldata signer, bytes calldata signature) external;

    /// @notice Lets somebody speak for the patient: give grants and revoke. It ends at a time, or with the controller.
    /// @param patient For whom.
    /// @param to The delegate's id.
    /// @param until When it ends. What was said before can be made longer, not shorter: for that it is ended.
    /// @param epoch The delegate's.
    /// @param deadline Until when it may be handed in.
    /// @param signer Who signed it: the controller.
    /// @param signature Theirs.
    function delegate(
        address patient,
        address to,
        uint40 until,
        uint40 epoch,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Ends a delegation, also one that was not handed in yet.
    /// @param patient For whom it was.
    /// @param to The delegate's id.
    /// @param epoch The delegate's. It ends.
    /// @param signer Who signed it: the controller.
    /// @param signature Theirs.
    function endDelegation(address patient, address to, uint40 epoch, bytes calldata signer, bytes calldata signature)
        external;

    /// @notice Says which guardians can give the patient another controller.
    /// @param patient Whose.
    /// @param guardians keccak256 of `abi.encode(address[] ids, uint256 threshold, uint40 delay)`; 0 for none.
    /// @param number That of the control. It ends.
    /// @param deadline Until when it may be handed in.
    /// @param signer Who signed it: the controller.
    /// @param signature Theirs.
    function setGuardians(
        address patient,
        bytes32 guardians,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Makes somebody else the controller. Both have signed the same. Guardians and delegates end with the former one.
    /// @param patient Whose.
    /// @param number That of the control. It ends.
    /// @param deadline Until when it may be handed in.
    /// @param signer The controller.
    /// @param signature Theirs.
    /// @param successor The new controller.
    /// @param acceptance The new controller's signature.
    function changeController(
        address patient,
        uint40 number,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature,
        bytes calldata successor,
        bytes calldata acceptance
    ) external;

    /// @notice Begins to give the patient another controller, because guardians say so. It takes their delay, and the controller can refuse it until then.
    /// @param patient Whose.
    /// @param to The id of the new controller.
    /// @param number That of the control. It ends.
    /// @param deadline Until when it may be handed in.
    /// @param guardians Who they are.
    /// @param signers Those who signed, in ascending order of their ids.
    /// @param signatures Theirs.
    function beginRecovery(
        address patient,
        address to,
        uint40 number,
        uint40 deadline,
        Guardians calldata guardians,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) external;

    /// @notice Ends a recovery that has begun.
    /// @param patient Whose.
    /// @param number That of the control. It ends.
    /// @param signer Who signed it: the controller.
    /// @param signature Theirs.
    function refuseRecovery(address patient, uint40 number, bytes calldata signer, bytes calldata signature) external;

    /// @notice Makes the one whom guardians have named the controller, once their delay has passed. Anybody calls it.
    function completeRecovery(address patient) external;

    /// @notice Opens a ward: a patient whom somebody else controls until a time, as parents do for a child. Anybody calls it. After that time nothing
    /// is allowed any more that was granted for it.
    /// @param controller The id of the guardian.
    /// @param until When it ends.
    /// @param salt Random, so that a guardian can have several wards.
    /// @return ward The last 20 bytes of keccak256 of `abi.encode(keccak256("Ward(address controller,uint40 until,bytes32 salt)"), controller, until, salt)`.
    function openWard(address controller, uint40 until, bytes32 salt) external returns (address ward);

    /// @notice Whether a grant allows something now.
    function isAllowed(Grant calldata given, Details calldata details, Query calldata query)
        external
        view
        returns (bool);

    /// @notice What is known of a grant.
    /// @return isGiven Whether it was handed in.
    /// @return isRevoked Whether it was revoked by its id.
    function grantAt(address patient, bytes32 id) external view returns (bool isGiven, bool isRevoked);

    /// @notice Who speaks for a patient.
    /// @return controller Their id.
    /// @return until When a ward ends; 0 for others.
    /// @return epoch The patient's.
    function patientAt(address patient) external view returns (address controller, uint40 until, uint40 epoch);

    /// @notice A grantee's epoch.
    function granteeEpoch(address patient, bytes32 granteeTag) external view returns (uint40 epoch);

    /// @notice Until when somebody may speak for a patient, and the delegate's epoch.
    function delegationTo(address patient, address to) external view returns (uint40 until, uint40 epoch);

    /// @notice How a patient's controller can be changed.
    /// @return guardians The hash of the guardians; 0 for none.
    /// @return number That of the control.
    /// @return candidate Whom guardians have named; 0 for nobody.
    /// @return readyAt From when on it can be completed.
    function controlOf(address patient)
        external
        view
        returns (bytes32 guardians, uint40 number, address candidate, uint40 readyAt);
}
