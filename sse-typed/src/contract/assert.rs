//! Judges a type against committed contracts.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{Contract, Policy, changes::changes};

/// The environment variable that makes tests write their files.
const UPDATE: &str = "SSE_TYPED_UPDATE";

/// The file of a folder that has the contract of today.
const CURRENT: &str = "current.json";

/// Asserts that the contract of today breaks nobody who knows a committed one. Called in a test, it fails when the type has changed.
///
/// `path` is a file, or a folder. In a folder, every `*.json` is judged, such as a file for each release whose clients are still in
/// use, and `current.json` is the contract of today. A relative path starts at the folder of the package, where cargo runs tests.
///
/// The committed contract of today must also be current: a change that breaks nobody fails until it is committed, so that the next
/// change is judged against it.
///
/// With `SSE_TYPED_UPDATE=1` in the environment, the contract is written instead, and every change is accepted. This never happens
/// where the variable `CI` is set. The other files of a folder are never written.
///
#[cfg_attr(feature = "derive", doc = "```no_run")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # #[derive(sse_typed::SseEvent)]
/// # enum RideEvent { Arrived }
/// use sse_typed::contract::{self, Contract, Policy};
///
/// #[test]
/// fn old_clients_understand_the_events() {
///     contract::assert_compatible("contracts/ride_event.json", &Contract::of::<RideEvent>(), Policy::both());
/// }
/// ```
///
/// # Panics
///
/// When the policy forbids a change, with the change, who breaks, the event at which they do, and the error that it gives them; when
/// the file is missing or not current, with the command that writes it; and when a file cannot be read, or is no contract.
#[track_caller]
pub fn assert_compatible(path: impl AsRef<Path>, contract: &Contract, policy: Policy) {
    match check(path.as_ref(), contract, policy, is_update(|name| env::var_os(name))) {
        Ok(warnings) => warnings.iter().for_each(|warning| eprintln!("{warning}")),
        Err(message) => panic!("{message}"),
    }
}

/// Whether the environment asks to write files. A build on CI never writes any.
fn is_update(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
    is_set(UPDATE) && !is_set("CI")
}

/// The warnings, or why it fails.
fn check(path: &Path, contract: &Contract, policy: Policy, update: bool) -> Result<Vec<String>, String> {
    let is_folder = path.is_dir() || (path.extension().is_none() && !path.is_file());
    let current = if is_folder { path.join(CURRENT) } else { path.to_owned() };
    if update {
        return write(&current, contract).map(|()| Vec::new()).map_err(|error| failed(&current, &error));
    }
    let how = format!("{UPDATE}=1 in the environment of this test");
    let mut files = if path.is_dir() { json_files(path).map_err(|error| failed(path, &error))? } else { Vec::new() };
    if !files.contains(&current) {
        files.push(current.clone());
    }
    let mut warnings = Vec::new();
    let mut forbidden = Vec::new();
    let mut releases = Vec::new();
    let mut breaks_current = false;
    let mut not_current = None;
    for file in files {
        let shown = file.display();
        let text = match fs::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).replace("\r\n", "\n"),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(format!("{shown} is missing: to write it, set {how}"));
            }
            Err(error) => return Err(failed(&file, &error)),
        };
        let committed: Contract = text.parse().map_err(|error| format!("{shown}: {error}"))?;
        let found = changes(&committed, contract);
        let broken: Vec<_> = found.iter().filter(|change| policy.forbids(change)).map(ToString::to_string).collect();
        if !broken.is_empty() {
            let changes = if found.len() == 1 { "change" } else { "changes" };
            let are = if broken.len() == 1 { "is" } else { "are" };
            let name = contract.type_name();
            let head = format!("{shown}: {} of {} {changes} of `{name}` {are} not allowed", broken.len(), found.len());
            if file == current {
                breaks_current = true;
            } else {
                releases.push(shown.to_string());
            }
            forbidden.push(format!("{head}\n\n{}", broken.join("\n\n")));
        }
        let warned = found.iter().filter(|change| policy.warns(change));
        warnings.extend(warned.map(|change| format!("{shown}: {change}")));
        if file == current && text != contract.to_string() {
            let listed: Vec<_> =
                found.iter().map(|change| format!("\n  {}: {}", change.subject(), change.description)).collect();
            not_current = Some(format!("{shown} is not current: to write it, set {how}{}", listed.concat()));
        }
    }
    if !forbidden.is_empty() {
        let mut accept = String::new();
        if breaks_current {
            accept += &format!("\n\nto accept that they break, set {how}, and commit the file");
        }
        if !releases.is_empty() {
            accept += &format!("\n\nonce nobody uses it any more, delete {}", releases.join(", "));
        }
        return Err(forbidden.join("\n\n") + &accept);
    }
    not_current.map_or(Ok(warnings), Err)
}

