enum AccountEvent {
    #[event("account.opened", version = 1)]
    Opened { owner: String },
    #[event("account.closed", version = 2, removed(why: String, in = 2))]
    Closed,
}
