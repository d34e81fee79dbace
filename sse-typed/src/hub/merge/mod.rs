mod id_vector;
mod merged;
mod part;

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

pub use self::merged::Merged;
use self::{
    id_vector::{IdVector, IdVectorText, MAX_PARTS},
    merged::MergedItem,
    part::{Part, PartItem, PublishedBlocks},
};
use super::subscription::Subscription;
use crate::{
    codec::{EncodeEvent, Nests},
    event::{EventId, LastEventId, PartName},
};

/// The events of several hubs on one stream that can be resumed: a stream of [`Merged`], for [`Sse::new`].
///
/// The id of each event holds a position in every part, so a client that reconnects resumes each part after the last
/// event that it received of it. Other ways to combine two subscriptions, such as `stream::select`, lose that: the
/// client's last event ID is then the id of one hub, and the other hub does not know it.
///
/// ```
/// # #[cfg(not(feature = "derive"))]
/// # fn main() {}
/// # #[cfg(feature = "derive")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use sse_typed::{Gap, Hub, LastEventId, Merge, SseEvent};
///
/// #[derive(SseEvent)]
/// #[sse(rename_all = "snake_case", prefix = "ride_")]
/// enum Ride {
///     Position { lat: f64, lon: f64 },
///     #[sse(gap)]
///     Missed(Gap),
/// }
///
/// #[derive(SseEvent)]
/// #[sse(rename_all = "snake_case", prefix = "chat_")]
/// enum Chat {
///     Said { text: String },
///     #[sse(gap)]
///     Missed(Gap),
/// }
///
/// /// What the page receives.
/// #[derive(SseEvent)]
/// enum Page {
///     #[sse(nested)]
///     Ride(Ride),
///     #[sse(nested)]
///     Chat(Chat),
/// }
///
/// let (rides, chat) = (Hub::<Ride>::builder().build(), Hub::<Chat>::builder().build());
/// // In a handler this is `Sse::new(events(LastEventId::of(&request)))`.
/// let events = |last_event_id: LastEventId| {
///     Merge::<Page>::new(last_event_id)
///         .add("rides", |id| rides.subscribe(id))
///         .add("chat", |id| chat.subscribe(id))
/// };
///
/// let mut first = events(LastEventId::none());
/// rides.publish(&Ride::Position { lat: 10.8, lon: 106.6 }).await?;
/// let id = first.next().await.unwrap().last_id().unwrap();
/// assert!(id.as_str().starts_with("*rides~"));
///
/// // A client that reconnects receives what was published meanwhile.
/// drop(first);
/// chat.publish(&Chat::Said { text: "here".to_owned() }).await?;
/// let mut resumed = events(id.into());
/// assert_eq!(resumed.next().await.unwrap().len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # Event types
///
/// The event type of a part is `E` itself or the payload of one of its `#[sse(nested)]` variants: see [`Nests`]. On
/// the wire events are encoded as `E` encodes them. An event that `E` would decode as another variant [cannot be
/// sent][on_unsendable].
///
/// A [gap](super#lost-history) names the [part](crate::Gap::part) in which history is lost. Where several parts have
/// the same event type, only the data of an event can say from which part it comes.
///
/// # Ids
///
/// An id is `*rides~<id>*chat~<id>`, in which every character of a hub's id except `[A-Za-z0-9._-]` is written as
/// `%XX`. It contains a part as soon as the part's [position](Subscription::position) is known, whether the part has
/// sent an event or not. The last event ID that a client sends can be any text:
///
/// | the client's last event ID | each part begins |
/// |---|---|
/// | none | without an id |
/// | has a position for the part | after that position |
/// | has no position for the part: the part is new, or its position was not known | without an id |
/// | has positions of parts that no longer exist | as if these were not in the id |
/// | is any other text | with that text as its id: the hub whose id it is resumes, and the others report a gap |
///
/// A part without an id begins live, unless its closure uses `id.or(Start::Earliest)` or similar.
///
/// An event whose id would be longer than 1 KiB has no id, because a client could not send it back. The client then
/// resumes after the last event that had one. The id of sixteen parts with history in memory takes at most 900 bytes.
///
/// # The end
///
/// A terminal event of a part ends the whole stream, and its id ends in `!`: a client with this last event ID is
/// answered 204, even if other parts have more events. When a part ends in another way, because its hub is closed or
/// all handles are dropped, the other parts continue, and its position remains in the ids. The stream ends when all its
/// parts have ended. A stream whose parts have all ended from the start is answered 204, see [`ready`](Self::ready),
/// and so is a stream without parts.
///
/// Where the hub of a part has [`OnGap::Restart`](super::OnGap::Restart), the client is sent an id without that part,
/// and the stream ends. The client reconnects, starts without a position in that part, and resumes in the others.
///
/// # Fairness
///
/// Parts take turns: while several have events, each yields one slice in turn, of at most about 32 KiB. Each item takes
/// one unit of the task's [coop budget](tokio::task::coop).
///
/// # Cancel safety
///
/// Waiting for the next item can be cancelled at any time: no event is taken before it is returned.
///
#[cfg_attr(feature = "server", doc = "[`Sse::new`]: crate::Sse::new")]
#[cfg_attr(
    not(feature = "server"),
    doc = "[`Sse::new`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Sse.html#method.new"
)]
#[cfg_attr(feature = "server", doc = "[on_unsendable]: crate::Sse::on_unsendable")]
#[cfg_attr(
    not(feature = "server"),
    doc = "[on_unsendable]: https://docs.rs/sse-typed/latest/sse_typed/struct.Sse.html#method.on_unsendable"
)]
#[must_use = "streams do nothing unless polled"]
pub struct Merge<E> {
    resume: ResumeFrom,
    parts: Vec<Part>,
    /// The index of the part that is polled first.
    next: usize,
    /// Nothing more is yielded, whatever the parts have.
    is_ended: bool,
    /// The id after an unsendable event. It is sent next, because `on_unsendable` of the response may skip or replace
    /// the event.
    pending_id: Option<EventId>,
    event: PhantomData<fn() -> E>,
}

