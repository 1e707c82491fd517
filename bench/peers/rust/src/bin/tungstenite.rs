//! tokio-tungstenite in the style of `examples/server.rs` in its repository: a map from addresses to unbounded channels,
//! which each connection forwards to its socket; answers take the same way. Rooms are further maps of that kind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::stream::TryStreamExt;
use futures_util::{StreamExt, future, pin_mut};
use peers::{Action, Routes};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;

type Peers = HashMap<SocketAddr, UnboundedSender<Message>>;

struct App {
    routes: Routes,
    everybody: Mutex<Peers>,
    rooms: Mutex<HashMap<u32, Peers>>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = peers::listen().await?;
    let app = Arc::new(App {
        routes: Routes::new(),
        everybody: Mutex::default(),
        rooms: Mutex::default(),
    });
    while let Ok((stream, address)) = listener.accept().await {
        tokio::spawn(serve(app.clone(), stream, address));
    }
    Ok(())
}

async fn serve(app: Arc<App>, stream: TcpStream, address: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let (sender, queue) = unbounded();
    app.everybody.lock().expect(UNHARMED).insert(address, sender.clone());

    let (outgoing, incoming) = socket.split();
    let receive = incoming.try_for_each(|message| {
        if let Message::Text(text) = &message {
            app.handle(text, address, &sender);
        }
        future::ok(())
    });
    let send = queue.map(Ok).forward(outgoing);
    pin_mut!(receive, send);
    future::select(receive, send).await;

    app.everybody.lock().expect(UNHARMED).remove(&address);
    app.rooms.lock().expect(UNHARMED).retain(|_, room| {
        room.remove(&address);
        !room.is_empty()
    });
}

impl App {
    fn handle(&self, text: &str, address: SocketAddr, sender: &UnboundedSender<Message>) {
        match self.routes.handle(text) {
            Action::Answer(answer) => send(sender, Message::text(answer)),
            Action::Publish(text) => send_to_all(&self.everybody.lock().expect(UNHARMED), &Message::text(text)),
            Action::Join(room, answer) => {
                let mut rooms = self.rooms.lock().expect(UNHARMED);
                rooms.entry(room).or_default().insert(address, sender.clone());
                send(sender, Message::text(answer));
            }
            Action::Leave(room, answer) => {
                if let Some(room) = self.rooms.lock().expect(UNHARMED).get_mut(&room) {
                    room.remove(&address);
                }
                send(sender, Message::text(answer));
            }
            Action::Say(room, text) => {
                if let Some(room) = self.rooms.lock().expect(UNHARMED).get(&room) {
                    send_to_all(room, &Message::text(text));
                }
            }
        }
    }
}

fn send_to_all(peers: &Peers, message: &Message) {
    for sender in peers.values() {
        send(sender, message.clone());
    }
}

/// A connection that is just closing misses the message.
fn send(sender: &UnboundedSender<Message>, message: Message) {
    let _ = sender.unbounded_send(message);
}

const UNHARMED: &str = "nothing panics while it holds this lock";
