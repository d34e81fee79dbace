//! A part of a merged stream, whatever the type of its events.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::vector::{Text, escape};
use crate::{
    codec::{EncodeEvent, EventKind, EventWriter, Unites},
    event::{EncodeError, EventId, MESSAGE, PartName},
    hub::{Subscription, entries::Inner, ring::Run},
};

/// Says whether an event of a part, by its type and the lines of its block, is read as one of the part's.
pub(super) type Check = fn(&str, &str) -> Result<(), EncodeError>;

/// An event that is encoded when it is sent.
pub(super) type OwnEvent = Arc<dyn EncodeEvent + Send + Sync>;

pub(super) struct Part {
    pub(super) name: PartName,
    /// Nothing once it has ended.
    source: Option<Box<dyn Source>>,
    check: Check,
    /// The id that leads back to where the client is, as it stands in a vector.
    place: Option<Box<str>>,
    /// The place is the client's word, which the log has yet to know.
    is_claimed: bool,
    /// What is left of a run.
    pub(super) rest: Option<Blocks>,
}

/// What a part has next.
pub(super) enum Slice {
    Blocks(Blocks),
    /// An event of its own, with the place behind it.
    Own(OwnEvent, Option<EventId>),
    Place(EventId),
    Forget,
}

impl Part {
    pub(super) fn new<E, P>(name: PartName, mut subscription: Subscription<P>, last_seen: Option<&EventId>) -> Self
    where
        E: Unites<P> + 'static,
        P: EncodeEvent + Send + Sync + 'static,
    {
        subscription.set_part(name);
        let place = if subscription.is_over() { last_seen.cloned() } else { subscription.place() };
        let is_claimed = subscription.is_at_claimed_place();
        Self {
            name,
            source: Some(Box::new(TypedSource::<E, P> { subscription, event: PhantomData })),
            check: E::check_part,
            place: place.map(|id| escape(id.as_str()).into()),
            is_claimed,
            rest: None,
        }
    }

    /// A part of which the client has everything.
    pub(super) fn ended(name: PartName) -> Self {
        Self { name, source: None, check: |_, _| Ok(()), place: None, is_claimed: false, rest: None }
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_none() && self.source.as_ref().is_none_or(|source| source.is_over())
    }

    /// Whether there is nothing, and the task will be woken.
    pub(super) fn is_waiting(&self, cx: &Context<'_>) -> bool {
        self.rest.is_none() && self.source.as_ref().is_none_or(|source| source.is_waiting(cx))
    }

    /// Whether it is known, without an answer of a log, that it goes on.
    pub(super) fn is_known_to_go_on(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is_in_memory() && !source.is_over())
    }

    /// Waits until it is known whether anything is to come.
    pub(super) async fn ready(&mut self) {
        if let Some(source) = self.source.take() {
            self.source = Some(source.ready().await);
        }
    }

    pub(super) fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<Slice>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Slice::Blocks(rest)));
        }
        let Some(source) = &mut self.source else { return Poll::Ready(None) };
        let polled = source.poll_slice(cx);
        if let Poll::Ready(None) = polled {
            self.source = None;
        }
        polled
    }

    /// Asks for its place, if that is not known: a log elsewhere may have answered by now, and a gap may have been passed
    /// over.
    pub(super) fn look_for_place(&mut self) {
        let Some(source) = &self.source else { return };
        if self.place.is_none() || self.is_claimed && !source.is_at_claimed_place() {
            self.is_claimed = false;
            if let Some(id) = source.place() {
                self.place = Some(escape(id.as_str()).into());
            }
        }
    }

    pub(super) fn write_place(&self, vector: &mut Text) {
        if let Some(place) = &self.place {
            vector.push(self.name, place);
        }
    }

    pub(super) fn move_to(&mut self, place: &str) {
        self.is_claimed = false;
        self.place = Some(escape(place).into());
    }

    /// The client begins anew here.
    pub(super) fn forget(&mut self) {
        self.place = None;
        self.end();
    }

    /// Nothing more comes of it.
    pub(super) fn end(&mut self) {
        self.source = None;
        self.rest = None;
    }

    pub(super) fn checked(&self, block: &Block<'_>) -> Result<(), EncodeError> {
        (self.check)(block.event_type(), block.fields)
    }

    /// An event that is not read as one of the part's.
    pub(super) fn refused(&self, block: &Block<'_>, is_terminal: bool) -> OwnEvent {
        Arc::new(Refused {
            event_type: block.event_type().into(),
            fields: block.fields.into(),
            check: self.check,
            is_terminal,
        })
    }
}

