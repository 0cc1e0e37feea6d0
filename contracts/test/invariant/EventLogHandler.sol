// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../../src/EventLog.sol";
import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {BatchEncoder, Commit, Part} from "../utils/BatchEncoder.sol";
import {EventLogModel} from "../utils/EventLogModel.sol";
import {Random, Seed} from "../utils/Random.sol";
import {Vm, vm} from "../utils/Vm.sol";

/// @title Everything that is done to the log while invariants are watched
/// @dev It remembers what was logged. The model serves to draw batches that hit and miss heads, not to judge them.
contract EventLogHandler {
    using Random for Seed;

    /// @dev An `Appended` entry, as whoever follows the log sees it.
    struct Entry {
        bytes32 stream;
        uint64 version;
        uint64 position;
        bytes32 payloadHash;
    }

    /// @dev How often each thing happened.
    struct Tally {
        uint256 appended;
        uint256 rejected;
        uint256 refused;
        uint256 malformed;
    }

    EventLog private immutable LOG;
    EventLogModel private immutable MODEL;
    address private immutable ADMIN;

    Entry[] public entries;
    Tally public tally;
    mapping(bytes32 stream => uint64) private versions;
    mapping(bytes32 stream => bytes8) private tags;

    constructor(EventLog log, address admin) {
        LOG = log;
        ADMIN = admin;
        MODEL = new EventLogModel(block.chainid, address(log));
    }

    // What is done

    /// @dev One of four accounts, of which some are writers, appends a random batch.
    function append(uint256 account, uint256 entropy) external {
        address sender = accountAt(account);
        Seed memory seed = Seed(entropy);
        Commit[] memory commits = MODEL.randomCommits(seed);
        bool isWriter = LOG.hasRole(LOG.WRITER_ROLE(), sender);
        (bool taken, Vm.Log[] memory logs) = send(sender, BatchEncoder.encode(commits));

        // 5
        vm.assertTrue(taken == isWriter, "5: only writers append, and writers can");
        if (!taken) {
            ++tally.refused;
            return;
        }
        MODEL.append(commits);

        uint256 next = 0;
        for (uint256 i = 0; i < commits.length; ++i) {
            next = follow(i, commits[i], logs, next);
        }
        vm.assertEq(next, logs.length, "6: nothing else is logged");
    }

    /// @dev A writer appends commits that all miss a head.
    function appendStale(uint256 entropy) external {
        Seed memory seed = Seed(entropy);
        Commit[] memory commits = MODEL.randomCommits(seed);
        for (uint256 i = 0; i < commits.length; ++i) {
            Part[] memory parts = commits[i].parts;
            Part memory part = parts[seed.below(parts.length)];
            (uint64 version,) = LOG.headOf(part.stream);
            part.version = uint32(version + 1 + seed.below(1000));
        }
        ensureWriter(accountAt(0));
        vm.record();
        (bool taken, Vm.Log[] memory logs) = send(accountAt(0), BatchEncoder.encode(commits));
        (, bytes32[] memory writes) = vm.accesses(address(LOG));

        vm.assertTrue(taken, "6: a stale commit is no reason to revert");
        vm.assertEq(writes.length, 0, "7: a batch of rejected commits writes no storage");
        vm.assertEq(logs.length, commits.length, "6: each commit is rejected once");
        for (uint256 i = 0; i < commits.length; ++i) {
            follow(i, commits[i], logs, i);
        }
    }

    /// @dev A writer appends a batch of which some bytes at the end are missing, or that has some too many.
    function appendMalformed(uint256 entropy) external {
        Seed memory seed = Seed(entropy);
        Commit[] memory commits = MODEL.randomCommits(seed);
        bytes memory batch = BatchEncoder.encode(commits);
        if (seed.oneIn(2)) {
            uint256 last = BatchEncoder.encode(commits[commits.length - 1]).length;
            uint256 length = batch.length - 1 - seed.below(last - 1);
            assembly ("memory-safe") {
                mstore(batch, length)
            }
        } else {
            batch = bytes.concat(batch, new bytes(1 + seed.below(60)));
        }
        ensureWriter(accountAt(0));
        (bool taken,) = send(accountAt(0), batch);

        vm.assertFalse(taken, "8: a malformed batch reverts");
        ++tally.malformed;
    }

    /// @dev The administrator makes an account a writer, or ends it.
    function changeRole(uint256 account, bool writer) external {
        bytes32 role = LOG.WRITER_ROLE();
        vm.prank(ADMIN);
        if (writer) LOG.grantRole(role, accountAt(account));
        else LOG.revokeRole(role, accountAt(account));
    }

    // What can be seen of it

    function entryCount() external view returns (uint256) {
        return entries.length;
    }

    function streams() external view returns (bytes32[] memory list) {
        list = new bytes32[](MODEL.STREAMS());
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = MODEL.streamAt(i);
        }
    }

    // Helpers

    /// @dev Checks what the logs say about one commit, from `next` on, and remembers it.
    function follow(uint256 index, Commit memory commit, Vm.Log[] memory logs, uint256 next) private returns (uint256) {
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            if (versions[part.stream] == part.version && tags[part.stream] == part.tag) continue;
            vm.assertEq(logs[next].topics[0], IEventLog.CommitRejected.selector, "6: a stale commit is rejected");
            vm.assertEq(
                logs[next].data,
                abi.encode(index, part.stream, versions[part.stream], tags[part.stream]),
                "6: the rejection says why"
            );
            ++tally.rejected;
            return next + 1;
        }
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            for (uint256 j = 0; j < part.payloads.length; ++j) {
                vm.assertEq(logs[next].topics[0], IEventLog.Appended.selector, "6: a commit on its heads is taken");
                vm.assertEq(logs[next].topics[1], part.stream, "6: to its stream");
                (uint64 version, uint64 position, bytes memory payload) =
                    abi.decode(logs[next].data, (uint64, uint64, bytes));
                vm.assertEq(payload, part.payloads[j], "6: as it was sent");
                entries.push(Entry(part.stream, version, position, keccak256(payload)));
                (versions[part.stream], tags[part.stream]) = (version, bytes8(keccak256(payload)));
                ++next;
            }
        }
        ++tally.appended;
        return next;
    }

    function send(address sender, bytes memory batch) private returns (bool taken, Vm.Log[] memory logs) {
        vm.recordLogs();
        vm.prank(sender);
        (taken,) = address(LOG).call(abi.encodeCall(LOG.append, (batch)));
        // Foundry records what a call logged before it reverted; no node would.
        logs = vm.getRecordedLogs();
        if (!taken) delete logs;
    }

    function ensureWriter(address account) private {
        bytes32 role = LOG.WRITER_ROLE();
        vm.prank(ADMIN);
        LOG.grantRole(role, account);
    }

    function accountAt(uint256 i) private pure returns (address) {
        return address(uint160(0xACC0 + i % 4));
    }
}
