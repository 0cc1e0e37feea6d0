//! `medconnect keys rotate`.

use domain::kernel::SubjectId;
use fixtures::keys::{durable, kek, ring};
use infrastructure::keys::{KeyEncryptionKeys, KeyLookup, KeyRing};
use infrastructure::postgres::{self, LIVE};
use uuid::Uuid;

/// Runs the program's rotation with a configuration of its own.
async fn rotate(url: &str, current: (&str, u8), former: (&str, u8)) -> (bool, String) {
    let folder = tests::postgres::folder();
    let file = folder.path().join("server.toml");
    let key = |(name, byte): (&str, u8)| {
        format!(
            "{{ name = \"{name}\", key = \"{}\" }}",
            format!("{byte:02x}").repeat(32)
        )
    };
    let text = format!(
        "[database]\nurl = \"{url}\"\n[keys]\nencryption = {}\nformer = [{}]\n",
        key(current),
        key(former)
    );
    std::fs::write(&file, text).unwrap();
    let output = tokio::process::Command::new(tests::binary::program())
        .args(["keys", "rotate", "--config"])
        .arg(&file)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[tokio::test]
async fn the_command_rotates_and_can_be_run_again() {
    let url = tests::postgres::database().await;
    let pool = postgres::pool(&url, LIVE, 4).unwrap();
    postgres::migrate(&pool).await.unwrap();
    let before = ring(&pool);
    let key = durable(&pool, &before, SubjectId::new(Uuid::from_u128(1))).await;
    durable(&pool, &before, SubjectId::new(Uuid::from_u128(2))).await;

    let (done, said) = rotate(&url, ("second", 2), ("other", 3)).await;
    assert!(!done && said.contains("\"first\" is not configured"), "{said}");
    let (done, said) = rotate(&url, ("second", 2), ("first", 1)).await;
    assert!(done && said.contains("2 keys"), "{said}");
    let (done, said) = rotate(&url, ("second", 2), ("first", 1)).await;
    assert!(done && said.contains("0 keys"), "{said}");
    let after = KeyRing::new(pool.clone(), KeyEncryptionKeys::new(kek("second", 2), Vec::new()));
    let found = after.load(&[key.key_id], &[]).await.unwrap();
    assert!(matches!(found.get(&key.key_id), KeyLookup::Held(_)));
}
