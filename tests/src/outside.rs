//! The world outside, which is sent messages: a mail server, and another system of the organisation's. A test changes their conduct while they run.

use std::mem::take;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A mail as a mail server has taken it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// For whom, as the envelope says.
    pub to: String,
    /// All of it, head and body; long lines are joined again.
    pub text: String,
}

/// How a mail server treats whoever hands mail in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Service {
    /// It takes mail.
    #[default]
    Takes,
    /// It takes none just now.
    IsBusy,
    /// It knows no mailbox.
    KnowsNobody,
    /// It takes no mail from this sender.
    DistrustsTheSender,
    /// It relays no mail.
    DoesNotRelay,
    /// It does not know yet whether there is such a mailbox.
    DoesNotKnowYet,
    /// It answers nothing to whoever names an address.
    Hangs,
}

#[derive(Default)]
struct Post {
    service: Service,
    mails: Vec<Mail>,
    turned_away: usize,
}

type SharedPost = Arc<Mutex<Post>>;

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mail server, as much of RFC 5321 as one needs to take mail. It ends when it is dropped.
pub struct MailServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate in PEM, which nobody has signed but itself.
    pub certificate: String,
    post: SharedPost,
    serving: JoinHandle<()>,
}

/// When a mail server begins to speak TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaks {
    /// Never.
    Plainly,
    /// From the beginning.
    Tls,
    /// When it is asked to.
    StartTls,
}

impl MailServer {
    /// Starts one without TLS.
    pub async fn start() -> Self {
        Self::that(Speaks::Plainly).await
    }

    /// Starts one, as `localhost`.
    pub async fn that(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = own.cert.pem();
        let tls = acceptor(own);
        let post = SharedPost::default();
        let serving = tokio::spawn({
            let post = Arc::clone(&post);
            async move {
                while let Ok((line, _)) = listener.accept().await {
                    let (post, tls) = (Arc::clone(&post), tls.clone());
                    tokio::spawn(async move {
                        // A line that breaks is over.
                        drop(serve(line, speaks, &tls, &post).await);
                    });
                }
            }
        });
        Self {
            address,
            certificate,
            post,
            serving,
        }
    }

    /// Has it treat mail so from now on.
    pub fn behave(&self, service: Service) {
        lock(&self.post).service = service;
    }

