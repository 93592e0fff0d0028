//! One HTTP/1.1 request over a bare socket: nothing between the test and the wire.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &str| line.split_once(": ").is_some_and(|(k, _)| k == name);
        self.head.lines().find(|l| line(l)).and_then(|l| l.split_once(": ")).map(|(_, v)| v)
    }
}

/// Sends and reads to the end.
pub(crate) async fn send(
    to: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let mut head = format!("{request} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {to}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    // A refusal may come, and the stream end, before the body is through.
    let _early = stream.write_all(&[head.as_bytes(), body].concat()).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("no answer");
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8(head.to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: body.iter().skip(4).copied().collect() }
}
