use std::{error::Error, fmt};

#[cfg(feature = "file")]
use super::FileStore;
#[cfg(feature = "redis")]
use super::redis::RedisStore;
use crate::hub::{AnyStore, LogOptions, MemoryStore};
#[cfg(feature = "runs")]
use crate::runs::AnyRunStore;

#[cfg(any(feature = "file", feature = "redis"))]
type BoxError = Box<dyn Error + Send + Sync>;

/// The schemes whose store is not part of this build, with the cargo feature that adds it.
const MISSING: &[(&str, &str)] = &[
    #[cfg(not(feature = "file"))]
    ("file", "file"),
    #[cfg(not(feature = "redis"))]
    ("redis", "redis"),
    #[cfg(not(feature = "redis"))]
    ("rediss", "redis"),
];

/// The schemes of this build.
const SCHEMES: &[&str] = &[
    "memory:",
    #[cfg(feature = "file")]
    "file:",
    #[cfg(feature = "redis")]
    "redis:",
    #[cfg(feature = "redis")]
    "rediss:",
];

impl AnyStore {
    /// Opens the store that a URL names, with the default [`LogOptions`].
    ///
    /// | URL | store |
    /// |---|---|
    /// | `memory:` | [`MemoryStore`]: a new one for each call |
    /// | `file:PATH` | `FileStore` in the folder at this path |
    /// | `redis://[<user>][:<password>@]<host>[:<port>][/<database>]` | `RedisStore`; `rediss://` for TLS |
    ///
    /// The path of a file store is absolute (`file:/var/lib/rides`) or relative (`file:rides`), and is used as it is, without
    /// percent-decoding. The folder is opened on a blocking thread of the Tokio runtime, or on the caller's thread where there is
    /// no runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sse_typed::hub::{AnyStore, EventStore};
    ///
    /// let url = std::env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
    /// let store = AnyStore::open(&url).await?;
    /// let log = store.log("rides/7");
    /// # drop(log);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OpenStoreError`] if the URL names no store of this build, or the store cannot be opened.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, an opening that has begun goes on in the background, and the store is closed at once.
    pub async fn open(url: &str) -> Result<Self, OpenStoreError> {
        Self::open_with(url, LogOptions::default()).await
    }

    /// [`open`](Self::open) with options for the logs of the store.
    ///
    /// # Errors
    ///
    /// The [errors](OpenStoreError) of [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As that of [`open`](Self::open).
    pub async fn open_with(url: &str, options: LogOptions) -> Result<Self, OpenStoreError> {
        Ok(match Opened::open(url, options).await? {
            Opened::Memory(store) => Self::new(store),
            #[cfg(feature = "file")]
            Opened::File(store) => Self::new(store),
            #[cfg(feature = "redis")]
            Opened::Redis(store) => Self::new(store),
        })
    }
}

#[cfg(feature = "runs")]
#[cfg_attr(docsrs, doc(cfg(feature = "runs")))]
impl AnyRunStore {
    /// Opens the store of runs that a URL names, with the default [`LogOptions`]. The URLs are those of [`AnyStore::open`]: all of
    /// these stores keep runs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sse_typed::runs::{AnyRunStore, RunStore};
    ///
    /// let url = std::env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
    /// let store = AnyRunStore::open(&url).await?;
    /// assert!(store.find("answers/7").await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`AnyStore::open`].
    ///
    /// # Cancel safety
    ///
    /// As that of [`AnyStore::open`].
    pub async fn open(url: &str) -> Result<Self, OpenStoreError> {
        Self::open_with(url, LogOptions::default()).await
    }

    /// [`open`](Self::open) with options for the logs of the store. The logs of runs have options of their own.
    ///
    /// # Errors
    ///
    /// The [errors](OpenStoreError) of [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As that of [`open`](Self::open).
    pub async fn open_with(url: &str, options: LogOptions) -> Result<Self, OpenStoreError> {
        Ok(match Opened::open(url, options).await? {
            Opened::Memory(store) => Self::new(store),
            #[cfg(feature = "file")]
            Opened::File(store) => Self::new(store),
            #[cfg(feature = "redis")]
            Opened::Redis(store) => Self::new(store),
        })
    }
}

/// A store that was opened by a URL.
enum Opened {
    Memory(MemoryStore),
    #[cfg(feature = "file")]
    File(FileStore),
    #[cfg(feature = "redis")]
    Redis(RedisStore),
}

