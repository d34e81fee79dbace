//! Large frames, which are written together.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    super::{
        connection::OpenConnection,
        event_stream::EventStream,
        hand_off::{Framing, Terms},
        request_body::IsRead,
    },
    *,
};

/// A connection that records each write, and from which nothing is read.
struct Recorder {
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
    takes_bytes: bool,
}

impl AsyncRead for Recorder {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.takes_bytes {
            return Poll::Pending;
        }
        let bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        let count = bytes.len();
        self.writes.lock().unwrap().push(bytes);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const SIZE: usize = 32 << 10;

fn large(letter: &str) -> Step {
    frame(&letter.repeat(SIZE))
}

fn chunk(letter: &str) -> String {
    format!("{SIZE:X}\r\n{}\r\n", letter.repeat(SIZE))
}

/// Runs the stream in a task until that waits. Returns what was written, write by write, and whether the stream has ended.
async fn run(service: &Scripted, takes_bytes: bool) -> (Vec<String>, bool) {
    let settings = Server::new(pipes().1).settings;
    let server = ServerState::new(service.clone(), settings, Shutdown::new());
    let writes = Arc::default();
    let io = Recorder { writes: Arc::clone(&writes), takes_bytes };
    let terms = Terms { framing: Framing::Chunked, is_persistent: false, request: IsRead::nothing_to_read() };
    let body = Box::pin(service.response().into_body());
    let open = OpenConnection::new(&server);
    let mut task = tokio::spawn(EventStream::new(io, body, terms, BytesMut::new(), "recorder", open));
    let has_ended = tokio::time::timeout(Duration::from_millis(1), &mut task).await.is_ok();
    task.abort();
    let writes = writes.lock().unwrap();
    (writes.iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect(), has_ended)
}

#[tokio::test(start_paused = true)]
async fn large_frames_that_are_ready_leave_in_few_writes() {
    let letters = ["a", "b", "c", "d", "e", "f"];
    let steps: Vec<Step> = letters.map(large).into_iter().chain([Step::Wait]).collect();
    let (writes, has_ended) = run(&Scripted::new(steps), true).await;
    assert_eq!(writes.concat(), letters.map(chunk).concat());
    assert_eq!((writes.len(), has_ended), (2, false));
}

#[tokio::test(start_paused = true)]
async fn large_frames_before_an_error_of_the_body_are_written() {
    let service = Scripted::new([large("a"), large("b"), Step::Fail]);
    let (writes, has_ended) = run(&service, true).await;
    assert_eq!(writes.concat(), [chunk("a"), chunk("b")].concat());
    assert_eq!((has_ended, service.log.dropped()), (true, 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_stopped_reading_holds_few_large_frames() {
    let service = Scripted::new(vec![large("a"); 40]);
    let (writes, has_ended) = run(&service, false).await;
    assert_eq!((writes.len(), has_ended), (0, false));
    assert!(service.log.polls() <= 5, "{} polls", service.log.polls());
}
