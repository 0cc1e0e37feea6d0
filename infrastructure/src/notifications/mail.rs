//! Letters by SMTP (RFC 5321).

use std::time::Duration;

use application::notifications::Letter;
use application::ports::notifications::{Mailer, Undelivered};
use async_trait::async_trait;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use uuid::Uuid;

use super::ATTEMPT;

/// How long a mail server may take for one step.
const STEP: Duration = Duration::from_secs(20);

/// What a mail server answers to a command when there is no such mailbox, or it takes no mail (RFC 5321, section 4.2.3).
const NO_MAILBOX: [u16; 3] = [550, 551, 553];

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// TLS from the beginning (RFC 8314).
    #[default]
    Tls,
    /// TLS from `STARTTLS` on (RFC 3207), or no mail.
    StartTls,
    /// None: for a mail server on the same machine.
    None,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port; `None` for the usual one.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub protection: Protection,
    /// A certificate in PEM that is trusted besides the usual ones.
    pub certificate: Option<Vec<u8>>,
    /// Under which name and password mail is handed in.
    pub credentials: Option<(String, SecretString)>,
}

/// What is told of mail cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address is none.
    #[error("`{0}` is not a mail address")]
    Address(String),
    /// The certificate is none, or the name is none.
    #[error("the mail server cannot be used: {0}")]
    Server(#[from] smtp::Error),
}

/// [`Mailer`] by a mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// That no person has sent it, so that no machine answers (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A mail address, with or without a name before it.
///
/// # Errors
/// When it is none.
pub fn address(text: &str) -> Result<Mailbox, MailError> {
    text.parse().map_err(|_| MailError::Address(text.to_owned()))
}

impl Smtp {
    /// Mail in the name of `from`, as in `Clinic <noreply@clinic.example>`. Nothing is connected yet.
    ///
    /// # Errors
    /// When something of it is none.
    pub fn new(server: MailServer, from: &str) -> Result<Self, MailError> {
        let parameters = || {
            let mut tls = TlsParameters::builder(server.host.clone());
            if let Some(pem) = &server.certificate {
                tls = tls.add_root_certificate(Certificate::from_pem(pem)?);
            }
            tls.build()
        };
        let (tls, usual) = match server.protection {
            Protection::Tls => (Tls::Wrapper(parameters()?), smtp::SUBMISSIONS_PORT),
            Protection::StartTls => (Tls::Required(parameters()?), smtp::SUBMISSION_PORT),
            Protection::None => (Tls::None, smtp::SMTP_PORT),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port.unwrap_or(usual))
            .tls(tls)
            .timeout(Some(STEP));
        if let Some((name, password)) = server.credentials {
            transport = transport.credentials(Credentials::new(name, password.expose_secret().to_owned()));
        }
        Ok(Self {
            transport: transport.build(),
            from: address(from)?,
        })
    }

    fn message(&self, id: Uuid, to: Mailbox, letter: &Letter) -> Result<Message, lettre::error::Error> {
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, id: Uuid, to: &str, letter: &Letter) -> Result<(), Undelivered> {
        let to = to
            .parse()
            .map_err(|_| Undelivered::Refused("it is none that mail can be sent to".to_owned()))?;
        let message = self.message(id, to, letter);
        let message = message.map_err(|_| Undelivered::Refused("no mail can be made for it".to_owned()))?;
        match timeout(ATTEMPT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(undelivered(&error)),
            Err(_) => Err(Undelivered::ForNow(
                "the mail server does not answer in time".to_owned(),
            )),
        }
    }
}

/// What a mail server says is not shown: it may repeat the address.
fn undelivered(error: &smtp::Error) -> Undelivered {
    match error.status().map(u16::from) {
        Some(code) if NO_MAILBOX.contains(&code) => Undelivered::Refused(format!("the mail server answers {code}")),
        Some(code) => Undelivered::ForNow(format!("the mail server answers {code}")),
        None if error.is_response() => Undelivered::ForNow("the mail server does not speak SMTP".to_owned()),
        None => Undelivered::ForNow(format!("the mail server cannot be used: {}", innermost(error))),
    }
}

/// What has caused an error in the end: what the system, or TLS, says.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
