// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The event log
/// @notice An append-only log of sealed events. It is made of streams, one for each aggregate. Writers append commits; the
/// log decides which commit was first on a stream, and numbers and hash-links whatever it takes.
/// @dev A stream's head is its version (how many events it has) and its tag (the first 8 bytes of keccak256 of its last
/// payload); a stream without events has the head (0, 0). A commit names, for each stream that it appends to, the head on
/// which it was decided. It is taken as a whole if all of those are still the heads, and rejected as a whole otherwise.
///
/// Both halves are needed. With the version alone, a commit that was decided on top of another one, still in flight,
/// would be taken after a stranger's event that got the same version first.
interface IEventLog {
    /// @notice An event was appended.
    /// @param stream The stream it belongs to.
    /// @param version Its place within the stream, counted from 1, without gaps.
    /// @param position Its place within the whole log, counted from 1, without gaps.
    /// @param payload The sealed event.
    event Appended(bytes32 indexed stream, uint64 version, uint64 position, bytes payload);

    /// @notice A commit was decided on a head that is no longer the head. Nothing of it was appended.
    /// @param index The commit's place within its batch, counted from 0.
    /// @param stream The first of its streams that has moved on.
    /// @param version The version of that stream at that moment.
    /// @param tag The tag of that stream at that moment.
    event CommitRejected(uint256 index, bytes32 stream, uint64 version, bytes8 tag);

    /// @notice The log would have nobody to administer it.
    error EventLog_AdminMissing();

    /// @notice The batch holds no commit.
    error EventLog_BatchEmpty();

    /// @notice The batch ends in the middle of a part or of an event.
    /// @param offset Where in the batch the unfinished part or event begins.
    error EventLog_BatchTruncated(uint256 offset);

    /// @notice A commit has no part.
    /// @param offset Where in the batch the commit begins.
    error EventLog_CommitEmpty(uint256 offset);

    /// @notice A part has no event.
    /// @param offset Where in the batch the part begins.
    error EventLog_PartEmpty(uint256 offset);

    /// @notice An event has no payload.
    /// @param offset Where in the batch the event begins.
    error EventLog_PayloadEmpty(uint256 offset);

    /// @notice A commit names the same stream twice.
    /// @param offset Where in the batch the second part on that stream begins.
    /// @param stream The stream.
    error EventLog_StreamRepeated(uint256 offset, bytes32 stream);

    /// @notice A part would take its stream beyond the last version that a batch can name.
    /// @param offset Where in the batch the part begins.
    /// @param stream The stream.
    error EventLog_VersionTooHigh(uint256 offset, bytes32 stream);

    /// @notice Appends the commits of a batch, in their order. A commit that is stale is answered with `CommitRejected`
    /// and changes nothing; the others go through. Each commit sees what those before it have appended.
    /// @dev Reverts if the caller is not a writer, or if the batch is malformed. Whether it is malformed depends on its bytes
    /// alone, never on the log's state, so a batch that was encoded well cannot be spoilt by what others write.
    ///
    /// The encoding is packed and big-endian, because calldata is what an append costs most:
    ///
    ///     batch  = commit+
    ///     commit = partCount:u8 part+                                   distinct streams
    ///     part   = stream:32 version:u32 tag:8 eventCount:u16 event+    version and tag of the head decided on
    ///     event  = length:u24 payload                                   at least one byte
    /// @param batch The commits.
    function append(bytes calldata batch) external;

    /// @notice How many events the log has, and the hash that links all of them.
    /// @dev For n events, in the order of their positions:
    ///
    ///     runningHash_0 = keccak256(abi.encode("medconnect.EventLog.v1", block.chainid, address(this)))
    ///     runningHash_n = keccak256(abi.encodePacked(
    ///         runningHash_{n-1}, stream, uint64 version, uint64 position, keccak256(payload)))
    ///
    /// The chain id is the one of the deployment. So whoever has all the logs can prove that none was hidden or invented.
    /// @return position The position of the last event; 0 if there is none.
    /// @return runningHash The hash over everything appended.
    function head() external view returns (uint64 position, bytes32 runningHash);

    /// @notice The head of a stream, which the next commit on it has to name.
    /// @param stream The stream.
    /// @return version The version of its last event; 0 if there is none.
    /// @return tag The first 8 bytes of keccak256 of its last payload; 0 if there is none.
    function headOf(bytes32 stream) external view returns (uint64 version, bytes8 tag);

    /// @notice The role that may append.
    // slither-disable-next-line naming-convention : a constant of the contract, named as OpenZeppelin names roles
    function WRITER_ROLE() external view returns (bytes32);
}
