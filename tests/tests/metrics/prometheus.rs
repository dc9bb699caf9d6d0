//! A real Prometheus scrapes the shop, and its `promtool` checks what it may check.

use crate::{shop, web};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Runs `promtool` with these arguments and this input.
fn promtool(args: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(args)
        .current_dir(FOLDER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let ended = child.wait_with_output().expect("ended");
    let said = [ended.stdout, ended.stderr].concat();
    (
        ended.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn promtool_finds_nothing_wrong() {
    let body = web::get(shop(), "/metrics").expect("an answer");
    let (is_good, said) = promtool(&["check", "metrics"], &body);
    assert!(is_good && said.is_empty(), "{said}");
    // The control: a counter whose name says nothing of it, without a text.
    let (is_good, said) = promtool(&["check", "metrics"], "# TYPE a counter\na 1\n");
    assert!(!is_good && said.contains("_total"), "{said}");
}

#[test]
fn each_alert_fires_and_is_silent() {
    for args in [
        ["check", "rules", "../docs/prometheus-alerts.yml"],
        ["test", "rules", "tests/metrics/alerts.test.yml"],
    ] {
        let (is_good, said) = promtool(&args, "");
        assert!(is_good, "{said}");
    }
}

/// A server, ended when it is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(folder: &Path, target: SocketAddr) -> Self {
        let config = folder.join("prometheus.yml");
        let rules = Path::new(FOLDER).join("../docs/prometheus-alerts.yml");
        let text = format!(
            "global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}\n\
             rule_files: ['{}']\n\
             scrape_configs:\n  - job_name: shop\n    static_configs: [{{targets: ['{target}']}}]\n",
            rules.display()
        );
        fs::write(&config, text).expect("written");
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus");
        let mut log = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(Ok(line)) = log.next() else {
                panic!("it ended: {said:#?}");
            };
            let port = line.contains("Listening on").then(|| {
                let (_, after) = line.split_once("127.0.0.1:").expect("an address");
                let port = after.split(|c: char| !c.is_ascii_digit()).next();
                port.and_then(|port| port.parse().ok()).expect("a port")
            });
            match port {
                Some(port) => break SocketAddr::from(([127, 0, 0, 1], port)),
                None => said.push(line),
            }
        };
        // It must not wait for somebody who reads its log.
        thread::spawn(move || log.for_each(drop));
        Self { child, address }
    }

    fn get(&self, path: &str) -> Value {
        let answer = web::get(self.address, path).unwrap_or_else(|| "null".to_owned());
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["data"].clone()
    }

    /// Asks again until the answer is there, for a minute at most.
    fn until<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let answer = self.get(path);
            if let Some(found) = found(&answer) {
                return found;
            }
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "{path}: {answer}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn prometheus_answers_each_query_of_the_dashboard() {
    let folder = es_tests::tiers::folder();
    let prometheus = Prometheus::start(folder.path(), shop());
    let dashboard = fs::read_to_string(Path::new(FOLDER).join("../docs/grafana-dashboard.json"));
    let dashboard: Value = serde_json::from_str(&dashboard.expect("a file")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut queries = 0;
    for target in targets {
        let query = target["expr"].as_str().expect("a query");
        let path = format!("/api/v1/query?query={}", web::encoded(query));
        prometheus.until(&path, |answer| {
            answer["result"]
                .as_array()
                .filter(|rows| !rows.is_empty())
                .map(|_| ())
        });
        queries += 1;
    }
    assert!(queries > 20);
    // The rules run, and what is parked in the shop is seen.
    let state = |name: &'static str, wanted: &'static str| {
        prometheus.until("/api/v1/rules", move |answer| {
            let rules = answer["groups"][0]["rules"].as_array()?;
            let healthy = |rule: &Value| rule["health"] == "ok";
            let rule = rules.iter().find(|rule| rule["name"] == name)?;
            (rules.iter().all(healthy) && rule["state"] == wanted).then_some(())
        });
    };
    state("EsProjectionParked", "pending");
    state("EsSagaParked", "pending");
    state("EsAppendsFail", "inactive");
    // The control: a metric that nobody has.
    let nothing = prometheus.get("/api/v1/query?query=es_nothing");
    assert_eq!(nothing["result"].as_array().map(Vec::len), Some(0));
}
