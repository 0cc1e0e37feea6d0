//! All that is known of a patient, for the patient to take along: written page by page, however much it is.

use std::io;
use std::time::Duration;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, rt};
use api_wire::dto;
use api_wire::problem::ProblemKind;
use application::error::UseCaseError;
use application::policy::identity::Principal;
use application::ports::queries::Page;
use application::use_cases::clinic::{Backend, Clinic};
use application::use_cases::exporting::Exporting;
use futures::stream;
use serde::Serialize;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::exports::Begun;
use crate::problem::Problem;
use crate::read::Reading;

/// How many items of a list are asked for at once.
const AT_ONCE: u32 = 200;

/// How long it is waited for a reader to take the next part.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// Read all that is known of the caller.
///
/// For patients: who they are, their chart, appointments and visits, who treats them, whether they are treated here, what they grant, what they are asked to grant, in which emergencies their record was opened, who has
/// read what, for what auditors are engaged about them, and their account. It is one JSON document, to be kept as a file; the lists have no pages. An answer that breaks off has no end, and is not to be used. It is noted as one read, an `export`.
#[utoipa::path(
    get, path = "/v1/me/export", tag = "patients",
    responses((status = 200, description = "All that is known of the caller", body = dto::Export)),
)]
pub async fn export<B: Backend>(reading: Reading<B>) -> Result<HttpResponse, Problem> {
    let account = reading.caller.account().ok_or(UseCaseError::Forbidden)?;
    let begun = reading.core.exports.begin(account).await?;
    let (exported, exporting) = reading.clinic.export(&reading.caller).await?;
    // All of it, before what the log has: what comes there in between stands in both.
    let noted = reading.clinic.noted_reads(&reading.caller, None).await?;
    let noted = noted.into_iter().map(dto::AccessLogEntry::from).collect();
    let (parts, body) = mpsc::channel(1);
    let export = Export {
        clinic: reading.clinic,
        caller: reading.caller,
        exporting,
        parts,
        _begun: begun,
    };
    let head = dto::Export::of(exported, noted);
    rt::spawn(export.write(head).in_current_span());
    let body = stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"medconnect-record.json\""))
        .streaming(body))
}

/// An export that is being written.
struct Export<B: Backend> {
    clinic: web::Data<Clinic<B>>,
    caller: Principal,
    exporting: Exporting,
    /// To whoever reads it: it is written as fast as it is read.
    parts: Sender<io::Result<Bytes>>,
    _begun: Begun,
}

/// Why no more is written.
enum Ended {
    /// Nobody reads any more, or for too long.
    Unread,
    /// The rest cannot be told.
    Failed(Problem),
}

impl From<UseCaseError> for Ended {
    fn from(error: UseCaseError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<serde_json::Error> for Ended {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Problem::new(ProblemKind::Internal).cause(error))
    }
}

impl<B: Backend> Export<B> {
    /// Writes all of it. Where that fails, the answer breaks off.
    async fn write(self, head: dto::Export) {
        if let Err(Ended::Failed(problem)) = self.write_all(&head).await {
            tracing::warn!(error = %problem, "an export breaks off");
            // Whoever reads sees that it has no end; if nobody does, nobody need.
            let _ = timeout(
                READ_WITHIN,
                self.parts.send(Err(io::Error::other("the export breaks off"))),
            )
            .await;
        }
    }

    async fn write_all(&self, head: &dto::Export) -> Result<(), Ended> {
        let (clinic, caller, exporting) = (&self.clinic, &self.caller, &self.exporting);
        // Without its lists, which are empty, and without its end.
        let mut head = serde_json::to_vec(head)?;
        head.pop();
        self.send(head).await?;
        self.list("appointments", async |page| {
            let found = clinic.exported_appointments(exporting, page).await?;
            let keyed = found
                .into_iter()
                .map(|one| ((one.slot.start, one.id), dto::Appointment::from(one)));
            Ok(keyed.collect())
        })
        .await?;
        self.list("grants", async |page| {
            let found = clinic.exported_grants(exporting, page).await?;
            let keyed = found.grants().iter().map(|grant| {
                let key = (grant.position, grant.grant_id);
                (key, dto::Grant::from((grant, found.standing(grant))))
            });
            Ok(keyed.collect())
        })
        .await?;
        self.list("emergencies", async |page| {
            let found = clinic.exported_emergencies(exporting, page).await?;
            Ok(found
                .into_iter()
                .map(|one| (one.position, dto::Emergency::seen(one)))
                .collect())
        })
        .await?;
        self.list("engagements", async |page| {
            let found = clinic.exported_engagements(exporting, page).await?;
            Ok(found
                .into_iter()
                .map(|one| (one.position, dto::Engagement::from(one)))
                .collect())
        })
        .await?;
        self.list("accessRequests", async |page| {
            let found = clinic.access_requests_to(caller, page).await?;
            let keyed = found
                .into_iter()
                .map(|one| ((one.asked_at, one.id), dto::AccessRequest::from(one)));
            Ok(keyed.collect())
        })
        .await?;
        self.list("reads", async |page| {
            let found = clinic.access_log(caller, page).await?;
            let keyed = found.into_iter().map(|one| {
                let key = (one.read.at, one.position, one.index);
                (key, dto::AccessLogEntry::from(one))
            });
            Ok(keyed.collect())
        })
        .await?;
        clinic.end_export(exporting).await?;
        self.send(b"}".to_vec()).await
    }

    /// Writes a list as a member of the document, page by page.
    async fn list<K, T: Serialize>(
        &self,
        name: &str,
        ask: impl AsyncFn(Page<K>) -> Result<Vec<(K, T)>, UseCaseError>,
    ) -> Result<(), Ended> {
        self.send(format!(",\"{name}\":[").into_bytes()).await?;
        let (mut after, mut is_first) = (None, true);
        loop {
            // One more than is written tells whether there is a next page.
            let limit = AT_ONCE + 1;
            self.clinic.go_on_exporting(&self.caller, &self.exporting).await?;
            let mut found = ask(Page { after, limit }).await?;
            let is_last = found.len() < limit as usize;
            found.truncate(AT_ONCE as usize);
            let mut part = Vec::new();
            after = None;
            for (key, item) in found {
                if !std::mem::take(&mut is_first) {
                    part.push(b',');
                }
                serde_json::to_writer(&mut part, &item)?;
                after = Some(key);
            }
            self.send(part).await?;
            if is_last {
                return self.send(b"]".to_vec()).await;
            }
        }
    }

    async fn send(&self, part: Vec<u8>) -> Result<(), Ended> {
        if part.is_empty() {
            return Ok(());
        }
        let sent = timeout(READ_WITHIN, self.parts.send(Ok(part.into()))).await;
        sent.ok().and_then(Result::ok).ok_or(Ended::Unread)
    }
}
