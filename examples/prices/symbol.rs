//! The symbols, and how the price of each moves.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

/// The companies do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub(crate) enum Symbol {
    Gold,
    Silver,
    Diesel,
    Petrol,
    NorthernRail,
    HelioPower,
    KestrelFoods,
    Lumen,
}

/// How the price of a symbol moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The price that all changes are relative to.
    pub(crate) opening: f64,
    /// The digits after the decimal point.
    pub(crate) decimals: u8,
    /// The time between two prices.
    pub(crate) every: Duration,
    /// The size of a typical step, relative to the price.
    pub(crate) volatility: f64,
}

impl Symbol {
    pub(crate) const ALL: [Self; 8] = [
        Self::Gold,
        Self::Silver,
        Self::Diesel,
        Self::Petrol,
        Self::NorthernRail,
        Self::HelioPower,
        Self::KestrelFoods,
        Self::Lumen,
    ];

    /// The name in URLs, in event IDs and in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Silver => "silver",
            Self::Diesel => "diesel",
            Self::Petrol => "petrol",
            Self::NorthernRail => "northern_rail",
            Self::HelioPower => "helio_power",
            Self::KestrelFoods => "kestrel_foods",
            Self::Lumen => "lumen",
        }
    }

    pub(crate) const fn terms(self) -> Terms {
        let (opening, decimals, every, volatility) = match self {
            Self::Gold => (3_342.10, 2, 500, 0.000_12),
            Self::Silver => (38.42, 3, 500, 0.000_3),
            Self::Diesel => (1.579, 3, 1_500, 0.001_1),
            Self::Petrol => (1.659, 3, 1_500, 0.001),
            Self::NorthernRail => (84.35, 2, 500, 0.000_4),
            Self::HelioPower => (27.94, 2, 500, 0.000_9),
            Self::KestrelFoods => (152.70, 2, 1_000, 0.000_5),
            Self::Lumen => (411.05, 2, 500, 0.000_5),
        };
        Terms { opening, decimals, every: Duration::from_millis(every), volatility }
    }
}

/// Parses names that are separated by commas.
pub(crate) fn parse_symbols(text: &str) -> Result<BTreeSet<Symbol>, String> {
    let parse = |name: &str| {
        let found = Symbol::ALL.into_iter().find(|symbol| symbol.name() == name);
        found.ok_or_else(|| format!("there is no symbol `{name}`, only {}", Symbol::ALL.map(Symbol::name).join(", ")))
    };
    text.split(',').map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::{Symbol, parse_symbols};

    #[test]
    fn a_choice_of_symbols_is_a_list_of_their_names() {
        assert_eq!(parse_symbols("lumen,gold,lumen"), Ok([Symbol::Gold, Symbol::Lumen].into()));
        for wrong in ["", "gold,", "gold, silver", "Gold"] {
            assert!(
                parse_symbols(wrong)
                    .unwrap_err()
                    .ends_with("only gold, silver, diesel, petrol, northern_rail, helio_power, kestrel_foods, lumen"),
                "{wrong}"
            );
        }
        for symbol in Symbol::ALL {
            assert_eq!(serde_json::to_value(symbol).unwrap(), symbol.name());
        }
    }
}
