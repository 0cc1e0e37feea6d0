//! The one list of endpoints: which handler answers, what it does, and who may call it at all.
//!
//! Routes, the OpenAPI document and the check of every caller come from it. Method and path stand in the handler's own description
//! (`#[utoipa::path]`). A handler that is not in the list is not mounted, and one that is stands behind its rule;
//! beside them are only the pages of the document and their icon, which say nothing of anybody.
//!
//! What of a patient or of anybody else a caller may see is decided by the use case, with the object at hand. Here is decided, before
//! anything is read, whether somebody of their role may ever do such a thing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Route, Scope};
use application::policy::Action;
use application::use_cases::clinic::Backend;
use utoipa::OpenApi;
use utoipa::openapi::HttpMethod;

use super::access::{Access, Endpoint, Endpoints, Kind, guarded};
use super::routes::{
    access_log, access_requests, accounts, admin, appointments, attestations, auth, availability, charts, commands,
    emergencies, engagements, events, export, grants, nothing_here, patients, practitioners, requests, resource,
    system, treatment, visits, wallets,
};
use super::throttle;

/// An endpoint by the description of its handler.
fn described_by<P: utoipa::Path>(kind: Kind, access: Access) -> impl Iterator<Item = Endpoint> {
    P::methods().into_iter().map(move |method| Endpoint {
        method: method_of(&method),
        path: P::path(),
        kind,
        access,
    })
}

const fn method_of(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

use Access::{Caller, May, Public};
use Action as A;

/// The groups of endpoints, by the tags of their handlers.
#[derive(OpenApi)]
#[openapi(
    tags(
        (name = "auth", description = "Signing in with a wallet (EIP-4361), and out"),
        (name = "patients", description = "Patients: who they are"),
        (name = "charts", description = "Charts of patients: their conditions, allergies, medications and symptoms"),
        (name = "grants", description = "Grants of patients: who may read and add to their records"),
        (name = "accessRequests", description = "Requests to patients to be let into their records"),
        (name = "treatment", description = "Whether patients are treated here, so that the staff may know their charts"),
        (name = "emergencies", description = "Records that practitioners open in emergencies, and how they justify it"),
        (name = "reads", description = "Who has read what is known of a patient"),
        (name = "engagements", description = "Auditors who are engaged to examine who has read what"),
        (name = "practitioners", description = "Practitioners, and the patients whom they treat"),
        (name = "attestations", description = "Public registers' entries of practitioners, and what registrars attest"),
        (name = "availability", description = "What practitioners offer on a day, and which slots are free"),
        (name = "appointments", description = "Booking appointments, and what becomes of them"),
        (name = "visits", description = "Visits of the past, from other systems"),
        (name = "accounts", description = "Accounts of staff and services, and their keys"),
        (name = "wallets", description = "Invitations, and the wallets that people sign in with"),
        (name = "registration", description = "Registration requests, where patients are registered by approval"),
        (name = "commands", description = "Commands whose answer was not waited for"),
        (name = "events", description = "The entries of the log, without what they say: for auditors"),
        (name = "admin", description = "The status of the system"),
        (name = "system", description = "The health and the metrics of the server, and the documents about it"),
    )
)]
struct Tags;

macro_rules! endpoints {
    ($( $module:ident::$handler:ident $(::<$backend:ident>)? => $kind:ident, $access:expr; )*) => {
        #[derive(OpenApi)]
        #[openapi(paths($( $module::$handler ),*))]
        struct Described;

        fn list() -> Vec<Endpoint> {
            let mut list = Vec::new();
            pastey::paste! {
                $( list.extend(described_by::<$module::[<__path_ $handler>]>(Kind::$kind, $access)); )*
            }
            list
        }

        fn routes<B: Backend>() -> BTreeMap<String, Vec<(Method, Route)>> {
            let mut routes: BTreeMap<String, Vec<(Method, Route)>> = BTreeMap::new();
            pastey::paste! {
                $(
                    for endpoint in described_by::<$module::[<__path_ $handler>]>(Kind::$kind, $access) {
                        let route = guarded(web::to($module::$handler $(::<$backend>)?), endpoint.access);
                        routes.entry(endpoint.path).or_default().push((endpoint.method, route));
                    }
                )*
            }
            routes
        }
    };
}

