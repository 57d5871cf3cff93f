//! A line with a delay: `delay-proxy 127.0.0.1:5432 20` prints a port before that server which adds 20 ms to each round trip, and ends
//! at the end of its input. For `cargo xtask bench`.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use testkit::{Proxy, Toward};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let server: SocketAddr = arguments.next().ok_or("the server's address is missing")?.parse()?;
    let millis: f64 = arguments.next().ok_or("the milliseconds are missing")?.parse()?;
    let proxy = Proxy::before(server);
    for toward in [Toward::Server, Toward::Client] {
        proxy.delay(toward, Duration::from_secs_f64(millis / 2000.0));
    }
    println!("{}", proxy.port());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
