//! The epochs' secrets between the table and memory.

use std::sync::Arc;

use chrono::Utc;

use super::epoch_rows::{self, RestingEpoch};
use super::{Epoch, EpochCommitment, EpochNumber, EpochSecret, Epochs, KeyRing, KeyRingError};
use crate::postgres::{TRANSACTION, within};

impl KeyRing {
    /// The epochs that are known in this process.
    pub(crate) const fn epochs(&self) -> &Arc<Epochs> {
        &self.epochs
    }

    /// Looks for the secrets of these epochs, if one of them is not in memory: with one query.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub(crate) async fn look_for_epochs(
        &self,
        numbers: impl IntoIterator<Item = EpochNumber>,
    ) -> Result<(), KeyRingError> {
        if numbers.into_iter().any(|number| self.epochs.lacks(number)) {
            self.load_epochs().await?;
        }
        Ok(())
    }

    /// The epochs that the log has published and whose secrets are not here.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub(crate) async fn missing_epochs(&self) -> Result<Vec<EpochNumber>, KeyRingError> {
        if self.epochs.missing().is_empty() {
            return Ok(Vec::new());
        }
        self.load_epochs().await?;
        Ok(self.epochs.missing())
    }

    /// The epoch to seal under.
    ///
    /// # Errors
    /// [`KeyRingError::EpochMissing`]: what is sealed under a former one, its owner wants to be read by nobody who has that.
    pub(crate) async fn sealing_epoch(&self) -> Result<EpochNumber, KeyRingError> {
        let number = self.epochs.sealing();
        self.look_for_epochs([number]).await?;
        if self.epochs.lacks(number) {
            self.miss();
            return Err(KeyRingError::EpochMissing(number));
        }
        Ok(number)
    }

    /// One that does not unwrap is as good as missing, and keeps no other from being used.
    async fn load_epochs(&self) -> Result<(), KeyRingError> {
        for resting in epoch_rows::all(&self.pool).await? {
            match self.keks.unwrap_epoch(&resting) {
                Ok(epoch) => self.epochs.hold(&epoch),
                Err(error) => tracing::warn!(%error, epoch = resting.number, "the secret of an epoch does not open"),
            }
        }
        Ok(())
    }

    /// Sees to it that there is a secret for an epoch of this number, which nobody has published yet. One that was made for it before is taken.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub async fn prepare_epoch(&self, number: EpochNumber) -> Result<Prepared, KeyRingError> {
        let preparing = async {
            let mut transaction = self.pool.pool().begin().await?;
            epoch_rows::lock(&mut transaction).await?;
            let there = epoch_rows::all(&mut *transaction).await?;
            if let Some(resting) = there.iter().find(|resting| resting.number == number) {
                let commitment = self.keks.unwrap_epoch(resting)?.secret.commitment();
                return Ok(Prepared {
                    number,
                    commitment,
                    is_new: false,
                });
            }
            let epoch = Epoch {
                number,
                secret: EpochSecret::random()?,
            };
            let resting = RestingEpoch {
                number,
                commitment: epoch.secret.commitment(),
                wrapped: self.keks.wrap_epoch(&epoch)?,
                kek_id: self.keks.current_id().to_owned(),
                created_at: Utc::now(),
            };
            epoch_rows::insert(&mut transaction, &[&resting]).await?;
            transaction.commit().await?;
            Ok(Prepared {
                number,
                commitment: resting.commitment,
                is_new: true,
            })
        };
        within(TRANSACTION, preparing).await
    }

    /// Wraps the epochs' secrets under the current key-encryption key again, where they are under another one. Answers with how many.
    pub(super) async fn rewrap_epochs(&self) -> Result<u64, KeyRingError> {
        let rewrapping = async {
            let mut transaction = self.pool.pool().begin().await?;
            epoch_rows::lock(&mut transaction).await?;
            let current = self.keks.current_id();
            let mut outdated = epoch_rows::all(&mut *transaction).await?;
            outdated.retain(|resting| resting.kek_id != current);
            for resting in &mut outdated {
                resting.wrapped = self.keks.wrap_epoch(&self.keks.unwrap_epoch(resting)?)?;
                current.clone_into(&mut resting.kek_id);
                epoch_rows::replace(&mut transaction, resting).await?;
            }
            transaction.commit().await?;
            Ok(outdated.len() as u64)
        };
        within(TRANSACTION, rewrapping).await
    }
}

/// An epoch that can be published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// Its number.
    pub number: EpochNumber,
    /// What its secret commits to.
    pub commitment: EpochCommitment,
    /// Whether the secret was made just now.
    pub is_new: bool,
}
