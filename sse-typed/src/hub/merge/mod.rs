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

/// The events of several hubs on one stream that can be resumed: a stream of [`Merged`], for [`Sse::new`](crate::Sse).
///
/// Each event's id holds a place in every part, so a client that comes back goes on in each part behind what it has seen of
/// it. Two subscriptions that are put side by side by other means, such as `stream::select`, lose that: the client's last
/// event ID is then the id of one hub, and the other hub does not know it.
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
/// // What was published while the client was away comes when it is back.
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
/// The parts' event types are `E` itself or payloads of its `#[sse(nested)]` variants: see [`Nests`]. Events stand on the wire as
/// `E` encodes them. One that `E` would read as another variant [cannot be sent](crate::Sse::on_unsendable).
///
/// A [gap](super#lost-history) names the [part](crate::Gap::part) in which history is lost. Where one hub's event type is in
/// several parts, nothing but the data of an event says which part it comes from.
///
/// # Ids
///
/// An id is `*rides~<id>*chat~<id>`, where of each hub's id all but `[A-Za-z0-9._-]` stands as `%XX`. A part is in it as soon
/// as its [place](Subscription::place) is known, whether it has sent an event or not. What a client brings can be any text:
///
/// | the client's last event ID | each part begins |
/// |---|---|
/// | none | without an id |
/// | has a place for the part | behind that place |
/// | has none for it: the part is new, or its place was not known | without an id |
/// | has places of parts that are gone | as if they were not there |
/// | is no such text | with that text as its id: the hub whose id it is resumes, and the others tell of a gap |
///
/// A part without an id begins live, unless its closure says `id.or(Start::Earliest)` or the like.
///
/// An id of over 1 KiB could not come back, so an event has none then: the client comes back behind the last event that had
/// one. Sixteen parts with history in memory take at most 900 bytes.
///
/// # The end
///
/// A terminal event of a part ends the whole stream, and its id ends in `!`: a client that brings it is answered 204,
/// whatever the parts say. A part that ends in another way, because its hub is closed or gone, leaves the others; its place
/// remains in the ids. The stream ends when all its parts have ended, and a stream whose parts are all over from the start
/// is answered 204: see [`ready`](Self::ready). So is one without a part.
///
/// Where a part's hub says [`OnGap::Restart`](super::OnGap::Restart), the client is told an id without that part, and the stream
/// ends. The client comes back, begins anew in that part, and is resumed in the others.
///
/// # Fairness
///
/// Parts take turns: as long as several have events, each gives one slice, of at most about 32 KiB. Each item takes one unit of
/// the task's [coop budget](tokio::task::coop).
///
/// # Cancel safety
///
/// Waiting for the next item can be given up at any time: no event is taken before it is handed out.
#[must_use = "streams do nothing unless polled"]
pub struct Merge<E> {
    resume: ResumeFrom,
    parts: Vec<Part>,
    /// Whose turn it is.
    next: usize,
    /// Nothing more comes, whatever the parts have.
    ended: bool,
    /// The id behind an event that may have been left out or replaced: see `on_unsendable` of a response.
    pending_id: Option<EventId>,
    event: PhantomData<fn() -> E>,
}

/// The size of an item from which on the next is another.
const ITEM_SIZE: usize = 32 << 10;

/// The client's last event ID.
#[derive(Debug)]
enum ResumeFrom {
    /// None, or a text that is for every part.
    Text(LastEventId),
    Vector(IdVector),
}

impl<E> Merge<E> {
    /// A stream for a client that brings this last event ID. The parts are still to be [added](Self::add).
    pub fn new(last_event_id: impl Into<LastEventId>) -> Self {
        let last_event_id = last_event_id.into();
        let vector = last_event_id.as_str().and_then(IdVector::parse);
        let ended = vector.as_ref().is_some_and(IdVector::is_over);
        let resume = vector.map_or(ResumeFrom::Text(last_event_id), ResumeFrom::Vector);
        Self { resume, parts: Vec::new(), next: 0, ended, pending_id: None, event: PhantomData }
    }

