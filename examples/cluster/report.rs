//! What each client received, compared with what was published.

use std::{collections::BTreeSet, fmt};

use crate::{client::Received, publisher::Published};

#[derive(Debug)]
pub(crate) struct Report {
    published: Published,
    clients: Vec<Received>,
}

impl Report {
    pub(crate) const fn new(published: Published, clients: Vec<Received>) -> Self {
        Self { published, clients }
    }

    /// Whether each client has received each event once, in the same order, and the last one, and no gap.
    pub(crate) fn is_complete(&self) -> bool {
        let have_ended = self.clients.iter().all(|client| client.has_ended);
        (self.lost(), self.doubled(), self.gaps()) == (0, 0, 0) && self.have_one_order() && have_ended
    }

    fn lost(&self) -> usize {
        self.clients.iter().map(|client| lost(&self.published, client)).sum()
    }

    fn doubled(&self) -> usize {
        self.clients.iter().map(doubled).sum()
    }

    fn gaps(&self) -> u64 {
        self.clients.iter().map(|client| client.gaps).sum()
    }

    fn have_one_order(&self) -> bool {
        self.clients.windows(2).all(|pair| pair[0].events == pair[1].events)
    }
}

/// How many of the stored events the client did not receive.
fn lost(published: &Published, client: &Received) -> usize {
    let received: BTreeSet<_> = client.events.iter().collect();
    published.stored.iter().filter(|number| !received.contains(number)).count()
}

/// How many events the client received more than once.
fn doubled(client: &Received) -> usize {
    client.events.len() - client.events.iter().collect::<BTreeSet<_>>().len()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "client  connections  failures  events  lost  doubled  gaps")?;
        for client in &self.clients {
            let Received { number, events, gaps, connections, failures, has_ended } = client;
            let end = if *has_ended { "" } else { "  without the last event" };
            let (events, lost, doubled) = (events.len(), lost(&self.published, client), doubled(client));
            writeln!(
                f,
                "{number:>6}  {connections:>11}  {failures:>8}  {events:>6}  {lost:>4}  {doubled:>7}  {gaps:>4}{end}"
            )?;
        }
        let Published { stored, unknown } = &self.published;
        writeln!(f, "\n{} events were stored. {} got no answer, and may be stored", stored.len(), unknown.len())?;
        let order = if self.have_one_order() { "all clients received one order" } else { "THE ORDER DIFFERS" };
        writeln!(f, "lost {}, doubled {}, gaps {}; {order}", self.lost(), self.doubled(), self.gaps())
    }
}
