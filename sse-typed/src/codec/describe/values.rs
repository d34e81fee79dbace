/// The events of one type, `T` being what the output knows a type of data by.
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
    /// The variants, in the order in which they are declared. A struct is its own only one.
    pub variants: Vec<Variant<T>>,
}

/// A variant: an event type, or a part of one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Variant<T> {
    /// The variant's own name, in the case that `rename_all` asks for.
    pub name: &'static str,
    /// The event type, `message` for an event without one. It says nothing for [`Data::Raw`] and [`Data::Nested`].
    pub event_type: &'static str,
    /// Further event types that are read as this one.
    pub aliases: &'static [&'static str],
    /// Its doc comment.
    pub doc: &'static str,
    /// The data.
    pub data: Data<T>,
    /// The key of the JSON object that tells this variant from others of its event type. A [sentinel](Data::Sentinel) is
    /// told by its data.
    pub key: Option<&'static str>,
    /// The field that travels as the event's id.
    pub id: Option<&'static str>,
    /// The field that travels as the reconnection time.
    pub retry: Option<&'static str>,
    /// The stream is complete behind it.
    pub terminal: bool,
    /// It reports an error of the server.
    pub error: bool,
    /// It tells of lost history.
    pub gap: bool,
    /// It takes the event types that no variant has.
    pub other: bool,
}

/// What stands in an event's data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Data<T> {
    /// Nothing: `null`, or an object that is only the tag.
    Unit,
    /// The JSON of one type; of an unknown one where a codec of serde hides it.
    Json(Option<T>),
    /// A JSON object of these fields.
    Object(Vec<Field<T>>),
    /// Plain text; where a type is named for it, that type's JSON would be the text in quotes.
    Text(Option<T>),
    /// Exactly this text.
    Sentinel(&'static str),
    /// Whatever it was.
    Raw,
    /// One of another type's events, under the event types of that.
    Nested(Box<Events<T>>),
}

/// A field of a JSON object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Field<T> {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// Its type; `None` where a codec of serde hides it.
    pub ty: Option<T>,
    /// It may be absent.
    pub optional: bool,
    /// It has no name of its own: its keys stand among those of the object.
    pub flatten: bool,
}

impl<T> Events<T> {
    /// Events of the type of that name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, doc: "", tag: None, ignored: &[], variants: Vec::new() }
    }

    /// With a doc comment.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// With a JSON key that repeats the event type.
    #[must_use]
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// With event types that are received and dropped.
    #[must_use]
    pub fn ignored(mut self, ignored: &'static [&'static str]) -> Self {
        self.ignored = ignored;
        self
    }

    /// With one more variant.
    #[must_use]
    pub fn variant(mut self, variant: Variant<T>) -> Self {
        self.variants.push(variant);
        self
    }
}

impl<T> Variant<T> {
    /// A variant of that name and event type.
    #[must_use]
    pub const fn new(name: &'static str, event_type: &'static str, data: Data<T>) -> Self {
        Self {
            name,
            event_type,
            aliases: &[],
            doc: "",
            data,
            key: None,
            id: None,
            retry: None,
            terminal: false,
            error: false,
            gap: false,
            other: false,
        }
    }

    /// With further event types.
    #[must_use]
    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// With a doc comment.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Known by a key of its JSON.
    #[must_use]
    pub fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    /// With a field that travels as the id.
    #[must_use]
    pub fn id(mut self, field: &'static str) -> Self {
        self.id = Some(field);
        self
    }

    /// With a field that travels as the reconnection time.
    #[must_use]
    pub fn retry(mut self, field: &'static str) -> Self {
        self.retry = Some(field);
        self
    }

    /// The last of its stream.
    #[must_use]
    pub fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// An error that the server reports.
    #[must_use]
    pub fn error(mut self) -> Self {
        self.error = true;
        self
    }

    /// Told of lost history.
    #[must_use]
    pub fn gap(mut self) -> Self {
        self.gap = true;
        self
    }

    /// Taking the event types that no variant has.
    #[must_use]
    pub fn other(mut self) -> Self {
        self.other = true;
        self
    }
}

impl<T> Field<T> {
    /// A field of that name and type.
    #[must_use]
    pub const fn new(name: &'static str, ty: Option<T>) -> Self {
        Self { name, doc: "", ty, optional: false, flatten: false }
    }

    /// With a doc comment.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// One that may be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// One whose keys stand among those of the object.
    #[must_use]
    pub fn flatten(mut self) -> Self {
        self.flatten = true;
        self
    }
}
