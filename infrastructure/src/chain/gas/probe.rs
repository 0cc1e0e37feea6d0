//! Has a node estimate batches that nobody sends.

use application::log::StreamId;
use domain::kernel::CommandId;
use uuid::Uuid;

use super::{Estimates, GasBounds, GasRules, Size, TRANSACTION_CAP};
use crate::chain::codec::append_calldata;
use crate::chain::contract::{HEAD_OF, call, read_stream_head};
use crate::chain::hex::Data;
use crate::chain::node::contract_call;
use crate::chain::rpc::{Answer, read};
use crate::chain::{Address, BlockId, ChainError, EventLog};
use crate::log::{Commit, Namespace, Payload, StreamHead, StreamPart};

/// So many known streams are asked about at most.
pub const KNOWN_STREAMS: usize = 8;

/// Where new streams are dearer than this, writing them may be metered apart from the cap.
const SUSPICIOUSLY_DEAR: u64 = 2 * GasRules::TODAY.new_stream;

/// What gas costs where this contract stands, found by estimates of made-up batches: nothing is sent. `from` must be a writer of the
/// namespace, for the commits of others are rejected for little; it needs no ether. `streams` are streams of it that the log may have, the more idle the better: what a known stream costs is
/// asked of those.
///
/// # Errors
/// [`ChainError`]; [`ChainError::Rpc`] also where the node does not estimate, and [`ChainError::Inconsistent`] where by the node's word no transaction could hold
/// even one event.
pub async fn probe(
    log: &EventLog,
    namespace: Namespace,
    from: Address,
    streams: &[StreamId],
) -> Result<GasRules, ChainError> {
    let node = log.node();
    let append = async |commits: &[Commit]| {
        let data = append_calldata(commits).map_err(ChainError::malformed)?;
        node.estimate_gas(from, Some(log.address()), &data).await
    };
    let new =
        |payloads: usize, length: usize| commit(random_stream(namespace), StreamHead::default(), payloads, length);
    let many: Vec<_> = (0..Estimates::STREAMS).map(|_| new(1, Estimates::SHORT)).collect();
    let known: Vec<_> = known_heads(log, streams)
        .await?
        .into_iter()
        .map(|(stream, head)| commit(stream, head, 1, Estimates::SHORT))
        .collect();
    let of_known = async {
        match known.len() {
            0 => Ok(None),
            count => append(&known).await.map(|gas| Some((count as u64, gas))),
        }
    };
    let short = [new(1, Estimates::SHORT)];
    let events = [new(Estimates::EVENTS, Estimates::SHORT)];
    let long = [new(1, Estimates::LONG)];
    let (nothing, idle_bytes, one, streams, events, long, known) = tokio::try_join!(
        node.estimate_gas(from, Some(from), &[]),
        node.estimate_gas(from, Some(from), &[0xff; Estimates::IDLE_BYTES]),
        append(&short),
        append(&many),
        append(&events),
        append(&long),
        of_known,
    )?;
    let mut estimates = Estimates {
        nothing,
        idle_bytes,
        one,
        streams,
        events,
        long,
        known,
        beyond_the_cap: false,
    };
    let rules = estimates.rules();
    if rules.new_stream > SUSPICIOUSLY_DEAR {
        let count = usize::try_from((TRANSACTION_CAP + TRANSACTION_CAP / 8) / rules.new_stream).unwrap_or(usize::MAX);
        let beyond: Vec<_> = (0..count.min(1_000)).map(|_| new(1, Estimates::SHORT)).collect();
        let gas = match append(&beyond).await {
            Ok(gas) => gas,
            Err(ChainError::Rpc { .. }) => 0,
            Err(error) => return Err(error),
        };
        estimates.beyond_the_cap = gas > TRANSACTION_CAP;
    }
    let rules = estimates.rules();
    let bounds = GasBounds {
        cap: TRANSACTION_CAP,
        block: u64::MAX,
    };
    let small = Size::of(&new(1, Estimates::LONG)).map_err(ChainError::malformed)?;
    if rules.allow(small, bounds) {
        Ok(rules)
    } else {
        Err(ChainError::Inconsistent(
            "estimates by which no transaction could hold an event",
        ))
    }
}

/// Whether a node, asked to estimate, says that the contract refuses. Anything else that it may say is about gas, or about itself.
pub fn refuses(error: &ChainError) -> bool {
    /// "execution error", with the revert's reason in its data.
    const REVERTED: i64 = 3;
    match error {
        ChainError::Rpc { code, message, .. } => *code == REVERTED || message.to_lowercase().contains("revert"),
        _ => false,
    }
}

/// The heads of those of the streams that the contract has, now.
async fn known_heads(log: &EventLog, streams: &[StreamId]) -> Result<Vec<(StreamId, StreamHead)>, ChainError> {
    let streams = streams.iter().take(KNOWN_STREAMS);
    let calls: Vec<_> = streams
        .clone()
        .map(|stream| contract_call(log.address(), &call(HEAD_OF, &[stream.0]), BlockId::Latest))
        .collect();
    let heads = |answers: &[Answer]| {
        let head = |answer: &Answer| {
            let Data(head) = read(answer)?;
            read_stream_head(&head).ok_or_else(|| ChainError::malformed("not what the contract returns"))
        };
        answers.iter().map(head).collect::<Result<Vec<_>, _>>()
    };
    let heads = log.node().rpc().batch(&calls, heads).await?;
    let known = streams.copied().zip(heads);
    Ok(known.filter(|(_, head)| *head != StreamHead::default()).collect())
}

fn commit(stream: StreamId, expected: StreamHead, payloads: usize, length: usize) -> Commit {
    // No byte is zero: those are cheaper.
    let payload = Payload::from(vec![0xa5; length]);
    Commit {
        command_id: CommandId::new(Uuid::nil()),
        parts: vec![StreamPart {
            stream,
            expected,
            payloads: vec![payload; payloads],
        }],
    }
}

fn random_stream(namespace: Namespace) -> StreamId {
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    namespace.stream(&[first.into_bytes(), second.into_bytes()].concat())
}
