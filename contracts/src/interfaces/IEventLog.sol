// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The event log
/// @notice An append-only log of entries. It is made of streams, and streams stand in namespaces. The writers of a namespace append
/// commits to its streams; the log decides which commit was first on a stream, and numbers and hash-links whatever it takes.
/// @dev A stream is `namespace:4 || name:28`. Whoever may write in one namespace can do nothing in another.
///
/// A stream's head is its version (how many entries it has) and its tag (the first 8 bytes of keccak256 of its last
/// payload); a stream without entries has the head (0, 0). A commit names, for each stream that it appends to, the head on
/// which it was decided. It is taken as a whole if all of those are still the heads, and rejected as a whole otherwise.
///
/// Both halves are needed. With the version alone, a commit that was decided on top of another one, still in flight,
/// would be taken after a stranger's entry that got the same version first.
///
/// Nobody administers the log. Whoever opens a namespace owns it: only its owner says who writes in it. What owners do is an entry too, in
/// namespace 0, in which nobody writes: on the stream that ends in the number of the namespace. The payloads of these entries are
/// packed, big-endian, and begin with what was done:
///
///     opened    = 0x01 isSealed:u8 delay:u32 owner:20
///     admitted  = 0x02 writer:u32 account:20
///     dismissed = 0x03 writer:u32 account:20
///     offered   = 0x04 acceptableFrom:u64 candidate:20        the candidate 0 takes the offer back
///     accepted  = 0x05 owner:20
///     published = 0x06 profile
interface IEventLog {
    /// @notice An entry was appended.
    /// @dev The place, from its highest bits on (96 of them are 0): `count:16 || index:16 || writer:32 || version:32 || position:64`.
    ///
    ///     count     how many entries its commit has
    ///     index     which of them this is, counted from 0
    ///     writer    who wrote it: the number with which the account was admitted to the namespace; 0 in namespace 0
    ///     version   its place within the stream, counted from 1, without gaps
    ///     position  its place within the whole log, counted from 1, without gaps
    /// @param stream The stream it belongs to.
    /// @param place Its place in its commit, its stream and the log, and who wrote it.
    /// @param payload The sealed event, or what was recorded.
    event Appended(bytes32 indexed stream, uint256 place, bytes payload);

    /// @notice Nothing of a commit was appended: it was decided on a head that is no longer the head, or whoever sent it is no writer.
    /// @dev Which of both it is the head tells: if it is the one that the commit named, the right is missing.
    /// @param index The commit's place within its batch, counted from 0.
    /// @param stream The first of its streams that has moved on, or to which the sender may not append.
    /// @param version The version of that stream at that moment.
    /// @param tag The tag of that stream at that moment.
    event CommitRejected(uint256 index, bytes32 stream, uint64 version, bytes8 tag);

    /// @notice The batch holds no commit.
    error EventLog_BatchEmpty();

    /// @notice The batch ends in the middle of a part or of an event.
    /// @param offset Where in the batch the unfinished part or event begins.
    error EventLog_BatchTruncated(uint256 offset);

    /// @notice A commit has no part.
    /// @param offset Where in the batch the commit begins.
    error EventLog_CommitEmpty(uint256 offset);

    /// @notice A commit has more events than a place can count.
    /// @param offset Where in the batch the commit begins.
    error EventLog_CommitTooLong(uint256 offset);

    /// @notice A part has no event.
    /// @param offset Where in the batch the part begins.
    error EventLog_PartEmpty(uint256 offset);

    /// @notice An event has no payload.
    /// @param offset Where in the batch the event begins; 0 for what is recorded or published.
    error EventLog_PayloadEmpty(uint256 offset);

    /// @notice A commit names the same stream twice.
    /// @param offset Where in the batch the second part on that stream begins.
    /// @param stream The stream.
    error EventLog_StreamRepeated(uint256 offset, bytes32 stream);

    /// @notice A stream would go beyond the last version that a batch can name.
    /// @param offset Where in the batch the part begins; 0 for what is recorded.
    /// @param stream The stream.
    error EventLog_VersionTooHigh(uint256 offset, bytes32 stream);

    /// @notice The caller is no writer of a namespace of plain entries.
    /// @param namespace The namespace.
    /// @param account The caller.
    error EventLog_NotAWriter(uint32 namespace, address account);

    /// @notice The caller does not own the namespace, or there is none of that number.
    /// @param namespace The namespace.
    /// @param account The caller.
    error EventLog_NotTheOwner(uint32 namespace, address account);

    /// @notice The namespace is not offered to the caller.
    /// @param namespace The namespace.
    /// @param account The caller.
    error EventLog_NotOffered(uint32 namespace, address account);

    /// @notice The namespace is offered to the caller, who cannot accept it yet.
    /// @param namespace The namespace.
    /// @param acceptableFrom From when on, in seconds since 1970.
    error EventLog_NotYetAcceptable(uint32 namespace, uint64 acceptableFrom);