fn failed(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn write(path: &Path, contract: &Contract) -> io::Result<()> {
    let text = contract.to_string();
    if fs::read_to_string(path).is_ok_and(|committed| committed.replace("\r\n", "\n") == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// The contracts of a folder, sorted by name.
fn json_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    mod before {
        use sse_typed_derive::SseEvent;

        #[derive(SseEvent)]
        #[sse(crate = "crate")]
        pub(super) enum E {
            A { x: u8 },
            B,
        }
    }

    mod after {
        use sse_typed_derive::SseEvent;

        #[derive(SseEvent)]
        #[sse(crate = "crate")]
        pub(super) enum E {
            A { x: u16 },
            B,
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("sse-typed-contracts-{}-{name}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn failure(path: &Path, contract: &Contract, policy: Policy) -> Option<String> {
        check(path, contract, policy, false).err()
    }

    #[test]
    fn a_broken_change_fails_with_the_event_and_what_to_do() {
        let folder = folder("broken");
        let path = folder.join("e.json");
        let missing = failure(&path, &Contract::of::<before::E>(), Policy::both()).unwrap();
        assert_eq!(
            missing,
            format!(
                "{} is missing: to write it, set SSE_TYPED_UPDATE=1 in the environment of this test",
                path.display()
            )
        );
        fs::write(&path, Contract::of::<before::E>().to_string().replace('\n', "\r\n")).unwrap();
        assert_eq!(failure(&path, &Contract::of::<before::E>(), Policy::both()), None);
        let message = failure(&path, &Contract::of::<after::E>(), Policy::both()).unwrap();
        let expected = "\
e.json: 1 of 1 change of `E` is not allowed

A: x: integer from 0 to 65535 instead of integer from 0 to 255
  old clients, new server: breaks
    | event: A
    | data: {\"x\":256}
    error: x: 256 is out of range
  new clients, old server: safe
  new code, stored history: safe
  deploy the clients first, and the server when no old client is left

to accept that they break, set SSE_TYPED_UPDATE=1 in the environment of this test, and commit the file";
        assert_eq!(message.replace(&format!("{}/", folder.display()), ""), expected);
        // Where clients are deployed first, it breaks nobody, but it must be committed.
        let message = failure(&path, &Contract::of::<after::E>(), Policy::client_first()).unwrap();
        assert!(message.contains("e.json is not current"), "{message}");
        assert_eq!(failure(&path, &Contract::of::<before::E>(), Policy::server_first()), None);
        let bare = folder.join("contract");
        fs::write(&bare, Contract::of::<before::E>().to_string()).unwrap();
        assert_eq!(failure(&bare, &Contract::of::<before::E>(), Policy::both()), None);
        fs::write(&path, "{\"contract\":2}").unwrap();
        let message = failure(&path, &Contract::of::<before::E>(), Policy::both()).unwrap();
        assert!(
            message.ends_with("at /contract: format 2 is not known, this version of sse-typed knows 1"),
            "{message}"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_written_on_request_and_never_on_ci() {
        let set = |names: &'static [&str]| is_update(|name| names.contains(&name).then(|| "1".into()));
        assert!(set(&[UPDATE]) && !set(&["CI"]) && !set(&[UPDATE, "CI"]) && !set(&[]));
        let folder = folder("written");
        let path = folder.join("below/e.json");
        let contract = Contract::of::<before::E>();
        assert_eq!(check(&path, &contract, Policy::both(), true), Ok(Vec::new()));
        assert_eq!(fs::read_to_string(&path).unwrap(), contract.to_string());
        assert_eq!(check(&folder.join("releases"), &contract, Policy::both(), true), Ok(Vec::new()));
        assert!(folder.join("releases/current.json").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn every_release_in_a_folder_is_judged() {
        let folder = folder("releases");
        fs::write(folder.join("2025.json"), Contract::of::<before::E>().to_string()).unwrap();
        fs::write(folder.join("current.json"), Contract::of::<after::E>().to_string()).unwrap();
        let message = failure(&folder, &Contract::of::<after::E>(), Policy::both()).unwrap();
        assert!(message.contains("2025.json: 1 of 1 change"), "{message}");
        // An update does not write the files of releases.
        assert!(!message.contains(UPDATE), "{message}");
        assert!(
            message.ends_with("2025.json") && message.contains("once nobody uses it any more, delete "),
            "{message}"
        );
        assert_eq!(failure(&folder, &Contract::of::<after::E>(), Policy::client_first()), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
