use super::{
    position::Position,
    record::{Content, Record},
};
use crate::{
    event::{Gap, GapReason},
    hub::{LogEntry, Page},
};

/// The records do not show that they follow the position.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotContiguous;

/// The page of events after a position, at most `limit`. The records are those from the entry of the position on. `skipped` gets
/// the records that are no events.
pub(super) fn after(
    records: Vec<Record>,
    position: Position,
    limit: usize,
    skipped: impl FnMut(&Record),
) -> Result<Page, NotContiguous> {
    let mut records = records.into_iter().peekable();
    match records.peek() {
        // The last event, of which the position is the end.
        Some(Record { position: first, content: Content::Stored { end: Some(end), .. } }) if *first == position => {
            return Ok(Page::contiguous(Vec::new()).closed(*end));
        }
        Some(first) if first.position == position => drop(records.next()),
        Some(first) if first.follows(position) => {}
        // An empty stream has nothing after its beginning, and proves nothing else.
        None if position == Position::BEGINNING => {}
        Some(_) | None => return Err(NotContiguous),
    }
    Ok(Chain { page: Page::contiguous(Vec::new()), at: position }.page(records, limit, skipped))
}

/// The page of the oldest events after a gap, at most `limit`. The records are those from the beginning of the stream on.
pub(super) fn after_gap(
    records: Vec<Record>,
    reason: GapReason,
    limit: usize,
    mut skipped: impl FnMut(&Record),
) -> Page {
    let mut records = records.into_iter().peekable();
    let mut at = Position::BEGINNING;
    while let Some(foreign) = records.next_if(Record::is_foreign) {
        skipped(&foreign);
        at = foreign.position;
    }
    if let Some(Record { content: Content::Stored { before, .. }, .. }) = records.peek() {
        at = *before;
    }
    let page = Page::after_gap(Gap::new(None, reason), at.id(), Vec::new());
    Chain { page, at }.page(records, limit, skipped)
}

/// A page in the making: every event is stored with the position before it, and the chain of these is unbroken.
struct Chain {
    page: Page,
    /// The position after the last record.
    at: Position,
}

impl Chain {
    fn page(mut self, records: impl Iterator<Item = Record>, limit: usize, mut skipped: impl FnMut(&Record)) -> Page {
        for record in records {
            let Content::Stored { before, block, end } = record.content else {
                skipped(&record);
                self.at = record.position;
                self.page.through = Some(self.at.id());
                continue;
            };
            if before != self.at {
                // Records within the history were removed. What is before them is a page of its own.
                if !self.is_empty() {
                    break;
                }
                self.page = Page::after_gap(Gap::new(None, GapReason::Trimmed), before.id(), Vec::new());
            }
            if let Some(block) = block {
                if self.page.entries.len() == limit {
                    break;
                }
                let id = record.position.id();
                self.page.entries.push(if end.is_some() {
                    LogEntry::last(id, block)
                } else {
                    LogEntry::new(id, block)
                });
                self.at = record.position;
                self.page.through = None;
            }
            if let Some(end) = end {
                return self.page.closed(end);
            }
        }
        self.page
    }

    /// Whether the page does not get on from where it began.
    fn is_empty(&self) -> bool {
        self.page.entries.is_empty() && self.page.through.is_none() && self.page.gap.is_none()
    }
}

impl Record {
    fn is_foreign(&self) -> bool {
        matches!(self.content, Content::Foreign)
    }

    fn follows(&self, position: Position) -> bool {
        matches!(self.content, Content::Stored { before, .. } if before == position)
    }
}

