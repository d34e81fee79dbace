use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why a [`FileStore`](super::FileStore) was not opened, or a call on it or on one of its logs failed.
#[derive(Clone)]
pub struct FileStoreError(Arc<Kind>);

pub(super) enum Kind {
    AlreadyOpen(PathBuf),
    NotAFolder(PathBuf),
    NewerFormat { found: u64, known: u64 },
    Corrupt(String),
    Io { what: String, error: io::Error },
    InvalidKey(&'static str),
    SecondWriter,
    Closed,
    Unavailable(FileStoreError),
    Stopped(FileStoreError),
}

impl FileStoreError {
    /// The folder is open already, in this process or in another.
    #[must_use]
    pub fn is_already_open(&self) -> bool {
        matches!(*self.0, Kind::AlreadyOpen(_))
    }

    /// The path is not that of a folder.
    #[must_use]
    pub fn is_not_a_folder(&self) -> bool {
        matches!(*self.0, Kind::NotAFolder(_))
    }

    /// This process may not read and write in the folder.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::PermissionDenied)
    }

    /// The disk, or the quota on it, is full. As the cause of [`is_unavailable`](Self::is_unavailable) it counts as well.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match &*self.0 {
            Kind::Unavailable(cause) => cause.is_disk_full(),
            _ => matches!(
                self.io_kind(),
                Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
            ),
        }
    }

    /// The folder was written by a newer version of this crate, in a format that this version does not know.
    #[must_use]
    pub fn is_newer_format(&self) -> bool {
        matches!(*self.0, Kind::NewerFormat { .. })
    }

    /// The files in the folder are damaged, or are not those of a store.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        matches!(*self.0, Kind::Corrupt(_))
    }

    /// The key of the log is invalid. A key has 1 to 512 bytes and no NUL.
    #[must_use]
    pub fn is_invalid_key(&self) -> bool {
        matches!(*self.0, Kind::InvalidKey(_))
    }

    /// Another log has appended to the key, or it was removed, and the log was opened as the
    /// [sole writer](crate::hub::LogOptions::sole_writer). The log of a run that was removed fails so in any case.
    #[must_use]
    pub fn is_second_writer(&self) -> bool {
        matches!(*self.0, Kind::SecondWriter)
    }

    /// The store was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.0, Kind::Closed)
    }

    /// An earlier I/O error is the [source](Error::source). The store tries to recover by itself; see its
    /// [`health`](crate::hub::EventStore::health).
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(*self.0, Kind::Unavailable(_))
    }

    /// A sync failed: see the [source](Error::source). The store does nothing more until it is opened again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(*self.0, Kind::Stopped(_))
    }

    /// Whether the engine must be opened again after this error. That does not repair damage, and the other errors are those of
    /// a store that has already failed.
    pub(super) fn breaks_engine(&self) -> bool {
        matches!(*self.0, Kind::Io { .. })
    }

    fn io_kind(&self) -> Option<io::ErrorKind> {
        match &*self.0 {
            Kind::Io { error, .. } => Some(error.kind()),
            _ => None,
        }
    }

    pub(super) fn io(what: impl Into<String>, error: io::Error) -> Self {
        Kind::Io { what: what.into(), error }.into()
    }

    /// For `map_err`.
    pub(super) fn at(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::io(format!("cannot {verb} `{}`", path.display()), error)
    }

    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Kind::Corrupt(what.into()).into()
    }

    pub(super) fn closed() -> Self {
        Kind::Closed.into()
    }

    /// The error of later calls, with this one as its source.
    pub(super) fn unavailable(self) -> Self {
        match *self.0 {
            Kind::Unavailable(_) => self,
            _ => Kind::Unavailable(self).into(),
        }
    }

    pub(super) fn stopped(self) -> Self {
        match *self.0 {
            Kind::Stopped(_) => self,
            _ => Kind::Stopped(self).into(),
        }
    }
}

impl From<Kind> for FileStoreError {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }
}

/// An error of the engine.
///
/// An `impl From<redb::Error>` would make the engine's types part of the public API. A private trait keeps them out of it.
trait EngineError: Into<redb::Error> {}

macro_rules! engine_errors {
    ($($error:ident),*) => { $(impl EngineError for redb::$error {})* };
}

engine_errors!(Error, CommitError, DatabaseError, StorageError, TableError, TransactionError);

