//! One Postgres for the whole test process, a database of its own for each test.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use api_dev::port::Port;
use api_dev::postgres::{Cluster, ClusterOptions};
use api_dev::tools::{PostgresTools, silent};
use api_dev::user::RunAs;
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(1);

/// The URL of a new, empty database. It goes away with the test process.
pub async fn database() -> String {
    let cluster = cluster().await;
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    cluster.create_database(&name, None).await.expect("a database");
    cluster.url(&name)
}

/// The cluster that all tests of this process share.
pub async fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(start).await
}

/// A cluster of one's own, for tests that stop or kill it. Its data is in `folder`, which others must be able to enter.
pub async fn own_cluster(folder: &std::path::Path, port: Port) -> Cluster {
    let cluster = folder.join("postgres");
    let user = RunAs::not_root().expect("a user for Postgres");
    let tools = PostgresTools::find(&user, &cluster, &silent).await.expect("PostgreSQL");
    let options = ClusterOptions {
        folder: cluster,
        log: folder.join("postgres.log"),
        port,
        password: "test".to_owned(),
        durable: false,
        temporary: None,
        folder_option: None,
    };
    Cluster::start(&tools, &user, &options).await.expect("Postgres")
}

/// A temporary folder that Postgres's user may enter.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("medconnect-test-")
        .tempdir()
        .expect("a temporary folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("our own folder");
    folder
}

async fn start() -> Cluster {
    let user = RunAs::not_root().expect("a user for Postgres");
    // Statics are not dropped: the guard beside the server removes the folder when this process ends.
    let folder = folder().keep();
    let cluster = folder.join("postgres");
    let tools = PostgresTools::find(&user, &cluster, &silent).await.expect("PostgreSQL");
    let options = ClusterOptions {
        folder: cluster,
        log: folder.join("postgres.log"),
        port: Port::Any,
        password: "test".to_owned(),
        durable: false,
        temporary: Some(folder),
        folder_option: None,
    };
    Cluster::start(&tools, &user, &options).await.expect("Postgres")
}
