// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../../src/EventLog.sol";
import {IEventLog} from "../../src/interfaces/IEventLog.sol";
import {BatchEncoder, Commit, Part} from "../utils/BatchEncoder.sol";
import {EventLogModel} from "../utils/EventLogModel.sol";
import {Random, Seed} from "../utils/Random.sol";
import {Vm, vm} from "../utils/Vm.sol";

/// @dev By which way an entry came.
enum Way {
    Appended,
    Recorded,
    Administered
}

/// @title Everything that is done to the log while invariants are watched
/// @dev It remembers what was logged. The model serves to draw batches that hit and miss heads, not to judge them.
///
/// Four accounts own the namespaces, write in them, and try what they may not. The streams of the model stand in the namespaces 1 and 2, which
/// are sealed; 3 is plain; others are opened as it goes.
contract EventLogHandler {
    using Random for Seed;

    /// @dev An `Appended` entry, as whoever follows the log sees it, and who caused it.
    struct Entry {
        bytes32 stream;
        uint256 place;
        bytes payload;
        address sender;
        Way way;
    }

    /// @dev How often each thing happened.
    struct Tally {
        uint256 appended;
        uint256 stale;
        uint256 withoutRight;
        uint256 malformed;
        uint256 recorded;
        uint256 administered;
        uint256 refused;
    }

    uint32 private constant PLAIN = 3;

    EventLog private immutable LOG;
    EventLogModel private immutable MODEL;

    Entry[] private entries;
    Tally public tally;
    mapping(bytes32 stream => uint64) private versions;
    mapping(bytes32 stream => bytes8) private tags;

    constructor(EventLog log) {
        LOG = log;
        MODEL = new EventLogModel(block.chainid, address(log));
    }

    // What is done to streams

    /// @dev An account, which writes in both namespaces, one or none, appends a random batch.
    function append(uint256 account, uint256 entropy) external {
        address sender = accountAt(account);
        Seed memory seed = Seed(entropy);
        Commit[] memory commits = MODEL.randomCommits(seed);
        (bool taken, Vm.Log[] memory logs) = send(sender, BatchEncoder.encode(commits));
        vm.assertTrue(taken, "8: a well-formed batch does not revert");
        uint256 next = 0;
        for (uint256 i = 0; i < commits.length; ++i) {
            next = follow(i, sender, commits[i], logs, next);
        }
        vm.assertEq(next, logs.length, "6: nothing else is logged");
    }

    /// @dev An account appends commits of which each misses a head, or is on a stream of a namespace that takes no commits.
    function appendRefused(uint256 account, uint256 entropy) external {
        address sender = accountAt(account);
        Seed memory seed = Seed(entropy);
        Commit[] memory commits = MODEL.randomCommits(seed);
        for (uint256 i = 0; i < commits.length; ++i) {
            Part[] memory parts = commits[i].parts;
            Part memory part = parts[seed.below(parts.length)];
            if (seed.oneIn(3)) {
                // Of administration, plain, or not open.
                uint256 namespace = seed.oneIn(3) ? 0 : seed.oneIn(2) ? PLAIN : 1_000_000;
                part.stream = bytes32(namespace << 224 | 1 + seed.below(3));
                (uint64 version, bytes8 tag) = LOG.headOf(part.stream);
                (part.version, part.tag) = (uint32(version), tag);
            } else {
                (uint64 version,) = LOG.headOf(part.stream);
                part.version = uint32(version + 1 + seed.below(1000));
            }
        }
        vm.record();
        (bool taken, Vm.Log[] memory logs) = send(sender, BatchEncoder.encode(commits));
        (, bytes32[] memory writes) = vm.accesses(address(LOG));
        vm.assertTrue(taken, "8: a well-formed batch does not revert");
        vm.assertEq(writes.length, 0, "7: a batch of rejected commits writes no storage");
        vm.assertEq(logs.length, commits.length, "6: each commit is rejected once");
        for (uint256 i = 0; i < commits.length; ++i) {
            follow(i, sender, commits[i], logs, i);
        }
    }

    /// @dev An account appends a batch of which some bytes at the end are missing, or that has some too many.
    function appendMalformed(uint256 account, uint256 entropy) external {
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
        (bool taken,) = send(accountAt(account), batch);
        vm.assertFalse(taken, "8: a malformed batch reverts");
        ++tally.malformed;
    }

    /// @dev An account records something, in a namespace of any kind.
    function record(uint256 account, uint256 entropy) external {
        address sender = accountAt(account);
        Seed memory seed = Seed(entropy);
        uint32 namespace = seed.oneIn(3) ? uint32(seed.below(5)) : PLAIN;
        bytes32 stream = bytes32(uint256(namespace) << 224 | 1 + seed.below(3));
        (, bool isSealed,,,) = LOG.namespaceAt(namespace);
        bool may = !isSealed && LOG.writerOf(namespace, sender) != 0;
        bytes memory payload = seed.blob(1 + seed.below(70));
        (bool taken, Vm.Log[] memory logs) = call(sender, abi.encodeCall(LOG.record, (stream, payload)));
        vm.assertTrue(taken == may, "5: writers of plain namespaces record, and nobody else");
        if (!taken) {
            ++tally.refused;
            return;
        }
        vm.assertEq(logs.length, 1, "6: one entry");
        remember(logs[0], sender, Way.Recorded);
        Entry memory last = entries[entries.length - 1];
        vm.assertEq(last.stream, stream, "6: on its stream");
        vm.assertEq(last.payload, payload, "6: as it was sent");
        ++tally.recorded;
    }

    // What is done to namespaces

    function open(uint256 account, bool isSealed, uint256 delay) external {
        bytes memory what = abi.encodeCall(LOG.openNamespace, (isSealed, uint32(delay % 100)));
        administer(accountAt(account), what, true);
    }

    function admit(uint256 account, uint32 namespace, uint256 whom) external {
        (address sender, uint32 at, address writer) = (accountAt(account), known(namespace), accountAt(whom));
        bool may = owns(sender, at) && LOG.writerOf(at, writer) == 0;
        administer(sender, abi.encodeCall(LOG.admit, (at, writer)), may);
    }

    function dismiss(uint256 account, uint32 namespace, uint256 whom) external {
        (address sender, uint32 at, address writer) = (accountAt(account), known(namespace), accountAt(whom));
        bool may = owns(sender, at) && LOG.writerOf(at, writer) != 0;
        administer(sender, abi.encodeCall(LOG.dismiss, (at, writer)), may);
    }

    function offer(uint256 account, uint32 namespace, uint256 whom) external {
        (address sender, uint32 at) = (accountAt(account), known(namespace));
        // One of five offers takes back the one before.
        address candidate = whom % 5 == 4 ? address(0) : accountAt(whom);
        administer(sender, abi.encodeCall(LOG.transferNamespace, (at, candidate)), owns(sender, at));
    }

    function accept(uint256 account, uint32 namespace, uint256 later) external {
        (address sender, uint32 at) = (accountAt(account), known(namespace));
        vm.warp(block.timestamp + later % 100);
        (,,, address candidate, uint64 acceptableFrom) = LOG.namespaceAt(at);
        bool may = candidate == sender && block.timestamp >= acceptableFrom;
        administer(sender, abi.encodeCall(LOG.acceptNamespace, (at)), may);
    }

    function publish(uint256 account, uint32 namespace, uint256 entropy) external {
        (address sender, uint32 at) = (accountAt(account), known(namespace));
        Seed memory seed = Seed(entropy);
        bytes memory profile = seed.blob(seed.below(70));
        administer(sender, abi.encodeCall(LOG.publish, (at, profile)), owns(sender, at) && profile.length != 0);
    }

    // What can be seen of it

    function entryCount() external view returns (uint256) {
        return entries.length;
    }

    function entryAt(uint256 i) external view returns (Entry memory) {
        return entries[i];
    }

    function accountAt(uint256 i) public pure returns (address) {
        return address(uint160(0xACC0 + i % 4));
    }

    // Helpers

    /// @dev Mostly one of the first four, so that what is done meets what was done.
    function known(uint32 namespace) private pure returns (uint32) {
        return namespace % 8 == 7 ? namespace : namespace % 4;
    }

    function owns(address account, uint32 namespace) private view returns (bool) {
        (address owner,,,,) = LOG.namespaceAt(namespace);
        return owner == account;
    }

    function administer(address sender, bytes memory what, bool may) private {
        (bool taken, Vm.Log[] memory logs) = call(sender, what);
        vm.assertTrue(taken == may, "9: what is done to a namespace its owner does, and nobody else");
        if (!taken) {
            ++tally.refused;
            return;
        }
        vm.assertEq(logs.length, 1, "9: it is logged");
        remember(logs[0], sender, Way.Administered);
        ++tally.administered;
    }

    /// @dev Checks what the logs say about one commit, from `next` on, and remembers it.
    function follow(uint256 index, address sender, Commit memory commit, Vm.Log[] memory logs, uint256 next)
        private
        returns (uint256)
    {
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            bool stale = versions[part.stream] != part.version || tags[part.stream] != part.tag;
            if (!stale && mayAppend(sender, part.stream)) continue;
            vm.assertEq(logs[next].topics[0], IEventLog.CommitRejected.selector, "6: it is rejected");
            vm.assertEq(
                logs[next].data,
                abi.encode(index, part.stream, versions[part.stream], tags[part.stream]),
                "6: the rejection says why"
            );
            if (stale) ++tally.stale;
            else ++tally.withoutRight;
            return next + 1;
        }
        for (uint256 i = 0; i < commit.parts.length; ++i) {
            Part memory part = commit.parts[i];
            for (uint256 j = 0; j < part.payloads.length; ++j) {
                vm.assertEq(logs[next].topics[0], IEventLog.Appended.selector, "6: a commit on its heads is taken");
                remember(logs[next], sender, Way.Appended);
                Entry memory last = entries[entries.length - 1];
                vm.assertEq(last.stream, part.stream, "6: to its stream");
                vm.assertEq(last.payload, part.payloads[j], "6: as it was sent");
                ++next;
            }
        }
        ++tally.appended;
        return next;
    }

    function mayAppend(address sender, bytes32 stream) private view returns (bool) {
        uint32 namespace = uint32(bytes4(stream));
        (, bool isSealed,,,) = LOG.namespaceAt(namespace);
        return isSealed && LOG.writerOf(namespace, sender) != 0;
    }

    function remember(Vm.Log memory logged, address sender, Way way) private {
        (uint256 place, bytes memory payload) = abi.decode(logged.data, (uint256, bytes));
        bytes32 stream = logged.topics[1];
        entries.push(Entry(stream, place, payload, sender, way));
        (versions[stream], tags[stream]) = (uint32(place >> 64), bytes8(keccak256(payload)));
    }

    function send(address sender, bytes memory batch) private returns (bool, Vm.Log[] memory) {
        return call(sender, abi.encodeCall(LOG.append, (batch)));
    }

    function call(address sender, bytes memory what) private returns (bool taken, Vm.Log[] memory logs) {
        vm.recordLogs();
        vm.prank(sender);
        (taken,) = address(LOG).call(what);
        // Foundry records what a call logged before it reverted; no node would.
        logs = vm.getRecordedLogs();
        if (!taken) delete logs;
    }
}
