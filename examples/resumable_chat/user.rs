//! The user of a request: a cookie, in place of the session of a real server.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{
        HeaderName, StatusCode,
        header::{COOKIE, SET_COOKIE},
        request::Parts,
    },
};
use sse_typed::runs::RunId;

const COOKIE_NAME: &str = "chat_user";

/// A user. Whoever has the cookie reads its answers, so it is a secret that nobody can guess.
#[derive(Clone, Debug)]
pub(crate) struct User(String);

impl User {
    pub(crate) fn new() -> Self {
        Self(format!("{}{}", RunId::random(), RunId::random()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The header that makes the browser send this user. Ports do not separate cookies, so the peer gets it, too.
    pub(crate) fn to_cookie(&self) -> [(HeaderName, String); 1] {
        [(SET_COOKIE, format!("{COOKIE_NAME}={}; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict", self.0))]
    }

    fn of(parts: &Parts) -> Option<Self> {
        let cookies = parts.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, user) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
        let is_user = user.len() == 32 && user.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_user.then(|| Self(user.to_owned()))
    }
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(parts).ok_or((StatusCode::UNAUTHORIZED, "the request has no cookie of a user: open the page first\n"))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for User {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(Self::of(parts))
    }
}
