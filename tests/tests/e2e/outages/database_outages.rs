//! Postgres goes away in the middle of requests, and comes back. Whoever asks meanwhile is told to ask again; what was acknowledged is
//! there; and the server goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use api_config::FinalityRule;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tests::rest::{Answer, id};
use tests::site::{Desk, Server, Site};
use tests::wire::{Line, Proxy};
use tokio::task::JoinSet;

/// How many clients are at work at once.
const CLIENTS: u32 = 8;

/// A site whose server reaches its database by a line that can be cut.
async fn served_by_a_line() -> (Site, Proxy, Server) {
    let site = Site::ready(FinalityRule::Instant).await;
    let (login, place) = site.database.rsplit_once('@').unwrap();
    let (service, name) = place.split_once('/').unwrap();
    let line = Proxy::of(service.parse().unwrap()).await;
    let database = format!("{login}@127.0.0.1:{}/{name}", line.port());
    let server = site.serve(&[("MEDCONNECT_DATABASE__URL", &database)]).await;
    (site, line, server)
}

/// An answer that says to ask again: 503 with `Retry-After` and a problem.
fn check_asks_again(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(
        answer
            .header("retry-after")
            .is_some_and(|seconds| seconds.parse::<u32>().is_ok()),
        "{:?}",
        answer.headers
    );
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let kind = answer.body["type"].as_str().unwrap();
    let expected = ["/problems/database-unavailable", "/problems/command-not-executed"];
    assert!(expected.contains(&kind), "{}", answer.body);
    assert!(answer.body["title"].is_string(), "{}", answer.body);
}

/// Clients register and book while `disturb` runs. In the end each command that was acknowledged is there, once.
async fn nothing_is_lost(site: &Site, server: &Server, disturb: impl Future<Output = ()>) {
    let administrator = server.administrator().await;
    let desk = Desk::open(server, &administrator, 8).await;
    let (next, enough) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let clients = (0..CLIENTS).map(|_| {
        let (desk, next, enough) = (desk.clone(), Arc::clone(&next), Arc::clone(&enough));
        async move {
            let mut visits = Vec::new();
            while !enough.load(Ordering::Relaxed) {
                visits.push(desk.visit(next.fetch_add(1, Ordering::Relaxed)).await);
            }
            visits
        }
    });
    let clients: JoinSet<_> = clients.collect();
    disturb.await;
    let before = next.load(Ordering::Relaxed);
    // By itself, it goes on.
    while next.load(Ordering::Relaxed) < before + 2 * CLIENTS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    enough.store(true, Ordering::Relaxed);
    let visits: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    let (patients, count) = desk.rest.list("/v1/patients?limit=200").await;
    assert_eq!((count, patients.len()), (visits.len(), visits.len()));
    let (appointments, count) = desk.rest.list("/v1/appointments?limit=200").await;
    assert_eq!((count, appointments.len()), (visits.len(), visits.len()));
    for (patient, appointment) in visits {
        assert!(patients.contains_key(&patient));
        assert_eq!(appointments[&appointment]["patient"], patient.to_string());
    }
    site.compare_with_rebuild().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_and_comes_back_costs_nothing_that_was_acknowledged() {
    let (site, line, server) = served_by_a_line().await;
    nothing_is_lost(&site, &server, async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            line.set(Line::Cut);
            tokio::time::sleep(Duration::from_millis(600)).await;
            line.set(Line::Open);
        }
    })
    .await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lets_nobody_in_for_a_while_costs_nothing_that_was_acknowledged() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let (login, name) = site.database.rsplit_once('/').unwrap();
    let mut other = PgConnection::connect(&format!("{login}/postgres")).await.unwrap();
    nothing_is_lost(&site, &server, async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let close = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
            other.execute(close.as_str()).await.unwrap();
            let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            other.execute(end.as_str()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(600)).await;
            let open = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
            other.execute(open.as_str()).await.unwrap();
        }
    })
    .await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_swallows_what_is_sent_costs_nothing_that_was_acknowledged() {
    let (site, line, server) = served_by_a_line().await;
    nothing_is_lost(&site, &server, async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        line.set(Line::Swallows);
        // While it lasts, nobody is told that the server is ready.
        let unready = async {
            while server.readiness().await.0 != 503 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), unready).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        line.set(Line::Open);
    })
    .await;
    assert_eq!(server.readiness().await.0, 200);
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_the_database_is_away_is_told_to_ask_again() {
    let (_site, line, server) = served_by_a_line().await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (_, appointment) = desk.visit(0).await;
    let appointment = format!("/v1/appointments/{appointment}");
    let (patient, account) = (Desk::patient(1), json!({ "name": "auditor", "role": "auditor" }));
    for state in [Line::Cut, Line::Silent, Line::Swallows] {
        line.set(state);
        let ask = async |rest: &tests::rest::Rest, method: Method, path: &str, key: Option<&str>, body| {
            let asked = rest.send(method.clone(), path, key, body);
            let answer = tokio::time::timeout(Duration::from_secs(30), asked).await;
            let answer = answer.unwrap_or_else(|_| panic!("{state:?}: no answer to {method} {path}"));
            check_asks_again(&answer.unwrap());
        };
        tokio::join!(
            ask(&desk.rest, Method::GET, &appointment, None, None),
            ask(&desk.rest, Method::GET, "/v1/patients", None, None),
            ask(&desk.rest, Method::POST, "/v1/patients", Some("a key"), Some(&patient)),
            ask(
                &administrator,
                Method::POST,
                "/v1/accounts",
                Some("a key"),
                Some(&account)
            ),
            ask(&administrator, Method::GET, "/v1/admin/status", None, None),
        );
        line.set(Line::Open);
        // The key that was refused is good for the same request.
        let again = desk.rest.insist(Method::POST, "/v1/patients", &patient).await;
        desk.rest.get(&format!("/v1/patients/{}", id(&again))).await;
    }
    server.process.stop().await;
}
