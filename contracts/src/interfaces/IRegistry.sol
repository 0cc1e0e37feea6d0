// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "./IEventLog.sol";

/// @title A registry
/// @notice It takes what was signed by those who may say it, from whoever hands it in, and makes it an entry of the log.
/// @dev A *signer* is what a signature is checked against (ERC-7913): 20 bytes, the address of an account or of a wallet that is a contract; or more, the
/// address of a verifier and a key, as passkeys have. Its *id* is its address, or the last 20 bytes of its keccak256. Times are in seconds since 1970.
interface IRegistry {
    /// @notice The message may not be taken so late.
    error Registry_Late(uint40 deadline);

    /// @notice The message names another number than the one that holds.
    error Registry_NumberInvalid(uint40 named, uint40 current);

    /// @notice The signer has not signed this.
    error Registry_SignatureInvalid(address signer);

    /// @notice The log in which everything that is taken is an entry.
    function log() external view returns (IEventLog);

    /// @notice The registry's namespace in it.
    function namespace() external view returns (uint32);
}
