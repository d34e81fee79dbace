use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::chunk::Chunk;

/// How many slices one write takes. A chunk of a hub has three.
const MAX_SLICES: usize = 16;

/// Chunks that are written together, or what the connection has not taken of them.
#[derive(Debug)]
pub(super) enum Unsent<D> {
    Chunks(VecDeque<Chunk<D>>),
    /// For a connection that would send each slice by itself.
    Flat(Chunk<Bytes>),
}

impl<D: Buf> Unsent<D> {
    pub(super) fn new(chunk: Chunk<D>) -> Self {
        Self::Chunks(VecDeque::from([chunk]))
    }

    /// Adds a chunk, which must not follow a [flat](Self::Flat) one.
    pub(super) fn push(&mut self, chunk: Chunk<D>) {
        if let Self::Chunks(chunks) = self {
            chunks.push_back(chunk);
        }
    }

    /// Writes all of it. Pending with what is left.
    pub(super) fn poll_write<Io: AsyncWrite + Unpin>(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let chunks = match self {
            Self::Chunks(chunks) => chunks,
            Self::Flat(chunk) => return chunk.poll_write(io, cx),
        };
        while chunks.len() > 1 && io.is_write_vectored() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = fill_slices(chunks, &mut slices);
            let mut written = ready!(Pin::new(&mut *io).poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            while let Some(chunk) = chunks.front_mut() {
                let from_chunk = written.min(chunk.remaining());
                chunk.advance(from_chunk);
                written -= from_chunk;
                if chunk.has_remaining() {
                    break;
                }
                chunks.pop_front();
            }
        }
        while let Some(chunk) = chunks.front_mut() {
            ready!(chunk.poll_write(io, cx))?;
            chunks.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

/// Fills the slices with the first bytes of the chunks. Returns the number of slices.
fn fill_slices<'a, D: Buf>(chunks: &'a VecDeque<Chunk<D>>, slices: &mut [IoSlice<'a>]) -> usize {
    let mut count = 0;
    for chunk in chunks {
        let before = count;
        count += chunk.chunks_vectored(&mut slices[before..]);
        let length: usize = slices[before..count].iter().map(|slice| slice.len()).sum();
        if length < chunk.remaining() {
            break;
        }
    }
    count
}
