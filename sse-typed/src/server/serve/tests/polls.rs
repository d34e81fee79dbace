//! The futures of a connection, polled by hand: spurious polls, other tasks, no budget, and a drop at any time.

use bytes::BytesMut;
use tokio_test::{assert_pending, assert_ready, task};

use super::{
    super::{
        connection::OpenConnection,
        event_stream::EventStream,
        hand_off::{Framing, Terms},
        http1::Http1Connection,
        request_body::IsRead,
        wire::Wire,
    },
    *,
};
use crate::wake::budget::spend_budget;

fn server(service: &Scripted, pipe: usize) -> (Arc<ServerState<Scripted>>, DuplexStream, DuplexStream) {
    let settings = Server::new(pipes().1).settings;
    let (client, io) = tokio::io::duplex(pipe);
    (ServerState::new(service.clone(), settings, Shutdown::new()), client, io)
}

type Stream = EventStream<DuplexStream, Scripted, &'static str>;

/// A stream of these steps that has left hyper.
fn stream(server: &Arc<ServerState<Scripted>>, io: DuplexStream, service: &Scripted) -> Stream {
    let open = OpenConnection::new(server);
    let terms = Terms { framing: Framing::Chunked, is_persistent: true, request: IsRead::nothing_to_read() };
    let body = Box::pin(service.response().into_body());
    EventStream::new(io, body, terms, BytesMut::new(), "pipe", open)
}

fn received(client: &mut DuplexStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while let Some(Ok(count @ 1..)) = futures_util::FutureExt::now_or_never(client.read(&mut buffer)) {
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    text
}

#[tokio::test]
async fn the_shutdown_of_a_connection_reaches_its_socket() {
    let service = Scripted::new([Step::Wait]);
    let (server, mut client, io) = server(&service, PIPE);
    let mut wire = Wire::new(io, Bytes::new(), None, OpenConnection::new(&server));
    wire.shutdown().await.unwrap();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    drop(wire);
}

#[tokio::test(start_paused = true)]
async fn a_spurious_poll_sends_nothing_twice() {
    let service = Scripted::new([frame("one"), Step::Wait, frame("two"), Step::Wait]);
    let (server, mut client, io) = server(&service, PIPE);
    let mut stream = task::spawn(stream(&server, io, &service));
    for text in ["3\r\none\r\n", "3\r\ntwo\r\n"] {
        for _ in 0..10 {
            assert_pending!(stream.poll());
        }
        assert_eq!(received(&mut client), text);
        service.log.release();
        assert!(stream.is_woken());
    }
    assert_ready!(stream.poll());
    assert_eq!(received(&mut client), "0\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_pending_goes_on_where_it_was() {
    let service = Scripted::new([frame("one"), frame("two"), Step::Yield, Step::Wait]);
    let (server, mut client, io) = server(&service, 4);
    let mut stream = task::spawn(stream(&server, io, &service));
    let mut text = String::new();
    for _ in 0..20 {
        for _ in 0..3 {
            assert_pending!(stream.poll());
        }
        text.push_str(&received(&mut client));
    }
    assert_eq!(text, "3\r\none\r\n3\r\ntwo\r\n");
}

#[tokio::test(start_paused = true)]
async fn the_task_that_polled_last_is_woken() {
    for event in ["the body", "the client leaves", "the client sends", "the cut"] {
        let service = Scripted::new([Step::Wait]);
        let (server, mut client, io) = server(&service, PIPE);
        let mut stream = Box::pin(stream(&server, io, &service));
        let (mut first, mut second) = (task::spawn(()), task::spawn(()));
        for task in [&mut first, &mut second] {
            task.enter(|cx, _| assert_pending!(stream.as_mut().poll(cx)));
        }
        match event {
            "the body" => service.log.release(),
            "the client leaves" => drop(client),
            "the client sends" => client.write_all(b"GET").await.unwrap(),
            _ => server.cut_all(),
        }
        assert!(second.is_woken() && !first.is_woken(), "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_budget_nothing_is_lost_and_the_task_is_woken() {
    let service = Scripted::new([frame("one"), Step::Wait, frame("two"), Step::Wait, frame("three")]);
    let (server, mut client, io) = server(&service, PIPE);
    let mut stream = task::spawn(stream(&server, io, &service));
    let mut text = String::new();
    for round in 0..100 {
        let has_budget = round % 3 == 2;
        let polled = stream.enter(|cx, stream| {
            if !has_budget {
                spend_budget(cx);
            }
            stream.poll(cx)
        });
        if polled.is_ready() {
            break;
        }
        // Gives this task a budget again. The runtime wakes tasks that are out of budget after it.
        tokio::task::yield_now().await;
        assert!(has_budget || stream.is_woken());
        text.push_str(&received(&mut client));
        service.log.release();
        tokio::task::yield_now().await;
    }
    text.push_str(&received(&mut client));
    assert_eq!(text, "3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn without_budget_a_cut_is_seen() {
    let service = Scripted::new([Step::Wait]);
    let (server, _client, io) = server(&service, PIPE);
    let mut stream = task::spawn(stream(&server, io, &service));
    let poll = |stream: &mut task::Spawn<Stream>| {
        stream.enter(|cx, stream| {
            spend_budget(cx);
            stream.poll(cx)
        })
    };
    assert_pending!(poll(&mut stream));
    server.cut_all();
    assert!(stream.is_woken());
    assert_ready!(poll(&mut stream));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_at_any_poll_drops_its_body_and_is_not_counted() {
    for polls in 0..12 {
        let service = Scripted::new([frame("one"), Step::Yield, frame("two"), Step::Yield, frame("three")]);
        let (server, mut client, io) = server(&service, 8);
        let mut stream = task::spawn(stream(&server, io, &service));
        assert_eq!(server.open_connections(), 1);
        let mut text = String::new();
        let mut has_ended = false;
        for _ in 0..polls {
            has_ended = has_ended || stream.poll().is_ready();
            text.push_str(&received(&mut client));
        }
        drop(stream);
        assert_eq!(service.log.dropped(), 1);
        if has_ended {
            // hyper has the connection.
            drop(client);
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        } else {
            text.push_str(&received(&mut client));
        }
        assert!("3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n".starts_with(&text), "{text:?}");
        assert_eq!(server.open_connections(), 0, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_dropped_at_any_poll_is_not_counted() {
    for polls in 0..12 {
        let service = Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two"), Step::Wait]);
        let (server, mut client, io) = server(&service, 8);
        let open = OpenConnection::new(&server);
        let connection = Http1Connection::new(io, Bytes::from_static(GET.as_bytes()), "pipe", open);
        let mut connection = task::spawn(connection);
        for _ in 0..polls {
            assert_pending!(connection.poll());
            received(&mut client);
        }
        drop(connection);
        assert_eq!(server.open_connections(), 0);
        assert_eq!(service.log.dropped(), usize::from(polls > 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_its_stream_has_a_task_of_its_own() {
    let service = Scripted::new([frame("one"), Step::Wait, frame("two"), Step::Wait]);
    let (server, mut client, io) = server(&service, PIPE);
    let open = OpenConnection::new(&server);
    let connection = Http1Connection::new(io, Bytes::from_static(GET.as_bytes()), "pipe", open);
    let mut connection = task::spawn(connection);
    assert_ready!(connection.poll());
    drop(connection);
    assert_eq!(server.open_connections(), 1);
    service.log.release();
    read_until(&mut client, "3\r\none\r\n3\r\ntwo\r\n").await;
    server.cut_all();
    assert_eq!(read_to_end(&mut client).await, "");
    assert_eq!((server.open_connections(), service.log.dropped()), (0, 1));
}
