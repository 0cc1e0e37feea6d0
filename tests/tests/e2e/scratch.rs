use domain::account::Role;
use std::time::Duration;
use tests::chain::TestChain;
use tests::system::{TestSystem, deployed};

#[tokio::test(flavor = "multi_thread")]
async fn scratch_import() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("importer", Role::Hospital).await;
    let files = api::import::files::find(&["/work/shared/synthea".into()]).unwrap();
    for _ in 0..2 {
        let client =
            api::import::client::Client::new(&system.url, key.clone().into(), Duration::from_secs(30)).unwrap();
        let bar = indicatif::ProgressBar::hidden();
        let summary = api::import::run(client, files.clone(), api::import::Options { concurrency: 64 }, &bar).await;
        eprintln!("{}", summary.table());
    }
    use application::queries::Queries as _;
    let t = std::time::Instant::now();
    for h in system.parts().clinic.queries.content_hashes().await.unwrap() {
        eprintln!("{h:?}");
    }
    eprintln!("{:?}", t.elapsed());
    let sizes: Vec<(i32,)> = sqlx::query_as("select length(payload) from journal order by 1")
        .fetch_all(&system.parts().pool)
        .await
        .unwrap();
    eprintln!(
        "median {} of {}; max {}",
        sizes[sizes.len() / 2].0,
        sizes.len(),
        sizes.last().unwrap().0
    );
    system.stop().await;
}
