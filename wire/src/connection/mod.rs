//! Where bytes come from and go to: sockets, and whatever else can be read and written. Everything in this house that
//! listens or connects stands on it.
//!
//! ```
//! use switchboard_wire::connection::Endpoint;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let listener = Endpoint::from("127.0.0.1:0").bind().await?;
//! let stream = listener.endpoint().connect().await?;
//! let (_theirs, peer) = listener.accept().await?;
//! assert_eq!(peer, stream.local_addr());
//! # Ok(())
//! # }
//! ```

mod acceptor;
mod buffer;
mod endpoint;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;

pub use acceptor::Acceptor;
pub use buffer::{READ, with_buffer};
pub use endpoint::Endpoint;
pub use stream::{AsyncStream, Reader, Stream, Writer};
