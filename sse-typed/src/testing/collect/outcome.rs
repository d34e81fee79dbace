//! All that a client receives of a script.

use std::fmt::Debug;

use super::{Collect, source::What};
use crate::codec::DecodeEvent;

/// All that came of a stream whose events are counted.
pub(crate) struct Outcome<E> {
    pub(crate) events: Vec<E>,
    /// What came beside events and the end.
    pub(crate) problem: Option<String>,
}

impl<E: DecodeEvent + Debug + Send> Collect<E> {
    /// Reads to the end of the stream, or one event more than so many. Silence behind the last of them is an end, too.
    pub(crate) async fn all_of(&mut self, events: usize) -> Outcome<E> {
        let mut outcome = Outcome { events: Vec::new(), problem: None };
        while outcome.events.len() <= events {
            let index = match self.find_event("an event, or the end").await {
                Ok(index) => index,
                Err(_) if outcome.events.len() == events => break,
                Err(error) => {
                    outcome.problem = Some(error);
                    break;
                }
            };
            match &self.pending[index].what {
                What::End => break,
                What::Event(_) => {
                    let events = self.take_events(index + 1);
                    outcome.events.extend(events.into_iter().map(|event| event.data));
                }
                _ => {
                    outcome.problem = Some(self.received_instead(index, "an event, or the end"));
                    break;
                }
            }
        }
        outcome
    }
}
