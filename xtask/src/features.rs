//! The features that a manifest declares.

/// The names in the `[features]` table of a `Cargo.toml`, in its order, without `default`.
pub(crate) fn in_manifest(manifest: &str) -> Vec<&str> {
    let mut in_table = false;
    let mut in_list = false;
    let mut features = Vec::new();
    for line in manifest.lines() {
        let line = line.trim();
        if line.starts_with('[') && !in_list {
            in_table = line == "[features]";
            continue;
        }
        if !in_table || line.starts_with('#') {
            continue;
        }
        if in_list {
            in_list = !line.contains(']');
        } else if let Some((name, list)) = line.split_once('=') {
            in_list = !list.contains(']');
            let name = name.trim().trim_matches('"');
            if name != "default" {
                features.push(name);
            }
        }
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_only_from_the_features_table() {
        let manifest = r#"
            [package]
            name = "x"
            [features]
            default = ["a"]
            # b = []
            a = []
            "b-c" = ["dep:x",
                "tokio/time", # with a comment
            ]
            d = [
                "a",
            ]
            [dependencies]
            e = "1"
        "#;
        assert_eq!(in_manifest(manifest), ["a", "b-c", "d"]);
        assert_eq!(in_manifest("[package]\nname = \"x\"\n"), [""; 0]);
    }

    #[test]
    fn the_library_has_features() {
        let features = in_manifest(include_str!("../../sse-typed/Cargo.toml"));
        for name in ["derive", "server", "client", "full"] {
            assert!(features.contains(&name), "{features:?}");
        }
    }
}
