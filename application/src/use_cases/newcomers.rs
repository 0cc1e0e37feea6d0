//! Patients who come with their wallet: record, account and wallet in one commit.

use domain::account::{Account, AccountCommand, Binding, Holder, Title};
use domain::claims::Claims;
use domain::kernel::{AccountId, PatientId, Personal};
use domain::patient::{Patient, PatientCommand, PatientDetails};

use crate::error::Refusal;
use crate::ports::command::{CommandError, CommandExecutor as _, Receipt};
use crate::ports::invitations::Person;
use crate::ports::sessions::SignedIn;
use crate::ports::transaction::{Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Issue};
use crate::use_cases::names::claim_wallet;
use crate::use_cases::patient_records::of_a_registration;

/// A patient to register with a wallet that has proved itself.
pub(crate) struct Newcomer {
    /// The record.
    pub(crate) patient: PatientId,
    /// What it begins with.
    pub(crate) details: PatientDetails,
    /// The wallet, and what it signed.
    pub(crate) signed_in: SignedIn,
    /// What entitles the wallet.
    pub(crate) title: Title,
}

impl<B: Backend> Clinic<B> {
    /// Registers a patient, opens the account and binds the wallet, in one commit. `by` is who did it, if it was not the patient.
    pub(crate) async fn register_newcomer(
        &self,
        newcomer: Newcomer,
        by: Option<AccountId>,
        issue: &Issue,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let Newcomer {
            patient,
            details,
            signed_in: SignedIn { wallet, proof, .. },
            title,
        } = newcomer;
        let account = self.account_of(&Person::Patient(patient));
        let binding = Binding { wallet, proof, title };
        let context = self.stamp_as(Some(by.unwrap_or(account)), issue);
        let now = context.at;
        let receipt = self
            .executor
            .transact(
                (Target::of(patient), Target::of(account), self.bucket_of(&wallet)),
                move |(mut record, mut owner, mut bucket): (Root<Patient>, Root<Account>, Root<Claims>)| {
                    let registered = record.execute(PatientCommand::Register {
                        details: details.clone(),
                        now,
                    });
                    registered.map_err(of_a_registration)?;
                    owner.execute(AccountCommand::Bind {
                        holder: Holder::Patient(Personal::Known(patient)),
                        binding: binding.clone(),
                        turn: 0,
                    })?;
                    claim_wallet(&mut bucket, wallet, &owner)?;
                    Ok::<_, Refusal>((record, owner, bucket))
                },
                &context,
            )
            .await?;
        self.revocations.bound_again(self.wallet_id(&wallet).uuid());
        Ok(receipt)
    }
}
