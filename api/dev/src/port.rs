//! Ports on this machine.

use std::net::{Ipv4Addr, TcpListener};

use super::error::DevError;

/// Where something is to listen, on the loopback interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// Any port that is free.
    Any,
    /// This one.
    Fixed {
        /// The port.
        port: u16,
        /// The option by which a user chooses another.
        option: &'static str,
    },
}

impl Port {
    /// As users give it: 0 is any.
    pub const fn new(port: u16, option: &'static str) -> Self {
        match port {
            0 => Self::Any,
            port => Self::Fixed { port, option },
        }
    }
}

/// Listens, by the user's choice.
///
/// # Errors
/// When the one chosen is taken.
pub(crate) fn listen(wanted: Port, what: &'static str) -> Result<TcpListener, DevError> {
    let number = match wanted {
        Port::Any => 0,
        Port::Fixed { port, .. } => port,
    };
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).map_err(|source| match wanted {
        Port::Any => DevError::NoPort(source),
        Port::Fixed { port, option } => DevError::PortTaken { port, what, option },
    })
}

/// A port for a program that is about to listen itself.
///
/// # Errors
/// As [`listen`].
pub(crate) fn choose(wanted: Port, what: &'static str) -> Result<u16, DevError> {
    Ok(listen(wanted, what)?.local_addr().map_err(DevError::NoPort)?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_option_that_chooses_another() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let refusal = choose(Port::new(port, "--chain-port"), "the chain")
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains(&port.to_string()) && refusal.contains("--chain-port"),
            "{refusal}"
        );
    }

    #[test]
    fn zero_is_any_free_port() {
        assert_ne!(choose(Port::new(0, "--port"), "the API").unwrap(), 0);
    }
}
