//! The command line: what it says, how it ends, what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::binary::{Dev, free_port, program};
use tests::{bundles, postgres};

async fn run(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(program());
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

/// The exit code, and what was said on standard error.
async fn failure(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments).await;
    assert!(output.stdout.is_empty(), "a failure is no result");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subcommand_explains_itself() {
    let help = String::from_utf8(run(&["--help"]).await.stdout).unwrap();
    for subcommand in [
        "dev", "serve", "deploy", "migrate", "rebuild", "keys", "import", "login", "bench", "openapi",
    ] {
        assert!(help.contains(&format!("  {subcommand}")), "{help}");
        let own = run(&[subcommand, "--help"]).await;
        assert!(own.status.success() && own.stdout.len() > 80, "{subcommand}");
    }
    assert!(help.contains("Exit codes"), "{help}");
    for subcommand in ["import", "check-node"] {
        let own = String::from_utf8(run(&[subcommand, "--help"]).await.stdout).unwrap();
        assert!(own.contains("Exit codes"), "{subcommand} has some of its own: {own}");
    }
    assert_eq!(failure(&["frobnicate"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_an_import_tells_what_is_lost_from_what_has_no_place() {
    let folder = postgres::folder();
    let file = folder.path().join("bundle.json");
    let check = async |change: fn(&mut Value)| {
        let mut bundle = bundles::bundle(0, 2);
        change(&mut bundle["entry"][0]["resource"]);
        std::fs::write(&file, bundle.to_string()).unwrap();
        let output = run(&["import", "--check", text(&file)]).await;
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = check(|patient| {
        let names = patient["name"].as_array_mut().unwrap();
        names.push(serde_json::json!({ "use": "maiden", "family": "Former" }));
        patient["maritalStatus"] = serde_json::json!({ "text": "SECRET" });
    })
    .await;
    assert_eq!(code, Some(0), "a record has no place for it, and that is said: {said}");
    for words in [
        "no place: 1 Patient a name is former",
        "1 Patient.maritalStatus",
        "2 Encounter.class",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("SECRET"), "{said}");
    let (code, said) = check(|patient| patient["deceasedDateTime"] = "sometime".into()).await;
    assert_eq!(code, Some(3), "a record has a place for it: {said}");
    let (code, said) = check(|patient| patient["birthDate"] = "sometime".into()).await;
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_said_with_what_to_do() {
    let folder = postgres::folder();
    let nowhere = folder.path().join("nowhere");
    let (code, said) = failure(&["import", "--data-dir", text(&nowhere), text(folder.path())]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(".json"), "{said}");
    bundles::write(folder.path(), 1, 1);
    let (code, said) = failure(&["import", "--data-dir", text(&nowhere), text(folder.path())]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("medconnect dev") && said.contains("--url"), "{said}");
    let (code, said) = failure(&["login", "--data-dir", text(&nowhere), "--demo", "doctor"]).await;
    assert_eq!(code, 2, "{said}");
    let (code, said) = failure(&["rebuild", "--data-dir", text(&nowhere)]).await;
    assert_eq!(code, 2, "{said}");

    let config = folder.path().join("server.toml");
    let (code, said) = failure(&["serve", "--config", text(&config)]).await;
    assert_eq!(code, 2, "{said}");
    std::fs::write(&config, "[http]\npublic_uri = \"https://clinic.example\"\n").unwrap();
    let (code, said) = failure(&["serve", "--config", text(&config)]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("public_uri"), "{said}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for option in ["--port", "--chain-port", "--postgres-port"] {
        let data = folder.path().join("data");
        let mut arguments = vec!["dev", "--data-dir", text(&data)];
        for other in ["--port", "--chain-port", "--postgres-port"] {
            arguments.extend([other, if other == option { port.as_str() } else { "0" }]);
        }
        let (code, said) = failure(&arguments).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&port) && said.contains(option), "{said}");
    }
    let (code, said) = failure(&["dev", "--data-dir", text(folder.path())]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("patient-0.json") || said.contains("server.toml"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_on_this_machine_is_found_signed_in_at_and_imported_into() {
    let folder = postgres::folder();
    let data = folder.path().join("data");
    let dev = Dev::start(&data, free_port()).await;

    let (code, said) = failure(&["dev", "--data-dir", text(&data)]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("another medconnect"), "{said}");

    for role in [
        "administrator",
        "hospital",
        "registrar",
        "auditor",
        "insurer",
        "doctor",
        "patient",
        "nurse",
        "reception",
        "laboratory",
    ] {
        let me = dev.get(role, "/v1/me").await;
        assert_eq!(me["role"], role, "{me}");
    }
    let (code, said) = dev.run(&["login", "--demo", "surgeon"]).await;
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = dev
        .run(&["login", "--demo", "doctor", "--public-url", "https://clinic.example"])
        .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("--public-url"),
        "nothing is signed for another address: {said}"
    );
    let token = folder.path().join("token");
    let (code, said) = dev.run(&["login", "--demo", "doctor", "--store", text(&token)]).await;
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&token.metadata().unwrap()) & 0o777,
        0o600
    );

    let source = folder.path().join("bundles");
    bundles::write(&source, 3, 2);
    std::fs::write(
        source.join("broken.json"),
        "{\"resourceType\": \"Bundle\", \"entry\": [{}]",
    )
    .unwrap();
    let (code, said) = dev.run(&["import", "--json", text(&source)]).await;
    assert_eq!(code, Some(1), "{said}");
    let summary: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&summary["files"], &summary["patients"]["added"]),
        (&3.into(), &3.into()),
        "{summary}"
    );
    assert!(
        summary["failures"][0]["file"].as_str().unwrap().contains("broken.json"),
        "{summary}"
    );

    // The line of `curl` that it prints works.
    let output = dev.output();
    let line = output
        .lines()
        .find_map(|line| line.trim().strip_prefix("curl "))
        .unwrap();
    let curl = tokio::process::Command::new("bash")
        .args(["-c", &format!("curl -fsS {line}")])
        .output()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&curl.stdout).unwrap();
    assert!(answer["items"].is_array(), "{answer}");
    dev.stop().await;
    assert!(!data.join("running.json").exists() && !data.join("server.toml").exists());
}

/// Starts a throw-away, and answers with its process and its folder once it is ready.
async fn throw_away(temporary: &Path) -> (tokio::process::Child, PathBuf) {
    let output = temporary.with_extension("output");
    let child = tokio::process::Command::new(program())
        .args(["dev", "--ephemeral", "--no-demo", "--port", "0"])
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&output).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while !std::fs::read_to_string(&output).unwrap().contains("curl ") {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let folder = std::fs::read_dir(temporary).unwrap().next().unwrap().unwrap().path();
    assert!(folder.join("secrets.toml").is_file());
    (child, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throw_away_leaves_nothing_however_it_ends() {
    let folder = postgres::folder();
    for signal in [nix::sys::signal::Signal::SIGINT, nix::sys::signal::Signal::SIGKILL] {
        let temporary = folder.path().join(signal.as_str());
        std::fs::create_dir(&temporary).unwrap();
        let (mut child, data) = throw_away(&temporary).await;
        let postmaster = std::fs::read_to_string(data.join("postgres/data/postmaster.pid")).unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
        child.wait().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while data.exists() {
            assert!(Instant::now() < deadline, "{signal}: {} is still there", data.display());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let postmaster: u32 = postmaster.lines().next().unwrap().parse().unwrap();
        let line = std::fs::read(format!("/proc/{postmaster}/cmdline")).unwrap_or_default();
        assert!(line.is_empty(), "{signal}: Postgres is still there");
    }
}
