//! The executor against a simulated chain, seed by seed.

use std::sync::Arc;
use std::time::Duration;

use application::log::{Actor, AnyEvent, Finality};
use application::ports::command::{CommandContext, CommandError, CommandExecutor, Receipt, Unavailable};
use application::ports::transaction::{Expected, Freshness, Root, Target};
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use domain::calendar::{Booking, Calendar, CalendarCommand, CalendarError, CalendarEvent, Session};
use domain::chapters::{Chapters, ChaptersCommand};
use domain::erasure::{Erasure, ErasureCommand};
use domain::kernel::{
    AppointmentId, CalendarId, ChaptersId, ClinicAggregate, CommandId, DataSubject, ErasureId, PatientId, Slot,
};
use domain::patient::Patient;
use uuid::Uuid;

use super::journal::Journal as _;
use super::simulation::{Accepted, Node, Seed, World};
use super::{Executor, ExecutorOptions, Parts};
use crate::keys::{KeyRing, MasterSecret};
use crate::log::{LogLocation, Namespace};
use crate::sealing::{Opener, Opening, StreamNames};

const LOCATION: LogLocation = LogLocation {
    chain_id: 31_337,
    contract: [7; 20],
    namespace: Namespace(1),
};
const SLOTS: u32 = 8;

fn secret() -> MasterSecret {
    MasterSecret::new([3; 32])
}

fn day(number: u32) -> CalendarId {
    CalendarId {
        owner: Uuid::from_u128(77),
        day: NaiveDate::from_ymd_opt(2026, 3, 2 + number).unwrap(),
    }
}

fn before() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

fn slot(day: u32, number: u32) -> Slot {
    Slot {
        start: Utc
            .with_ymd_and_hms(2026, 3, 2 + day, 8 + number / 2, number % 2 * 30, 0)
            .unwrap(),
        minutes: 30,
    }
}

fn patient(number: usize) -> PatientId {
    PatientId::new(Uuid::from_u128(1000 + number as u128))
}

fn patients() -> Vec<PatientId> {
    (0..20).map(patient).collect()
}

fn appointment(number: usize) -> AppointmentId {
    AppointmentId::new(Uuid::from_u128(5000 + number as u128))
}

fn context(number: usize) -> CommandContext {
    CommandContext {
        command_id: CommandId::new(Uuid::from_u128(90_000 + number as u128)),
        at: before(),
        actor: Actor::System,
        correlation: None,
        cause: None,
        repeated: false,
    }
}

fn publish(number: u32) -> CalendarCommand {
    CalendarCommand::PublishAvailability {
        day: day(number).day,
        time_zone: chrono_tz::UTC,
        sessions: vec![Session {
            start: slot(number, 0).start,
            end: slot(number, SLOTS).start,
            slot_minutes: 30,
        }],
        now: before(),
    }
}

fn book(number: usize, slot: Slot) -> CalendarCommand {
    let booking = Booking {
        patient: patient(number % 20),
        reason: None,
    };
    CalendarCommand::Book {
        appointment: appointment(number),
        slot,
        booking,
        now: before(),
    }
}

type TestExecutor = Executor<Node, Node>;

struct TestServer {
    executor: TestExecutor,
    accepted: Arc<Accepted>,
    keys: Arc<KeyRing>,
}

fn serve(world: &Arc<World>, server: usize, keys: Arc<KeyRing>, options: ExecutorOptions) -> TestServer {
    let (executor, accepted) = executor(world, server, Arc::clone(&keys), options);
    tokio::spawn(executor.clone().follow(world.subscribe(server)));
    TestServer {
        executor,
        accepted,
        keys,
    }
}

/// An executor that hears nothing yet.
fn executor(
    world: &Arc<World>,
    server: usize,
    keys: Arc<KeyRing>,
    options: ExecutorOptions,
) -> (TestExecutor, Arc<Accepted>) {
    let accepted = Arc::new(Accepted::default());
    let parts = Parts {
        log: world.node(server),
        journal: world.node(server),
        location: LOCATION,
        secrets: secret().into(),
        keys,
        progress: Arc::new(world.node(server)),
        acceptance: Arc::clone(&accepted) as _,
    };
    (Executor::new(parts, options), accepted)
}

/// The followers of the simulation may fall far behind; nobody gives up because of that.
fn patient_options() -> ExecutorOptions {
    ExecutorOptions {
        decide_within: Duration::from_secs(3600),
        ..ExecutorOptions::default()
    }
}

/// Servers with key rings of their own, none of which knows the keys of the others.
async fn servers(world: &Arc<World>, count: usize) -> Vec<TestServer> {
    let mut rings = Vec::new();
    for _ in 0..count {
        rings.push(Arc::new(KeyRing::offline(&patients()).await));
    }
    for ring in &rings {
        for other in rings.iter().filter(|other| !Arc::ptr_eq(ring, other)) {
            ring.without(&other.undurable());
        }
    }
    let rings = rings.into_iter().enumerate();
    rings
        .map(|(server, keys)| serve(world, server, keys, patient_options()))
        .collect()
}

