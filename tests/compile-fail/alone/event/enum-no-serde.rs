use es_runtime::Event;

#[derive(Event)]
enum AccountEvent {
    #[event("account.opened")]
    Opened { owner: String },
}

fn main() {}
