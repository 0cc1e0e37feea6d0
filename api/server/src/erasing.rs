//! Requests to erase somebody are carried through, one after the other: they are few, and each waits for the chain.

use std::time::Duration;

use application::use_cases::clinic::{Backend, Clinic};
use application::use_cases::erasing::is_refusal;
use tokio::time::sleep;

/// How often it is looked for requests.
const EVERY: Duration = Duration::from_secs(1);

/// Carries them through, for as long as it is polled. What neither succeeds nor is refused is taken on again.
pub(crate) async fn carry_through<B: Backend>(clinic: &Clinic<B>) {
    loop {
        match clinic.erasures.take_on().await {
            Ok(requests) => {
                for request in requests {
                    if let Err(error) = clinic.carry_erasure_through(&request).await
                        && !is_refusal(&error)
                    {
                        tracing::warn!(%error, command = %request.command_id, "an erasure waits");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "requests to erase somebody cannot be looked for"),
        }
        sleep(EVERY).await;
    }
}
