use std::{
    any::{TypeId, type_name},
    collections::{BTreeMap, HashMap},
    fmt,
};

use ts_rs::{Config, TS, TypeVisitor};

use super::{LargeInt, tokens};
use crate::codec::describe::{DescribeType, Describer};

/// Collects the TypeScript types of an event type while [`render`](super::render) runs. It appears only in bounds, as
/// in `DescribeEvent<TypeScript>`.
///
/// It describes types that implement `ts_rs::TS` and borrow nothing, because an event type is rendered once for all
/// of its values.
pub struct TypeScript {
    config: Config,
    /// In the order in which ts-rs visits them, which may change from build to build.
    declarations: Vec<Declaration>,
    /// The declarations that the described types mention, in the order of their mention.
    mentioned: Vec<usize>,
    /// The declaration of each Rust type that has one.
    by_type: HashMap<TypeId, usize>,
}

/// A type that the file declares.
struct Declaration {
    /// The name that ts-rs gives it.
    given_name: String,
    given_text: String,
    doc: String,
    /// The declarations to which the names in the text refer.
    refers_to: Names,
}

/// The declarations by the names that ts-rs gives them.
type Names = BTreeMap<String, usize>;

/// The types as the file declares them. Until all names are known, a text has the [`placeholder`] of a declaration
/// in place of its name.
pub(super) struct Declared<'a> {
    typescript: &'a TypeScript,
    /// The mentioned declarations, in the order of their first mention.
    order: Vec<usize>,
    /// The name of each of these in the file.
    names: Vec<String>,
}

/// A placeholder for the name of a type in a text.
fn placeholder(declaration: usize) -> String {
    format!("\0{declaration}\0")
}

impl Describer for TypeScript {
    type Type = String;
}

#[diagnostic::do_not_recommend]
impl<T: TS + ?Sized + 'static> DescribeType<T> for TypeScript {
    fn describe_type(&mut self) -> String {
        let mut visit = DeclareVisitor { typescript: self, names: Names::new() };
        visit.visit::<T>();
        T::visit_generics(&mut visit);
        if T::output_path().is_none() {
            T::visit_dependencies(&mut visit);
        }
        let names = visit.names;
        let name = T::name(&self.config);
        self.mentioned.extend(mentioned(&name, &names));
        with_placeholders(&name, &names)
    }
}

impl TypeScript {
    pub(super) fn new(large_int: LargeInt) -> Self {
        let large_int = match large_int {
            LargeInt::Number => "number",
            LargeInt::String => "string",
        };
        let config = Config::new().with_large_int(large_int);
        Self { config, declarations: Vec::new(), mentioned: Vec::new(), by_type: HashMap::new() }
    }

    /// The described types, with names that are unique in the file.
    pub(super) fn declared(&self, reserved: impl Fn(&str) -> bool) -> Declared<'_> {
        let mut order = Vec::new();
        let mut pending: Vec<usize> = self.mentioned.iter().rev().copied().collect();
        while let Some(declaration) = pending.pop() {
            if !order.contains(&declaration) {
                order.push(declaration);
                let Declaration { given_text, refers_to, .. } = &self.declarations[declaration];
                pending.extend(mentioned(given_text, refers_to).into_iter().rev());
            }
        }
        let mut names: Vec<String> = Vec::new();
        for Declaration { given_name, .. } in order.iter().map(|&declaration| &self.declarations[declaration]) {
            let numbered = (2_usize..).map(|number| format!("{given_name}{number}"));
            let free = |name: &String| !reserved(name) && !names.contains(name);
            let name = std::iter::once(given_name.clone()).chain(numbered).find(free);
            names.push(name.unwrap_or_default());
        }
        Declared { typescript: self, order, names }
    }

    /// Declares a type and all types to which it refers.
    fn declare<T: TS + ?Sized + 'static>(&mut self) -> usize {
        let id = TypeId::of::<T>();
        if let Some(&declared) = self.by_type.get(&id) {
            return declared;
        }
        let given_name = T::ident(&self.config);
        let mut given_text = with_ends_of_comments_escaped(&T::decl(&self.config));
        assert!(
            !(tokens::is_generic(&given_name) && given_text.starts_with(&format!("type {given_name}<"))),
            "the generic type `{}` has the name of a built-in type of TypeScript: rename it with `#[ts(rename = \"..\")]`",
            type_name::<T>(),
        );
        if given_text.starts_with("enum ") {
            // A type is erased when TypeScript is run or bundled; an enum is code.
            given_text = format!("type {given_name} = {};", with_ends_of_comments_escaped(&T::inline(&self.config)));
        }
        let is_same =
            |declaration: &Declaration| declaration.given_name == given_name && declaration.given_text == given_text;
        // Two instances of a generic type may have the same text. They are the same type if they refer to the same
        // types.
        if let Some(declared) = self.declarations.iter().position(is_same) {
            self.by_type.insert(id, declared);
            let refers_to = self.refers_to::<T>(&given_name, &given_text);
            if self.declarations[declared].refers_to == refers_to {
                return declared;
            }
        }
        let declared = self.declarations.len();
        self.by_type.insert(id, declared);
        let doc = T::docs().map_or_else(String::new, |doc| jsdoc_text(&doc));
        self.declarations.push(Declaration {
            given_name: given_name.clone(),
            given_text: given_text.clone(),
            doc,
            refers_to: Names::new(),
        });
        self.declarations[declared].refers_to = self.refers_to::<T>(&given_name, &given_text);
        declared
    }

    /// The declarations to which a type's declaration refers, by name.
    fn refers_to<T: TS + ?Sized + 'static>(&mut self, given_name: &str, given_text: &str) -> Names {
        let mut visit = DeclareVisitor { typescript: self, names: Names::new() };
        T::visit_dependencies(&mut visit);
        let mut names = visit.names;
        names.retain(|name, _| name != given_name && tokens::mentions(given_text, name));
        names
    }
}

