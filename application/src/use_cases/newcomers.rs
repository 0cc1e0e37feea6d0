//! Patients and practitioners who come with their wallet: their aggregate, account and wallet in one commit.

use domain::account::{Account, AccountCommand, Binding, Holder, Title};
use domain::claims::Claims;
use domain::kernel::{AccountId, ClinicAggregate, PatientId, Personal, PractitionerId};
use domain::patient::Patient;
use domain::practitioner::Practitioner;

use crate::error::Refusal;
use crate::ports::command::{CommandError, CommandExecutor as _, Receipt};
use crate::ports::invitations::Person;
use crate::ports::sessions::SignedIn;
use crate::ports::transaction::{Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Issue};
use crate::use_cases::names::claim_wallet;

/// Who comes with a wallet.
pub(crate) trait OwnAccount: ClinicAggregate {
    /// Whom an account is of.
    fn person(id: Self::Id) -> Person;

    /// The same, as the account says it.
    fn holder(id: Self::Id) -> Holder;
}

impl OwnAccount for Patient {
    fn person(id: PatientId) -> Person {
        Person::Patient(id)
    }

    fn holder(id: PatientId) -> Holder {
        Holder::Patient(Personal::Known(id))
    }
}

impl OwnAccount for Practitioner {
    fn person(id: PractitionerId) -> Person {
        Person::Practitioner(id)
    }

    fn holder(practitioner: PractitionerId) -> Holder {
        Holder::Practitioner { practitioner }
    }
}

/// Somebody to register with a wallet that has proved itself.
pub(crate) struct Newcomer<A: OwnAccount> {
    /// Their id.
    pub(crate) id: A::Id,
    /// What registers them.
    pub(crate) command: A::Command,
    /// How a refusal of that is told.
    pub(crate) told: fn(A::Error) -> Refusal,
    /// The wallet, and what it signed.
    pub(crate) signed_in: SignedIn,
    /// What entitles the wallet.
    pub(crate) title: Title,
}

impl<B: Backend> Clinic<B> {
    /// Registers somebody, opens the account and binds the wallet, in one commit. `by` is who did it, if it was not they.
    pub(crate) async fn register_newcomer<A: OwnAccount>(
        &self,
        newcomer: Newcomer<A>,
        by: Option<AccountId>,
        issue: &Issue,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let Newcomer {
            id,
            command,
            told,
            signed_in: SignedIn { wallet, proof, .. },
            title,
        } = newcomer;
        let account = self.account_of(&A::person(id));
        let binding = Binding { wallet, proof, title };
        let context = self.stamp_as(Some(by.unwrap_or(account)), issue);
        let receipt = self
            .executor
            .transact(
                (Target::of(id), Target::of(account), self.bucket_of(&wallet)),
                move |(mut entry, mut owner, mut bucket): (Root<A>, Root<Account>, Root<Claims>)| {
                    entry.execute(command.clone()).map_err(told)?;
                    owner.execute(AccountCommand::Bind {
                        holder: A::holder(id),
                        binding: binding.clone(),
                        turn: 0,
                    })?;
                    claim_wallet(&mut bucket, wallet, &owner)?;
                    Ok::<_, Refusal>((entry, owner, bucket))
                },
                &context,
            )
            .await?;
        self.revocations.bound_again(self.wallet_id(&wallet).uuid());
        Ok(receipt)
    }
}
