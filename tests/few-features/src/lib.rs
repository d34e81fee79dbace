//! Nothing: its tests are programs that use what the features of its manifest leave out.
