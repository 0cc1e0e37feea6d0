// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {vm} from "./Vm.sol";

/// @title What whoever follows the log knows of consents: folded from the registry's entries alone
contract ConsentCopy {
    struct Given {
        bool isGiven;
        bool isRevoked;
        bytes32 granteeTag;
        uint40 notBefore;
        uint40 expiry;
        uint40 epoch;
        uint40 granteeEpoch;
    }

    struct Delegation {
        uint40 until;
        uint40 epoch;
        uint40 tenure;
    }

    struct Patient {
        address controller;
        uint40 until;
        uint40 epoch;
        uint40 tenure;
        bytes32 guardians;
        address candidate;
        uint40 readyAt;
        uint40 number;
    }

    mapping(address patient => Patient) private patients;
    mapping(address patient => mapping(bytes32 id => Given)) private grants;
    mapping(address patient => mapping(bytes32 granteeTag => uint40)) private granteeEpochs;
    mapping(address patient => mapping(address to => Delegation)) private delegations;

    function apply_(address patient, bytes calldata payload) external {
        Patient storage known = patients[patient];
        uint8 what = uint8(payload[0]);
        bytes calldata rest = payload[1:];
        if (what == 1) {
            give(patient, rest);
        } else if (what == 2) {
            length(rest, 52);
            grants[patient][bytes32(rest[:32])].isRevoked = true;
        } else if (what == 3) {
            length(rest, 57);
            granteeEpochs[patient][bytes32(rest[:32])] = number(rest[32:]) + 1;
        } else if (what == 4) {
            length(rest, 25);
            known.epoch = number(rest) + 1;
        } else if (what == 5) {
            length(rest, 25);
            Delegation storage made = delegations[patient][account(rest)];
            (made.until, made.tenure) = (number(rest[20:]), known.tenure);
        } else if (what == 6) {
            length(rest, 20);
            Delegation storage ended = delegations[patient][account(rest)];
            (ended.until, ended.epoch) = (0, ended.epoch + 1);
        } else if (what == 7) {
            length(rest, 32);
            (known.guardians, known.candidate, known.readyAt) = (bytes32(rest), address(0), 0);
            known.number += 1;
        } else if (what == 8) {
            length(rest, 25);
            (known.candidate, known.readyAt) = (account(rest), number(rest[20:]));
            known.number += 1;
        } else if (what == 9) {
            length(rest, 0);
            (known.candidate, known.readyAt) = (address(0), 0);
            known.number += 1;
        } else if (what == 10) {
            length(rest, 20);
            (known.controller, known.guardians) = (account(rest), 0);
            (known.candidate, known.readyAt) = (address(0), 0);
            known.tenure += 1;
            known.number += 1;
        } else {
            vm.assertEq(what, 11, "an entry is one of eleven");
            length(rest, 25);
            (known.controller, known.until) = (account(rest), number(rest[20:]));
        }
    }

    function give(address patient, bytes calldata rest) private {
        length(rest, 94);
        Given storage given = grants[patient][bytes32(rest[:32])];
        vm.assertFalse(given.isGiven || given.isRevoked, "a grant is given once, and never after it was revoked");
        given.isGiven = true;
        given.granteeTag = bytes32(rest[32:64]);
        (given.notBefore, given.expiry) = (number(rest[64:]), number(rest[69:]));
        (given.epoch, given.granteeEpoch) = (patients[patient].epoch, granteeEpochs[patient][given.granteeTag]);
    }

    function controllerOf(address patient) public view returns (address) {
        address controller = patients[patient].controller;
        return controller == address(0) ? patient : controller;
    }

    function patientAt(address patient) external view returns (Patient memory) {
        return patients[patient];
    }

    function grantAt(address patient, bytes32 id) external view returns (Given memory) {
        return grants[patient][id];
    }

    function granteeEpoch(address patient, bytes32 granteeTag) external view returns (uint40) {
        return granteeEpochs[patient][granteeTag];
    }

    function delegationTo(address patient, address to) public view returns (uint40 until, uint40 epoch) {
        Delegation storage known = delegations[patient][to];
        uint40 tenure = patients[patient].tenure;
        return (known.tenure == tenure ? known.until : 0, known.epoch + tenure);
    }

    /// @dev Of a ward, whether its time is over.
    function hasEnded(address patient) public view returns (bool) {
        uint40 until = patients[patient].until;
        return until != 0 && block.timestamp >= until;
    }

    /// @dev Whether somebody may give and revoke grants for a patient now.
    function speaks(address patient, address by) external view returns (bool) {
        if (hasEnded(patient)) return false;
        (uint40 delegated,) = delegationTo(patient, by);
        return by == controllerOf(patient) || block.timestamp < delegated;
    }

    /// @dev Whether a grant holds now, whatever it is of.
    function holds(address patient, bytes32 id) external view returns (bool) {
        Given storage given = grants[patient][id];
        Patient storage known = patients[patient];
        bool isInTime = given.notBefore <= block.timestamp && (given.expiry == 0 || block.timestamp < given.expiry);
        return given.isGiven && !given.isRevoked && given.epoch == known.epoch
            && given.granteeEpoch == granteeEpochs[patient][given.granteeTag] && isInTime && !hasEnded(patient);
    }

    function length(bytes calldata rest, uint256 expected) private pure {
        vm.assertEq(rest.length, expected, "length of an entry");
    }

    function account(bytes calldata from) private pure returns (address) {
        return address(bytes20(from[:20]));
    }

    function number(bytes calldata from) private pure returns (uint40) {
        return uint40(bytes5(from[:5]));
    }
}
