//! A Postgres that is started again when it dies.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::error::DevError;
use super::port::Port;
use super::postgres::{Cluster, ClusterOptions};
use super::restart::{Listener, restarted};
use super::tools::PostgresTools;
use super::user::RunAs;

/// A cluster with somebody who looks after it.
#[derive(Debug)]
pub struct KeptCluster {
    url: String,
    port: u16,
    stop: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
}

impl KeptCluster {
    /// Starts it, with a database of this name.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn start(
        tools: PostgresTools,
        user: RunAs,
        mut options: ClusterOptions,
        database: &str,
        listener: Listener,
    ) -> Result<Self, DevError> {
        let cluster = Cluster::start(&tools, &user, &options).await?;
        cluster.create_database(database, None).await?;
        let (url, port) = (cluster.url(database), cluster.port());
        // Its clients know it by the port that it has now.
        options.port = Port::Fixed {
            port,
            option: "--postgres-port",
        };
        let (stop, stopped) = oneshot::channel();
        let keeper = tokio::spawn(keep(tools, user, options, cluster, Arc::clone(&listener), stopped));
        Ok(Self {
            url,
            port,
            stop,
            keeper,
        })
    }

    /// The URL of the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Stops it: nobody new, open transactions undone, everything written.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.keeper.await;
    }
}

async fn keep(
    tools: PostgresTools,
    user: RunAs,
    options: ClusterOptions,
    mut cluster: Cluster,
    listener: Listener,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stopped => return cluster.stop().await,
            () = cluster.ended() => {}
        }
        listener("Postgres died; starting it again");
        let start = || Cluster::start(&tools, &user, &options);
        let Some(started) = restarted("Postgres", start, &listener, &mut stopped).await else {
            return;
        };
        cluster = started;
        listener("Postgres is back");
    }
}