    /// @notice The account is a writer of the namespace already.
    /// @param namespace The namespace.
    /// @param account The account.
    error EventLog_WriterKnown(uint32 namespace, address account);

    /// @notice The account is no writer of the namespace.
    /// @param namespace The namespace.
    /// @param account The account.
    error EventLog_WriterUnknown(uint32 namespace, address account);

    /// @notice Appends the commits of a batch, in their order. A commit that is stale, or on a stream of a namespace in which the caller does
    /// not write, or which takes recorded entries only, is answered with `CommitRejected` and changes nothing; the others go through. Each
    /// commit sees what those before it have appended.
    /// @dev Reverts if the batch is malformed, and for no other reason. Whether it is malformed depends on its bytes alone, never on the log's
    /// state, so a batch that was encoded well cannot be spoilt by what others do.
    ///
    /// The encoding is packed and big-endian, because calldata is what an append costs most:
    ///
    ///     batch  = commit+
    ///     commit = partCount:u8 part+                                   distinct streams, of one namespace or several
    ///     part   = stream:32 version:u32 tag:8 eventCount:u16 event+    version and tag of the head decided on
    ///     event  = length:u24 payload                                   at least one byte
    /// @param batch The commits.
    function append(bytes calldata batch) external;

    /// @notice Appends a plain entry that anybody can read, at whatever head its stream has. This is how other contracts write to the log.
    /// @dev Reverts unless the caller is a writer of the stream's namespace and that one is of plain entries.
    /// @param stream The stream.
    /// @param payload The entry, of one byte or more.
    function record(bytes32 stream, bytes calldata payload) external;

    /// @notice Opens a namespace, which is the caller's.
    /// @param isSealed Whether it takes commits of sealed events (`append`) or plain entries (`record`), for ever.
    /// @param delay How many seconds pass between offering the namespace to somebody and their accepting it, at least.
    /// @return namespace Its number: they are counted from 1.
    function openNamespace(bool isSealed, uint32 delay) external returns (uint32 namespace);

    /// @notice Makes an account a writer of the caller's namespace.
    /// @param namespace The namespace.
    /// @param account The account.
    /// @return writer Its number, by which the entries name it: no other account gets it, and none when it is admitted once more.
    function admit(uint32 namespace, address account) external returns (uint32 writer);

    /// @notice Takes from an account the right to write in the caller's namespace.
    /// @param namespace The namespace.
    /// @param account The account.
    function dismiss(uint32 namespace, address account) external;

    /// @notice Offers the caller's namespace to somebody, who owns it once they have accepted it. An offer takes the place of the one before.
    /// @param namespace The namespace.
    /// @param candidate To whom; 0 takes an offer back.
    function transferNamespace(uint32 namespace, address candidate) external;

    /// @notice Takes over a namespace that was offered to the caller, once its delay has passed.
    /// @param namespace The namespace.
    function acceptNamespace(uint32 namespace) external;

    /// @notice Publishes what the readers and writers of the caller's namespace have to know: its keys, formats and addresses.
    /// @param namespace The namespace.
    /// @param profile The profile, of one byte or more. The log does not read it.
    function publish(uint32 namespace, bytes calldata profile) external;

    /// @notice How many entries the log has, and the hash that links all of them.
    /// @dev For n entries, in the order of their positions:
    ///
    ///     runningHash_0 = keccak256(abi.encode("medconnect.EventLog.v2", block.chainid, address(this)))
    ///     runningHash_n = keccak256(abi.encode(runningHash_{n-1}, stream, keccak256(payload), place))
    ///
    /// The chain id is the one of the deployment. So whoever has all the logs can prove that none was hidden or invented.
    /// @return position The position of the last entry; 0 if there is none.
    /// @return runningHash The hash over everything appended.
    function head() external view returns (uint64 position, bytes32 runningHash);

    /// @notice The head of a stream, which the next commit on it has to name.
    /// @param stream The stream.
    /// @return version The version of its last entry; 0 if there is none.
    /// @return tag The first 8 bytes of keccak256 of its last payload; 0 if there is none.
    function headOf(bytes32 stream) external view returns (uint64 version, bytes8 tag);

    /// @notice As which writer of a namespace an account writes.
    /// @param namespace The namespace.
    /// @param account The account.
    /// @return writer Its number; 0 if it is no writer.
    function writerOf(uint32 namespace, address account) external view returns (uint32 writer);

    /// @notice A namespace.
    /// @param namespace Its number.
    /// @return owner Whose it is; 0 if there is none of that number.
    /// @return isSealed Whether it takes commits of sealed events, or plain entries.
    /// @return delay How many seconds pass between offering and accepting it, at least.
    /// @return candidate To whom it is offered; 0 if to nobody.
    /// @return acceptableFrom From when on they can accept it, in seconds since 1970.
    function namespaceAt(uint32 namespace)
        external
        view
        returns (address owner, bool isSealed, uint32 delay, address candidate, uint64 acceptableFrom);
}
