//! The output of the measuring programs.

/// Lines of fields, separated by tabs. The first field is the kind of the record.
#[derive(Debug, Default)]
pub struct Records(Vec<Vec<String>>);

impl Records {
    pub fn read(&mut self, printed: &str) {
        self.0.extend(printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()));
    }

    /// The fields of all records of a kind, without the kind.
    pub(super) fn of_kind<'a, const N: usize>(&'a self, kind: &'a str) -> impl Iterator<Item = [&'a str; N]> {
        self.0.iter().filter(move |line| line[0] == kind).filter_map(|line| {
            let fields: Vec<&str> = line[1..].iter().map(String::as_str).collect();
            fields.try_into().ok()
        })
    }
}

/// Reads a number; NaN for a field that is not one.
pub(super) fn number(field: &str) -> f64 {
    field.parse().unwrap_or(f64::NAN)
}
