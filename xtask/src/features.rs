//! The features that a manifest declares.

/// The names in the `[features]` table of a `Cargo.toml`, in its order, `default` left out.
pub(crate) fn of_manifest(manifest: &str) -> Vec<&str> {
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
    fn names_are_taken_from_the_features_table_alone() {
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
        assert_eq!(of_manifest(manifest), ["a", "b-c", "d"]);
        assert_eq!(of_manifest("[package]\nname = \"x\"\n"), [""; 0]);
    }

    #[test]
    fn the_library_has_features() {
        let features = of_manifest(include_str!("../../sse-typed/Cargo.toml"));
        for name in ["derive", "server", "client", "full"] {
            assert!(features.contains(&name), "{features:?}");
        }
    }
}
