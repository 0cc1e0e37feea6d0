// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Details, Grant} from "../../src/libraries/ConsentTypes.sol";

/// @title What patients sign, written a second time, from the standard (EIP-712) and the types as wallets are given them
library TypedData {
    string private constant DETAILS =
        "Details(string name,string grantee,string[] categories,string[] documents,uint40 from,uint40 until,string purpose,bool mayWrite,bytes32 granteeSalt,bytes32 salt)";
    string private constant GRANT =
        "Grant(address patient,Details details,bytes32 granteeTag,uint40 notBefore,uint40 expiry,uint40 epoch,uint40 granteeEpoch,uint40 deadline)";

    function digest(uint256 chainId, address contract_, bytes32 message) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            bytes.concat(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Medconnect Consent"),
                keccak256("1"),
                bytes32(chainId),
                word(contract_)
            )
        );
        return keccak256(bytes.concat(hex"1901", domain, message));
    }

    function hash(Details memory details) internal pure returns (bytes32) {
        bytes memory first = bytes.concat(
            keccak256(bytes(DETAILS)),
            keccak256(bytes(details.name)),
            keccak256(bytes(details.grantee)),
            hash(details.categories),
            hash(details.documents)
        );
        bytes memory second = bytes.concat(
            word(details.from),
            word(details.until),
            keccak256(bytes(details.purpose)),
            bytes32(uint256(details.mayWrite ? 1 : 0)),
            details.granteeSalt,
            details.salt
        );
        return keccak256(bytes.concat(first, second));
    }

    function hash(Grant memory grant) internal pure returns (bytes32) {
        bytes memory first = bytes.concat(
            keccak256(bytes.concat(bytes(GRANT), bytes(DETAILS))), word(grant.patient), grant.details, grant.granteeTag
        );
        bytes memory second = bytes.concat(
            word(grant.notBefore), word(grant.expiry), word(grant.epoch), word(grant.granteeEpoch), word(grant.deadline)
        );
        return keccak256(bytes.concat(first, second));
    }

    function tag(Details memory details) internal pure returns (bytes32) {
        return keccak256(bytes.concat(details.granteeSalt, keccak256(bytes(details.grantee))));
    }

    function revocation(address patient, bytes32 id) internal pure returns (bytes32) {
        return structHash("Revocation(address patient,bytes32 grant)", bytes.concat(word(patient), id));
    }

    function granteeRevocation(address patient, bytes32 granteeTag, uint40 epoch) internal pure returns (bytes32) {
        bytes memory fields = bytes.concat(word(patient), granteeTag, word(epoch));
        return structHash("GranteeRevocation(address patient,bytes32 granteeTag,uint40 epoch)", fields);
    }

    function fullRevocation(address patient, uint40 epoch) internal pure returns (bytes32) {
        return structHash("FullRevocation(address patient,uint40 epoch)", bytes.concat(word(patient), word(epoch)));
    }

    function delegation(address patient, address to, uint40 until, uint40 epoch, uint40 deadline)
        internal
        pure
        returns (bytes32)
    {
        return structHash(
            "Delegation(address patient,address delegate,uint40 until,uint40 epoch,uint40 deadline)",
            bytes.concat(word(patient), word(to), word(until), word(epoch), word(deadline))
        );
    }

    function delegationEnd(address patient, address to, uint40 epoch) internal pure returns (bytes32) {
        bytes memory fields = bytes.concat(word(patient), word(to), word(epoch));
        return structHash("DelegationEnd(address patient,address delegate,uint40 epoch)", fields);
    }

    function guardians(address patient, bytes32 list, uint40 number, uint40 deadline) internal pure returns (bytes32) {
        return structHash(
            "Guardians(address patient,bytes32 guardians,uint40 number,uint40 deadline)",
            bytes.concat(word(patient), list, word(number), word(deadline))
        );
    }

    function controller(address patient, address to, uint40 number, uint40 deadline) internal pure returns (bytes32) {
        return structHash(
            "Controller(address patient,address controller,uint40 number,uint40 deadline)",
            bytes.concat(word(patient), word(to), word(number), word(deadline))
        );
    }

    function recovery(address patient, address to, uint40 number, uint40 deadline) internal pure returns (bytes32) {
        return structHash(
            "Recovery(address patient,address controller,uint40 number,uint40 deadline)",
            bytes.concat(word(patient), word(to), word(number), word(deadline))
        );
    }

    function recoveryRefusal(address patient, uint40 number) internal pure returns (bytes32) {
        return structHash("RecoveryRefusal(address patient,uint40 number)", bytes.concat(word(patient), word(number)));
    }

    function structHash(string memory kind, bytes memory fields) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(bytes(kind)), fields));
    }

    function hash(string[] memory texts) private pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < texts.length; ++i) {
            hashes = bytes.concat(hashes, keccak256(bytes(texts[i])));
        }
        return keccak256(hashes);
    }

    function word(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function word(uint40 number) private pure returns (bytes32) {
        return bytes32(uint256(number));
    }
}
