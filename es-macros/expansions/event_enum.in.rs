enum AccountEvent {
    #[event("account.opened", version = 1)]
    Opened { owner: String },
    #[event("account.closed")]
    Closed,
}
