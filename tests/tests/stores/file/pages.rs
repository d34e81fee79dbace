//! How much one read returns, and what it finds.

use fastrand::Rng;
use sse_typed::{
    EventId,
    event::GapReason,
    hub::{Block, EventLog, EventStore, LogEntry, Page},
    stores::{FileLog, FileStore},
};

use super::{append, folder::Folder, memory::Disk, page, retain};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_page_has_at_most_a_mebibyte_of_events_unless_one_is_larger() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let log = store.log("rides");
    let mut place = log.head().await.unwrap();
    for size in [600, 300, 300, 5000, 1, 1].map(|kib| kib << 10) {
        log.append(&Block::new(format!("data: {}\n\n", "x".repeat(size)), false).unwrap()).await.unwrap();
    }
    let mut counts = Vec::new();
    loop {
        let page = page(&log, place.as_str()).await;
        if page.entries.is_empty() {
            break;
        }
        let bytes: usize = page.entries.iter().map(|entry| entry.block.as_bytes().len()).sum();
        assert!(bytes <= MIB || page.entries.len() == 1);
        counts.push(page.entries.len());
        place = page.next_position(&place);
    }
    assert_eq!(counts, [2, 1, 1, 2]);
}

#[tokio::test]
async fn a_read_of_no_events_still_finds_gaps() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let log = store.log("rides");
    let appended = append(&log, 0..3).await;
    let none = log.read_after(appended[0].id.as_str(), 0).await.unwrap();
    assert_eq!((none.entries, none.gap), (Vec::new(), None));
    assert!(log.read_after("unknown", 0).await.unwrap().gap.is_some());
}

/// Any sequence of appends, removals and openings, and reads from every id that there ever was.
#[tokio::test]
async fn every_id_resumes_where_it_should_or_is_a_gap() {
    for seed in 0..30 {
        let mut rng = Rng::with_seed(seed);
        let disk = Disk::default();
        let open = || FileStore::builder().hooks(disk.hooks()).open("").unwrap();
        let mut store = open();
        let retained = rng.usize(1..8);
        let log = |store: &FileStore| store.open("rides", &retain(retained));
        let start = log(&store).head().await.unwrap();
        // All events that ever were, and how many of them are lost.
        let (mut all, mut lost) = (Vec::<LogEntry>::new(), 0);
        // How many positions a removal has made unknown.
        let mut forgotten = 0;
        for n in 0..40 {
            match rng.u8(..20) {
                0 => {
                    store.close().await;
                    store = open();
                }
                1 => {
                    store.remove("rides").await.unwrap();
                    lost = all.len();
                    forgotten = if all.is_empty() { 0 } else { all.len() + 1 };
                }
                _ => {
                    all.extend(append(&log(&store), [n]).await);
                    lost = lost.max(all.len().saturating_sub(retained));
                }
            }
            let log = log(&store);
            for (index, id) in [&start].into_iter().chain(all.iter().map(|entry| &entry.id)).enumerate() {
                let page = page(&log, id.as_str()).await;
                assert_eq!(page.entries, all[lost.max(index)..], "seed {seed}: behind {id}");
                let missed = page.gap.as_ref().map(|gap| (gap.gap.missed, gap.gap.reason));
                let expected = if index < forgotten {
                    Some((None, GapReason::UnknownId))
                } else {
                    (index < lost).then(|| (Some((lost - index) as u64), GapReason::Trimmed))
                };
                assert_eq!(missed, expected, "seed {seed}: behind {id}");
                if let Some(gap) = page.gap {
                    check_forged(&log, &gap.resume, &all[lost..]).await;
                }
            }
        }
    }
}

/// A position with another mark is unknown.
async fn check_forged(log: &FileLog, id: &EventId, kept: &[LogEntry]) {
    let (n, mark) = id.as_str().split_once('-').unwrap();
    let other = u32::from_str_radix(mark, 16).unwrap() ^ 1;
    let page: Page = page(log, &format!("{n}-{other:08x}")).await;
    assert_eq!(page.gap.map(|gap| gap.gap.reason), Some(GapReason::UnknownId));
    assert_eq!(page.entries, kept);
}
