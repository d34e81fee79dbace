/// The events of one type. `T` is the output's representation of a type of data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Events<T> {
    /// The type's name in Rust.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// The JSON key that repeats the event type.
    pub tag: Option<&'static str>,
    /// Event types that are received and dropped.
    pub ignored: &'static [&'static str],
    /// Objects with keys other than those of the described fields cannot be decoded.
    pub deny_unknown_fields: bool,
    /// The variants, in order of declaration. A struct has one variant.
    pub variants: Vec<Variant<T>>,
}

/// A variant, which is an event type, or one of several variants with the same event type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Variant<T> {
    /// The name of the variant, in the case of `rename_all`.
    pub name: &'static str,
    /// The event type; `message` for an event without one. It has no meaning for [`Data::Raw`] and [`Data::Nested`].
    pub event_type: &'static str,
    /// Further event types that are decoded as this variant.
    pub aliases: &'static [&'static str],
    /// Its doc comment.
    pub doc: &'static str,
    /// The data.
    pub data: Data<T>,
    /// The JSON key that tells this variant from others with its event type. A [sentinel](Data::Sentinel) is recognized by its
    /// data instead.
    pub key: Option<&'static str>,
    /// The Rust type of data that is plain text, as [`std::any::type_name`] names it. `None` for other data, and for the text of a
    /// codec.
    pub text_type: Option<&'static str>,
    /// The field that is sent as the event's id.
    pub id: Option<Line>,
    /// The field that is sent as the reconnection time.
    pub retry: Option<Line>,
    /// It is a terminal event: the stream ends after it.
    pub terminal: bool,
    /// It reports an error of the server.
    pub error: bool,
    /// It reports lost history.
    pub gap: bool,
    /// It reports that a run ended without completing. It is also terminal.
    pub run_end: Option<RunEnd>,
    /// It takes the event types that no variant declares.
    pub other: bool,
}

/// A field that is sent in the `id:` or `retry:` line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line {
    /// The field's name in Rust.
    pub name: &'static str,
    /// The line is JSON.
    pub json: bool,
    /// The line may be absent.
    pub optional: bool,
    /// The Rust type of the line's value, as [`std::any::type_name`] names it.
    pub type_name: &'static str,
}

/// How a run ended that did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunEnd {
    /// The run failed: `#[sse(failed)]`.
    Failed,
    /// The run was stopped on request: `#[sse(stopped)]`.
    Stopped,
    /// The process of the run stopped responding: `#[sse(lost)]`.
    Lost,
}

/// The data of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Data<T> {
    /// No data: `null`, or an object that has only the tag.
    Unit,
    /// The JSON of a type; `None` if a serde codec hides the type.
    Json(Option<T>),
    /// A JSON object of these fields.
    Object(Vec<Field<T>>),
    /// Plain text. If there is a type, its JSON is this text in quotes.
    Text(Option<T>),
    /// Exactly this text.
    Sentinel(&'static str),
    /// Any data of an untyped event.
    Raw,
    /// An event of another type, with the event types of that type.
    Nested(Box<Events<T>>),
}

/// A field of a JSON object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Field<T> {
    /// Its name in JSON.
    pub name: &'static str,
    /// Further names that are read as this field.
    pub aliases: &'static [&'static str],
    /// Its doc comment.
    pub doc: &'static str,
    /// Its type; `None` if a serde codec hides it.
    pub ty: Option<T>,
    /// It may be absent.
    pub optional: bool,
    /// Its keys are among the keys of the object, as with `#[serde(flatten)]`.
    pub flatten: bool,
}

impl<T> Events<T> {
    /// Events of the type `name`, without variants.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, doc: "", tag: None, ignored: &[], deny_unknown_fields: false, variants: Vec::new() }
    }

    /// Sets the doc comment.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Sets the JSON key that repeats the event type.
    #[must_use]
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Sets the event types that are received and dropped.
    #[must_use]
    pub fn ignored(mut self, ignored: &'static [&'static str]) -> Self {
        self.ignored = ignored;
        self
    }

    /// Marks the objects as ones without further keys.
    #[must_use]
    pub fn deny_unknown_fields(mut self) -> Self {
        self.deny_unknown_fields = true;
        self
    }

    /// Adds a variant.
    #[must_use]
    pub fn variant(mut self, variant: Variant<T>) -> Self {
        self.variants.push(variant);
        self
    }
}

impl<T> Variant<T> {
    /// A variant with a name, an event type and data.
    #[must_use]
    pub const fn new(name: &'static str, event_type: &'static str, data: Data<T>) -> Self {
        Self {
            name,
            event_type,
            aliases: &[],
            doc: "",
            data,
            key: None,
            text_type: None,
            id: None,
            retry: None,
            terminal: false,
            error: false,
            gap: false,
            run_end: None,
            other: false,
        }
    }

    /// Sets further event types that are decoded as this variant.
    #[must_use]
    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Sets the JSON key that tells the variant from others with its event type.
    #[must_use]
    pub fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the Rust type of data that is plain text.
    #[must_use]
    pub fn text_type(mut self, name: &'static str) -> Self {
        self.text_type = Some(name);
        self
    }

    /// Sets the field that is sent as the id.
    #[must_use]
    pub fn id(mut self, line: Line) -> Self {
        self.id = Some(line);
        self
    }

    /// Sets the field that is sent as the reconnection time.
    #[must_use]
    pub fn retry(mut self, line: Line) -> Self {
        self.retry = Some(line);
        self
    }

    /// Marks it as a terminal event.
    #[must_use]
    pub fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Marks it as an error that the server reports.
    #[must_use]
    pub fn error(mut self) -> Self {
        self.error = true;
        self
    }

    /// Marks it as the event that reports lost history.
    #[must_use]
    pub fn gap(mut self) -> Self {
        self.gap = true;
        self
    }

    /// Marks it as the event that reports this end of a run.
    #[must_use]
    pub fn run_end(mut self, end: RunEnd) -> Self {
        self.run_end = Some(end);
        self
    }

    /// Marks it as the variant that takes event types that no variant declares.
    #[must_use]
    pub fn other(mut self) -> Self {
        self.other = true;
        self
    }
}

impl Line {
    /// A field that is sent as text, and is always present.
    #[must_use]
    pub const fn new(name: &'static str, type_name: &'static str) -> Self {
        Self { name, json: false, optional: false, type_name }
    }

    /// Marks the line as JSON.
    #[must_use]
    pub const fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Marks the line as one that may be absent.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

impl<T> Field<T> {
    /// A field with a name and a type.
    #[must_use]
    pub const fn new(name: &'static str, ty: Option<T>) -> Self {
        Self { name, aliases: &[], doc: "", ty, optional: false, flatten: false }
    }

    /// Sets further names that are read as this field.
    #[must_use]
    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets the doc comment.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Marks it as a field that may be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Marks it as a field whose keys are among the keys of the object.
    #[must_use]
    pub fn flatten(mut self) -> Self {
        self.flatten = true;
        self
    }
}
