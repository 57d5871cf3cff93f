//! A seed file far larger than what the program may hold.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::sandbox::Sandbox;

/// What of `/proc/PID/status` is the highest number of KiB in memory so far.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
fn a_seed_file_of_64_mib_is_streamed() {
    const SIZE: usize = 64 << 20;
    let sandbox = Sandbox::holding(&[(
        "0001_readings.sql",
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, text TEXT);\n",
    )]);
    let mut file = BufWriter::new(File::create(sandbox.path("migrations/0002_seed.sql")).unwrap());
    let filler = "lorem ipsum; dolor -- sit amet ".repeat(64);
    let (mut written, mut rows) = (0, 0);
    while written < SIZE {
        rows += 1;
        let line = format!("INSERT INTO readings VALUES ({rows}, '{filler}');\n");
        file.write_all(line.as_bytes()).unwrap();
        written += line.len();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    let mut child =
        sandbox.command(&["migrate"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut highest = None;
    let status = loop {
        highest = peak(child.id()).max(highest);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    assert_eq!(sandbox.values("SELECT count(*) FROM readings"), rows.to_string());
    match highest {
        Some(highest) => assert!(highest < 40 << 10, "{highest} KiB at the peak"),
        None => crate::sandbox::left_out("there is no /proc, so the peak of the memory is not seen"),
    }
}
