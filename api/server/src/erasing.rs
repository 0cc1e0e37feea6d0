//! Requests to erase somebody are carried through, one after the other: they are few, and each waits for the chain.

use std::time::Duration;

use application::error::UseCaseError;
use application::ports::StoreError;
use application::ports::erasures::{ErasureRequest, Erasures};
use application::use_cases::clinic::{Backend, Clinic};
use tokio::time::sleep;

/// How often it is looked for requests.
const EVERY: Duration = Duration::from_secs(1);

/// Carries them through, for as long as it is polled.
pub(crate) async fn carry_through<B: Backend>(clinic: &Clinic<B>, erasures: &dyn Erasures) {
    loop {
        match erasures.take_on().await {
            Ok(requests) => {
                for request in requests {
                    if let Err(error) = carry(clinic, erasures, &request).await {
                        tracing::warn!(%error, "what becomes of an erasure cannot be noted");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "requests to erase somebody cannot be looked for"),
        }
        sleep(EVERY).await;
    }
}

/// Tries once. What neither succeeds nor is refused is taken on again.
async fn carry<B: Backend>(
    clinic: &Clinic<B>,
    erasures: &dyn Erasures,
    request: &ErasureRequest,
) -> Result<(), StoreError> {
    let keys = erasures.keys_of(request.subject.id()).await?;
    match clinic.erase(request, keys).await {
        Ok(()) => erasures.logged(request).await,
        Err(error) if is_refusal(&error) => erasures.refused(request, &error.to_string()).await,
        Err(error) => {
            tracing::warn!(%error, command = %request.command_id, "an erasure waits");
            erasures.waits(request, &error.to_string()).await
        }
    }
}

/// Whether another attempt would come to the same.
const fn is_refusal(error: &UseCaseError) -> bool {
    matches!(
        error,
        UseCaseError::NotFound(_)
            | UseCaseError::Refused(_)
            | UseCaseError::LastAdministrator
            | UseCaseError::RefusedByTheLog
    )
}
