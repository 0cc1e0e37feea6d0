//! How a read goes through: who asks is identified, the query is read, and the answer carries its tag or is a page.
//!
//! [`Reading`] is the extractor of every handler under `/v1` that does not change the log. Some of them change something else: an invitation
//! is issued, parked events are tried again.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use api_wire::json;
use api_wire::page::PageBody;
use api_wire::problem::ProblemKind;
use application::policy::identity::Principal;
use application::ports::registry::Issuers;
use application::use_cases::clinic::{Backend, Clinic};
use domain::kernel::Wallet;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::caller::caller;
use super::core::{Core, clinic, core};
use super::cursor::{List, linked};
use super::etag;
use super::problem::Problem;

/// A request that does not change the log.
pub struct Reading<B: Backend> {
    /// What is asked.
    pub clinic: web::Data<Clinic<B>>,
    /// Who asks.
    pub caller: Principal,
    /// The wallet that they signed in with, if they did.
    pub wallet: Option<Wallet>,
    /// Whose commands are theirs.
    pub issuers: Issuers,
    /// What the HTTP layer knows itself.
    pub core: web::Data<Core>,
    request: HttpRequest,
}

impl<B: Backend> FromRequest for Reading<B> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl<B: Backend> Reading<B> {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let caller = caller(request)?;
        let clinic = clinic::<B>(request)?;
        Ok(Self {
            issuers: clinic.issuers(&caller.principal, caller.wallet.as_ref(), &caller.former),
            caller: caller.principal,
            wallet: caller.wallet,
            clinic,
            core: core(request)?,
            request: request.clone(),
        })
    }

    /// Answers with a resource and its tag, or with 304 when the caller has it; without one, with the resource alone.
    pub fn answer(&self, tag: impl Into<Option<String>>, body: &impl Serialize) -> HttpResponse {
        match tag.into() {
            Some(tag) => etag::answer(&self.request, tag, body),
            None => HttpResponse::Ok().json(body),
        }
    }

    /// The list of an endpoint, by the filters that were given.
    pub fn list(&self, endpoint: &str, filters: &impl Serialize) -> List {
        List::of(self.core.ports.secrets.as_ref(), endpoint, filters)
    }

    /// Answers with a page that leads to the next one.
    pub fn page<T: Serialize>(&self, page: PageBody<T>) -> HttpResponse {
        linked(page, &self.request)
    }
}

/// What a request's query says.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Parameters<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        let read = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs));
        ready(read.map(Self).map_err(|error| {
            let name = error.path().iter().find_map(|segment| match segment {
                Segment::Map { key } if json::is_name(key) => Some(format!("parameter `{key}`")),
                _ => None,
            });
            let what = name.unwrap_or_else(|| "query".to_owned());
            let detail = match json::expectation(&error.inner().to_string()) {
                said if said.starts_with("is ") || said.starts_with("must ") => format!("The {what} {said}."),
                said => format!("The {what}: {said}."),
            };
            Problem::new(ProblemKind::MalformedRequest).detail(detail)
        }))
    }
}
