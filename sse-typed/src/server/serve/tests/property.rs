//! Any body, client and pipe.
