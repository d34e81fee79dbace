//! What people see of an example that cannot start, and of the requests of the chat; and a short soak.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{self, Child, Command, Stdio},
    time::Duration,
};

/// Examples that serve, all with the option `--port`.
const SERVERS: [&str; 4] = [
    env!("CARGO_BIN_EXE_dashboard"),
    env!("CARGO_BIN_EXE_notifications"),
    env!("CARGO_BIN_EXE_prices"),
    env!("CARGO_BIN_EXE_resumable_chat"),
];

fn error_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{program}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_example_whose_port_is_in_use_names_the_option_that_changes_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for program in SERVERS {
        let error = error_of(program, &["--port", &port]);
        assert!(error.starts_with(&format!("error: cannot listen on port {port}: ")), "{error}");
        assert!(error.ends_with("Choose another with `-- --port N`; 0 takes any free one.\n"), "{error}");
    }
}

#[test]
fn an_example_that_is_started_in_another_way_prints_its_usage() {
    for program in SERVERS {
        assert!(error_of(program, &["--prot", "1"]).starts_with("error: usage: cargo run --example "), "{program}");
        assert!(error_of(program, &["--port", "many"]).contains("`many`"), "{program}");
    }
}

/// Sends a request to a server, and returns its whole response once the server has ended it.
fn response_of(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let cookie = "chat_user=0123456789abcdef0123456789abcdef";
    let len = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n{body}"
    )
    .unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    response
}

/// A process that is killed with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_answer_of_the_chat_that_was_asked_again_is_still_that_of_its_question() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resumable_chat"));
    let mut server = Server(command.args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    // It is open until the end, because the server panics when it cannot print.
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().rsplit_once("http://").unwrap().1.trim_end_matches('/').to_owned();
    let send = |method, path, body| response_of(&address, method, path, body);

    let (failing, other) = (r#"{"question":"fail"}"#, r#"{"question":"What else?"}"#);
    assert!(send("POST", "/answers/key", failing).contains("the model is overloaded"));
    assert!(send("POST", "/answers/key/again", failing).starts_with("HTTP/1.1 202 "));
    let joined = send("POST", "/answers/key", failing);
    assert!(joined.starts_with("HTTP/1.1 200 ") && joined.contains("the model is overloaded"), "{joined}");
    assert!(send("POST", "/answers/key", other).starts_with("HTTP/1.1 409 "));
    for path in ["/answers/key", "/answers/key/again"] {
        let refused = send("POST", path, "fail");
        assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains("the body must be JSON"), "{refused}");
    }
    assert!(send("DELETE", "/answers/unknown", "").starts_with("HTTP/1.1 404 "));
}

#[test]
fn the_promises_hold_in_a_short_soak_of_the_memory_store() {
    let printed = soak(&["--store", "memory"]);
    assert!(printed.contains("drains "), "{printed}");
}

#[test]
fn the_promises_hold_in_a_short_soak_of_the_file_store() {
    let folder = env::temp_dir().join(format!("sse-typed-soak-{}", process::id()));
    let printed = soak(&["--store", &format!("file:{}", folder.display())]);
    fs::remove_dir_all(folder).unwrap();
    assert!(printed.contains("drains ") && printed.contains("kill -9 "), "{printed}");
}

/// Runs the example `soak`. Returns what it has printed.
fn soak(store: &[&str]) -> String {
    let load = ["--connections", "8", "--duration", "8s"];
    let output = Command::new(env!("CARGO_BIN_EXE_soak")).args(store).args(load).output().unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    assert!(printed.contains("missing 0, duplicates 0, out of order 0, "), "{printed}");
    assert!(printed.contains("missing 0, duplicates 0, differing 0, ") && !printed.contains("runs 0, "), "{printed}");
    printed.into_owned()
}

#[test]
fn a_soak_that_is_not_possible_says_why() {
    for (arguments, reason) in [
        (&["--stroe", "memory"][..], "`--stroe` is not an option\nusage: "),
        (&["--store"], "`--store` needs a value"),
        (&["--store", "events"], "`--store` needs `memory`, `file:FOLDER`, `redis` or `redis://HOST`, not `events`"),
        (&["--store", "file:"], "`--store file:` needs a folder"),
        (&["--connections", "0"], "`--connections` needs a number from 1 to 10000, not `0`"),
        (&["--duration", "10"], "such as `30s`, `10m` or `1h`, not `10`"),
        (&["--faults", "cut,rain"], "`rain` is not a fault: "),
        (&["--faults", "kill"], "`kill` is not possible: the memory store ends with its process"),
        (
            &["--faults", "store", "--store", "file:x"],
            "`store` is not possible: only a store in another process can be away",
        ),
        (&["--faults", "pause", "--store", "redis://h"], "`pause` is not possible: it needs `--redis-pid PID`"),
        (&["--redis-pid", "1"], "`--redis-pid` needs `--store redis://HOST`"),
        (&["--faults", "store", "--store", "rediss://h"], "`store` is not possible: it goes through a proxy"),
    ] {
        let error = error_of(env!("CARGO_BIN_EXE_soak"), arguments);
        assert!(error.starts_with("error: ") && error.contains(reason), "{error}");
    }
}
