// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Details, Query} from "./ConsentTypes.sol";

/// @title What details allow
library Scope {
    bytes32 private constant SENSITIVE = keccak256("sensitive");
    bytes32 private constant WHOLE_RECORD = keccak256("record");

    /// @notice Whether what somebody would do is within what was granted. All of it must be.
    function covers(Details calldata details, Query calldata query) internal pure returns (bool) {
        return same(details.grantee, query.grantee) && same(details.purpose, query.purpose)
            && (details.mayWrite || !query.writes) && coversCategory(details.categories, query.category)
            && coversDocument(details.documents, query.document) && coversTime(details.from, details.until, query.time);
    }

    /// @dev What has no category is in none. Whoever asks spells them as they are granted: `record` covers each text that is not exactly `sensitive`.
    function coversCategory(string[] calldata granted, string calldata category) private pure returns (bool) {
        if (bytes(category).length == 0) {
            return false;
        }
        bytes32 asked = keccak256(bytes(category));
        for (uint256 index = 0; index < granted.length; ++index) {
            bytes32 one = keccak256(bytes(granted[index]));
            if (one == asked || (one == WHOLE_RECORD && asked != SENSITIVE)) {
                return true;
            }
        }
        return false;
    }

    function coversDocument(string[] calldata granted, string calldata document) private pure returns (bool) {
        for (uint256 index = 0; index < granted.length; ++index) {
            if (bytes(document).length != 0 && same(granted[index], document)) {
                return true;
            }
        }
        return granted.length == 0;
    }

    /// @dev What is of no time is in no period.
    function coversTime(uint40 from, uint40 until, uint40 time) private pure returns (bool) {
        return (from == 0 && until == 0) || (time != 0 && from <= time && (until == 0 || time < until));
    }

    function same(string calldata left, string calldata right) private pure returns (bool) {
        return keccak256(bytes(left)) == keccak256(bytes(right));
    }
}