/// The size in bytes at which an item is complete.
const ITEM_SIZE: usize = 32 << 10;

/// The client's last event ID.
#[derive(Debug)]
enum ResumeFrom {
    /// None, or a text that every part begins with.
    Text(LastEventId),
    Vector(IdVector),
}

impl<E> Merge<E> {
    /// A stream without parts for a client with this last event ID. [`add`](Self::add) adds the parts.
    pub fn new(last_event_id: impl Into<LastEventId>) -> Self {
        let last_event_id = last_event_id.into();
        let vector = last_event_id.as_str().and_then(IdVector::parse);
        let is_ended = vector.as_ref().is_some_and(IdVector::is_over);
        let resume = vector.map_or(ResumeFrom::Text(last_event_id), ResumeFrom::Vector);
        Self { resume, parts: Vec::new(), next: 0, is_ended, pending_id: None, event: PhantomData }
    }

    /// Adds a part: the subscription that `subscribe` makes from the client's last event ID for this part.
    ///
    /// The name is in the ids, so it must stay the same from one version of a server to the next. `subscribe` can use
    /// everything that makes or changes a subscription: [`subscribe_with`](super::Hub::subscribe_with),
    /// [`only`](Subscription::only), [`start_with`](Subscription::start_with). It is not called for a client that has
    /// received the end of the stream.
    ///
    /// # Panics
    ///
    /// When `name` is not 1 to 16 characters of `a-z`, `0-9`, `_` and `-` (see [`PartName`]), when another part has the
    /// same name, and when there are 16 parts already.
    pub fn add<P>(mut self, name: &str, subscribe: impl FnOnce(LastEventId) -> Subscription<P>) -> Self
    where
        E: Nests<P> + 'static,
        P: EncodeEvent + Send + Sync + 'static,
    {
        let name = match PartName::new(name) {
            Ok(name) => name,
            Err(error) => panic!("{error}"),
        };
        assert!(self.parts.iter().all(|part| part.name != name), "two parts of a stream have the name `{name}`");
        assert!(self.parts.len() < MAX_PARTS, "a stream has at most {MAX_PARTS} parts, and `{name}` is one more");
        if self.is_ended {
            self.parts.push(Part::ended(name));
            return self;
        }
        let id = match &self.resume {
            ResumeFrom::Text(id) => id.clone(),
            ResumeFrom::Vector(vector) => vector.position(name).cloned().into(),
        };
        let last_seen = id.as_str().and_then(|id| EventId::new(id).ok());
        self.parts.push(Part::new::<E, P>(name, subscribe(id), last_seen.as_ref()));
        self
    }

