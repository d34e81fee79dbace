//! Makes RESULTS.md and its plot of what the measuring programs print.

use std::fmt::Write;

mod machine;
mod plot;
mod tables;

/// Lines of fields, which tabs separate. The first says what the line is about.
#[derive(Debug, Default)]
pub struct Records(Vec<Vec<String>>);

impl Records {
    pub fn read(&mut self, printed: &str) {
        self.0.extend(printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()));
    }

    /// The fields of the lines about something, behind the first.
    fn about<'a, const N: usize>(&'a self, what: &'a str) -> impl Iterator<Item = [&'a str; N]> {
        self.0.iter().filter(move |line| line[0] == what).filter_map(|line| {
            let fields: Vec<&str> = line[1..].iter().map(String::as_str).collect();
            fields.try_into().ok()
        })
    }
}

/// RESULTS.md.
pub fn markdown(records: &Records) -> String {
    let mut text = String::from(
        "# Results\n\nWritten by `cargo run --release --bin results`, of one run of all contenders in turns. Times are medians, and of this\n\
         machine: what carries over to others is the ratios.\n\n",
    );
    let _ = writeln!(text, "{}\n\n![Times beside those of the peers, as bars](results.svg)\n", machine::in_words());
    text += &tables::groups(records);
    text += &tables::large(records);
    text += &tables::idle(records);
    text += &tables::http(records);
    text += &tables::memory(records);
    text += &tables::growth(records);
    text
}

/// The plot.
pub fn svg(records: &Records) -> String {
    plot::svg(records)
}

fn number(field: &str) -> f64 {
    field.parse().unwrap_or(f64::NAN)
}

/// Three digits of a number, and not more.
fn short(number: f64) -> String {
    match number {
        _ if number.is_nan() => "-".to_owned(),
        _ if number >= 99.95 => with_commas(number.round() as u64),
        _ if number >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

pub(crate) fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.123, "0.12"),
            (9.994, "9.99"),
            (9.999, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (1234567.0, "1,234,567"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn every_measure_has_its_table() {
        let mut records = Records::default();
        records.read(
            "time\tdecode/tokens\ttokens\tOurs\tsse-typed, lending\t20\ntime\tdecode/tokens\ttokens\tPeer\tsse-core\t80\n\
             time\tdecode/tokens\ttokens\tLimit\tscan\t10\nallocations\tdecode/tokens\tsse-core\t2.00\t500\n\
             large\t1\tsse-core\t5.0\t2.00\nlarge\t4\tsse-core\tover\tover\nidle\tours\t40\t48\n\
             http\t1\traw TCP\t200000\t3000\nmemory\traw TCP\thyper\t1000\t800\ngrowth\tevents\t10\tsse-core\t80.0\n",
        );
        let text = markdown(&records);
        assert!(text.contains("| sse-core | 80.0 | 4.00 | 8.00 | 2.00 |"), "{text}");
        assert!(text.contains("| **sse-typed, lending** | **20.0** | **1.00** | **2.00** | **-** |"), "{text}");
        assert!(text.contains("| sse-core | 5.00 | over 4 s |"), "{text}");
        for word in ["*raw TCP* | 200,000", "ours | 40 | 48", "| 10 | 80.0 |", "800"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
