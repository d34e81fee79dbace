//! What is timed.

/// What a run has done: contenders that do not agree do not do the same work.
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
    /// What cannot be gone below, or not by much.
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
    /// What one run does: so many events, or deliveries.
    pub tally: Tally,
    /// The limit that others are held against is the last of them.
    pub contenders: Vec<Contender>,
}

impl Group {
    /// A group of contenders, each of which is run once.
    ///
    /// # Panics
    ///
    /// When one of them does other work than `tally` says: a contender that skips work must not win.
    pub fn new(id: &'static str, title: &'static str, tally: Tally, mut contenders: Vec<Contender>) -> Self {
        for contender in &mut contenders {
            assert_eq!(contender.run(), tally, "{title}: {}", contender.name);
        }
        Self { id, title, tally, contenders }
    }
}
