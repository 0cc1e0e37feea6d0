//! How people outside are told of what concerns them.

use std::path::PathBuf;

use infrastructure::notifications::mail::{self, MailServer, Protection, Smtp};
use infrastructure::notifications::webhook::HttpWebhook;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{ConfigError, exposed_if_any, secret};

/// By which channels.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationsConfig {
    /// By mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailConfig>,
    /// To another system of the organisation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookConfig>,
}

/// By mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server's name.
    pub host: String,
    /// Its port: 465, 587 or 25, by its protection, unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub protection: Protection,
    /// A file with a certificate in PEM that is trusted besides the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// Who hands mail in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretString>,
    /// A file with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Who mail is from, as in `The Clinic <noreply@clinic.example>`.
    pub from: String,
    /// The organisation as people know it.
    pub organisation: String,
    /// Where people sign in: `http.public_url`, unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_at: Option<String>,
    /// The address of those who oversee practitioners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overseers: Option<String>,
}

impl MailConfig {
    /// What sends it.
    ///
    /// # Errors
    /// When something of it cannot be used.
    pub fn smtp(&self) -> Result<Smtp, ConfigError> {
        let certificate = self.certificate_file.as_ref().map(|file| {
            std::fs::read(file).map_err(|source| ConfigError::SecretFile {
                name: "notifications.mail.certificate_file",
                file: file.clone(),
                source,
            })
        });
        let given = (self.password.as_ref(), self.password_file.as_deref());
        let credentials = match (&self.user, given) {
            (None, (None, None)) => None,
            (None, _) => return Err(ConfigError::PasswordOfNobody),
            (Some(user), (password, file)) => {
                Some((user.clone(), secret("notifications.mail.password", password, file)?))
            }
        };
        if let Some(overseers) = &self.overseers {
            mail::address(overseers)?;
        }
        self.check_words()?;
        let server = MailServer {
            host: self.host.clone(),
            port: self.port,
            protection: self.protection,
            certificate: certificate.transpose()?,
            credentials,
        };
        Ok(Smtp::new(server, &self.from)?)
    }

    /// What stands in letters is a line each, and people sign in at an address of the web.
    fn check_words(&self) -> Result<(), ConfigError> {
        let is_line = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
        if !is_line(&self.organisation) {
            return Err(ConfigError::NoLine("notifications.mail.organisation"));
        }
        let is_address = |text: &String| is_line(text) && (text.starts_with("https://") || text.starts_with("http://"));
        if !self.sign_in_at.as_ref().is_none_or(is_address) {
            return Err(ConfigError::NoAddress("notifications.mail.sign_in_at"));
        }
        Ok(())
    }
}

/// To another system of the organisation's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its address.
    pub url: String,
    /// What messages are signed with: `whsec_` and 24 to 64 bytes in Base64.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretString>,
    /// A file with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
}

impl WebhookConfig {
    /// What sends it.
    ///
    /// # Errors
    /// When something of it cannot be used.
    pub fn sender(&self) -> Result<HttpWebhook, ConfigError> {
        let secret = secret(
            "notifications.webhook.secret",
            self.secret.as_ref(),
            self.secret_file.as_deref(),
        )?;
        Ok(HttpWebhook::new(&self.url, &secret)?)
    }
}