    /// Waits until it is known whether there is anything to send, so that a client that has everything is answered 204
    /// and not with an empty stream: see [`Subscription::ready`].
    ///
    /// With logs in memory that is known from the start. Logs elsewhere are asked one after the other, in the order in
    /// which their parts were added, until one part continues. A log that does not answer holds this up, so put a
    /// timeout around it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream. No event is lost, because none was sent.
    pub async fn ready(mut self) -> Self {
        // One part that continues is enough.
        if self.parts.iter().any(Part::is_known_to_continue) {
            return self;
        }
        for part in &mut self.parts {
            part.ready().await;
            if !part.is_over() {
                break;
            }
        }
        self
    }

    fn is_over(&self) -> bool {
        self.pending_id.is_none() && (self.is_ended || self.parts.iter().all(Part::is_over))
    }

    /// Ends the stream.
    fn end(&mut self) {
        self.is_ended = true;
        self.parts.iter_mut().for_each(Part::end);
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Merged<E>>> {
        if let Some(id) = self.pending_id.take() {
            return Poll::Ready(Some(id_block(Some(id))));
        }
        let count = self.parts.len();
        let mut has_ended = true;
        for index in (self.next..count).chain(0..self.next) {
            match self.parts[index].poll_item(cx) {
                Poll::Ready(Some(item)) => {
                    self.next = (index + 1) % count;
                    return Poll::Ready(Some(self.merge_item(index, item)));
                }
                Poll::Ready(None) => {}
                Poll::Pending => has_ended = false,
            }
        }
        if has_ended { Poll::Ready(None) } else { Poll::Pending }
    }

    fn merge_item(&mut self, index: usize, item: PartItem) -> Merged<E> {
        match item {
            PartItem::Blocks(blocks) => self.merge_blocks(index, blocks),
            PartItem::Own(event, id) => {
                let is_terminal = event.is_terminal();
                let last_id = match id {
                    Some(id) => {
                        self.parts[index].move_to(id.as_str());
                        self.vector().finish(is_terminal)
                    }
                    // A greeting has no position. But if it ends the stream, the client must not reconnect for it.
                    None if is_terminal => self.vector().finish(true),
                    None => None,
                };
                if is_terminal {
                    self.end();
                }
                merged(MergedItem::Own(event), last_id)
            }
            PartItem::LastEventId(id) => {
                self.parts[index].move_to(id.as_str());
                id_block(self.vector().finish(false))
            }
            PartItem::ForgetLastEventId => {
                self.parts[index].forget();
                // The client must not reconnect with the id that it has.
                let name = self.parts[index].name;
                // The positions that the client has sent are older, and fit into an id.
                let sent = || match &self.resume {
                    ResumeFrom::Vector(vector) => vector.without(name).finish(false),
                    ResumeFrom::Text(_) => None,
                };
                let id = positions(&mut self.parts).finish(false).or_else(sent).unwrap_or_else(id_vector::empty);
                self.end();
                id_block(Some(id))
            }
        }
    }

    /// The next events of a part, each with the positions of all parts, up to one that cannot be sent.
    fn merge_blocks(&mut self, index: usize, mut blocks: PublishedBlocks) -> Merged<E> {
        let ends_in_terminal = blocks.ends_in_terminal();
        let (before, behind) = self.positions_around(index);
        let part = &mut self.parts[index];
        let mut vector = IdVectorText::default();
        let mut bytes = Vec::with_capacity(blocks.len().min(ITEM_SIZE));
        let (mut count, mut unsendable, mut is_terminal) = (0, None, false);
        while let Some(block) = blocks.peek() {
            let len = block.len();
            let is_last = ends_in_terminal && len == blocks.len();
            let is_sendable = part.check(&block).is_ok();
            if count > 0 && (!is_sendable || bytes.len() >= ITEM_SIZE) {
                // An event that cannot be sent is an item of its own: the next one.
                part.rest = Some(blocks);
                break;
            }
            is_terminal = is_last;
            part.move_to(block.id);
            vector.clear();
            vector.append(&before);
            part.write_position(&mut vector);
            vector.append(&behind);
            if !is_sendable {
                unsendable = Some(part.unsendable(&block, is_last));
                blocks.skip(len);
                part.rest = (!blocks.is_empty()).then_some(blocks);
                break;
            }
            write_id(&mut bytes, vector.as_id(is_last));
            bytes.extend_from_slice(block.fields.as_bytes());
            bytes.push(b'\n');
            count += 1;
            blocks.skip(len);
        }
        let last_id = vector.finish(is_terminal);
        if is_terminal {
            self.end();
        } else if unsendable.is_some() {
            self.pending_id.clone_from(&last_id);
        }
        let blocks = || MergedItem::Blocks { bytes: bytes.into(), count, is_terminal };
        merged(unsendable.map_or_else(blocks, MergedItem::Own), last_id)
    }

    /// The positions of all parts.
    fn vector(&mut self) -> IdVectorText {
        positions(&mut self.parts)
    }

    /// The positions of the parts before one, and of those after it.
    fn positions_around(&mut self, index: usize) -> (IdVectorText, IdVectorText) {
        let (before, rest) = self.parts.split_at_mut(index);
        (positions(before), rest.split_first_mut().map(|(_, behind)| positions(behind)).unwrap_or_default())
    }
}

fn positions(parts: &mut [Part]) -> IdVectorText {
    let mut text = IdVectorText::default();
    for part in parts {
        part.update_position();
        part.write_position(&mut text);
    }
    text
}

/// A block with an id and no event. Without an id there is no block.
fn id_block<E>(id: Option<EventId>) -> Merged<E> {
    let mut bytes = Vec::new();
    if let Some(id) = &id {
        write_id(&mut bytes, Some(id.as_str()));
        bytes.push(b'\n');
    }
    merged(MergedItem::Blocks { bytes: bytes.into(), count: 0, is_terminal: false }, id)
}

fn write_id(bytes: &mut Vec<u8>, id: Option<&str>) {
    if let Some(id) = id {
        bytes.extend_from_slice(b"id: ");
        bytes.extend_from_slice(id.as_bytes());
        bytes.push(b'\n');
    }
}

const fn merged<E>(item: MergedItem, last_id: Option<EventId>) -> Merged<E> {
    Merged { item, last_id, event: PhantomData }
}

impl<E> Stream for Merge<E> {
    type Item = Merged<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Merged<E>>> {
        if self.is_over() {
            return Poll::Ready(None);
        }
        if self.pending_id.is_none() && self.parts.iter().all(|part| part.is_waiting(cx)) {
            return Poll::Pending;
        }
        let budget = ready!(poll_proceed(cx));
        let item = ready!(self.poll_item(cx));
        budget.made_progress();
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_over() { (0, Some(0)) } else { (0, None) }
    }
}

impl<E> fmt::Debug for Merge<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parts.iter().map(|part| part.name).collect();
        f.debug_struct("Merge").field("parts", &names).finish_non_exhaustive()
    }
}
