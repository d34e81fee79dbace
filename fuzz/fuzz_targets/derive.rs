//! The derives accept any item: the output is Rust code, which is either an impl or a compile error.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use proc_macro2::TokenStream;

/// A type. Its parts are chosen from the words that the derives know, so that most inputs parse.
#[derive(Debug, Arbitrary)]
struct Type {
    attributes: Vec<Attribute>,
    is_struct: bool,
    generics: Generics,
    variants: Vec<Variant>,
}

#[derive(Debug, Arbitrary)]
enum Generics {
    None,
    Type,
    Lifetime,
    Bounded,
    Const,
}

#[derive(Debug, Arbitrary)]
struct Variant {
    attributes: Vec<Attribute>,
    name: Name,
    fields: Fields,
}

#[derive(Debug, Arbitrary)]
enum Fields {
    Unit,
    Unnamed(Vec<Field>),
    Named(Vec<Field>),
    Discriminant(u8),
}

#[derive(Debug, Arbitrary)]
struct Field {
    attributes: Vec<Attribute>,
    name: Name,
    kind: Kind,
}

#[derive(Debug, Arbitrary)]
struct Attribute {
    of_serde: bool,
    settings: Vec<Setting>,
}

#[derive(Debug, Arbitrary)]
struct Setting {
    name: SettingName,
    value: Value,
}

#[derive(Debug, Arbitrary)]
enum Value {
    None,
    Text(Text),
    Number(u8),
    Path,
    List(Vec<SettingName>),
}

#[derive(Debug, Arbitrary)]
enum Text {
    Known(SettingName),
    Any(String),
    Case(u8),
}

/// Declares an enum of words, and the text of each.
macro_rules! words {
    ($name:ident: $($word:ident = $text:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug, Arbitrary)]
        enum $name { $($word),* }

        impl $name {
            const fn text(self) -> &'static str {
                match self { $(Self::$word => $text),* }
            }
        }
    };
}

words!(Name: A = "A", B = "B", Id = "id", Retry = "retry", Raw = "r#type", Error = "Error", Message = "Message", Accent = "É");

words!(Kind: Text = "String", Borrowed = "&'a str", Number = "u32", Option = "Option<EventId>", Duration = "Duration",
    Gap = "Gap", Raw = "RawEvent", Generic = "T", Own = "Self", Own2 = "<Self as Trait>::Type", Array = "[u8; N]", Unit = "()",
    Function = "fn(u8) -> u8", Map = "HashMap<String, Vec<T>>", Macro = "m!()", Never = "!", Value = "Box<RawValue>");

words!(SettingName: Rename = "rename", RenameAll = "rename_all", RenameAllFields = "rename_all_fields", Alias = "alias",
    Message = "message", Text = "text", With = "with", Data = "data", Key = "key", Other = "other", Nested = "nested",
    Terminal = "terminal", Error = "error", Gap = "gap", Failed = "failed", Stopped = "stopped", Lost = "lost", Skip = "skip",
    As = "as", Tag = "tag", Content = "content", Untagged = "untagged", Prefix = "prefix", Id = "id", Retry = "retry",
    AllowReserved = "allow_reserved", Default = "default", Flatten = "flatten", Transparent = "transparent", Bound = "bound",
    SkipSerializing = "skip_serializing", SkipDeserializing = "skip_deserializing", Crate = "crate", Mistake = "termnal",
    SerializeWith = "serialize_with", DeserializeWith = "deserialize_with", DenyUnknown = "deny_unknown_fields",
    SkipIf = "skip_serializing_if", Serialize = "serialize", Deserialize = "deserialize");

const CASES: [&str; 9] = [
    "snake_case",
    "kebab-case",
    "camelCase",
    "PascalCase",
    "SCREAMING_SNAKE_CASE",
    "SCREAMING-KEBAB-CASE",
    "lowercase",
    "UPPERCASE",
    "none",
];

fuzz_target!(|input: Type| {
    let source = input.source();
    // Not every text of tokens is an item, and rustc calls a derive only with items.
    let Ok(tokens) = source.parse::<TokenStream>() else { return };
    if syn::parse2::<syn::DeriveInput>(tokens.clone()).is_err() {
        return;
    }
    for output in derive_as_library::outputs(&tokens) {
        if let Err(error) = syn::parse2::<syn::File>(output.clone()) {
            panic!("the output is not Rust: {error}\n{source}\n{output}");
        }
    }
});

impl Type {
    fn source(&self) -> String {
        let generics = match self.generics {
            Generics::None => "",
            Generics::Type => "<T>",
            Generics::Lifetime => "<'a, T>",
            Generics::Bounded => "<'a, T: Into<Self> + 'a> ",
            Generics::Const => "<T, const N: usize>",
        };
        let attributes = attributes(&self.attributes);
        let keyword = if self.is_struct { "struct" } else { "enum" };
        let bounds = if matches!(self.generics, Generics::Bounded) { " where T: Trait<Self>, Self: Sized" } else { "" };
        if self.is_struct {
            let (fields, end) = self.variants.first().map_or((String::new(), ";"), |variant| match &variant.fields {
                Fields::Named(_) => (variant.fields.source(), ""),
                fields => (fields.source(), ";"),
            });
            return if end.is_empty() {
                format!("{attributes} {keyword} Events{generics}{bounds} {fields}")
            } else {
                format!("{attributes} {keyword} Events{generics}{fields}{bounds};")
            };
        }
        let variants: String = self.variants.iter().map(|variant| variant.source() + ",").collect();
        format!("{attributes} {keyword} Events{generics}{bounds} {{ {variants} }}")
    }
}

impl Variant {
    fn source(&self) -> String {
        format!("{} {} {}", attributes(&self.attributes), self.name.text(), self.fields.source())
    }
}

impl Fields {
    fn source(&self) -> String {
        match self {
            Self::Unit => String::new(),
            Self::Discriminant(number) => format!("= {number}"),
            Self::Unnamed(fields) => {
                let fields =
                    fields.iter().map(|field| format!("{} {},", attributes(&field.attributes), field.kind.text()));
                format!("({})", fields.collect::<String>())
            }
            Self::Named(fields) => {
                let fields = fields.iter().map(|field| {
                    format!("{} {}: {},", attributes(&field.attributes), field.name.text(), field.kind.text())
                });
                format!("{{{}}}", fields.collect::<String>())
            }
        }
    }
}

fn attributes(attributes: &[Attribute]) -> String {
    let attributes = attributes.iter().map(|attribute| {
        let settings: Vec<_> = attribute.settings.iter().map(Setting::source).collect();
        format!("#[{}({})]", if attribute.of_serde { "serde" } else { "sse" }, settings.join(", "))
    });
    attributes.collect()
}

impl Setting {
    fn source(&self) -> String {
        let name = self.name.text();
        match &self.value {
            Value::None => name.to_owned(),
            Value::Text(text) => format!("{name} = {:?}", text.text()),
            Value::Number(number) => format!("{name} = {number}"),
            Value::Path => format!("{name} = a::b"),
            Value::List(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("{} = \"x\"", name.text())).collect();
                format!("{name}({})", names.join(", "))
            }
        }
    }
}

impl Text {
    fn text(&self) -> &str {
        match self {
            Self::Known(name) => name.text(),
            Self::Any(text) => text,
            Self::Case(case) => CASES[usize::from(*case) % CASES.len()],
        }
    }
}