impl Opened {
    #[cfg_attr(
        not(any(feature = "file", feature = "redis")),
        expect(clippy::unused_async, reason = "stores elsewhere are connected to")
    )]
    async fn open(url: &str, options: LogOptions) -> Result<Self, OpenStoreError> {
        let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
            return Err(OpenStoreError(OpenErrorKind::NoScheme));
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory(MemoryStore::new(options))),
            "memory" => Err(OpenStoreError(OpenErrorKind::InvalidUrl("`memory:` has nothing behind the colon"))),
            #[cfg(feature = "file")]
            "file" if rest.is_empty() => Err(OpenStoreError(OpenErrorKind::InvalidUrl("`file:` needs a path"))),
            #[cfg(feature = "file")]
            "file" => match open_file(rest.to_owned(), options).await {
                Ok(store) => Ok(Self::File(store)),
                Err(error) => Err(OpenStoreError(OpenErrorKind::Failed(error))),
            },
            #[cfg(feature = "redis")]
            "redis" | "rediss" => match RedisStore::builder(url).options(options).connect().await {
                Ok(store) => Ok(Self::Redis(store)),
                Err(error) if error.is_invalid_settings() => {
                    Err(OpenStoreError(OpenErrorKind::InvalidUrl("it names no Redis server")))
                }
                Err(error) => Err(OpenStoreError(OpenErrorKind::Failed(Box::new(error)))),
            },
            _ => Err(OpenStoreError(match MISSING.iter().find(|(missing, _)| *missing == scheme) {
                Some((_, feature)) => OpenErrorKind::MissingFeature { scheme: scheme.to_owned(), feature },
                None => OpenErrorKind::UnknownScheme(scheme.to_owned()),
            })),
        }
    }
}

/// Whether a text may be a scheme. Other text before the first colon may be a password, which an error must not show.
fn is_scheme(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.len() <= 16 && text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_inner)
}

/// Opening a folder blocks.
#[cfg(feature = "file")]
async fn open_file(path: String, options: LogOptions) -> Result<FileStore, BoxError> {
    let open = move || FileStore::builder().options(options).open(path);
    Ok(match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(open).await??,
        Err(_) => open()?,
    })
}

/// Why no store was opened. The [source](Error::source) is the error of the store.
#[derive(Debug)]
pub struct OpenStoreError(OpenErrorKind);

#[derive(Debug)]
enum OpenErrorKind {
    NoScheme,
    InvalidUrl(&'static str),
    UnknownScheme(String),
    MissingFeature {
        scheme: String,
        feature: &'static str,
    },
    #[cfg(any(feature = "file", feature = "redis"))]
    Failed(BoxError),
}

impl OpenStoreError {
    /// The text is no URL of a store.
    #[must_use]
    pub const fn is_invalid_url(&self) -> bool {
        matches!(self.0, OpenErrorKind::NoScheme | OpenErrorKind::InvalidUrl(_))
    }

    /// There is no store with this scheme.
    #[must_use]
    pub const fn is_unknown_scheme(&self) -> bool {
        matches!(self.0, OpenErrorKind::UnknownScheme(_))
    }

    /// The store needs a cargo feature that is not enabled.
    #[must_use]
    pub const fn is_missing_feature(&self) -> bool {
        matches!(self.0, OpenErrorKind::MissingFeature { .. })
    }
}

/// It shows the scheme and nothing else of the URL, which may have a password in it.
impl fmt::Display for OpenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            OpenErrorKind::NoScheme => {
                write!(f, "the URL of a store begins with its scheme, which is one of {}", SCHEMES.join(", "))
            }
            OpenErrorKind::InvalidUrl(fault) => write!(f, "invalid URL of a store: {fault}"),
            OpenErrorKind::UnknownScheme(scheme) => {
                let known = SCHEMES.join(", ");
                write!(f, "no store has the scheme `{}:`; this build has {known}", scheme.escape_debug())
            }
            OpenErrorKind::MissingFeature { scheme, feature } => {
                write!(
                    f,
                    "a store at `{scheme}:` needs the cargo feature `{feature}` of sse-typed, which is not enabled"
                )
            }
            #[cfg(any(feature = "file", feature = "redis"))]
            OpenErrorKind::Failed(_) => f.write_str("the store cannot be opened"),
        }
    }
}

