//! All that generated code names. Not part of the public API: it may change in any release.
