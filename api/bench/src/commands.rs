//! Anchored commands over HTTP, beside plain `postgres-es` with one view, beside the contract alone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api_dev::system::System as Surroundings;
use api_server::{Backend, System};
use api_wire::dto;
use application::policy::identity::Principal;
use application::use_cases::accounts::{NewAccount, NewKey};
use application::use_cases::clinic::{Clinic, Issue};
use chrono::Utc;
use domain::account::{Role, Scope};
use domain::calendar::{Booking, CalendarCommand};
use domain::kernel::{AppointmentId, CalendarId, CommandId, PatientId, PractitionerId, Wallet};
use domain::patient::PatientCommand;
use infrastructure::postgres;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::baseline::Baseline;
use super::contract::{self, ContractAlone};
use super::measure::{self, Measured, Stopwatch, round};
use super::workload::{Round, details, doctor};

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many clients work side by side.
    pub clients: usize,
    /// For how long each side is measured.
    pub duration: Duration,
}

/// What was measured.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Report {
    /// How many clients worked side by side.
    pub clients: usize,
    /// Commands over HTTP, sealed and on the chain.
    pub anchored: Measured,
    /// The same commands on plain `postgres-es` with one view for each aggregate, without HTTP.
    pub postgres_es: Measured,
    /// The contract, fed with full batches by one client.
    pub contract: ContractAlone,
    /// Anchored commands for each of `postgres-es`.
    pub of_postgres_es: f64,
    /// Anchored events for each of the contract alone.
    pub of_contract: f64,
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        let line = |name: &str, measured: &Measured| {
            format!(
                "{name:<26}{:>12.0}{:>12}{:>12.1}{:>12.1}\n",
                measured.per_second, measured.commands, measured.p50_ms, measured.p99_ms
            )
        };
        let mut table = format!(
            "{:<26}{:>12}{:>12}{:>12}{:>12}\n",
            "", "per second", "commands", "p50 ms", "p99 ms"
        );
        table += &line("anchored, over HTTP", &self.anchored);
        table += &line("postgres-es, with a view", &self.postgres_es);
        table += &format!(
            "{:<26}{:>12.0}{:>12}\n",
            "contract alone (events)", self.contract.per_second, self.contract.events
        );
        table += &format!(
            "\nof postgres-es: {:.2}    of the contract alone: {:.2}\n",
            self.of_postgres_es, self.of_contract
        );
        table
    }
}

