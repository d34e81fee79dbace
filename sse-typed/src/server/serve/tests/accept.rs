//! How connections are accepted: their maximum, and the errors of a listener.

use super::*;

#[test]
fn a_maximum_of_no_connections_is_one() {
    for (set, limit) in [(0, 1), (1, 1), (2, 2), (1_000, 1_000)] {
        assert_eq!(Server::new(pipes().1).max_connections(set).max_connections, limit);
    }
}

#[test]
fn each_number_of_what_was_served_is_its_own() {
    let served = Served { accepted: 7, drained: 4, cut: 2 };
    assert_eq!((served.accepted(), served.drained(), served.cut()), (7, 4, 2));
}

/// A listener that fails twice before each connection.
struct Alternating {
    pipes: Pipes,
    failures: usize,
}

impl Listener for Alternating {
    type Io = DuplexStream;
    type Addr = &'static str;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(DuplexStream, &'static str)>> {
        self.failures = (self.failures + 1) % 3;
        if self.failures == 0 {
            self.pipes.poll_accept(cx)
        } else {
            Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()))
        }
    }

    fn local_addr(&self) -> io::Result<&'static str> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_begins_anew_after_an_accepted_connection() {
    let (dial, pipes) = pipes();
    let mut clients = [dial.connect(PIPE), dial.connect(PIPE)];
    for client in &mut clients {
        client.write_all(GET.as_bytes()).await.unwrap();
    }
    let pipes = Alternating { pipes, failures: 0 };
    let begin = tokio::time::Instant::now();
    let server = tokio::spawn(Server::new(pipes).serve(Scripted::new([frame("one"), Step::Wait])));
    for client in &mut clients {
        read_until(client, "one\r\n").await;
    }
    let took = begin.elapsed().as_millis();
    assert!((2 * 150..2 * 150 + 20).contains(&took), "{took}");
    server.abort();
}