/// Lets the world go on by chance, until it is dropped.
fn go_on(world: &Arc<World>, seed: u64) -> tokio::task::JoinHandle<()> {
    let world = Arc::clone(world);
    let mut seed = Seed::new(seed);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1 + seed.below(4) as u64)).await;
            world.step(&mut seed);
        }
    })
}

/// The world's days as the chain has them, opened with every server's keys.
fn events(world: &World, of: CalendarId, servers: &[TestServer]) -> Vec<(CommandId, CalendarEvent)> {
    let stream = StreamNames::new(secret(), LOCATION.namespace).seal(&of.into());
    let entries = world.chain(&stream);
    let opener = Opener::new(LOCATION, secret(), Arc::clone(&servers[0].keys));
    let keys = Default::default();
    let open = |entry| match opener.open_again(entry, of.into(), &keys) {
        Opening::Opened { event, .. } => {
            let AnyEvent::Calendar(id, own) = event.event else {
                panic!("not a calendar's")
            };
            assert_eq!(id, of);
            (event.metadata.command_id, own)
        }
        other => panic!("not opened: {other:?}"),
    };
    entries.iter().map(open).collect()
}

/// Publishes what days offer, and lets every server's follower see it.
async fn publish_days(servers: &[TestServer], world: &World, days: u32) {
    for number in 0..days {
        let context = context(80_000 + number as usize);
        let receipt = servers[0]
            .executor
            .execute::<Calendar>(Target::of(day(number)), publish(number), &context)
            .await
            .unwrap();
        assert_eq!(receipt.version, 1);
    }
    world.settle();
}

fn check_receipts(world: &World, receipts: &[Receipt]) {
    let commands = world.commands();
    for receipt in receipts {
        let positions: Vec<_> = commands.iter().filter(|(_, id)| *id == receipt.command_id).collect();
        match receipt.position {
            Some(position) => {
                assert_eq!(
                    positions.last().map(|(at, _)| *at),
                    Some(position),
                    "acknowledged and not where it was said"
                );
            }
            None => assert!(positions.is_empty(), "nothing to change, and yet changed"),
        }
    }
}

async fn race_for_slots(seed: u64, confirmations: usize) {
    let world = World::new(2, confirmations);
    let servers = servers(&world, 2).await;
    let driver = go_on(&world, seed);
    publish_days(&servers, &world, 1).await;

    let mut clients = tokio::task::JoinSet::new();
    for number in 0..(SLOTS as usize * 10) {
        let executor = servers[number % 2].executor.clone();
        clients.spawn(async move {
            let wanted = slot(0, u32::try_from(number / 10).unwrap());
            executor
                .execute::<Calendar>(Target::of(day(0)), book(number, wanted), &context(number))
                .await
        });
    }
    let (mut won, mut lost, mut conflicts) = (Vec::new(), 0, 0);
    while let Some(result) = clients.join_next().await {
        match result.unwrap() {
            Ok(receipt) => won.push(receipt),
            Err(CommandError::Rejected(CalendarError::SlotTaken)) => lost += 1,
            Err(CommandError::Conflict { .. }) => conflicts += 1,
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    driver.abort();
    world.settle();
    let booked: Vec<Slot> = events(&world, day(0), &servers)
        .iter()
        .filter_map(|(_, event)| match event {
            CalendarEvent::Booked { slot, .. } => Some(*slot),
            _ => None,
        })
        .collect();
    let mut distinct = booked.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), booked.len(), "seed {seed}: a slot was booked twice");
    assert_eq!(
        won.len(),
        booked.len(),
        "seed {seed}: every booking was acknowledged, and nothing else"
    );
    assert!(lost > 0);
    if conflicts == 0 {
        assert_eq!(booked.len(), SLOTS as usize, "seed {seed}: every slot was wanted");
    }
    check_receipts(&world, &won);
}

