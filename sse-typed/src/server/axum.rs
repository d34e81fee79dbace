//! axum support: handlers return an [`Sse`] and extract a [`LastEventId`].

use std::convert::Infallible;

use ::axum::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;

use super::{Events, Sse};
use crate::event::LastEventId;

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<St> IntoResponse for Sse<St>
where
    St: Events + Send + 'static,
{
    fn into_response(self) -> Response {
        Response::from(self).map(Body::new)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of_head(&parts.uri, &parts.headers, &parts.extensions))
    }
}
