//! Lineage and the documentation's site.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use super::shop::{built, shop};
use crate::project::assert_says;

#[test]
fn lineage() {
    let project = shop();
    assert_says!(project, ["lineage", "customers", "stg_orders"], @"
    $ headwater lineage customers stg_orders
    --- stdout
    main.stg_orders model
      order_id     main_raw.raw_orders.id
      customer_id  main_raw.raw_orders.user_id
      order_date   main_raw.raw_orders.order_date
      status       main_raw.raw_orders.status
      amount       main_raw.raw_orders.amount (computed)

    main.customers model
      customer_id       main.stg_customers.customer_id
      first_name        main.stg_customers.first_name
      first_order       main.stg_orders.order_date (aggregated)
      number_of_orders  made of no column
      total             main.stg_orders.amount (aggregated)
      rows decided by main.stg_customers.customer_id, main.stg_orders.customer_id,
                      main.stg_orders.status
    --- exit code 0
    ");
    assert_says!(project, ["lineage", "--column", "top_customers.total"], @"
    $ headwater lineage --column top_customers.total
    --- stdout
    main.top_customers.total
      main.customers.total
        main.stg_orders.amount (aggregated)  by main.customers.total
          main_raw.raw_orders.amount (computed)  by main.stg_orders.amount
    --- exit code 0
    ");
    assert_says!(project, ["lineage", "--column", "raw_orders.amount", "--downstream"], @"
    $ headwater lineage --column raw_orders.amount --downstream
    --- stdout
    main_raw.raw_orders.amount
      main.stg_orders.amount (computed)
        main.customers.total (aggregated)  by main.stg_orders.amount
          main.top_customers.total  by main.customers.total
    --- exit code 0
    ");
    assert_says!(project, ["lineage", "--column", "top_customers.totl"], @"
    $ headwater lineage --column top_customers.totl
    --- stderr
    error[unknown-column]: `main.top_customers` has no column `totl`
      = help: did you mean `total`?
    --- exit code 1
    ");
}

#[test]
fn openlineage() {
    let project = shop();
    let events = project.output(&["lineage", "--format", "openlineage"]);
    let events: Vec<serde_json::Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let orders = events.iter().find(|event| event["job"]["name"] == "model.jaffle.stg_orders").unwrap();
    let fields = &orders["outputs"][0]["facets"]["columnLineage"]["fields"];
    assert_eq!(fields["order_id"]["inputFields"][0]["field"], "id");
    assert_eq!(fields["amount"]["inputFields"][0]["transformations"][0]["subtype"], "TRANSFORMATION");
    project.output(&["build", "--openlineage", "events.ndjson"]);
    let told = std::fs::read_to_string(project.path("events.ndjson")).unwrap();
    let kinds: Vec<String> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["job"]["name"] == "model.jaffle.customers" || event["job"]["name"] == "jaffle")
        .map(|event| event["eventType"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["START", "START", "COMPLETE", "COMPLETE"]);
}

#[test]
fn the_site() {
    let project = built();
    assert_says!(project, ["docs", "generate", "--samples", "2"], @"
    $ headwater docs generate --samples 2
    --- stdout
    ✓ 8 pages written: target/docs/index.html
    --- exit code 0
    ");
    let read = |path: &str| std::fs::read_to_string(project.path(&format!("target/docs/{path}"))).unwrap();
    let index = read("index.html");
    for wanted in ["jaffle", "nodes/model.jaffle.customers.html", "weekly_report", "<svg"] {
        assert!(index.contains(wanted), "{wanted}");
    }
    let page = read("nodes/model.jaffle.customers.html");
    for wanted in [
        "Customers, with what &lt;they&gt; ordered.",
        "<code>id</code>",
        "main.stg_orders.amount",
        "aggregated",
        "returned_orders_do_not_count",
        "not_null",
        "Ada",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    for page in [&index, &page] {
        assert!(
            !page.contains("http://")
                || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count()
        );
        assert!(!page.contains("https://"));
    }
    let catalog: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(project.path("target/catalog.json")).unwrap()).unwrap();
    assert_eq!(catalog["nodes"]["model.jaffle.customers"]["columns"]["customer_id"]["index"], 1);
    assert_eq!(catalog["nodes"]["seed.jaffle.raw_customers"]["stats"]["num_rows"]["value"], 3);
}

#[test]
fn the_site_is_served_and_nothing_else() {
    let project = built();
    assert_says!(project, ["docs", "serve"], @"
    $ headwater docs serve
    --- stderr
    error[unreadable-input]: the project has no documentation yet
      = help: `headwater docs generate` makes it
    --- exit code 1
    ");
    project.output(&["docs", "generate"]);
    let mut serving = std::process::Command::new(assert_cmd::cargo::cargo_bin("headwater"))
        .args(["docs", "serve", "--port", "0"])
        .current_dir(project.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim().strip_prefix("http://").unwrap().to_owned();
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("GET /").starts_with("HTTP/1.1 200 OK"));
    assert!(ask("GET /site.css").contains("text/css"));
    assert!(ask("GET /../manifest.json").starts_with("HTTP/1.1 404"));
    assert!(ask("GET /nodes/../../manifest.json").starts_with("HTTP/1.1 404"));
    assert!(ask("POST /").starts_with("HTTP/1.1 405"));
    serving.kill().unwrap();
    serving.wait().unwrap();
}
