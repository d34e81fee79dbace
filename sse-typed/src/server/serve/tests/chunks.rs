//! Chunks, and the detection of HTTP/2.

use bytes::BufMut as _;
use proptest::prelude::*;

use super::{
    super::{
        chunk::{self, Chunk},
        detect::{Version, detect},
        hand_off::Framing,
        unsent::Unsent,
    },
    *,
};
use crate::server::Shutdown;

fn naive(framing: Framing, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        if framing == Framing::Chunked {
            bytes.extend_from_slice(format!("{:X}\r\n", frame.len()).as_bytes());
        }
        bytes.extend_from_slice(frame);
        if framing == Framing::Chunked {
            bytes.extend_from_slice(b"\r\n");
        }
    }
    if framing == Framing::Chunked {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    bytes
}

/// Writes at most some bytes at a time.
struct Narrow {
    written: Vec<u8>,
    width: usize,
    is_vectored: bool,
}

impl AsyncWrite for Narrow {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let count = buf.len().min(self.width);
        self.written.put_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = bufs.iter().flat_map(|buf| buf.iter()).copied();
        let before = self.written.len();
        let width = self.width;
        self.written.extend(bytes.take(width));
        Poll::Ready(Ok(self.written.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        self.is_vectored
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

proptest! {
    #[test]
    fn chunks_are_the_same_bytes_however_they_are_written(
        frames in prop::collection::vec(
            prop_oneof![prop::collection::vec(any::<u8>(), 1..40), prop::collection::vec(any::<u8>(), 500..600)],
            1..6,
        ),
        parts in 1..12_usize,
        width in 1..700_usize,
        is_chunked: bool,
        is_vectored: bool,
        ends_with_data: bool,
        is_flat: bool,
    ) {
        let framing = if is_chunked { Framing::Chunked } else { Framing::CloseDelimited };
        let mut narrow = Narrow { written: Vec::new(), width, is_vectored };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for (index, frame) in frames.iter().enumerate() {
            // Data of several pieces, up to more than one write takes.
            let mut data: Box<dyn Buf + Send> = Box::new(&b""[..]);
            for piece in frame.chunks(frame.len().div_ceil(parts)) {
                data = Box::new(data.chain(piece));
            }
            let is_last = ends_with_data && index + 1 == frames.len();
            let mut chunk = Chunk::data(framing, data, is_last);
            let written = if is_flat {
                chunk.flatten().poll_write(&mut narrow, &mut cx)
            } else {
                chunk.poll_write(&mut narrow, &mut cx)
            };
            prop_assert!(matches!(written, Poll::Ready(Ok(()))));
        }
        if !ends_with_data {
            prop_assert!(Chunk::<Bytes>::end(framing).poll_write(&mut narrow, &mut cx).is_ready());
        }
        prop_assert_eq!(narrow.written, naive(framing, &frames));
    }

    #[test]
    fn chunks_that_are_written_together_are_the_same_bytes(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..600), 1..12),
        parts in 1..8_usize,
        width in 1..2_000_usize,
        is_chunked: bool,
        is_vectored: bool,
    ) {
        let framing = if is_chunked { Framing::Chunked } else { Framing::CloseDelimited };
        let mut narrow = Narrow { written: Vec::new(), width, is_vectored };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut chunks = frames.iter().map(|frame| {
            let mut data: Box<dyn Buf + Send> = Box::new(&b""[..]);
            for piece in frame.chunks(frame.len().div_ceil(parts)) {
                data = Box::new(data.chain(piece));
            }
            Chunk::data(framing, data, false)
        });
        let mut unsent = Unsent::new(chunks.next().unwrap());
        chunks.for_each(|chunk| unsent.push(chunk));
        unsent.push(Chunk::end(framing));
        prop_assert!(matches!(unsent.poll_write(&mut narrow, &mut cx), Poll::Ready(Ok(()))));
        prop_assert_eq!(narrow.written, naive(framing, &frames));
    }

    #[test]
    fn a_small_frame_is_the_same_bytes_however_much_the_connection_takes(
        frame in prop::collection::vec(any::<u8>(), 1..480),
        width in 1..600_usize,
        is_chunked: bool,
    ) {
        prop_assert!(chunk::is_small(&&frame[..]));
        let framing = if is_chunked { Framing::Chunked } else { Framing::CloseDelimited };
        let mut narrow = Narrow { written: Vec::new(), width, is_vectored: true };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        if let Some(mut rest) = chunk::write_small(framing, &frame[..], true, &mut narrow, &mut cx).unwrap() {
            prop_assert!(rest.poll_write(&mut narrow, &mut cx).is_ready());
        }
        prop_assert_eq!(narrow.written, naive(framing, &[frame]));
    }
}

#[test]
fn a_connection_that_takes_nothing_is_an_error() {
    let mut narrow = Narrow { written: Vec::new(), width: 0, is_vectored: true };
    let mut chunk = Chunk::data(Framing::Chunked, Bytes::from_static(b"x"), false);
    let written = chunk.poll_write(&mut narrow, &mut Context::from_waker(std::task::Waker::noop()));
    assert!(matches!(written, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::WriteZero));
}

#[test]
fn data_that_gives_one_piece_at_a_time_is_written_before_its_end() {
    /// Two pieces, of which `chunks_vectored` gives one.
    struct Pieces(Bytes, Bytes);

    impl Buf for Pieces {
        fn remaining(&self) -> usize {
            self.0.len() + self.1.len()
        }

        fn chunk(&self) -> &[u8] {
            if self.0.is_empty() { &self.1 } else { &self.0 }
        }

        fn advance(&mut self, count: usize) {
            let from_first = count.min(self.0.len());
            self.0.advance(from_first);
            self.1.advance(count - from_first);
        }
    }

    for length in [3, 600] {
        let frame = vec![b'x'; 2 * length];
        let piece = Bytes::from(vec![b'x'; length]);
        let mut narrow = Narrow { written: Vec::new(), width: usize::MAX, is_vectored: true };
        let mut chunk = Chunk::data(Framing::Chunked, Pieces(piece.clone(), piece), true);
        assert!(chunk.poll_write(&mut narrow, &mut Context::from_waker(std::task::Waker::noop())).is_ready());
        assert_eq!(narrow.written, naive(Framing::Chunked, &[frame]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_version_is_read_from_the_first_bytes_however_they_are_split() {
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let requests =
        ["GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", "P", "PR", "\r\n"];
    for (text, version) in requests.iter().map(|text| (*text, Version::Http1)).chain([(preface, Version::Http2)]) {
        for split in 0..text.len() {
            let (mut client, mut server) = tokio::io::duplex(64);
            let sends = async {
                for part in [&text[..split], &text[split..]] {
                    client.write_all(part.as_bytes()).await.unwrap();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                drop(client);
            };
            let mut begun = Shutdown::new().begun();
            let (found, ()) = tokio::join!(detect(&mut server, Duration::from_secs(10), &mut begun), sends);
            let (found, mut read) = found.unwrap();
            assert_eq!(found, version, "{text:?} split at {split}");
            let mut all = read.copy_to_bytes(read.remaining()).to_vec();
            server.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, text.as_bytes());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_ends_with_its_client_the_timeout_or_the_shutdown() {
    let timeout = Duration::from_secs(30);
    let shutdown = Shutdown::new();
    let (client, mut server) = tokio::io::duplex(64);
    drop(client);
    assert!(detect(&mut server, timeout, &mut shutdown.begun()).await.is_none());

    for sent in ["", "PRI"] {
        let (mut client, mut server) = tokio::io::duplex(64);
        client.write_all(sent.as_bytes()).await.unwrap();
        let begin = tokio::time::Instant::now();
        assert!(detect(&mut server, timeout, &mut shutdown.begun()).await.is_none());
        assert_eq!(begin.elapsed().as_secs(), 30, "{sent:?}");
    }

    shutdown.begin();
    let begin = tokio::time::Instant::now();
    let (_client, mut server) = tokio::io::duplex(64);
    assert!(detect(&mut server, timeout, &mut shutdown.begun()).await.is_none());
    // A request that has begun may be finished.
    let (mut client, mut server) = tokio::io::duplex(64);
    client.write_all(b"GET").await.unwrap();
    assert!(detect(&mut server, timeout, &mut shutdown.begun()).await.is_some());
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[test]
fn the_size_of_a_chunk_may_be_any_number() {
    /// Data that claims a size.
    struct Sized(usize);

    impl Buf for Sized {
        fn remaining(&self) -> usize {
            self.0
        }

        fn chunk(&self) -> &[u8] {
            &[]
        }

        fn advance(&mut self, count: usize) {
            self.0 -= count;
        }
    }

    for size in [1, 9, 10, 15, 16, 255, 256, 4096, 0xABCD_EF01, usize::MAX / 2] {
        let chunk = Chunk::data(Framing::Chunked, Sized(size), false);
        assert_eq!(chunk.chunk(), format!("{size:X}\r\n").as_bytes());
    }
}
