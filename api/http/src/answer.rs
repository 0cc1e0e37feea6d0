//! What a command is answered with: ids and versions, never what it was about.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use api_wire::answer::CommandResult;
use application::log::Finality;
use application::ports::command::Receipt;
use application::ports::registry::StoredAnswer;
use application::use_cases::clinic::Done;
use domain::kernel::{AggregateRef, CommandId};
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
        Self::of(path, Some(of.uuid()), done.receipt).tagged_by_version()
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

    /// What a command did to what is found at a path, and has an id if one is told.
    pub fn of(resource: String, id: Option<Uuid>, receipt: Receipt) -> Self {
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

    /// The same, with the version as its entity tag, unless the caller may not know it.
    pub fn tagged_by_version(self) -> Self {
        let version = Some(self.body.version).filter(|version| *version != 0);
        self.tagged(version.map(etag::of_version))
    }

    /// The same, with the entity tag that it has now, if that is known.
    pub fn tagged(self, etag: Option<String>) -> Self {
        Self { etag, ..self }
    }

    /// The same, which is new or was there already.
    pub const fn having(mut self, created: bool) -> Self {
        self.body.created = created;
        self
    }

    /// The same, with a secret that is shown this once.
    pub fn with_secret(mut self, secret: Option<String>) -> Self {
        self.body.secret = secret;
        self
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
        let issued = Answer::of("/v1/accounts/3/keys/2".to_owned(), None, receipt(Some(9))).having(true);
        let answer = issued.with_secret(Some("mk_secret".into()));
        assert_eq!(answer.respond().status(), 201);
        assert!(!answer.stored().body.contains("mk_secret"));
        assert_eq!(answer.body.secret.as_deref(), Some("mk_secret"));
    }
}
