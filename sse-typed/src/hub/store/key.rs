use std::sync::Arc;

/// How long a key may be, in bytes.
const LONGEST_KEY: usize = 512;

/// Checks the key of a store. The error says what is wrong with it.
pub(crate) fn check_key(key: &str) -> Result<Arc<str>, &'static str> {
    match key.len() {
        0 => Err("the key is empty"),
        1..=LONGEST_KEY if key.contains('\0') => Err("the key has a NUL"),
        1..=LONGEST_KEY => Ok(Arc::from(key)),
        _ => Err("the key has over 512 bytes"),
    }
}

/// How much longer the key of a run's log is: `@` and 16 digits.
#[cfg(feature = "runs")]
const RUN_ID: usize = 17;

/// Checks the key of a run, whose log has a [longer key](super::run_store::RunRef::log_key).
#[cfg(feature = "runs")]
pub(crate) fn check_run_key(key: &str) -> Result<Arc<str>, &'static str> {
    if key.len() > LONGEST_KEY - RUN_ID { Err("the key of a run has over 495 bytes") } else { check_key(key) }
}
