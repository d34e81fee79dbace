//! The tools of OpenAPI and AsyncAPI read the documents of contracts. The test `contracts` keeps these current.

use std::{env, fs, process};

use tokio::{net::TcpListener, process::Command};

use crate::program::{Program, browser_tests, finished, found, output, schemathesis, script};

#[allow(dead_code, reason = "a program, of which only the service is used")]
#[path = "../../../examples/openapi.rs"]
mod example;

const PROGRAMS: &[Program] = &[Program::Node, Program::NpmPackages];

fn documents(kind: &str) -> Vec<String> {
    ["plain", "shared", "tagged"].map(|name| format!("documents/{name}.{kind}.json")).into()
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn redocly_validates_the_openapi_documents() {
    if !found("redocly_validates_the_openapi_documents", PROGRAMS) {
        return;
    }
    for document in documents("openapi") {
        let mut command = Command::new("node");
        command.current_dir(browser_tests());
        command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        command.args(["node_modules/@redocly/cli/bin/cli.js", "lint", "--extends=spec", "--format=json", &document]);
        let output = finished(command).await;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["totals"]["errors"], 0, "{document}: {report:#}");
        assert_eq!(report["totals"]["warnings"], 0, "{document}: {report:#}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_parser_of_asyncapi_reads_the_documents() {
    if !found("the_parser_of_asyncapi_reads_the_documents", PROGRAMS) {
        return;
    }
    let documents = documents("asyncapi");
    let paths: Vec<_> =
        documents.iter().map(|name| browser_tests().join(name).to_string_lossy().into_owned()).collect();
    let lines = script("documents.mjs", &paths.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(lines, ["3.1.0 6", "3.1.0 3", "3.1.0 3"]);
}

/// It requests the stream of the example, and validates each event and the JSON in its data.
#[tokio::test]
#[ignore = "needs schemathesis"]
async fn schemathesis_validates_the_events_of_a_stream() {
    if !found("schemathesis_validates_the_events_of_a_stream", &[Program::Schemathesis]) {
        return;
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, example::app()).await });
    let run = |document: &str| {
        let mut command = Command::new(schemathesis().unwrap());
        command.current_dir(env::temp_dir()).env("NO_COLOR", "1");
        command.args(["run", "--phases=coverage", "--max-examples=5", "--url", &url, document]);
        command
    };
    finished(run(&format!("{url}/openapi.json"))).await;

    // It finds out if the data differs from the document.
    let wrong = example::document().to_string().replace(r#""name":{"type":"string"}"#, r#""name":{"type":"integer"}"#);
    let path = env::temp_dir().join(format!("sse-typed-openapi-{}.json", process::id()));
    fs::write(&path, wrong).unwrap();
    let output = output(run(&path.to_string_lossy())).await;
    fs::remove_file(path).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains("SSE event violates schema"), "{text}");
}
