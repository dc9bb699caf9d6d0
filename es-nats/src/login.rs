//! The login that an address may have before its host: `nats://name:password@host`, or `nats://token@host`. The client takes none
//! from there.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// The options with the login of the first server that has one. They are those of the program where none has.
pub(crate) fn of(options: ConnectOptions, servers: &[String]) -> ConnectOptions {
    let address = |server: &String| server.parse::<ServerAddr>().ok();
    let mut addresses = servers.iter().filter_map(address);
    let Some(address) = addresses.find(ServerAddr::has_user_pass) else {
        return options;
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let name = decoded(address.username().unwrap_or_default());
    match address.password() {
        Some(password) => options.user_and_password(name, decoded(password)),
        None => options.token(name),
    }
}

#[cfg(test)]
mod tests {
    use async_nats::ConnectOptions;
    use serde_json::Value;
    use tokio::{
        io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
        net::TcpListener,
    };

    const INFO: &[u8] = b"INFO {\"server_id\":\"A\",\"server_name\":\"a\",\"version\":\"2.15.1\",\"go\":\"\",\"host\":\"h\",\"port\":1,\
        \"headers\":true,\"max_payload\":1048576,\"proto\":1,\"client_id\":1,\"auth_required\":true}\r\n";

    /// What a client with this login says first.
    async fn said(login: &str) -> Value {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let servers = vec![
            "nats://127.0.0.1:1".to_owned(),
            format!("nats://{login}{address}"),
        ];
        let connecting = super::of(ConnectOptions::new(), &servers).connect(servers);
        let connecting = tokio::spawn(connecting);
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.write_all(INFO).await.expect("sent");
        let mut line = String::new();
        let mut stream = BufReader::new(stream);
        stream.read_line(&mut line).await.expect("read");
        connecting.abort();
        let said = line.strip_prefix("CONNECT ").expect("a connection");
        serde_json::from_str(said).expect("JSON")
    }

    #[tokio::test]
    async fn the_login_before_the_host_is_that_of_the_client() {
        let with_password = said("me:p%40ss@").await;
        assert_eq!(with_password["user"], "me");
        assert_eq!(with_password["pass"], "p@ss");
        let with_token = said("t%2Fk@").await;
        assert_eq!(with_token["auth_token"], "t/k");
        let without = said("").await;
        for field in ["user", "pass", "auth_token"] {
            assert_eq!(without[field], Value::Null, "{field}");
        }
    }
}
