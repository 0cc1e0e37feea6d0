use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::kernel::{Category, PractitionerId};

const DOCUMENT: Uuid = Uuid::from_u128(7);

fn doctor() -> Grantee {
    Grantee::Practitioner(PractitionerId::new(Uuid::from_u128(5)))
}

/// Of the summary and the results, for treatment.
fn details() -> Details {
    Details {
        name: "Dr. Grace Hopper".to_owned(),
        grantee: doctor(),
        categories: vec![
            Granted::Category(Category::Summary),
            Granted::Category(Category::Results),
        ],
        documents: Vec::new(),
        from: 0,
        until: 0,
        purpose: Purpose::Treatment,
        may_write: false,
        grantee_salt: [1; 32],
        salt: [2; 32],
    }
}

fn query() -> Query {
    Query {
        grantee: doctor(),
        category: Category::Summary,
        document: None,
        time: None,
        purpose: Purpose::Treatment,
        writes: false,
    }
}

fn granted(granted: &[Granted]) -> Details {
    Details {
        categories: granted.to_vec(),
        ..details()
    }
}

#[test]
fn what_is_within_the_details_is_covered_and_nothing_else() {
    let (base, asked) = (details(), query());
    let record = granted(&[Granted::Record]);
    let sensitive = granted(&[Granted::Record, Granted::Category(Category::Sensitive)]);
    let writing = Details {
        may_write: true,
        ..details()
    };
    let document = Details {
        documents: vec![DOCUMENT],
        ..details()
    };
    let period = Details {
        from: 10,
        until: 20,
        ..details()
    };
    let since = Details {
        until: 0,
        ..period.clone()
    };
    let until = Details {
        from: 0,
        ..period.clone()
    };
    let of = |category| Query { category, ..query() };
    let at = |time| Query {
        time: Some(time),
        ..query()
    };
    let with = |document| Query {
        document: Some(document),
        ..query()
    };
    let writes = Query {
        writes: true,
        ..query()
    };
    for (details, query, expected) in [
        (&base, asked, true),
        (&base, of(Category::Results), true),
        (&base, of(Category::Medication), false),
        (&base, of(Category::Sensitive), false),
        (&record, of(Category::Medication), true),
        (&record, of(Category::Sensitive), false),
        (&sensitive, of(Category::Sensitive), true),
        (
            &base,
            Query {
                grantee: Grantee::Organisation(1),
                ..asked
            },
            false,
        ),
        (
            &base,
            Query {
                purpose: Purpose::Research,
                ..asked
            },
            false,
        ),
        (&base, writes, false),
        (&writing, writes, true),
        (&writing, asked, true),
        (&base, with(DOCUMENT), true),
        (&document, with(DOCUMENT), true),
        (&document, with(Uuid::from_u128(8)), false),
        (&document, asked, false),
        (&period, at(9), false),
        (&period, at(10), true),
        (&period, at(19), true),
        (&period, at(20), false),
        (&period, asked, false),
        (&since, at(9), false),
        (&since, at(u64::MAX), true),
        (&until, at(1), true),
        (&until, at(20), false),
        // The second 0 stands for no time at all.
        (&until, at(0), false),
        (&base, at(0), true),
    ] {
        assert_eq!(details.covers(&query), expected, "{details:?} {query:?}");
    }
}

