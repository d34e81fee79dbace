use std::{fmt, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use tokio::runtime::Handle;

use super::{
    connect::Target,
    error::{Kind, RedisError},
    store::RedisStore,
};
use crate::{hub::LogOptions, wake::runtime_with_timer};

/// Settings of a [`RedisStore`], from [`RedisStore::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use sse_typed::{
///     hub::{LogOptions, Retention},
///     stores::RedisStore,
/// };
///
/// # async fn connect() -> Result<(), sse_typed::stores::RedisError> {
/// let store = RedisStore::builder("rediss://redis.example")
///     .user("rides")
///     .password("secret")
///     .key_prefix("rides:")
///     .options(LogOptions::new().retain(Retention::events(10_000)))
///     .response_timeout(Duration::from_secs(1))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "settings do nothing until `connect` is called"]
pub struct RedisStoreBuilder {
    url: String,
    user: Option<String>,
    password: Option<String>,
    database: Option<u16>,
    prefix: String,
    options: LogOptions,
    connect_timeout: Duration,
    response_timeout: Duration,
    roots: Option<Vec<u8>>,
}

/// How long a key prefix may be, in bytes.
const LONGEST_PREFIX: usize = 256;

impl RedisStoreBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            user: None,
            password: None,
            database: None,
            prefix: "sse:".to_owned(),
            options: LogOptions::new(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(2),
            roots: None,
        }
    }

    /// The user, instead of the one in the URL.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The password, instead of the one in the URL.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The number of the database, instead of the one in the URL. The default is 0.
    pub fn database(mut self, number: u16) -> Self {
        self.database = Some(number);
        self
    }

    /// The prefix of all keys and channels in the server, up to 256 bytes without NUL. The default is `sse:`.
    ///
    /// Stores with different prefixes do not see each other's events.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The options of logs that are opened without options of their own.
    pub fn options(mut self, options: LogOptions) -> Self {
        self.options = options;
        self
    }

    /// How long it may take to connect and log in. The default is 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may take to reply. The default is 2 s.
    ///
    /// After this time an append is [`Unknown`](crate::hub::AppendError::Unknown), and the store connects anew.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// The only certificates that are trusted to sign the server's, in PEM. The default are those of the platform.
    ///
    /// They count for `rediss://` URLs.
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Those of [`RedisStore::connect`], or if a setting is invalid.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes its connections.
    pub async fn connect(self) -> Result<RedisStore, RedisError> {
        let (target, options, runtime) = self.target()?;
        let connected = tokio::try_join!(target.connect_commands(), target.connect_notifications())?;
        Ok(RedisStore::start(target, options, runtime, Ok(connected)))
    }

    /// Makes the store, and connects in the background, for as long as it takes.
    ///
    /// # Errors
    ///
    /// Those of [`RedisStore::connect_lazy`], or if a setting is invalid.
    pub fn connect_lazy(self) -> Result<RedisStore, RedisError> {
        let (target, options, runtime) = self.target()?;
        let not_yet = RedisError::new(Kind::Unreachable, "the store has not connected yet");
        Ok(RedisStore::start(target, options, runtime, Err(not_yet)))
    }

    fn target(self) -> Result<(Target, LogOptions, Handle), RedisError> {
        let invalid = |fault: &str| RedisError::from(Kind::InvalidSettings(fault.to_owned()));
        let runtime = runtime_with_timer().ok_or_else(|| invalid("there is no Tokio runtime with its timer"))?;
        if self.prefix.len() > LONGEST_PREFIX || self.prefix.contains('\0') {
            return Err(invalid("the key prefix has a NUL or over 256 bytes"));
        }
        let (address, mut login) = Target::parse(&self.url, || tls_config(self.roots.as_deref()).map(Arc::new))?;
        if let Some(user) = self.user {
            login = login.set_username(user);
        }
        if let Some(password) = self.password {
            login = login.set_password(password);
        }
        if let Some(database) = self.database {
            login = login.set_db(database.into());
        }
        let target = Target {
            address,
            login,
            prefix: self.prefix,
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
        };
        Ok((target, self.options, runtime))
    }
}

fn tls_config(roots: Option<&[u8]>) -> Result<ClientConfig, RedisError> {
    let invalid = |fault: String| RedisError::from(Kind::InvalidSettings(fault));
    // Named, because rustls' own choice panics in a program whose dependencies enable a second provider.
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(error.to_string()))?;
    let config = match roots {
        Some(pem) => {
            let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
                .collect::<Result<_, _>>()
                .map_err(|_| invalid("the PEM of the root certificates is malformed".to_owned()))?;
            let mut roots = RootCertStore::empty();
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(invalid("there is no certificate in the PEM of the root certificates".to_owned()));
            }
            config.with_root_certificates(roots)
        }
        None => {
            let verifier = Verifier::new(provider)
                .map_err(|error| invalid(format!("the platform's root certificates cannot be read: {error}")))?;
            config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    Ok(config.with_no_client_auth())
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the URL and the password.
        f.debug_struct("RedisStoreBuilder")
            .field("user", &self.user)
            .field("database", &self.database)
            .field("key_prefix", &self.prefix)
            .field("options", &self.options)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_prefix_is_at_most_256_bytes_without_nul() {
        let target = |prefix: &str| RedisStoreBuilder::new("redis://127.0.0.1").key_prefix(prefix).target();
        assert!(target("").is_ok() && target(&"p".repeat(256)).is_ok());
        for invalid in ["p".repeat(257), "p\0".to_owned()] {
            assert!(target(&invalid).is_err_and(|error| error.is_invalid_settings()), "{invalid:?}");
        }
    }
}
