//! Chromium, driven by WebDriver. Both end with the value.

use crate::http;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Chromium's own requests would fail in a closed network, and none of them is the explorer's.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// It would stop where nobody listens.
    _output: BufReader<ChildStdout>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut output = BufReader::new(driver.stdout.take().expect("an output"));
        let mut said = String::new();
        let port = loop {
            let begin = said.len();
            let read = output.read_line(&mut said).expect("a line");
            assert!(read > 0, "chromedriver ended: {said}");
            let line = said.get(begin..).unwrap_or_default().trim_end();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse::<u16>().expect("a port");
            }
        };
        let mut browser = Self {
            driver,
            address: ([127, 0, 0, 1], port).into(),
            _output: output,
            session: String::new(),
            _profile: profile,
        };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let mut arguments = ARGUMENTS.to_vec();
        arguments.push(&profile);
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 30_000 },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let made = browser.call("POST", "/session", &wanted);
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// The value, or what the driver says is wrong.
    fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, String> {
        let headers = format!(
            "Host: {}\r\nContent-Type: application/json\r\n",
            self.address
        );
        let answer = http::request(self.address, method, target, &headers, &body.to_string());
        if answer.status != 200 {
            return Err(answer.body);
        }
        let mut value: Value = serde_json::from_str(&answer.body).expect("JSON");
        Ok(value["value"].take())
    }

    fn call(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = self.ask(method, target, body);
        answer.unwrap_or_else(|wrong| panic!("{target} {body}: {wrong}"))
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}/{what}", self.session), body)
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Sets the size of the window and what the user prefers, `light` or `dark`.
    pub(crate) fn look(&self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        for (command, params) in [
            ("Emulation.setDeviceMetricsOverride", size),
            ("Emulation.setEmulatedMedia", scheme),
        ] {
            self.post(
                "goog/cdp/execute",
                &json!({ "cmd": command, "params": params }),
            );
        }
    }

    /// What a function's body returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0]; const look = () => ({expression}) ? done(true) : requestAnimationFrame(look); look();"
        );
        let body = json!({ "script": script, "args": [] });
        let target = format!("/session/{}/execute/async", self.session);
        if let Err(wrong) = self.ask("POST", &target, &body) {
            let shown = self.run("return location.hash + '\\n' + document.body.innerText");
            panic!("waited for {expression}, and saw: {shown}\n{wrong}");
        }
    }

    /// Presses keys, one after the other.
    pub(crate) fn press(&self, keys: &[char]) {
        let pressed = keys.iter().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let pressed: Vec<Value> = pressed.collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": pressed });
        self.post("actions", &json!({ "actions": [keyboard] }));
    }

    /// Clicks on the first element that a selector finds, as a mouse does: it must be seen, and nothing above it.
    pub(crate) fn click(&self, selector: &str) {
        let scroll = format!(
            "document.querySelector({})?.scrollIntoView({{ block: 'center' }})",
            json!(selector)
        );
        self.run(&scroll);
        let body = json!({ "using": "css selector", "value": selector });
        let found = self.post("element", &body);
        let id = found
            .as_object()
            .and_then(|found| found.values().next()?.as_str());
        self.post(
            &format!("element/{}/click", id.expect("an element")),
            &json!({}),
        );
    }

    /// The window as a picture, in PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let target = format!("/session/{}/screenshot", self.session);
        let text = self.call("GET", &target, &json!({}));
        base64(text.as_str().expect("a text"))
    }

    /// What the console said since it was asked last, but for remarks.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let said = self.post("se/log", &json!({ "type": "browser" }));
        let said = said.as_array().expect("a list").iter();
        let loud = said.filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG");
        loud.map(|entry| entry["message"].to_string()).collect()
    }

    /// Waits until the console says something with this part: it may come later than what the page shows.
    /// All that it said since it was asked last.
    pub(crate) fn hears(&self, part: &str) -> Vec<String> {
        let late = Instant::now() + Duration::from_secs(30);
        let mut heard = Vec::new();
        while !heard.iter().any(|said: &String| said.contains(part)) {
            assert!(Instant::now() < late, "no {part:?} in {heard:?}");
            self.wait("true");
            heard.extend(self.complaints());
        }
        heard
    }
}

/// The bytes of a text that the driver made.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut many) = (0_u32, 0);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        many += 6;
        if many >= 8 {
            many -= 8;
            bytes.push((bits >> many).to_le_bytes()[0]);
        }
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let target = format!("/session/{}", self.session);
            let headers = format!("Host: {}\r\n", self.address);
            // Chromium ends with its session.
            let ended = std::panic::catch_unwind(|| {
                http::request(self.address, "DELETE", &target, &headers, "").status
            });
            drop(ended);
        }
        // This one is a child of the test.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
