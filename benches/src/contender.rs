//! Contenders, and groups of them.

/// The work that a run has done. Contenders of a group must agree on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub events: u64,
    pub bytes: u64,
}

impl Tally {
    pub fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes as u64;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Peer,
    /// A lower bound: a contender cannot be faster, or not by much.
    Limit,
}

pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    run: Box<dyn FnMut() -> Tally>,
}

impl Contender {
    pub fn new(name: &'static str, kind: Kind, run: impl FnMut() -> Tally + 'static) -> Self {
        Self { name, kind, run: Box::new(run) }
    }

    /// Does the group's whole work once.
    pub fn run(&mut self) -> Tally {
        (self.run)()
    }
}

/// Contenders that do the same work.
pub struct Group {
    /// As criterion shows it.
    pub id: &'static str,
    /// As RESULTS.md shows it.
    pub title: &'static str,
    /// The events, or deliveries, of one run.
    pub tally: Tally,
    /// The last limit is the one that the others are compared with.
    pub contenders: Vec<Contender>,
}

impl Group {
    /// Makes a group, and runs each contender once.
    ///
    /// # Panics
    ///
    /// If a contender does other work than `tally`. A contender that skips work must not win.
    pub fn new(id: &'static str, title: &'static str, tally: Tally, mut contenders: Vec<Contender>) -> Self {
        for contender in &mut contenders {
            assert_eq!(contender.run(), tally, "{title}: {}", contender.name);
        }
        Self { id, title, tally, contenders }
    }
}
