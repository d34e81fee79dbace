//! The command line.

use std::{ffi::OsString, num::NonZeroU64};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, uri::Scheme};
use sse_typed::EventId;

pub(crate) const USAGE: &str = "\
usage: cargo run --example tail -- URL [OPTION]..

Prints the events of a stream. Reconnects, and resumes after the last event.

  --header 'NAME: VALUE'  sends a header; can be given several times
  --last-event-id ID      resumes after this event
  --json                  prints each event as one line of JSON: type, id, data
  --max-events N          ends after N events
  --help                  prints this text
";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) last_event_id: Option<EventId>,
    pub(crate) json: bool,
    pub(crate) max_events: Option<u64>,
}

/// Parses the arguments that follow the program's name. `None` is a request for help.
///
/// # Errors
///
/// The message names the argument that is wrong, and says why.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut arguments = arguments.into_iter().map(|argument| {
        argument.into_string().map_err(|argument| format!("`{}` is not UTF-8", argument.to_string_lossy()))
    });
    let (mut url, mut headers, mut last_event_id, mut json, mut max_events) =
        (None, HeaderMap::new(), None, false, None);
    while let Some(argument) = arguments.next().transpose()? {
        // `--name value` or `--name=value`
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        match name {
            "--help" | "-h" => return Ok(None),
            "--json" if inline.is_some() => return Err("--json takes no value".to_owned()),
            "--json" => json = true,
            "--header" | "--last-event-id" | "--max-events" => {
                let value = match inline {
                    Some(value) => value,
                    None => arguments.next().transpose()?.ok_or_else(|| format!("{name} needs a value"))?,
                };
                match name {
                    "--header" => {
                        let (name, value) = header(&value)?;
                        headers.append(name, value);
                    }
                    "--last-event-id" => {
                        last_event_id = Some(EventId::new(value).map_err(|error| format!("--last-event-id: {error}"))?);
                    }
                    _ => max_events = Some(number(&value)?),
                }
            }
            option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
            _ if url.is_some() => return Err(format!("more than one URL: `{argument}`")),
            _ => url = Some(http_url(&argument)?),
        }
    }
    let url = url.ok_or("the URL is missing")?;
    Ok(Some(Arguments { url, headers, last_event_id, json, max_events }))
}

fn http_url(text: &str) -> Result<Uri, String> {
    let invalid = |why: &str| format!("`{text}` is not a valid URL: {why}");
    let url: Uri = text.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => Ok(url),
        _ => Err(invalid("it starts with neither `http://` nor `https://`")),
    }
}

/// No error contains the value: it may be a secret.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("--header needs the form 'name: value'")?;
    let name: HeaderName = name.trim().parse().map_err(|_| format!("`{}` is not a header name", name.trim()))?;
    let value: Result<HeaderValue, _> = value.trim().parse();
    let mut value = value.map_err(|_| format!("the value of the header `{name}` has invalid characters"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map(NonZeroU64::get).map_err(|_| format!("--max-events needs a number of at least 1, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Option<Arguments>, String> {
        parse(arguments.iter().map(OsString::from))
    }

    fn valid(arguments: &[&str]) -> Arguments {
        parsed(arguments).unwrap().unwrap()
    }

    #[test]
    fn a_url_is_enough() {
        let Arguments { url, headers, last_event_id, json, max_events } = valid(&["https://a:1/b?c=d"]);
        assert_eq!(url, "https://a:1/b?c=d");
        assert!(headers.is_empty() && last_event_id.is_none() && !json && max_events.is_none());
    }

    #[test]
    fn options_precede_or_follow_the_url_with_or_without_an_equals_sign() {
        let arguments = valid(&[
            "--header",
            "x-a: 1:2 ",
            "--max-events=3",
            "http://a/?b=c",
            "--header=X-A:4",
            "--json",
            "--last-event-id",
            "a=b",
        ]);
        assert_eq!(arguments.url, "http://a/?b=c");
        assert_eq!(arguments.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1:2", "4"]);
        assert_eq!(arguments.last_event_id.unwrap().as_str(), "a=b");
        assert_eq!((arguments.json, arguments.max_events), (true, Some(3)));
    }

    #[test]
    fn help_wins_over_all_other_arguments() {
        for arguments in [&["--help"][..], &["-h"], &["http://a/", "--json", "--help"]] {
            assert!(parsed(arguments).unwrap().is_none(), "{arguments:?}");
        }
    }

    #[test]
    fn an_error_names_the_argument_and_the_reason() {
        for (arguments, expected) in [
            (&[][..], "the URL is missing"),
            (&["--json"], "the URL is missing"),
            (&["http://a/", "http://b/"], "more than one URL: `http://b/`"),
            (&["localhost:3000/events"], "`localhost:3000/events` is not a valid URL"),
            (&["ftp://a/"], "neither `http://` nor `https://`"),
            (&["/events"], "neither `http://` nor `https://`"),
            (&["http://a/", "--follow"], "unknown option `--follow`"),
            (&["http://a/", "--header"], "--header needs a value"),
            (&["http://a/", "--header", "x-a"], "--header needs the form 'name: value'"),
            (&["http://a/", "--header", "x a: 1"], "`x a` is not a header name"),
            (&["http://a/", "--header", "x-a: \u{1}secret"], "the value of the header `x-a` has invalid characters"),
            (&["http://a/", "--max-events", "0"], "--max-events needs a number of at least 1, not `0`"),
            (&["http://a/", "--max-events=many"], "not `many`"),
            (&["http://a/", "--last-event-id", "a\nb"], "--last-event-id: "),
            (&["http://a/", "--json=yes"], "--json takes no value"),
        ] {
            let error = parsed(arguments).unwrap_err();
            assert!(error.contains(expected) && !error.contains("secret"), "{arguments:?}: {error}");
        }
    }
}
