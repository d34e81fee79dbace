use std::{fmt, sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisConnectionInfo, Value};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

use super::error::{Kind, RedisError};

/// How to reach the server, and the names of what is stored there.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) login: RedisConnectionInfo,
    /// The prefix of keys and channels.
    pub(super) prefix: String,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
}

pub(super) enum Address {
    Tcp(String, u16),
    Tls {
        host: String,
        port: u16,
        config: Arc<ClientConfig>,
    },
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

/// The connection that carries all commands, and the task that serves it.
pub(super) struct CommandConnection {
    pub(super) connection: redis::aio::MultiplexedConnection,
    pub(super) task: TaskGuard,
}

/// The connection that carries wake-ups.
pub(super) struct NotificationConnection {
    pub(super) sink: redis::aio::PubSubSink,
    pub(super) messages: redis::aio::PubSubStream,
}

/// A task that is stopped when this is dropped.
pub(super) struct TaskGuard(pub(super) JoinHandle<()>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection of bytes.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Target {
    /// The address and the login that a URL names. `tls` makes the configuration if the URL wants TLS.
    pub(super) fn parse(
        url: &str,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, RedisError>,
    ) -> Result<(Address, RedisConnectionInfo), RedisError> {
        // TLS is ours, and the client's parser does not know it.
        let secure = ["rediss://", "valkeys://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let plain = secure.map_or_else(|| url.to_owned(), |rest| format!("redis://{rest}"));
        // The URL is no part of the error: it may hold a password.
        let info: ConnectionInfo = plain.parse().map_err(|error: redis::RedisError| {
            RedisError::from(Kind::InvalidSettings(format!("the URL is none of a Redis server: {}", error.category())))
        })?;
        let address = match info.addr() {
            _ if url.ends_with("#insecure") => {
                return Err(Kind::InvalidSettings("`#insecure` is not supported".to_owned()).into());
            }
            ConnectionAddr::Tcp(host, port) if secure.is_some() => {
                Address::Tls { host: host.clone(), port: *port, config: tls()? }
            }
            ConnectionAddr::Tcp(host, port) => Address::Tcp(host.clone(), *port),
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
            _ => return Err(Kind::InvalidSettings("the kind of the URL is not supported".to_owned()).into()),
        };
        // The URL may name the other protocol, whose replies are of other types.
        let login = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        Ok((address, login.set_lib_name("sse-typed", env!("CARGO_PKG_VERSION"))))
    }

    /// The key of a log in the server.
    pub(super) fn redis_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The channel of a key. Channels know no database, so its number is part of the name.
    pub(super) fn channel(&self, key: &str) -> String {
        format!("{}{}:{key}", self.prefix, self.login.db())
    }

    /// The key that a channel belongs to.
    pub(super) fn key_of_channel<'c>(&self, channel: &'c str) -> Option<&'c str> {
        let (database, key) = channel.strip_prefix(&self.prefix)?.split_once(':')?;
        (database.parse() == Ok(self.login.db())).then_some(key)
    }

    async fn socket(&self) -> Result<Box<dyn Socket>, RedisError> {
        let tcp = async |host: &str, port: u16| {
            let socket = TcpStream::connect((host, port)).await?;
            socket.set_nodelay(true)?;
            Ok::<_, RedisError>(socket)
        };
        Ok(match &self.address {
            Address::Tcp(host, port) => Box::new(tcp(host, *port).await?),
            Address::Tls { host, port, config } => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                    .map_err(|error| Kind::InvalidSettings(format!("{host} is no name of a server: {error}")))?;
                let socket = tcp(host, *port).await?;
                Box::new(tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name, socket).await?)
            }
            #[cfg(unix)]
            Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
        })
    }

    /// Connects for commands, and checks that the server is one that the store can use and that the user may do what is needed.
    pub(super) async fn connect_commands(&self) -> Result<CommandConnection, RedisError> {
        self.within_timeout(async {
            let config = AsyncConnectionConfig::new().set_response_timeout(Some(self.response_timeout));
            let socket = self.socket().await?;
            let (mut connection, driver) =
                redis::aio::MultiplexedConnection::new_with_config(&self.login, socket, config).await?;
            let task = TaskGuard(tokio::spawn(driver));
            check_server(&mut connection).await?;
            self.check_rights(&mut connection).await?;
            Ok(CommandConnection { connection, task })
        })
        .await
    }

    /// Connects for notifications, and checks that the user may subscribe to channels of the store.
    pub(super) async fn connect_notifications(&self) -> Result<NotificationConnection, RedisError> {
        self.within_timeout(async {
            let connection = redis::aio::PubSub::new(&self.login, self.socket().await?).await?;
            let (mut sink, messages) = connection.split();
            sink.subscribe(self.channel("")).await.map_err(|error| missing_right("SUBSCRIBE", error.into()))?;
            Ok(NotificationConnection { sink, messages })
        })
        .await
    }

    async fn within_timeout<T>(&self, connect: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
        timeout(self.connect_timeout, connect).await.unwrap_or_else(|_| Err(RedisError::timed_out()))
    }

    async fn check_rights(&self, connection: &mut redis::aio::MultiplexedConnection) -> Result<(), RedisError> {
        // No script has this hash, and no log this key: keys of logs have no NUL.
        let by_hash: redis::RedisResult<Value> =
            redis::cmd("EVALSHA").arg("0".repeat(40)).arg(0).query_async(connection).await;
        if let Err(error) = by_hash.map_err(RedisError::from)
            && !error.is_unknown_script()
        {
            return Err(missing_right("EVALSHA", error));
        }
        let mut check = redis::cmd("EVAL");
        check.arg(include_str!("check.lua")).arg(1).arg(self.redis_key("\0check")).arg(self.channel(""));
        let tried = check.query_async(connection).await;
        let tried: (String, String) = tried.map_err(|error: redis::RedisError| missing_right("EVAL", error.into()))?;
        let (command, error) = tried;
        let code = error.trim_start_matches('-').split(' ').next().unwrap_or_default();
        match code {
            // No error, or one with which reading works.
            "" | "OOM" | "MISCONF" | "NOREPLICAS" => Ok(()),
            "READONLY" | "MASTERDOWN" | "LOADING" => Err(RedisError::of_server(&error)),
            _ => Err(RedisError::new(Kind::MissingRight(format!("{command} ({error})")), error)),
        }
    }
}

