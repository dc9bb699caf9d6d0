//! Requests over HTTP, each on a connection of its own. A server that dies is an error, not a panic.

use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

#[derive(Clone, Debug)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

pub fn request(method: &'static str, path: impl Into<String>) -> Request {
    Request {
        method,
        path: path.into(),
        headers: Vec::new(),
        body: None,
    }
}

pub fn get(path: impl Into<String>) -> Request {
    request("GET", path)
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The name of the problem that it is.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        let kind = problem["type"].as_str().expect("a type");
        kind.trim_start_matches("urn:problem-type:").to_owned()
    }
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self.header("Content-Type", "application/json")
    }

    /// Sends it and reads nothing.
    pub fn send_to(&self, server: SocketAddr, version: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut text = format!(
            "{} {} HTTP/{version}\r\nHost: {server}\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        let length = body.len().to_string();
        text.extend([
            "Content-Length: ",
            &length,
            "\r\nConnection: close\r\n\r\n",
            &body,
        ]);
        stream.write_all(text.as_bytes())?;
        Ok(stream)
    }

    pub fn to(&self, server: SocketAddr) -> io::Result<Answer> {
        let mut stream = BufReader::new(self.send_to(server, "1.1")?);
        let (status, headers) = head(&mut stream)?;
        let mut body = Vec::new();
        stream.read_to_end(&mut body)?;
        let answer = Answer {
            status,
            headers,
            body: String::from_utf8(body).map_err(io::Error::other)?,
        };
        let length: Option<usize> = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        match length {
            Some(length) if length == answer.body.len() => Ok(answer),
            // It stands for an answer that has a length.
            None if status == 304 && answer.body.is_empty() => Ok(answer),
            _ => Err(io::Error::other("the answer ended early")),
        }
    }
}

fn head(stream: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let mut line = String::new();
    let mut next = |line: &mut String| {
        line.clear();
        match stream.read_line(line)? {
            0 => Err(io::Error::other("the answer ended early")),
            _ => Ok(()),
        }
    };
    next(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status"))?;
    let mut headers = Vec::new();
    loop {
        next(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok((status, headers));
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Server-sent events, as they come.
pub struct Feed(BufReader<TcpStream>);

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub name: String,
    pub data: String,
}

impl Feed {
    /// HTTP/1.0, in which an answer without a length is not in chunks.
    pub fn open(server: SocketAddr, request: &Request) -> io::Result<Self> {
        let mut stream = BufReader::new(request.send_to(server, "1.0")?);
        let (status, _) = head(&mut stream)?;
        assert_eq!(status, 200);
        Ok(Self(stream))
    }

    /// The next one, `None` at the end.
    pub fn next(&mut self) -> Option<Message> {
        let mut message = Message::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() && message != Message::default() {
                return Some(message);
            }
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut message.id),
                Some(("event", name)) => name.clone_into(&mut message.name),
                Some(("data", data)) => data.clone_into(&mut message.data),
                _ => {}
            }
        }
    }
}
