use std::{
    any::{TypeId, type_name},
    collections::{BTreeMap, HashMap},
    fmt,
};

use ts_rs::{Config, TS, TypeVisitor};

use super::{LargeInt, tokens};
use crate::codec::describe::{DescribeType, Describer};

/// The output that [`render`](super::render) describes an event type to.
///
/// It can describe what is `ts_rs::TS` and, as an event type is rendered once and for all its values, borrows nothing.
pub struct TypeScript {
    config: Config,
    /// In the order in which ts-rs shows them, which may be another one in the next build.
    declarations: Vec<Declaration>,
    /// Those that the described types mention, in the order of that.
    mentioned: Vec<usize>,
    /// The declaration of each Rust type that has one.
    by_type: HashMap<TypeId, usize>,
}

/// A type that the file declares.
struct Declaration {
    /// What ts-rs calls it, and how it declares it.
    given_name: String,
    given_text: String,
    doc: String,
    /// The declarations that the names in the text stand for.
    refers_to: Names,
}

/// What ts-rs calls types, and which ones they are.
type Names = BTreeMap<String, usize>;

/// Types as the file declares them. Until all are known, a name in a text is the [`mark`] of its declaration.
pub(super) struct Declared<'a> {
    typescript: &'a TypeScript,
    /// Those that are mentioned, in the order in which they are first.
    order: Vec<usize>,
    /// What each of these is called in the file.
    names: Vec<String>,
}

/// Stands for the name of a type in a text.
fn mark(declaration: usize) -> String {
    format!("\0{declaration}\0")
}

impl Describer for TypeScript {
    type Type = String;
}

#[diagnostic::do_not_recommend]
impl<T: TS + ?Sized + 'static> DescribeType<T> for TypeScript {
    fn describe_type(&mut self) -> String {
        let mut visit = Visit { typescript: self, names: Names::new() };
        visit.visit::<T>();
        T::visit_generics(&mut visit);
        if T::output_path().is_none() {
            T::visit_dependencies(&mut visit);
        }
        let names = visit.names;
        let name = T::name(&self.config);
        self.mentioned.extend(mentioned(&name, &names));
        marked(&name, &names)
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

    /// The types that were described, under names that nothing else in the file has.
    pub(super) fn declared(&self, reserved: impl Fn(&str) -> bool) -> Declared<'_> {
        let mut order = Vec::new();
        let mut open: Vec<usize> = self.mentioned.iter().rev().copied().collect();
        while let Some(declaration) = open.pop() {
            if !order.contains(&declaration) {
                order.push(declaration);
                let Declaration { given_text, refers_to, .. } = &self.declarations[declaration];
                open.extend(mentioned(given_text, refers_to).into_iter().rev());
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

    /// Declares a type, and all that it refers to.
    fn declare<T: TS + ?Sized + 'static>(&mut self) -> usize {
        let id = TypeId::of::<T>();
        if let Some(&declared) = self.by_type.get(&id) {
            return declared;
        }
        let given_name = T::ident(&self.config);
        let mut given_text = with_ends_of_comments_escaped(&T::decl(&self.config));
        assert!(
            !(tokens::is_generic(&given_name) && given_text.starts_with(&format!("type {given_name}<"))),
            "the generic type `{}` has the name of one of TypeScript's own: give it another by `#[ts(rename = \"..\")]`",
            type_name::<T>(),
        );
        if given_text.starts_with("enum ") {
            // A type alone is erased when the TypeScript is run or bundled; an enum is code.
            given_text = format!("type {given_name} = {};", with_ends_of_comments_escaped(&T::inline(&self.config)));
        }
        let same =
            |declaration: &Declaration| declaration.given_name == given_name && declaration.given_text == given_text;
        // The same text may be that of another instance of a generic type. It is the same type if it refers to the same ones.
        if let Some(declared) = self.declarations.iter().position(same) {
            self.by_type.insert(id, declared);
            let refers_to = self.refers_to::<T>(&given_name, &given_text);
            if self.declarations[declared].refers_to == refers_to {
                return declared;
            }
        }
        let declared = self.declarations.len();
        self.by_type.insert(id, declared);
        let doc = T::docs().map_or_else(String::new, |doc| plain(&doc));
        self.declarations.push(Declaration {
            given_name: given_name.clone(),
            given_text: given_text.clone(),
            doc,
            refers_to: Names::new(),
        });
        self.declarations[declared].refers_to = self.refers_to::<T>(&given_name, &given_text);
        declared
    }

    /// What the names in a type's declaration are called in the file.
    fn refers_to<T: TS + ?Sized + 'static>(&mut self, given_name: &str, given_text: &str) -> Names {
        let mut visit = Visit { typescript: self, names: Names::new() };
        T::visit_dependencies(&mut visit);
        let mut names = visit.names;
        names.retain(|name, _| name != given_name && tokens::mentions(given_text, name));
        names
    }
}

impl Declared<'_> {
    /// Each type: its declaration, and what its doc comment says.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &str)> {
        self.order.iter().map(|&position| {
            let declaration = &self.typescript.declarations[position];
            let mut names = declaration.refers_to.clone();
            names.insert(declaration.given_name.clone(), position);
            (self.named(&marked(&declaration.given_text, &names)), &*declaration.doc)
        })
    }

    /// The text, with names in it.
    pub(super) fn named(&self, text: &str) -> String {
        let names = self.order.iter().zip(&self.names);
        names.fold(text.to_owned(), |text, (&declaration, name)| text.replace(&mark(declaration), name))
    }
}

impl fmt::Debug for TypeScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.declarations.iter().map(|declaration| &declaration.given_name);
        f.debug_set().entries(names).finish()
    }
}

/// Declares what it is shown.
struct Visit<'a> {
    typescript: &'a mut TypeScript,
    names: Names,
}

impl TypeVisitor for Visit<'_> {
    fn visit<T: TS + ?Sized + 'static>(&mut self) {
        if T::output_path().is_none() {
            return;
        }
        let declared = self.typescript.declare::<T>();
        let given_name = &self.typescript.declarations[declared].given_name;
        if let Some(other) = self.names.insert(given_name.clone(), declared) {
            assert!(
                other == declared,
                "two Rust types of one payload are called `{given_name}` in TypeScript, the second is `{}`: tell them apart \
                 by `#[ts(rename = \"..\")]` on one of them",
                type_name::<T>(),
            );
        }
    }
}

/// The text, with marks in the place of names.
fn marked(text: &str, names: &Names) -> String {
    tokens::renamed(text, |token| names.get(token).map(|&declaration| mark(declaration)))
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

/// The text, with what would end a comment early written as in the other comments of the file. ts-rs writes doc comments of
/// fields as they are: `/**` on a line of its own up to one that is ` */`, or if it is a block, up to a line that ends in `*/`.
fn with_ends_of_comments_escaped(text: &str) -> String {
    let mut escaped = Vec::new();
    // Whether it is a block.
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
fn plain(doc: &str) -> String {
    let doc = doc.trim();
    let doc = doc.strip_prefix("/**").unwrap_or(doc);
    let doc = doc.strip_suffix("*/").unwrap_or(doc);
    let lines = doc.lines().map(|line| {
        let line = line.trim_start().strip_prefix('*').unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}
