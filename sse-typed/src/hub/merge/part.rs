//! A part of a merged stream, without the type of its events.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::id_vector::{IdVectorText, escape};
use crate::{
    codec::{EncodeEvent, EventKind, EventWriter, Nests},
    event::{EncodeError, EventId, MESSAGE, PartName},
    hub::{
        history::EventSlice,
        subscription::{Subscription, SubscriptionItem},
    },
};

/// Checks that an event of a part, with this event type and these lines, is decoded as an event of the part.
pub(super) type Check = fn(&str, &str) -> Result<(), EncodeError>;

/// An event that is encoded when it is sent.
pub(super) type OwnEvent = Arc<dyn EncodeEvent + Send + Sync>;

pub(super) struct Part {
    pub(super) name: PartName,
    /// `None` once the part has ended.
    source: Option<Box<dyn Source>>,
    check: Check,
    /// The id of the client's position, escaped for an id vector.
    position: Option<Box<str>>,
    /// The position is the id that the client has sent, and the log has not said yet whether it knows it.
    is_unchecked: bool,
    /// The events that remain of a slice.
    pub(super) rest: Option<PublishedBlocks>,
}

/// The next item of a part.
pub(super) enum PartItem {
    Blocks(PublishedBlocks),
    /// An event for this subscriber alone, with the position after it.
    Own(OwnEvent, Option<EventId>),
    LastEventId(EventId),
    ForgetLastEventId,
}

impl Part {
    pub(super) fn new<E, P>(name: PartName, mut subscription: Subscription<P>, last_seen: Option<&EventId>) -> Self
    where
        E: Nests<P> + 'static,
        P: EncodeEvent + Send + Sync + 'static,
    {
        subscription.set_part(name);
        let position = if subscription.is_over() { last_seen.cloned() } else { subscription.position() };
        let is_unchecked = subscription.is_at_unchecked_id();
        Self {
            name,
            source: Some(Box::new(TypedSource::<E, P> { subscription, event: PhantomData })),
            check: E::check_part,
            position: position.map(|id| escape(id.as_str()).into()),
            is_unchecked,
            rest: None,
        }
    }

    /// A part of which the client has everything.
    pub(super) fn ended(name: PartName) -> Self {
        Self { name, source: None, check: |_, _| Ok(()), position: None, is_unchecked: false, rest: None }
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_none() && self.source.as_ref().is_none_or(|source| source.is_over())
    }

    /// Whether there is no item, and the next event wakes the task.
    pub(super) fn is_waiting(&self, cx: &Context<'_>) -> bool {
        self.rest.is_none() && self.source.as_ref().is_none_or(|source| source.is_waiting(cx))
    }

    /// Whether it is known without an answer of a log that the part continues.
    pub(super) fn is_known_to_continue(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is_in_memory() && !source.is_over())
    }

    /// Waits until it is known whether anything follows.
    pub(super) async fn ready(&mut self) {
        if let Some(source) = self.source.take() {
            self.source = Some(source.ready().await);
        }
    }

    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<PartItem>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(PartItem::Blocks(rest)));
        }
        let Some(source) = &mut self.source else { return Poll::Ready(None) };
        let polled = source.poll_item(cx);
        if let Poll::Ready(None) = polled {
            self.source = None;
        }
        polled
    }

    /// Updates the position if it is not known or not checked: a log elsewhere may have answered by now, and a gap may
    /// have been ignored.
    pub(super) fn update_position(&mut self) {
        let Some(source) = &self.source else { return };
        if self.position.is_none() || self.is_unchecked && !source.is_at_unchecked_id() {
            self.is_unchecked = false;
            if let Some(id) = source.position() {
                self.position = Some(escape(id.as_str()).into());
            }
        }
    }

    pub(super) fn write_position(&self, text: &mut IdVectorText) {
        if let Some(position) = &self.position {
            text.push(self.name, position);
        }
    }

    pub(super) fn move_to(&mut self, id: &str) {
        self.is_unchecked = false;
        self.position = Some(escape(id).into());
    }

    /// Ends the part without a position, so that the client reconnects without a position in it.
    pub(super) fn forget(&mut self) {
        self.position = None;
        self.end();
    }

    /// Ends the part.
    pub(super) fn end(&mut self) {
        self.source = None;
        self.rest = None;
    }

    pub(super) fn check(&self, block: &WireBlock<'_>) -> Result<(), EncodeError> {
        (self.check)(block.event_type(), block.fields)
    }

    /// The event that replaces a block that is not decoded as an event of the part.
    pub(super) fn unsendable(&self, block: &WireBlock<'_>, is_terminal: bool) -> OwnEvent {
        Arc::new(UnsendableEvent {
            event_type: block.event_type().into(),
            fields: block.fields.into(),
            check: self.check,
            is_terminal,
        })
    }
}

