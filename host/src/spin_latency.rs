//! Connections as Spin 4.1 has them, to measure what helps against it: Nagle's algorithm stays on, and the
//! head of a response leaves before its body. See docs/spin-latency.md.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// A connection on which heads leave by themselves, if asked for.
pub struct Wire {
    stream: TcpStream,
    split: bool,
}

impl Wire {
    /// A connection. With `split`, heads and bodies are separate writes, and small ones wait.
    pub fn new(stream: TcpStream, split: bool) -> Self {
        // A connection that is gone already fails later.
        let _ = stream.set_nodelay(!split);
        Self { stream, split }
    }
}

/// How much of `bytes` leaves first.
fn first(bytes: &[u8]) -> usize {
    let is_head = bytes.starts_with(b"HTTP/1.1 ");
    let end = bytes.windows(END.len()).position(|window| window == END).map(|end| end + END.len());
    end.filter(|_| is_head).unwrap_or(bytes.len())
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = if self.split { bytes.get(..first(bytes)).unwrap_or(bytes) } else { bytes };
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        // Without, hyper writes one buffer, in which the end of the head can be found.
        !self.split && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_leaves_before_its_body() {
        assert_eq!(first(b"HTTP/1.1 200 OK\r\na: b\r\n\r\nbody"), 25);
        assert_eq!(first(b"HTTP/1.1 200 OK\r\n\r\n"), 19);
        assert_eq!(first(b"body\r\n\r\nbody"), 12);
    }
}
