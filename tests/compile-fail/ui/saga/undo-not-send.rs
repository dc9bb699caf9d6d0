use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(undo = refund)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[undo]
    async fn refund(&self) -> Result<(), Fail> {
        let amount = Rc::new(1);
        std::future::ready(()).await;
        drop(amount);
        Ok(())
    }
}

fn main() {}