#[doc(hidden)]
impl<E: EngineError> From<E> for FileStoreError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Self::corrupt(error.to_string())
            }
            redb::Error::Io(error) => Self::io("cannot read or write the history", error),
            error @ (redb::Error::UpgradeRequired(_)
            | redb::Error::Corrupted(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }) => Self::corrupt(error.to_string()),
            error => Self::io("cannot use the history", io::Error::other(error.to_string())),
        }
    }
}

impl fmt::Display for FileStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::AlreadyOpen(path) => {
                write!(f, "the store in `{}` is already open, in this process or in another", path.display())
            }
            Kind::NotAFolder(path) => write!(f, "`{}` is not a folder", path.display()),
            Kind::NewerFormat { found, known } => write!(
                f,
                "the store has format {found}, and this version of sse-typed reads formats up to {known}: use a newer one"
            ),
            Kind::Corrupt(what) => write!(f, "the store is damaged: {what}"),
            Kind::Io { what, .. } => f.write_str(what),
            Kind::InvalidKey(fault) => write!(f, "invalid key of a log: {fault}"),
            Kind::SecondWriter => f.write_str("another writer has changed a key that has a sole writer"),
            Kind::Closed => f.write_str("the store is closed"),
            Kind::Unavailable(_) => f.write_str("the store is not available at the moment"),
            Kind::Stopped(_) => f.write_str("the store has stopped: a sync failed"),
        }
    }
}

impl fmt::Debug for FileStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("FileStoreError");
        debug.field(&self.to_string());
        if let Some(source) = self.source() {
            debug.field(&source);
        }
        debug.finish()
    }
}

impl Error for FileStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Kind::Io { error, .. } => Some(error),
            Kind::Unavailable(cause) | Kind::Stopped(cause) => Some(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_about_an_error_is_answered_by_its_kinds_alone() {
        let io = |kind: io::ErrorKind| FileStoreError::io("cannot write", kind.into());
        let errors = [
            (Kind::AlreadyOpen(PathBuf::new()).into(), "open"),
            (Kind::NotAFolder(PathBuf::new()).into(), "folder"),
            (Kind::NewerFormat { found: 2, known: 1 }.into(), "newer"),
            (FileStoreError::corrupt("a page"), "corrupt"),
            (Kind::InvalidKey("").into(), "key"),
            (Kind::SecondWriter.into(), "writer"),
            (FileStoreError::closed(), "closed"),
            (io(io::ErrorKind::PermissionDenied), "permission breaks"),
            (io(io::ErrorKind::StorageFull), "full breaks"),
            (io(io::ErrorKind::QuotaExceeded), "full breaks"),
            (io(io::ErrorKind::FileTooLarge), "full breaks"),
            (io(io::ErrorKind::Other), "breaks"),
            (io(io::ErrorKind::StorageFull).unavailable(), "full unavailable"),
            (io(io::ErrorKind::Other).unavailable(), "unavailable"),
            (io(io::ErrorKind::Other).stopped(), "stopped"),
        ];
        for (error, expected) in errors {
            let error: FileStoreError = error;
            let answers = [
                (error.is_already_open(), "open"),
                (error.is_not_a_folder(), "folder"),
                (error.is_newer_format(), "newer"),
                (error.is_corrupt(), "corrupt"),
                (error.is_invalid_key(), "key"),
                (error.is_second_writer(), "writer"),
                (error.is_closed(), "closed"),
                (error.is_permission_denied(), "permission"),
                (error.is_disk_full(), "full"),
                (error.breaks_engine(), "breaks"),
                (error.is_unavailable(), "unavailable"),
                (error.is_stopped(), "stopped"),
            ];
            let yes: Vec<_> = answers.iter().filter(|(answer, _)| *answer).map(|(_, question)| *question).collect();
            assert_eq!(yes.join(" "), expected, "{error:?}");
        }
    }

    #[test]
    fn the_error_of_a_later_call_has_the_first_error_as_its_source() {
        let first = || FileStoreError::io("cannot sync", io::ErrorKind::StorageFull.into());
        let later = [first().unavailable().unavailable(), first().stopped().stopped()];
        for error in later {
            let source = error.source().and_then(|source| source.downcast_ref::<FileStoreError>());
            let source = source.unwrap();
            assert_eq!(source.to_string(), "cannot sync");
            assert!(source.source().is_some_and(|cause| cause.is::<io::Error>()));
            assert!(format!("{error:?}").contains("cannot sync"));
        }
        assert!(FileStoreError::closed().source().is_none());
    }
}
