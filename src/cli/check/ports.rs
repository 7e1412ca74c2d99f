//! The ports: free, or already used by a Latchkey.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::finding::Finding;
use crate::cli::context::{CommandContext, Port};
use crate::config::reachable;

/// How long the process on a port may take to identify itself.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn all(context: &CommandContext) -> Vec<Finding> {
    let config = &context.config;
    let mut findings = Vec::new();
    for (what, setting, address, grpc) in [
        ("decision port", "decision_addr", config.decision_addr, Some((Port::Decision, config.decision_tls.is_some()))),
        ("administration port", "admin_addr", config.admin_addr, Some((Port::Admin, config.admin_tls.is_some()))),
        ("operations port", "ops_addr", config.ops_addr, None),
    ] {
        findings.push(match free(address) {
            Ok(note) => Finding::ok(what, note),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let user = match grpc {
                    Some((port, tls)) => grpc_server(context, address, port, tls).await,
                    None => operations_server(address).await,
                };
                let other =
                    || format!("{address} is used by another program: stop it, or set {setting} to another address");
                Finding::of(what, user.map(|user| format!("{address} is used by {user}")).ok_or_else(other))
            }
            Err(error) => {
                let note = format!("cannot listen on {address}: {error}; set {setting} to an address of this machine");
                Finding::fail(what, note)
            }
        });
    }
    findings
}

async fn grpc_server(context: &CommandContext, address: SocketAddr, port: Port, tls: bool) -> Option<String> {
    // With TLS the certificate is for the name in the URL, which may not be the address.
    let channel = if tls { context.channel(port).await.ok() } else { plain(address).await };
    health(channel).await.map(|status| format!("a running Latchkey, which is {status}"))
}

async fn operations_server(address: SocketAddr) -> Option<String> {
    let alive = tokio::task::spawn_blocking(move || livez(reachable(address))).await.ok()?.ok()?;
    alive.then(|| "something that responds to /livez, as Latchkey does".to_owned())
}

/// Checks whether the address can be bound now.
fn free(address: SocketAddr) -> std::io::Result<String> {
    TcpListener::bind(address)?;
    Ok(if address.port() == 0 { "any free port will be used".to_owned() } else { format!("{address} is free") })
}

async fn plain(address: SocketAddr) -> Option<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", reachable(address))).ok()?;
    endpoint.connect_timeout(TIMEOUT).connect().await.ok()
}

/// Returns the status from the health service; `None` if there is no such service.
async fn health(channel: Option<Channel>) -> Option<&'static str> {
    let mut client = HealthClient::new(channel?);
    let request = client.check(HealthCheckRequest { service: String::new() });
    let response = tokio::time::timeout(TIMEOUT, request).await.ok()?.ok()?;
    Some(if response.into_inner().status() == ServingStatus::Serving { "SERVING" } else { "NOT_SERVING" })
}

fn livez(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: latchkey\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head == *b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_another_program_holds_is_not_a_latchkeys() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(free(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        // Sends something that is neither HTTP nor gRPC, and closes the connection.
        let other = std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let _ = stream.unwrap().write_all(b"220 mail\r\n");
            }
        });
        assert!(!livez(address).unwrap_or(false));
        assert_eq!(health(plain(address).await).await, None);
        other.join().unwrap();
        assert!(free(address).is_ok());
    }
}
