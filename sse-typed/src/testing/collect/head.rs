//! The head of a response.

use std::fmt::Write;

use http::{
    StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
    response,
};

use super::{Collect, source::Source};

impl<E> Collect<E> {
    /// Status and headers of the response. For a client's [source](Self::source), those of the last connection that an expectation
    /// has taken. `None` without a response.
    #[must_use]
    pub const fn head(&self) -> Option<&response::Parts> {
        self.head.as_ref()
    }

    /// Checks the status of the response.
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_typed::{RawEvent, Sse, testing::Collect};
    ///
    /// let events = Collect::sse(Sse::new(stream::iter([RawEvent::new("tick", "1")])));
    /// events.expect_status(200).expect_header("content-type", "text/event-stream");
    ///
    /// Collect::sse(Sse::<stream::Empty<RawEvent>>::stop()).expect_status(204);
    /// ```
    ///
    /// # Panics
    ///
    /// When the status differs, or there is no response.
    #[track_caller]
    pub fn expect_status(&self, status: u16) -> &Self {
        let head = self.some_head();
        assert!(head.status.as_u16() == status, "expected status {status}\n{}", shown(head));
        self
    }

    /// Checks a header of the response: that this is one of its values.
    ///
    /// # Panics
    ///
    /// When the response has no such header, or there is no response.
    #[track_caller]
    pub fn expect_header(&self, name: &str, value: &str) -> &Self {
        let head = self.some_head();
        let mut values = head.headers.get_all(name).iter();
        assert!(values.any(|other| other == value), "expected header {name}: {value}\n{}", shown(head));
        self
    }

    #[track_caller]
    fn some_head(&self) -> &response::Parts {
        match &self.head {
            Some(head) => head,
            None => panic!("there is no response: expect_open() takes the one of a client"),
        }
    }

    /// Why no events are to be expected of the response.
    pub(super) fn head_without_events(&self) -> Option<String> {
        let head = self.head.as_ref()?;
        if head.status == StatusCode::NO_CONTENT {
            return None;
        }
        let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        let is_stream = head.status == StatusCode::OK && media_type.trim().eq_ignore_ascii_case("text/event-stream");
        let which = self.asked.as_ref().map_or_else(String::new, |asked| format!(" to {asked}"));
        if !is_stream {
            return Some(format!("the response{which} is no event stream\n{}", shown(head)));
        }
        let codings = head.headers.get_all(CONTENT_ENCODING).iter();
        let coding = codings
            .map(|coding| String::from_utf8_lossy(coding.as_bytes()))
            .find(|coding| !coding.trim().eq_ignore_ascii_case("identity"))?;
        // The bodies of a client's responses are decoded by the client.
        matches!(self.source, Source::Wire(_)).then(|| {
            let reason = format!("the body is in the content coding {coding}, which a `Collect` does not decode");
            format!("{reason}\n{}", shown(head))
        })
    }
}

fn shown(head: &response::Parts) -> String {
    let mut text = format!("received {}\n", head.status);
    for (name, value) in &head.headers {
        let _ = writeln!(text, "  {name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text.truncate(text.trim_end().len());
    text
}
