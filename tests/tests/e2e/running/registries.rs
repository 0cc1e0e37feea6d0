//! `medconnect registry`: the registries are put on a chain, a server believes them, and their owner says who is a registrar.

use api_config::FinalityRule;
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::site::{Said, Site, signer};

async fn run(site: &Site, key: usize, arguments: &[&str]) -> Said {
    let there = ["--node", site.chain.url()];
    let arguments = [&["registry"], arguments, &there].concat();
    site.run(&arguments, &[("MEDCONNECT_DEPLOYER_KEY", KEYS[key])]).await
}

fn address(key: usize) -> String {
    signer(key).address().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_are_deployed_named_in_the_configuration_and_believed() {
    let site = Site::bare().await;
    let deployed = site.deploy(&[address(1)]).await;
    let contract = deployed.lines().find_map(|line| line.strip_prefix("contract = "));
    let contract = contract.unwrap().trim_matches('"').to_owned();

    // Nothing is deployed for a log that does not stand there.
    let wrong = run(&site, 0, &["deploy", "--contract", &address(2)]).await;
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""), "{}", wrong.err);
    assert!(wrong.err.contains("no event log"), "{}", wrong.err);

    let said = run(&site, 0, &["deploy", "--contract", &contract]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    // One taken for the other is said before anything is served.
    let swapped = said.out.replace("registry = \"consents\"", "registry = \"payments\"");
    let swapped = swapped.replace("registry = \"practitioners\"", "registry = \"consents\"");
    let (_, swapped) = swapped.split_once("[chain]").unwrap();
    let swapped = swapped.lines().filter(|line| !line.contains("payments"));
    let swapped: Vec<_> = swapped.collect();
    site.configure(&format!("{deployed}{}\n", swapped.join("\n")), FinalityRule::Instant);
    let failed = site.fail_to_serve(&[]).await;
    assert_eq!(failed.code, 2);
    let practitioners = said
        .out
        .lines()
        .find(|line| line.contains("\"practitioners\""))
        .unwrap();
    let practitioners = practitioners.split('"').nth(1).unwrap();
    for word in ["chain.recorders", "no registry of consents", practitioners] {
        assert!(failed.err.contains(word), "{word} is missing: {}", failed.err);
    }

    // What is printed goes into the configuration as it is.
    let (_, recorders) = said.out.split_once("[chain]").unwrap();
    site.configure(&format!("{deployed}{recorders}"), FinalityRule::Instant);
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let status = administrator.get("/v1/admin/status").await;
    let recorders = status["chain"]["recorders"].as_array().unwrap();
    let known: Vec<&Value> = recorders.iter().map(|one| &one["registry"]).collect();
    assert_eq!(known, [&json!("consents"), &json!("practitioners")]);
    assert_eq!(status["troubles"], json!([]));
    server.process.stop().await;

    // Its owner alone says who is a registrar, and nothing is done twice.
    for (key, act, code, words) in [
        (2, "appoint", 1, ["does not own the registry", address(2).as_str()]),
        (0, "appoint", 0, ["is a registrar", address(3).as_str()]),
        (2, "appoint", 0, ["is a registrar", address(3).as_str()]),
        (2, "dismiss", 1, ["does not own the registry", address(2).as_str()]),
        (0, "dismiss", 0, ["is no registrar", address(3).as_str()]),
        (2, "dismiss", 0, ["is no registrar", address(3).as_str()]),
    ] {
        let said = run(&site, key, &[act, "--registry", practitioners, &address(3)]).await;
        assert_eq!(said.code, code, "{act}: {}", said.err);
        for word in words {
            assert!(said.err.contains(word), "{word} is missing: {}", said.err);
        }
    }
    let consents = recorders[0]["contract"].as_str().unwrap();
    for other in [address(2).as_str(), contract.as_str(), consents] {
        let said = run(&site, 0, &["appoint", "--registry", other, &address(3)]).await;
        assert_eq!(said.code, 1);
        let expected = format!("at {other} stands no registry of practitioners");
        assert!(said.err.contains(&expected), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_chain_of_older_rules_nothing_is_deployed_and_the_rules_are_named() {
    let chain = TestChain::with(|options| options.extra = ["--hardfork", "shanghai"].map(str::to_owned).to_vec()).await;
    let site = Site::on(chain).await;
    let deployed = site.deploy(&[]).await;
    let contract = deployed.lines().find_map(|line| line.strip_prefix("contract = "));
    let contract = contract.unwrap().trim_matches('"').to_owned();
    let block = site.chain.block_number().await;
    let said = run(&site, 0, &["deploy", "--contract", &contract]).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    assert!(said.err.contains("the rules of Cancun or later"), "{}", said.err);
    assert_eq!(site.chain.block_number().await, block);
}
