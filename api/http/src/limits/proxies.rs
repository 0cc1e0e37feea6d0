//! From which address a request comes, when it comes through proxies.
//!
//! What a header says is believed only as far as it was written by a proxy that the configuration names: the right-most address
//! that is none of theirs is the caller's. What stands left of it the caller may have made up. Only one header is read: a proxy that
//! writes one of them passes the other on as it came.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

/// Where a proxy says for whom it asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, each proxy's added at the end.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the same in its parameters `for`.
    Forwarded,
}

/// The proxies that are believed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedProxies {
    /// Their networks.
    pub networks: Vec<IpNet>,
    /// What they write.
    pub header: ForwardedHeader,
}

impl TrustedProxies {
    /// Whose request it is.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return client;
        }
        // A hop that names no address was written by the last one that was believed: it is as far as anybody knows.
        for hop in self.hops(headers).into_iter().rev() {
            let Some(address) = hop else { break };
            client = address;
            if !self.trust(client) {
                break;
            }
        }
        client
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The hops, the last proxy's last; `None` for one that names no address.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), address),
            ForwardedHeader::Forwarded => (HeaderName::from_static("forwarded"), element),
        };
        let lines = headers.get_all(name).map(HeaderValue::to_str);
        lines
            .flat_map(|line| line.map_or_else(|_| vec![None], |line| outside_quotes(line, ',').map(read).collect()))
            .collect()
    }
}

/// The parts between separators that stand in no quoted string (RFC 9110, section 5.6.4). What a proxy quotes may be the caller's.
fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter| {
        let escapes = quoted && !escaped && letter == '\\';
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = escapes;
        letter == separator && !quoted
    })
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse().ok();
    let address = address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The address of an element of `Forwarded`: `for=192.0.2.60;proto=http`, `for="[2001:db8::1]:4711"`.
fn element(text: &str) -> Option<IpAddr> {
    let mut parameters = outside_quotes(text, ';').filter_map(|parameter| parameter.split_once('='));
    let (_, node) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    address(
        node.strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(node),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_quotes_names_no_hop() {
        let forwarded = |line: &str| {
            let proxies = TrustedProxies {
                networks: vec!["10.0.0.0/8".parse().unwrap()],
                header: ForwardedHeader::Forwarded,
            };
            let mut headers = HeaderMap::new();
            headers.append(HeaderName::from_static("forwarded"), line.parse().unwrap());
            proxies.client("10.0.0.1".parse().unwrap(), &headers).to_string()
        };
        for line in [
            r#"for=203.0.113.3;host="x,for=6.6.7.1;y""#,
            r#"for=203.0.113.3;host="x\",for=6.6.7.1;y=\"""#,
            r#"host="a;for=6.6.7.1;b";for=203.0.113.3"#,
            r#"for=6.6.7.1, for="203.0.113.3:4711";host="x""#,
        ] {
            assert_eq!(forwarded(line), "203.0.113.3", "{line}");
        }
    }

    fn client(header: ForwardedHeader, peer: &str, lines: &[&str]) -> String {
        let proxies = TrustedProxies {
            networks: ["10.0.0.0/8", "2001:db8:ff::/48"]
                .map(|network| network.parse().unwrap())
                .into(),
            header,
        };
        let mut headers = HeaderMap::new();
        for (name, prefix) in [("x-forwarded-for", ""), ("forwarded", "for=")] {
            for line in lines {
                let line = line.split(", ").map(|hop| format!("{prefix}{hop}")).collect::<Vec<_>>();
                headers.append(HeaderName::from_static(name), line.join(", ").parse().unwrap());
            }
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_right_most_address_that_is_no_proxys_is_the_callers() {
        for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            for (peer, lines, expected) in [
                // Who is no proxy is not believed.
                ("192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
                ("10.0.0.1", &[], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
                // What the caller wrote stands further left.
                ("10.0.0.1", &["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
                ("10.0.0.1", &["198.51.100.7", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
                ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
                ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
                // What names no address ends it.
                ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.9, garbage, 10.0.0.2"], "10.0.0.2"),
                ("10.0.0.1", &["203.0.113.9:1234"], "203.0.113.9"),
            ] {
                assert_eq!(client(header, peer, lines), expected, "{header:?} {peer} {lines:?}");
            }
        }
        let six = ["\"[2001:db8::1]:4711\", \"[2001:db8:ff::2]\""];
        assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1", &six), "2001:db8::1");
        let six = ["2001:db8::1, [2001:db8:ff::2]:80"];
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1", &six), "2001:db8::1");
    }

    #[test]
    fn one_header_alone_is_read() {
        let proxies = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            header: ForwardedHeader::Forwarded,
        };
        let mut headers = HeaderMap::new();
        headers.append(
            HeaderName::from_static("x-forwarded-for"),
            "203.0.113.9".parse().unwrap(),
        );
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(proxies.client(peer, &headers), peer);
        headers.append(
            HeaderName::from_static("forwarded"),
            "proto=https;For=198.51.100.7".parse().unwrap(),
        );
        assert_eq!(proxies.client(peer, &headers).to_string(), "198.51.100.7");
    }
}