/// A subscription, whatever its events.
trait Source: Send + Sync {
    fn is_over(&self) -> bool;
    fn is_waiting(&self, cx: &Context<'_>) -> bool;
    fn place(&self) -> Option<EventId>;
    fn is_at_claimed_place(&self) -> bool;
    fn is_in_memory(&self) -> bool;
    fn ready(self: Box<Self>) -> Pin<Box<dyn Future<Output = Box<dyn Source>> + Send>>;
    fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<Slice>>;
}

/// A subscription to events of `P`, which go out as events of `E`.
struct TypedSource<E, P> {
    subscription: Subscription<P>,
    event: PhantomData<fn() -> E>,
}

impl<E, P> Source for TypedSource<E, P>
where
    E: Unites<P> + 'static,
    P: EncodeEvent + Send + Sync + 'static,
{
    fn is_over(&self) -> bool {
        self.subscription.is_over()
    }

    fn is_waiting(&self, cx: &Context<'_>) -> bool {
        self.subscription.is_waiting_in_memory(cx)
    }

    fn place(&self) -> Option<EventId> {
        self.subscription.place()
    }

    fn is_at_claimed_place(&self) -> bool {
        self.subscription.is_at_claimed_place()
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

    fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<Slice>> {
        self.subscription.poll_slice(cx).map(|slice| {
            slice.map(|slice| match slice {
                Inner::Run(run) => Slice::Blocks(Blocks { run, at: 0 }),
                Inner::Own(event) => {
                    let own = Nested::<E, P> { event: event.data, outer: PhantomData };
                    Slice::Own(Arc::new(own), event.id)
                }
                Inner::Place(place) => Slice::Place(place),
                Inner::Forget => Slice::Forget,
            })
        })
    }
}

/// An event of `P`, which is encoded as one of `E`.
struct Nested<E, P> {
    event: Arc<P>,
    outer: PhantomData<fn() -> E>,
}

impl<E, P: EventKind> EventKind for Nested<E, P> {
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

impl<E: Unites<P>, P: EncodeEvent> EncodeEvent for Nested<E, P> {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        E::encode_part(&self.event, event)
    }
}

/// An event that cannot be sent.
struct Refused {
    event_type: Box<str>,
    fields: Box<str>,
    check: Check,
    is_terminal: bool,
}

impl EventKind for Refused {
    fn event_type(&self) -> &str {
        &self.event_type
    }

    fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}

impl EncodeEvent for Refused {
    fn encode(&self, _: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        (self.check)(&self.event_type, &self.fields)
    }
}

/// The events of a run that were not taken yet.
pub(super) struct Blocks {
    run: Run,
    /// The byte at which the next one begins.
    at: usize,
}

/// An event as it stands in a run: its id, and the lines behind that.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) id: &'a str,
    pub(super) fields: &'a str,
}

impl Blocks {
    /// Whether the last event ends all streams that send it, and not only those of its hub.
    pub(super) fn end_in_terminal(&self) -> bool {
        self.run.ends().terminal
    }

    pub(super) fn len(&self) -> usize {
        self.run.bytes().len() - self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next event.
    pub(super) fn peek(&self) -> Option<Block<'_>> {
        let bytes = self.run.bytes().get(self.at..)?;
        // No event has an empty line within.
        let end = memchr::memmem::find(bytes, b"\n\n")?;
        let lines = str::from_utf8(bytes.get(..=end)?).ok()?;
        let (id, fields) = lines.strip_prefix("id: ")?.split_once('\n')?;
        Some(Block { id, fields })
    }

    /// Behind this one.
    pub(super) const fn pass(&mut self, block_len: usize) {
        self.at += block_len;
    }
}

impl Block<'_> {
    /// Its size in the run: with its id, and an empty line.
    pub(super) const fn len(&self) -> usize {
        "id: \n".len() + self.id.len() + self.fields.len() + "\n".len()
    }

    /// The last one that is said holds.
    fn event_type(&self) -> &str {
        let mut types = self.fields.split('\n').filter_map(|line| line.strip_prefix("event: "));
        types.next_back().unwrap_or(MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_type_is_the_one_that_a_decoder_takes() {
        let event_type = |fields| Block { id: "", fields }.event_type().to_owned();
        assert_eq!(event_type("event: a\nevent: b\ndata: event: c\n"), "b");
        assert_eq!(event_type("retry: 7\ndata: event: c\n"), "message");
    }
}
