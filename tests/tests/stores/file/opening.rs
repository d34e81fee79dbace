//! What opening a folder meets.

use std::{
    fs,
    time::{Duration, Instant},
};

use sse_typed::{
    hub::{EventLog, EventStore},
    stores::FileStore,
};

use super::{append, folder::Folder, read};

#[tokio::test]
async fn a_folder_is_open_once() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let error = FileStore::open(folder.path()).unwrap_err();
    assert!(error.is_already_open(), "{error}");
    let path = folder.path().display();
    assert_eq!(error.to_string(), format!("the store in `{path}` is already open, in this process or in another"));
    append(&store.log("rides"), 0..1).await;
}

#[tokio::test]
async fn an_opening_right_behind_a_drop_waits_for_it() {
    let folder = Folder::new();
    for n in 0..20 {
        let store = FileStore::open(folder.path()).unwrap();
        let log = store.log("rides");
        let start = log.before_last(u64::MAX).await.unwrap();
        assert_eq!(read(&log, &start).await.len(), n);
        append(&log, [n]).await;
    }
}

#[tokio::test]
async fn a_closed_store_can_be_opened_at_once_and_its_handles_fail() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let log = store.log("rides");
    let head = append(&log, 0..1).await.remove(0).id;
    store.close().await;
    let start = Instant::now();
    let again = FileStore::open(folder.path()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(log.head().await.unwrap_err().is_closed());
    assert!(log.wait_after(&head).await.unwrap_err().is_closed());
    assert!(store.remove("rides").await.unwrap_err().is_closed());
    store.close().await;
    assert_eq!(again.log("rides").head().await.unwrap(), head);
}

#[test]
fn a_file_is_no_folder() {
    let folder = Folder::new();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    for path in [path.clone(), path.join("below")] {
        let error = FileStore::open(&path).unwrap_err();
        assert!(error.is_not_a_folder(), "{error}");
        assert_eq!(error.to_string(), format!("`{}` is not a folder", path.display()));
    }
}

#[test]
fn missing_folders_are_made() {
    let folder = Folder::new();
    drop(FileStore::open(folder.path().join("a/b/c")).unwrap());
}

#[test]
fn a_file_of_another_program_is_corrupt() {
    for content in [&b"not a history"[..], &[0; 100_000], &[0xA5; 5000]] {
        let folder = Folder::new();
        fs::write(folder.path().join("history"), content).unwrap();
        let error = FileStore::open(folder.path()).unwrap_err();
        assert!(error.is_corrupt(), "{error:?}");
    }
}

/// Root may do everything. So as root, the test runs once more, as the user `nobody`.
#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_an_error_that_says_so() {
    use std::{
        env,
        os::unix::{
            fs::{MetadataExt, PermissionsExt},
            process::CommandExt,
        },
        process::Command,
    };

    const NOBODY: u32 = 65534;

    let folder = Folder::new();
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        let program = folder.path().join("test");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let mut command = Command::new(program);
        command.args(["--exact", "file::opening::a_folder_without_permission_is_an_error_that_says_so"]);
        let output = command.uid(NOBODY).gid(NOBODY).current_dir("/").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let path = folder.path().join("closed");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
    let error = FileStore::open(&path).unwrap_err();
    assert!(error.is_permission_denied(), "{error:?}");
    assert_eq!(error.to_string(), format!("cannot open `{}`", path.join("LOCK").display()));
}
