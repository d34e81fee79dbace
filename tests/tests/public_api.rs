//! The public API of the published crates is as the committed listings say, and names no crates of others but the allowed ones.
//!
//! xtask's step `api` makes rustdoc's JSON and runs these tests with its folder in `SSE_TYPED_RUSTDOC_JSON`. The listings are of one
//! version of that format, so with another version of rustc they are not compared. `SSE_TYPED_UPDATE=1` writes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The published crates, and how rustdoc calls the files of their libraries.
const CRATES: [(&str, &str); 2] = [("sse-typed", "sse_typed"), ("sse-typed-derive", "sse_typed_derive")];

/// The version of rustdoc's JSON that the crate `public-api` reads, which is that of rustc 1.95.
const FORMAT: u64 = 57;

/// The foreign crates that the public API may name. A new major version of one is a breaking change of this library.
const ALLOWED: &[&str] = &[
    "alloc",
    "axum",
    "axum_core",
    "bytes",
    "core",
    "futures_core",
    "http",
    "http_body",
    "http_body_util",
    "hyper",
    // A bound of the `Unpin` that the macro writes.
    "pin_project_lite",
    "proc_macro",
    "reqwest",
    "schemars",
    "serde_core",
    "serde_json",
    "std",
    "tokio",
    "tower_layer",
    "tower_service",
    "ts_rs",
];

#[test]
#[ignore = "run by `cargo xtask test --only api`, which makes rustdoc's JSON"]
fn the_public_api_is_as_committed() -> Result<(), Box<dyn Error>> {
    for (name, file) in CRATES {
        let json = rustdoc_json(file)?;
        let format = serde_json::from_slice::<Value>(&fs::read(&json)?)?["format_version"].as_u64();
        if format != Some(FORMAT) {
            return not_compared(format);
        }
        let api = public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()?
            .to_string();
        assert_is_committed(&root().join(name).join("public-api.txt"), &api)?;
    }
    Ok(())
}

#[test]
#[ignore = "run by `cargo xtask test --only api`, which makes rustdoc's JSON"]
fn the_public_api_names_only_allowed_crates() -> Result<(), Box<dyn Error>> {
    for (name, file) in CRATES {
        let json = serde_json::from_slice(&fs::read(rustdoc_json(file)?)?)?;
        let mut found = foreign_crates(&json);
        // The macros name no crates.
        let is_read = found.contains_key("core") || name == "sse-typed-derive";
        assert!(is_read, "no paths were found in the JSON of {name}, so its format has changed");
        found.retain(|name, _| !ALLOWED.contains(&name.as_str()));
        assert!(found.is_empty(), "the public API of {name} names crates that are not allowed: {found:#?}");
    }
    Ok(())
}

/// The foreign crates that the public items name, and for each the paths of its items.
///
/// Implementations that rustdoc derives for every type are left out: blanket implementations and those of auto traits.
fn foreign_crates(json: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for item in json["index"].as_object().into_iter().flat_map(|index| index.values()) {
        let implementation = &item["inner"]["impl"];
        let is_own = item["crate_id"] == 0;
        let is_derived = implementation["is_synthetic"] == true || !implementation["blanket_impl"].is_null();
        if is_own && !is_derived {
            add_paths(json, &item["inner"], &mut found);
        }
    }
    found
}

fn add_paths(json: &Value, value: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(fields) => {
            if let (Some(_), Some(id)) = (fields.get("path"), fields.get("id")) {
                let summary = &json["paths"][id.to_string()];
                let krate = &json["external_crates"][summary["crate_id"].to_string()]["name"];
                if let (Some(krate), Some(path)) = (krate.as_str(), summary["path"].as_array()) {
                    let path: Vec<_> = path.iter().filter_map(Value::as_str).collect();
                    found.entry(krate.to_owned()).or_default().insert(path.join("::"));
                }
            }
            fields.values().for_each(|value| add_paths(json, value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| add_paths(json, value, found)),
        _ => {}
    }
}

fn assert_is_committed(path: &Path, api: &str) -> Result<(), Box<dyn Error>> {
    if env::var_os("SSE_TYPED_UPDATE").is_some_and(|value| !value.is_empty() && value != "0") {
        return Ok(fs::write(path, api)?);
    }
    let committed = fs::read_to_string(path)?;
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (committed.lines().collect(), api.lines().collect());
    let lines = |sign: &str, lines: Vec<&&str>| lines.iter().map(|line| format!("{sign} {line}\n")).collect::<String>();
    assert!(
        committed.lines().eq(api.lines()),
        "the public API is not as in {}:\n{}{}if that is intended, run `SSE_TYPED_UPDATE=1 cargo xtask test --only api`, and commit \
         the file",
        path.display(),
        lines("-", old.difference(&new).collect()),
        lines("+", new.difference(&old).collect()),
    );
    Ok(())
}

/// Reports to xtask, as the tests do whose program is missing.
fn not_compared(format: Option<u64>) -> Result<(), Box<dyn Error>> {
    println!(
        "not compared: the listings of the public API are of version {FORMAT} of rustdoc's JSON, and this is {format:?}"
    );
    if let Some(path) = env::var_os("SSE_TYPED_NOT_RUN") {
        let mut file = File::options().create(true).append(true).open(path)?;
        file.write_all(b"comparison with the listings of the public API\trustc 1.95.x\n")?;
    }
    Ok(())
}

fn rustdoc_json(file: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = env::var_os("SSE_TYPED_RUSTDOC_JSON").ok_or("run `cargo xtask test --only api`")?;
    // Tests run in the folder of their package.
    Ok(root().join(folder).join(file).with_extension("json"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