endpoints! {
    auth::nonce => Beside, Public;
    auth::login::<B> => Beside, Public;
    auth::logout => Beside, Caller;
    auth::me => Read, Caller;

    patients::register::<B> => Command, Caller; // Who repeats it has an account by then.
    patients::list::<B> => Read, May(&[A::ListPatients]);
    patients::search::<B> => Read, May(&[A::ListPatients]);
    patients::look_up::<B> => Read, May(&[A::ListPatients]);
    patients::read::<B> => Read, May(&[A::ReadPatient]);
    patients::update_details::<B> => Command, May(&[A::UpdatePatient]);
    patients::erase_me::<B> => Command, May(&[A::EraseSelf]);
    export::export::<B> => Read, May(&[A::ExportSelf]);
    appointments::of_patient::<B> => Read, May(&[A::ReadPatientAppointments]);
    patients::practitioners::<B> => Read, May(&[A::ReadPatientRelationships]);

    charts::read::<B> => Read, May(&[A::ReadChart]);
    charts::finding::<B> => Read, May(&[A::ReadChart]);
    charts::note::<B> => Command, May(&[A::UpdateChart]);
    charts::change::<B> => Command, May(&[A::UpdateChart]);
    charts::refute::<B> => Command, May(&[A::UpdateChart]);
    charts::state_absence::<B> => Command, May(&[A::UpdateChart]);
    charts::reported::<B> => Read, May(&[A::ReadReports]);
    charts::report::<B> => Command, May(&[A::ReportChart]);

    grants::prepare::<B> => Command, May(&[A::ManageGrants]);
    grants::list::<B> => Read, May(&[A::ReadGrants]);
    grants::read::<B> => Read, May(&[A::ReadGrants]);
    grants::to_sign::<B> => Read, May(&[A::ManageGrants]);
    grants::hand_in::<B> => Command, May(&[A::ManageGrants]);
    grants::revocation_to_sign::<B> => Read, May(&[A::ManageGrants]);
    grants::revoke::<B> => Command, May(&[A::ManageGrants]);

    access_requests::ask::<B> => Command, May(&[A::RequestAccess]);
    access_requests::read::<B> => Read, May(&[A::ReadAccessRequest]);
    access_requests::take_up::<B> => Command, May(&[A::ManageGrants]);
    access_requests::list::<B> => Read, May(&[A::ReadGrants]);
    access_requests::approve::<B> => Command, May(&[A::ManageGrants]);
    access_requests::decline::<B> => Command, May(&[A::ManageGrants]);

    treatment::read::<B> => Read, May(&[A::ReadTreatment]);
    treatment::agree::<B> => Command, May(&[A::ManageTreatment]);
    treatment::end::<B> => Command, May(&[A::ManageTreatment]);

    emergencies::open::<B> => Command, May(&[A::OpenInEmergency]);
    emergencies::read::<B> => Read, May(&[A::ReadEmergencies]);
    emergencies::justify::<B> => Command, May(&[A::JustifyEmergency]);
    emergencies::own::<B> => Read, May(&[A::ReadEmergencies]);
    emergencies::list::<B> => Read, May(&[A::OverseeEmergencies]);

    access_log::list::<B> => Read, May(&[A::ReadAccessLog]);
    access_log::noted::<B> => Read, May(&[A::ReadAccessLog]);

    engagements::begin::<B> => Command, May(&[A::ManageEngagements]);
    engagements::list::<B> => Read, May(&[A::ReadEngagements]);
    engagements::read::<B> => Read, May(&[A::ReadEngagements]);
    engagements::end::<B> => Command, May(&[A::ManageEngagements]);
    engagements::accesses::<B> => Read, May(&[A::ExamineAccesses]);

    practitioners::register::<B> => Command, Caller; // As there.
    practitioners::list::<B> => Read, May(&[A::ReadPractitioner]);
    practitioners::look_up::<B> => Read, May(&[A::ReadPractitioner]);
    practitioners::read::<B> => Read, May(&[A::ReadPractitioner]);
    practitioners::update::<B> => Command, May(&[A::UpdatePractitioner]);
    practitioners::patients::<B> => Read, May(&[A::ReadPractitionerRelationships]);

    attestations::tell_register_entry::<B> => Command, May(&[A::TellRegisterEntry]);
    attestations::register_entry::<B> => Read, May(&[A::ReadRegisterEntry]);
    attestations::read::<B> => Read, May(&[A::ReadPractitioner]);
    attestations::to_sign::<B> => Read, May(&[A::AttestPractitioner]);
    attestations::hand_in::<B> => Command, May(&[A::AttestPractitioner]);

    availability::publish::<B> => Command, May(&[A::PublishAvailability]);
    availability::read::<B> => Read, May(&[A::ReadAvailability]);
    availability::slots::<B> => Read, May(&[A::ReadAvailability]);

    appointments::book::<B> => Command, May(&[A::BookAppointment]);
    appointments::list::<B> => Read, May(&[A::ReadAppointment]);
    appointments::read::<B> => Read, May(&[A::ReadAppointment]);
    appointments::confirm::<B> => Command, May(&[A::ConductAppointment]);
    appointments::reschedule::<B> => Command, May(&[A::ChangeAppointment]);
    appointments::cancel::<B> => Command, May(&[A::ChangeAppointment]);
    appointments::complete::<B> => Command, May(&[A::ConductAppointment]);
    appointments::no_show::<B> => Command, May(&[A::ConductAppointment]);

    visits::record::<B> => Command, May(&[A::RecordVisit]);

    accounts::open::<B> => Command, May(&[A::ManageAccounts]);
    accounts::list::<B> => Read, May(&[A::ReadAccounts]);
    accounts::read::<B> => Read, May(&[A::ReadAccounts]);
    accounts::close::<B> => Command, May(&[A::ManageAccounts]);
    accounts::issue_key::<B> => Command, May(&[A::ManageAccounts]);
    accounts::revoke_key::<B> => Command, May(&[A::ManageAccounts]);

    wallets::invite_patient::<B> => Beside, May(&[A::InvitePatient]);
    wallets::invite_practitioner::<B> => Beside, May(&[A::InvitePractitioner]);
    wallets::invite_staff::<B> => Beside, May(&[A::ManageAccounts]);
    wallets::withdraw_patients::<B> => Beside, May(&[A::InvitePatient]);
    wallets::withdraw_practitioners::<B> => Beside, May(&[A::InvitePractitioner]);
    wallets::withdraw_staffs::<B> => Beside, May(&[A::ManageAccounts]);
    wallets::accept::<B> => Command, Caller; // Who repeats it has an account by then.
    wallets::read::<B> => Read, May(&[A::ManageOwnWallet]);
    wallets::change::<B> => Command, Caller; // Whose wallet it was has no account when they repeat it.
    wallets::take_patients_away::<B> => Command, May(&[A::TakeWalletAway]);
    wallets::take_practitioners_away::<B> => Command, May(&[A::TakeWalletAway]);
    wallets::take_staffs_away::<B> => Command, May(&[A::TakeWalletAway]);

    requests::ask::<B> => Command, Caller; // Who repeats it may have an account by then.
    requests::own::<B> => Read, May(&[A::ReadOwnRequest]);
    requests::list::<B> => Read, May(&[A::ListRequests]);
    requests::approve::<B> => Command, May(&[A::DecideRequest]);
    requests::decline::<B> => Command, May(&[A::DecideRequest]);

    commands::read::<B> => Read, Caller;
    events::list::<B> => Read, May(&[A::ReadLog]);
    admin::status::<B> => Beside, May(&[A::ReadStatus]);
    admin::retry_parked::<B> => Beside, May(&[A::RetryParked]);

    system::home => Beside, Public;
    system::openapi => Beside, Public;
    system::live => Beside, Public;
    system::ready => Beside, Public;
    system::metrics => Beside, Public;
    system::problem => Beside, Public;
}

