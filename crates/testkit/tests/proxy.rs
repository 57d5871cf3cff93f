//! The proxy before a listener that echoes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Loss, Proxy, Toward};

/// A listener that sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn client(proxy: &Proxy) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client
}

fn asked(mut client: &TcpStream, text: &str) -> String {
    client.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; text.len()];
    client.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// What still comes until the connection ends.
fn rest(mut client: &TcpStream) -> String {
    let mut text = Vec::new();
    client.read_to_end(&mut text).ok();
    String::from_utf8(text).unwrap()
}

#[test]
fn it_passes_on_and_counts() {
    let proxy = Proxy::before(echo());
    let client = client(&proxy);
    assert_eq!(asked(&client, "one"), "one");
    assert_eq!(asked(&client, "three"), "three");
    assert_eq!((proxy.passed(Toward::Server), proxy.passed(Toward::Client)), (8, 8));
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn a_client_that_is_done_sending_still_gets_its_answers() {
    let proxy = Proxy::before(echo());
    let mut client = client(&proxy);
    client.write_all(b"to the end").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(&client), "to the end");
}

#[test]
fn a_delay_counts_for_each_direction_and_not_for_each_byte() {
    let proxy = Proxy::before(echo());
    proxy.delay(Toward::Server, Duration::from_millis(40));
    proxy.delay(Toward::Client, Duration::from_millis(60));
    let mut client = client(&proxy);
    let started = Instant::now();
    for _ in 0..50 {
        client.write_all(b"word ").unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    let mut answer = [0; 250];
    client.read_exact(&mut answer).unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(100), "{took:?}");
    assert!(took < Duration::from_secs(2), "fifty words are under way together: {took:?}");
}

#[test]
fn a_cut_ends_what_is_open_and_takes_what_comes() {
    let proxy = Proxy::before(echo());
    let open = client(&proxy);
    assert_eq!(asked(&open, "one"), "one");
    proxy.cut();
    assert_eq!(rest(&open), "");
    assert_eq!(asked(&client(&proxy), "two"), "two");
}

#[test]
fn a_cut_comes_after_so_many_bytes() {
    let proxy = Proxy::before(echo());
    let mut open = client(&proxy);
    assert_eq!(asked(&open, "before"), "before");
    proxy.cut_after(Toward::Client, 4);
    open.write_all(b"0123456789").unwrap();
    assert_eq!(rest(&open), "0123");
    assert_eq!(asked(&client(&proxy), "again, and longer"), "again, and longer");
}

#[test]
fn an_answer_is_lost_and_the_message_arrives() {
    let proxy = Proxy::before(echo());
    proxy.lose_answer_to("COMMIT", Loss::Cut);
    let (mut one, other) = (client(&proxy), client(&proxy));
    assert_eq!(asked(&one, "BEGIN"), "BEGIN");
    assert_eq!(asked(&other, "BEGIN"), "BEGIN");
    // In two parts, as a network may bring it. The first is answered still.
    assert_eq!(asked(&one, "COM"), "COM");
    one.write_all(b"MIT").unwrap();
    assert_eq!(rest(&one), "");
    assert_eq!(proxy.lost(), 1);
    assert_eq!(proxy.passed(Toward::Server), 16);
    assert_eq!(asked(&other, "COMMIT"), "COMMIT");
}

#[test]
fn a_server_may_fall_silent() {
    let proxy = Proxy::before(echo());
    proxy.lose_answer_to("COMMIT", Loss::Silence);
    let mut client = client(&proxy);
    client.write_all(b"COMMIT").unwrap();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let error = client.read(&mut [0; 8]).unwrap_err();
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
}

#[test]
fn dropping_it_ends_everything() {
    let proxy = Proxy::before(echo());
    let open = client(&proxy);
    assert_eq!(asked(&open, "one"), "one");
    let port = proxy.port();
    drop(proxy);
    assert_eq!(rest(&open), "");
    let refused = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(10));
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    assert!(refused, "nobody listens there any more");
}
