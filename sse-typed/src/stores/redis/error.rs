use std::{error::Error, fmt, sync::Arc};

use redis::{ErrorKind, ServerErrorKind};

/// Why a call of a [`RedisStore`](super::RedisStore) failed.
///
/// It is cheap to clone.
#[derive(Clone)]
pub struct RedisError(Arc<Inner>);

struct Inner {
    kind: Kind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unreachable,
    TimedOut,
    LoginRefused,
    MissingRight(String),
    Unsupported(String),
    InvalidSettings(String),
    InvalidKey(&'static str),
    /// A record has this format.
    NewerFormat(String),
    OtherWriter(String),
    /// The record of a run, or its key.
    #[cfg_attr(not(feature = "runs"), expect(dead_code, reason = "there are no runs"))]
    DamagedRun(String),
    /// The run has no record.
    NoRun,
    WrongType,
    OutOfMemory,
    /// The server is a replica.
    Replica,
    /// The server has stopped to accept writes.
    ReadOnly,
    UnknownScript,
    FailedScript,
    Refused,
    UnexpectedReply,
}

impl RedisError {
    pub(super) fn new(kind: Kind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::new(Inner { kind, source: Some(source.into()) }))
    }

    /// The server cannot be reached, or the connection was lost. Calls succeed again once the store has reconnected.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self.0.kind, Kind::Unreachable | Kind::TimedOut)
    }

    /// The server did not reply within the [timeout](super::RedisStoreBuilder::response_timeout).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::TimedOut
    }

    /// The server refused the user or the password, or wants one.
    #[must_use]
    pub fn is_login_refused(&self) -> bool {
        self.0.kind == Kind::LoginRefused
    }

    /// The user may not run a command, or may not use the keys or channels of the store. The message names what is missing.
    #[must_use]
    pub fn is_missing_right(&self) -> bool {
        matches!(self.0.kind, Kind::MissingRight(_))
    }

    /// The server is one that the store cannot use: a cluster, a Sentinel, or too old.
    #[must_use]
    pub fn is_unsupported_server(&self) -> bool {
        matches!(self.0.kind, Kind::Unsupported(_))
    }

    /// The URL or another setting is invalid, or there is no Tokio runtime with its timer.
    #[must_use]
    pub fn is_invalid_settings(&self) -> bool {
        matches!(self.0.kind, Kind::InvalidSettings(_))
    }

    /// The key is none: see [`EventStore`](crate::hub::EventStore#keys).
    #[must_use]
    pub fn is_invalid_key(&self) -> bool {
        matches!(self.0.kind, Kind::InvalidKey(_))
    }

    /// A record of the key was written by a newer version of this crate, in a format that this version does not know. Neither reads
    /// nor appends get past it, so that no event is skipped.
    #[must_use]
    pub fn is_newer_format(&self) -> bool {
        matches!(self.0.kind, Kind::NewerFormat(_))
    }

    /// Another log has appended to a key that this log was opened for as its
    /// [sole writer](crate::hub::LogOptions::sole_writer). All further appends of this log fail.
    #[must_use]
    pub fn is_other_writer(&self) -> bool {
        matches!(self.0.kind, Kind::OtherWriter(_))
    }

    /// The record of a run has fields that no version of this crate writes. The message names it.
    #[cfg(feature = "runs")]
    #[cfg_attr(docsrs, doc(cfg(feature = "runs")))]
    #[must_use]
    pub fn is_damaged_run(&self) -> bool {
        matches!(self.0.kind, Kind::DamagedRun(_))
    }

    /// The log of a run was to be written, and the server has no record of this run: its time is over, or another run has
    /// replaced it, or the data was lost.
    #[cfg(feature = "runs")]
    #[cfg_attr(docsrs, doc(cfg(feature = "runs")))]
    #[must_use]
    pub fn is_missing_run(&self) -> bool {
        matches!(self.0.kind, Kind::NoRun)
    }

    /// The key holds a value of another type. It belongs to another program.
    #[must_use]
    pub fn is_wrong_type(&self) -> bool {
        self.0.kind == Kind::WrongType
    }

    /// The server has no memory left.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        self.0.kind == Kind::OutOfMemory
    }

    /// The server is a replica, or does not accept writes at present.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.0.kind, Kind::Replica | Kind::ReadOnly)
    }

    /// Whether the server has answered, so that a command with this error was not executed.
    pub(super) fn is_answer(&self) -> bool {
        !matches!(self.0.kind, Kind::Unreachable | Kind::TimedOut | Kind::UnexpectedReply)
    }

    pub(super) fn is_replica(&self) -> bool {
        self.0.kind == Kind::Replica
    }

    /// Whether a server that refused an append with this error may take it later.
    pub(super) fn may_pass(&self) -> bool {
        self.is_unreachable() || self.is_read_only() || self.is_out_of_memory()
    }

    /// Whether a call was refused because of a right that the user lacks for one of its keys. The server does not say which
    /// key. The error for a command names the command.
    pub(super) fn is_forbidden_key(&self) -> bool {
        matches!(&self.0.kind, Kind::MissingRight(text) if text.contains("key"))
    }

    /// Whether a script has failed, after it may have executed commands.
    pub(super) fn is_failed_script(&self) -> bool {
        self.0.kind == Kind::FailedScript
    }

    pub(super) fn is_unknown_script(&self) -> bool {
        self.0.kind == Kind::UnknownScript
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The tasks of the store have ended.
    pub(super) fn stopped() -> Self {
        Self::new(Kind::Unreachable, "the store was dropped, or its Tokio runtime has ended")
    }

    pub(super) fn timed_out() -> Self {
        Kind::TimedOut.into()
    }

    pub(super) fn unexpected(reply: impl Into<String>) -> Self {
        Self::new(Kind::UnexpectedReply, reply.into())
    }

    /// An error of the server by its text, which begins with a code.
    pub(super) fn of_server(text: &str) -> Self {
        let text = text.trim_start_matches('-');
        let code = text.split(' ').next().unwrap_or_default();
        Self::new(Kind::of_code(code, text), text.to_owned())
    }
}

