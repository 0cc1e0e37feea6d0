// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev A source of random numbers: each draw moves it on.
struct Seed {
    uint256 state;
}

/// @title Random draws that a test can repeat from its seed
library Random {
    function draw(Seed memory seed) internal pure returns (uint256) {
        seed.state = uint256(keccak256(abi.encode(seed.state)));
        return seed.state;
    }

    /// @dev From 0 to `limit` - 1.
    function below(Seed memory seed, uint256 limit) internal pure returns (uint256) {
        return draw(seed) % limit;
    }

    /// @dev True once in `times`.
    function oneIn(Seed memory seed, uint256 times) internal pure returns (bool) {
        return below(seed, times) == 0;
    }

    /// @dev Of `length` bytes, without a pattern.
    function blob(Seed memory seed, uint256 length) internal pure returns (bytes memory made) {
        made = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            made[i] = bytes1(uint8(draw(seed)));
        }
    }
}
