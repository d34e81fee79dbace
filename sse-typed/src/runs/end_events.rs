use std::sync::Arc;

use crate::{
    codec::HubEvent,
    hub::{Block, encode_block},
    panics::catch_panic,
};

/// The functions of a builder that make the events which report how a run ended.
pub(super) struct EndEventFns<E> {
    pub(super) failed: Option<Arc<dyn Fn(String) -> E + Send + Sync>>,
    pub(super) stopped: Option<Arc<dyn Fn() -> E + Send + Sync>>,
    pub(super) lost: Option<Arc<dyn Fn() -> E + Send + Sync>>,
}

impl<E> EndEventFns<E> {
    pub(super) const fn none() -> Self {
        Self { failed: None, stopped: None, lost: None }
    }
}

/// The events that report how a run ended, encoded where they are always the same.
pub(super) struct EndEvents<E> {
    make_failed: Box<dyn Fn(String) -> Option<E> + Send + Sync>,
    /// For a producer that panicked.
    panicked: Block,
    stopped: Block,
    lost: Block,
}

/// The reason that clients read after a panic of the producer. The text of the panic is not for clients.
const PANICKED: &str = "the producer panicked";

/// How many bytes of an error's text clients read.
const LONGEST_REASON: usize = 4096;

impl<E: HubEvent + 'static> EndEvents<E> {
    /// # Panics
    ///
    /// If there is no event for one of the ends, or if it cannot be sent.
    pub(super) fn new(fns: EndEventFns<E>) -> Self {
        let make_failed: Box<dyn Fn(String) -> Option<E> + Send + Sync> = match fns.failed {
            Some(make) => Box::new(move |reason| Some(make(reason))),
            None => Box::new(E::failed),
        };
        Self {
            panicked: encoded("failed", make_failed(PANICKED.to_owned())),
            stopped: encoded("stopped", fns.stopped.map_or_else(E::stopped, |make| Some(make()))),
            lost: encoded("lost", fns.lost.map_or_else(E::lost, |make| Some(make()))),
            make_failed,
        }
    }

    /// The event of a run that failed for this reason. If it cannot be sent, that of a panic.
    pub(super) fn failed(&self, mut reason: String) -> Block {
        if reason.len() > LONGEST_REASON {
            let end = (0..=LONGEST_REASON).rev().find(|at| reason.is_char_boundary(*at));
            reason.truncate(end.unwrap_or(0));
        }
        let block = catch_panic(|| encode_block(&(self.make_failed)(reason)?).ok()).flatten();
        block.unwrap_or_else(|| self.panicked.clone())
    }

    pub(super) fn panicked(&self) -> Block {
        self.panicked.clone()
    }

    pub(super) fn stopped(&self) -> Block {
        self.stopped.clone()
    }

    pub(super) fn lost(&self) -> &Block {
        &self.lost
    }
}

fn encoded<E: HubEvent>(end: &str, event: Option<E>) -> Block {
    let Some(event) = event else {
        panic!(
            "`{}` has no event for a run that is {end}: mark a variant with `#[sse(terminal, {end})]`, or set a function \
             with `Runs::builder().{end}(..)`",
            std::any::type_name::<E>()
        );
    };
    match encode_block(&event) {
        Ok(block) => block,
        Err(error) => {
            panic!("the event of `{}` for a run that is {end} cannot be sent: {error}", std::any::type_name::<E>())
        }
    }
}
