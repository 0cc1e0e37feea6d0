// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    ERC7913WebAuthnVerifier
} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";

/// @title The verifier of passkeys
/// @notice OpenZeppelin's, as it is: it stands here to be deployed. A passkey's signer is its address and the key's two coordinates.
/// @dev Where the chain has no precompile for P-256 (EIP-7951), it computes the signature itself, which takes some 200,000 gas more.
contract PasskeyVerifier is ERC7913WebAuthnVerifier {}