#[tokio::test(start_paused = true)]
async fn every_slot_that_two_servers_race_for_is_booked_once() {
    for seed in 0..60 {
        race_for_slots(seed, 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_slot_is_booked_once_while_the_chain_reorganises() {
    for seed in 0..60 {
        race_for_slots(seed, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn commands_on_one_stream_do_not_wait_for_each_others_block() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let mut clients = tokio::task::JoinSet::new();
    let executor = servers[0].executor.clone();
    clients.spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), publish(0), &context(100))
            .await
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    for number in 0..SLOTS as usize {
        let executor = servers[0].executor.clone();
        clients.spawn(async move {
            let wanted = slot(0, u32::try_from(number).unwrap());
            executor
                .execute::<Calendar>(Target::of(day(0)), book(number, wanted), &context(number))
                .await
        });
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        world.queued(0),
        1 + SLOTS as usize,
        "all are in flight before any is mined"
    );
    world.settle();
    let mut versions = Vec::new();
    while let Some(result) = clients.join_next().await {
        versions.push(result.unwrap().unwrap().version);
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=1 + u64::from(SLOTS)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn when_a_stranger_is_faster_everything_built_on_the_loser_is_decided_again() {
    let world = World::new(2, 0);
    let servers = servers(&world, 2).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    driver.abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    world.settle();

    let stranger = servers[1].executor.clone();
    let stranger = tokio::spawn(async move {
        stranger
            .execute::<Calendar>(Target::of(day(0)), book(50, slot(0, 0)), &context(50))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..SLOTS as usize {
        let executor = servers[0].executor.clone();
        clients.spawn(async move {
            let wanted = slot(0, u32::try_from(number).unwrap());
            (
                number,
                executor
                    .execute::<Calendar>(Target::of(day(0)), book(number, wanted), &context(number))
                    .await,
            )
        });
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((world.queued(0), world.queued(1)), (SLOTS as usize, 1));
    world.mine(1, 1);
    world.mine(0, SLOTS as usize);
    let driver = go_on(&world, 2);
    assert_eq!(stranger.await.unwrap().unwrap().version, 2);
    while let Some(result) = clients.join_next().await {
        match result.unwrap() {
            (0, result) => assert!(matches!(result, Err(CommandError::Rejected(CalendarError::SlotTaken)))),
            (number, result) => assert!(result.is_ok(), "client {number}: {result:?}"),
        }
    }
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_nobody_of_us_sealed_does_not_stop_its_stream() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    let foreign: Vec<u8> = [0x40].into_iter().chain(*b"them").chain([1; 59]).collect();
    world.mine_stranger(
        StreamNames::new(secret(), LOCATION.namespace).seal(&day(0).into()),
        &foreign,
    );
    let booked = servers[0]
        .executor
        .execute::<Calendar>(Target::of(day(0)), book(1, slot(0, 1)), &context(1))
        .await
        .unwrap();
    assert_eq!(booked.version, 3);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_acknowledged_only_when_what_it_repeats_is_certain() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    driver.abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    world.settle();

    let spawn = |number: usize| {
        let executor = servers[0].executor.clone();
        tokio::spawn(async move {
            let repeated = book(7, slot(0, 2));
            executor
                .execute::<Calendar>(Target::of(day(0)), repeated, &context(number))
                .await
        })
    };
    let first = spawn(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let repeat = spawn(2);
    let rival = {
        let executor = servers[0].executor.clone();
        tokio::spawn(async move {
            executor
                .execute::<Calendar>(Target::of(day(0)), book(8, slot(0, 2)), &context(3))
                .await
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        !first.is_finished() && !repeat.is_finished() && !rival.is_finished(),
        "nothing is certain yet"
    );
    world.settle();
    let first = first.await.unwrap().unwrap();
    let repeat = repeat.await.unwrap().unwrap();
    assert_eq!((first.version, first.position), (2, Some(2)));
    assert_eq!(
        (repeat.version, repeat.position, repeat.finality),
        (2, None, Finality::Final)
    );
    assert!(matches!(
        rival.await.unwrap(),
        Err(CommandError::Rejected(CalendarError::SlotTaken))
    ));
}

#[tokio::test(start_paused = true)]
async fn what_was_decided_upon_a_rejected_commit_is_decided_again() {
    let world = World::new(2, 0);
    let servers = servers(&world, 2).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    driver.abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    world.settle();

    let spawn = |server: usize, number: usize, command: CalendarCommand| {
        let executor = servers[server].executor.clone();
        tokio::spawn(async move {
            executor
                .execute::<Calendar>(Target::of(day(0)), command, &context(number))
                .await
        })
    };
    // Server 0 books slot 0 for a patient, which will be rejected; a rival on the same server is refused upon that.
    let stranger = spawn(1, 1, book(1, slot(0, 5)));
    tokio::time::sleep(Duration::from_millis(5)).await;
    let doomed = spawn(0, 2, book(2, slot(0, 0)));
    tokio::time::sleep(Duration::from_millis(5)).await;
    let rival = spawn(0, 3, book(3, slot(0, 0)));
    tokio::time::sleep(Duration::from_millis(5)).await;
    world.mine(1, 1);
    world.mine(0, 1);
    let driver = go_on(&world, 3);
    assert!(stranger.await.unwrap().is_ok());
    let (doomed, rival) = (doomed.await.unwrap(), rival.await.unwrap());
    assert!(
        doomed.is_ok() != rival.is_ok(),
        "one of the two gets the slot: {doomed:?} {rival:?}"
    );
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_loses_and_doubles_nothing() {
    for seed in 0..30 {
        let world = World::new(1, 0);
        let servers = servers(&world, 1).await;
        let driver = go_on(&world, seed);
        publish_days(&servers, &world, 1).await;
        let mut chance = Seed::new(seed + 1000);
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..SLOTS as usize {
            let executor = servers[0].executor.clone();
            let patience = Duration::from_micros(chance.below(4000) as u64);
            clients.spawn(async move {
                let wanted = slot(0, u32::try_from(number).unwrap());
                let command = book(number, wanted);
                let context = context(number);
                let execution = executor.execute::<Calendar>(Target::of(day(0)), command, &context);
                tokio::time::timeout(patience, execution).await
            });
        }
        while clients.join_next().await.is_some() {}
        // Everybody asks again, with the same command ids, and waits this time.
        for number in 0..SLOTS as usize {
            let wanted = slot(0, u32::try_from(number).unwrap());
            let again = servers[0]
                .executor
                .execute::<Calendar>(Target::of(day(0)), book(number, wanted), &context(number))
                .await;
            assert!(again.is_ok(), "seed {seed}: {again:?}");
        }
        driver.abort();
        world.settle();
        assert_eq!(
            events(&world, day(0), &servers).len(),
            1 + SLOTS as usize,
            "seed {seed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_accepted_before_is_answered_with_its_receipt() {
    let world = World::new(1, 0);
    let before = servers(&world, 1).await;
    let driver = go_on(&world, 5);
    publish_days(&before, &world, 1).await;
    let command = CalendarCommand::Cancel {
        appointment: appointment(1),
        reason: None,
    };
    let target = Target::of(day(0)).expecting(seen(1, 2));
    let executor = &before[0].executor;
    let booked = executor
        .execute::<Calendar>(Target::of(day(0)), book(1, slot(0, 1)), &context(1))
        .await
        .unwrap();
    assert_eq!(booked.version, 2);
    // Another process with the same outbox, and nothing in memory.
    let restarted = serve(&world, 0, Arc::clone(&before[0].keys), ExecutorOptions::default()).executor;
    let context = context(2);
    let first = executor.execute::<Calendar>(target, command.clone(), &context);
    let second = async {
        tokio::time::sleep(Duration::from_micros(1500)).await;
        restarted.execute::<Calendar>(target, command.clone(), &context).await
    };
    let (first, second) = tokio::join!(first, second);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.version, first.position), (second.version, second.position));
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn an_appointment_that_moves_is_never_lost_or_doubled() {
    for seed in 0..40 {
        let world = World::new(2, if seed % 2 == 0 { 0 } else { 2 });
        let ring = Arc::new(KeyRing::offline(&patients()).await);
        let options = ExecutorOptions {
            attempts: 30,
            ..patient_options()
        };
        let servers = [
            serve(&world, 0, Arc::clone(&ring), options),
            serve(&world, 1, Arc::clone(&ring), options),
        ];
        let driver = go_on(&world, seed);
        publish_days(&servers, &world, 2).await;
        for number in 0..4 {
            let wanted = slot(0, u32::try_from(number).unwrap());
            let executor = &servers[0].executor;
            executor
                .execute::<Calendar>(Target::of(day(0)), book(number, wanted), &context(number))
                .await
                .unwrap();
        }
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..24_usize {
            let executor = servers[client % 2].executor.clone();
            clients.spawn(async move {
                let there = u32::from(client / 4 % 2 == 0);
                let (from, to) = (day(1 - there), day(there));
                let id = appointment(client % 4);
                let wanted = slot(there, u32::try_from(client % 8).unwrap());
                let decide = |(mut here, mut there): (Root<Calendar>, Root<Calendar>)| {
                    let booking = here.state().booking_to_move(id)?;
                    here.execute(CalendarCommand::MoveOut {
                        appointment: id,
                        to: to.day,
                        now: before(),
                    })?;
                    there.execute(CalendarCommand::MoveIn {
                        appointment: id,
                        slot: wanted,
                        from: from.day,
                        booking,
                        now: before(),
                    })?;
                    Ok::<_, CalendarError>((here, there))
                };
                let context = context(200 + client);
                executor
                    .transact((Target::of(from), Target::of(to)), decide, &context)
                    .await
            });
        }
        let mut moved = Vec::new();
        while let Some(result) = clients.join_next().await {
            match result.unwrap() {
                Ok(receipt) => moved.push(receipt),
                Err(CommandError::Rejected(_) | CommandError::Conflict { .. }) => {}
                Err(other) => panic!("seed {seed}: {other:?}"),
            }
        }
        driver.abort();
        world.settle();
        check_receipts(&world, &moved);
        assert!(!moved.is_empty(), "seed {seed}");
        let days: Vec<Calendar> = [day(0), day(1)]
            .iter()
            .map(|of| {
                let mut calendar = Calendar::default();
                for (_, event) in events(&world, *of, &servers) {
                    calendar.apply(event);
                }
                calendar
            })
            .collect();
        for number in 0..4 {
            let places = days
                .iter()
                .filter(|day| day.appointment(appointment(number)).is_some())
                .count();
            assert_eq!(places, 1, "seed {seed}: appointment {number} stands in {places} places");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_insists_on_a_version_is_heard_only_if_it_is_the_current_one() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    let executor = &servers[0].executor;
    for number in 1..3 {
        let booked = book(number, slot(0, number.try_into().unwrap()));
        executor
            .execute::<Calendar>(Target::of(day(0)), booked, &context(number))
            .await
            .unwrap();
    }
    let insist = |number: usize, expected| {
        let target = Target::of(day(0)).expecting(expected);
        async move {
            executor
                .execute::<Calendar>(target, confirm(number), &context(50 + number))
                .await
        }
    };
    // The first appointment last changed at version 2, the second and the whole day at 3.
    assert!(matches!(insist(1, seen(1, 3)).await, Err(CommandError::Stale)));
    assert!(matches!(
        insist(1, Some(Expected::whole(2))).await,
        Err(CommandError::Stale)
    ));
    let missing = insist(7, seen(7, 2)).await;
    assert!(
        matches!(missing, Err(CommandError::Rejected(CalendarError::UnknownAppointment))),
        "what does not exist has no version"
    );
    assert_eq!(insist(1, seen(1, 2)).await.unwrap().version, 4);
    assert_eq!(insist(2, Some(Expected::whole(4))).await.unwrap().version, 5);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_names_an_aggregate_twice_is_a_fault_of_ours() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    for changes in [[true, true], [true, false], [false, true], [false, false]] {
        let twice = |(mut first, mut second): (Root<Calendar>, Root<Calendar>)| {
            for root in [&mut first, &mut second]
                .into_iter()
                .zip(changes)
                .filter_map(|(root, has)| has.then_some(root))
            {
                root.execute(publish(0))?;
            }
            Ok::<_, CalendarError>((first, second))
        };
        let targets = (Target::of(day(0)), Target::of(day(0)));
        let done = servers[0].executor.transact(targets, twice, &context(1)).await;
        assert!(matches!(done, Err(CommandError::Internal(_))), "{changes:?}");
    }
    assert!(world.commands().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_thought_new_is_found_to_exist() {
    let world = World::new(2, 0);
    let servers = servers(&world, 2).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    let repeat = servers[1]
        .executor
        .execute::<Calendar>(Target::of(day(0)).freshness(Freshness::New), publish(0), &context(1))
        .await
        .unwrap();
    assert_eq!((repeat.version, repeat.position), (1, None));
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_by_the_guess_that_a_stream_is_new() {
    let world = World::new(2, 0);
    let all = servers(&world, 2).await;
    let driver = go_on(&world, 1);
    publish_days(&all, &world, 1).await;
    // A server that has heard nothing of the stream, and guesses.
    let new = serve(&world, 1, Arc::clone(&all[1].keys), patient_options());
    let target = Target::of(day(0)).freshness(Freshness::New);
    let booked = new
        .executor
        .execute::<Calendar>(target, book(1, slot(0, 1)), &context(2))
        .await;
    assert_eq!(booked.unwrap().version, 2);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_does_not_rest_on_what_another_server_has_changed_since() {
    let world = World::new(2, 0);
    let all = servers(&world, 2).await;
    let driver = go_on(&world, 1);
    publish_days(&all, &world, 1).await;
    // It hears late what the others do.
    let (late, notices) = tokio::sync::mpsc::unbounded_channel();
    let mut subscribed = world.subscribe(1);
    tokio::spawn(async move {
        while let Some(notice) = subscribed.recv().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let _ = late.send(notice);
        }
    });
    let deaf = executor(&world, 1, Arc::clone(&all[1].keys), patient_options()).0;
    tokio::spawn(deaf.clone().follow(notices));
    let target = || Target::of(day(0));
    let cancel_first = || CalendarCommand::Cancel {
        appointment: appointment(1),
        reason: None,
    };
    let booked = |executor: TestExecutor, number: usize, command: usize| async move {
        let booking = book(number, slot(0, 1));
        executor.execute::<Calendar>(target(), booking, &context(command)).await
    };
    // A server's answer tells of what both have in their journals: here each has its own, so the second is waited for.
    let done = |version: u64| {
        let (world, stream) = (
            Arc::clone(&world),
            StreamNames::new(secret(), LOCATION.namespace).seal(&day(0).into()),
        );
        async move {
            while world.node(1).tips(&[stream]).await.unwrap()[0].version < version {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    assert_eq!(deaf.load::<Calendar>(day(0)).await.unwrap().version, 1);
    let first = booked(all[0].executor.clone(), 1, 2).await.unwrap();
    done(first.version).await;
    let taken = booked(deaf.clone(), 2, 3).await;
    assert!(
        matches!(taken, Err(CommandError::Rejected(CalendarError::SlotTaken))),
        "{taken:?}"
    );
    let cancelled = all[0]
        .executor
        .execute::<Calendar>(target(), cancel_first(), &context(4))
        .await
        .unwrap();
    done(cancelled.version).await;
    assert_eq!(
        deaf.load::<Calendar>(day(0)).await.unwrap().version,
        3,
        "what is read is not behind"
    );
    let empty = CalendarCommand::PublishAvailability {
        day: day(0).day,
        time_zone: chrono_tz::UTC,
        sessions: Vec::new(),
        now: before(),
    };
    let emptied = all[0]
        .executor
        .execute::<Calendar>(target(), empty, &context(5))
        .await
        .unwrap();
    done(emptied.version).await;
    let again = deaf
        .execute::<Calendar>(target(), publish(0), &context(6))
        .await
        .unwrap();
    assert_eq!(
        again.version, 5,
        "what it has in memory is so no more, and is made so again"
    );
    assert!(again.position.is_some());
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_held_back_stream_takes_no_commands() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let foreign: Vec<u8> = [0x40].into_iter().chain(*b"them").chain([1; 59]).collect();
    world.mine_stranger(
        StreamNames::new(secret(), LOCATION.namespace).seal(&day(0).into()),
        &foreign,
    );
    world.settle();
    world.hold_back(StreamNames::new(secret(), LOCATION.namespace).seal(&day(0).into()));
    let executor = &servers[0].executor;
    let refused = executor
        .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
        .await;
    assert!(matches!(refused, Err(CommandError::HeldBack)));
    assert!(matches!(
        executor.load::<Calendar>(day(0)).await,
        Err(CommandError::HeldBack)
    ));
}

#[tokio::test(start_paused = true)]
async fn what_closes_or_ends_a_held_back_record_is_decided_and_nothing_else() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    for number in [1, 2] {
        let record = StreamNames::new(secret(), LOCATION.namespace).seal(&patient(number).into());
        world.mine_stranger(record, &[0x80; 64]);
        world.settle();
        world.hold_back(record);
    }
    let driver = go_on(&world, 1);
    let executor = &servers[0].executor;
    let held_back = async |number| {
        let loaded = executor.load::<Patient>(patient(number)).await;
        matches!(loaded, Err(CommandError::HeldBack))
    };
    assert!(held_back(1).await && held_back(2).await);
    let chapters = Target::of(ChaptersId(patient(1)));
    let close = ChaptersCommand::Close { chapter: 0 };
    let closed = executor.execute::<Chapters>(chapters, close, &context(1)).await;
    assert!(closed.unwrap().position.is_some());
    let erasure = Target::of(ErasureId(DataSubject::Patient(patient(2))));
    let erase = ErasureCommand::Erase { keys: vec![[9; 8]] };
    let erased = executor.execute::<Erasure>(erasure, erase, &context(2)).await;
    assert!(erased.unwrap().position.is_some());
    assert!(held_back(1).await);
    // What was parked in a stream that has ended holds nobody up: whoever was called as they were asks whether they are erased.
    world.end(StreamNames::new(secret(), LOCATION.namespace).seal(&patient(2).into()));
    let loaded = executor.load::<Patient>(patient(2)).await;
    assert!(matches!(loaded, Err(CommandError::Erased)), "{loaded:?}");
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_void_where_it_stands_is_decided_again() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let executor = servers[0].executor.clone();
    let published = tokio::spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
            .await
    });
    while world.queued(0) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.mine_void(0);
    world.follow(0);
    let driver = go_on(&world, 1);
    let published = published.await.unwrap().unwrap();
    assert_eq!((published.version, published.position), (2, Some(2)));
    assert_eq!(events(&world, day(0), &servers).len(), 1);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn nothing_changes_while_the_log_takes_no_commits() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let executor = &servers[0].executor;
    world.set_available(0, false);
    let refused = executor
        .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
        .await;
    assert!(matches!(refused, Err(CommandError::Unavailable(Unavailable::Chain))));
    assert_eq!(executor.load::<Calendar>(day(0)).await.unwrap().version, 0);
    world.set_available(0, true);
    let driver = go_on(&world, 1);
    let again = executor
        .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
        .await
        .unwrap();
    assert_eq!(again.version, 1);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn others_changing_the_stream_every_time_is_a_conflict() {
    let world = World::new(1, 0);
    let ring = Arc::new(KeyRing::offline(&patients()).await);
    let options = ExecutorOptions {
        attempts: 3,
        ..ExecutorOptions::default()
    };
    let server = serve(&world, 0, ring, options);
    let stream = StreamNames::new(secret(), LOCATION.namespace).seal(&day(0).into());
    let foreign: Vec<u8> = [0x40].into_iter().chain(*b"them").chain([1; 59]).collect();
    let busy = Arc::clone(&world);
    let rival = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if busy.queued(0) > 0 {
                busy.mine_stranger(stream, &foreign);
                busy.mine(0, 1);
            }
            busy.follow(0);
            busy.follow(0);
        }
    });
    let conflict = server
        .executor
        .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
        .await;
    assert!(
        matches!(conflict, Err(CommandError::Conflict { attempts: 3 })),
        "{conflict:?}"
    );
    rival.abort();
}

#[tokio::test(start_paused = true)]
async fn a_new_key_travels_with_commits_until_it_is_durable_and_acceptance_is_told() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    let executor = &servers[0].executor;
    for number in [1, 21] {
        let wanted = slot(0, u32::try_from(number % 8).unwrap());
        executor
            .execute::<Calendar>(Target::of(day(0)), book(number, wanted), &context(number))
            .await
            .unwrap();
    }
    assert_eq!(
        world.keys(0),
        1,
        "the second booking of the same patient needs no key any more"
    );
    let accepted = [context(80_000), context(1), context(21)].map(|context| context.command_id);
    assert_eq!(servers[0].accepted.commands(), accepted);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn what_concerns_a_patient_beside_their_record_is_under_the_keys_of_the_chapter_that_is_open() {
    let world = World::new(1, 0);
    let keys = Arc::new(KeyRing::offline(&patients()).await);
    let names = StreamNames::new(secret(), LOCATION.namespace);
    world.open_chapter(names.seal(&patient(1).into()), 3);
    let (executor, _) = executor(&world, 0, Arc::clone(&keys), patient_options());
    let driver = go_on(&world, 1);
    let of_day = Target::of(day(0));
    for (number, command) in [(80_000, publish(0)), (1, book(1, slot(0, 1))), (2, book(2, slot(0, 2)))] {
        let context = context(number);
        executor.execute::<Calendar>(of_day, command, &context).await.unwrap();
    }
    let opener = Opener::new(LOCATION, secret(), keys);
    let chain = world.chain(&names.seal(&day(0).into()));
    let chapters: Vec<_> = chain
        .iter()
        .map(|written| opener.person_chapter(&written.entry.payload))
        .collect();
    assert_eq!(chapters, [None, Some(3), Some(0)]);
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_reader_sees_commits_in_flight() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let executor = servers[0].executor.clone();
    let publishing = tokio::spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let seen = servers[0].executor.load::<Calendar>(day(0)).await.unwrap();
    assert_eq!((seen.version, seen.aggregate.sessions().len()), (1, 1));
    world.settle();
    publishing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_first_command_on_a_new_stream_reads_no_journal() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 9).await;
    let restarted = serve(&world, 0, Arc::clone(&servers[0].keys), ExecutorOptions::default()).executor;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let before = world.reads(0);
    let fresh = publish(10);
    restarted
        .execute::<Calendar>(Target::of(day(10)), fresh, &context(1))
        .await
        .unwrap();
    assert_eq!(world.reads(0), before);
    for number in 0..9 {
        let repeat = restarted
            .execute::<Calendar>(Target::of(day(number)), publish(number), &context(2))
            .await
            .unwrap();
        assert_eq!((repeat.version, repeat.position), (1, None));
    }
    assert_eq!(world.reads(0), before + 9, "those that exist are read");
    driver.abort();
}

fn confirm(number: usize) -> CalendarCommand {
    CalendarCommand::Confirm {
        appointment: appointment(number),
    }
}

/// The version at which an appointment last changed, as a caller saw it.
fn seen(number: usize, version: u64) -> Option<Expected> {
    Some(Expected {
        part: Some(appointment(number).uuid()),
        version,
    })
}

fn repeated(number: usize) -> CommandContext {
    CommandContext {
        repeated: true,
        ..context(number)
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_of_a_command_that_succeeded_is_told_so_though_it_would_be_refused_now() {
    let world = World::new(1, 2);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 3);
    publish_days(&servers, &world, 1).await;
    let executor = &servers[0].executor;
    let execute = |command, expected, context: CommandContext| async move {
        let target = Target::of(day(0)).expecting(expected);
        executor.execute::<Calendar>(target, command, &context).await
    };
    execute(book(1, slot(0, 1)), None, context(1)).await.unwrap();
    let confirmed = execute(confirm(1), seen(1, 2), context(2)).await.unwrap();
    execute(book(2, slot(0, 2)), None, context(3)).await.unwrap();
    let again = execute(confirm(1), seen(1, 2), repeated(2)).await.unwrap();
    assert_eq!(again, confirmed);
    assert_eq!((again.version, again.finality), (3, Finality::Final));
    // What was never accepted is decided, also when it is repeated.
    let refused = execute(confirm(1), seen(1, 2), repeated(4)).await;
    assert!(matches!(refused, Err(CommandError::Stale)), "{refused:?}");
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_rejected_because_a_copy_of_it_had_gone_in_is_not_decided_again() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let executor = servers[0].executor.clone();
    let publishing = tokio::spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.mine_twice(0);
    world.settle();
    let receipt = publishing.await.unwrap().unwrap();
    assert_eq!((receipt.version, receipt.position), (1, Some(1)));
    assert_eq!(world.commands().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_of_whose_commit_somebody_has_appended_a_part_is_decided_again_and_done_whole() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let executor = servers[0].executor.clone();
    let moving = tokio::spawn(async move {
        let both = |(mut first, mut second): (Root<Calendar>, Root<Calendar>)| {
            first.execute(publish(0))?;
            second.execute(publish(1))?;
            Ok::<_, CalendarError>((first, second))
        };
        executor
            .transact((Target::of(day(0)), Target::of(day(1))), both, &context(1))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.mine_a_part_before(0);
    let driver = go_on(&world, 1);
    assert!(moving.await.unwrap().is_ok());
    let published = [day(0), day(1)].map(|day| events(&world, day, &servers).len());
    assert_eq!(published, [1, 1], "nothing is done by half, and nothing twice");
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_another_process_sees_through_is_waited_for_however_long_it_takes() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let executor = servers[0].executor.clone();
    let publishing = tokio::spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.hand_over(0, true);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(!publishing.is_finished());
    world.settle();
    let receipt = publishing.await.unwrap().unwrap();
    assert_eq!((receipt.version, receipt.position), (1, Some(1)));
    assert!(servers[0].accepted.commands().contains(&context(1).command_id));
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_which_nobody_knows_what_became_is_not_called_unchanged() {
    for readable in [false, true] {
        let world = World::new(1, 0);
        let servers = servers(&world, 1).await;
        let executor = servers[0].executor.clone();
        let publishing = tokio::spawn(async move {
            executor
                .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
                .await
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        world.set_available(0, false);
        world.set_readable(0, readable);
        world.hand_over(0, false);
        let result = publishing.await.unwrap();
        assert!(matches!(result, Err(CommandError::Unknown)), "{readable}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_turns_up_after_it_was_looked_for_in_vain_is_not_judged_by_what_it_has_brought_about() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    let driver = go_on(&world, 1);
    publish_days(&servers, &world, 1).await;
    driver.abort();
    world.settle();
    let executor = servers[0].executor.clone();
    // Whoever has the slot is told when it is booked once more that it is taken, also by themselves.
    let booking = tokio::spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), book(1, slot(0, 0)), &context(1))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.turn_up_late(0);
    let receipt = booking.await.unwrap().unwrap();
    assert_eq!((receipt.version, receipt.position), (2, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_waits_until_what_it_rests_on_is_final_and_is_decided_again_when_that_is_undone() {
    for undone in [false, true] {
        let world = World::new(2, 3);
        let servers = servers(&world, 2).await;
        let driver = go_on(&world, 1);
        publish_days(&servers, &world, 1).await;
        driver.abort();
        tokio::time::sleep(Duration::from_millis(1)).await;
        world.settle();
        let spawn = |server: usize, number: usize| {
            let executor = servers[server].executor.clone();
            tokio::spawn(async move {
                executor
                    .execute::<Calendar>(Target::of(day(0)), book(number, slot(0, 0)), &context(number))
                    .await
            })
        };
        let winner = spawn(1, 1);
        tokio::time::sleep(Duration::from_millis(10)).await;
        world.mine(1, 1);
        world.follow(0);
        tokio::time::sleep(Duration::from_millis(10)).await;
        let rival = spawn(0, 2);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!rival.is_finished(), "the slot may become free again");
        if undone {
            world.reorganise(1);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(world.queued(0), 1, "it was decided again");
            world.mine(0, 1);
        }
        world.settle();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.settle();
        let (winner, rival) = (winner.await.unwrap(), rival.await.unwrap());
        let (won, lost) = if undone { (rival, winner) } else { (winner, rival) };
        assert!(won.is_ok(), "{won:?}");
        assert!(
            matches!(lost, Err(CommandError::Rejected(CalendarError::SlotTaken))),
            "{lost:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_upon_what_does_not_become_final_is_given_up_after_a_while() {
    let world = World::new(2, 3);
    let servers = servers(&world, 2).await;
    let executor = servers[1].executor.clone();
    tokio::spawn(async move {
        executor
            .execute::<Calendar>(Target::of(day(0)), publish(0), &context(1))
            .await
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.mine(1, 1);
    world.follow(0);
    tokio::time::sleep(Duration::from_millis(10)).await;
    for (number, command) in [(2, publish(0)), (3, confirm(1))] {
        let result = servers[0]
            .executor
            .execute::<Calendar>(Target::of(day(0)), command, &context(number))
            .await;
        assert!(
            matches!(result, Err(CommandError::Unavailable(Unavailable::NotFinal))),
            "{result:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_log_does_not_take_leaves_no_stream_in_memory_for_good() {
    let world = World::new(1, 0);
    let servers = servers(&world, 1).await;
    world.set_available(0, false);
    for number in 0..20 {
        let refused = servers[0]
            .executor
            .execute::<Calendar>(Target::of(day(number)), publish(number), &context(1))
            .await;
        assert!(matches!(refused, Err(CommandError::Unavailable(Unavailable::Chain))));
    }
    assert_eq!(servers[0].executor.kept_streams(), 0);
}
