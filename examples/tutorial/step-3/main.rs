#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

mod guest;

use es_runtime::{AnyStore, AppendId, Repository};
use es_sqlite::SqliteStore;
use guest::{Guest, Register};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guests = Repository::<Guest>::new(AnyStore::new(SqliteStore::open("hotel.db").await?));
    for (id, name, email) in [
        ("ada", "Ada", "ada@example.com"),
        ("bob", "Bob", "bob@example.com"),
        ("eve", "Eve", "ADA@example.com"),
    ] {
        let register = Register {
            name: name.into(),
            email: email.into(),
        };
        let request = AppendId::new(format!("register-{id}"))?;
        match guests.execute(id, register).append_id(request).await {
            Ok(_) => println!("{id} is registered"),
            Err(error) => println!("{id} is not: {error}"),
        }
    }
    Ok(())
}
