//! How long an import takes on a node, and what it costs: for docs/performance.md, not for CI.

use std::path::Path;
use std::time::Instant;

use api_dev::rpc::Rpc;
use serde_json::{Value, json};
use tests::site::Site;

use crate::scenario::{at_rest, import_key};

/// Imports a folder of bundles, and rebuilds; prints what came of it. Every bundle must go in.
#[expect(clippy::print_stdout, reason = "what is measured is for whoever runs this by hand")]
pub(crate) async fn import<C>(site: &Site<C>, folder: &Path) {
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let key = import_key(&administrator).await;
    let before = block(site, "latest").await;
    let first = number(&before["number"]) + 1;

    let started = Instant::now();
    let folder = folder.to_str().expect("UTF-8");
    let arguments = ["import", "--json", "--url", &server.url, folder];
    let said = site.run(&arguments, &[("MEDCONNECT_KEY", &key)]).await;
    let took = started.elapsed().as_secs_f64();
    // 3: two patients of generated bundles may have one number, which is then not recorded, and that is said.
    assert!(matches!(said.code, 0 | 3), "{} {}", said.out, said.err);
    let summary: Value = serde_json::from_str(said.out.lines().last().expect("a summary")).expect("JSON");
    at_rest(site, &administrator).await;

    let last = number(&block(site, "latest").await["number"]);
    let mut gas = 0;
    for number in first..=last {
        gas += self::number(&block(site, &format!("{number:#x}")).await["gasUsed"]);
    }
    let started = Instant::now();
    site.compare_with_rebuild().await;
    let rebuilt = started.elapsed().as_secs_f64();
    server.process.stop().await;
    println!(
        "imported in {took:.1} s with {gas} units of gas in {} blocks",
        last + 1 - first
    );
    println!("rebuilt and compared in {rebuilt:.1} s\n{summary}");
}

async fn block<C>(site: &Site<C>, which: &str) -> Value {
    let rpc = Rpc::new(site.node().to_owned());
    rpc.call("eth_getBlockByNumber", json!([which, false]))
        .await
        .expect("a block")
}

fn number(quantity: &Value) -> u64 {
    let digits = quantity.as_str().and_then(|digits| digits.strip_prefix("0x"));
    u64::from_str_radix(digits.expect("a quantity"), 16).expect("a number")
}
