//! Datastar: the data is lines in a custom format, `key value`, so the variants have `with` modules; HTML of several lines must
//! arrive unchanged.

use sse_typed::{SseEvent, event::DecodeErrorKind};

use crate::support::{Read, event, events, read, wire};

#[derive(Debug, PartialEq, SseEvent)]
enum Patch {
    #[sse(rename = "datastar-patch-elements", with = "elements")]
    Elements(PatchElements),
    #[sse(rename = "datastar-patch-signals", with = "signals")]
    Signals(PatchSignals),
}

#[derive(Debug, Default, PartialEq)]
struct PatchElements {
    selector: Option<String>,
    mode: Option<String>,
    elements: String,
}

#[derive(Debug, PartialEq)]
struct PatchSignals {
    only_if_missing: bool,
    signals: serde_json::Value,
}

mod elements {
    use super::PatchElements;

    pub(super) fn encode(patch: &PatchElements) -> Result<String, std::convert::Infallible> {
        let mut lines = Vec::new();
        lines.extend(patch.selector.iter().map(|selector| format!("selector {selector}")));
        lines.extend(patch.mode.iter().map(|mode| format!("mode {mode}")));
        lines.extend(patch.elements.split('\n').map(|line| format!("elements {line}")));
        Ok(lines.join("\n"))
    }

    pub(super) fn decode(data: &str) -> Result<PatchElements, String> {
        let mut patch = PatchElements::default();
        let mut html = Vec::new();
        for line in data.split('\n') {
            match line.split_once(' ') {
                Some(("selector", value)) => patch.selector = Some(value.to_owned()),
                Some(("mode", value)) => patch.mode = Some(value.to_owned()),
                Some(("elements", value)) => html.push(value),
                _ => return Err(format!("no such line: {line}")),
            }
        }
        patch.elements = html.join("\n");
        Ok(patch)
    }
}

mod signals {
    use super::PatchSignals;

    pub(super) fn encode(patch: &PatchSignals) -> serde_json::Result<String> {
        let signals = serde_json::to_string(&patch.signals)?;
        Ok(format!("onlyIfMissing {}\nsignals {signals}", patch.only_if_missing))
    }

    pub(super) fn decode(data: &str) -> Result<PatchSignals, Box<dyn std::error::Error + Send + Sync>> {
        let (first, rest) = data.split_once('\n').ok_or("two lines")?;
        let only_if_missing = first.strip_prefix("onlyIfMissing ").ok_or("onlyIfMissing")?.parse()?;
        let signals = serde_json::from_str(rest.strip_prefix("signals ").ok_or("signals")?)?;
        Ok(PatchSignals { only_if_missing, signals })
    }
}

const STREAM: &str = concat!(
    "event: datastar-patch-elements\n",
    "data: selector #feed\n",
    "data: mode inner\n",
    "data: elements <div>\n",
    "data: elements   <p>one</p>\n",
    "data: elements </div>\n",
    "\n",
    "event: datastar-patch-signals\n",
    "data: onlyIfMissing true\n",
    "data: signals {\"count\":1}\n",
    "\n",
);

#[test]
fn lines_in_a_custom_format_are_decoded_and_encoded() {
    let events = events::<Patch>(STREAM);
    let elements = PatchElements {
        selector: Some("#feed".into()),
        mode: Some("inner".into()),
        elements: "<div>\n  <p>one</p>\n</div>".into(),
    };
    let signals = PatchSignals { only_if_missing: true, signals: serde_json::json!({ "count": 1 }) };
    assert_eq!(events, [Patch::Elements(elements), Patch::Signals(signals)]);
    assert_eq!(wire(&events), STREAM);
}

#[test]
fn empty_lines_and_outer_spaces_of_html_are_kept() {
    for html in ["", "\n", " a ", "\n\n  \n", "<pre>\n\n x\n</pre>\n"] {
        let patch = Patch::Elements(PatchElements { elements: html.into(), ..PatchElements::default() });
        assert_eq!(event::<Patch>(&wire([&patch])), patch, "{html:?}");
    }
}

#[test]
fn data_that_the_with_module_rejects_is_an_error_and_the_stream_continues() {
    let items = read::<Patch>(&format!("event: datastar-patch-elements\ndata: nonsense\n\n{STREAM}"));
    let bad = Read::Bad { event_type: "datastar-patch-elements".into(), kind: DecodeErrorKind::Data, path: None };
    assert_eq!((&items[0], items.len()), (&bad, 3));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<Patch>("wire/datastar.ts", &sse_typed::typescript::Options::new());
}
