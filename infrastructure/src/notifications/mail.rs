//! Letters by SMTP (RFC 5321).

use std::time::Duration;

use application::notifications::Letter;
use application::ports::notifications::{Mailer, Undelivered};
use async_trait::async_trait;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use uuid::Uuid;

use super::{ATTEMPT, innermost, is_here};

/// How long a mail server may take for one step.
const STEP: Duration = Duration::from_secs(20);

/// The enhanced status codes by which a mail server says that an address is none (RFC 3463, section 3.2). Other answers under the same codes of three digits are about who sends it,
/// or what: they may change. So may a mailbox that is disabled (5.2.1), which some say of one that gets too much.
const NO_MAILBOX: [&str; 4] = ["5.1.1", "5.1.2", "5.1.3", "5.1.6"];

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// TLS from the beginning (RFC 8314).
    #[default]
    Tls,
    /// TLS from `STARTTLS` on (RFC 3207), or no mail.
    StartTls,
    /// None: for a mail server on the same machine, or in a network that is trusted.
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

/// Mail cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// This is not a mail address.
    #[error("`{0}` is not a mail address")]
    Address(String),
    /// There is no certificate in the file.
    #[error("`certificate_file` has no certificate in PEM")]
    NoCertificate,
    /// A password would be sent so that everybody on the way can read it.
    #[error("`protection` is \"none\", and `user` has a password: that goes to a mail server on this machine alone")]
    PasswordInTheClear,
    /// The certificate cannot be used, or the server's name.
    #[error("the mail server cannot be used: {0}")]
    Server(#[from] smtp::Error),
}

/// [`Mailer`] by a mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A mail address, with or without a name before it. Its domain is as it is asked for, without letters beyond ASCII (RFC 5891).
///
/// # Errors
/// When it is none.
pub fn address(text: &str) -> Result<Mailbox, MailError> {
    let none = || MailError::Address(text.to_owned());
    let mut found: Mailbox = text.parse().map_err(|_| none())?;
    let domain = idna::domain_to_ascii(found.email.domain()).map_err(|_| none())?;
    found.email = Address::new(found.email.user(), domain).map_err(|_| none())?;
    Ok(found)
}

impl Smtp {
    /// Mail in the name of `from`, as in `Clinic <noreply@clinic.example>`. Nothing is connected yet.
    ///
    /// # Errors
    /// When something of it is none.
    pub fn new(server: MailServer, from: &str) -> Result<Self, MailError> {
        if server.certificate.as_ref().is_some_and(|pem| !has_certificate(pem)) {
            return Err(MailError::NoCertificate);
        }
        let is_in_the_clear = server.protection == Protection::None && !is_here(&server.host);
        if is_in_the_clear && server.credentials.is_some() {
            return Err(MailError::PasswordInTheClear);
        }
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
            .raw_header(auto_submitted())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, id: Uuid, to: &str, letter: &Letter) -> Result<(), Undelivered> {
        let refused = |why: &str| Undelivered::Refused(why.to_owned());
        let to = address(to).map_err(|_| refused("it is not one that mail can be sent to"))?;
        let is_ascii = to.email.user().is_ascii();
        let message = self.message(id, to, letter);
        let message = message.map_err(|_| refused("no mail can be made for it"))?;
        match timeout(ATTEMPT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_client() && !is_ascii => {
                Err(refused("the mail server takes no address with letters beyond ASCII"))
            }
            Ok(Err(error)) => Err(undelivered(&error)),
            Err(_) => Err(Undelivered::ForNow(
                "the mail server does not answer in time".to_owned(),
            )),
        }
    }
}

/// What is not PEM is read as no certificate at all.
fn has_certificate(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----")
}

/// That no person has sent it, so that no machine answers (RFC 3834, section 5).
fn auto_submitted() -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".to_owned())
}

/// What a mail server says is not shown: it may repeat the address.
fn undelivered(error: &smtp::Error) -> Undelivered {
    let said = innermost(error);
    match error.status().map(u16::from) {
        Some(code) if error.is_permanent() && says_no_mailbox(&said) => {
            Undelivered::Refused(format!("the mail server answers {code}"))
        }
        Some(code) => Undelivered::ForNow(format!("the mail server answers {code}")),
        None if error.is_response() => Undelivered::ForNow("the mail server does not speak SMTP".to_owned()),
        None => Undelivered::ForNow(format!("the mail server cannot be used: {said}")),
    }
}

/// Whether an answer, without its code, begins with such a status.
fn says_no_mailbox(said: &str) -> bool {
    let status = said.split_whitespace().next();
    status.is_some_and(|status| NO_MAILBOX.contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_none_when_the_mail_server_says_that_and_nothing_else() {
        for (said, is_none) in [
            ("5.1.1 <ada@mail.example> no such mailbox", true),
            ("5.1.2", true),
            ("5.1.10 no mail at this domain", false),
            ("5.2.1 gets too much mail", false),
            ("5.7.1 not allowed to relay", false),
            ("no such mailbox", false),
            ("", false),
        ] {
            assert_eq!(says_no_mailbox(said), is_none, "{said}");
        }
    }
}
