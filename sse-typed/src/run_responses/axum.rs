//! axum support: a handler returns a [`RunsError`] as its error.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};

use crate::runs::RunsError;

/// The response of [`to_response`](RunsError::to_response).
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for RunsError {
    fn into_response(self) -> Response {
        self.to_response::<Body>()
    }
}
