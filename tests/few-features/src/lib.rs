//! An empty library. Its tests are programs that use items whose features its manifest does not enable.
