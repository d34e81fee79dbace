use std::{error::Error, fmt};

#[cfg(feature = "redis")]
use super::redis::RedisStore;
use crate::hub::{AnyStore, LogOptions, MemoryStore};

/// The schemes whose store is not part of this build, with the cargo feature that adds it.
const MISSING: &[(&str, &str)] = &[
    ("file", "file"),
    #[cfg(not(feature = "redis"))]
    ("redis", "redis"),
    #[cfg(not(feature = "redis"))]
    ("rediss", "redis"),
];

/// The schemes of this build.
const SCHEMES: &[&str] = &[
    "memory:",
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
    /// | `redis://[<user>][:<password>@]<host>[:<port>][/<database>]` | `RedisStore`; `rediss://` for TLS |
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
    /// Dropping the future opens nothing.
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
    /// Dropping the future opens nothing.
    #[cfg_attr(not(feature = "redis"), expect(clippy::unused_async, reason = "stores elsewhere are connected to"))]
    pub async fn open_with(url: &str, options: LogOptions) -> Result<Self, OpenStoreError> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(OpenStoreError(OpenErrorKind::NoScheme));
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::new(MemoryStore::new(options))),
            "memory" => Err(OpenStoreError(OpenErrorKind::InvalidUrl("`memory:` has nothing behind the colon"))),
            #[cfg(feature = "redis")]
            "redis" | "rediss" => match RedisStore::builder(url).options(options).connect().await {
                Ok(store) => Ok(Self::new(store)),
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

/// Why no store was opened.
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
    #[cfg(feature = "redis")]
    Failed(Box<dyn Error + Send + Sync>),
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
            #[cfg(feature = "redis")]
            OpenErrorKind::Failed(_) => f.write_str("the store cannot be opened"),
        }
    }
}

impl Error for OpenStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            #[cfg(feature = "redis")]
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
        for url in ["", "memory", "/tmp/x", "memory:x"] {
            assert!(AnyStore::open(url).await.unwrap_err().is_invalid_url(), "{url}");
        }
    }
}
