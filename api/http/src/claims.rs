//! The claims on commands that are under way in this process, kept alive together: one statement for all of them, however many.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use application::ports::Clock;
use application::ports::registry::{CommandRegistry, Ticket};

/// Into how many parts a claim's time is divided: it is renewed at the end of each, and lasts although a renewal fails.
const PARTS: u32 = 3;

/// The claims that are held.
#[derive(Default)]
pub struct Claims(Mutex<HashSet<Ticket>>);

/// A claim is held while this lives.
pub struct Held {
    claims: Arc<Claims>,
    ticket: Ticket,
}

impl Claims {
    /// Holds a claim: whoever asks elsewhere sees one that has run out as a command that is dead.
    pub fn hold(self: &Arc<Self>, ticket: Ticket) -> Held {
        self.lock().insert(ticket);
        Held {
            claims: Arc::clone(self),
            ticket,
        }
    }

    fn tickets(&self) -> Vec<Ticket> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.claims.lock().remove(&self.ticket);
    }
}

/// Renews the claims that are held, each for so long, for as long as it is polled.
pub async fn keep(claims: &Claims, lease: Duration, registry: &dyn CommandRegistry, clock: &dyn Clock) {
    loop {
        tokio::time::sleep(lease / PARTS).await;
        let held = claims.tickets();
        if held.is_empty() {
            continue;
        }
        if let Err(error) = registry.renew(&held, clock.now() + lease).await {
            tracing::warn!(%error, claims = held.len(), "the claims on commands could not be renewed");
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::CommandId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_claim_is_held_until_it_is_let_go() {
        let claims = Arc::new(Claims::default());
        let ticket = |fence| Ticket {
            command_id: CommandId::new(Uuid::from_u128(7)),
            fence,
        };
        let (first, second) = (claims.hold(ticket(1)), claims.hold(ticket(2)));
        drop(first);
        assert_eq!(claims.tickets(), [ticket(2)]);
        drop(second);
        assert!(claims.tickets().is_empty());
    }
}
