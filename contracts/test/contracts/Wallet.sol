// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A wallet of the tests that is a contract (ERC-1271), as plain as such wallets can be
/// @dev It does not bind what is signed to itself. Many do not either: one owner's signature is then good for each of their wallets, unless what is signed says for which.
contract Wallet is IERC1271 {
    address private immutable OWNER;
    mapping(bytes32 digest => bool) private _approved;

    constructor(address owner) {
        OWNER = owner;
    }

    /// @notice Signs without a signature.
    function approve(bytes32 digest) external {
        require(msg.sender == OWNER, "the owner alone approves");
        _approved[digest] = true;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bool isSigned = signature.length == 0 ? _approved[digest] : ECDSA.recoverCalldata(digest, signature) == OWNER;
        return isSigned ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