static ENDPOINTS: LazyLock<Endpoints> = LazyLock::new(|| Endpoints(list()));

/// All of them.
pub fn all() -> &'static Endpoints {
    &ENDPOINTS
}

/// The operations as their handlers describe them, and their groups.
pub fn described() -> utoipa::openapi::OpenApi {
    Tags::openapi().merge_from(Described::openapi())
}

/// Mounts them all.
pub fn mount<B: Backend>(config: &mut ServiceConfig) {
    let mut routes = routes::<B>();
    let mut under = |prefix: &str| {
        let paths: Vec<String> = routes.keys().filter(|path| path.starts_with(prefix)).cloned().collect();
        let found = paths
            .into_iter()
            .filter_map(|path| Some((path.clone(), routes.remove(&path)?)));
        found.fold(web::scope(prefix), |scope, (path, routes)| {
            scope.service(resource(path.strip_prefix(prefix).unwrap_or(&path), routes))
        })
    };
    let sign_ins = |scope: Scope| {
        scope
            .wrap(from_fn(throttle::limit_sign_ins))
            .default_service(web::to(nothing_here))
    };
    let (auth, invitations) = (under("/v1/auth"), under("/v1/invitations"));
    let rest = under("/v1").default_service(web::to(nothing_here));
    config
        .app_data(web::Data::new(all()))
        .service(sign_ins(auth))
        .service(sign_ins(invitations).wrap(from_fn(throttle::limit_concurrency)))
        .service(rest.wrap(from_fn(throttle::limit_concurrency)));
    for (path, routes) in routes {
        config.service(resource(&path, routes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_endpoint_is_listed_twice_and_only_what_is_not_of_anybody_is_public() {
        for (place, endpoint) in ENDPOINTS.0.iter().enumerate() {
            let (method, path) = (&endpoint.method, endpoint.path.as_str());
            let first = ENDPOINTS
                .0
                .iter()
                .position(|one| one.method == *method && one.path == path);
            assert_eq!(first, Some(place), "{method} {path}");
            let is_of_nobody = !path.starts_with("/v1/") || path.starts_with("/v1/auth/");
            assert!(endpoint.access != Public || is_of_nobody, "{method} {path}");
            assert!(endpoint.access != May(&[]), "{method} {path}");
        }
    }
}