/// Names the command whose right is missing, if it is a right.
fn missing_right(command: &str, error: RedisError) -> RedisError {
    match error.kind() {
        Kind::MissingRight(text) => RedisError::new(Kind::MissingRight(format!("{command} ({text})")), error),
        _ => error,
    }
}

/// Refuses servers that the store cannot use.
async fn check_server(connection: &mut redis::aio::MultiplexedConnection) -> Result<(), RedisError> {
    let unsupported = |server: String| Err(RedisError::from(Kind::Unsupported(server)));
    let hello: Result<Value, _> = redis::cmd("HELLO").query_async(connection).await;
    let properties = match hello {
        Ok(Value::Array(properties)) => properties,
        Ok(_) => return Ok(()),
        Err(error) => {
            let error = RedisError::from(error);
            return match error.kind() {
                // Then the commands themselves show it.
                Kind::MissingRight(_) => Ok(()),
                Kind::Refused => unsupported("older than Redis 6.2".to_owned()),
                _ => Err(error),
            };
        }
    };
    let property = |name: &str| {
        properties.chunks_exact(2).find_map(|pair| match pair {
            [Value::BulkString(key), Value::BulkString(value)] if key == name.as_bytes() => {
                Some(String::from_utf8_lossy(value).into_owned())
            }
            _ => None,
        })
    };
    match property("mode").as_deref() {
        Some("cluster") => return unsupported("a node of a Redis Cluster, which is not supported".to_owned()),
        Some("sentinel") => return unsupported("a Redis Sentinel, and not the server that it watches".to_owned()),
        _ => {}
    }
    if let Some(version) = property("version")
        && is_older_than_6_2(&version)
    {
        return unsupported(format!("Redis {version}, and 6.2 is the oldest that has the commands"));
    }
    match property("role").as_deref() {
        Some("master") | None => Ok(()),
        Some(role) => Err(RedisError::new(Kind::Replica, format!("the server is a {role}"))),
    }
}

fn is_older_than_6_2(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) < (6, 2),
        _ => false,
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("user", &self.login.username())
            .field("database", &self.login.db())
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "redis://{host}:{port}"),
            Self::Tls { host, port, .. } => write!(f, "rediss://{host}:{port}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{array, bulk, connection},
        *,
    };

    fn target(url: &str, prefix: &str) -> Target {
        let (address, login) = Target::parse(url, || Err(RedisError::timed_out())).unwrap();
        let timeouts = Duration::from_secs(1);
        Target { address, login, prefix: prefix.to_owned(), connect_timeout: timeouts, response_timeout: timeouts }
    }

    #[test]
    fn a_channel_names_its_database_and_leads_back_to_its_key() {
        let target = target("redis://localhost/7", "a:");
        for key in ["rides", "0:rides", ":", "a:7:x", "é"] {
            assert_eq!(target.key_of_channel(&target.channel(key)), Some(key));
        }
        assert_eq!(target.channel("rides"), "a:7:rides");
        for other in ["a:6:rides", "b:7:rides", "a:rides", "7:rides", ""] {
            assert_eq!(target.key_of_channel(other), None, "{other}");
        }
    }

    #[test]
    fn a_malformed_url_is_an_error_that_does_not_repeat_it() {
        for url in ["", "http://secret@host", "redis://:secret@host/x", "secret", "rediss://secret@host/#insecure"] {
            let error = Target::parse(url, || Err(RedisError::timed_out())).unwrap_err();
            assert!(error.is_invalid_settings(), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, is_older) in
            [("6.0.16", true), ("6.2.0", false), ("7.0.15", false), ("10.0", false), ("x", false)]
        {
            assert_eq!(is_older_than_6_2(version), is_older, "{version}");
        }
    }

    /// What the check says about a server that answers `HELLO` so.
    async fn checked(hello: String) -> Result<(), RedisError> {
        let (mut connection, _task) = connection(move |_| hello.clone()).await;
        check_server(&mut connection).await
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_primary_of_a_supported_version_is_accepted() {
        let hello = |version, mode, role| checked(array(["version", version, "mode", mode, "role", role].map(bulk)));
        hello("7.0.15", "standalone", "master").await.unwrap();
        for mode in ["cluster", "sentinel"] {
            let error = hello("7.0.15", mode, "master").await.unwrap_err();
            assert!(error.is_unsupported_server() && error.to_string().to_lowercase().contains(mode), "{error}");
        }
        assert!(hello("6.0.16", "standalone", "master").await.unwrap_err().is_unsupported_server());
        assert!(hello("7.0.15", "standalone", "slave").await.unwrap_err().is_replica());
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_needs_no_right_to_ask_for_the_version_of_the_server() {
        checked("-NOPERM this user has no permissions to run the 'hello' command\r\n".to_owned()).await.unwrap();
        let error = checked("-ERR unknown command 'HELLO'\r\n".to_owned()).await.unwrap_err();
        assert!(error.is_unsupported_server(), "{error}");
        let error = checked("-NOAUTH Authentication required.\r\n".to_owned()).await.unwrap_err();
        assert!(error.is_login_refused(), "{error}");
    }
}