#[test]
fn a_grantee_reads_as_it_is_signed_and_no_other_text_does() {
    let id = "6b1e0c4e-1a4f-4e6e-9a35-0d5a5f9c1d11";
    for text in [
        format!("practitioner/{id}"),
        "organisation/7".to_owned(),
        "organisation/7/nurse".to_owned(),
    ] {
        assert_eq!(text.parse::<Grantee>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "practitioner",
        "practitioner/7",
        "organisation/07",
        "organisation/+7",
        "organisation/7/",
        "organisation/7/Nurse",
        "organisation/7/nurse/",
        "patient/6b1e0c4e-1a4f-4e6e-9a35-0d5a5f9c1d11",
        &format!("practitioner/{}", id.to_uppercase()),
        &format!("practitioner/{}", id.replace('-', "")),
    ] {
        assert_eq!(text.parse::<Grantee>(), Err(NoGrantee), "{text}");
    }
}

#[test]
fn the_names_in_what_is_signed_never_change() {
    let categories: Vec<_> = Category::ALL.iter().map(ToString::to_string).collect();
    let expected = "care summary identity medication results documents appointments billing access sensitive";
    assert_eq!(categories.join(" "), expected);
    for granted in Category::ALL
        .map(Granted::Category)
        .into_iter()
        .chain([Granted::Record])
    {
        assert_eq!(granted.to_string().parse(), Ok(granted));
    }
    let purposes = [Purpose::Treatment, Purpose::Payment, Purpose::Research].map(|one| one.to_string());
    assert_eq!(purposes.join(" "), "treatment payment research");
}

proptest! {
    /// Whoever changes anything of a grant has another grant.
    #[test]
    fn a_grants_id_binds_all_of_it(change in 0..17_usize, by in 1..u64::MAX >> 24) {
        let mut grant = Grant {
            patient: SignerId([9; 20]),
            details: details(),
            not_before: 1,
            expiry: 2,
            epoch: 3,
            grantee_epoch: 4,
            deadline: 5,
        };
        let id = grant.id();
        let details = &mut grant.details;
        match change {
            0 => grant.patient.0[3] ^= 1,
            1 => details.name.push('x'),
            2 => details.grantee = Grantee::Organisation(1),
            3 => drop(details.categories.pop()),
            4 => details.documents.push(DOCUMENT),
            5 => details.from ^= by,
            6 => details.until ^= by,
            7 => details.purpose = Purpose::Research,
            8 => details.may_write = true,
            9 => details.grantee_salt[31] ^= 1,
            10 => details.salt[0] ^= 1,
            11 => grant.not_before ^= by,
            12 => grant.expiry ^= by,
            13 => grant.epoch ^= by,
            14 => grant.grantee_epoch ^= by,
            15 => grant.deadline ^= by,
            _ => details.categories.reverse(),
        }
        prop_assert_ne!(grant.id(), id);
    }
}

#[test]
fn a_revocation_takes_away_what_it_names_and_what_ends_an_epoch_what_was_given_until_then() {
    let (patient, another) = (SignerId([1; 20]), SignerId([2; 20]));
    let (grant, other) = (GrantId([3; 32]), GrantId([4; 32]));
    let (grantee, somebody) = (GranteeTag([5; 32]), GranteeTag([6; 32]));
    let given = |epoch, grantee_epoch| NamedGrant {
        patient,
        grant,
        given: Some((grantee, epoch, grantee_epoch)),
    };
    let unknown = NamedGrant {
        patient,
        grant,
        given: None,
    };
    let one = |patient, grant| Message::Revocation { patient, grant };
    let to = |patient, grantee, epoch| Message::GranteeRevocation {
        patient,
        grantee,
        epoch,
    };
    let all = |patient, epoch| Message::FullRevocation { patient, epoch };
    for (message, named, expected) in [
        (one(patient, grant), given(0, 0), true),
        (one(patient, grant), unknown, true),
        (one(patient, other), given(0, 0), false),
        (one(another, grant), given(0, 0), false),
        (to(patient, grantee, 4), given(9, 3), true),
        (to(patient, grantee, 4), given(9, 4), true),
        (to(patient, grantee, 4), given(0, 5), false),
        (to(patient, somebody, 4), given(0, 4), false),
        (to(another, grantee, 4), given(0, 4), false),
        (to(patient, grantee, 4), unknown, false),
        (all(patient, 4), given(3, 9), true),
        (all(patient, 4), given(4, 9), true),
        (all(patient, 4), given(5, 0), false),
        (all(another, 4), given(4, 0), false),
    ] {
        assert_eq!(message.takes_away(&named), expected, "{message:?} {named:?}");
    }
}