/// Why a position is not in a stream whose oldest records are these.
pub(super) fn reason(position: Option<Position>, oldest: &[Record]) -> GapReason {
    match (position, oldest.first()) {
        // A first record with nothing before it: nothing was trimmed, so the position is of another history.
        (Some(position), Some(first)) if position.entry < first.position.entry => match first.content {
            Content::Stored { before: Position::BEGINNING, .. } => GapReason::UnknownId,
            _ => GapReason::Trimmed,
        },
        _ => GapReason::UnknownId,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Block, End};

    fn position(n: u64) -> Position {
        if n == 0 { Position::BEGINNING } else { Position::parse(&format!("{n}-0-000000{n:02x}")).unwrap() }
    }

    fn event(n: u64, before: u64) -> Record {
        let block = Some(Block::new(format!("data: {n}\n\n"), false).unwrap());
        Record { position: position(n), content: Content::Stored { before: position(before), block, end: None } }
    }

    fn end(n: u64, before: u64, last: bool) -> Record {
        let block = last.then(|| Block::new(format!("data: {n}\n\n"), false).unwrap());
        let content = Content::Stored { before: position(before), block, end: Some(End::Complete) };
        Record { position: position(n), content }
    }

    fn foreign(n: u64) -> Record {
        Record { position: Position { mark: 0, ..position(n) }, content: Content::Foreign }
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.entries.iter().map(|entry| entry.id.as_str()).collect()
    }

    fn read(records: Vec<Record>, position: Position, limit: usize) -> Result<Page, NotContiguous> {
        after(records, position, limit, |_| {})
    }

    #[test]
    fn records_follow_a_position_that_is_among_them_or_before_the_first() {
        let page = read(vec![event(3, 2), event(4, 3)], position(3), 9).unwrap();
        assert_eq!(ids(&page), ["4-0-00000004"]);
        let page = read(vec![event(3, 2), event(4, 3)], position(2), 9).unwrap();
        assert_eq!((ids(&page), &page.gap), (vec!["3-0-00000003", "4-0-00000004"], &None));
        assert_eq!(read(vec![event(3, 2)], position(1), 9), Err(NotContiguous));
        let other_mark = Position { mark: 99, ..position(3) };
        assert_eq!(read(vec![event(3, 2), event(4, 3)], other_mark, 9), Err(NotContiguous));
        assert_eq!(read(vec![foreign(3)], position(2), 9), Err(NotContiguous));
    }

    #[test]
    fn an_empty_stream_proves_the_beginning_only() {
        assert_eq!(read(Vec::new(), position(0), 9), Ok(Page::contiguous(Vec::new())));
        assert_eq!(read(Vec::new(), position(1), 9), Err(NotContiguous));
        let page = after_gap(Vec::new(), GapReason::UnknownId, 9, |_| {});
        assert_eq!(page.gap.unwrap().resume, position(0).id());
    }

    #[test]
    fn a_hole_within_the_records_cuts_the_page_and_is_a_gap_of_the_next() {
        let records = || vec![event(3, 2), event(4, 3), event(6, 5), event(7, 6)];
        let page = read(records(), position(3), 9).unwrap();
        assert_eq!((ids(&page), &page.gap), (vec!["4-0-00000004"], &None));
        let page = read(records().split_off(1), position(4), 9).unwrap();
        assert_eq!(ids(&page), ["6-0-00000006", "7-0-00000007"]);
        let gap = page.gap.unwrap();
        assert_eq!((gap.gap.reason, gap.resume), (GapReason::Trimmed, position(5).id()));
    }

    #[test]
    fn records_of_other_programs_are_skipped_and_passed() {
        let mut skipped = 0;
        let after_foreign = |n| Record {
            content: Content::Stored {
                before: foreign(n).position,
                block: Some(Block::new("data: 1\n\n", false).unwrap()),
                end: None,
            },
            position: position(n + 1),
        };
        let records = vec![event(1, 0), foreign(2), after_foreign(2), foreign(4)];
        let page = after(records, position(1), 9, |_| skipped += 1).unwrap();
        assert_eq!((ids(&page), skipped), (vec!["3-0-00000003"], 2));
        assert_eq!(page.through, Some(foreign(4).position.id()));
        let page = after_gap(vec![foreign(2), after_foreign(2)], GapReason::Trimmed, 9, |_| {});
        assert_eq!(ids(&page), ["3-0-00000003"]);
        assert_eq!(page.gap.unwrap().resume, foreign(2).position.id());
    }

    #[test]
    fn a_page_ends_at_its_limit_and_the_end_comes_with_the_last_event() {
        let page = read(vec![event(1, 0), event(2, 1), end(3, 2, false)], position(0), 1).unwrap();
        assert_eq!((ids(&page).len(), page.closed), (1, None));
        let page = read(vec![event(1, 0), event(2, 1), end(3, 2, false)], position(0), 2).unwrap();
        assert_eq!((ids(&page).len(), page.closed), (2, Some(End::Complete)));
        assert_eq!(page.next_position(&position(0).id()), position(2).id());
        let page = read(vec![event(1, 0), end(2, 1, true)], position(0), 1).unwrap();
        assert_eq!((ids(&page).len(), page.closed), (1, None));
        let page = read(vec![event(1, 0), end(2, 1, true)], position(1), 1).unwrap();
        assert_eq!((page.entries[0].last, page.closed), (true, Some(End::Complete)));
        let page = read(vec![end(2, 1, true)], position(2), 1).unwrap();
        assert_eq!((ids(&page).len(), page.closed), (0, Some(End::Complete)));
    }

    #[test]
    fn a_position_of_the_oldest_entry_in_another_history_is_unknown() {
        let position = Position { mark: position(5).mark + 1, ..position(5) };
        assert_eq!(reason(Some(position), &[event(5, 4)]), GapReason::UnknownId);
    }

    #[test]
    fn a_position_is_trimmed_if_it_is_older_than_a_history_that_was_trimmed() {
        assert_eq!(reason(Some(position(3)), &[event(5, 4)]), GapReason::Trimmed);
        assert_eq!(reason(Some(position(3)), &[event(5, 0)]), GapReason::UnknownId);
        assert_eq!(reason(Some(position(7)), &[event(5, 4)]), GapReason::UnknownId);
        assert_eq!(reason(Some(position(7)), &[]), GapReason::UnknownId);
        assert_eq!(reason(None, &[event(5, 4)]), GapReason::UnknownId);
    }
}