impl Kind {
    fn of_code(code: &str, text: &str) -> Self {
        match code {
            "WRONGTYPE" => Self::WrongType,
            "OOM" => Self::OutOfMemory,
            "READONLY" => Self::Replica,
            "MISCONF" | "NOREPLICAS" => Self::ReadOnly,
            "NOAUTH" | "WRONGPASS" => Self::LoginRefused,
            "NOPERM" => Self::MissingRight(text.to_owned()),
            "NOSCRIPT" => Self::UnknownScript,
            // The error names the line of the script.
            "ERR" if text.contains("user_script:") => Self::FailedScript,
            _ => Self::Refused,
        }
    }
}

impl From<Kind> for RedisError {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(Inner { kind, source: None }))
    }
}

/// An error of the Redis client.
///
/// An `impl From<redis::RedisError>` would make the client's version part of the public API. A private trait keeps it out of it.
trait ClientError: Into<redis::RedisError> {}

impl ClientError for redis::RedisError {}

#[doc(hidden)]
impl<E: ClientError> From<E> for RedisError {
    fn from(error: E) -> Self {
        let error: redis::RedisError = error.into();
        let kind = match error.kind() {
            _ if error.is_timeout() => Kind::TimedOut,
            // A reply that was cut off is malformed.
            ErrorKind::Io | ErrorKind::Parse => Kind::Unreachable,
            ErrorKind::AuthenticationFailed => Kind::LoginRefused,
            ErrorKind::InvalidClientConfig => Kind::InvalidSettings(error.to_string()),
            ErrorKind::Server(ServerErrorKind::NoScript) => Kind::UnknownScript,
            ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Kind::MissingRight(error.detail().unwrap_or("the server does not say which").to_owned())
            }
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Kind::Replica,
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::CrossSlot | ServerErrorKind::ClusterDown) => {
                Kind::Unsupported("a Redis Cluster".to_owned())
            }
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Kind::of_code(error.code().unwrap_or_default(), error.detail().unwrap_or_default())
            }
            _ => Kind::UnexpectedReply,
        };
        Self::new(kind, error)
    }
}

impl From<std::io::Error> for RedisError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::Unreachable, error)
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Unreachable => f.write_str("Redis cannot be reached"),
            Kind::TimedOut => f.write_str("Redis did not reply in time"),
            Kind::LoginRefused => f.write_str("Redis refuses the user or the password"),
            Kind::MissingRight(right) => write!(f, "the Redis user lacks a right: {right}"),
            Kind::Unsupported(server) => write!(f, "the store cannot use this server: it is {server}"),
            Kind::InvalidSettings(fault) => write!(f, "invalid settings of a Redis store: {fault}"),
            Kind::InvalidKey(fault) => write!(f, "invalid key: {fault}"),
            Kind::NewerFormat(found) => {
                write!(f, "a record has format {found}, and this version of sse-typed reads format 1: use a newer one")
            }
            Kind::OtherWriter(position) => {
                write!(f, "another writer has appended to the key of a sole writer, up to {position}")
            }
            Kind::DamagedRun(record) => write!(f, "the record of a run is damaged: {record:?}"),
            Kind::NoRun => f.write_str("the server has no record of the run"),
            Kind::WrongType => f.write_str("the key holds a value of another program"),
            Kind::OutOfMemory => f.write_str("Redis has no memory left"),
            Kind::Replica => f.write_str("the Redis server is a replica"),
            Kind::ReadOnly => f.write_str("Redis does not accept writes"),
            Kind::UnknownScript => f.write_str("Redis does not know a script"),
            Kind::FailedScript => f.write_str("a script of the store failed in Redis"),
            Kind::Refused => f.write_str("Redis refuses a command"),
            Kind::UnexpectedReply => f.write_str("Redis sent an unexpected reply"),
        }
    }
}

impl fmt::Debug for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisError").field("kind", &self.0.kind).field("source", &self.0.source).finish()
    }
}

