//! Holds the exports of the runtime to its version.
//!
//! A generated file and the runtime that it imports may come from different versions of this crate. The literal type `runtime: 1`
//! makes that a compile error, if the version changes with every change of the exports.

use std::{env, fs, path::Path};

use super::{VERSION, lines};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/typescript/runtime/surface.txt");

const HOW: &str = "\
    The exports of the runtime are not those in `runtime/surface.txt`. Raise `VERSION` in `runtime/mod.rs` and `runtime` in \
    `types.ts`, so that files that import an older runtime do not compile, and run this test again with SSE_TYPED_UPDATE=1. If \
    no release of the crate has this version yet, delete `surface.txt` instead of raising it.";

/// The exported types, and the signatures of the exported functions, without comments.
fn surface() -> String {
    let mut text = format!("runtime: {VERSION}\n");
    let mut kind = Kind::Internal;
    for line in lines() {
        if let Some(exported) = line.strip_prefix("export ") {
            let is_type = exported.starts_with("type ") || exported.starts_with("interface ");
            kind = if is_type { Kind::Type } else { Kind::Function };
            text.push('\n');
        }
        let code = line.trim_start();
        if kind == Kind::Internal || code.is_empty() || code.starts_with("/**") || code.starts_with('*') {
            continue;
        }
        text += line;
        text.push('\n');
        // A signature ends where the body begins, and a type at its last line, which is not indented.
        let ends = match kind {
            Kind::Function => line.ends_with('{'),
            _ => !line.starts_with(' ') && !line.ends_with('{'),
        };
        if ends {
            kind = Kind::Internal;
        }
    }
    text
}

/// What the lines of the runtime belong to.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Internal,
    Type,
    Function,
}

/// Compares the surface with the committed one. With `update` it is written, but not over one of the same version.
fn check(path: &Path, surface: &str, update: bool) -> Result<(), &'static str> {
    let committed = fs::read_to_string(path).map(|text| text.replace("\r\n", "\n"));
    match committed {
        Ok(committed) if committed == surface => Ok(()),
        Ok(committed) if !update || committed.lines().next() == surface.lines().next() => Err(HOW),
        Err(_) if !update => Err(HOW),
        _ => fs::write(path, surface).map_err(|_| "`surface.txt` cannot be written"),
    }
}

#[test]
fn the_exports_of_the_runtime_change_only_with_its_version() {
    let update = env::var_os("SSE_TYPED_UPDATE").is_some_and(|value| !value.is_empty() && value != "0");
    if let Err(how) = check(Path::new(FILE), &surface(), update) {
        panic!("{how}");
    }
}

#[test]
fn the_surface_has_types_and_signatures_but_no_bodies_and_no_comments() {
    let surface = surface();
    for part in [
        "export interface SseVariant<N = string> {\n  readonly name: N;\n",
        "export type SseState = \"connecting\" | \"open\" | \"closed\";\n\n",
        "  transport?: SseTransport,\n): SseSubscription<M> {\n\n",
        "}[T];\n\n",
    ] {
        assert!(surface.contains(part), "{part}\n{surface}");
    }
    for part in ["/**", " * ", "return", "const ", "interface SseLink"] {
        assert!(!surface.contains(part), "{part}\n{surface}");
    }
}

#[test]
fn a_committed_surface_is_replaced_only_by_one_of_another_version() {
    let path = env::temp_dir().join(format!("sse-typed-surface-{}", std::process::id()));
    let check = |surface, update| check(&path, surface, update);
    assert_eq!(check("runtime: 1\na", false), Err(HOW), "it is missing");
    assert_eq!(check("runtime: 1\na", true), Ok(()));
    assert_eq!(check("runtime: 1\na", false), Ok(()));
    assert_eq!(check("runtime: 1\nb", true), Err(HOW), "it has changed, and the version has not");
    assert_eq!(check("runtime: 2\nb", false), Err(HOW));
    assert_eq!(check("runtime: 2\nb", true), Ok(()));
    assert_eq!(check("runtime: 2\nb", false), Ok(()));
    fs::remove_file(path).unwrap();
}
