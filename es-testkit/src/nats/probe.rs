//! Whether a cluster can make a replicated stream yet.
//!
//! A new cluster is healthy some time before it knows the room on each of its nodes, and refuses streams until then.
//! So one in memory is made and taken away again, in the few words of the protocol that this needs.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(5);
const NAME: &str = "es_testkit_probe";

/// Makes a stream with so many replicas and takes it away.
pub(super) fn makes_streams(port: u16, replicas: usize) -> io::Result<bool> {
    let mut node = Node::connect(port)?;
    let config = format!(
        r#"{{"name":"{NAME}","subjects":["{NAME}"],"storage":"memory","num_replicas":{replicas}}}"#
    );
    let made = node.ask("CREATE", &config)?;
    let gone = node.ask("DELETE", "")?;
    Ok(!made.contains(r#""error""#) && !gone.contains(r#""error""#))
}

struct Node {
    stream: BufReader<TcpStream>,
}

impl Node {
    fn connect(port: u16) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut node = Self {
            stream: BufReader::new(stream),
        };
        node.line()?;
        let hello = "CONNECT {\"verbose\":false,\"protocol\":1}\r\nSUB es.testkit.answer 1\r\n";
        node.stream.get_mut().write_all(hello.as_bytes())?;
        Ok(node)
    }

    fn ask(&mut self, verb: &str, body: &str) -> io::Result<String> {
        let length = body.len();
        write!(
            self.stream.get_mut(),
            "PUB $JS.API.STREAM.{verb}.{NAME} es.testkit.answer {length}\r\n{body}\r\n"
        )?;
        loop {
            let line = self.line()?;
            if line.starts_with("PING") {
                self.stream.get_mut().write_all(b"PONG\r\n")?;
            }
            if line.starts_with("MSG ") {
                let length = line.trim().rsplit(' ').next().map(str::parse);
                let Some(Ok(length)) = length else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                let mut body = Vec::new();
                (&mut self.stream).take(length).read_to_end(&mut body)?;
                return Ok(String::from_utf8_lossy(&body).into_owned());
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }
}
