//! Makes RESULTS.md and its plot from the output of the measuring programs.

use std::fmt::Write;

pub use self::records::Records;

mod machine;
mod plot;
mod records;
mod tables;

/// RESULTS.md.
pub fn markdown(records: &Records) -> String {
    let mut text = String::from(
        "# Results\n\nWritten by `cargo run --release --bin results`, from one run in which all contenders took turns. Times are medians on one\n\
         machine. Compare ratios: they carry over to other machines. The last sections, [Stores](#stores) and [Runs](#runs), have their\n\
         own commands.\n\n",
    );
    let _ = writeln!(
        text,
        "{}\n\n![Bars: times of sse-typed, its peers and the limits](results.svg)\n",
        machine::describe()
    );
    text += &tables::groups(records);
    text += &tables::large(records);
    text += &tables::idle(records);
    text += &tables::http(records);
    text += &tables::memory(records);
    text += &tables::connects(records);
    text += &tables::growth(records);
    text
}

/// The sections of RESULTS.md about stores and runs, which these records do not have. They are the last ones.
pub fn stores_section(results: &str) -> &str {
    const TITLE: &str = "\n## Stores\n";
    results.find(TITLE).map_or("", |at| &results[at + 1..])
}

/// The plot.
pub fn svg(records: &Records) -> String {
    plot::svg(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sections_about_stores_and_runs_are_kept() {
        let section = "## Stores\n\n### Latency\n\n## Runs\n";
        assert_eq!(stores_section(&format!("# Results\n\n## Idle\n\n{section}")), section);
        assert_eq!(stores_section("# Results\n\n## Storeys\n"), "");
    }

    #[test]
    fn every_kind_of_record_has_a_table() {
        let mut records = Records::default();
        records.read(
            "time\tdecode/tokens\ttokens\tOurs\tsse-typed, lending\t20\ntime\tdecode/tokens\ttokens\tPeer\tsse-core\t80\n\
             time\tdecode/tokens\ttokens\tLimit\tscan\t10\nallocations\tdecode/tokens\tsse-core\t2.00\t500\n\
             large\t1\tsse-core\t5.0\t2.00\nlarge\t4\tsse-core\tover\tover\nidle\tours\t40\t48\n\
             http\t1\traw TCP\t200000\t3000\nmemory\traw TCP\thyper\t1000\t800\nconnects\tours\t14000\t4096\t44\ngrowth\tevents\t10\tsse-core\t80.0\n",
        );
        let text = markdown(&records);
        assert!(text.contains("| sse-core | 80.0 | 4.00 | 8.00 | 2.00 |"), "{text}");
        assert!(text.contains("| **sse-typed, lending** | **20.0** | **1.00** | **2.00** | **-** |"), "{text}");
        assert!(text.contains("| sse-core | 5.00 | over 4 s |"), "{text}");
        for word in ["*raw TCP* | 200,000", "ours | 40 | 48", "| 10 | 80.0 |", "800", "ours | 14,000 | 4,096 | 44"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
