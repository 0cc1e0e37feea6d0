// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EventLog} from "../src/EventLog.sol";
import {IEventLog} from "../src/interfaces/IEventLog.sol";
import {BatchEncoder, Commit, Part} from "../test/utils/BatchEncoder.sol";
import {Vm, vm} from "../test/utils/Vm.sol";

/// @title The contract's own answers, for clients in other languages to be held against
/// @dev Run by `tools/build-test-vectors`. It makes a log on a known chain at a known address, and sends it a few batches in
/// a row, then some that it refuses.
contract TestVectors {
    /// @dev Of three bytes, so that its width shows in the first running hash.
    uint256 private constant CHAIN_ID = 7_654_321;
    address private constant DEPLOYER = address(0xDE9107E2);
    uint32 private constant DELAY = 86_400;
    bytes32 private constant PLAIN = bytes32(uint256(2) << 224 | 7);

    EventLog private log;
    bytes32[4] private streams = [
        bytes32(uint256(1) << 224) | (keccak256("first") >> 32),
        bytes32(uint256(1) << 224) | (keccak256("second") >> 32),
        bytes32(uint256(1) << 224) | (keccak256("third") >> 32),
        // Of a namespace in which the sender does not write.
        bytes32(uint256(3) << 224) | (keccak256("foreign") >> 32)
    ];
    string private batches;
    string private malformed;
    string private administered;

    function run() external {
        vm.chainId(CHAIN_ID);
        vm.prank(DEPLOYER);
        log = new EventLog();

        administer();
        sendBatches();
        sendMalformed();

        string memory head = string.concat(
            field("chainId", vm.toString(CHAIN_ID)),
            ",",
            field("address", quoted(vm.toString(address(log)))),
            ",",
            field("initialRunningHash", hexOf(keccak256(abi.encode("medconnect.EventLog.v2", CHAIN_ID, address(log)))))
        );
        vm.writeFile(
            "cache/test-vectors.json",
            string.concat(
                "{", head, ',"acts":[', administered, '],"batches":[', batches, '],"malformed":[', malformed, "]}"
            )
        );
    }

    // What is sent

    /// @dev Each kind of entry of namespace 0, and one of a plain namespace.
    function administer() private {
        act("a sealed namespace is opened", abi.encodeCall(log.openNamespace, (true, DELAY)));
        act("a writer is admitted", abi.encodeCall(log.admit, (1, DEPLOYER)));
        act("a plain namespace is opened", abi.encodeCall(log.openNamespace, (false, 0)));
        act("a writer of it is admitted", abi.encodeCall(log.admit, (2, DEPLOYER)));
        act("something is recorded", abi.encodeCall(log.record, (PLAIN, "granted")));
        act("a namespace of somebody else", abi.encodeCall(log.openNamespace, (true, 0)));
        act("somebody is admitted", abi.encodeCall(log.admit, (3, address(0xACC1))));
        act("and dismissed", abi.encodeCall(log.dismiss, (3, address(0xACC1))));
        act("it is offered", abi.encodeCall(log.transferNamespace, (3, DEPLOYER)));
        act("and accepted", abi.encodeCall(log.acceptNamespace, (3)));
        act("a profile is published", abi.encodeCall(log.publish, (1, "profile")));
    }

    function act(string memory name, bytes memory call) private {
        vm.recordLogs();
        vm.prank(DEPLOYER);
        (bool taken,) = address(log).call(call);
        vm.assertTrue(taken, name);
        administered = joined(
            administered,
            string.concat("{", field("name", quoted(name)), ",", field("call", hexOf(call)), ",", seen(), "}")
        );
    }

    function sendBatches() private {
        send("one commit opens a stream", list(single(part(0, 0, "", only("one")))));
        send("two events on top of it", list(single(part(0, 1, "one", two("two", blob(160))))));
        send(
            "a commit on top of one in the same batch",
            list(single(part(1, 0, "", only(blob(31)))), single(part(1, 1, blob(31), only(blob(33)))))
        );
        send(
            "one commit on two streams",
            list(Commit(pair(part(0, 3, blob(160), only("four")), part(1, 2, blob(33), only("three")))))
        );
        send(
            "a stale commit between two good ones",
            list(
                single(part(0, 4, "four", only("five"))),
                single(part(1, 2, blob(33), only("too late"))),
                single(part(1, 3, "three", only("four")))
            )
        );
        send(
            "a commit on two streams, of which the second is stale",
            list(Commit(pair(part(0, 5, "five", only("six")), part(1, 3, "three", only("too late")))))
        );
        send("the right version with another tag", list(single(part(0, 5, "another five", only("six")))));
        send("a stream that does not exist yet", list(single(part(2, 1, "nothing", only("two")))));
        send("a payload longer than a byte can count", list(single(part(2, 0, "", only(blob(300))))));
        send("a stream of a namespace in which the sender does not write", list(single(part(3, 0, "", only("one")))));
    }

    function sendMalformed() private {
        bytes memory good = encode(part(0, 5, "five", two("six", "seven")));
        sendRefused("no commit", "");
        sendRefused("a commit without parts", hex"00");
        sendRefused("a part without events", encode(part(0, 5, "five", new bytes[](0))));
        sendRefused("an event without a payload", encode(part(0, 5, "five", two("six", ""))));
        sendRefused("cut in the header of a part", firstBytes(good, 46));
        sendRefused("cut in the length of an event", firstBytes(good, 49));
        sendRefused("cut in a payload", firstBytes(good, good.length - 1));
        sendRefused("a zero byte at the end", bytes.concat(good, hex"00"));
        sendRefused("other bytes at the end", bytes.concat(good, hex"0102"));
        sendRefused("beyond the last version", encode(part(0, type(uint32).max, "last", only("one more"))));
        Part memory six = part(0, 5, "five", only("six"));
        sendRefused("a stream twice in a commit", BatchEncoder.encode(Commit(pair(six, six))));
    }

    function send(string memory name, Commit[] memory commits) private {
        bytes memory batch = BatchEncoder.encode(commits);
        vm.recordLogs();
        vm.prank(DEPLOYER);
        log.append(batch);

        string memory sent =
            string.concat(field("name", quoted(name)), ",", field("commits", ofCommits(commits)), ",", encoded(batch));
        batches = joined(batches, string.concat("{", sent, ",", seen(), "}"));
    }

    /// @dev What was logged, and the log's state after it.
    function seen() private returns (string memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (uint64 position, bytes32 runningHash) = log.head();
        return string.concat(
            field("logs", ofLogs(logs)),
            ",",
            field("position", vm.toString(uint256(position))),
            ",",
            field("runningHash", hexOf(runningHash)),
            ",",
            field("heads", ofHeads())
        );
    }

    function sendRefused(string memory name, bytes memory batch) private {
        vm.prank(DEPLOYER);
        (bool taken, bytes memory reason) = address(log).call(abi.encodeCall(log.append, (batch)));
        vm.assertFalse(taken, name);
        malformed = joined(
            malformed,
            string.concat(
                "{", field("name", quoted(name)), ",", encoded(batch), ",", field("revert", hexOf(reason)), "}"
            )
        );
    }

    // Parts and commits

    function part(uint256 stream, uint32 version, bytes memory last, bytes[] memory payloads)
        private
        view
        returns (Part memory)
    {
        return Part(streams[stream], version, version == 0 ? bytes8(0) : bytes8(keccak256(last)), payloads);
    }

    function only(bytes memory payload) private pure returns (bytes[] memory made) {
        made = new bytes[](1);
        made[0] = payload;
    }

    function two(bytes memory first, bytes memory second) private pure returns (bytes[] memory made) {
        made = new bytes[](2);
        (made[0], made[1]) = (first, second);
    }

    function single(Part memory first) private pure returns (Commit memory made) {
        made.parts = new Part[](1);
        made.parts[0] = first;
    }

    function pair(Part memory first, Part memory second) private pure returns (Part[] memory made) {
        made = new Part[](2);
        (made[0], made[1]) = (first, second);
    }

    function list(Commit memory first) private pure returns (Commit[] memory made) {
        made = new Commit[](1);
        made[0] = first;
    }

    function list(Commit memory first, Commit memory second) private pure returns (Commit[] memory made) {
        made = new Commit[](2);
        (made[0], made[1]) = (first, second);
    }

    function list(Commit memory first, Commit memory second, Commit memory third)
        private
        pure
        returns (Commit[] memory made)
    {
        made = new Commit[](3);
        (made[0], made[1], made[2]) = (first, second, third);
    }

    function encode(Part memory alone) private pure returns (bytes memory) {
        return BatchEncoder.encode(single(alone));
    }

    /// @dev 1, 2, 3, ..., so that a byte out of place shows.
    function blob(uint256 length) private pure returns (bytes memory made) {
        made = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            made[i] = bytes1(uint8(i + 1));
        }
    }

    function firstBytes(bytes memory all, uint256 length) private pure returns (bytes memory cut) {
        cut = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            cut[i] = all[i];
        }
    }

    // JSON

    function ofCommits(Commit[] memory commits) private pure returns (string memory json) {
        for (uint256 i = 0; i < commits.length; ++i) {
            string memory parts = "";
            for (uint256 j = 0; j < commits[i].parts.length; ++j) {
                Part memory each = commits[i].parts[j];
                string memory payloads = "";
                for (uint256 k = 0; k < each.payloads.length; ++k) {
                    payloads = joined(payloads, hexOf(each.payloads[k]));
                }
                string memory head = ofHead(each.stream, each.version, each.tag);
                parts = joined(parts, string.concat("{", head, ',"payloads":[', payloads, "]}"));
            }
            json = joined(json, string.concat('{"parts":[', parts, "]}"));
        }
        json = string.concat("[", json, "]");
    }

    function ofLogs(Vm.Log[] memory logs) private pure returns (string memory json) {
        for (uint256 i = 0; i < logs.length; ++i) {
            string memory topics = "";
            for (uint256 j = 0; j < logs[i].topics.length; ++j) {
                topics = joined(topics, hexOf(logs[i].topics[j]));
            }
            string memory raw = string.concat('"topics":[', topics, "],", field("data", hexOf(logs[i].data)));
            json = joined(json, string.concat("{", ofLog(logs[i]), ",", raw, "}"));
        }
        json = string.concat("[", json, "]");
    }

    function ofLog(Vm.Log memory entry) private pure returns (string memory) {
        if (entry.topics[0] == IEventLog.Appended.selector) {
            (uint256 place, bytes memory payload) = abi.decode(entry.data, (uint256, bytes));
            return string.concat(
                '"event":"Appended",',
                field("stream", hexOf(entry.topics[1])),
                ",",
                ofPlace(place),
                ",",
                field("payload", hexOf(payload))
            );
        }
        vm.assertEq(entry.topics[0], IEventLog.CommitRejected.selector);
        (uint256 index, bytes32 stream, uint64 actual, bytes8 tag) =
            abi.decode(entry.data, (uint256, bytes32, uint64, bytes8));
        return string.concat(
            '"event":"CommitRejected",', field("index", vm.toString(index)), ",", ofHead(stream, actual, tag)
        );
    }

    function ofPlace(uint256 place) private pure returns (string memory) {
        return string.concat(
            field("count", vm.toString(uint256(uint16(place >> 144)))),
            ",",
            field("index", vm.toString(uint256(uint16(place >> 128)))),
            ",",
            field("writer", vm.toString(uint256(uint32(place >> 96)))),
            ",",
            field("version", vm.toString(uint256(uint32(place >> 64)))),
            ",",
            field("position", vm.toString(uint256(uint64(place))))
        );
    }

    function ofHeads() private view returns (string memory json) {
        for (uint256 i = 0; i < streams.length; ++i) {
            (uint64 version, bytes8 tag) = log.headOf(streams[i]);
            json = joined(json, string.concat("{", ofHead(streams[i], version, tag), "}"));
        }
        json = string.concat("[", json, "]");
    }

    function ofHead(bytes32 stream, uint256 version, bytes8 tag) private pure returns (string memory) {
        return string.concat(
            field("stream", hexOf(stream)),
            ",",
            field("version", vm.toString(version)),
            ",",
            field("tag", hexOf(abi.encodePacked(tag)))
        );
    }

    function encoded(bytes memory batch) private pure returns (string memory) {
        return field("encoded", hexOf(batch));
    }

    function field(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('"', name, '":', value);
    }

    function hexOf(bytes memory value) private pure returns (string memory) {
        return quoted(vm.toString(value));
    }

    function hexOf(bytes32 value) private pure returns (string memory) {
        return quoted(vm.toString(value));
    }

    function quoted(string memory value) private pure returns (string memory) {
        return string.concat('"', value, '"');
    }

    function joined(string memory before, string memory next) private pure returns (string memory) {
        return bytes(before).length == 0 ? next : string.concat(before, ",", next);
    }
}
