//! Names in user code and in generated code do not conflict.

use std::time::Duration;

use sse_typed::{EncodeEvent, SseEvent};

use super::{both_ways, wire};

/// Every name that generated code defines.
#[derive(Debug, PartialEq, SseEvent)]
enum Named {
    Id {
        #[sse(id)]
        event: u64,
        #[sse(retry)]
        data: Option<Duration>,
        serializer: u8,
    },
    #[sse(text)]
    Text {
        #[sse(id)]
        fields: u64,
        #[sse(retry)]
        received: Option<Duration>,
        event: String,
    },
    #[sse(text)]
    Type {
        #[sse(id)]
        event_type: Option<u64>,
        name: String,
    },
    #[sse(text)]
    Data { data: String },
    Json {
        event: u8,
        data: u8,
        fields: u8,
        received: u8,
        name: u8,
        event_type: u8,
        serializer: u8,
        deserializer: u8,
        decoded: u8,
        marker: u8,
        gap: u8,
    },
}

#[test]
fn a_field_may_have_any_name() {
    both_ways(&Named::Id { event: 1, data: None, serializer: 2 }, "id: 1\nevent: Id\ndata: {\"serializer\":2}\n\n");
    let text = Named::Text { fields: 1, received: Some(Duration::from_millis(5)), event: "x".to_owned() };
    both_ways(&text, "id: 1\nretry: 5\nevent: Text\ndata: x\n\n");
    both_ways(&Named::Type { event_type: Some(3), name: "x".to_owned() }, "id: 3\nevent: Type\ndata: x\n\n");
    both_ways(&Named::Data { data: "x".to_owned() }, "event: Data\ndata: x\n\n");
    let json = Named::Json {
        event: 0,
        data: 1,
        fields: 2,
        received: 3,
        name: 4,
        event_type: 5,
        serializer: 6,
        deserializer: 7,
        decoded: 8,
        marker: 9,
        gap: 10,
    };
    both_ways(
        &json,
        "event: Json\ndata: {\"event\":0,\"data\":1,\"fields\":2,\"received\":3,\"name\":4,\"event_type\":5,\
         \"serializer\":6,\"deserializer\":7,\"decoded\":8,\"marker\":9,\"gap\":10}\n\n",
    );
}

#[derive(Debug, EncodeEvent)]
enum Lent<'__sse, '__sse_> {
    Line {
        text: &'__sse str,
        more: &'__sse_ str,
    },
    #[sse(nested)]
    Inner(Inner<'__sse>),
}

#[derive(Debug, EncodeEvent)]
struct Inner<'__sse> {
    text: &'__sse str,
}

#[test]
fn a_lifetime_may_have_any_name() {
    assert_eq!(wire(&Lent::Line { text: "a", more: "b" }), "event: Line\ndata: {\"text\":\"a\",\"more\":\"b\"}\n\n");
    assert_eq!(wire(&Lent::Inner(Inner { text: "a" })), "event: Inner\ndata: {\"text\":\"a\"}\n\n");
}

trait Marker {
    type Text;
}

impl<T> Marker for Marked<T> {
    type Text = String;
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type")]
enum Marked<T>
where
    Self: Marker<Text = String>,
    Option<Self>: Sized,
{
    Named {
        x: T,
        text: <Self as Marker>::Text,
    },
    #[sse(text)]
    Text(<Self as Marker>::Text),
    #[sse(skip)]
    Never(Box<Self>, Option<Box<Self>>),
}

#[test]
fn self_is_the_type_itself_anywhere() {
    let named = Marked::Named { x: 1, text: "a".to_owned() };
    both_ways(&named, "event: Named\ndata: {\"type\":\"Named\",\"x\":1,\"text\":\"a\"}\n\n");
    both_ways(&Marked::<u8>::Text("a".to_owned()), "event: Text\ndata: a\n\n");
    assert_eq!(wire(&Marked::<u8>::Never(Box::new(named), None)), "");
}