    /// What it has taken.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.post).mails.clone()
    }

    /// How many mails it has turned away.
    pub fn turned_away(&self) -> usize {
        lock(&self.post).turned_away
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor(own: rcgen::CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let config = config.expect("versions").with_no_client_auth();
    let config = config
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a key");
    TlsAcceptor::from(Arc::new(config))
}

/// Takes mail by one connection.
async fn serve(line: TcpStream, speaks: Speaks, tls: &TlsAcceptor, post: &Mutex<Post>) -> std::io::Result<()> {
    match speaks {
        Speaks::Plainly => take_mail(line, true, false, post).await.map(drop),
        Speaks::Tls => take_mail(tls.accept(line).await?, true, false, post).await.map(drop),
        Speaks::StartTls => match take_mail(line, true, true, post).await? {
            Some(line) => take_mail(tls.accept(line).await?, false, false, post).await.map(drop),
            None => Ok(()),
        },
    }
}

/// Takes mail until the other side leaves, or asks for TLS: then the line is given back.
async fn take_mail<L: AsyncRead + AsyncWrite + Unpin>(
    line: L,
    greets: bool,
    offers_tls: bool,
    post: &Mutex<Post>,
) -> std::io::Result<Option<L>> {
    let mut line = BufReader::new(line);
    if greets {
        line.write_all(b"220 mail.test ready\r\n").await?;
    }
    let mut to = String::new();
    while let Some(command) = next_line(&mut line).await? {
        let service = lock(post).service;
        let verb = command.chars().take(4).collect::<String>().to_ascii_uppercase();
        let answer = match (verb.as_str(), service) {
            ("EHLO", _) if offers_tls => "250-mail.test\r\n250 STARTTLS",
            ("EHLO", _) => "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            ("STAR", _) if offers_tls => {
                line.write_all(b"220 go ahead\r\n").await?;
                return Ok(Some(line.into_inner()));
            }
            ("AUTH", _) if command == "AUTH PLAIN AGNsaW5pYwBzM2NyZXQ=" => "235 welcome",
            ("AUTH", _) => "535 who?",
            ("MAIL", Service::DistrustsTheSender) => {
                lock(post).turned_away += 1;
                "553 5.7.1 not yours"
            }
            ("RCPT", Service::KnowsNobody | Service::DoesNotRelay | Service::DoesNotKnowYet) => {
                lock(post).turned_away += 1;
                to = command["RCPT TO:".len()..].to_owned();
                let why = match service {
                    Service::KnowsNobody => "550 5.1.1",
                    Service::DoesNotRelay => "550 5.7.1",
                    _ => "450 5.1.1",
                };
                // As many mail servers do, it repeats the address.
                line.write_all(format!("{why} {to} is not for us\r\n").as_bytes())
                    .await?;
                continue;
            }
            ("RCPT", Service::Hangs) => {
                lock(post).turned_away += 1;
                std::future::pending().await
            }
            ("RCPT", _) => {
                command["RCPT TO:".len()..].clone_into(&mut to);
                "250 OK"
            }
            ("DATA", _) => {
                line.write_all(b"354 go on\r\n").await?;
                let text = text(&mut line).await?;
                let mut post = lock(post);
                if service == Service::IsBusy {
                    post.turned_away += 1;
                    "451 4.3.2 later"
                } else {
                    post.mails.push(Mail {
                        to: take(&mut to),
                        text,
                    });
                    "250 OK"
                }
            }
            ("QUIT", _) => {
                line.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            ("MAIL" | "RSET" | "NOOP", _) if !offers_tls => "250 OK",
            _ => "502 what?",
        };
        line.write_all(format!("{answer}\r\n").as_bytes()).await?;
        line.flush().await?;
    }
    Ok(None)
}

/// A line without its end; `None` when the other side has left.
async fn next_line<L: AsyncRead + Unpin>(line: &mut BufReader<L>) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    let read = line.read_line(&mut text).await?;
    Ok((read > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What is sent up to a dot that stands alone.
async fn text<L: AsyncRead + Unpin>(line: &mut BufReader<L>) -> std::io::Result<String> {
    let mut text = String::new();
    while let Some(part) = next_line(line).await? {
        if part == "." {
            break;
        }
        text.push_str(&part);
        text.push('\n');
    }
    Ok(text.replace("=\n", ""))
}

/// A message as another system has got it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// The headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    pub headers: [String; 3],
    /// The body.
    pub body: String,
}

#[derive(Default)]
struct Hooks {
    answers: Option<(StatusCode, Duration)>,
    hooks: Vec<Hook>,
}

type SharedHooks = Arc<Mutex<Hooks>>;

/// Another system of the organisation's, which is told by webhook. It ends when it is dropped.
pub struct Portal {
    /// Where it is told.
    pub url: String,
    hooks: SharedHooks,
    server: ServerHandle,
}

impl Portal {
    /// Starts one.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let hooks = SharedHooks::default();
        let shared = web::Data::from(Arc::clone(&hooks));
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/hooks", web::post().to(hear))
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.listen(listener).expect("a server").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            hooks,
            server: handle,
        }
    }

    /// Has it answer so from now on, after a while.
    pub fn answer(&self, status: u16, after: Duration) {
        let status = StatusCode::from_u16(status).expect("a status");
        lock(&self.hooks).answers = Some((status, after));
    }

    /// What it was told, whatever it answered.
    pub fn hooks(&self) -> Vec<Hook> {
        lock(&self.hooks).hooks.clone()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn hear(hooks: web::Data<Mutex<Hooks>>, request: HttpRequest, body: String) -> HttpResponse {
    let header = |name| {
        let value = request.headers().get(name).expect("a signed message");
        value.to_str().expect("a header").to_owned()
    };
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    let (status, after) = {
        let mut hooks = lock(&hooks);
        hooks.hooks.push(Hook { headers, body });
        hooks.answers.unwrap_or((StatusCode::NO_CONTENT, Duration::ZERO))
    };
    tokio::time::sleep(after).await;
    HttpResponse::new(status)
}
