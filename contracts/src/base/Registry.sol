// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEventLog} from "../interfaces/IEventLog.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {Signers} from "../libraries/Signers.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title What registries share: a namespace of the log that is their own, and messages that are signed
abstract contract Registry is IRegistry, EIP712 {
    using Signers for bytes;

    // slither-disable-start naming-convention : an immutable is written like a constant
    IEventLog private immutable LOG;
    uint32 private immutable NAMESPACE;

    // slither-disable-end naming-convention

    modifier inTime(uint40 deadline) {
        require(_now() <= deadline, Registry_Late(deadline));
        _;
    }

    /// @param log_ The log, in which the registry opens a namespace of its own. It writes there alone, and lets nobody else in.
    /// @param name What wallets call it.
    constructor(IEventLog log_, string memory name) EIP712(name, "1") {
        LOG = log_;
        NAMESPACE = log_.openNamespace(false, 0);
        // slither-disable-next-line unused-return : it is the first writer
        log_.admit(NAMESPACE, address(this));
    }

    /// @inheritdoc IRegistry
    function log() external view returns (IEventLog) {
        return LOG;
    }

    /// @inheritdoc IRegistry
    function namespace() external view returns (uint32) {
        return NAMESPACE;
    }

    /// @dev An entry on the stream `namespace:4 || name:28`.
    function _record(uint224 name, bytes memory payload) internal {
        LOG.record(bytes32(uint256(NAMESPACE) << 224 | name), payload);
    }

    function _requireNumber(uint40 named, uint40 current) internal pure {
        require(named == current, Registry_NumberInvalid(named, current));
    }

    function _requireSigned(bytes32 message, bytes calldata signer, bytes calldata signature) internal view {
        require(signer.hasSigned(_hashTypedDataV4(message), signature), Registry_SignatureInvalid(signer.id()));
    }

    /// @dev A validator may shift it by seconds; whatever is compared with it is of minutes or years.
    function _now() internal view returns (uint40) {
        return uint40(block.timestamp);
    }
}
