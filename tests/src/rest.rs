//! Somebody who speaks to a server over HTTP, as other systems do: with a token, and with idempotency keys where an answer may
//! be lost.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a client insists.
const PATIENCE: Duration = Duration::from_secs(90);

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Rest {
    http: reqwest::Client,
    /// The server.
    pub url: String,
    /// Where it goes when nobody answers there.
    other_url: Option<String>,
    token: String,
    /// For whom a service asks.
    person: Option<String>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is no JSON.
    pub body: Value,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the same request is worth another try, by what the interface promises.
    fn may_be_tried_again(&self) -> bool {
        let transient = ["/problems/idempotency-key-in-use", "/problems/conflict"];
        matches!(self.status, 202 | 503) || self.body["type"].as_str().is_some_and(|kind| transient.contains(&kind))
    }
}

impl Rest {
    /// Somebody with a token, or nobody in particular if it is empty.
    pub fn new(url: &str, token: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build();
        Self {
            http: http.expect("a client"),
            url: url.to_owned(),
            other_url: None,
            token: token.to_owned(),
            person: None,
        }
    }

    /// A service that asks for a person.
    #[must_use]
    pub fn on_behalf_of(&self, person: &str) -> Self {
        Self {
            person: Some(person.to_owned()),
            ..self.clone()
        }
    }

    /// The same caller, who goes to another server when nobody answers at this one.
    #[must_use]
    pub fn or(&self, other_url: &str) -> Self {
        Self {
            other_url: Some(other_url.to_owned()),
            ..self.clone()
        }
    }

    /// The same caller at another server.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// One request.
    ///
    /// # Errors
    /// When nobody answers, or the answer breaks off.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(person) = &self.person {
            request = request.header("On-Behalf-Of", person);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        Ok(Answer {
            status,
            headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    /// Reads. It must work.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None, None).await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Reads a list to its end: the items by their ids, and how many there were.
    pub async fn list(&self, path: &str) -> (BTreeMap<Uuid, Value>, usize) {
        let (mut items, mut count) = (BTreeMap::new(), 0);
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await;
            for item in page["items"].as_array().expect("items") {
                items.insert(id(item), item.clone());
                count += 1;
            }
            next = page["next"].as_str().map(str::to_owned);
        }
        (items, count)
    }

    /// Changes something, under an idempotency key, again and again until it is acknowledged: as a client does whose server
    /// comes and goes. Any answer that does not ask to try again must be a success.
    pub async fn insist(&self, method: Method, path: &str, body: &Value) -> Value {
        let key = Uuid::new_v4().to_string();
        let deadline = Instant::now() + PATIENCE;
        let mut last;
        let mut caller = self.clone();
        loop {
            let answer = caller.send(method.clone(), path, Some(&key), Some(body)).await;
            match answer {
                Ok(answer) if matches!(answer.status, 200 | 201) => return answer.body,
                Ok(answer) => {
                    assert!(answer.may_be_tried_again(), "{path}: {} {}", answer.status, answer.body);
                    last = format!("{} {}", answer.status, answer.body);
                }
                Err(error) => {
                    last = error.to_string();
                    if let Some(other) = &mut caller.other_url {
                        std::mem::swap(other, &mut caller.url);
                    }
                }
            }
            assert!(
                Instant::now() < deadline,
                "{path}: not acknowledged in time, but {last}"
            );
            sleep(Duration::from_millis(25)).await;
        }
    }
}

/// The id in an answer or an item.
pub fn id(body: &Value) -> Uuid {
    body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}
