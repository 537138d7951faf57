//! Free loopback ports that stay ours over a restart.
//!
//! They lie below the range from which the kernel takes source ports: a client that keeps connecting to a stopped server
//! would otherwise, once in a while, be given that very port, connect to itself and block the server's return.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hasher},
    net::{Ipv4Addr, TcpListener},
};

use anyhow::{Result, bail};

/// Reserves `count` different free ports on 127.0.0.1.
///
/// The ports are held until all are found, then let go for the server to take.
///
/// # Errors
///
/// If fewer than `count` ports are free among [`TRIES`] tried.
pub fn free(count: usize) -> Result<Vec<u16>> {
    let end = ephemeral_start();
    let width = u64::from(end - FIRST);
    // Random, so that two commands started at once do not try the same ports in the same order.
    let offset = RandomState::new().build_hasher().finish() % width;
    let held: Vec<TcpListener> = (0..TRIES)
        .map(|step| FIRST + u16::try_from((offset + step) % width).unwrap_or(0))
        .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .take(count)
        .collect();
    if held.len() < count {
        bail!("only {} of {count} ports are free on 127.0.0.1 from {FIRST} to {end}", held.len());
    }
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// The first port that the kernel may give to a client.
fn ephemeral_start() -> u16 {
    let configured = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(EPHEMERAL_DEFAULT);
    // A machine may give nearly all ports to clients; then the trap is as likely everywhere.
    if configured > FIRST + 1000 { configured } else { EPHEMERAL_DEFAULT }
}

/// Below this lie the well-known ports of databases and brokers.
const FIRST: u16 = 20_000;
/// Linux's default start of the ephemeral range.
const EPHEMERAL_DEFAULT: u16 = 32_768;
/// Ports tried before giving up.
pub const TRIES: u64 = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: several ports are asked for at once.
    /// Guarantees: they differ, can be bound, and are no source ports of clients.
    #[test]
    fn ports_are_free_and_different() {
        let mut ports = free(5).expect("five free ports");
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 5);
        for port in ports {
            assert!(port < ephemeral_start());
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        }
    }
}
