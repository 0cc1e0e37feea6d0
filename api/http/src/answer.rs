//! What a command is answered with: ids and versions, never what it was about.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use api_wire::answer::CommandResult;
use application::log::Finality;
use application::ports::command::Receipt;
use application::ports::registry::StoredAnswer;
use application::use_cases::accounts::IssuedKey;
use application::use_cases::calendars::AppointmentDone;
use application::use_cases::clinic::Done;
use domain::chart::FindingId;
use domain::kernel::{AccountId, AggregateRef, CalendarId, ChartId, CommandId, PatientId};
use uuid::Uuid;

use super::etag;
use super::location::Located;

/// The answer to a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    etag: Option<String>,
    body: CommandResult,
}

impl Answer {
    /// Something is new, unless it was there already.
    pub fn created(done: Done<impl Located + Into<AggregateRef>>) -> Self {
        let created = done.receipt.position.is_some();
        Self::changed(done).having(created)
    }

    /// Something changed, or needed no change.
    pub fn changed(done: Done<impl Located + Into<AggregateRef>>) -> Self {
        let (path, of) = (done.id.path(), done.id.into());
        Self {
            etag: Some(etag::of_version(done.receipt.version)),
            ..Self::of(path, Some(of.uuid()), done.receipt)
        }
    }

    /// A finding was noted in a patient's chart, unless it was there already.
    pub fn noted(patient: PatientId, done: Done<FindingId>) -> Self {
        let created = done.receipt.position.is_some();
        Self::of_finding(patient, done).having(created)
    }

    /// A finding in a patient's chart changed, or needed no change. The tag is that of the chart.
    pub fn of_finding(patient: PatientId, done: Done<FindingId>) -> Self {
        let FindingId(id) = done.id;
        let resource = format!("{}/findings/{id}", ChartId(patient).path());
        Self {
            etag: Some(etag::of_version(done.receipt.version)),
            ..Self::of(resource, Some(id), done.receipt)
        }
    }

    /// A day of a practitioner's was published. Its tag is no use: its version moves with every booking.
    pub fn published(calendar: CalendarId, receipt: Receipt) -> Self {
        Self::of(calendar.path(), None, receipt)
    }

    /// A key was issued; its secret is shown, this once.
    pub fn issued(account: AccountId, issued: IssuedKey) -> Self {
        let created = issued.receipt.position.is_some();
        let mut answer = Self::revoked(account, issued.key, issued.receipt).having(created);
        answer.body.secret = issued.secret;
        answer
    }

    /// A key was revoked.
    pub fn revoked(account: AccountId, key: Uuid, receipt: Receipt) -> Self {
        Self::of(format!("{}/keys/{key}", account.path()), Some(key), receipt)
    }

    /// Something changed that is not in the log.
    pub fn beside_the_log(command_id: CommandId, resource: &str, id: Uuid) -> Self {
        let receipt = Receipt {
            command_id,
            version: 0,
            began: false,
            position: None,
            finality: Finality::Final,
        };
        Self::of(resource.to_owned(), Some(id), receipt)
    }

    fn of(resource: String, id: Option<Uuid>, receipt: Receipt) -> Self {
        let Receipt {
            command_id,
            version,
            position,
            finality,
            ..
        } = receipt;
        let body = CommandResult {
            command_id: command_id.uuid(),
            resource,
            id,
            created: false,
            version,
            position,
            finality: finality.into(),
            secret: None,
        };
        Self { etag: None, body }
    }

    fn having(mut self, created: bool) -> Self {
        self.body.created = created;
        self
    }

    /// An appointment changed, or needed no change.
    pub fn appointment(done: AppointmentDone) -> Self {
        let resource = format!("/v1/appointments/{}", done.id);
        Self {
            etag: done.version().map(etag::of_appointment),
            ..Self::of(resource, Some(done.id.uuid()), done.receipt)
        }
    }

    /// An appointment was booked, unless it was there already.
    pub fn booked(done: AppointmentDone) -> Self {
        let created = done.receipt.position.is_some();
        Self::appointment(done).having(created)
    }

    /// A visit was recorded, or what was recorded of it corrected, unless it was there already.
    pub fn visit(done: AppointmentDone) -> Self {
        let created = done.receipt.began;
        Self::appointment(done).having(created)
    }

    const fn status(&self) -> StatusCode {
        if self.body.created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        }
    }

    /// Writes it.
    pub fn respond(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        if self.body.created {
            response.insert_header((header::LOCATION, self.body.resource.as_str()));
        }
        if let Some(etag) = &self.etag {
            response.insert_header((header::ETAG, etag.as_str()));
        }
        response.json(&self.body)
    }

    /// As it is kept, to be given again: without any secret.
    pub fn stored(&self) -> StoredAnswer {
        let body = CommandResult {
            secret: None,
            ..self.body.clone()
        };
        StoredAnswer {
            status: self.status().as_u16(),
            body: serde_json::to_string(&body).unwrap_or_default(),
            location: self.body.created.then(|| body.resource.clone()),
            etag: self.etag.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::PatientId;

    use super::*;

    fn receipt(position: Option<u64>) -> Receipt {
        Receipt {
            command_id: CommandId::new(Uuid::from_u128(1)),
            version: 3,
            began: position.is_some(),
            position,
            finality: Finality::Final,
        }
    }

    #[test]
    fn what_was_there_already_is_not_created() {
        let id = PatientId::new(Uuid::from_u128(2));
        let answer = |position| {
            Answer::created(Done {
                id,
                receipt: receipt(position),
            })
        };
        let new = answer(Some(9)).respond();
        assert_eq!(new.status(), 201);
        assert_eq!(
            new.headers().get(header::LOCATION).unwrap(),
            &format!("/v1/patients/{id}")
        );
        let again = answer(None).respond();
        assert_eq!(again.status(), 200);
        assert!(!again.headers().contains_key(header::LOCATION));
    }

    #[test]
    fn a_secret_is_shown_and_not_kept() {
        let issued = IssuedKey {
            key: Uuid::from_u128(2),
            secret: Some("mk_secret".into()),
            receipt: receipt(Some(9)),
        };
        let answer = Answer::issued(AccountId::new(Uuid::from_u128(3)), issued);
        assert_eq!(answer.respond().status(), 201);
        assert!(!answer.stored().body.contains("mk_secret"));
        assert_eq!(answer.body.secret.as_deref(), Some("mk_secret"));
    }
}
