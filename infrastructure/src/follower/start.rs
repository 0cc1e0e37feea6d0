//! Where a follower begins: its tables, its checkpoint, and the contract that it knows.

use std::time::Duration;

use application::ports::projector::Projector;
use sqlx::PgConnection;

use super::checkpoint::{self, Checkpoint, Followed};
use super::connection::KeptConnection;
use super::runner::{APPLIED_WITHIN, Follower, Place};
use super::tips::LatelyUsed;
use super::told::Told;
use super::trust::Distrust;
use super::window::{AppliedBlock, Unread};
use super::{FollowerError, schema};
use crate::chain::BlockId;
use crate::chain::deploy::{self, Standing};
use crate::postgres::{Patience, TRANSACTION, within};

/// How long the checkpoint may take to be found; the first time, the node is asked for where it begins.
const START: Duration = Duration::from_secs(60);

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Tries again what is parked. That it fails keeps nobody from following: what is parked stays so, and is seen to.
    pub(super) async fn release(&self, place: &mut Place)
    where
        P: Clone,
    {
        if place.told.held.streams.is_empty() {
            return;
        }
        let retried = async {
            self.parking().retry().await?;
            self.reload_held(place).await
        };
        if let Err(error) = retried.await {
            tracing::warn!(error = error.told(), "what is parked could not be tried again");
        }
    }

    /// Finds or makes the checkpoint.
    pub(super) async fn start(&self) -> Result<Place, FollowerError> {
        within(TRANSACTION, schema::prepare(&self.pool, &self.projector)).await?;
        let (found, told) = within(START, self.checkpoint()).await?;
        let ours = self.followed();
        if found.followed.location != ours.location {
            return Err(Distrust::OtherLog.into());
        }
        if found.followed.made_of != ours.made_of {
            return Err(FollowerError::MadeOfOther {
                found: found.followed.made_of,
                configured: ours.made_of,
            });
        }
        told.published.tell(&self.opener);
        let place = Place {
            window: found.window,
            finalized: found.finalized,
            told,
            verified: false,
            behind_since: None,
            ahead_since: None,
            not_ours: None,
            patience: Patience::new(APPLIED_WITHIN),
            connection: KeptConnection::beside(&self.pool),
            lately_used: LatelyUsed::default(),
            expecting: false,
            may_read_parked: false,
        };
        self.show(&place);
        self.publish_finalized(&place);
        Ok(place)
    }

    async fn checkpoint(&self) -> Result<(Checkpoint, Told), FollowerError> {
        let mut transaction = self.pool.begin().await?;
        let found = match checkpoint::load(&mut transaction).await? {
            Some(found) => found,
            None => {
                let first = self.before_the_first().await?;
                checkpoint::initialise(&mut transaction, &self.followed(), &first).await?;
                checkpoint::load(&mut transaction).await?.ok_or(FollowerError::Moved)?
            }
        };
        let told = Told::load(&mut transaction, &self.config.recorders, &self.opener).await?;
        transaction.commit().await?;
        Ok((found, told))
    }

    /// What is followed here.
    pub(super) fn followed(&self) -> Followed {
        Followed {
            location: self.opener.location(),
            made_of: self.kind.made_of.clone(),
        }
    }

    /// Makes sure, once, that the contract is the one that this program knows, and that those stand there that are believed. Not before the database has been looked at: what is
    /// read from there is served while no node answers.
    pub(super) async fn verify(&self, place: &mut Place) -> Result<(), FollowerError> {
        if !place.verified {
            deploy::verify(self.log.node(), &self.standing()).await?;
            for recorder in self.config.recorders.iter() {
                self.log.check_recorder(recorder).await?;
            }
            place.verified = true;
        }
        Ok(())
    }

    fn standing(&self) -> Standing {
        Standing {
            chain_id: self.log.node().chain_id(),
            address: self.log.address(),
        }
    }

    /// The block before the contract's, where its log is empty.
    async fn before_the_first(&self) -> Result<AppliedBlock, FollowerError> {
        deploy::verify(self.log.node(), &self.standing()).await?;
        let number = self.config.deployed_in.saturating_sub(1);
        let header = self.log.node().header(BlockId::Number(number)).await?;
        let hash = header.ok_or(Distrust::NoContract)?.block.hash;
        Ok(AppliedBlock {
            number,
            hash,
            head: self.log.genesis(),
            unread: Unread::default(),
        })
    }
}
