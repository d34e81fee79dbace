//! Writing an answer: the work of a run.

use std::time::Instant;

use sse_typed::runs::{AnyRunStore, BoxError, RunWriter};

use crate::{
    answer_event::AnswerEvent,
    model::{CompletionEvent, Model},
};

/// Answers questions by asking the model.
#[derive(Clone, Debug)]
pub(crate) struct Answerer {
    pub(crate) model: Model,
    /// The origin of this server.
    pub(crate) server: String,
}

impl Answerer {
    /// Publishes each part of the answer when the model has written it, and returns the last event.
    pub(crate) async fn answer(
        self,
        question: String,
        run: RunWriter<AnswerEvent, AnyRunStore>,
    ) -> Result<AnswerEvent, BoxError> {
        let begun = Instant::now();
        run.publish(&AnswerEvent::Asked { server: self.server }).await?;
        let mut completion = self.model.ask(&question).await?;
        let mut words = 0;
        while let Some(event) = completion.try_next().await? {
            match event.data {
                CompletionEvent::Chunk(chunk) => {
                    let text = chunk.into_text();
                    words += u32::from(!text.trim().is_empty());
                    run.publish(&AnswerEvent::Part { text }).await?;
                }
                CompletionEvent::Failed { error } => return Err(error.message.into()),
                CompletionEvent::Done => {
                    return Ok(AnswerEvent::Done { words, seconds: begun.elapsed().as_secs_f64() });
                }
            }
        }
        Err("the model stopped before the end of the answer".into())
    }
}
