//! What the program is asked for.

use std::{ffi::OsString, num::NonZeroU64};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, uri::Scheme};
use sse_typed::EventId;

pub(crate) const USAGE: &str = "\
usage: cargo run --example tail -- URL [OPTION]..

Prints the events of a stream, and stays on it.

  --header 'NAME: VALUE'  sends a header; may be said several times
  --last-event-id ID      resumes behind this event
  --json                  prints each event as one line of JSON: type, id, data
  --max-events N          ends after N events
  --help                  prints this
";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) last_event_id: Option<EventId>,
    pub(crate) json: bool,
    pub(crate) max_events: Option<u64>,
}

/// Reads the arguments, without the program's name. `None` asks for help; an error says which is wrong, and why.
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
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`")),
            _ if url.is_some() => return Err(format!("one URL is enough, and `{argument}` is another")),
            _ => url = Some(http_url(&argument)?),
        }
    }
    let url = url.ok_or("the URL is missing")?;
    Ok(Some(Arguments { url, headers, last_event_id, json, max_events }))
}

fn http_url(text: &str) -> Result<Uri, String> {
    let wrong = |why: &str| format!("`{text}` is no URL to ask: {why}");
    let url: Uri = text.parse().map_err(|error: http::uri::InvalidUri| wrong(&error.to_string()))?;
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => Ok(url),
        _ => Err(wrong("it begins with neither `http://` nor `https://`")),
    }
}

/// A value may be a secret, and is in no error.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("--header needs the form 'name: value'")?;
    let name: HeaderName = name.trim().parse().map_err(|_| format!("`{}` is no name of a header", name.trim()))?;
    let value: Result<HeaderValue, _> = value.trim().parse();
    let mut value =
        value.map_err(|_| format!("the value of the header `{name}` has characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map(NonZeroU64::get).map_err(|_| format!("--max-events needs a number from 1, and `{text}` is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<Option<Arguments>, String> {
        parse(arguments.iter().map(OsString::from))
    }

    fn stream(arguments: &[&str]) -> Arguments {
        of(arguments).unwrap().unwrap()
    }

    #[test]
    fn a_url_is_enough() {
        let Arguments { url, headers, last_event_id, json, max_events } = stream(&["https://a:1/b?c=d"]);
        assert_eq!(url, "https://a:1/b?c=d");
        assert!(headers.is_empty() && last_event_id.is_none() && !json && max_events.is_none());
    }

    #[test]
    fn options_stand_before_and_behind_the_url_with_and_without_an_equals_sign() {
        let arguments = stream(&[
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
    fn help_is_given_whatever_else_is_said() {
        for arguments in [&["--help"][..], &["-h"], &["http://a/", "--json", "--help"]] {
            assert!(of(arguments).unwrap().is_none(), "{arguments:?}");
        }
    }

    #[test]
    fn an_error_names_the_argument_and_what_is_wrong_with_it() {
        for (arguments, expected) in [
            (&[][..], "the URL is missing"),
            (&["--json"], "the URL is missing"),
            (&["http://a/", "http://b/"], "one URL is enough, and `http://b/` is another"),
            (&["localhost:3000/events"], "`localhost:3000/events` is no URL to ask"),
            (&["ftp://a/"], "neither `http://` nor `https://`"),
            (&["/events"], "neither `http://` nor `https://`"),
            (&["http://a/", "--follow"], "there is no option `--follow`"),
            (&["http://a/", "--header"], "--header needs a value"),
            (&["http://a/", "--header", "x-a"], "--header needs the form 'name: value'"),
            (&["http://a/", "--header", "x a: 1"], "`x a` is no name of a header"),
            (&["http://a/", "--header", "x-a: \u{1}secret"], "the value of the header `x-a` has characters"),
            (&["http://a/", "--max-events", "0"], "--max-events needs a number from 1, and `0` is none"),
            (&["http://a/", "--max-events=many"], "`many` is none"),
            (&["http://a/", "--last-event-id", "a\nb"], "--last-event-id: "),
            (&["http://a/", "--json=yes"], "--json takes no value"),
        ] {
            let error = of(arguments).unwrap_err();
            assert!(error.contains(expected) && !error.contains("secret"), "{arguments:?}: {error}");
        }
    }
}
