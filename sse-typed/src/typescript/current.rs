//! Compares a committed file with the text that is generated now.

use std::{
    env, fs,
    io::{self, ErrorKind},
    path::Path,
};

use super::{Options, TypeScript, render, runtime};
use crate::codec::describe::DescribeEvent;

/// The environment variable that makes tests write their files.
const UPDATE: &str = "SSE_TYPED_UPDATE";

/// Asserts that a committed file is the current TypeScript of an event type. Called in a test, it fails when the
/// type has changed and the file has not.
///
/// With `SSE_TYPED_UPDATE=1` in the environment, it writes the file and missing folders instead, unless the file is
/// current. A relative path starts at the folder of the package, where cargo runs tests. Lines may end in CRLF, as
/// git checks them out on Windows.
///
#[cfg_attr(feature = "derive", doc = "```no_run")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # #[derive(sse_typed::SseEvent)]
/// # enum RideEvent { Arrived }
/// use sse_typed::typescript::{self, Options};
///
/// #[test]
/// fn the_page_has_the_current_events() {
///     typescript::assert_current::<RideEvent>("page/src/ride_event.ts", &Options::new());
/// }
/// ```
///
/// # Panics
///
/// When the file is missing or differs, with the first different line and the command that writes it; when the file
/// cannot be read or written; and when [`render`] panics.
#[track_caller]
pub fn assert_current<E: DescribeEvent<TypeScript> + ?Sized>(path: impl AsRef<Path>, options: &Options) {
    assert_text(path.as_ref(), &render::<E>(options));
}

/// Asserts that a committed file is the current [`runtime`], which the files with
/// [`Options::runtime_at`](Options::runtime_at) import. Called in a test, it fails after an update of this crate until
/// the file is updated. With `SSE_TYPED_UPDATE=1` it writes the file, as [`assert_current`] does.
///
/// ```no_run
/// use sse_typed::typescript;
///
/// #[test]
/// fn the_page_has_the_current_runtime() {
///     typescript::assert_runtime_current("page/src/sse_typed.ts");
/// }
/// ```
///
/// # Panics
///
/// When the file is missing or differs, with the first different line and the command that writes it; and when the
/// file cannot be read or written.
#[track_caller]
pub fn assert_runtime_current(path: impl AsRef<Path>) {
    assert_text(path.as_ref(), &runtime());
}

#[track_caller]
fn assert_text(path: &Path, text: &str) {
    let update = env::var_os(UPDATE).is_some_and(|value| !value.is_empty() && value != "0");
    if let Err(message) = check(path, text, update) {
        panic!("{message}");
    }
}

/// Compares the file with the text, or writes it if `update` is set. The error describes the difference.
fn check(path: &Path, text: &str, update: bool) -> Result<(), String> {
    let shown = path.display();
    let failed = |error: io::Error| format!("{shown}: {error}");
    let committed = match fs::read(path) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n")),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let how = format!("to write it, run this test again with {UPDATE}=1 in the environment");
    match committed {
        Some(committed) if committed == text => Ok(()),
        _ if update => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            fs::write(path, text).map_err(failed)
        }
        None => Err(format!("{shown} is missing: {how}")),
        Some(committed) => Err(format!("{shown} is not current: {how}\n{}", difference(&committed, text))),
    }
}

/// The first line that differs.
fn difference(committed: &str, text: &str) -> String {
    let mut is = committed.split('\n');
    let mut should_be = text.split('\n');
    let mut number = 1;
    loop {
        let (old, new) = (is.next(), should_be.next());
        if old != new || old.is_none() {
            let shown = |line: Option<&str>| line.map_or_else(|| "(the end)".to_owned(), str::to_owned);
            return format!("line {number} is      {}\nand should be {}", shown(old), shown(new));
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::check;

    const TEXT: &str = "one\ntwo\n";

    #[test]
    fn a_committed_file_is_compared_with_the_text() {
        let folder = env::temp_dir().join(format!("sse-typed-current-{}", process::id()));
        let path = folder.join("a/b.ts");
        let check =
            |update| check(&path, TEXT, update).map_err(|message| message.replace(&*path.to_string_lossy(), "b.ts"));
        let how = "to write it, run this test again with SSE_TYPED_UPDATE=1 in the environment";

        assert_eq!(check(false), Err(format!("b.ts is missing: {how}")));
        assert_eq!(check(true), Ok(()), "missing folders are created");
        assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
        assert_eq!(check(false), Ok(()));

        fs::write(&path, "one\r\ntwo\r\n").unwrap();
        assert_eq!(check(false), Ok(()), "as git checks it out on Windows");
        assert_eq!(check(true), Ok(()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\r\ntwo\r\n", "a current file is not written");

        fs::write(&path, "one\n2\n").unwrap();
        let message = format!("b.ts is not current: {how}\nline 2 is      2\nand should be two");
        assert_eq!(check(false), Err(message));
        fs::write(&path, "one\ntwo").unwrap();
        let message = format!("b.ts is not current: {how}\nline 3 is      (the end)\nand should be ");
        assert_eq!(check(false), Err(message));
        assert_eq!(check(true), Ok(()));
        assert_eq!(check(false), Ok(()));
        fs::remove_dir_all(folder).unwrap();
    }
}