/// Measures, on a system of its own. `progress` is told what is being done.
///
/// # Errors
/// When a command fails: then there is nothing to report.
pub async fn run(
    surroundings: &Surroundings,
    system: &System,
    options: Options,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Report> {
    progress("measuring plain postgres-es");
    let postgres_es = postgres_es(surroundings, options).await?;
    progress("measuring anchored commands");
    let anchored = anchored(surroundings, system, options).await?;
    progress("measuring the contract alone");
    let contract = contract::run(surroundings).await?;
    Ok(Report {
        clients: options.clients,
        anchored,
        postgres_es,
        contract,
        of_postgres_es: round(anchored.per_second / postgres_es.per_second),
        of_contract: round(anchored.per_second / contract.per_second),
    })
}

async fn postgres_es(surroundings: &Surroundings, options: Options) -> anyhow::Result<Measured> {
    let pool = postgres::pool(surroundings.database_url(), "baseline", 32)?;
    sqlx::query("CREATE SCHEMA IF NOT EXISTS baseline")
        .execute(&pool)
        .await?;
    let baseline = Arc::new(Baseline::create(&pool).await?);
    let client = |number| BaselineClient {
        number,
        doctor: PractitionerId::new(Uuid::new_v4()),
        baseline: Arc::clone(&baseline),
    };
    let clients = (0..options.clients).map(client).collect();
    let measured = measure::run(clients, options.duration, baseline_round).await;
    sqlx::query("DROP SCHEMA baseline CASCADE").execute(&pool).await?;
    measured
}

struct BaselineClient {
    number: usize,
    doctor: PractitionerId,
    baseline: Arc<Baseline>,
}

async fn baseline_round(client: Arc<BaselineClient>, number: u64, mut times: Stopwatch) -> anyhow::Result<Stopwatch> {
    let now = Utc::now();
    let round = Round::new(number, now).context("the calendar ended")?;
    let calendar = CalendarId::of(client.doctor, round.day);
    let patient = PatientId::new(Uuid::new_v4());
    let appointment = AppointmentId::new(Uuid::new_v4());
    let booking = Booking { patient, reason: None };
    let details = details(client.number, number);
    let baseline = &client.baseline;

    let (day, time_zone, sessions) = (round.day, chrono_tz::UTC, vec![round.session]);
    times
        .time(baseline.calendar(
            calendar,
            CalendarCommand::PublishAvailability {
                day,
                time_zone,
                sessions,
                now,
            },
        ))
        .await?;
    times
        .time(baseline.patient(patient, PatientCommand::Register { details, now }))
        .await?;
    for command in [
        CalendarCommand::Book {
            appointment,
            slot: round.first,
            booking,
            now,
        },
        CalendarCommand::Confirm { appointment },
        CalendarCommand::Reschedule {
            appointment,
            slot: round.second,
            now,
        },
        CalendarCommand::Cancel {
            appointment,
            reason: None,
        },
    ] {
        times.time(baseline.calendar(calendar, command)).await?;
    }
    Ok(times)
}

async fn anchored(surroundings: &Surroundings, system: &System, options: Options) -> anyhow::Result<Measured> {
    let key = service_key(surroundings, &system.clinic).await?;
    let http = reqwest::Client::builder()
        .pool_max_idle_per_host(options.clients)
        .build()?;
    let mut clients = Vec::with_capacity(options.clients);
    for number in 0..options.clients {
        let base = format!("{}/v1", surroundings.config().http.public_url);
        let mut client = HttpClient {
            number,
            http: http.clone(),
            base,
            key: key.clone(),
            doctor: String::new(),
        };
        client.doctor = client.register_doctor().await?;
        clients.push(client);
    }
    measure::run(clients, options.duration, http_round).await
}

/// A hospital's key, as an administrator would issue it.
async fn service_key(surroundings: &Surroundings, clinic: &Clinic<Backend>) -> anyhow::Result<String> {
    let administrator = surroundings
        .config()
        .bootstrap
        .administrator
        .context("no administrator is configured")?;
    let account = clinic.account_of_configured(&Wallet(administrator.0));
    let administrator = Principal::Staff {
        account,
        role: Role::Administrator,
    };
    let issue = || Issue {
        command_id: CommandId::new(Uuid::new_v4()),
        correlation: None,
        repeated: false,
    };
    let service = NewAccount::Service {
        name: format!("bench {}", Uuid::new_v4()),
        role: Role::Hospital,
    };
    let service = clinic.open_account(&administrator, service, &issue()).await?;
    let key = NewKey {
        scopes: vec![Scope::Read, Scope::Write],
        expires: None,
    };
    let key = clinic.issue_key(&administrator, service.id, key, &issue()).await?;
    key.secret.context("the key was issued before")
}

struct HttpClient {
    number: usize,
    http: reqwest::Client,
    base: String,
    key: String,
    doctor: String,
}

impl HttpClient {
    async fn register_doctor(&self) -> anyhow::Result<String> {
        let doctor = dto::RegisterPractitioner {
            details: doctor(self.number).into(),
            shared_calendar: None,
        };
        self.id_of_new("/practitioners", &doctor).await
    }

    /// What a command makes is answered with its id.
    async fn id_of_new(&self, path: &str, body: &impl Serialize) -> anyhow::Result<String> {
        let answer = self.send(Method::POST, path, body).await?;
        let id = answer.get("id").and_then(Value::as_str);
        id.map(str::to_owned).context("an answer without an id")
    }

    async fn send(&self, method: Method, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .json(body);
        let response = request.send().await?;
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        // 202 would mean that the command was not acknowledged.
        if status != reqwest::StatusCode::OK && status != reqwest::StatusCode::CREATED {
            bail!("{path} was answered with {status}: {body}");
        }
        Ok(body)
    }
}

async fn http_round(client: Arc<HttpClient>, number: u64, mut times: Stopwatch) -> anyhow::Result<Stopwatch> {
    let round = Round::new(number, Utc::now()).context("the calendar ended")?;
    let (doctor, day) = (&client.doctor, round.day);
    let sessions = vec![round.session.into()];
    let path = format!("/practitioners/{doctor}/availability/{day}");
    times
        .time(client.send(Method::PUT, &path, &dto::PublishAvailability { sessions }))
        .await?;

    let details = details(client.number, number).into();
    let registering = dto::RegisterPatient { details };
    let patient = times.time(client.id_of_new("/patients", &registering)).await?;

    let booking = dto::BookAppointment {
        patient: Some(patient.parse()?),
        practitioner: doctor.parse()?,
        slot: round.first.into(),
        reason: None,
    };
    let appointment = times.time(client.id_of_new("/appointments", &booking)).await?;
    let action = |action: &str| format!("/appointments/{appointment}/{action}");
    let (confirm, reschedule, cancel) = (action("confirm"), action("reschedule"), action("cancel"));
    let moved = dto::RescheduleAppointment {
        slot: round.second.into(),
    };
    let cancelled = dto::CancelAppointment { reason: None };
    times
        .time(client.send(Method::POST, &confirm, &dto::Nothing {}))
        .await?;
    times.time(client.send(Method::POST, &reschedule, &moved)).await?;
    times.time(client.send(Method::POST, &cancel, &cancelled)).await?;
    Ok(times)
}
