//! The example `tail`, run as a command.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use sse_typed::testing::{Answer, ListeningServer, ScriptedServer};

fn tail(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tail"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code, standard output and standard error.
fn exit(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn run(server: &ListeningServer, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = server.url("/feed");
    let mut command = tail(&[&[url.as_str()], arguments].concat());
    exit(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

#[tokio::test]
async fn events_go_to_the_output_and_the_connections_fate_to_the_error_output() {
    let replies = [
        Answer::stream().send("retry: 100\n\n: hello\nid: 1\nevent: cpu\ndata: a\ndata: b\n\ndata: plain\n\n"),
        Answer::stream().send("data: half").break_off(),
        Answer::status(503),
    ];
    let server = ScriptedServer::new(replies).listen().await;
    let (code, out, err) = run(&server, &[]).await;
    assert_eq!(out, "event: cpu\nid: 1\ndata: a\ndata: b\n\nevent: message\ndata: plain\n\n");
    let lines: Vec<_> = err.lines().collect();
    let [connected, ended, again, broken, refused, complete] = lines[..] else { panic!("{err}") };
    assert_eq!((connected, again), ("connected: 200 OK", "connected: 200 OK"));
    assert!(
        ended.starts_with("reconnecting in 1") && ended.ends_with(", after the event `1`: the stream ended"),
        "{err}"
    );
    assert!(broken.contains(": the event stream broke off: "), "{err}");
    assert!(refused.contains("503 Service Unavailable"), "{err}");
    assert!(complete.starts_with("complete: "), "{err}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn options_set_json_output_headers_the_first_id_and_a_number_of_events() {
    let server = ScriptedServer::new([Answer::stream()
        .send("id: 8\ndata: a\ndata: b\n\ndata: {\"a\":\ndata: 2}\n\ndata: 3\n\n")
        .stall()])
    .listen()
    .await;
    let arguments = ["--json", "--max-events", "2", "--header", "x-a: b: c", "--last-event-id=7"];
    let (code, out, err) = run(&server, &arguments).await;
    let first = r#"{"type":"message","id":"8","data":"a\nb"}"#;
    let second = r#"{"type":"message","id":null,"data":{"a": 2}}"#;
    assert_eq!(out, format!("{first}\n{second}\n"));
    assert_eq!((code, err.as_str()), (Some(0), "connected: 200 OK\n"));
    let request = &server.requests()[0];
    assert_eq!((request.header("x-a"), request.header("last-event-id")), (Some("b: c"), Some("7")));
    assert!(request.header("user-agent").unwrap().starts_with("sse-typed-tail/"));
}

#[tokio::test]
async fn an_error_response_exits_with_1_and_prints_the_body_without_control_characters() {
    let server = ScriptedServer::new([Answer::status(403).send("no entry\x1b[2J\n\nfor you")]).listen().await;
    let (code, out, err) = run(&server, &[]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("error: ") && err.contains("403 Forbidden"), "{err}");
    assert!(err.ends_with("\n  no entry\\u{1b}[2J\n  for you\n"), "{err:?}");
}

#[test]
fn invalid_arguments_exit_with_2_and_print_the_usage() {
    for arguments in [&[][..], &["--json"], &["localhost"], &["http://a/", "--follow"]] {
        let (code, out, err) = exit(tail(arguments).output().unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.starts_with("error: ") && err.contains("\nusage: "), "{err}");
    }
    let (code, out, err) = exit(tail(&["--help"]).output().unwrap());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("usage: "), "{out}");
}

/// Reads the first line, and returns the reader for the rest.
fn first_line(child: &mut Child) -> (String, BufReader<impl Read + use<>>) {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (line, out)
}

#[tokio::test]
async fn a_closed_pipe_ends_it_silently() {
    let events = (0..100).fold(Answer::stream(), |reply, _| reply.send("data: 1\n\n").wait(Duration::from_millis(20)));
    let server = ScriptedServer::new([events.stall()]).listen().await;
    let mut child = tail(&[&server.url("/")]).spawn().unwrap();
    let output = tokio::task::spawn_blocking(move || {
        let (line, out) = first_line(&mut child);
        assert_eq!(line, "event: message\n");
        drop(out);
        child.wait_with_output().unwrap()
    });
    let (code, _, err) = exit(output.await.unwrap());
    assert_eq!((code, err.as_str()), (Some(0), "connected: 200 OK\n"));
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_at_once() {
    use std::os::unix::process::ExitStatusExt;

    const SIGINT: i32 = 2;
    let server = ScriptedServer::new([Answer::stream().send("data: 1\n\n").stall()]).listen().await;
    let mut child = tail(&[&server.url("/")]).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        let (_, _out) = first_line(&mut child);
        let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
        assert!(sent.success());
        child.wait().unwrap()
    });
    assert_eq!(ended.await.unwrap().signal(), Some(SIGINT));
}