impl Error for RedisError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_about_an_error_is_answered_by_its_kinds_alone() {
        let kinds = [
            (Kind::Unreachable, "unreachable passing"),
            (Kind::TimedOut, "unreachable timeout passing"),
            (Kind::LoginRefused, "login"),
            (Kind::MissingRight("a command".into()), "right"),
            (Kind::MissingRight("a key".into()), "right key"),
            (Kind::Unsupported(String::new()), "unsupported"),
            (Kind::InvalidSettings(String::new()), "settings"),
            (Kind::InvalidKey(""), "invalid-key"),
            (Kind::NewerFormat(String::new()), "newer"),
            (Kind::OtherWriter(String::new()), "writer"),
            (Kind::WrongType, "type"),
            (Kind::OutOfMemory, "memory passing"),
            (Kind::Replica, "read-only replica passing"),
            (Kind::ReadOnly, "read-only passing"),
            (Kind::UnknownScript, "unknown-script"),
            (Kind::FailedScript, "failed-script"),
            (Kind::Refused, ""),
            (Kind::UnexpectedReply, ""),
        ];
        for (kind, expected) in kinds {
            let error = RedisError::from(kind);
            let answers = [
                (error.is_unreachable(), "unreachable"),
                (error.is_timeout(), "timeout"),
                (error.is_login_refused(), "login"),
                (error.is_missing_right(), "right"),
                (error.is_forbidden_key(), "key"),
                (error.is_unsupported_server(), "unsupported"),
                (error.is_invalid_settings(), "settings"),
                (error.is_invalid_key(), "invalid-key"),
                (error.is_newer_format(), "newer"),
                (error.is_other_writer(), "writer"),
                (error.is_wrong_type(), "type"),
                (error.is_out_of_memory(), "memory"),
                (error.is_read_only(), "read-only"),
                (error.is_replica(), "replica"),
                (error.may_pass(), "passing"),
                (error.is_unknown_script(), "unknown-script"),
                (error.is_failed_script(), "failed-script"),
            ];
            let yes: Vec<_> = answers.iter().filter(|(answer, _)| *answer).map(|(_, question)| *question).collect();
            assert_eq!(yes.join(" "), expected, "{error:?}");
        }
    }

    #[test]
    fn an_error_of_the_server_has_the_kind_of_its_code_and_its_text_as_the_source() {
        let right = "NOPERM this user has no permissions to run the 'eval' command";
        for (text, kind) in [
            ("WRONGTYPE Operation against a key", Kind::WrongType),
            ("OOM command not allowed", Kind::OutOfMemory),
            ("READONLY You can't write against a read only replica.", Kind::Replica),
            ("MISCONF Errors writing to the AOF file", Kind::ReadOnly),
            ("NOREPLICAS Not enough good replicas to write.", Kind::ReadOnly),
            ("NOAUTH Authentication required.", Kind::LoginRefused),
            ("WRONGPASS invalid username-password pair", Kind::LoginRefused),
            (right, Kind::MissingRight(right.to_owned())),
            ("NOSCRIPT No matching script.", Kind::UnknownScript),
            ("ERR unknown command", Kind::Refused),
        ] {
            let error = RedisError::of_server(&format!("-{text}"));
            assert_eq!(error.kind(), &kind);
            assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_missing_right_that_the_server_does_not_name_is_one() {
        let error = RedisError::from(redis::RedisError::from((ErrorKind::Server(ServerErrorKind::NoPerm), "refused")));
        assert!(error.is_missing_right());
        assert!(error.to_string().ends_with("the server does not say which"), "{error}");
    }

    #[cfg(feature = "runs")]
    #[test]
    fn an_error_of_a_run_says_whether_its_record_is_damaged_or_missing() {
        let damaged = RedisError::from(Kind::DamagedRun(String::new()));
        let missing = RedisError::from(Kind::NoRun);
        assert!(damaged.is_damaged_run() && !damaged.is_missing_run());
        assert!(missing.is_missing_run() && !missing.is_damaged_run());
    }

    #[test]
    fn a_script_that_fails_is_told_apart_from_a_command_that_is_refused() {
        for (text, is_failed_script) in [
            ("ERR user_script:12: attempt to index a nil value script: 5f, on @user_script:12.", true),
            (
                "ERR Error running script (call to f_5f): @user_script:12: user_script:12: attempt to index a nil value",
                true,
            ),
            ("ERR The stream has exhausted the last possible ID, unable to add more items", false),
            ("BUSY Redis is busy running a script.", false),
        ] {
            let reply = redis::parse_redis_value(format!("-{text}\r\n").as_bytes());
            let error = RedisError::from(reply.and_then(redis::Value::extract_error).unwrap_err());
            assert_eq!(error.is_failed_script(), is_failed_script, "{text}: {error:?}");
            assert_eq!(RedisError::of_server(text).is_failed_script(), is_failed_script, "{text}");
            assert!(error.is_answer());
        }
    }
}
