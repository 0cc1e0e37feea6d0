//! Of what `medconnect rebuild` makes read models, and of what it does not.

use api_config::FinalityRule;
use sqlx::PgPool;
use tests::site::{Desk, Site};

/// What the live read models are made of, and how many patients they have.
async fn live(pool: &PgPool) -> (String, i64) {
    let sql = "SELECT made_of, (SELECT count(*) FROM live.patients) FROM live.checkpoint";
    sqlx::query_as(sql).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_read_models_of_nothing_but_what_the_server_reads() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    Desk::open(&server, &administrator, 1).await.visit(0).await;
    let pool = PgPool::connect(&site.database).await.unwrap();
    let before = live(&pool).await;
    assert_eq!(before.1, 1);

    let config = site.config();
    let other_secret = site.file("other.key");
    std::fs::write(&other_secret, "aa".repeat(32)).unwrap();
    let other_secret = [("MEDCONNECT_KEYS__MASTER_SECRET_FILE", other_secret.to_str().unwrap())];
    let other_key = [("MEDCONNECT_KEYS__ENCRYPTION__KEY_FILE", other_secret[0].1)];
    let other_namespace = [("MEDCONNECT_CHAIN__NAMESPACE", "2")];
    let compare = ["rebuild", "--compare", "--config", &config];
    for (environment, words) in [
        (
            &other_secret,
            "`keys.master_secret` is not the one that this database was used with",
        ),
        (&other_key, "are not the keys that wrapped what the database holds"),
        (&other_namespace, "belongs to another event log"),
    ] {
        for arguments in [&compare[..], &["rebuild", "--config", &config]] {
            let said = site.run(arguments, environment).await;
            assert_eq!((said.code, said.err.contains(words)), (2, true), "{}", said.err);
        }
    }
    assert_eq!(live(&pool).await, before, "nothing was swapped in");

    server.process.stop().await;

    let empty = tests::postgres::database().await;
    let said = site.run(&compare, &[("MEDCONNECT_DATABASE__URL", &empty)]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("medconnect migrate"), "{}", said.err);
    // Nor does it make a database anybody's that is nobody's yet.
    let fresh = [("MEDCONNECT_DATABASE__URL", empty.as_str())];
    site.succeed(&["migrate", "--config", &config], &fresh).await;
    let rebuild = ["rebuild", "--config", &config];
    site.succeed(&rebuild, &[fresh[0], other_secret[0]]).await;
    site.succeed(&rebuild, &fresh).await;
    let empty = PgPool::connect(&empty).await.unwrap();
    assert_eq!(live(&empty).await.0, before.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_does_not_go_on_with_what_is_made_of_something_else() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    Desk::open(&server, &administrator, 1).await.visit(0).await;
    server.process.stop().await;
    let pool = PgPool::connect(&site.database).await.unwrap();
    let before = live(&pool).await;
    // As a rebuild leaves it whose comparison failed.
    sqlx::query("DELETE FROM live.patients").execute(&pool).await.unwrap();
    let config = site.config();
    let compare = ["rebuild", "--compare", "--config", &config];
    assert_eq!(site.run(&compare, &[]).await.code, 1);
    for change in [
        "DELETE FROM rebuild.patients",
        "UPDATE rebuild.checkpoint SET made_of = 'what another secret opens'",
    ] {
        let done = sqlx::query(change).execute(&pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{change}");
    }
    let said = site.succeed(&["rebuild", "--config", &config], &[]).await;
    assert!(!said.out.contains("resumed"), "{}", said.out);
    assert_eq!(live(&pool).await, before);
}
