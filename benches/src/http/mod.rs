//! Servers and a load for them, in processes of their own, over loopback.
//!
//! A server has two ports: on one it sends events, and on the other it is told when to publish. The load tells it once all
//! connections have all of the burst before, so that nobody is ever behind and every contender sends the same.

use std::io;

pub mod load;
pub mod process;
pub mod serve;

/// What a request is to be answered with.
pub const PATH: &str = "/events";

/// Said on the control connection: publish one burst. Whoever closes it ends the server.
pub const PUBLISH: u8 = b'p';

/// The servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// A write of the bytes to each socket: the kernel's part.
    Raw,
    /// A hub, served by hyper.
    Hub,
    /// A hub, served by axum.
    HubAxum,
    /// Encoded once by hand, tokio's broadcast, hyper.
    Bytes,
    /// axum's `Sse` over tokio's broadcast of the enum: what most servers do.
    Idiom,
}

impl Server {
    pub const ALL: [Self; 5] = [Self::Raw, Self::Hub, Self::HubAxum, Self::Bytes, Self::Idiom];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw TCP",
            Self::Hub => "sse-typed: hub, hyper",
            Self::HubAxum => "sse-typed: hub, axum",
            Self::Bytes => "broadcast of Bytes, hyper",
            Self::Idiom => "axum: broadcast of the enum, json_data each",
        }
    }

    pub fn named(name: &str) -> io::Result<Self> {
        Self::ALL
            .into_iter()
            .find(|server| server.name() == name)
            .ok_or_else(|| io::Error::other(format!("there is no server `{name}`")))
    }
}

/// How hyper is built, and what of its builder is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// hyper-util's builder, which speaks HTTP/1 and HTTP/2, as `axum::serve` uses it.
    Auto,
    /// The same, with `http1_only()`.
    AutoHttp1,
    /// hyper's own builder for HTTP/1.
    Http1,
    /// With `half_close(true)`: hyper does not read while it writes.
    HalfClose,
    /// With `writev(false)`: what is written is copied into one buffer.
    Flatten,
    /// With `max_buf_size(8192)`, the least there is.
    SmallBuffers,
    /// With `keep_alive(false)`.
    NoKeepAlive,
}

impl Settings {
    pub const ALL: [Self; 7] = [
        Self::Auto,
        Self::AutoHttp1,
        Self::Http1,
        Self::HalfClose,
        Self::Flatten,
        Self::SmallBuffers,
        Self::NoKeepAlive,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "hyper_util auto::Builder",
            Self::AutoHttp1 => "hyper_util auto::Builder, http1_only()",
            Self::Http1 => "hyper http1::Builder",
            Self::HalfClose => "hyper http1::Builder, half_close(true)",
            Self::Flatten => "hyper http1::Builder, writev(false)",
            Self::SmallBuffers => "hyper http1::Builder, max_buf_size(8192)",
            Self::NoKeepAlive => "hyper http1::Builder, keep_alive(false)",
        }
    }

    pub fn named(name: &str) -> io::Result<Self> {
        Self::ALL
            .into_iter()
            .find(|settings| settings.name() == name)
            .ok_or_else(|| io::Error::other(format!("there are no settings `{name}`")))
    }
}
