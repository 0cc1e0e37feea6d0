//! What every handler and every layer around them shares, whatever the backend.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{HttpRequest, web};
use api_wire::problem::ProblemKind;
use application::ports::entries::LogEntries;
use application::ports::registry::CommandRegistry;
use application::ports::secrets::Secrets;
use application::ports::sessions::Sessions;
use application::ports::{AcceptanceListener, Clock, ProgressSource, Servers};
use application::use_cases::clinic::{Backend, Clinic};
use application::use_cases::status::{ParkedEvents, StatusSource};
use domain::kernel::CommandId;
use tokio::sync::{Semaphore, oneshot};

use super::auth::{Authenticate, SignInPolicy};
use super::claims::Claims;
use super::exports::Exports;
use super::limits::Limiter;
use super::metrics::HttpMetrics;
use super::problem::Problem;
use super::settings::HttpSettings;

/// The ports that the HTTP layer uses itself. Everything else goes through the use cases.
#[derive(Clone)]
pub struct HttpPorts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness and digests.
    pub secrets: Arc<dyn Secrets>,
    /// Nonces and sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Idempotency keys and commands that answer later.
    pub registry: Arc<dyn CommandRegistry>,
    /// How far the read models are.
    pub progress: Arc<dyn ProgressSource>,
    /// How the system is doing.
    pub status: Arc<dyn StatusSource>,
    /// The parked events.
    pub parked: Arc<dyn ParkedEvents>,
    /// The entries of the log.
    pub entries: Arc<dyn LogEntries>,
    /// How many servers share the callers' quotas.
    pub servers: Arc<dyn Servers>,
    /// Commands in this process; give the same to the write side as its acceptance listener.
    pub tracker: Arc<CommandTracker>,
    /// The metrics, to which the other parts of the process add their own.
    pub metrics: Arc<HttpMetrics>,
}

/// Shared state without the backend's types.
pub struct Core {
    pub(super) settings: HttpSettings,
    pub(super) ports: HttpPorts,
    pub(super) authenticator: Arc<dyn Authenticate>,
    pub(super) sign_in: SignInPolicy,
    pub(super) limiter: Limiter,
    pub(super) permits: Arc<Semaphore>,
    pub(super) long_bodies: Arc<Semaphore>,
    pub(super) claims: Arc<Claims>,
    pub(super) exports: Exports,
}

/// The shared state of a request.
///
/// # Errors
/// `internal` when the server was put together without it.
pub fn core(request: &HttpRequest) -> Result<web::Data<Core>, Problem> {
    shared(request)
}

/// The use cases, for a request.
///
/// # Errors
/// As [`core()`].
pub fn clinic<B: Backend>(request: &HttpRequest) -> Result<web::Data<Clinic<B>>, Problem> {
    shared(request)
}

fn shared<T: 'static>(request: &HttpRequest) -> Result<web::Data<T>, Problem> {
    let shared = request.app_data::<web::Data<T>>().cloned();
    shared.ok_or_else(|| Problem::new(ProblemKind::Internal))
}

/// The commands that are being executed in this process and that somebody may ask for.
#[derive(Default)]
pub struct CommandTracker {
    running: Mutex<HashMap<CommandId, Option<oneshot::Sender<()>>>>,
}

/// A command is running while this lives.
pub struct Running {
    tracker: Arc<CommandTracker>,
    command: CommandId,
}

impl CommandTracker {
    /// Marks a command as running, and tells when it is accepted.
    pub fn start(self: &Arc<Self>, command: CommandId) -> (Running, oneshot::Receiver<()>) {
        let (accepted, told) = oneshot::channel();
        self.lock().insert(command, Some(accepted));
        (
            Running {
                tracker: Arc::clone(self),
                command,
            },
            told,
        )
    }

    /// Whether a command is running here.
    pub fn is_running(&self, command: CommandId) -> bool {
        self.lock().contains_key(&command)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CommandId, Option<oneshot::Sender<()>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AcceptanceListener for CommandTracker {
    fn accepted(&self, command: CommandId) {
        if let Some(sender) = self.lock().get_mut(&command).and_then(Option::take) {
            // Nobody listens when nobody asked for a 202.
            let _ = sender.send(());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tracker.lock().remove(&self.command);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_command_is_told_when_it_is_accepted() {
        let tracker = Arc::new(CommandTracker::default());
        let command = CommandId::new(Uuid::from_u128(1));
        let (running, told) = tracker.start(command);
        tracker.accepted(CommandId::new(Uuid::from_u128(2)));
        tracker.accepted(command);
        tracker.accepted(command);
        told.await.unwrap();
        assert!(tracker.is_running(command));
        drop(running);
        assert!(!tracker.is_running(command));
    }
}
