//! The world outside, which is sent messages: a mail server, and another system of the organisation's. A test changes their conduct while they run.

use std::mem::take;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

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
    post: SharedPost,
    serving: JoinHandle<()>,
}

impl MailServer {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let post = SharedPost::default();
        let serving = tokio::spawn({
            let post = Arc::clone(&post);
            async move {
                while let Ok((line, _)) = listener.accept().await {
                    tokio::spawn(take_mail(line, Arc::clone(&post)));
                }
            }
        });
        Self { address, post, serving }
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

/// Takes mail by one connection. A line that breaks ends it.
async fn take_mail(mut line: TcpStream, post: SharedPost) -> std::io::Result<()> {
    let (read, mut write) = line.split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.test ready\r\n").await?;
    let mut to = String::new();
    while let Some(command) = lines.next_line().await? {
        let service = lock(&post).service;
        let verb: String = command.chars().take(4).collect::<String>().to_ascii_uppercase();
        let answer = match (verb.as_str(), service) {
            ("EHLO", _) => "250-mail.test\r\n250 8BITMIME",
            ("RCPT", Service::KnowsNobody) => {
                lock(&post).turned_away += 1;
                "550 5.1.1 no such mailbox"
            }
            ("RCPT", _) => {
                command[8..].trim().clone_into(&mut to);
                "250 OK"
            }
            ("DATA", _) => {
                write.write_all(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(part) = lines.next_line().await? {
                    if part == "." {
                        break;
                    }
                    text.push_str(&part);
                    text.push('\n');
                }
                let mut post = lock(&post);
                if service == Service::IsBusy {
                    post.turned_away += 1;
                    "451 4.3.2 later"
                } else {
                    let to = take(&mut to);
                    let text = text.replace("=\n", "");
                    post.mails.push(Mail { to, text });
                    "250 OK"
                }
            }
            ("QUIT", _) => {
                return write.write_all(b"221 bye\r\n").await;
            }
            ("MAIL" | "RSET" | "NOOP", _) => "250 OK",
            _ => "502 what?",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
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
