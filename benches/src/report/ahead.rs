//! Marks for the rows in which another contender is ahead of sse-typed.

use crate::format::short;

/// Ahead of every row of sse-typed.
const OF_ALL: &str = "▲";
/// Ahead of a row of sse-typed, and behind another.
const OF_ONE: &str = "△";

/// The explanation of the marks.
pub(super) const LEGEND: &str = "▲ marks a peer that is ahead of every row of sse-typed in its table, and △ one that is ahead of some of them. Limits (in\n\
     italics) have no mark.";

/// The best and the worst value of sse-typed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    best: f64,
    worst: f64,
    lower_is_better: bool,
}

impl Best {
    pub(super) fn lowest(ours: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            best: ours.clone().fold(f64::NAN, f64::min),
            worst: ours.fold(f64::NAN, f64::max),
            lower_is_better: true,
        }
    }

    pub(super) fn highest(ours: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            best: ours.clone().fold(f64::NAN, f64::max),
            worst: ours.fold(f64::NAN, f64::min),
            lower_is_better: false,
        }
    }

    fn mark(self, value: f64) -> Option<&'static str> {
        let is_ahead = |ours: f64| if self.lower_is_better { value < ours } else { value > ours };
        if is_ahead(self.best) { Some(OF_ALL) } else { is_ahead(self.worst).then_some(OF_ONE) }
    }
}

/// The rows that were marked, by table.
#[derive(Debug, Default)]
pub(super) struct Ahead(Vec<(String, Vec<String>)>);

impl Ahead {
    /// The name of a peer, with a mark if it is ahead.
    pub(super) fn mark(&mut self, best: Best, table: &str, name: &str, value: f64) -> String {
        self.mark_cell(best, table, name, value, name.to_owned())
    }

    /// A cell of a peer, with a mark if it is ahead.
    pub(super) fn mark_cell(&mut self, best: Best, table: &str, name: &str, value: f64, shown: String) -> String {
        let Some(mark) = best.mark(value) else { return shown };
        if mark == OF_ALL {
            let entry = format!("{name} ({} ×)", short(value / best.best));
            match self.0.iter_mut().find(|(other, _)| other == table) {
                Some((_, entries)) => entries.push(entry),
                None => self.0.push((table.to_owned(), vec![entry])),
            }
        }
        format!("{mark} {shown}")
    }

    /// A list of the rows in which a peer is ahead of every row of sse-typed.
    pub(super) fn list(&self) -> String {
        self.0.iter().map(|(table, entries)| format!("- {table}: {}\n", entries.join(", "))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_marked_if_it_is_ahead_of_sse_typed() {
        let mut ahead = Ahead::default();
        let best = Best::lowest([20.0, 30.0].into_iter());
        for (value, shown) in [(10.0, "▲ peer"), (20.0, "△ peer"), (25.0, "△ peer"), (30.0, "peer"), (f64::NAN, "peer")]
        {
            assert_eq!(ahead.mark(best, "Table", "peer", value), shown);
        }
        assert_eq!(ahead.list(), "- Table: peer (0.50 ×)\n");
        assert_eq!(ahead.mark(Best::highest([20.0].into_iter()), "Table", "peer", 30.0), "▲ peer");
        assert_eq!(ahead.mark(Best::lowest(std::iter::empty()), "Table", "peer", 30.0), "peer");
    }
}
