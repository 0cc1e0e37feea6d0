//! Messages to another system of the organisation's, signed as the [Standard Webhooks](https://www.standardwebhooks.com) specification says.

use application::notifications::Notification;
use application::ports::notifications::{Undelivered, Webhook};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, Utc};
use reqwest::{Client, Url};
use ring::hmac::{HMAC_SHA256, Key, sign};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{ATTEMPT, innermost, is_here};

/// How a secret begins.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// A webhook cannot be used with these settings.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// This is not an address, or anybody could read on the way.
    #[error("the address must begin with https://, or with http:// on this machine")]
    Address,
    /// This is not a secret.
    #[error("the secret must be `whsec_` and 24 to 64 bytes in Base64")]
    Secret,
    /// There can be no client.
    #[error("no requests can be made")]
    Client(#[from] reqwest::Error),
}

/// [`Webhook`] by HTTP. It follows no redirection.
pub struct HttpWebhook {
    client: Client,
    address: Url,
    key: Key,
}

impl HttpWebhook {
    /// To this address. Nothing is connected yet.
    ///
    /// # Errors
    /// When the address or the secret is none.
    pub fn new(address: &str, secret: &SecretString) -> Result<Self, WebhookError> {
        let address: Url = address.parse().map_err(|_| WebhookError::Address)?;
        let is_private = match address.scheme() {
            "https" => true,
            "http" => address.host_str().is_some_and(is_here),
            _ => false,
        };
        if !is_private {
            return Err(WebhookError::Address);
        }
        let client = Client::builder()
            .timeout(ATTEMPT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("medconnect/", env!("CARGO_PKG_VERSION")));
        Ok(Self {
            client: client.build()?,
            address,
            key: key(secret)?,
        })
    }

    /// The header `webhook-signature`.
    fn signature(&self, id: Uuid, timestamp: i64, body: &str) -> String {
        let signed = sign(&self.key, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(signed))
    }
}

fn key(secret: &SecretString) -> Result<Key, WebhookError> {
    let encoded = secret
        .expose_secret()
        .strip_prefix(PREFIX)
        .ok_or(WebhookError::Secret)?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| WebhookError::Secret)?);
    if !LENGTH.contains(&bytes.len()) {
        return Err(WebhookError::Secret);
    }
    Ok(Key::new(HMAC_SHA256, &bytes))
}

#[async_trait]
impl Webhook for HttpWebhook {
    async fn send(&self, message: &Notification) -> Result<(), Undelivered> {
        let data = message
            .patient
            .map_or_else(|| json!({}), |patient| json!({ "patient": patient }));
        let at = message.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let body = json!({ "type": message.occasion.topic(), "timestamp": at, "data": data }).to_string();
        let timestamp = Utc::now().timestamp();
        let request = self
            .client
            .post(self.address.clone())
            .header("content-type", "application/json")
            .header("webhook-id", message.id.to_string())
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", self.signature(message.id, timestamp, &body))
            .body(body);
        let answer = request.send().await.map_err(undelivered)?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(Undelivered::ForNow(format!(
            "the other system answers {}",
            answer.status().as_u16()
        )))
    }
}

/// Without the address, which may hold a secret.
fn undelivered(error: reqwest::Error) -> Undelivered {
    let said = innermost(&error.without_url());
    Undelivered::ForNow(format!("the other system cannot be reached: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(address: &str, secret: &str) -> Result<HttpWebhook, WebhookError> {
        HttpWebhook::new(address, &secret.into())
    }

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLjSw";

    #[test]
    fn nobody_on_the_way_reads_along_and_a_secret_is_long_enough() {
        for (address, is_one) in [
            ("https://portal.clinic.example/hooks", true),
            ("http://127.0.0.1:8081/hooks", true),
            ("http://[::1]:8081/hooks", true),
            ("http://localhost/hooks", true),
            ("http://portal.clinic.example/hooks", false),
            ("http://localhost.example/hooks", false),
            ("ftp://localhost/hooks", false),
            ("portal.clinic.example", false),
        ] {
            assert_eq!(webhook(address, SECRET).is_ok(), is_one, "{address}");
        }
        let address = "https://portal.clinic.example/hooks";
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (secret, is_one) in [
            (encoded(24), true),
            (encoded(64), true),
            (encoded(23), false),
            (encoded(65), false),
            (SECRET.replace("whsec_", ""), false),
            ("whsec_?".to_owned(), false),
        ] {
            assert_eq!(webhook(address, &secret).is_ok(), is_one, "{secret}");
        }
    }
}
