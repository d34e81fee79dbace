//! What the servers and the load generator agree on.

use std::io;

/// The path of the event stream.
pub const PATH: &str = "/events";

/// The command on the control connection to publish one burst. The server ends when the connection is closed.
pub const PUBLISH: u8 = b'p';

/// The servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Writes the bytes to each socket: the cost of the kernel.
    RawTcp,
    /// A hub, served by this crate's server, without a framework.
    HubServer,
    /// A hub in an axum router, served by this crate's server with a graceful shutdown.
    HubAxumServer,
    /// A hub, served by hyper.
    HubHyper,
    /// A hub, served by axum.
    HubAxum,
    /// Events encoded once by hand, tokio's broadcast channel, hyper.
    BroadcastBytes,
    /// axum's `Sse` over tokio's broadcast channel of the enum, the usual way.
    AxumBroadcast,
}

impl Server {
    pub const ALL: [Self; 7] = [
        Self::RawTcp,
        Self::HubServer,
        Self::HubAxumServer,
        Self::HubHyper,
        Self::HubAxum,
        Self::BroadcastBytes,
        Self::AxumBroadcast,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::RawTcp => "raw TCP",
            Self::HubServer => "sse-typed: hub, Server",
            Self::HubAxumServer => "sse-typed: hub, axum on Server with a shutdown",
            Self::HubHyper => "sse-typed: hub, hyper",
            Self::HubAxum => "sse-typed: hub, axum",
            Self::BroadcastBytes => "broadcast of Bytes, hyper",
            Self::AxumBroadcast => "axum: broadcast of the enum, json_data each",
        }
    }

    pub fn from_name(name: &str) -> io::Result<Self> {
        Self::ALL
            .into_iter()
            .find(|server| server.name() == name)
            .ok_or_else(|| io::Error::other(format!("there is no server `{name}`")))
    }
}

/// The builder of the hyper server, and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HyperSettings {
    /// hyper-util's builder, which speaks HTTP/1 and HTTP/2, as `axum::serve` uses it.
    Auto,
    /// The same, with `http1_only()`.
    AutoHttp1,
    /// hyper's own builder for HTTP/1.
    Http1,
    /// With `half_close(true)`: hyper does not read while it writes.
    HalfClose,
    /// With `writev(false)`: hyper copies what it writes into one buffer.
    NoVectoredWrites,
    /// With `max_buf_size(8192)`, the minimum.
    SmallBuffers,
    /// With `keep_alive(false)`.
    NoKeepAlive,
}

impl HyperSettings {
    pub const ALL: [Self; 7] = [
        Self::Auto,
        Self::AutoHttp1,
        Self::Http1,
        Self::HalfClose,
        Self::NoVectoredWrites,
        Self::SmallBuffers,
        Self::NoKeepAlive,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "hyper_util auto::Builder",
            Self::AutoHttp1 => "hyper_util auto::Builder, http1_only()",
            Self::Http1 => "hyper http1::Builder",
            Self::HalfClose => "hyper http1::Builder, half_close(true)",
            Self::NoVectoredWrites => "hyper http1::Builder, writev(false)",
            Self::SmallBuffers => "hyper http1::Builder, max_buf_size(8192)",
            Self::NoKeepAlive => "hyper http1::Builder, keep_alive(false)",
        }
    }

    pub fn from_name(name: &str) -> io::Result<Self> {
        Self::ALL
            .into_iter()
            .find(|settings| settings.name() == name)
            .ok_or_else(|| io::Error::other(format!("there are no settings `{name}`")))
    }
}
