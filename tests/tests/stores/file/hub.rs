//! A hub on a history in a folder.

use futures_util::StreamExt;
use sse_typed::{
    Gap, Hub, SseEvent,
    hub::{EventStore, Start},
    stores::FileStore,
};

use super::folder::Folder;

#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Ride {
    Position(u32),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Completed,
}

#[tokio::test]
async fn a_client_resumes_over_a_restart_and_misses_nothing() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let hub = Hub::<Ride>::builder().build_on(store.log("rides"));
    let mut live = hub.subscribe(Start::Earliest).events();
    for n in 0..5 {
        hub.publish(&Ride::Position(n)).await.unwrap();
    }
    let mut seen = None;
    for n in 0..3 {
        let event = live.next().await.unwrap();
        assert_eq!(*event.data, Ride::Position(n));
        seen = event.id;
    }
    drop((live, hub));
    store.close().await;

    let store = FileStore::open(folder.path()).unwrap();
    let hub = Hub::<Ride>::builder().build_on(store.log("rides"));
    let mut resumed = hub.subscribe(seen.unwrap()).events();
    hub.publish(&Ride::Position(5)).await.unwrap();
    hub.publish(&Ride::Completed).await.unwrap();
    for n in 3..6 {
        assert_eq!(*resumed.next().await.unwrap().data, Ride::Position(n));
    }
    assert_eq!(*resumed.next().await.unwrap().data, Ride::Completed);
    assert!(resumed.next().await.is_none());
}
