use es_sagas::{Fail, saga};

struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
