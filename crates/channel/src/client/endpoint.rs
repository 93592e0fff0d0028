//! Where a monitor listens.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use rustls::pki_types::ServerName;

use super::error::ChannelError;

/// A host and a port. The host's name finds the machine; it authenticates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: Authority,
    host: String,
    port: u16,
    name: ServerName<'static>,
}

impl Endpoint {
    /// Reads `https://host[:port]`, where the host is a name or an IP address.
    ///
    /// # Errors
    /// [`ChannelError::EndpointMalformed`] for any other scheme, user names, paths or queries.
    pub fn parse(url: &str) -> Result<Self, ChannelError> {
        Self::read(url).ok_or(ChannelError::EndpointMalformed)
    }

    fn read(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority().filter(|a| !a.as_str().contains('@'))?;
        let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        if uri.scheme() != Some(&Scheme::HTTPS) || !bare || url.contains('#') {
            return None;
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let port = match authority.port() {
            Some(port) => Some(port.as_u16()),
            // A colon without a number is neither a port nor none.
            None => authority.as_str().ends_with(authority.host()).then_some(443),
        }?;
        Some(Self { authority: authority.clone(), host: host.to_owned(), port, name })
    }

    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(super) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// The URI of `path` at this endpoint; none when it is no absolute path.
    pub(super) fn uri(&self, path: &str) -> Option<Uri> {
        let path: PathAndQuery = path.starts_with('/').then(|| path.parse().ok())??;
        Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .ok()
    }
}

impl TryFrom<SocketAddr> for Endpoint {
    type Error = ChannelError;

    fn try_from(address: SocketAddr) -> Result<Self, ChannelError> {
        let (ip, port) = (address.ip(), address.port());
        match ip {
            IpAddr::V4(ip) => Self::parse(&format!("https://{ip}:{port}")),
            IpAddr::V6(ip) => Self::parse(&format!("https://[{ip}]:{port}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_addresses_are_endpoints() {
        let parts = |url| {
            let endpoint = Endpoint::parse(url).unwrap();
            (endpoint.host.clone(), endpoint.port)
        };
        assert_eq!(parts("https://monitor.example"), ("monitor.example".into(), 443));
        assert_eq!(parts("https://monitor.example:8443/"), ("monitor.example".into(), 8443));
        assert_eq!(parts("https://127.0.0.1:1"), ("127.0.0.1".into(), 1));
        assert_eq!(parts("https://[::1]:8443"), ("::1".into(), 8443));
        let address: SocketAddr = "[::1]:8443".parse().unwrap();
        assert_eq!(Endpoint::try_from(address), Endpoint::parse("https://[::1]:8443"),);
    }

    #[test]
    fn refuses_everything_else() {
        for url in [
            "",
            "monitor.example",
            "monitor.example:8443",
            "http://monitor.example",
            "https://",
            "https://user@monitor.example",
            "https://monitor.example/v1",
            "https://monitor.example/?q",
            "https://monitor.example/#f",
            "https://monitor.example:99999",
            "https://monitor.example:",
            "https://mon itor.example",
            "https://[::1",
        ] {
            assert_eq!(Endpoint::parse(url), Err(ChannelError::EndpointMalformed), "{url}");
        }
    }

    #[test]
    fn only_absolute_paths_have_a_uri() {
        let endpoint = Endpoint::parse("https://monitor.example:8443").unwrap();
        let uri = endpoint.uri("/v1/token?a=b").unwrap();
        assert_eq!(uri.to_string(), "https://monitor.example:8443/v1/token?a=b");
        for path in ["", "v1", "https://other.example/", "*", "/a b", "@other.example/"] {
            assert_eq!(endpoint.uri(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(url in ".{0,100}", path in ".{0,100}") {
            drop(Endpoint::parse(&url));
            drop(Endpoint::parse(&format!("https://{url}")));
            let endpoint = Endpoint::parse("https://monitor.example").unwrap();
            if let Some(uri) = endpoint.uri(&path) {
                prop_assert_eq!(uri.host(), Some("monitor.example"));
            }
        }
    }
}
