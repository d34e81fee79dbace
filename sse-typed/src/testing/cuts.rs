use std::{
    collections::HashMap,
    fmt::{Debug, Write},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::{
    collect::{Collect, Expect, show_diff},
    scripted::{Answer, RecordedRequest, ScriptedServer},
};
use crate::codec::{DecodeEvent, Decoded, Decoder, Item};

/// Cuts the first connection of a client after each byte of a stream in turn, and checks that the client sees each event
/// once and in order.
///
/// `script` is the text of an event stream in which each event has an id of its own. It is cut before the first byte and after
/// every byte: by a connection that breaks off, by a body that ends, and by two connections that break off, the second before its
/// first byte. Each further request gets the events after its last event ID, or `204 No Content` if it has them all. `client` gets the server, which is a Tower service, and returns
/// a [`Collect`] of what its client receives:
///
/// ```
/// use sse_typed::{Client, RawEvent, testing::{self, Collect}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let script = "id: 1\ndata: one\n\nid: 2\nevent: tick\ndata: two\ndata: lines\n\n: a comment\n\nid: 3\ndata: three\n\n";
/// testing::cut_everywhere(script, |server| {
///     Collect::<RawEvent>::source(Client::new(server).get("/").connect())
/// })
/// .await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It works with every client whose events one of the constructors of [`Collect`] takes, such as [`Collect::received`]. A client
/// that does not end after the last event is accepted when its [time limit](Collect::within) is over. Run it on paused time,
/// because each run waits for the reconnection time of the client.
///
/// # Panics
///
/// When awaited: if the client misses, repeats or misorders an event, ends early, waits longer than its limit, or sends an id
/// that is not in the script. The message shows the byte of the cut and the events that came.
///
/// Also if the script has an event without an id of its own, or one that cannot be read as an `E`, or ends within an event, or if
/// no client can follow it: it sets an empty id, or goes on after a terminal event.
pub fn cut_everywhere<'c, E, F>(script: &str, mut client: F) -> Expect<'c, ()>
where
    E: DecodeEvent + Debug + PartialEq + Send + 'c,
    F: FnMut(ScriptedServer) -> Collect<E> + Send + 'c,
{
    let script = Bytes::copy_from_slice(script.as_bytes());
    Expect::new(async move {
        let (expected, positions) = read::<E>(&script)?;
        let positions = Arc::new(positions);
        for at in 0..=script.len() {
            for end in [End::Broken, End::Clean, End::BrokenTwice] {
                let (server, wrong) = serve(script.clone(), Arc::clone(&positions), at, end);
                let mut received = client(server.clone());
                let outcome = received.all_of(expected.len()).await;
                let problem = wrong.lock().unwrap_or_else(PoisonError::into_inner).take().or(outcome.problem);
                if problem.is_some() || outcome.events != expected {
                    return Err(report(&script, at, end, &expected, &outcome.events, problem, &server));
                }
            }
        }
        Ok(())
    })
}

/// How the first connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Broken,
    Clean,
    /// And the second one breaks off before its first byte.
    BrokenTwice,
}

/// How long the script is up to the end of the block of each id, and of its last event.
#[derive(Debug, Default)]
struct Positions {
    ids: HashMap<String, usize>,
    last_event: usize,
}

/// The events of a script, and its positions.
fn read<E: DecodeEvent>(script: &Bytes) -> Result<(Vec<E>, Positions), String> {
    let mut decoder = Decoder::new().updates(true);
    let mut events = Vec::new();
    let mut positions = Positions::default();
    let mut end = 0;
    let mut terminal = None;
    // By byte, so that it is known where a block ends. The LF of a CRLF belongs to the block before, and is empty behind it.
    for byte in 0..script.len() {
        decoder.feed(script.slice(byte..=byte));
        end = if script[byte] == b'\n' || script[byte] == b'\r' { byte + 1 } else { end };
        let Some(item) = decoder.next_item() else { continue };
        let id = match item.map_err(|error| error.to_string())? {
            Item::Event(raw) => {
                let number = events.len() + 1;
                if let Some(terminal) = terminal {
                    return Err(format!("the script goes on after a terminal event: event {terminal}"));
                }
                positions.last_event = end;
                match E::decode(raw) {
                    Ok(Decoded::Event(event)) => {
                        terminal = event.is_terminal().then_some(number);
                        events.push(event);
                    }
                    Ok(_) => return Err(format!("event {number} of the script is of no type that is known here")),
                    Err(error) => return Err(format!("event {number} of the script cannot be read: {error}")),
                }
                match raw.id() {
                    Some(id) if !id.is_empty() => Some(id.to_owned()),
                    _ => {
                        return Err(format!(
                            "event {number} of the script has no id of its own: a client cannot resume after it"
                        ));
                    }
                }
            }
            Item::Update { id, .. } => id.map(str::to_owned),
            Item::Comment(_) => None,
        };
        let Some(id) = id else { continue };
        if id.is_empty() {
            return Err("the script has an empty id: a client cannot resume after it".to_owned());
        }
        if positions.ids.insert(id.clone(), end).is_some() {
            return Err(format!("the script has the id {id:?} twice"));
        }
    }
    match decoder.unfinished() {
        Some(event) => Err(format!("the script ends within an event: {event}")),
        None => Ok((events, positions)),
    }
}

/// A server of the script, and what a client has done wrong.
fn serve(
    script: Bytes,
    positions: Arc<Positions>,
    at: usize,
    end: End,
) -> (ScriptedServer, Arc<Mutex<Option<String>>>) {
    let wrong = Arc::<Mutex<Option<String>>>::default();
    let noted = Arc::clone(&wrong);
    let mut requests = 0;
    let server = ScriptedServer::answer_with(move |request: &RecordedRequest| {
        requests += 1;
        match (requests, end) {
            (1, End::Clean) => return Answer::stream().send(&script[..at]),
            (1, End::Broken | End::BrokenTwice) => return Answer::stream().send(&script[..at]).break_off(),
            (2, End::BrokenTwice) => return Answer::stream().break_off(),
            _ => {}
        }
        let id = request.last_event_id();
        let from = if id.is_empty() { Some(0) } else { positions.ids.get(id).copied() };
        match from {
            Some(from) if from >= positions.last_event => Answer::status(204),
            Some(from) => Answer::stream().send(&script[from..]),
            None => {
                let wrong = format!("the client sent the last event ID {id:?}, which is not in the script");
                noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(wrong);
                Answer::status(204)
            }
        }
    });
    (server, wrong)
}

fn report<E: Debug>(
    script: &[u8],
    at: usize,
    end: End,
    expected: &[E],
    received: &[E],
    problem: Option<String>,
    server: &ScriptedServer,
) -> String {
    let how = match end {
        End::Broken => "the connection broke off",
        End::Clean => "the body ended",
        End::BrokenTwice => "the connection broke off, and so did the next one before its first byte",
    };
    let line = script[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rest = script[at..].iter().position(|byte| *byte == b'\n').map_or(script.len(), |end| at + end);
    let mut text = format!(
        "the script was cut after byte {at} of {}, and {how}\n  {}<cut>{}\n\n",
        script.len(),
        script[line..at].escape_ascii(),
        script[at..rest].escape_ascii(),
    );
    if let Some(problem) = problem {
        let _ = writeln!(text, "{problem}\n");
    }
    text.push_str("the events ");
    show_diff(expected, received, &mut text);
    text.push_str("\nthe last event ID of each request:\n");
    for id in server.last_event_ids() {
        let _ = writeln!(text, "  {id:?}");
    }
    text
}
