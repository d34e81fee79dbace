//! Makes RESULTS.md and its plot from the output of the measuring programs.

use self::ahead::Ahead;
pub use self::records::Records;

mod ahead;
mod goals;
mod http_tables;
mod machine;
mod plot;
mod records;
mod summary;
mod tables;

/// RESULTS.md. `note` describes the machine during the run.
pub fn markdown(records: &Records, note: &str) -> String {
    let mut ahead = Ahead::default();
    let ahead_of = &mut ahead;
    let tables = [
        tables::groups(records, ahead_of),
        tables::workers(records, ahead_of),
        tables::large(records, ahead_of),
        tables::idle(records, ahead_of),
        http_tables::speed(records, ahead_of),
        http_tables::latency(records, ahead_of),
        http_tables::resume(records, ahead_of),
        http_tables::clients(records, ahead_of),
        http_tables::memory(records, ahead_of),
        http_tables::slope(records),
        http_tables::connects(records),
        tables::growth(records, ahead_of),
    ]
    .concat();
    format!(
        "# Results\n\n## Summary\n\n{}\n{}\n\nA peer is ahead of sse-typed in these rows; the figures are multiples of sse-typed's:\n\n{}\n{}\
         ![Bars: times of sse-typed, its peers and the limits](results.svg)\n\n\
         ## How it was measured\n\nWritten by `cargo run --release --bin results`, from one run in which all contenders took turns. Times without sockets are\n\
         medians of the processor time of the thread, which does not grow while other programs have the core. Compare ratios: they\n\
         carry over to other machines. The last sections, [Stores](#stores) and [Runs](#runs), have their own commands.\n\n{note}{}\n\n{tables}",
        summary::table(records),
        ahead::LEGEND,
        ahead.list(),
        goals::section(records),
        machine::describe(),
    )
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
             http\t1.1\t1\traw TCP\t200000\t3000\nlatency\t1000\traw TCP\t1000\t5000\t7000\t9001\n\
             resume\traw TCP\t9000000\t90.0\t11.00\t2048\nclient\tOurs\tsse-typed, hyper\t900000\t233\n\
             client\tPeer\tquick\t900001\t116\nclient-memory\tquick\t10000\t17509\nslope\traw TCP\t1000\t496\t-70\t8\t9123\n\
             workers\t1000\tsse-typed, subscriptions\t123.4\t120.0\t130.0\n\
             memory\traw TCP\thyper\t1000\t800\nconnects\tours\t14000\t4096\t44\ngrowth\tevents\t10\tsse-core\t80.0\n",
        );
        let text = markdown(&records, "The machine was quiet.\n\n");
        assert!(text.contains("| sse-core | 80.0 | 4.00 | 8.00 | 2.00 |"), "{text}");
        assert!(text.contains("| **sse-typed, lending** | **20.0** | **1.00** | **2.00** | **-** |"), "{text}");
        assert!(text.contains("| sse-core | 5.00 | over 4 s |"), "{text}");
        for word in [
            "*raw TCP* | 200,000",
            "|  | 1,000 tasks |",
            "| **sse-typed, subscriptions** | **123** |",
            "ours | 40 | 48 | 88",
            "| 10 | 80.0 |",
            "800",
            "ours | 14,000 | 4,096 | 44",
            "9,001",
            "9,000,000 | 90.0 | 11.0 | 2",
            "▲ quick | 900,001 | 116 | 0.50",
            "17,509",
            "-70 | 8 | 9,123",
            "- A whole client: typed, reconnecting, over a socket: quick (0.50 ×)",
            "The machine was quiet.",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
