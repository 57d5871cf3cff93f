//! A proxy before a server: a slow line, one that breaks, one on which an answer is lost. Threads only.
//!
//! It forwards bytes and knows no protocol: what it looks for in them is not found inside TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    /// From the client to the server.
    Server,
    /// From the server to the client.
    Client,
}

/// What becomes of a connection whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It is cut once the server has answered.
    Cut,
    /// It stays, and the server is heard no more.
    Silence,
}

/// A proxy that listens on a port of this machine. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    line: Arc<Line>,
}

/// All connections, and what is to happen to them.
#[derive(Debug)]
struct Line {
    server: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    delays: [Duration; 2],
    passed: [u64; 2],
    /// How many bytes may still pass before everything is cut.
    budgets: [Option<u64>; 2],
    lose: Option<(Vec<u8>, Loss)>,
    lost: usize,
    closed: bool,
    accepted: usize,
    connections: Vec<Arc<Connection>>,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Set when the message was forwarded whose answer is to be lost.
    deaf: Mutex<Option<Loss>>,
}

impl Connection {
    fn cut(&self) {
        self.client.shutdown(Shutdown::Both).ok();
        self.server.shutdown(Shutdown::Both).ok();
    }

    /// The end that bytes come from.
    fn source(&self, toward: Toward) -> &TcpStream {
        if toward == Toward::Server { &self.client } else { &self.server }
    }

    fn target(&self, toward: Toward) -> &TcpStream {
        if toward == Toward::Server { &self.server } else { &self.client }
    }
}

/// Nothing that is done under these locks panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}

impl Proxy {
    /// Listens before a server.
    ///
    /// # Panics
    /// Where no port is free.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let line = Arc::new(Line { server, state: Mutex::default() });
        let accepting = Arc::clone(&line);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if locked(&accepting.state).closed {
                    break;
                }
                // A server that is not there: the client sees its connection closed.
                accepting.connect(client).ok();
            }
        });
        Self { port, line }
    }

    /// Returns the port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds everything back for so long on its way; there may be any number of bytes under way.
    pub fn delay(&self, toward: Toward, time: Duration) {
        locked(&self.line.state).delays[toward as usize] = time;
    }

    /// Cuts all connections; new ones are taken.
    pub fn cut(&self) {
        self.line.cut(&mut locked(&self.line.state));
    }

    /// Cuts all connections when so many more bytes have passed; those are passed on.
    pub fn cut_after(&self, toward: Toward, bytes: u64) {
        locked(&self.line.state).budgets[toward as usize] = Some(bytes);
    }

    /// Forwards the next message of a client that contains `words`, and lets nothing of what its server says then through.
    ///
    /// The server has carried the message out when [`Loss::Cut`] cuts the connection, provided that it answers each message
    /// once it is done: the simple protocol of PostgreSQL, the text protocol of MariaDB.
    pub fn lose_answer_to(&self, words: &str, loss: Loss) {
        assert!(!words.is_empty(), "there are words to look for");
        locked(&self.line.state).lose = Some((words.as_bytes().to_vec(), loss));
    }

    /// Returns how many answers were lost.
    pub fn lost(&self) -> usize {
        locked(&self.line.state).lost
    }

    /// Returns how many bytes passed.
    pub fn passed(&self, toward: Toward) -> u64 {
        locked(&self.line.state).passed[toward as usize]
    }

    /// Returns how many connections were taken.
    pub fn accepted(&self) -> usize {
        locked(&self.line.state).accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = locked(&self.line.state);
        state.closed = true;
        self.line.cut(&mut state);
        drop(state);
        // Wakes the thread that accepts, which sees that it is over.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

impl Line {
    fn cut(&self, state: &mut State) {
        for connection in state.connections.drain(..) {
            connection.cut();
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(self.server)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        let connection = Arc::new(Connection { client, server, deaf: Mutex::default() });
        let mut state = locked(&self.state);
        state.accepted += 1;
        state.connections.push(Arc::clone(&connection));
        drop(state);
        for toward in [Toward::Server, Toward::Client] {
            let (sender, receiver) = channel();
            let (line, read) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || line.read(&read, toward, &sender));
            let (line, written) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || line.write(&written, toward, &receiver));
        }
        Ok(())
    }

    fn read(&self, connection: &Arc<Connection>, toward: Toward, sender: &Sender<(Instant, Vec<u8>)>) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = connection.source(toward).read(&mut buffer) {
            let due = Instant::now() + locked(&self.state).delays[toward as usize];
            if sender.send((due, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    }

    fn write(&self, connection: &Arc<Connection>, toward: Toward, receiver: &Receiver<(Instant, Vec<u8>)>) {
        // The end of what was forwarded: words may stand across two reads.
        let mut seen = Vec::new();
        while let Ok((due, bytes)) = receiver.recv() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if !self.forward(connection, toward, &bytes, &mut seen) {
                break;
            }
        }
        // What is still to go the other way may go: only this direction is at its end.
        connection.target(toward).shutdown(Shutdown::Write).ok();
        if toward == Toward::Client {
            connection.cut();
            locked(&self.state).connections.retain(|other| !Arc::ptr_eq(other, connection));
        }
    }

    /// Returns whether the connection goes on.
    fn forward(&self, connection: &Connection, toward: Toward, bytes: &[u8], seen: &mut Vec<u8>) -> bool {
        let mut state = locked(&self.state);
        if toward == Toward::Client {
            match *locked(&connection.deaf) {
                Some(Loss::Cut) => return false,
                Some(Loss::Silence) => return true,
                None => {}
            }
        } else if let Some((words, loss)) = state.lose.clone() {
            seen.extend(bytes);
            if seen.windows(words.len()).any(|window| window == words) {
                // Before the message goes: the answer may be quick.
                *locked(&connection.deaf) = Some(loss);
                state.lose = None;
                state.lost += 1;
            }
            seen.drain(..seen.len().saturating_sub(words.len() - 1));
        } else {
            seen.clear();
        }
        let budget = state.budgets[toward as usize];
        let allowed = budget
            .map_or(bytes.len(), |budget| bytes.len().min(usize::try_from(budget).unwrap_or(usize::MAX)));
        state.passed[toward as usize] += allowed as u64;
        state.budgets[toward as usize] = budget.map(|budget| budget - allowed as u64);
        let over = state.budgets[toward as usize] == Some(0);
        drop(state);
        let written = connection.target(toward).write_all(&bytes[..allowed]).is_ok();
        if over {
            let mut state = locked(&self.state);
            state.budgets[toward as usize] = None;
            self.cut(&mut state);
        }
        written && !over
    }
}
