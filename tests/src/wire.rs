//! A line to a service that can be cut, fall silent, or swallow what is sent.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// Everything goes through.
    Open,
    /// Connections are closed and new ones refused, as when the service was killed.
    Cut,
    /// Connections stay, and nothing comes through until the line is open again; as when a cable is pulled.
    Silent,
    /// Connections stay, new ones are taken, and what is sent is lost, whatever comes later; as when something between forgets who
    /// talks to whom. A connection that has lost anything stays dead when the line is open again.
    Swallows,
}

/// A proxy in front of a service. It goes away when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a service, at any port.
    pub async fn of(service: SocketAddr) -> Self {
        Self::at(0, service).await
    }

    /// A proxy in front of a service, at this port.
    pub async fn at(port: u16, service: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
        let port = listener.local_addr().expect("an address").port();
        let (line, state) = watch::channel(Line::Open);
        let task = tokio::spawn(serve(listener, service, state));
        Self { port, line, task }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes how the line is.
    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, service: SocketAddr, mut line: watch::Receiver<Line>) {
    let address = listener.local_addr().expect("an address");
    let mut listening = Some(listener);
    loop {
        if *line.borrow_and_update() == Line::Cut {
            listening = None;
        } else if listening.is_none() {
            listening = Some(bind_again(address).await);
        }
        let accepted = async {
            match &listening {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = line.changed() => if changed.is_err() { return },
            Ok((client, _)) = accepted => {
                tokio::spawn(connect(client, service, line.clone()));
            }
        }
    }
}

async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect(client: TcpStream, service: SocketAddr, mut line: watch::Receiver<Line>) {
    if *line.borrow() == Line::Swallows {
        return until_cut(&mut line, client).await;
    }
    let Ok(()) = open(&mut line).await else { return };
    let Ok(server) = TcpStream::connect(service).await else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = forward(from_client, to_server, line.clone()) => {}
        () = forward(from_server, to_client, line) => {}
    }
}

/// Forwards until either end closes or the line is cut.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(length) if length > 0 => length,
                _ => return,
            },
            cut = line.wait_for(|line| *line == Line::Cut) => {
                let _ = cut;
                return;
            }
        };
        if *line.borrow() == Line::Swallows {
            return until_cut(&mut line, (from, to)).await;
        }
        let Ok(()) = open(&mut line).await else { return };
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Holds the ends of a connection that is dead, and reads no more from them.
async fn until_cut(line: &mut watch::Receiver<Line>, ends: impl Send) {
    let _ = line.wait_for(|line| *line == Line::Cut).await;
    drop(ends);
}

/// Waits while the line is silent. An error when it is cut.
async fn open(line: &mut watch::Receiver<Line>) -> Result<(), ()> {
    match line.wait_for(|line| *line != Line::Silent).await.as_deref() {
        Ok(Line::Open | Line::Swallows) => Ok(()),
        _ => Err(()),
    }
}
