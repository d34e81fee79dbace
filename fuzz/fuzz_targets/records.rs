//! Records of stores: any bytes are read or refused without a panic, and those that are read would be written the same.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use sse_typed::stores::fuzzing;

#[derive(Debug, Arbitrary)]
enum Stored {
    /// In the file of a `FileStore`.
    File(Vec<u8>),
    /// The id of a position, which may come from a client.
    Position(String),
    /// In the stream of a Redis key.
    Redis { id: (u32, u32), header: Header, block: Vec<u8>, names: Names },
}

#[derive(Debug, Arbitrary)]
enum Header {
    Any(Vec<u8>),
    Plausible { format: u8, mark: u32, flags: String, total: u64, trimmed: String, before: String },
}

#[derive(Debug, Arbitrary)]
enum Names {
    Written,
    Swapped,
    Other(Vec<u8>),
}

fuzz_target!(|stored: Stored| match stored {
    Stored::File(bytes) => fuzzing::file_records(&bytes),
    Stored::Position(id) => {
        fuzzing::file_position(&id);
        fuzzing::redis_position(&id);
    }
    Stored::Redis { id, header, block, names } => {
        let header = header.bytes();
        let fields: [(&[u8], &[u8]); 2] = match &names {
            Names::Written => [(b"h", &header), (b"b", &block)],
            Names::Swapped => [(b"b", &block), (b"h", &header)],
            Names::Other(name) => [(b"h", &header), (name, &block)],
        };
        fuzzing::redis_record(&format!("{}-{}", id.0, id.1), &fields);
    }
});

impl Header {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Any(bytes) => bytes,
            Self::Plausible { format, mark, flags, total, trimmed, before } => {
                let format = format % 3;
                format!("{format} {mark:08x} {flags} {total} {trimmed} {before}").into_bytes()
            }
        }
    }
}
