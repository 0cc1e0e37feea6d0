//! What follower, eraser and appender tell about themselves, as metrics. Read when somebody asks for them, without asking the database.

use std::collections::HashSet;

use application::trouble::TroubleKind;
use infrastructure::appender::AppenderHandle;
use infrastructure::erasing::EraserStatus;
use infrastructure::follower::status::StatusCell;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The parts that are asked.
pub(crate) struct SystemMetrics {
    follower: StatusCell,
    eraser: EraserStatus,
    appender: AppenderHandle,
}

impl SystemMetrics {
    /// Asks these parts.
    pub(crate) const fn new(follower: StatusCell, eraser: EraserStatus, appender: AppenderHandle) -> Self {
        Self {
            follower,
            eraser,
            appender,
        }
    }
}

impl std::fmt::Debug for SystemMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemMetrics")
    }
}

impl Collector for SystemMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let follower = self.follower.get();
        let progress = follower.progress;
        for (name, help, value) in [
            (
                "chain_head_block",
                "The node's newest block, as last seen",
                follower.chain_head,
            ),
            ("follower_block", "The newest block applied", progress.block),
            (
                "follower_final_block",
                "The newest block that is final",
                progress.final_block,
            ),
            (
                "follower_lag_blocks",
                "Blocks of the node that are not applied",
                follower.chain_head.saturating_sub(progress.block),
            ),
            ("log_position", "The last position applied", progress.position),
            (
                "log_final_position",
                "The last position that is final",
                progress.final_position,
            ),
            (
                "parked_events",
                "Events that cannot be read, and those behind them",
                follower.parked_events,
            ),
            (
                "held_streams",
                "Streams that an unreadable event holds back",
                follower.held_streams,
            ),
            (
                "foreign_events",
                "Events in streams that are not ours",
                follower.unread.foreign,
            ),
            (
                "void_events",
                "Entries in streams of ours that are not authentic, and have no effect",
                follower.unread.void,
            ),
            (
                "unreadable_events",
                "Events that count without a personal section that is not authentic",
                follower.unread.unreadable,
            ),
            (
                "overruled_events",
                "Events of shared namespaces that are against the rules there, and have no effect",
                follower.unread.overruled,
            ),
            (
                "follower_trouble",
                "Whether the follower does not go on; the status says why",
                u64::from(follower.trouble.is_some()),
            ),
            (
                "nodes_disagree",
                "Whether another node contradicts the one that is followed",
                u64::from(follower.noticed.has(TroubleKind::NodesDisagree)),
            ),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }

        let appender = self.appender.status();
        for (name, help, value) in [
            (
                "outbox_waiting",
                "Commits accepted and in no transaction yet",
                appender.queued,
            ),
            (
                "appender_in_flight",
                "Transactions on their way into a block",
                appender.in_flight,
            ),
            (
                "appender_unsettled",
                "Transactions in the outbox, until they are final",
                appender.unsettled,
            ),
            (
                "appender_oldest_milliseconds",
                "For how long the oldest commit has been waiting",
                appender.oldest_ms.unwrap_or_default(),
            ),
            (
                "appender_holds_lease",
                "Whether this server may sign",
                u64::from(appender.holds_lease),
            ),
            (
                "appender_trouble",
                "Whether the appender does not go on; the status says why",
                u64::from(!appender.troubles.is_empty()),
            ),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }
        let told = follower.troubles().into_iter();
        let told = told.chain(self.eraser.troubles()).chain(appender.troubles.list());
        let told: HashSet<TroubleKind> = told.map(|trouble| trouble.kind).collect();
        let help = "Whether there is a trouble of this kind; the status says what it is this time";
        let mut troubles = encoder.encode_descriptor("trouble", help, None, MetricType::Gauge)?;
        for kind in TroubleKind::ALL {
            let gauge = ConstGauge::new(i64::from(told.contains(kind)));
            gauge.encode(troubles.encode_family(&[("code", kind.code())])?)?;
        }

        let done = appender.done;
        for (name, help, value) in [
            ("appender_sent", "Transactions that a node took, each time", done.sent),
            (
                "appender_replaced",
                "Transactions replaced at a higher fee",
                done.replaced,
            ),
            ("appender_mined", "Transactions seen in a block", done.mined),
            ("appender_appended", "Commits told to be appended", done.appended),
            ("appender_rejected", "Commits told to be rejected", done.rejected),
            (
                "appender_refused",
                "Commits that were accepted and given up, for the contract refuses them for good",
                done.refused,
            ),
            (
                "appender_reappended",
                "Commits signed again, for their transaction came to nothing",
                done.reappended,
            ),
        ] {
            let counter = ConstCounter::new(value);
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), std::fmt::Error> {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(metric)
}
