//! Numbers as the reports print them.

/// A number with three significant digits.
pub fn short(number: f64) -> String {
    match number {
        _ if number.is_nan() => "-".to_owned(),
        _ if number >= 99.95 => with_commas(number.round() as u64),
        _ if number >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// A number with commas between thousands.
pub fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
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
    fn numbers_have_three_significant_digits() {
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
}