impl Error for OpenStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            #[cfg(any(feature = "file", feature = "redis"))]
            OpenErrorKind::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::EventStore;

    #[tokio::test]
    async fn a_url_chooses_the_store() {
        let store = AnyStore::open("memory:").await.unwrap();
        assert!(store.health().is_up());
        // The method of the trait is not hidden by the function of the same name.
        drop(store.open("rides", &LogOptions::new()));
    }

    #[cfg(feature = "runs")]
    #[tokio::test]
    async fn a_url_chooses_the_store_of_runs() {
        use crate::runs::RunStore;

        let store = AnyRunStore::open("memory:").await.unwrap();
        assert!(store.health().is_up());
        assert_eq!(store.find("key").await.unwrap(), None);
        let error = AnyRunStore::open("mongo:x").await.unwrap_err();
        assert!(error.is_unknown_scheme(), "{error}");
        #[cfg(feature = "redis")]
        {
            // Nothing listens on this port.
            let error = AnyRunStore::open("redis://user:secret@127.0.0.1:1").await.unwrap_err();
            assert_eq!(error.source().unwrap().to_string(), "Redis cannot be reached");
        }
        #[cfg(feature = "file")]
        {
            let path = std::env::temp_dir().join(format!("sse-typed-open-runs-{}", std::process::id()));
            let store = AnyRunStore::open(&format!("file:{}", path.display())).await.unwrap();
            assert_eq!(store.find("key").await.unwrap(), None);
            drop(store);
            std::fs::remove_dir_all(path).unwrap();
        }
    }

    #[tokio::test]
    async fn an_error_names_the_schemes_or_the_missing_feature_and_no_password() {
        #[cfg(not(feature = "redis"))]
        {
            let error = AnyStore::open("redis://user:secret@host").await.unwrap_err();
            assert!(error.is_missing_feature() && !error.to_string().contains("secret"), "{error}");
            assert!(error.to_string().contains("the cargo feature `redis`"), "{error}");
        }
        let error = AnyStore::open("mongo:x").await.unwrap_err();
        assert!(error.is_unknown_scheme() && error.to_string().contains("`mongo:`; this build has memory:"), "{error}");
        #[cfg(feature = "redis")]
        {
            // Nothing listens on this port.
            let error = AnyStore::open("redis://user:secret@127.0.0.1:1").await.unwrap_err();
            assert_eq!(error.to_string(), "the store cannot be opened");
            assert_eq!(error.source().unwrap().to_string(), "Redis cannot be reached");
            assert!(!format!("{error:?}").contains("secret"));
            assert!(AnyStore::open("redis://host/x").await.unwrap_err().is_invalid_url());
        }
        for url in ["", "memory", "/rides", "memory:x"] {
            assert!(AnyStore::open(url).await.unwrap_err().is_invalid_url(), "{url}");
        }
    }

    #[cfg(not(feature = "file"))]
    #[tokio::test]
    async fn a_file_store_needs_its_feature() {
        let error = AnyStore::open("file:rides").await.unwrap_err();
        assert!(error.is_missing_feature() && error.to_string().contains("`file`"), "{error}");
    }

    #[cfg(feature = "file")]
    mod file {
        use std::{env, fs, path::PathBuf, process};

        use super::super::*;
        use crate::{
            hub::{Block, EventLog, EventStore},
            stores::FileStoreError,
        };

        /// A path of the test's own.
        fn path(test: &str) -> PathBuf {
            env::temp_dir().join(format!("sse-typed-open-{test}-{}", process::id()))
        }

        #[tokio::test]
        async fn absolute_and_relative_paths_open_the_folder() {
            let path = path("paths");
            let up = "../".repeat(env::current_dir().unwrap().components().count() - 1);
            let relative = format!("{up}{}", path.strip_prefix("/").unwrap().display());
            let mut ids = Vec::new();
            for url in [format!("file:{}", path.display()), format!("file:{relative}")] {
                let store = AnyStore::open(&url).await.unwrap();
                assert!(store.health().is_up());
                let log = store.log("rides");
                ids.push(log.head().await.unwrap());
                ids.push(log.append(&Block::new("data: 1\n\n", false).unwrap()).await.unwrap());
            }
            assert_eq!(ids[1], ids[2], "both are the same folder");
            fs::remove_dir_all(path).unwrap();
        }

        #[test]
        fn a_folder_is_opened_without_a_runtime() {
            let path = path("runtime");
            let url = format!("file:{}", path.display());
            let store = tokio_test::task::spawn(AnyStore::open(&url)).poll();
            assert!(matches!(store, std::task::Poll::Ready(Ok(_))), "{store:?}");
            drop(store);
            fs::remove_dir_all(path).unwrap();
        }

        #[tokio::test]
        async fn an_url_without_a_path_is_invalid() {
            let error = AnyStore::open("file:").await.unwrap_err();
            assert!(error.is_invalid_url(), "{error}");
            assert_eq!(error.to_string(), "invalid URL of a store: `file:` needs a path");
        }

        #[tokio::test]
        async fn the_error_of_a_store_is_the_source() {
            let path = path("error");
            fs::write(&path, "").unwrap();
            let error = AnyStore::open(&format!("file:{}", path.display())).await.unwrap_err();
            assert!(!error.is_invalid_url() && !error.is_missing_feature() && !error.is_unknown_scheme());
            assert_eq!(error.to_string(), "the store cannot be opened");
            let source = error.source().and_then(|source| source.downcast_ref::<FileStoreError>()).unwrap();
            assert!(source.is_not_a_folder(), "{source}");
            fs::remove_file(path).unwrap();
        }
    }

    #[tokio::test]
    async fn an_error_does_not_show_text_before_the_colon_that_is_no_scheme() {
        let long = format!("{}:6379", "secret".repeat(10));
        let urls = [
            "secret@host:6379",
            "//secret:secret@host",
            "redis//secret:secret@host",
            ":secret@host",
            " secret:x",
            "s\u{202e}ecret:x",
            "4secret:x",
            "secret\n:x",
            "secret%40host:x",
            &long,
        ];
        for url in urls {
            let error = AnyStore::open(url).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("ecret"), "{url}: {error}");
            assert!(error.is_invalid_url(), "{url}");
        }
    }
}
