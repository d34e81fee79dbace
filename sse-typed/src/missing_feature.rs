//! Replaces functions whose cargo feature is off, so that calling one is a compile error that names the feature.
//!
//! If an item is compiled out, rustc names its feature. If a function in an `impl` is compiled out, rustc only says that there
//! is none. So each function here has a bound on a trait that no type implements. The bound has an unused lifetime: without it
//! rustc would reject the function itself, with it rustc checks the bound at each call.

#[cfg(all(feature = "client", not(feature = "hyper-client")))]
pub(crate) mod hyper_client {
    use crate::client::Client;

    #[diagnostic::on_unimplemented(
        message = "`Client::hyper` needs the feature `hyper-client` of `sse-typed`",
        label = "the feature `hyper-client` is not enabled",
        note = "enable it in `Cargo.toml`: `features = [\"hyper-client\"]`, or `\"tls\"` for `https` URLs, too"
    )]
    #[expect(unnameable_types, reason = "it exists for its compile error")]
    pub trait HyperClientFeature {
        fn client() -> Client;
    }

    impl Client {
        #[doc(hidden)]
        #[must_use]
        pub fn hyper() -> Self
        where
            for<'a> (): HyperClientFeature,
        {
            <() as HyperClientFeature>::client()
        }
    }
}

#[cfg(all(feature = "client", not(feature = "reqwest")))]
pub(crate) mod reqwest {
    use crate::client::Client;

    #[diagnostic::on_unimplemented(
        message = "`Client::reqwest` needs the feature `reqwest` of `sse-typed`",
        label = "the feature `reqwest` is not enabled",
        note = "enable it in `Cargo.toml`: `features = [\"reqwest\"]`"
    )]
    #[expect(unnameable_types, reason = "it exists for its compile error")]
    pub trait ReqwestFeature {
        fn client<C>(client: C) -> Client;
    }

    impl Client {
        #[doc(hidden)]
        #[must_use]
        pub fn reqwest<C>(client: C) -> Self
        where
            for<'a> (): ReqwestFeature,
        {
            <() as ReqwestFeature>::client(client)
        }
    }
}

#[cfg(not(feature = "server"))]
pub(crate) mod server {
    use crate::event::LastEventId;

    #[diagnostic::on_unimplemented(
        message = "`LastEventId::of` needs the feature `server` of `sse-typed`",
        label = "the feature `server` is not enabled",
        note = "enable it in `Cargo.toml`: `features = [\"server\"]`, or `\"axum\"` to take a `LastEventId` in an axum handler, too"
    )]
    #[expect(unnameable_types, reason = "it exists for its compile error")]
    pub trait ServerFeature {
        fn last_event_id<R>(request: &R) -> LastEventId;
    }

    impl LastEventId {
        #[doc(hidden)]
        #[must_use]
        pub fn of<R>(request: &R) -> Self
        where
            for<'a> (): ServerFeature,
        {
            <() as ServerFeature>::last_event_id(request)
        }
    }
}
