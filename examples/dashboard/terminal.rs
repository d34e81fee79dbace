//! The readings as lines for a terminal.

use std::{collections::HashMap, fmt::Write};

use sse_typed::Gap;

use crate::readings::Reading;

/// The values of the last sample, and what is printed of the rest.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: u64,
    at: Option<u64>,
    cpu: String,
    memory: String,
    load: String,
    received: String,
    sent: String,
    /// The last printed use of each disk, in percent.
    disks: HashMap<String, u64>,
}

/// The head of the table is printed again after this many rows.
const ROWS_PER_HEAD: u64 = 20;

impl Table {
    /// The lines to print when a reading arrives. They end with a line feed, and are often empty: a row is complete when
    /// the next sample begins.
    pub(crate) fn add(&mut self, reading: &Reading) -> String {
        let mut lines = String::new();
        match reading {
            Reading::Machine { name, system, cores, memory_bytes } => {
                lines = format!("{name}: {system}, {cores} cores, {} of memory\n", bytes(*memory_bytes));
            }
            Reading::Cpu { at, total, cores: _ } => {
                lines = self.row();
                self.at = Some(*at);
                self.cpu = format!("{total:.0} %");
            }
            Reading::Memory { used_bytes, total_bytes, .. } => {
                self.memory = format!("{} of {}", bytes(*used_bytes), bytes(*total_bytes));
            }
            Reading::Load { one, .. } => self.load = format!("{one:.2}"),
            Reading::Network { received_bytes_per_s, sent_bytes_per_s, .. } => {
                self.received = format!("{}/s", bytes(*received_bytes_per_s));
                self.sent = format!("{}/s", bytes(*sent_bytes_per_s));
            }
            Reading::Disk { mount, used_bytes, total_bytes } => {
                let percent = (100.0 * *used_bytes as f64 / (*total_bytes).max(1) as f64).round() as u64;
                if self.disks.insert(mount.clone(), percent) != Some(percent) {
                    lines = format!("          disk {mount}: {percent} % of {} in use\n", bytes(*total_bytes));
                }
            }
            Reading::ProcessStarted { pid, name } => lines = format!("          {name} started (pid {pid})\n"),
            Reading::ProcessExited { pid, name, lived_s } => {
                lines = format!("          {name} exited after {lived_s} s (pid {pid})\n");
            }
            Reading::Missed(Gap { missed: Some(missed), .. }) => {
                lines = format!("          {missed} events are missing\n");
            }
            Reading::Missed(_) => lines = "          events are missing\n".to_owned(),
        }
        lines
    }

    /// The row of the last sample, if there is one, below the head of the table where that is due.
    fn row(&mut self) -> String {
        let Some(at) = self.at else { return String::new() };
        let seconds = at / 1_000 % 86_400;
        let time = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let mut lines = String::new();
        if self.rows.is_multiple_of(ROWS_PER_HEAD) {
            lines = format!(
                "{:<8}  {:>5}  {:>22}  {:>6}  {:>12}  {:>12}\n",
                "UTC", "CPU", "memory", "load", "received", "sent"
            );
        }
        self.rows += 1;
        let Self { cpu, memory, load, received, sent, .. } = self;
        // Writing to a `String` does not fail.
        let _ = writeln!(lines, "{time}  {cpu:>5}  {memory:>22}  {load:>6}  {received:>12}  {sent:>12}");
        lines
    }
}

fn bytes(count: u64) -> String {
    let (mut value, mut unit) = (count as f64, 0);
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = if unit == 0 || value >= 100.0 { 0 } else { 1 };
    format!("{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readings_of_a_sample_are_one_row_with_units() {
        let mut table = Table::default();
        let mut lines = String::new();
        for at in [45_296_000, 45_296_500, 45_297_000] {
            lines += &table.add(&Reading::Cpu { at, total: 7.6, cores: vec![7.6] });
            let (used_bytes, total_bytes) = (1_825_361_101, 25_276_502_016);
            lines += &table.add(&Reading::Memory { at, used_bytes, total_bytes, swap_used_bytes: 0 });
            lines += &table.add(&Reading::Load { at, one: 2.684, five: 2.0, fifteen: 2.0 });
            lines += &table.add(&Reading::Network { at, received_bytes_per_s: 7_142, sent_bytes_per_s: 0 });
            let mount = "/".to_owned();
            lines += &table.add(&Reading::Disk { mount, used_bytes: 620, total_bytes: 1_000 });
        }
        let expected = "          \
          disk /: 62 % of 1000 B in use\n\
UTC         CPU                  memory    load      received          sent\n\
12:34:56    8 %     1.7 GiB of 23.5 GiB    2.68     7.0 KiB/s         0 B/s\n\
12:34:56    8 %     1.7 GiB of 23.5 GiB    2.68     7.0 KiB/s         0 B/s\n";
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_row_without_a_network_has_blanks() {
        let mut table = Table::default();
        table.add(&Reading::Cpu { at: 0, total: 100.0, cores: vec![] });
        let lines = table.add(&Reading::Cpu { at: 500, total: 100.0, cores: vec![] });
        assert_eq!(lines.lines().last().unwrap().trim_end(), "00:00:00  100 %");
    }
}
