//! A process with runs in a Redis server. The arguments are the URL of the server, the name of the process, the lease in milliseconds,
//! and the keys.
//!
//! It begins at the first line of its input, and starts a run for each key, all at the same time. Each run publishes numbers until it
//! is stopped. The process ends with its input. It prints:
//!
//! | line | when |
//! |---|---|
//! | `ready` | the store is connected |
//! | `new <key> <run>`, `joined <key> <run>` | a run was started, or the key had one |
//! | `published <key> <n>` | a number is acknowledged |
//! | `refused <key> <error>` | a number was not published |
//! | `dropped <key>` | the producer is dropped |

use std::{
    env,
    fmt::Display,
    io::{self, Write, stdout},
    time::Duration,
};

use sse_typed::{
    runs::{BoxError, RunWriter, Runs},
    stores::RedisStore,
};
use tests::runs::Count;

/// A pause between two numbers.
const PAUSE: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [url, name, lease, keys @ ..] = &args[..] else { panic!("the arguments are a URL, a name, a lease and keys") };
    let lease = Duration::from_millis(lease.parse().unwrap());
    let store = RedisStore::builder(url).response_timeout(Duration::from_millis(500)).connect().await.unwrap();
    let runs = Runs::<Count, _>::builder().lease(lease).owner(name.as_str()).build_on(store, "counts");
    report("ready");
    next_line().await;
    for key in keys {
        let (scope, key) = (runs.public(), key.clone());
        tokio::spawn(async move {
            let produced = key.clone();
            let started = scope.start(&*key, move |run| count(run, produced)).await.unwrap();
            report(format!("{} {key} {}", if started.is_new { "new" } else { "joined" }, started.run.id()));
        });
    }
    next_line().await;
}

async fn next_line() {
    tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
}

async fn count(run: RunWriter<Count, RedisStore>, key: String) -> Result<Count, BoxError> {
    let _dropped = Dropped(key.clone());
    for n in 0.. {
        match run.publish(&Count::Number { n }).await {
            Ok(_) => report(format!("published {key} {n}")),
            Err(error) => {
                report(format!("refused {key} {error}"));
                return Err(error.into());
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Count::Done)
}

/// Reports that it is dropped.
struct Dropped(String);

impl Drop for Dropped {
    fn drop(&mut self) {
        report(format!("dropped {}", self.0));
    }
}

fn report(line: impl Display) {
    // One write, so that lines are whole. Nobody may read them any more.
    let _ = stdout().lock().write_all(format!("{line}\n").as_bytes());
}
