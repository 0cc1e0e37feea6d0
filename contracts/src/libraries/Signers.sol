// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Who signs
/// @notice A signer is 20 bytes, an address, or more: the address of a verifier and a key (ERC-7913).
library Signers {
    uint256 private constant ADDRESS_LENGTH = 20;

    /// @notice Its address, or the last 20 bytes of its hash. Of less than an address it is the id of nobody, 0.
    function id(bytes calldata signer) internal pure returns (address) {
        if (signer.length > ADDRESS_LENGTH) {
            return address(uint160(uint256(keccak256(signer))));
        }
        return signer.length == ADDRESS_LENGTH ? address(bytes20(signer)) : address(0);
    }

    /// @notice Whether it has signed.
    /// @dev An account's own key may sign even if the account has code: that of EIP-7702 often knows no ERC-1271, or asks for a signature of
    /// another form. No contract's address has a key that anybody knows.
    function hasSigned(bytes calldata signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signer.length == ADDRESS_LENGTH) {
            // slither-disable-next-line unused-return : of what fails, the argument tells nothing more
            (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
            if (failure == ECDSA.RecoverError.NoError && recovered == address(bytes20(signer))) {
                return true;
            }
            return address(bytes20(signer)).code.length != 0
                && SignatureChecker.isValidERC1271SignatureNowCalldata(address(bytes20(signer)), digest, signature);
        }
        // A precompile is no verifier: that of the identity would answer whatever it is asked with what stands for yes.
        return signer.length > ADDRESS_LENGTH && address(bytes20(signer[:ADDRESS_LENGTH])).code.length != 0
            && SignatureChecker.isValidSignatureNow(signer, digest, signature);
    }
}
