//! A clinic in the hands of its front desk: what most tests need before they begin.

use std::ops::Range;
use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use domain::account::Role;
use serde_json::{Value, json};

use crate::system::TestSystem;

/// A front desk's key, a doctor, and a day in the future.
pub struct Clinic {
    /// A hospital's service key.
    pub key: String,
    /// The doctor.
    pub doctor: String,
    /// A day on which the doctor may be booked.
    pub day: NaiveDate,
}

impl Clinic {
    /// Registers a doctor whose id follows from `name` on every server of the organisation.
    pub async fn open(system: &TestSystem, name: &str) -> Self {
        Self::open_with(system, name, None).await
    }

    /// The same, of a doctor whose calendar stands in a namespace that is shared: new to all who share it, or known to the others by an id.
    pub async fn open_sharing(system: &TestSystem, name: &str, namespace: u32, known: Option<&str>) -> Self {
        let shared = json!({ "namespace": namespace, "practitioner": known });
        Self::open_with(system, name, Some(shared)).await
    }

    async fn open_with(system: &TestSystem, name: &str, shared: Option<Value>) -> Self {
        let key = system
            .service(&format!("front desk of {name} at {}", system.url), Role::Hospital)
            .await;
        let details = json!({
            "name": { "family": name }, "gender": "unknown", "timeZone": "UTC",
            "specializations": [{ "text": "Cardiology" }],
            "identifier": { "system": "urn:test", "value": name },
        });
        let (status, doctor) = system
            .post(
                "/v1/practitioners",
                &key,
                &json!({ "details": details, "sharedCalendar": shared }),
            )
            .await;
        assert!(status == 201 || status == 200, "{status} {doctor}");
        let doctor = doctor["id"].as_str().expect("an id").to_owned();
        Self {
            key,
            doctor,
            day: Utc::now().date_naive() + Days::new(7),
        }
    }

    /// Offers slots of 20 minutes from 8 o'clock on.
    pub async fn offer(&self, system: &TestSystem, slots: u32) {
        self.offer_on(system, self.day, slots).await;
    }

    /// Offers slots of 20 minutes from 8 o'clock on, on another day.
    pub async fn offer_on(&self, system: &TestSystem, day: NaiveDate, slots: u32) {
        let start = day.and_hms_opt(8, 0, 0).expect("a time").and_utc();
        let end = start + chrono::Duration::minutes(i64::from(slots) * 20);
        let body = json!({ "sessions": [{ "start": start, "end": end, "slotMinutes": 20 }] });
        let path = format!("/v1/practitioners/{}/availability/{day}", self.doctor);
        let (status, answer) = system.put(&path, &self.key, &body).await;
        assert!(status < 300, "{status} {answer}");
    }

    /// The `number`-th slot of a day.
    pub fn slot(&self, day: NaiveDate, number: u32) -> Value {
        let start = day.and_hms_opt(8, 0, 0).expect("a time").and_utc();
        json!({ "start": start + chrono::Duration::minutes(i64::from(number) * 20), "minutes": 20 })
    }

    /// Registers a patient.
    pub async fn patient(&self, system: &TestSystem, name: &str) -> String {
        let details = json!({ "name": { "family": name }, "birthDate": "1980-02-29", "gender": "unknown" });
        let (status, patient) = system
            .post("/v1/patients", &self.key, &json!({ "details": details }))
            .await;
        assert_eq!(status, 201, "{patient}");
        patient["id"].as_str().expect("an id").to_owned()
    }

    /// Books a slot; answers with the status and the body.
    pub async fn book(&self, system: &TestSystem, patient: &str, number: u32) -> (u16, Value) {
        let slot = self.slot(self.day, number);
        let body = json!({ "patient": patient, "practitioner": self.doctor, "slot": slot });
        system.post("/v1/appointments", &self.key, &body).await
    }

    /// Books several slots at once, and answers with the ids of the appointments. Each must be acknowledged.
    pub async fn book_all(&self, system: &TestSystem, patient: &str, slots: Range<u32>) -> Vec<String> {
        let commands = slots.map(|number| self.book(system, patient, number));
        let answers = futures::future::join_all(commands).await.into_iter();
        answers
            .map(|(status, body)| {
                assert_eq!(status, 201, "{body}");
                id_of(&body)
            })
            .collect()
    }

    /// Books a slot without waiting until it is in a block: answers with the command's path once it is durable.
    pub async fn book_later(&self, system: &TestSystem, patient: &str, number: u32) -> String {
        let body = json!({ "patient": patient, "practitioner": self.doctor, "slot": self.slot(self.day, number) });
        let request = system.http.post(format!("{}/v1/appointments", system.url));
        let request = request.bearer_auth(&self.key).header("prefer", "respond-async");
        let answer = request.json(&body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 202);
        let path = answer.headers().get("location").expect("where it can be asked for");
        path.to_str().expect("a path").to_owned()
    }

    /// Waits until a command that was accepted is done.
    pub async fn done(&self, system: &TestSystem, command: &str) {
        let mut last = Value::Null;
        for _ in 0..600 {
            let (status, body) = system.get(command, &self.key).await;
            assert_eq!(status, 200, "{body}");
            match body["status"].as_str() {
                Some("done") => return,
                Some("pending") => {}
                _ => panic!("{body}"),
            }
            last = body;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is still pending: {last}");
    }

    /// The ids of the doctor's appointments, as the read models have them, in order.
    pub async fn appointments(&self, system: &TestSystem) -> Vec<String> {
        let path = format!("/v1/appointments?practitioner={}&limit=200", self.doctor);
        let (status, body) = system.get(&path, &self.key).await;
        assert_eq!(status, 200, "{body}");
        let items = body["items"].as_array().expect("items");
        let mut ids: Vec<_> = items.iter().map(id_of).collect();
        ids.sort();
        ids
    }

    /// Checks that the doctor has exactly these appointments: none missing, none doubled.
    pub async fn has_exactly(&self, system: &TestSystem, mut appointments: Vec<String>) {
        appointments.sort();
        assert_eq!(self.appointments(system).await, appointments);
    }
}

fn id_of(body: &Value) -> String {
    body["id"].as_str().expect("an id").to_owned()
}
