//! The servers of a connection string: names, addresses and ports, matched up as libpq does.
//! It never asks the name service: that is done at each connection.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::error::Result;

use super::parameters::Parameters;

const DEFAULT_PORT: u16 = 5432;

/// Where packages of PostgreSQL put their unix sockets: Debian's and Red Hat's place, then the
/// one of the PostgreSQL sources. libpq has one of them compiled in.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// One server: a name, an address that spares looking the name up, a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// A host name, an IP address, or the directory of a unix socket; empty beside an address.
    pub(super) name: String,
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

/// The servers in the order in which they are tried, at least one.
pub(super) fn resolve(parameters: &Parameters) -> Result<Vec<Host>> {
    let names = list(parameters, "host")?;
    let addresses = list(parameters, "hostaddr")?;
    let ports = list(parameters, "port")?;
    let count = names.len().max(addresses.len()).max(1);
    for (name, values) in [("host", &names), ("hostaddr", &addresses)] {
        if !values.is_empty() && values.len() != count {
            let next = "Give one host for each hostaddr; an entry between two commas may be empty.";
            return Err(parameters.invalid(name, "does not match the number of servers", next));
        }
    }
    if ports.len() > 1 && ports.len() != count {
        let next = "Give one port for all servers, or one for each.";
        return Err(parameters.invalid("port", "does not match the number of servers", next));
    }
    (0..count)
        .map(|at| {
            let port = port(parameters, ports.get(if ports.len() == 1 { 0 } else { at }))?;
            let address = address(parameters, addresses.get(at))?;
            let name = names.get(at).map_or("", |name| name.as_str());
            host(parameters, name, address, port)
        })
        .collect()
}

fn list(parameters: &Parameters, name: &str) -> Result<Vec<String>> {
    let text = parameters.text(name)?;
    Ok(text
        .map(|text| text.split(',').map(str::to_owned).collect())
        .unwrap_or_default())
}

fn port(parameters: &Parameters, text: Option<&String>) -> Result<u16> {
    let text = text.map_or("", |text| text.trim());
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    let number = text.parse().ok().filter(|port| *port > 0);
    let refusal = || {
        parameters.invalid(
            "port",
            "is not a port number",
            "Write a number from 1 to 65535.",
        )
    };
    number.ok_or_else(refusal)
}

fn address(parameters: &Parameters, text: Option<&String>) -> Result<Option<IpAddr>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let refusal = |_| {
        let next = "Write an IP address, or give the name as `host`.";
        parameters.invalid("hostaddr", "is not an IP address", next)
    };
    text.parse().map(Some).map_err(refusal)
}

fn host(parameters: &Parameters, name: &str, address: Option<IpAddr>, port: u16) -> Result<Host> {
    if name.starts_with('@') {
        let next = "Name the directory of a socket in the file system.";
        return Err(parameters.invalid(
            "host",
            "is an abstract socket, which is not supported",
            next,
        ));
    }
    let name = match address {
        None if name.is_empty() => socket_directory(port),
        _ => name.to_owned(),
    };
    Ok(Host {
        name,
        address,
        port,
    })
}

/// The default directory that holds a socket for the port, or else the first that exists.
fn socket_directory(port: u16) -> String {
    let socket = |directory: &&&str| socket_path(directory, port).exists();
    let directory = |directory: &&&str| Path::new(directory).is_dir();
    let found = SOCKET_DIRECTORIES.iter().find(socket);
    let found = found.or_else(|| SOCKET_DIRECTORIES.iter().find(directory));
    found.unwrap_or(&SOCKET_DIRECTORIES[0]).to_string()
}

fn socket_path(directory: impl AsRef<Path>, port: u16) -> PathBuf {
    directory.as_ref().join(format!(".s.PGSQL.{port}"))
}

impl Host {
    /// The path of the unix socket, if this is one: an address always wins over a directory.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        let is_socket = self.address.is_none() && self.name.starts_with('/');
        is_socket.then(|| socket_path(&self.name, self.port))
    }

    /// The name for password files: as in libpq, `localhost` for a default socket directory.
    pub(super) fn in_password_file(&self) -> String {
        match self.address {
            Some(address) if self.name.is_empty() => address.to_string(),
            _ if SOCKET_DIRECTORIES.contains(&self.name.as_str()) => "localhost".to_owned(),
            _ => self.name.clone(),
        }
    }

    /// The place for humans: `old.example:5432`, `[::1]:5432`, or the path of the socket.
    pub(super) fn place(&self) -> String {
        if let Some(path) = self.socket() {
            return path.display().to_string();
        }
        let literal = if self.name.is_empty() {
            self.address
        } else {
            self.name.parse().ok()
        };
        match literal {
            Some(ip) => SocketAddr::new(ip, self.port).to_string(),
            None => format!("{}:{}", self.name, self.port),
        }
    }
}