impl Declared<'_> {
    /// Each type: its declaration, and the text of its doc comment.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &str)> {
        self.order.iter().map(|&position| {
            let declaration = &self.typescript.declarations[position];
            let mut names = declaration.refers_to.clone();
            names.insert(declaration.given_name.clone(), position);
            (self.with_names(&with_placeholders(&declaration.given_text, &names)), &*declaration.doc)
        })
    }

    /// Replaces the placeholders in a text with names.
    pub(super) fn with_names(&self, text: &str) -> String {
        let names = self.order.iter().zip(&self.names);
        names.fold(text.to_owned(), |text, (&declaration, name)| text.replace(&placeholder(declaration), name))
    }
}

impl fmt::Debug for TypeScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.declarations.iter().map(|declaration| &declaration.given_name);
        f.debug_set().entries(names).finish()
    }
}

/// Declares the types that it visits.
struct DeclareVisitor<'a> {
    typescript: &'a mut TypeScript,
    names: Names,
}

impl TypeVisitor for DeclareVisitor<'_> {
    fn visit<T: TS + ?Sized + 'static>(&mut self) {
        if T::output_path().is_none() {
            return;
        }
        let declared = self.typescript.declare::<T>();
        let given_name = &self.typescript.declarations[declared].given_name;
        if let Some(other) = self.names.insert(given_name.clone(), declared) {
            assert!(
                other == declared,
                "two Rust types of one payload are called `{given_name}` in TypeScript, the second is `{}`: distinguish them with \
                 `#[ts(rename = \"..\")]` on one of them",
                type_name::<T>(),
            );
        }
    }
}

/// Replaces names in a text with placeholders.
fn with_placeholders(text: &str, names: &Names) -> String {
    tokens::renamed(text, |token| names.get(token).map(|&declaration| placeholder(declaration)))
}

/// The declarations that a text mentions, in its order.
fn mentioned(text: &str, names: &Names) -> Vec<usize> {
    let mut mentioned = Vec::new();
    tokens::renamed(text, |token| {
        mentioned.extend(names.get(token));
        None
    });
    mentioned
}

/// Escapes the ends of comments within comments. ts-rs copies the doc comments of fields verbatim: `/**` on its own
/// line up to a line that is ` */`, or for a block comment up to a line that ends in `*/`.
fn with_ends_of_comments_escaped(text: &str) -> String {
    let mut escaped = Vec::new();
    // `Some` within a comment; true for a block comment.
    let mut comment = None;
    for line in text.split('\n') {
        if comment.is_none() && line.starts_with("/**") {
            comment = Some(line != "/**");
        }
        let (body, end) = match comment {
            Some(false) if line == " */" => ("", line),
            Some(true) => line.strip_suffix("*/").map_or((line, ""), |body| (body, "*/")),
            Some(false) => (line, ""),
            None => ("", line),
        };
        if !end.is_empty() {
            comment = None;
        }
        escaped.push(body.replace("*/", "*\\/") + end);
    }
    escaped.join("\n")
}

/// The text of a JSDoc comment.
fn jsdoc_text(doc: &str) -> String {
    let doc = doc.trim();
    let doc = doc.strip_prefix("/**").unwrap_or(doc);
    let doc = doc.strip_suffix("*/").unwrap_or(doc);
    let lines = doc.lines().map(|line| {
        let line = line.trim_start().strip_prefix('*').unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}