    /// Adds a part: the subscription that `subscribe` makes for the id that the client has of it.
    ///
    /// The name is in the ids, so it must stay the same from one version of a server to the next. `subscribe` can say
    /// everything that a subscription can: [`subscribe_with`](super::Hub::subscribe_with), [`only`](Subscription::only),
    /// [`start_with`](Subscription::start_with). It is not called for a client that has had the end of the stream.
    ///
    /// # Panics
    ///
    /// When `name` is not 1 to 16 characters of `a-z`, `0-9`, `_` and `-` (see [`PartName`]) or is the name of another part,
    /// and when there are 16 parts already.
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
        if self.ended {
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

    /// Waits until it is known whether there is anything to send, so that a client which has all there is gets a 204 and
    /// not an empty stream: see [`Subscription::ready`]. With logs in memory that is known from the start. Logs elsewhere are
    /// asked one after the other, in the order in which their parts were added, until one goes on: a log that does not answer
    /// holds this up, so put a timeout around it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream. No event is lost: nothing was sent.
    pub async fn ready(mut self) -> Self {
        // One part that goes on is enough.
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
        self.pending_id.is_none() && (self.ended || self.parts.iter().all(Part::is_over))
    }

    /// Nothing more comes.
    fn end(&mut self) {
        self.ended = true;
        self.parts.iter_mut().for_each(Part::end);
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Merged<E>>> {
        if let Some(id) = self.pending_id.take() {
            return Poll::Ready(Some(id_only(Some(id))));
        }
        let count = self.parts.len();
        let mut has_ended = true;
        for index in (self.next..count).chain(0..self.next) {
            match self.parts[index].poll_item(cx) {
                Poll::Ready(Some(item)) => {
                    self.next = (index + 1) % count;
                    return Poll::Ready(Some(self.merge(index, item)));
                }
                Poll::Ready(None) => {}
                Poll::Pending => has_ended = false,
            }
        }
        if has_ended { Poll::Ready(None) } else { Poll::Pending }
    }

    fn merge(&mut self, index: usize, item: PartItem) -> Merged<E> {
        match item {
            PartItem::Blocks(blocks) => self.merge_blocks(index, blocks),
            PartItem::Own(event, id) => {
                let is_terminal = event.is_terminal();
                let last_id = match id {
                    Some(id) => {
                        self.parts[index].move_to(id.as_str());
                        self.vector().finish(is_terminal)
                    }
                    // A greeting has no place, but one that ends the stream is not to be asked for again.
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
                id_only(self.vector().finish(false))
            }
            PartItem::ForgetLastEventId => {
                self.parts[index].forget();
                // The client must not come back with the id that it has.
                let name = self.parts[index].name;
                // The places that the client has brought are older, and fit.
                let brought = || match &self.resume {
                    ResumeFrom::Vector(vector) => vector.without(name).finish(false),
                    ResumeFrom::Text(_) => None,
                };
                let id = positions(&mut self.parts).finish(false).or_else(brought).unwrap_or_else(id_vector::empty);
                self.end();
                id_only(Some(id))
            }
        }
    }

    /// The next events of a run, each with the places of all parts, up to one that cannot be sent.
    fn merge_blocks(&mut self, index: usize, mut blocks: PublishedBlocks) -> Merged<E> {
        let ends_in_terminal = blocks.end_in_terminal();
        let (before, behind) = self.positions_around(index);
        let part = &mut self.parts[index];
        let mut vector = IdVectorText::default();
        let mut bytes = Vec::with_capacity(blocks.len().min(ITEM_SIZE));
        let (mut count, mut unsendable, mut is_terminal) = (0, None, false);
        while let Some(block) = blocks.peek() {
            let len = block.len();
            let is_last = ends_in_terminal && len == blocks.len();
            let is_sendable = part.checked(&block).is_ok();
            if count > 0 && (!is_sendable || bytes.len() >= ITEM_SIZE) {
                // One that cannot be sent is an item of its own, and the next.
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

    /// The vector of where all parts are.
    fn vector(&mut self) -> IdVectorText {
        positions(&mut self.parts)
    }

    /// The places of the parts before one, and behind it.
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

/// An id-only block, or nothing.
fn id_only<E>(id: Option<EventId>) -> Merged<E> {
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