/// A subscription without the type of its events.
trait Source: Send + Sync {
    fn is_over(&self) -> bool;
    fn is_waiting(&self, cx: &Context<'_>) -> bool;
    fn position(&self) -> Option<EventId>;
    fn is_at_unchecked_id(&self) -> bool;
    fn is_in_memory(&self) -> bool;
    fn ready(self: Box<Self>) -> Pin<Box<dyn Future<Output = Box<dyn Source>> + Send>>;
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<PartItem>>;
}

/// A subscription to events of `P`, which are sent as events of `E`.
struct TypedSource<E, P> {
    subscription: Subscription<P>,
    event: PhantomData<fn() -> E>,
}

impl<E, P> Source for TypedSource<E, P>
where
    E: Nests<P> + 'static,
    P: EncodeEvent + Send + Sync + 'static,
{
    fn is_over(&self) -> bool {
        self.subscription.is_over()
    }

    fn is_waiting(&self, cx: &Context<'_>) -> bool {
        self.subscription.is_part_waiting(cx)
    }

    fn position(&self) -> Option<EventId> {
        self.subscription.position()
    }

    fn is_at_unchecked_id(&self) -> bool {
        self.subscription.is_at_unchecked_id()
    }

    fn is_in_memory(&self) -> bool {
        self.subscription.is_in_memory()
    }

    fn ready(self: Box<Self>) -> Pin<Box<dyn Future<Output = Box<dyn Source>> + Send>> {
        Box::pin(async move {
            let subscription = self.subscription.ready().await;
            let source: Box<dyn Source> = Box::new(Self { subscription, event: PhantomData });
            source
        })
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<PartItem>> {
        self.subscription.poll_item(cx).map(|item| {
            item.map(|item| match item {
                SubscriptionItem::Published(slice) => PartItem::Blocks(PublishedBlocks { slice, at: 0 }),
                SubscriptionItem::Own(event) => {
                    let own = NestedEvent::<E, P> { event: event.data, outer: PhantomData };
                    PartItem::Own(Arc::new(own), event.id)
                }
                SubscriptionItem::LastEventId(id) => PartItem::LastEventId(id),
                SubscriptionItem::ForgetLastEventId => PartItem::ForgetLastEventId,
            })
        })
    }
}

/// An event of `P` that is encoded as an event of `E`.
struct NestedEvent<E, P> {
    event: Arc<P>,
    outer: PhantomData<fn() -> E>,
}

impl<E, P: EventKind> EventKind for NestedEvent<E, P> {
    fn event_type(&self) -> &str {
        self.event.event_type()
    }

    fn is_terminal(&self) -> bool {
        self.event.is_terminal()
    }

    fn is_error(&self) -> bool {
        self.event.is_error()
    }
}

impl<E: Nests<P>, P: EncodeEvent> EncodeEvent for NestedEvent<E, P> {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        E::encode_part(&self.event, event)
    }
}

/// An event that cannot be sent. Encoding it fails with the error of the check.
struct UnsendableEvent {
    event_type: Box<str>,
    fields: Box<str>,
    check: Check,
    is_terminal: bool,
}

impl EventKind for UnsendableEvent {
    fn event_type(&self) -> &str {
        &self.event_type
    }

    fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}

impl EncodeEvent for UnsendableEvent {
    fn encode(&self, _: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        (self.check)(&self.event_type, &self.fields)
    }
}

/// The events of a slice that were not taken yet.
pub(super) struct PublishedBlocks {
    slice: EventSlice,
    /// The byte of the slice at which the next event begins.
    at: usize,
}

/// An event as it is on the wire: its id, and the lines after that.
#[derive(Clone, Copy)]
pub(super) struct WireBlock<'a> {
    pub(super) id: &'a str,
    pub(super) fields: &'a str,
}

impl PublishedBlocks {
    /// Whether the last event ends all streams that send it, and not only those of its hub.
    pub(super) fn ends_in_terminal(&self) -> bool {
        self.slice.ends().terminal
    }

    pub(super) fn len(&self) -> usize {
        self.slice.bytes().len() - self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next event.
    pub(super) fn peek(&self) -> Option<WireBlock<'_>> {
        let bytes = self.slice.bytes().get(self.at..)?;
        // No event contains an empty line.
        let end = memchr::memmem::find(bytes, b"\n\n")?;
        let lines = str::from_utf8(bytes.get(..=end)?).ok()?;
        let (id, fields) = lines.strip_prefix("id: ")?.split_once('\n')?;
        Some(WireBlock { id, fields })
    }

    /// Moves past the next event.
    pub(super) const fn skip(&mut self, block_len: usize) {
        self.at += block_len;
    }
}

impl WireBlock<'_> {
    /// Its size in the slice, with the line of the id and the empty line.
    pub(super) const fn len(&self) -> usize {
        "id: \n".len() + self.id.len() + self.fields.len() + "\n".len()
    }

    /// The event type. The last of several `event:` lines holds.
    fn event_type(&self) -> &str {
        let mut types = self.fields.split('\n').filter_map(|line| line.strip_prefix("event: "));
        types.next_back().unwrap_or(MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::RawEvent,
        hub::{Block, EventLog as _, MemoryLog, on_gap::OnGap, start::Start, state::HubState},
    };

    #[tokio::test]
    async fn the_position_of_a_part_does_not_move_past_events_that_are_not_sent() {
        let log = MemoryLog::default();
        let before = log.head().await.unwrap();
        for _ in 0..3 {
            log.append(&Block::new("data: 1\n\n", false).unwrap()).await.unwrap();
        }
        let state = Arc::new(HubState::<RawEvent>::new(Arc::clone(log.history()), OnGap::Restart, None));
        let subscription = Subscription::new(state, &Start::Earliest);
        let mut part = Part::new::<RawEvent, RawEvent>(PartName::new("part").unwrap(), subscription, None);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(part.poll_item(&mut cx), Poll::Ready(Some(PartItem::Blocks(_)))));
        part.update_position();
        assert_eq!(part.position.as_deref(), Some(&*escape(before.as_str())));
    }

    #[test]
    fn the_event_type_is_the_one_that_a_decoder_takes() {
        let event_type = |fields| WireBlock { id: "", fields }.event_type().to_owned();
        assert_eq!(event_type("event: a\nevent: b\ndata: event: c\n"), "b");
        assert_eq!(event_type("retry: 7\ndata: event: c\n"), "message");
    }

    #[test]
    fn an_event_of_a_part_is_of_the_same_kind_in_the_merged_stream() {
        struct Part {
            is_terminal: bool,
            is_error: bool,
        }
        impl EventKind for Part {
            fn event_type(&self) -> &str {
                "part"
            }

            fn is_terminal(&self) -> bool {
                self.is_terminal
            }

            fn is_error(&self) -> bool {
                self.is_error
            }
        }
        for (is_terminal, is_error) in [(false, false), (true, false), (false, true), (true, true)] {
            let event = Arc::new(Part { is_terminal, is_error });
            let nested = NestedEvent::<(), Part> { event, outer: PhantomData };
            assert_eq!(nested.event_type(), "part");
            assert_eq!((nested.is_terminal(), nested.is_error()), (is_terminal, is_error));
        }
    }
}
