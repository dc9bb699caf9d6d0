use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        let amount = Rc::new(1);
        std::future::ready(()).await;
        Ok(*amount)
    }

    #[step(no_undo)]
    async fn ship(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
