// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What a patient reads before they sign: to whom what is granted. The chain sees only its hash.
/// @param name What the grantee is called. It is for the reader alone.
/// @param grantee `practitioner/ID`, `organisation/NUMBER`, or `organisation/NUMBER/ROLE`.
/// @param categories Of the record; `record` for all but `sensitive`, which is always named.
/// @param documents If there are any, these alone, by their ids.
/// @param from Only what is of this second since 1970 or later; 0 for no limit.
/// @param until Only what is of before this second; 0 for no limit.
/// @param purpose The only one for which it may be read.
/// @param mayWrite Whether the grantee may add to the record, too.
/// @param granteeSalt The same for all grants of a patient to one grantee, and otherwise random.
/// @param salt Random, so that nobody finds out the rest by trying.
struct Details {
    string name;
    string grantee;
    string[] categories;
    string[] documents;
    uint40 from;
    uint40 until;
    string purpose;
    bool mayWrite;
    bytes32 granteeSalt;
    bytes32 salt;
}

/// @notice A grant.
/// @param patient Whose record it is about: the id of a signer, or a ward.
/// @param details The hash of the details.
/// @param granteeTag keccak256 of the grantee's salt and the hash of the grantee: the same for all grants to one grantee.
/// @param notBefore From when on it holds, in seconds since 1970.
/// @param expiry When it ends; 0 for never.
/// @param epoch The patient's: it ends when all is revoked.
/// @param granteeEpoch The grantee's: it ends when all of theirs is revoked.
/// @param deadline Until when it may be handed in.
struct Grant {
    address patient;
    bytes32 details;
    bytes32 granteeTag;
    uint40 notBefore;
    uint40 expiry;
    uint40 epoch;
    uint40 granteeEpoch;
    uint40 deadline;
}

/// @notice What somebody would do.
/// @param grantee Who: as in details.
/// @param category Of which category it is.
/// @param document Which document it is; empty if it is none.
/// @param time Of when it is, in seconds since 1970; 0 if it is of no time.
/// @param purpose Why.
/// @param writes Whether it adds to the record.
struct Query {
    string grantee;
    string category;
    string document;
    uint40 time;
    string purpose;
    bool writes;
}

/// @notice Who can give a patient another controller.
/// @param ids Their ids, in ascending order.
/// @param threshold How many of them it takes.
/// @param delay How many seconds the controller has to refuse it.
struct Guardians {
    address[] ids;
    uint256 threshold;
    uint40 delay;
}

/// @title The typed data that patients sign (EIP-712)
library ConsentTypes {
    bytes32 private constant DETAILS_TYPE = keccak256(
        "Details(string name,string grantee,string[] categories,string[] documents,uint40 from,uint40 until,string purpose,"
        "bool mayWrite,bytes32 granteeSalt,bytes32 salt)"
    );
    bytes32 private constant GRANT_TYPE = keccak256(
        "Grant(address patient,Details details,bytes32 granteeTag,uint40 notBefore,uint40 expiry,uint40 epoch,uint40 granteeEpoch,"
        "uint40 deadline)"
        "Details(string name,string grantee,string[] categories,string[] documents,uint40 from,uint40 until,string purpose,"
        "bool mayWrite,bytes32 granteeSalt,bytes32 salt)"
    );
    bytes32 private constant REVOCATION_TYPE = keccak256("Revocation(address patient,bytes32 grant)");
    bytes32 private constant GRANTEE_REVOCATION_TYPE =
        keccak256("GranteeRevocation(address patient,bytes32 granteeTag,uint40 epoch)");
    bytes32 private constant FULL_REVOCATION_TYPE = keccak256("FullRevocation(address patient,uint40 epoch)");
    bytes32 private constant DELEGATION_TYPE =
        keccak256("Delegation(address patient,address delegate,uint40 until,uint40 epoch,uint40 deadline)");
    bytes32 private constant DELEGATION_END_TYPE =
        keccak256("DelegationEnd(address patient,address delegate,uint40 epoch)");
    bytes32 private constant GUARDIANS_TYPE =
        keccak256("Guardians(address patient,bytes32 guardians,uint40 number,uint40 deadline)");
    bytes32 private constant CONTROLLER_TYPE =
        keccak256("Controller(address patient,address controller,uint40 number,uint40 deadline)");
    bytes32 private constant RECOVERY_TYPE =
        keccak256("Recovery(address patient,address controller,uint40 number,uint40 deadline)");
    bytes32 private constant RECOVERY_REFUSAL_TYPE = keccak256("RecoveryRefusal(address patient,uint40 number)");

    function hash(Details calldata details) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                DETAILS_TYPE,
                keccak256(bytes(details.name)),
                keccak256(bytes(details.grantee)),
                hash(details.categories),
                hash(details.documents),
                details.from,
                details.until,
                keccak256(bytes(details.purpose)),
                details.mayWrite,
                details.granteeSalt,
                details.salt
            )
        );
    }

    /// @dev The details are in it as their hash, as EIP-712 puts a struct within another one.
    function hash(Grant calldata grant) internal pure returns (bytes32) {
        return keccak256(abi.encode(GRANT_TYPE, grant));
    }

    function revocation(address patient, bytes32 grant) internal pure returns (bytes32) {
        return keccak256(abi.encode(REVOCATION_TYPE, patient, grant));
    }

    function granteeRevocation(address patient, bytes32 granteeTag, uint40 epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(GRANTEE_REVOCATION_TYPE, patient, granteeTag, epoch));
    }

    function fullRevocation(address patient, uint40 epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(FULL_REVOCATION_TYPE, patient, epoch));
    }

    function delegation(address patient, address delegate, uint40 until, uint40 epoch, uint40 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(DELEGATION_TYPE, patient, delegate, until, epoch, deadline));
    }

    function delegationEnd(address patient, address delegate, uint40 epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(DELEGATION_END_TYPE, patient, delegate, epoch));
    }

    function guardians(address patient, bytes32 list, uint40 number, uint40 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(GUARDIANS_TYPE, patient, list, number, deadline));
    }

    function controller(address patient, address to, uint40 number, uint40 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(CONTROLLER_TYPE, patient, to, number, deadline));
    }

    function recovery(address patient, address to, uint40 number, uint40 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECOVERY_TYPE, patient, to, number, deadline));
    }

    function recoveryRefusal(address patient, uint40 number) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECOVERY_REFUSAL_TYPE, patient, number));
    }

    /// @notice What stands for a grantee in a patient's grants.
    function tag(Details calldata details) internal pure returns (bytes32) {
        return keccak256(abi.encode(details.granteeSalt, keccak256(bytes(details.grantee))));
    }

    function hash(string[] calldata texts) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](texts.length);
        for (uint256 index = 0; index < texts.length; ++index) {
            hashes[index] = keccak256(bytes(texts[index]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
