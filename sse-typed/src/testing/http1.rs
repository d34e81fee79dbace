//! As much of HTTP/1.1 as a raw peer needs: heads, and the ends of bodies.

use std::io;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A head with all its fields.
const LONGEST_HEAD: usize = 1 << 20;

/// The size of a chunk with its extensions, or a trailer.
const LONGEST_LINE: usize = 64 << 10;

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Whether a response with this status can have a body.
pub(super) fn has_body(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Reads a head: its first line, and its fields. `None` if the connection is closed before it. It is read by byte, so that
/// nothing behind it is read.
pub(super) async fn read_head<IO: AsyncRead + Unpin>(io: &mut IO) -> io::Result<Option<(String, HeaderMap)>> {
    let mut buffer = Vec::new();
    loop {
        if let Some(head) = buffer.strip_suffix(b"\r\n\r\n") {
            return parse_head(head).map(Some);
        }
        if buffer.len() > LONGEST_HEAD {
            return Err(invalid("the head is too long"));
        }
        if io.take(1).read_buf(&mut buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

fn parse_head(head: &[u8]) -> io::Result<(String, HeaderMap)> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| invalid("a header has no colon"))?;
        let name = HeaderName::from_bytes(&line[..colon]).map_err(io::Error::other)?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(io::Error::other)?);
    }
    Ok((first, headers))
}

/// Finds the end of a body in the bytes of a connection.
#[derive(Debug)]
pub(super) enum BodyDecoder {
    Length(u64),
    Chunked(Chunk),
    /// The body ends with the connection.
    ToTheEnd,
}

#[derive(Debug)]
pub(super) enum Chunk {
    Size,
    Data(u64),
    /// The line end behind the data.
    DataEnd,
    /// The lines behind the last chunk.
    Trailers,
    End,
}

/// What the bytes of a connection are.
#[derive(Debug)]
pub(super) enum Part {
    Data(Bytes),
    NeedsMore,
    End,
}

impl BodyDecoder {
    /// As the head of a message says. `None` if it says nothing.
    pub(super) fn of(headers: &HeaderMap) -> io::Result<Option<Self>> {
        let value = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        if let Some(coding) = value(header::TRANSFER_ENCODING) {
            return match coding.eq_ignore_ascii_case("chunked") {
                true => Ok(Some(Self::Chunked(Chunk::Size))),
                false => Err(invalid("only the transfer coding `chunked` is read")),
            };
        }
        let length = value(header::CONTENT_LENGTH).map(|length| number(length, 10));
        Ok(length.transpose()?.map(Self::Length))
    }

    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Part> {
        match self {
            Self::ToTheEnd => Ok(take(buffer, u64::MAX).map_or(Part::NeedsMore, Part::Data)),
            Self::Length(0) => Ok(Part::End),
            Self::Length(left) => Ok(match take(buffer, *left) {
                Some(data) => {
                    *left -= data.len() as u64;
                    Part::Data(data)
                }
                None => Part::NeedsMore,
            }),
            Self::Chunked(chunk) => chunk.decode(buffer),
        }
    }
}

impl Chunk {
    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Part> {
        loop {
            *self = match self {
                Self::End => return Ok(Part::End),
                Self::Data(left) => {
                    let Some(data) = take(buffer, *left) else { return Ok(Part::NeedsMore) };
                    *left -= data.len() as u64;
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(Part::Data(data));
                }
                Self::DataEnd if buffer.first().is_some_and(|byte| *byte != b'\r') => {
                    return Err(invalid("a chunk is longer than its size"));
                }
                Self::Size | Self::DataEnd | Self::Trailers => {
                    let Some(end) = buffer.windows(2).position(|bytes| bytes == b"\r\n") else {
                        return match buffer.len() > LONGEST_LINE {
                            true => Err(invalid("a line between chunks is too long")),
                            false => Ok(Part::NeedsMore),
                        };
                    };
                    let line = buffer.split_to(end + 2);
                    self.behind_line(&line[..end])?
                }
            };
        }
    }

    fn behind_line(&self, line: &[u8]) -> io::Result<Self> {
        Ok(match self {
            Self::DataEnd if line.is_empty() => Self::Size,
            Self::DataEnd => return Err(invalid("a chunk is longer than its size")),
            Self::Trailers if line.is_empty() => Self::End,
            Self::Trailers => Self::Trailers,
            _ => {
                let size = std::str::from_utf8(line).map_err(io::Error::other)?;
                let size = size.split(';').next().unwrap_or_default().trim();
                match number(size, 16)? {
                    0 => Self::Trailers,
                    size => Self::Data(size),
                }
            }
        })
    }
}

/// A number of digits alone: the standard library takes a sign, too.
fn number(text: &str, radix: u32) -> io::Result<u64> {
    match text.starts_with('+') {
        true => Err(invalid("a length has a sign")),
        false => u64::from_str_radix(text, radix).map_err(io::Error::other),
    }
}

/// Up to so many bytes, if there are any.
fn take(buffer: &mut BytesMut, most: u64) -> Option<Bytes> {
    let length = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
    (length > 0).then(|| buffer.split_to(length).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(headers: &[(&'static str, &str)], body: &[u8], piece: usize) -> io::Result<(String, bool)> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        let mut decoder = BodyDecoder::of(&headers)?.unwrap_or(BodyDecoder::ToTheEnd);
        let mut buffer = BytesMut::new();
        let mut data = Vec::new();
        for bytes in body.chunks(piece) {
            buffer.extend_from_slice(bytes);
            loop {
                match decoder.decode(&mut buffer)? {
                    Part::Data(bytes) => data.extend_from_slice(&bytes),
                    Part::NeedsMore => break,
                    Part::End => return Ok((String::from_utf8(data).unwrap(), true)),
                }
            }
        }
        Ok((String::from_utf8(data).unwrap(), false))
    }

    #[test]
    fn bodies_end_where_their_heads_say() {
        let chunked = [("transfer-encoding", "chunked")];
        for piece in 1..8 {
            let whole = b"3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nx: y\r\n\r\nmore";
            assert_eq!(decode(&chunked, whole, piece).unwrap(), ("abc0123456789".to_owned(), true));
            assert_eq!(decode(&chunked, b"3\r\nab", piece).unwrap(), ("ab".to_owned(), false));
            assert_eq!(decode(&[("content-length", "2")], b"abc", piece).unwrap(), ("ab".to_owned(), true));
            assert_eq!(decode(&[], b"abc", piece).unwrap(), ("abc".to_owned(), false));
        }
        assert!(decode(&chunked, b"3\r\nabcd\r\n", 1).is_err());
        assert!(decode(&chunked, b"x\r\n", 1).is_err());
        assert!(decode(&chunked, b"+1\r\na\r\n", 1).is_err());
        assert!(decode(&chunked, &vec![b'1'; LONGEST_LINE + 2], 8 << 10).is_err());
        assert!(decode(&[("content-length", "+1")], b"a", 1).is_err());
        assert!(decode(&[("content-length", "-1")], b"", 1).is_err());
        assert!(decode(&[("transfer-encoding", "gzip")], b"", 1).is_err());
    }
}
