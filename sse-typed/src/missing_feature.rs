//! Stands in for functions whose cargo feature is off, so that a call is a compile error that names the feature.
//!
//! For an item that is compiled out rustc names the feature by itself. Of a function in an `impl` it only says that there is none.
//! Each trait here is implemented for nothing. The bound on it has a lifetime that it does not use, because rustc would refuse the
//! function itself otherwise: with the lifetime it checks the bound at each call.

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
